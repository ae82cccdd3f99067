//! Mappings as documents, and bound to real databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use keepsake_domain::Group;
use keepsake_postgres::{
    mapping::{self, Decision, Edge, Error, FileColumn, KeySource, Link, Mapping, OnlyWhere, OwnedTable, Root, Rules},
    schema::{self, Schema, TableName},
};
use keepsake_testkit::postgres::Server;
use proptest::prelude::*;

const SCHEMA: &str = r#"
CREATE TABLE planners (id int PRIMARY KEY, name text);
CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
CREATE TABLE weddings (id uuid PRIMARY KEY, title text, day date, planner int REFERENCES planners, owner uuid REFERENCES auth.users,
  lead_guest bigint, code text UNIQUE);
CREATE TABLE guests (id bigint PRIMARY KEY, wedding uuid NOT NULL REFERENCES weddings ON DELETE CASCADE, plus_one_of bigint REFERENCES guests, photo text, tags text[]);
ALTER TABLE weddings ADD FOREIGN KEY (lead_guest) REFERENCES guests;
CREATE TABLE events (wedding uuid NOT NULL REFERENCES weddings, n int NOT NULL, at timestamptz, PRIMARY KEY (wedding, n)) PARTITION BY HASH (wedding);
CREATE TABLE events_0 PARTITION OF events FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE seats (guest bigint NOT NULL REFERENCES guests, wedding uuid NOT NULL, event int NOT NULL, chair int NOT NULL,
  FOREIGN KEY (wedding, event) REFERENCES events (wedding, n), UNIQUE (guest, event));
CREATE TABLE notes (id int PRIMARY KEY, subject_type text, subject_id text, data jsonb);
CREATE TABLE bag (a int NOT NULL, b int, wedding uuid NOT NULL REFERENCES weddings);
CREATE TABLE audit (id int PRIMARY KEY, wedding uuid REFERENCES weddings);
"#;

const MAPPING: &str = r#"version = 1
[wedding]
table = "public.weddings"
id = "id"
date = "day"

[[table]]
name = "public.seats"
group = "guests"
[[table]]
name = "public.guests"
group = "guests"
[[table]]
name = "public.events"
group = "timeline"
[[table]]
name = "public.notes"
group = "other"
[[table]]
name = "public.bag"
group = "other"
key = ["a"]

[[edge]]
from = "public.guests"
columns = ["wedding"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.weddings"
columns = ["lead_guest"]
to = "public.guests"
to_columns = ["id"]
decision = "refers"
[[edge]]
from = "public.seats"
columns = ["guest"]
to = "public.guests"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.seats"
columns = ["event", "wedding"]
to = "public.events"
to_columns = ["n", "wedding"]
decision = "assumed-owns"
[[edge]]
from = "public.events"
columns = ["wedding"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.bag"
columns = ["wedding"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
[[edge]]
from = "public.notes"
columns = ["subject_id"]
to = "public.guests"
to_columns = ["id"]
decision = "owns"
virtual = true
only_where = { column = "subject_type", equals = "guest" }
[[edge]]
from = "public.notes"
columns = ["data->'about'->>'wedding'"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
virtual = true

[[file]]
table = "public.guests"
column = "photo"
store = "photos"

[rules.display]
"public.planners" = ["name"]
"#;

async fn schema() -> (Server, Schema) {
    let server = Server::start();
    let client = server.connect("postgres").await;
    client.batch_execute(SCHEMA).await.unwrap();
    let schema = schema::read(&client).await.unwrap();
    (server, schema)
}

#[tokio::test]
async fn a_mapping_binds_in_order_with_keys_edges_and_shared_tables() {
    let (_server, schema) = schema().await;
    let (parsed, bound) = mapping::bind_text(MAPPING, &schema).unwrap();
    assert_eq!(Mapping::parse(&parsed.to_toml()).unwrap(), parsed);

    let names: Vec<&str> = bound.tables.iter().map(|t| t.name.table.as_str()).collect();
    let at = |name: &str| names.iter().position(|n| *n == name).unwrap();
    assert_eq!(at("weddings"), 0);
    assert!(at("guests") < at("seats") && at("events") < at("seats") && at("guests") < at("notes"), "{names:?}");
    assert_eq!(bound.components[0], [0, 1], "wedding and lead guest reference one another: one statement");
    assert_eq!(bound.owning_components.len(), names.len());

    let table = |name: &str| bound.table(&TableName::new("public", name)).unwrap();
    assert_eq!(
        (table("seats").key.as_slice(), table("seats").key_source),
        (&["guest".into(), "event".into()][..], KeySource::UniqueIndex)
    );
    assert_eq!((table("bag").key.as_slice(), table("bag").key_source), (&["a".into()][..], KeySource::Mapped));
    assert_eq!(table("events").key_source, KeySource::PrimaryKey);
    assert!(!table("events").from_sql().starts_with("ONLY") && table("guests").from_sql().starts_with("ONLY"));

    let notes = table("notes");
    assert!(notes.owning.iter().all(|edge| edge.constraint.is_none() && edge.nullable));
    assert!(matches!(&notes.owning[0].links[0], Link::Text { to } if to.sql() == "bigint"));
    assert_eq!(notes.owning[0].only_where.as_ref().unwrap().equals, "guest");
    let refs: Vec<_> = table("weddings").referring.iter().map(|e| (e.to.to_string(), e.inside, e.decision)).collect();
    assert!(refs.contains(&("public.guests".into(), true, Decision::Refers)), "{refs:?}");
    assert!(refs.contains(&("auth.users".into(), false, Decision::AssumedRefers)), "undecided ones are assumed");
    let undecided: Vec<_> = bound.undecided.iter().map(|key| key.from_columns[0].as_str()).collect();
    assert_eq!(undecided.len(), 3, "{undecided:?}");
    assert_eq!(bound.unmapped().map(|k| k.from.table.as_str()).collect::<Vec<_>>(), ["audit"]);

    let users = &bound.shared[&TableName::new("auth", "users")];
    assert!(users.identity && users.columns == ["id"], "s05: nothing beyond the key");
    let planners = &bound.shared[&TableName::new("public", "planners")];
    assert_eq!((planners.identity, planners.columns.len()), (false, 2));
}

#[tokio::test]
async fn s05_identity_schemas_are_bound_by_key_alone_even_if_display_columns_are_asked_for() {
    let (_server, schema) = schema().await;
    let text = MAPPING.replace("\"public.planners\" = [\"name\"]", "\"auth.users\" = [\"email\"]");
    let (_, bound) = mapping::bind_text(&text, &schema).unwrap();
    assert_eq!(bound.shared[&TableName::new("auth", "users")].columns, ["id"]);
}

#[tokio::test]
async fn whatever_does_not_fit_is_named_with_its_line() {
    let (_server, schema) = schema().await;
    let cases: &[(&str, &str, &str, &str)] = &[
        ("id = \"id\"", "id = \"title\"", "id = \"title\"", "not unique"),
        ("date = \"day\"", "date = \"title\"", "date = \"title\"", "date or timestamp"),
        ("date = \"day\"", "date = \"dya\"", "date = \"dya\"", "has no column `dya`; it has id, title, day"),
        ("public.seats", "public.Seats", "name = \"public.Seats\"", "did you mean public.seats"),
        ("public.events", "public.events_0", "name = \"public.events_0\"", "partition: name public.events"),
        ("key = [\"a\"]", "key = [\"b\"]", "key = [\"b\"]", "may be NULL"),
        ("key = [\"a\"]\n", "", "name = \"public.bag\"", "no primary key"),
        ("columns = [\"guest\"]", "columns = [\"gast\"]", "columns = [\"gast\"]", "has no column `gast`"),
        ("columns = [\"lead_guest\"]", "columns = [\"title\"]", "columns = [\"title\"]", "add `virtual = true`"),
        (
            "columns = [\"event\", \"wedding\"]",
            "columns = [\"wedding\", \"event\"]",
            "columns = [\"wedding\", \"event\"]",
            "no foreign key",
        ),
        ("column = \"photo\"", "column = \"id\"", "column = \"id\"", "files are named by text"),
        (
            "\"public.planners\" = [\"name\"]",
            "\"public.planners\" = [\"nom\"]",
            "\"public.planners\" = [\"nom\"]",
            "no column `nom`",
        ),
        (
            "columns = [\"data->'about'->>'wedding'\"]",
            "columns = [\"subject_type->>'x'\"]",
            "subject_type->>'x'",
            "not json",
        ),
        (
            "decision = \"assumed-owns\"\n",
            "decision = \"assumed-owns\"\nvirtual = true\n",
            "virtual = true",
            "this is the foreign key",
        ),
    ];
    for (from, to, line, message) in cases {
        let text = if from.starts_with("public.") { MAPPING.replace(from, to) } else { MAPPING.replacen(from, to, 1) };
        assert_ne!(text, MAPPING, "{from}");
        let Err(Error::Refused { problems }) = mapping::bind_text(&text, &schema) else { panic!("{to}: accepted") };
        let hit = problems.iter().find(|p| p.message.contains(message)).unwrap_or_else(|| panic!("{to}: {problems:?}"));
        let found = hit.line.as_ref().unwrap();
        assert!(found.text.contains(line), "{to}: {hit}");
        assert_eq!(text.lines().nth(found.number - 1).unwrap(), found.text);
        assert!(Error::Refused { problems: problems.clone() }.to_string().contains(&format!("line {}", found.number)));
    }
    let unreachable = MAPPING.replacen("decision = \"owns\"", "decision = \"refers\"", 1);
    let Err(Error::Refused { problems }) = mapping::bind_text(&unreachable, &schema) else { panic!() };
    assert!(problems.iter().all(|p| p.message.contains("no owning edge leads")), "{problems:?}");
}

#[test]
fn contradictions_and_unknown_words_are_refused_with_their_line() {
    let cases = [
        ("id = \"id\"", "id = \"id\"\ncolour = \"red\"", "unknown field `colour`"),
        ("decision = \"owns\"", "decision = \"perhaps\"", "unknown variant"),
        ("table = \"public.weddings\"", "table = \"weddings\"", "schema.table"),
        ("name = \"public.bag\"", "name = \"public.notes\"", "named twice"),
        ("name = \"public.bag\"", "name = \"public.weddings\"", "root table"),
        ("group = \"timeline\"", "group = \"wedding\"", "root row alone"),
        ("to_columns = [\"id\"]", "to_columns = []", "as many"),
        ("columns = [\"lead_guest\"]", "columns = [\"x->>'lead_guest'\"]", "virtual = true"),
        ("decision = \"refers\"", "decision = \"owns\"", "root cannot be owned"),
        ("store = \"photos\"", "store = \"../etc\"", "folder in the capture"),
        ("[rules.display]", "[rules]\ntables_left_out = [\"public.bag\"]\n[rules.display]", "both owned and left out"),
        ("from = \"public.bag\"", "from = \"public.bog\"", "not an owned table"),
        ("key = [\"a\"]", "key = [\"a\", \"a\"]", "named twice"),
        ("version = 1", "version = 2", "version 2"),
        ("version = 1", "version = = 1", "line 1"),
    ];
    for (from, to, message) in cases {
        let text = MAPPING.replacen(from, to, 1);
        assert_ne!(text, MAPPING, "{from}");
        let error = Mapping::parse(&text).unwrap_err();
        assert!(error.to_string().contains(message), "{to}: {error}");
        assert!(message.starts_with("version") || error.to_string().contains("line "), "{error}");
    }
    let twice = format!("{MAPPING}\n").replace("[[file]]", "[[edge]]\nfrom = \"public.seats\"\ncolumns = [\"guest\"]\nto = \"public.guests\"\nto_columns = [\"id\"]\ndecision = \"refers\"\n[[file]]");
    assert!(Mapping::parse(&twice).unwrap_err().to_string().contains("decided twice"));
    assert!(Mapping::parse(&" ".repeat(9 << 20)).unwrap_err().to_string().contains("bytes long"));
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", "\\PC{1,10}", "[\\x01-\\x7f]{1,6}", Just("a\nb\"'''\"\"\"\\".to_owned())]
}

fn table_name() -> impl Strategy<Value = TableName> {
    (name(), name()).prop_map(|(schema, table)| TableName::new(schema, table))
}

prop_compose! {
    fn virtual_edge()(from in table_name(), to in table_name(), far in name(), near in "[a-z]{1,6}", evidence in proptest::option::of(name()),
        condition in proptest::option::of((name(), name()))) -> Edge {
        Edge { from, columns: vec![format!("{near}->>'k'")], to, to_columns: vec![far], decision: Decision::AssumedRefers, evidence,
            is_virtual: true, only_where: condition.map(|(column, equals)| OnlyWhere { column, equals }) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_is_written_reads_back_the_same(
        table in table_name(), id in name(), label in proptest::option::of(name()), owned in proptest::collection::btree_set(table_name(), 0..4),
        edges in proptest::collection::vec(virtual_edge(), 0..3), key in name(), prefix in proptest::option::of(name()), sql in name(), notes in "\\PC{0,40}",
    ) {
        let file = FileColumn { table: table.clone(), column: key.clone(), store: "s".into(), location: prefix.clone(), strip_prefix: prefix, confidence: Some(7) };
        let mapping = Mapping {
            version: 1,
            tables: owned.into_iter().filter(|t| *t != table).map(|name| OwnedTable { name, group: Group::Other, key: vec![key.clone()] }).collect(),
            wedding: Root { table: table.clone(), id, name: label.clone(), date: label, end_date: None, time_zone: None, guest_count: None, budget: None,
                currency: None, organisation: None, status: None, confidence: Some(50) },
            edges,
            files: vec![file],
            rules: Rules { after_restore: vec![sql], display: [(table.to_string(), vec![key])].into(), ..Rules::default() },
        };
        let text = mapping.to_toml_with(&notes);
        match Mapping::parse(&text) {
            Ok(read) => prop_assert_eq!(read, mapping),
            // Two generated edges can be the same edge.
            Err(error) => prop_assert!(error.to_string().contains("decided twice"), "{}\n{}", error, text),
        }
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,200}") {
        let _any = Mapping::parse(&text);
    }
}
