-- A planner database with three weddings: something real for the calls that show one.
CREATE TABLE weddings (
    id bigint PRIMARY KEY, title text NOT NULL, wedding_date date NOT NULL, status text NOT NULL DEFAULT 'confirmed',
    time_zone text NOT NULL DEFAULT 'Europe/London'
);
CREATE TABLE guests (
    id bigint PRIMARY KEY, wedding_id bigint NOT NULL REFERENCES weddings (id) ON DELETE CASCADE, name text NOT NULL,
    attending boolean
);
CREATE TABLE seats (
    id bigint PRIMARY KEY, guest_id bigint NOT NULL REFERENCES guests (id) ON DELETE CASCADE, seat int NOT NULL
);
INSERT INTO weddings (id, title, wedding_date)
    SELECT n, 'Wedding ' || n, current_date + 5 * n FROM generate_series(1, 3) n;
INSERT INTO guests SELECT n, n % 3 + 1, 'Guest ' || n, n % 2 = 0 FROM generate_series(1, 30) n;
INSERT INTO seats SELECT n, n, n FROM generate_series(1, 30) n;
