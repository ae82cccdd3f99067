//! Whole databases: there and back.

mod database_support;

use database_support::{Memory, capture, capture_with, dump, restore, restore_with};
use keepsake_postgres::database::{Kind, Options, Ownership, Progress};
use keepsake_testkit::{planner, postgres::Server};
use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

/// Creates the database `planner` with the nasty schema; returns its connection string.
async fn nasty(server: &Server) -> String {
    let mut steps = include_str!("database_support/nasty.sql").split("--- split");
    let roles = steps.next().expect("there is always a first part");
    server.connect("postgres").await.batch_execute(roles).await.expect("roles");
    let dsn = server.create_database("planner").await;
    let client = server.connect("planner").await;
    for step in steps {
        client.batch_execute(step).await.expect("schema");
    }
    dsn
}

/// Equal but for the order of lines, which pg_dump takes from names and oids.
fn assert_similar(before: &str, after: &str) {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (before, after) = (sorted(before), sorted(after));
    let missing: Vec<_> = before.iter().filter(|line| !after.contains(line)).take(5).collect();
    let extra: Vec<_> = after.iter().filter(|line| !before.contains(line)).take(5).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}, extra {extra:#?}");
    assert_eq!(before.len(), after.len());
}

#[tokio::test]
async fn s12_everything_comes_back_as_it_was() {
    let mut server = Server::start();
    let source = nasty(&server).await;
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    assert_eq!(manifest.kind, Kind::Database);
    assert!(!manifest.incomplete);
    assert_eq!(manifest.large_objects.count, 3);
    assert_eq!(manifest.contents["POLICY"], 1);
    assert!(manifest.roles.iter().any(|role| role == "planner_owner"), "{:?}", manifest.roles);
    assert_eq!(manifest.needed_roles, ["odd role"]);
    let json: keepsake_postgres::database::Manifest = serde_json::from_str(&memory.text("manifest.json")).unwrap();
    assert_eq!(json, manifest);

    let target = server.create_database("back").await;
    let report = restore(&target, &memory).await.expect("restored");
    assert_eq!(report.content_hash, manifest.content_hash);
    assert_eq!(report.tables.len(), manifest.tables.len());
    assert_similar(&dump(&mut server, "planner"), &dump(&mut server, "back"));

    let again = Memory::default();
    let second = capture(&target, &again).await.expect("captured again");
    assert_eq!(second.content_hash, manifest.content_hash);
    assert_eq!(second.sequences, manifest.sequences);
    let (first, copy) = (memory.text("large-objects/objects.jsonl"), again.text("large-objects/objects.jsonl"));
    assert_eq!(first, copy);
    let filled = "SELECT relispopulated FROM pg_class WHERE relname IN ('counts', 'unfilled') ORDER BY relname";
    let rows = server.connect("back").await.query(filled, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<bool>>(), [true, false]);
}

#[tokio::test]
async fn the_sample_application_goes_there_and_back_with_other_numbers_of_workers() {
    let mut server = Server::start();
    let source = server.create_database("app").await;
    let client = server.connect("app").await;
    planner::install(&client).await.unwrap();
    let spec = planner::Spec { organisations: 2, weddings: 6, ..planner::Spec::demo() };
    planner::generate(&client, &spec, None).await.unwrap();
    let (one, three) = (Memory::default(), Memory::default());
    let seen = Arc::new(Mutex::new(Vec::<Progress>::new()));
    let listener = Arc::clone(&seen);
    let progress = Arc::new(move |progress| listener.lock().unwrap().push(progress));
    let first = capture_with(&source, &one, Options { jobs: 1, ..Options::default() }).await.expect("captured");
    let second = capture_with(&source, &three, Options { jobs: 9, ..Options::default() }).await.expect("captured");
    assert_eq!(first.content_hash, second.content_hash);
    let strip = |paths: Vec<String>| paths.into_iter().filter(|path| path.starts_with("data/")).collect::<Vec<_>>();
    for path in strip(one.paths()) {
        assert!(one.text(&path) == three.text(&path), "{path} differs between two captures of the same rows");
    }
    let target = server.create_database("back").await;
    let options = Options { jobs: 3, progress: Some(progress), ..Options::default() };
    let report = restore_with(&target, &three, options).await.expect("restored");
    let last = seen.lock().unwrap().iter().rev().find(|progress| progress.total_bytes > 0).copied().unwrap();
    assert_eq!((last.done_bytes, last.total_bytes), (report.size_bytes, report.size_bytes));
    assert_similar(&dump(&mut server, "app"), &dump(&mut server, "back"));
    let analysed = "SELECT count(*) FROM pg_class WHERE relname IN ('guests', 'weddings') AND reltuples > 0";
    let row = server.connect("back").await.query_one(analysed, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_large_table_is_cut_into_pieces_at_fixed_places() {
    let server = Server::start();
    let source = server.create_database("app").await;
    let client = server.connect("app").await;
    let fill = "CREATE TABLE large AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 72000) i; DELETE FROM large WHERE i % 9 = 0";
    client.batch_execute(fill).await.unwrap();
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    let table = &manifest.tables[0];
    assert_eq!((table.rows, table.files.len()), (64_000, 2));
    assert_eq!(table.files.iter().map(|file| file.rows).sum::<u64>(), table.rows);
    let target = server.create_database("back").await;
    assert_eq!(restore(&target, &memory).await.expect("restored").rows, 64_000);
}

#[tokio::test]
async fn the_database_itself_keeps_its_settings_comment_and_privileges() {
    let server = Server::start();
    let source = server.create_database("app").await;
    let client = server.connect("app").await;
    let set = "CREATE ROLE visitor; ALTER DATABASE app SET search_path TO \"$user\", \"odd schema\"; \
               ALTER DATABASE app SET app.motto TO 'it''s'; ALTER ROLE visitor IN DATABASE app SET work_mem TO '8MB'; \
               COMMENT ON DATABASE app IS 'for O''Hara'; REVOKE CONNECT ON DATABASE app FROM PUBLIC; \
               GRANT CONNECT ON DATABASE app TO visitor; DROP SCHEMA public";
    client.batch_execute(set).await.unwrap();
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    let target = server.create_database("back \"x\"'=").await;
    let report =
        restore(&target.replace("dbname=back \"x\"'=", "dbname='back \"x\"\\'='"), &memory).await.expect("restored");
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let again =
        capture(&target.replace("dbname=back \"x\"'=", "dbname='back \"x\"\\'='"), &Memory::default()).await.unwrap();
    assert_eq!(again.database.settings, manifest.database.settings);
    assert_eq!(again.database.privileges, manifest.database.privileges);
    assert_eq!(again.database.comment.as_deref(), Some("for O'Hara"));
    assert!(!again.database.public_schema);
}

#[tokio::test]
async fn an_empty_database_comes_back_empty() {
    let server = Server::start();
    let source = server.create_database("app").await;
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    assert!(manifest.tables.is_empty());
    let target = server.create_database("back").await;
    assert_eq!(restore(&target, &memory).await.expect("restored").rows, 0);
    // Nothing of ours is left, not even the mark.
    restore(&target, &memory).await.expect("restored again");
}

#[tokio::test]
async fn people_restore_it_with_psql_alone() {
    let mut server = Server::start();
    let source = nasty(&server).await;
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    let folder = tempfile::tempdir().unwrap();
    memory.write_to(folder.path());
    let target = server.create_database("byhand").await;
    // The commands of RESTORE.md, as they stand there.
    let guide = memory.text("RESTORE.md");
    let files: Vec<&str> = guide
        .lines()
        .filter(|line| line.starts_with("psql -X -d NEW -v ON_ERROR_STOP=1 -f "))
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(files, ["schema/pre-data.sql", "load.sql", "schema/post-data.sql"]);
    for file in files {
        psql(&mut server, &target, folder.path(), file);
    }
    let again = capture(&target, &Memory::default()).await.expect("captured again");
    assert_eq!(again.content_hash, manifest.content_hash);
    assert_eq!(again.sequences, manifest.sequences);
}

fn psql(server: &mut Server, target: &str, folder: &Path, file: &str) {
    let program = server.cluster().programs().path("psql");
    let mut command = Command::new(program);
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target, "-f", file]).current_dir(folder);
    let output = command.output().expect("psql runs");
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn another_cluster_needs_the_roles_or_does_without_owners() {
    let (here, there) = (Server::start(), Server::start());
    let source = here.create_database("app").await;
    let schema = "CREATE ROLE owner_of_it; CREATE ROLE reader; CREATE TABLE t (a int PRIMARY KEY); ALTER TABLE t OWNER TO owner_of_it; \
                  INSERT INTO t VALUES (1); GRANT SELECT ON t TO reader; SELECT lo_from_bytea(5, 'x'); \
                  ALTER LARGE OBJECT 5 OWNER TO owner_of_it";
    here.connect("app").await.batch_execute(schema).await.unwrap();
    let memory = Memory::default();
    capture(&source, &memory).await.expect("captured");
    assert!(memory.text("globals.sql").contains("CREATE ROLE owner_of_it"));

    let admin = there.connect("postgres").await;
    for statement in ["CREATE ROLE plain LOGIN", "CREATE DATABASE back OWNER plain"] {
        admin.batch_execute(statement).await.unwrap();
    }
    let error = restore(&there.dsn("back"), &memory).await.expect_err("the roles are missing");
    assert!(error.refused() && error.to_string().contains("owner_of_it, reader"), "{error}");
    let options = Options { ownership: Ownership::Skip, ..Options::default() };
    let report = restore_with(&there.dsn_as("plain", "back"), &memory, options).await.expect("restored without owners");
    assert!(report.notes.iter().any(|note| note.code == "ownership"));
    let owner = "SELECT tableowner::text FROM pg_tables WHERE tablename = 't'";
    let row = there.connect("back").await.query_one(owner, &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "plain");
}
