//! A small planning application with one of everything that a capture must respect.
#![expect(clippy::unwrap_used, reason = "test support: a failure here is a failed test")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use crate::registry::{Kept, capture_with, dsn};
use keepsake_postgres::{
    capture::{self, Captured, Options},
    connect::Dsn,
    mapping::Mapping,
};
use keepsake_testkit::postgres::Server;

/// A server with the application in it.
pub async fn install() -> (Server, Dsn) {
    let server = Server::start();
    server.connect("postgres").await.batch_execute(SCHEMA).await.unwrap();
    let dsn = dsn(&server.dsn("postgres"));
    (server, dsn)
}

pub async fn capture(dsn: &Dsn, ids: &[&str]) -> Result<Vec<(Captured, Kept)>, capture::Error> {
    capture_with(dsn, &mapping(), ids, None, Options::default()).await
}

const SCHEMA: &str = r#"
CREATE SCHEMA auth;
CREATE SCHEMA "Odd.Schema";
CREATE TYPE mood AS ENUM ('yes', 'no', 'maybe so');
CREATE DOMAIN short AS varchar(40) CHECK (value <> 'forbidden');
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, password_hash text);
CREATE TABLE directory (id bigint PRIMARY KEY, name text, phone text, email text, margin numeric);
CREATE TABLE weddings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, day timestamptz, zone text, expected int,
    budget money, owner uuid REFERENCES auth.users, lead bigint, label text GENERATED ALWAYS AS ('w-' || name) STORED);
CREATE TABLE guests (
    id bigserial PRIMARY KEY, wedding_id bigint REFERENCES weddings ON DELETE CASCADE, full_name text, email short,
    answer mood, tags text[], extra jsonb, plus_one_of bigint REFERENCES guests, seen timestamptz, ratio float8, blob bytea,
    span interval);
ALTER TABLE weddings ADD FOREIGN KEY (lead) REFERENCES guests DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE seats (guest_id bigint NOT NULL REFERENCES guests ON DELETE CASCADE, table_no int, PRIMARY KEY (guest_id, table_no));
CREATE TABLE events (id bigserial PRIMARY KEY, wedding_id bigint NOT NULL REFERENCES weddings, starts_at timestamptz, title text);
CREATE TABLE bookings (id bigserial PRIMARY KEY, wedding_id bigint NOT NULL REFERENCES weddings, vendor_id bigint REFERENCES directory, note text);
CREATE TABLE photos (id bigserial PRIMARY KEY, wedding_id bigint NOT NULL REFERENCES weddings, path text, others text[]);
CREATE TABLE messages (id bigint, wedding_id bigint REFERENCES weddings, at date, body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE messages_old PARTITION OF messages FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE messages_new PARTITION OF messages FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
CREATE TABLE "Odd.Schema"."Notes ""quoted""" (wedding_id bigint REFERENCES weddings, "the note" text, n int NOT NULL);
CREATE INDEX ON guests (wedding_id); CREATE INDEX ON events (wedding_id); CREATE INDEX ON bookings (wedding_id);
CREATE INDEX ON photos (wedding_id); CREATE INDEX ON messages (wedding_id);
INSERT INTO auth.users VALUES ('00000000-0000-0000-0000-000000000001', 'anna@example.org', 'secret hash');
INSERT INTO directory VALUES (1, 'Flowers & Co', '+44 1', NULL, 0.3), (2, 'DJ Nobody', NULL, '', 0.2), (3, 'Unused', NULL, NULL, 0);
INSERT INTO weddings (name, day, zone, expected, budget, owner)
SELECT 'Wedding ' || i, '2026-06-05 23:30:00+00', 'Europe/London', 3, 1234.5, '00000000-0000-0000-0000-000000000001' FROM generate_series(1, 5) i;
INSERT INTO guests (wedding_id, full_name, email, answer, tags, extra, seen, ratio, blob, span)
SELECT w, E'O''Hara "the \\ one"\n\tZoë ' || g, 'a@b', 'maybe so', ARRAY['x,y', NULL, '"q"', ''], '{"vendor": 1, "k": "a\nb"}',
       '2026-01-02 03:04:05.678901+02', 0.1::float8 + 0.2, '\x00ff0a09'::bytea, '1 day 02:03:04.5'
FROM generate_series(1, 4) w, generate_series(1, 3) g ORDER BY w, g;
INSERT INTO guests (wedding_id, full_name) VALUES (NULL, 'nobody''s');
UPDATE guests SET plus_one_of = id - 1 WHERE id IN (2, 5);
UPDATE guests SET plus_one_of = 1 WHERE id = 6;
UPDATE weddings SET lead = 1 WHERE id = 1;
INSERT INTO seats SELECT id, 7 FROM guests WHERE wedding_id IS NOT NULL;
INSERT INTO events (wedding_id, starts_at, title) VALUES (1, '2026-06-06 12:00+00', 'Ceremony'), (1, NULL, 'Dinner'), (2, '2026-06-06 12:00+00', 'All');
INSERT INTO bookings (wedding_id, vendor_id) VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO photos (wedding_id, path, others) VALUES (1, 'https://cdn.example/w1/a%20b.jpg', '{w1/c.jpg}'), (1, '../../etc/passwd', NULL), (2, 'w2/x.jpg', NULL);
INSERT INTO messages SELECT i, 1 + i % 2, CASE WHEN i < 5 THEN date '2025-06-01' ELSE date '2026-06-01' END, 'm' || i FROM generate_series(1, 9) i;
INSERT INTO "Odd.Schema"."Notes ""quoted""" VALUES (1, 'one', 1), (1, 'two', 1), (1, 'two', 2);
"#;

const MAPPING: &str = r#"
version = 1
[wedding]
table = "public.weddings"
id = "id"
name = "name"
date = "day"
time_zone = "zone"
guest_count = "expected"
budget = "budget"
[[table]]
name = "public.guests"
group = "guests"
[[table]]
name = "public.seats"
group = "guests"
[[table]]
name = "public.events"
group = "timeline"
[[table]]
name = "public.bookings"
group = "vendors"
[[table]]
name = "public.photos"
group = "photos"
[[table]]
name = "public.messages"
group = "other"
[[table]]
name = '"Odd.Schema"."Notes ""quoted"""'
group = "other"
key = ["n"]
[[edge]]
from = "public.guests"
columns = ["wedding_id"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.guests"
columns = ["plus_one_of"]
to = "public.guests"
to_columns = ["id"]
decision = "refers"
[[edge]]
from = "public.guests"
columns = ["extra->>'vendor'"]
to = "public.directory"
to_columns = ["id"]
decision = "refers"
virtual = true
[[edge]]
from = "public.weddings"
columns = ["lead"]
to = "public.guests"
to_columns = ["id"]
decision = "refers"
[[edge]]
from = "public.weddings"
columns = ["owner"]
to = "auth.users"
to_columns = ["id"]
decision = "refers"
[[edge]]
from = "public.seats"
columns = ["guest_id"]
to = "public.guests"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.events"
columns = ["wedding_id"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.bookings"
columns = ["wedding_id"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.bookings"
columns = ["vendor_id"]
to = "public.directory"
to_columns = ["id"]
decision = "refers"
[[edge]]
from = "public.photos"
columns = ["wedding_id"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.messages"
columns = ["wedding_id"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = '"Odd.Schema"."Notes ""quoted"""'
columns = ["wedding_id"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[file]]
table = "public.photos"
column = "path"
store = "photos"
strip_prefix = "https://cdn.example/"
[[file]]
table = "public.photos"
column = "others"
store = "photos"
[rules]
display = { "public.directory" = ["name", "phone", "email"] }
"#;

pub fn mapping() -> Mapping {
    Mapping::parse(MAPPING).unwrap()
}
