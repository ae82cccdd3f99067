//! Ownership queries, down and up, against an oracle that knows only the definition.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic")]

use keepsake_domain::restore::Mode;
use keepsake_postgres::{
    capture,
    connect::{self, Dsn, Purpose},
    mapping::{self, Bound},
    ownership::{self, Ids},
    restore::{ApplyOptions, DirectorySource, DirectorySpool, ReplicaRole, Request, Spool, apply, plan},
    schema::{self, TableName},
};
use keepsake_testkit::postgres::Server;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

const SCHEMA: &str = r#"
CREATE SCHEMA "Odd ""S""";
CREATE TYPE kind AS ENUM ('guest', 'event');
CREATE TABLE weddings (id varchar(12) PRIMARY KEY, slug text UNIQUE NOT NULL, lead bigint);
CREATE TABLE guests (id bigint PRIMARY KEY, wedding varchar(12) NOT NULL REFERENCES weddings);
ALTER TABLE weddings ADD FOREIGN KEY (lead) REFERENCES guests;
CREATE INDEX ON guests (wedding);
CREATE TABLE events (wedding varchar(12) NOT NULL REFERENCES weddings, n int NOT NULL, day date NOT NULL, PRIMARY KEY (wedding, n, day)) PARTITION BY RANGE (day);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_b PARTITION OF events DEFAULT;
CREATE TABLE rsvps (guest bigint NOT NULL REFERENCES guests, wedding varchar(12), n int, day date, answer text,
  FOREIGN KEY (wedding, n, day) REFERENCES events, id int PRIMARY KEY);
CREATE TABLE "Odd ""S"""."Folder's" (id int PRIMARY KEY, "weddingSlug" text REFERENCES public.weddings (slug), parent int REFERENCES "Odd ""S"""."Folder's");
CREATE TABLE photos (id int PRIMARY KEY, folder int NOT NULL REFERENCES "Odd ""S"""."Folder's");
CREATE TABLE boards (id int PRIMARY KEY, wedding varchar(12) REFERENCES weddings, pinned int);
CREATE TABLE pins (id int PRIMARY KEY, board int REFERENCES boards, part_of int REFERENCES boards);
ALTER TABLE boards ADD FOREIGN KEY (pinned) REFERENCES pins;
CREATE TABLE notes (id int PRIMARY KEY, kind kind, subject text, data jsonb);
CREATE TABLE comments (id int PRIMARY KEY, note int NOT NULL REFERENCES notes, body text);
CREATE TABLE bag (a int NOT NULL, wedding varchar(12) REFERENCES weddings);
CREATE TABLE heir (extra text) INHERITS (bag);
"#;

fn mapping() -> String {
    let mut text = String::from("version = 1\n[wedding]\ntable = \"public.weddings\"\nid = \"id\"\n");
    let folder = r#""Odd ""S"""."Folder's""#;
    let own = |name: &str| if name == "folder" { folder.to_owned() } else { format!("public.{name}") };
    for table in ["guests", "events", "rsvps", "folder", "photos", "boards", "pins", "notes", "comments", "bag"] {
        text += &format!("[[table]]\nname = '''{}'''\ngroup = \"other\"\n", own(table));
        if table == "bag" {
            text += "key = [\"a\"]\n";
        }
    }
    let mut edge = |from: &str, columns: &str, to: &str, to_columns: &str, rest: &str| {
        text += &format!(
            "[[edge]]\nfrom = '''{}'''\ncolumns = [{columns}]\nto = '''{}'''\nto_columns = [{to_columns}]\ndecision = \"owns\"\n{rest}\n",
            own(from),
            own(to)
        );
    };
    edge("guests", "'wedding'", "weddings", "'id'", "");
    edge("events", "'wedding'", "weddings", "'id'", "");
    edge("rsvps", "'guest'", "guests", "'id'", "");
    edge("rsvps", "'wedding', 'n', 'day'", "events", "'wedding', 'n', 'day'", "");
    edge("folder", "'weddingSlug'", "weddings", "'slug'", "");
    edge("folder", "'parent'", "folder", "'id'", "");
    edge("photos", "'folder'", "folder", "'id'", "");
    edge("boards", "'wedding'", "weddings", "'id'", "");
    edge("boards", "'pinned'", "pins", "'id'", "");
    edge("pins", "'board'", "boards", "'id'", "");
    edge("pins", "'part_of'", "boards", "'id'", "");
    edge("notes", "'subject'", "guests", "'id'", "virtual = true\nonly_where = { column = 'kind', equals = 'guest' }");
    edge("notes", "\"data->'a'->>'guest'\"", "guests", "'id'", "virtual = true");
    edge("notes", "\"data->>'wedding'\"", "weddings", "'id'", "virtual = true");
    edge("comments", "'note'", "notes", "'id'", "");
    edge("bag", "'wedding'", "weddings", "'id'", "");
    text
}

/// Small random rows: few ids, so that conflicts, orphans and cycles are common.
fn data(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut roll = move |n: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % n
    };
    let mut sql = String::new();
    for w in 0..5 {
        sql += &format!("INSERT INTO weddings VALUES ('w''{w}', 'slug {w}');");
    }
    for g in 0..12_u64 {
        sql += &format!("INSERT INTO guests VALUES ({}, 'w''{}');", g + 2_000_000_000 * (g % 3), roll(5));
    }
    sql += "UPDATE weddings SET lead = (SELECT max(id) FROM guests);";
    for e in 0..8 {
        sql += &format!("INSERT INTO events VALUES ('w''{}', {e}, '2026-0{}-01');", roll(5), 5 + e % 4);
    }
    for r in 0..25 {
        let event = if roll(3) == 0 {
            "(SELECT NULL::text, NULL::int, NULL::date)".to_owned()
        } else {
            format!("(SELECT wedding, n, day FROM events WHERE n = {})", roll(8))
        };
        sql += &format!(
            "INSERT INTO rsvps SELECT g.id, e.*, 'yes', {r} FROM {event} e(w, n, d), (SELECT id FROM guests ORDER BY id OFFSET {} LIMIT 1) g;",
            roll(12)
        );
    }
    let mut nullable = |n: u64, null: u64| {
        let v = roll(n + null);
        if v < n { v.to_string() } else { "NULL".to_owned() }
    };
    let folder = r#""Odd ""S"""."Folder's""#;
    for f in 0..15 {
        let slug = nullable(5, 10);
        let slug = if slug == "NULL" { slug } else { format!("'slug {slug}'") };
        sql += &format!("INSERT INTO {folder} VALUES ({f}, {slug});");
    }
    for f in 0..15 {
        sql += &format!("UPDATE {folder} SET parent = {} WHERE id = {f};", nullable(15, 5));
    }
    for p in 0..15 {
        sql += &format!("INSERT INTO photos VALUES ({p}, {});", nullable(15, 0));
    }
    for b in 0..10 {
        let wedding = nullable(5, 8);
        let wedding = if wedding == "NULL" { wedding } else { format!("'w''{wedding}'") };
        sql += &format!("INSERT INTO boards VALUES ({b}, {wedding});");
    }
    for p in 0..10 {
        sql += &format!("INSERT INTO pins VALUES ({p}, {}, {});", nullable(10, 3), nullable(10, 9));
    }
    for b in 0..10 {
        sql += &format!("UPDATE boards SET pinned = {} WHERE id = {b};", nullable(10, 5));
    }
    for n in 0..20 {
        sql += &format!(
            "INSERT INTO notes VALUES ({n}, '{}', '{}', '{{\"a\": {{\"guest\": {}}}, \"wedding\": \"w''{}\"}}');",
            if nullable(2, 0) == "0" { "guest" } else { "event" },
            nullable(14, 2),
            nullable(14, 9).to_lowercase(),
            nullable(5, 20)
        );
        sql += &format!("INSERT INTO comments VALUES ({n}, {n}, 'tab\t and \\ back');");
    }
    sql += "INSERT INTO notes VALUES (99, 'guest', 'no number', '{\"a\": 3, \"wedding\": {}}');";
    for _ in 0..8 {
        sql += &format!("INSERT INTO bag VALUES ({}, 'w''{}');", nullable(3, 0), nullable(5, 0));
    }
    sql + "INSERT INTO heir VALUES (7, 'w''0', 'not the bag''s own row');"
}

/// Values that mean a guest to whoever reads them as numbers. They are compared as text, so they mean nobody.
const LOOKALIKES: &str = r#"INSERT INTO notes VALUES
    (95, 'guest', '03', '{"a": {"guest": "+6"}, "wedding": "w''0"}'), (96, 'guest', ' 9', '{"a": {"guest": "00"}, "wedding": "w''1"}'),
    (97, 'guest', '06', '{"a": {"guest": "3.0"}, "wedding": "w''2"}'), (98, 'guest', '99999999999999999999', '{"a": {"guest": "09"}}');
    INSERT INTO comments VALUES (95, 95, 'x'), (96, 96, 'x'), (97, 97, 'x'), (98, 98, 'x');"#;

/// Rows of every table by position, as column to text; owners by the definition, to a fixed point.
async fn oracle(client: &Client, bound: &Bound) -> Vec<Vec<(BTreeMap<String, Option<String>>, BTreeSet<String>)>> {
    let mut tables = Vec::new();
    for table in &bound.tables {
        let mut expressions: Vec<String> =
            table.columns.iter().map(|c| format!("('{0}', t.\"{0}\"::text)", c.name.replace('\'', "''"))).collect();
        for edge in table.owning.iter().filter(|e| !e.columns[0].path.is_empty()) {
            expressions.push(format!("($k${}$k$, {})", edge.columns[0], edge.columns[0].sql("t")));
        }
        let sql = format!(
            "SELECT (SELECT jsonb_object_agg(k, v) FROM (VALUES {}) x(k, v)) FROM {} t",
            expressions.join(","),
            table.from_sql()
        );
        let rows = client.query(&sql, &[]).await.unwrap();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let object: serde_json::Value = row.get(0);
                let map: BTreeMap<String, Option<String>> = serde_json::from_value(object).unwrap();
                let owners = if table.owning.is_empty() {
                    BTreeSet::from([map[&bound.root_id].clone().unwrap()])
                } else {
                    BTreeSet::new()
                };
                (map, owners)
            })
            .collect();
        tables.push(rows);
    }
    loop {
        let mut changed = false;
        for (n, table) in bound.tables.iter().enumerate() {
            for edge in &table.owning {
                let above = tables[bound.position(&edge.to).unwrap()].clone();
                for (row, owners) in &mut tables[n] {
                    if edge.only_where.as_ref().is_some_and(|w| row[&w.column].as_deref() != Some(&w.equals)) {
                        continue;
                    }
                    for (parent, theirs) in &above {
                        let same = edge
                            .columns
                            .iter()
                            .zip(&edge.to_columns)
                            .all(|(c, to)| row[&c.to_string()].is_some() && row[&c.to_string()] == parent[to]);
                        if same {
                            let before = owners.len();
                            owners.extend(theirs.iter().cloned());
                            changed |= owners.len() > before;
                        }
                    }
                }
            }
        }
        if !changed {
            return tables;
        }
    }
}

#[tokio::test]
async fn s01_owners_up_and_down_are_what_the_definition_says() {
    let server = Server::start();
    let mut conflicts = 0;
    let mut orphans = 0;
    for seed in 1..=3 {
        let name = format!("d{seed}");
        server.create_database(&name).await;
        let client = server.connect(&name).await;
        client.batch_execute(SCHEMA).await.unwrap();
        client.batch_execute(&data(seed)).await.unwrap();
        client.batch_execute(LOOKALIKES).await.unwrap();
        let schema = schema::read(&client).await.unwrap();
        let (_, bound) = mapping::bind_text(&mapping(), &schema).unwrap();
        let truth = oracle(&client, &bound).await;
        for (n, table) in bound.tables.iter().enumerate() {
            let key_of = |row: &BTreeMap<String, Option<String>>| -> Vec<String> {
                table.key.iter().map(|k| row[k].clone().unwrap()).collect()
            };
            // Up: each row by key, and one that does not exist.
            let mut keys: Vec<Vec<String>> = truth[n].iter().map(|(row, _)| key_of(row)).collect();
            let mut expected: Vec<(bool, BTreeSet<String>)> = truth[n]
                .iter()
                .map(|(row, _)| {
                    let all = truth[n].iter().filter(|(other, _)| key_of(other) == key_of(row));
                    (true, all.flat_map(|(_, owners)| owners.iter().cloned()).collect())
                })
                .collect();
            if table.key.len() == 1 {
                keys.push(vec!["123456".to_owned()]);
                expected.push((false, BTreeSet::new()));
            }
            let columns: Vec<Vec<String>> =
                (0..table.key.len()).map(|c| keys.iter().map(|k| k[c].clone()).collect()).collect();
            let params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = columns.iter().map(|c| c as _).collect();
            let sql = ownership::owners_of(&bound, &table.name).unwrap();
            let rows = client.query(&sql, &params).await.unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
            assert_eq!(rows.len(), keys.len());
            for (row, (present, owners)) in rows.iter().zip(&expected) {
                let at = usize::try_from(row.get::<_, i64>(0)).unwrap() - 1;
                let found: BTreeSet<String> = row.get::<_, Vec<String>>(2).into_iter().collect();
                assert_eq!((row.get::<_, bool>(1), &found), (*present, owners), "{} {:?}\n{sql}", table.name, keys[at]);
                conflicts += usize::from(owners.len() > 1);
                orphans += usize::from(owners.is_empty() && *present);
            }
            // Down: for some weddings in one pass, by parameter and by setting.
            for ids in
                [vec!["w'1".to_owned()], vec!["w'0".into(), "w'3".into(), "none".into()], vec!["w'0 and more".into()]]
            {
                let mut expected: Vec<(String, Vec<String>)> = truth[n]
                    .iter()
                    .flat_map(|(row, owners)| {
                        owners.iter().filter(|o| ids.contains(o)).map(|o| (o.clone(), key_of(row))).collect::<Vec<_>>()
                    })
                    .collect();
                let sql = ownership::select_keys(&bound, &table.name, Ids::Parameter(1)).unwrap();
                let rows = client.query(&sql, &[&ids]).await.unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
                let got: Vec<(String, Vec<String>)> =
                    rows.iter().map(|row| (row.get(0), (1..=table.key.len()).map(|c| row.get(c)).collect())).collect();
                assert!(got.iter().map(|(o, _)| o).is_sorted(), "split into vaults as they come");
                let mut sorted = got.clone();
                sorted.sort();
                expected.sort();
                assert_eq!(sorted, expected, "{} {ids:?}\n{sql}", table.name);

                client.batch_execute("BEGIN").await.unwrap();
                ownership::set_ids(&client, &ids).await.unwrap();
                let stored: Vec<String> = table.stored_columns().map(|c| c.name.clone()).collect();
                let sql = ownership::select_rows(&bound, &table.name, Ids::Setting, &stored).unwrap();
                let copied = client
                    .copy_out(&format!("COPY ({sql}) TO STDOUT"))
                    .await
                    .unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
                let bytes: Vec<bytes::Bytes> = futures::TryStreamExt::try_collect(copied).await.unwrap();
                assert_eq!(bytes.len(), expected.len());
                client.batch_execute("COMMIT").await.unwrap();
            }
        }
    }
    assert!(conflicts > 20 && orphans > 5, "the data tries both: {conflicts}, {orphans}");
}

/// Restores walk and lock row by row what captures read in one statement: both mean the same rows.
#[tokio::test]
async fn s01_restores_agree_with_the_definition_on_every_row() {
    let server = Server::start();
    let (mut ours, mut shared) = (0, 0);
    for seed in 1..=3 {
        let name = format!("d{seed}");
        let dsn = Dsn::resolve(&server.create_database(&name).await, &|_| None).unwrap();
        let client = server.connect(&name).await;
        client.batch_execute(SCHEMA).await.unwrap();
        client.batch_execute(&data(seed)).await.unwrap();
        client.batch_execute(LOOKALIKES).await.unwrap();
        // Rows that no index tells apart are refused, which is tested elsewhere.
        client.batch_execute("DELETE FROM ONLY bag b USING bag c WHERE b.a = c.a AND b.ctid > c.ctid").await.unwrap();
        let changed: Vec<String> = mapping()
            .lines()
            .filter_map(|line| line.strip_prefix("name = '''")?.strip_suffix("'''").map(str::to_owned))
            .filter(|table| table != "public.bag")
            .collect();
        for table in &changed {
            let sql = format!("ALTER TABLE {table} ADD COLUMN touched text DEFAULT 'no'");
            client.batch_execute(&sql).await.unwrap();
        }
        let schema = schema::read(&client).await.unwrap();
        let (parsed, bound) = mapping::bind_text(&mapping(), &schema).unwrap();
        let truth = oracle(&client, &bound).await;
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<String> = (0..5).map(|w| format!("w'{w}")).collect();
        for id in &ids {
            let sink = DirectorySpool::new(folder.path().join(id)).begin().await.unwrap();
            let request = capture::Request {
                mapping: &parsed,
                mapping_text: None,
                ids: std::slice::from_ref(id),
                sinks: &|_: &str| Arc::clone(&sink),
                files: None,
                options: capture::Options::default(),
            };
            capture::weddings(&dsn, &request).await.unwrap();
        }
        let touch: String = changed.iter().map(|table| format!("UPDATE {table} SET touched = 'yes';")).collect();
        let (mut session, cancel) = (connect::connect(&dsn, Purpose::Restore).await.unwrap(), CancellationToken::new());
        let gone = format!("{touch} DELETE FROM comments; DELETE FROM notes");
        for (damage, id) in [&touch, &gone].into_iter().flat_map(|damage| ids.iter().map(move |id| (damage, id))) {
            client.batch_execute(damage).await.unwrap();
            let deleted = |table: &str| damage == &gone && ["notes", "comments"].contains(&table);
            let source = DirectorySource::new(folder.path().join(id).with_extension("partial"));
            let request = Request { mode: Mode::Exact, ..Request::whole(id.clone()) };
            let role = ReplicaRole::Auto;
            let planned = plan(&mut session, &schema, &parsed, &source, &request, None, role).await.unwrap();
            let mut changes = 0;
            for (n, table) in bound.tables.iter().enumerate().skip(1).filter(|(_, t)| t.name.table != "bag") {
                let mine = truth[n].iter().filter(|(_, owners)| owners.contains(id));
                let (alone, several): (Vec<_>, Vec<_>) = mine.partition(|(_, owners)| owners.len() == 1);
                let rows = planned.table(&table.name).unwrap();
                let (updates, inserts) = if deleted(&table.name.table) { (0, alone.len()) } else { (alone.len(), 0) };
                let found = [rows.captured, rows.update, rows.insert, rows.conflict, rows.delete];
                let expected =
                    [alone.len() + several.len(), updates, inserts, several.len(), 0].map(|rows| rows as u64);
                assert_eq!(found, expected, "{} of {id} in {name}: {:#?}", table.name, rows.rows);
                changes += rows.update + rows.insert;
                ours += alone.len();
                shared += several.len();
            }
            // What is written passes the proof, which walks again, and leaves nothing to do.
            let options = ApplyOptions::new("op", &cancel);
            let proof = apply(&mut session, &schema, &parsed, &source, &planned, &options).await.unwrap();
            assert_eq!(proof.changed(), changes, "{id} in {name}");
            let again = plan(&mut session, &schema, &parsed, &source, &request, None, role).await.unwrap();
            assert!(again.is_empty(), "{id} in {name}: {again:#?}");
        }
    }
    assert!(ours > 100 && shared > 50, "the data tries both: {ours}, {shared}");
}

#[tokio::test]
async fn names_outside_the_mapping_are_refused() {
    let server = Server::start();
    let client = server.connect("postgres").await;
    client.batch_execute(SCHEMA).await.unwrap();
    let (_, bound) = mapping::bind_text(&mapping(), &schema::read(&client).await.unwrap()).unwrap();
    let name = TableName::new("public", "heir");
    assert_eq!(ownership::owners_of(&bound, &name), Err(ownership::Error::NotOwned(name)));
    let guests = TableName::new("public", "guests");
    assert!(ownership::select_rows(&bound, &guests, Ids::Setting, &["x\"; DROP".into()]).is_err());
    // An id longer than the column is another id, not a prefix of one.
    client.batch_execute("INSERT INTO weddings VALUES ('abcdefghijkl', 's')").await.unwrap();
    let sql = ownership::select_keys(&bound, &bound.root().name, Ids::Parameter(1)).unwrap();
    assert!(client.query(&sql, &[&vec!["abcdefghijklm"]]).await.unwrap().is_empty());
}

const PLANNER: &str = r#"
CREATE TABLE weddings (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text);
CREATE TABLE guests (id bigserial PRIMARY KEY, wedding_id uuid NOT NULL REFERENCES weddings, name text, host bigint REFERENCES guests);
CREATE TABLE events (id bigserial PRIMARY KEY, wedding_id uuid NOT NULL REFERENCES weddings, name text);
CREATE TABLE rsvps (guest_id bigint REFERENCES guests, event_id bigint REFERENCES events, answer text, PRIMARY KEY (guest_id, event_id));
CREATE TABLE meals (id bigserial PRIMARY KEY, guest_id bigint NOT NULL, event_id bigint NOT NULL, dish text, FOREIGN KEY (guest_id, event_id) REFERENCES rsvps);
CREATE TABLE folders (id bigserial PRIMARY KEY, wedding_id uuid REFERENCES weddings, parent bigint REFERENCES folders);
INSERT INTO weddings (title) SELECT 'w ' || n FROM generate_series(1, 2000) n;
INSERT INTO guests (wedding_id, name) SELECT id, 'guest' FROM weddings, generate_series(1, 12);
INSERT INTO events (wedding_id, name) SELECT id, 'event' FROM weddings, generate_series(1, 3);
INSERT INTO rsvps SELECT g.id, e.id, 'yes' FROM guests g JOIN events e USING (wedding_id);
INSERT INTO meals (guest_id, event_id, dish) SELECT guest_id, event_id, 'fish' FROM rsvps WHERE event_id % 3 = 0;
INSERT INTO folders (wedding_id) SELECT id FROM weddings; INSERT INTO folders (parent) SELECT id FROM folders, generate_series(1, 5);
CREATE INDEX ON guests (wedding_id); CREATE INDEX ON events (wedding_id); CREATE INDEX ON rsvps (event_id);
CREATE INDEX ON meals (guest_id, event_id); CREATE INDEX ON folders (wedding_id); CREATE INDEX ON folders (parent);
ANALYZE;
"#;

#[tokio::test]
async fn s11_one_wedding_of_two_thousand_is_reached_by_indexes_at_each_level() {
    let server = Server::start();
    let client = server.connect("postgres").await;
    client.batch_execute(PLANNER).await.unwrap();
    let mut text = String::from("version = 1\n[wedding]\ntable = \"public.weddings\"\nid = \"id\"\n");
    for table in ["guests", "events", "rsvps", "meals", "folders"] {
        text += &format!("[[table]]\nname = \"public.{table}\"\ngroup = \"other\"\n");
    }
    for (from, columns, to, far) in [
        ("guests", "'wedding_id'", "weddings", "'id'"),
        ("events", "'wedding_id'", "weddings", "'id'"),
        ("rsvps", "'guest_id'", "guests", "'id'"),
        ("rsvps", "'event_id'", "events", "'id'"),
        ("meals", "'guest_id', 'event_id'", "rsvps", "'guest_id', 'event_id'"),
        ("folders", "'wedding_id'", "weddings", "'id'"),
        ("folders", "'parent'", "folders", "'id'"),
    ] {
        text += &format!(
            "[[edge]]\nfrom = \"public.{from}\"\ncolumns = [{columns}]\nto = \"public.{to}\"\nto_columns = [{far}]\ndecision = \"owns\"\n"
        );
    }
    let (_, bound) = mapping::bind_text(&text, &schema::read(&client).await.unwrap()).unwrap();
    let ids: Vec<String> = client
        .query("SELECT id::text FROM weddings ORDER BY id LIMIT 1", &[])
        .await
        .unwrap()
        .iter()
        .map(|r| r.get(0))
        .collect();
    for table in &bound.tables {
        let columns: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        client.batch_execute("BEGIN").await.unwrap();
        ownership::set_ids(&client, &ids).await.unwrap();
        for (sql, by_keys) in [
            (ownership::select_rows(&bound, &table.name, Ids::Setting, &columns).unwrap(), false),
            (ownership::select_keys(&bound, &table.name, Ids::Parameter(1)).unwrap(), false),
            (ownership::owners_of(&bound, &table.name).unwrap(), true),
        ] {
            let keys: Vec<Vec<String>> = if by_keys {
                let all = client
                    .query(&ownership::select_keys(&bound, &table.name, Ids::Parameter(1)).unwrap(), &[&ids])
                    .await
                    .unwrap();
                (1..=table.key.len()).map(|c| all.iter().map(|row| row.get(c)).collect()).collect()
            } else if sql.contains("$1") {
                vec![ids.clone()]
            } else {
                Vec::new()
            };
            let params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = keys.iter().map(|c| c as _).collect();
            client.query(&sql, &params).await.unwrap();
            let plan: Vec<String> =
                client.query(&format!("EXPLAIN {sql}"), &params).await.unwrap().iter().map(|r| r.get(0)).collect();
            // On the way up a table of 2,000 roots may as well be hashed.
            let scan = |line: &&String| line.contains("Seq Scan on") && !(by_keys && line.contains("on weddings"));
            let scans: Vec<&String> = plan.iter().filter(scan).collect();
            assert!(scans.is_empty(), "{}\n{}", sql, plan.join("\n"));
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    // Up from every guest at once: in one pass, not once for each.
    let all: Vec<String> =
        client.query("SELECT id::text FROM guests", &[]).await.unwrap().iter().map(|r| r.get(0)).collect();
    let start = Instant::now();
    let rows = client
        .query(&ownership::owners_of(&bound, &TableName::new("public", "guests")).unwrap(), &[&all])
        .await
        .unwrap();
    assert!(rows.len() == 24_000 && rows.iter().all(|row| row.get::<_, Vec<String>>(2).len() == 1));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
