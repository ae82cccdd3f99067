CREATE ROLE planner_owner LOGIN; CREATE ROLE "odd role" LOGIN; CREATE ROLE reader LOGIN;
--- split
CREATE EXTENSION pgcrypto; CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
CREATE SCHEMA "odd.schema"; CREATE SCHEMA "a""b" AUTHORIZATION planner_owner;
CREATE TYPE mood AS ENUM ('calm', 'tense', 'O''Hara "x"');
CREATE DOMAIN email AS citext CHECK (VALUE ~ '@');
CREATE TYPE address AS (street text, "zip code" text);
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.notes := upper(NEW.notes); RETURN NEW; END $$;
CREATE SEQUENCE "odd.schema"."Seq""1" INCREMENT -3 START -10; SELECT setval('"odd.schema"."Seq""1"', -50, true);
CREATE SEQUENCE never_called START 7;
CREATE TABLE weddings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, lead bigint, mail email,
  feeling mood DEFAULT 'calm', home address, tags text[], extra jsonb, budget numeric(12,2), paid money, at timestamptz,
  pause interval, ratio float8, small float4, raw bytea, flags bit(5), net inet, span daterange, notes text,
  doubled int GENERATED ALWAYS AS (twice(3)) STORED, x xml);
CREATE TABLE guests (id serial PRIMARY KEY, wedding_id bigint NOT NULL REFERENCES weddings ON DELETE CASCADE, plus_one_of int REFERENCES guests,
  gone text, name text, UNIQUE (wedding_id, name));
ALTER TABLE guests DROP COLUMN gone; ALTER TABLE guests ADD added text DEFAULT 'late';
ALTER TABLE weddings ADD FOREIGN KEY (lead) REFERENCES guests DEFERRABLE INITIALLY DEFERRED;
INSERT INTO weddings (name, mail, home, tags, extra, budget, paid, at, pause, ratio, small, raw, flags, net, span, notes, x) VALUES
 (E'tab\there\nline\\back \u00e9\u4e16\U0001F470', 'A@b.c', ROW('a,"b', NULL), ARRAY['x', NULL, 'y"z'], '{"a": [1, null]}', 12.50, '12.34', '2026-05-01 12:00+02',
  '1 mon 2 days', 'NaN', 1.1, decode('00ff5c0a0d', 'hex'), B'10101', '10.0.0.1/8', '[2026-01-01,2026-02-01)', 'hi', '<a>1</a>'),
 ('\N', NULL, NULL, '{}', NULL, NULL, NULL, 'infinity', NULL, '-Infinity', 3.4e38, ''::bytea, NULL, NULL, 'empty', NULL, NULL),
 ('', 'x@y', NULL, NULL, '"s"', 0, NULL, NULL, NULL, 0.1::float8 + 0.2, NULL, NULL, NULL, NULL, NULL, repeat('large ', 200000), NULL);
INSERT INTO guests (wedding_id, name) SELECT 1, 'guest ' || i FROM generate_series(1, 300) i; UPDATE guests SET plus_one_of = 1 WHERE id % 7 = 0;
UPDATE weddings SET lead = 5 WHERE id = 1;
DELETE FROM guests WHERE id % 11 = 0;
--- split
CREATE TABLE activity (id bigint, at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE activity_2025 PARTITION OF activity FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE activity_2026 PARTITION OF activity FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id);
CREATE TABLE activity_2026_0 PARTITION OF activity_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE activity_2026_1 PARTITION OF activity_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE activity_rest PARTITION OF activity DEFAULT;
INSERT INTO activity SELECT i, '2025-06-01'::date + i, 'did ' || i FROM generate_series(1, 500) i;
CREATE INDEX activity_at ON activity (at);
CREATE TABLE places (id int, name text); CREATE TABLE halls (seats int) INHERITS (places);
INSERT INTO places VALUES (1, 'p'); INSERT INTO halls VALUES (2, 'h', 80);
CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE only_generated (a int GENERATED ALWAYS AS (7) STORED); INSERT INTO only_generated DEFAULT VALUES;
CREATE TABLE empty (a int);
CREATE UNLOGGED TABLE fleeting (a int); INSERT INTO fleeting VALUES (1);
CREATE TABLE "odd.schema"."Tab
le ""%/ü" ("Col
1" int, "select" text, "%" text); INSERT INTO "odd.schema"."Tab
le ""%/ü" VALUES (1, 'a', NULL), (1, 'a', NULL);
CREATE TABLE "a""b".owned (id int PRIMARY KEY, during tstzrange, EXCLUDE USING gist (id WITH =, during WITH &&)); ALTER TABLE "a""b".owned OWNER TO planner_owner;
INSERT INTO "a""b".owned VALUES (1, '[2026-01-01,2026-01-02)');
ALTER TABLE guests ENABLE ROW LEVEL SECURITY; ALTER TABLE guests FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON guests TO "odd role" USING (name = current_user) WITH CHECK (false);
CREATE TRIGGER shout BEFORE INSERT ON weddings FOR EACH ROW EXECUTE FUNCTION loud();
ALTER TABLE weddings ENABLE ALWAYS TRIGGER shout;
CREATE VIEW wedding_names AS SELECT id, name FROM weddings; CREATE RULE no_delete AS ON DELETE TO places DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW counts AS SELECT wedding_id, count(*) FROM guests GROUP BY 1; CREATE UNIQUE INDEX ON counts (wedding_id);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA;
CREATE INDEX lower_name ON guests (lower(name)) WHERE name IS NOT NULL; CREATE STATISTICS st ON id, wedding_id FROM guests;
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere; CREATE FOREIGN TABLE remote (a int) SERVER far;
CREATE USER MAPPING FOR "odd role" SERVER far;
CREATE PUBLICATION feed FOR TABLE weddings;
CREATE FUNCTION noop() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION noop();
CREATE AGGREGATE longest(text) (SFUNC = text_larger, STYPE = text);
CREATE CAST (address AS text) WITH INOUT; CREATE COLLATION nocase FROM "C"; CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
GRANT SELECT (id, name) ON weddings TO reader; GRANT USAGE ON SCHEMA "odd.schema" TO "odd role" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE planner_owner IN SCHEMA "a""b" GRANT SELECT ON TABLES TO reader;
COMMENT ON TABLE weddings IS E'It''s a "comment"\nof two lines'; COMMENT ON COLUMN guests.name IS 'who';
SELECT lo_from_bytea(70001, decode(repeat('00ff0a5c', 40000), 'hex')); SELECT lo_from_bytea(70002, ''); SELECT lo_create(70003); SELECT lo_put(70003, 200000, 'end');
ALTER LARGE OBJECT 70001 OWNER TO planner_owner; GRANT SELECT ON LARGE OBJECT 70001 TO reader; COMMENT ON LARGE OBJECT 70002 IS 'it''s empty';
ANALYZE;
