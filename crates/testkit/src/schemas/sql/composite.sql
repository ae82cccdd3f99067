-- An older multi-tenant application: every key begins with the tenant, weddings are celebrations, and rows point at each
-- other in circles that only deferred constraints allow.
CREATE TABLE tenants (tenant_id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE suppliers (
    tenant_id integer NOT NULL REFERENCES tenants,
    supplier_no integer NOT NULL,
    name text NOT NULL,
    phone text,
    PRIMARY KEY (tenant_id, supplier_no)
);
CREATE TABLE celebrations (
    tenant_id integer NOT NULL REFERENCES tenants,
    wedding_no integer NOT NULL,
    reference text NOT NULL UNIQUE,
    couple text NOT NULL,
    marriage_date date,
    tz text NOT NULL DEFAULT 'Europe/Madrid',
    headcount integer,
    total_budget numeric(14, 2),
    phase char(1) NOT NULL DEFAULT 'P',
    -- Not null, both ways round: a celebration has a host, who is one of its invitees.
    host_no integer NOT NULL,
    current_plan_no integer,
    PRIMARY KEY (tenant_id, wedding_no)
);
CREATE TABLE invitees (
    tenant_id integer NOT NULL,
    wedding_no integer NOT NULL,
    invitee_no integer NOT NULL,
    companion_of integer,
    name text NOT NULL,
    answer boolean,
    PRIMARY KEY (tenant_id, wedding_no, invitee_no),
    FOREIGN KEY (tenant_id, wedding_no) REFERENCES celebrations ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (tenant_id, wedding_no, companion_of) REFERENCES invitees
);
CREATE INDEX ON invitees (tenant_id, wedding_no, companion_of);
CREATE TABLE seating_plans (
    tenant_id integer NOT NULL,
    wedding_no integer NOT NULL,
    plan_no integer NOT NULL,
    title text NOT NULL,
    PRIMARY KEY (tenant_id, wedding_no, plan_no),
    FOREIGN KEY (tenant_id, wedding_no) REFERENCES celebrations ON DELETE CASCADE
);
ALTER TABLE celebrations
    ADD CONSTRAINT celebrations_host FOREIGN KEY (tenant_id, wedding_no, host_no) REFERENCES invitees DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT celebrations_plan FOREIGN KEY (tenant_id, wedding_no, current_plan_no) REFERENCES seating_plans
        DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX ON celebrations (tenant_id, wedding_no, host_no);
CREATE INDEX ON celebrations (tenant_id, wedding_no, current_plan_no);
CREATE TABLE seats (
    tenant_id integer NOT NULL,
    wedding_no integer NOT NULL,
    plan_no integer NOT NULL,
    invitee_no integer NOT NULL,
    table_name text NOT NULL,
    PRIMARY KEY (tenant_id, wedding_no, plan_no, invitee_no),
    FOREIGN KEY (tenant_id, wedding_no, plan_no) REFERENCES seating_plans ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, wedding_no, invitee_no) REFERENCES invitees ON DELETE CASCADE
);
CREATE INDEX ON seats (tenant_id, wedding_no, invitee_no);
CREATE TABLE programme (
    tenant_id integer NOT NULL,
    wedding_no integer NOT NULL,
    step_no integer NOT NULL,
    previous_step_no integer,
    at_time timestamp NOT NULL,
    what text NOT NULL,
    PRIMARY KEY (tenant_id, wedding_no, step_no),
    FOREIGN KEY (tenant_id, wedding_no) REFERENCES celebrations ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, wedding_no, previous_step_no) REFERENCES programme DEFERRABLE
);
CREATE INDEX ON programme (tenant_id, wedding_no, previous_step_no);
CREATE TABLE engagements (
    tenant_id integer NOT NULL,
    wedding_no integer NOT NULL,
    supplier_no integer NOT NULL,
    fee numeric(10, 2),
    PRIMARY KEY (tenant_id, wedding_no, supplier_no),
    FOREIGN KEY (tenant_id, wedding_no) REFERENCES celebrations ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, supplier_no) REFERENCES suppliers
);
CREATE INDEX ON engagements (tenant_id, supplier_no);
CREATE TABLE pictures (
    tenant_id integer NOT NULL,
    wedding_no integer NOT NULL,
    picture_no integer NOT NULL,
    file_name text NOT NULL,
    PRIMARY KEY (tenant_id, wedding_no, picture_no),
    FOREIGN KEY (tenant_id, wedding_no) REFERENCES celebrations ON DELETE CASCADE
);

INSERT INTO tenants SELECT n, 'Tenant ' || n FROM generate_series(1, 2) n;
INSERT INTO suppliers SELECT t, s, 'Supplier ' || s || ' of ' || t, '+34 600 ' || s FROM generate_series(1, 2) t, generate_series(1, 4) s;
BEGIN;
INSERT INTO celebrations (tenant_id, wedding_no, reference, couple, marriage_date, headcount, total_budget, host_no, current_plan_no)
    SELECT t, w, format('T%s-%s', t, w), 'Núria y "Pau" ' || w, date '2026-05-30' + w * 7, 12, 15000 + w, 1, 1
    FROM generate_series(1, 2) t, generate_series(1, 3) w;
INSERT INTO invitees SELECT t, w, i, CASE WHEN i % 4 = 0 THEN i - 1 END, 'Invitee ' || i || E'\n(ñ)', i % 3 = 0
    FROM generate_series(1, 2) t, generate_series(1, 3) w, generate_series(1, 12) i;
INSERT INTO seating_plans SELECT t, w, p, 'Plan ' || p FROM generate_series(1, 2) t, generate_series(1, 3) w, generate_series(1, 2) p;
COMMIT;
INSERT INTO seats SELECT t, w, 1, i, 'Table ' || i % 3 FROM generate_series(1, 2) t, generate_series(1, 3) w, generate_series(1, 12) i;
INSERT INTO programme SELECT t, w, s, nullif(s - 1, 0), timestamp '2026-05-30 12:00' + s * interval '40 minutes', 'Step ' || s
    FROM generate_series(1, 2) t, generate_series(1, 3) w, generate_series(1, 7) s;
INSERT INTO engagements SELECT t, w, s, s * 250.5 FROM generate_series(1, 2) t, generate_series(1, 3) w, generate_series(1, 3) s;
INSERT INTO pictures SELECT t, w, p, format('%s/%s/%s.jpeg', t, w, p) FROM generate_series(1, 2) t, generate_series(1, 3) w, generate_series(1, 3) p;
