//! Reading the catalog of real databases.

use keepsake_postgres::{
    inspect,
    schema::{self, Identity, OnDelete, TableKind, TableName},
};
use keepsake_testkit::postgres::{Server, connect};
use std::time::Instant;

const ODD: &str = r#"
CREATE SCHEMA "Planner App";
CREATE EXTENSION citext SCHEMA public;
CREATE TYPE "Planner App"."Mood" AS ENUM ('happy', 'sad', 'it''s "odd"');
CREATE DOMAIN "Planner App".short AS varchar(40) NOT NULL;
CREATE DOMAIN "Planner App".shorter AS "Planner App".short CHECK (length(VALUE) < 20);
CREATE TABLE "Planner App"."Wedding" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "weddingTitle" text NOT NULL,
  slug public.citext UNIQUE,
  "leadGuestId" bigint,
  mood "Planner App"."Mood" NOT NULL DEFAULT 'happy',
  moods "Planner App"."Mood"[],
  nick "Planner App".shorter
);
CREATE TABLE "Planner App"."Guest" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "weddingId" uuid NOT NULL REFERENCES "Planner App"."Wedding" ON DELETE CASCADE,
  first text, last text,
  full_name text GENERATED ALWAYS AS (first || ' ' || last) STORED,
  plus_one_of bigint REFERENCES "Planner App"."Guest" ON DELETE SET NULL,
  CHECK (first <> ''),
  UNIQUE ("weddingId", full_name) DEFERRABLE
);
ALTER TABLE "Planner App"."Wedding" ADD FOREIGN KEY ("leadGuestId") REFERENCES "Planner App"."Guest" DEFERRABLE;
CREATE INDEX ON "Planner App"."Guest" ("weddingId", lower(last));
CREATE INDEX ON "Planner App"."Guest" (plus_one_of) WHERE plus_one_of IS NOT NULL;
CREATE INDEX ON "Planner App"."Guest" (last) WHERE first = 'a';
CREATE UNIQUE INDEX guest_low ON "Planner App"."Guest" (lower(first)) WHERE last IS NULL;
CREATE TABLE public.events (tenant int, id serial, at timestamptz, guest bigint REFERENCES "Planner App"."Guest", PRIMARY KEY (tenant, id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.events_2026 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (at);
CREATE TABLE public.events_2026a PARTITION OF public.events_2026 FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE public.dance (tenant int, event int, at timestamptz, FOREIGN KEY (tenant, event, at) REFERENCES public.events MATCH FULL ON DELETE CASCADE);
CREATE TABLE public.base (x int, y int NOT NULL); CREATE TABLE public.child (z int) INHERITS (public.base);
CREATE UNIQUE INDEX base_y ON public.base (y); ALTER TABLE public.base REPLICA IDENTITY USING INDEX base_y;
ALTER TABLE public.base DROP COLUMN x;
ALTER TABLE public.base ENABLE ROW LEVEL SECURITY; ALTER TABLE public.base FORCE ROW LEVEL SECURITY;
CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON public.base FOR EACH ROW EXECUTE FUNCTION public.noop();
ALTER TABLE public.base ENABLE ALWAYS TRIGGER t;
CREATE SEQUENCE public.loose INCREMENT 10; CREATE TABLE public.uses (n bigint DEFAULT nextval('public.loose'));
SELECT nextval('public.loose'); SELECT nextval('public.loose');
CREATE PUBLICATION pub FOR TABLE public.base; CREATE PUBLICATION empty;
CREATE ROLE nobody_special LOGIN;
"#;

#[tokio::test]
async fn an_odd_schema_is_read_whole_and_the_same_by_a_role_without_rights() {
    let server = Server::start();
    server.create_database("odd").await;
    let client = server.connect("odd").await;
    client.batch_execute(ODD).await.unwrap();
    client.batch_execute("SET search_path = public, pg_catalog").await.unwrap();
    let read = schema::read(&client).await.unwrap();
    let path: String = client.query_one("SHOW search_path", &[]).await.unwrap().get(0);
    assert_eq!(path, "public, pg_catalog", "the session's setting is put back");

    let wedding = &read.tables[&TableName::new("Planner App", "Wedding")];
    assert_eq!(wedding.primary_key.as_deref(), Some(&["id".to_owned()][..]));
    let nick = wedding.column("nick").unwrap();
    assert_eq!(
        (nick.type_name.as_str(), nick.base_type.as_str()),
        ("\"Planner App\".shorter", "character varying(40)")
    );
    assert!(nick.not_null, "by its domain");
    assert_eq!(wedding.column("slug").unwrap().type_name, "public.citext");
    assert_eq!(wedding.column("moods").unwrap().type_name, "\"Planner App\".\"Mood\"[]");
    assert_eq!(wedding.column("mood").unwrap().category, 'E');
    assert_eq!(read.enums["\"Planner App\".\"Mood\""], ["happy", "sad", "it's \"odd\""]);

    let guest = &read.tables[&TableName::new("Planner App", "Guest")];
    assert_eq!(guest.column("id").unwrap().identity, Identity::Always);
    assert!(guest.column("full_name").unwrap().generated && guest.column("full_name").unwrap().default.is_none());
    assert_eq!(guest.stored_columns().count(), 5);
    assert_eq!(guest.checks.len(), 1);
    assert_eq!(guest.index_columns.iter().filter(|i| i[0] == "plus_one_of").count(), 1);
    assert!(guest.index_columns.contains(&vec!["weddingId".to_owned()]), "up to the expression");
    assert!(!guest.index_columns.iter().any(|i| i[0] == "last"), "a partial index serves no join");
    let deferrable = guest.uniques.iter().find(|u| u.columns == ["weddingId", "full_name"]).unwrap();
    assert!(deferrable.deferrable && !deferrable.partial);
    let low = guest.uniques.iter().find(|u| u.name == "guest_low").unwrap();
    assert!(low.partial && low.expression && low.columns.is_empty());

    let root = TableName::new("public", "events");
    assert!(matches!(&read.tables[&root].kind, TableKind::Partitioned { key } if key == "RANGE (at)"));
    let leaf = &read.tables[&TableName::new("public", "events_2026a")];
    assert_eq!(leaf.kind, TableKind::Partition { root: root.clone() });
    let child = &read.tables[&TableName::new("public", "child")];
    assert_eq!(child.kind, TableKind::Inherited { parent: TableName::new("public", "base") });

    let names: Vec<_> = read.foreign_keys.iter().map(|k| (k.from.table.as_str(), k.to.table.as_str())).collect();
    assert_eq!(names.len(), 5, "those derived for partitions are left out: {names:?}");
    let dance = read.foreign_keys.iter().find(|k| k.from.table == "dance").unwrap();
    assert_eq!(dance.from_columns, ["tenant", "event", "at"]);
    assert_eq!(dance.to_columns, ["tenant", "id", "at"]);
    assert!(dance.match_full && dance.on_delete == OnDelete::Cascade && dance.to == root);

    let base = &read.tables[&TableName::new("public", "base")];
    assert!(base.rls_enabled && base.rls_forced && base.replica_identity == 'i');
    assert_eq!(base.replica_identity_columns.as_deref(), Some(&["y".to_owned()][..]));
    assert_eq!(base.triggers[0].enabled, 'A');
    assert!(base.column("x").is_none());

    let sequence = |name: &str| read.sequences.iter().find(|s| s.name.table == name).unwrap();
    assert_eq!(sequence("loose").column, Some((TableName::new("public", "uses"), "n".to_owned())));
    assert_eq!((sequence("loose").last_value, sequence("loose").increment), (Some(11), 10));
    assert_eq!(sequence("Guest_id_seq").column.as_ref().unwrap().1, "id");
    assert_eq!(sequence("events_id_seq").column.as_ref().unwrap().0, root);
    assert_eq!(read.publications.len(), 2);
    assert_eq!(read.publications[1].tables.len(), 2, "a table is published with its inheriting ones");
    assert!(read.system_identifier.is_some() && read.extensions.contains_key("citext"));

    let poor = connect(&server.dsn_as("nobody_special", "odd")).await;
    let mut seen = schema::read(&poor).await.unwrap();
    assert_eq!(seen.sequences.iter().find(|s| s.name.table == "loose").unwrap().last_value, None);
    for (mine, full) in seen.sequences.iter_mut().zip(&read.sequences) {
        mine.last_value = full.last_value;
    }
    seen.system_identifier.clone_from(&read.system_identifier);
    assert_eq!(seen, read);
}

#[tokio::test]
async fn reading_in_a_transaction_sees_its_snapshot_and_survives_serde() {
    let server = Server::start();
    let (mut one, two) = (server.connect("postgres").await, server.connect("postgres").await);
    two.batch_execute("CREATE TABLE a (id int PRIMARY KEY)").await.unwrap();
    let tx =
        one.build_transaction().isolation_level(tokio_postgres::IsolationLevel::RepeatableRead).start().await.unwrap();
    tx.query("SELECT 1", &[]).await.unwrap();
    two.batch_execute("CREATE TABLE b (id int)").await.unwrap();
    let read = schema::read(&tx).await.unwrap();
    assert_eq!(read.tables.len(), 1);
    let json = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<schema::Schema>(&json).unwrap(), read);
}

#[tokio::test]
async fn a_thousand_tables_are_read_in_a_moment() {
    let server = Server::start();
    let client = server.connect("postgres").await;
    let mut sql = String::from("CREATE TABLE t0 (id bigint PRIMARY KEY, a int, b int, c int, d date, e timestamptz);");
    for n in 1..1000 {
        sql.push_str(&format!(
            "CREATE TABLE t{n} (id bigint PRIMARY KEY, up bigint REFERENCES t{} , a int, b int, c int, d date, e timestamptz);
             CREATE INDEX ON t{n} (up);",
            n / 3
        ));
    }
    client.batch_execute(&sql).await.unwrap();
    schema::read(&client).await.unwrap();
    let start = Instant::now();
    let read = schema::read(&client).await.unwrap();
    let took = start.elapsed();
    assert_eq!((read.tables.len(), read.foreign_keys.len()), (1000, 999));
    // Judging them all is no matter of seconds either.
    let start = Instant::now();
    let root = inspect::Options { root: Some(TableName::new("public", "t0")), ..inspect::Options::default() };
    assert_eq!(inspect::by_schema(read, &root).unwrap().report.mapping.tables.len(), 999);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert!(took.as_millis() < 2000, "{took:?}: the aim is 300 ms on an idle machine");
}
