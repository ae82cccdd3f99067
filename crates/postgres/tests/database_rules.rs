//! Whole databases: what must not happen.

mod database_support;

use database_support::{Memory, Stalling, StallingSource, capture, capture_with, dsn, restore, restore_with};
use keepsake_postgres::database::{self, Error, Options, Uncarried};
use keepsake_testkit::postgres::Server;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

const GUESTS: &str = "CREATE TABLE guests (id int PRIMARY KEY, name text); \
                      INSERT INTO guests SELECT i, 'guest ' || i FROM generate_series(1, 20000) i";

async fn small(server: &Server) -> String {
    let source = server.create_database("app").await;
    server.connect("app").await.batch_execute(GUESTS).await.expect("a table");
    source
}

/// A capture whose sink has taken rows and waits; the sink, the capture's task and its token.
async fn stalled(source: &str, options: Options) -> (Memory, tokio::task::JoinHandle<database::Result<()>>) {
    let sink = Stalling::new();
    let (memory, stalled) = (sink.memory.clone(), Arc::clone(&sink.stalled));
    let from = dsn(source);
    let running = tokio::spawn(async move { database::capture(&from, Arc::new(sink), options).await.map(drop) });
    stalled.notified().await;
    (memory, running)
}

#[tokio::test]
async fn s10_a_schema_change_comes_first() {
    let server = Server::start();
    let source = small(&server).await;
    let options = Options { ddl_patience: Duration::from_secs(1), ..Options::default() };
    let (memory, running) = stalled(&source, options).await;
    let client = server.connect("app").await;
    let begun = Instant::now();
    client
        .batch_execute("SET lock_timeout = '20s'; ALTER TABLE guests ADD mail text")
        .await
        .expect("the change comes through");
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited {:?}", begun.elapsed());
    let error = running.await.unwrap().expect_err("the capture gave way");
    assert!(matches!(error, Error::YieldedToDdl { .. }) && error.retryable(), "{error}");
    assert!(!memory.paths().contains(&"manifest.json".to_owned()));
}

#[tokio::test]
async fn s10_a_table_under_change_is_not_waited_for() {
    let server = Server::start();
    let source = small(&server).await;
    let client = server.connect("app").await;
    client.batch_execute("BEGIN; ALTER TABLE guests ADD mail text").await.unwrap();
    let error = capture(&source, &Memory::default()).await.expect_err("locked");
    assert!(matches!(error, Error::Locked { .. }) && error.retryable(), "{error}");
}

#[tokio::test]
async fn s10_a_snapshot_does_not_grow_old() {
    let server = Server::start();
    let source = small(&server).await;
    let options = Options { snapshot_limit: Duration::from_secs(1), ..Options::default() };
    let (_, running) = stalled(&source, options).await;
    let error = running.await.unwrap().expect_err("the snapshot was too old");
    assert!(matches!(error, Error::SnapshotLimit { .. }), "{error}");
}

#[tokio::test]
async fn s11_a_capture_has_at_most_four_connections() {
    let server = Server::start();
    let source = small(&server).await;
    let tables: String = (0..8).map(|i| format!("CREATE TABLE more{i} AS SELECT * FROM guests;")).collect();
    server.connect("app").await.batch_execute(&tables).await.unwrap();
    let (_, running) = stalled(&source, Options { jobs: 50, ..Options::default() }).await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'keepsake-%'";
    let client = server.connect("app").await;
    // Looked at until there are as many as may be, and for a while longer: there must not be more.
    let (mut most, mut looks_left) = (0, 200);
    while looks_left > 0 {
        let now: i64 = client.query_one(count, &[]).await.unwrap().get(0);
        if now > most {
            (most, looks_left) = (now, if now == 4 { 12 } else { 200 });
        }
        looks_left -= 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.abort();
    assert_eq!(most, 4);
}

#[tokio::test]
async fn s12_extension_configuration_is_carried() {
    let server = Server::start();
    let source = server.create_database("app").await;
    let schema = "CREATE EXTENSION citext; CREATE TABLE config (name text, builtin bool); \
                  INSERT INTO config VALUES ('theirs', true), ('ours', false); \
                  CREATE TABLE cache AS SELECT 1 AS a; \
                  ALTER EXTENSION citext ADD TABLE config; ALTER EXTENSION citext ADD TABLE cache; \
                  UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY['WHERE NOT builtin'] \
                  WHERE extname = 'citext'";
    server.connect("app").await.batch_execute(schema).await.unwrap();
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    assert_eq!(manifest.tables.len(), 1);
    assert_eq!(manifest.tables[0].extension.as_deref(), Some("citext"));
    assert_eq!(memory.text("data/public.config/000000.copy"), "ours\tf\n");
    assert!(manifest.issues.iter().any(|issue| issue.code == "extension-table" && issue.subject == "public.cache"));
}

#[tokio::test]
async fn s12_what_pg_dump_leaves_out_is_named_and_refused() {
    let server = Server::start();
    small(&server).await;
    let schema = "CREATE ROLE backup LOGIN BYPASSRLS; GRANT pg_read_all_data TO backup; \
                  CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)";
    for statement in schema.split(';') {
        server.connect("app").await.batch_execute(statement).await.unwrap();
    }
    let source = server.dsn_as("backup", "app");
    let memory = Memory::default();
    let error = capture(&source, &memory).await.expect_err("the subscription would be lost");
    assert!(error.refused() && error.to_string().contains("subscription feed"), "{error}");
    assert!(!memory.paths().contains(&"manifest.json".to_owned()));

    let options = Options { uncarried: Uncarried::Name, ..Options::default() };
    let manifest = capture_with(&source, &Memory::default(), options).await.expect("captured on request");
    assert!(manifest.incomplete);
    assert!(manifest.issues.iter().any(|issue| issue.code == "not-carried" && issue.subject.contains("feed")));

    let whole = capture(&server.dsn("app"), &Memory::default()).await.expect("a superuser captures it");
    assert_eq!((whole.subscriptions.as_slice(), whole.incomplete), (&["feed".to_owned()][..], false));
}

#[tokio::test]
async fn s13_rows_that_cannot_be_read_fail_the_capture() {
    let server = Server::start();
    small(&server).await;
    let client = server.connect("app").await;
    let schema = "CREATE ROLE backup LOGIN; CREATE TABLE secret (a int); CREATE TABLE hidden (a int); INSERT INTO hidden VALUES (1); \
                  GRANT SELECT ON guests, hidden TO backup; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY";
    client.batch_execute(schema).await.unwrap();
    let source = server.dsn_as("backup", "app");
    let memory = Memory::default();
    let error = capture(&source, &memory).await.expect_err("not everything can be read");
    let text = error.to_string();
    assert!(text.contains("public.secret (no SELECT)") && text.contains("public.hidden (rows hidden"), "{text}");
    assert!(text.contains("GRANT pg_read_all_data TO \"backup\"") && text.contains("BYPASSRLS"), "{text}");
    assert!(memory.paths().is_empty());

    // The remedies that it names are enough, and large objects are no exception.
    client.batch_execute("GRANT pg_read_all_data TO backup; ALTER ROLE backup BYPASSRLS").await.unwrap();
    let manifest = capture(&source, &memory).await.expect("now it can");
    assert!(manifest.issues.iter().any(|issue| issue.code == "role-passwords-not-captured"));
    client.batch_execute("SELECT lo_from_bytea(9, 'x')").await.unwrap();
    let memory = Memory::default();
    let error = capture(&source, &memory).await.expect_err("the large object cannot be read");
    assert!(matches!(error, Error::NotReadable { .. }) && error.to_string().contains("large object"), "{error}");
    assert!(!memory.paths().contains(&"manifest.json".to_owned()));
}

#[tokio::test]
async fn s13_a_server_that_restarts_leaves_no_capture() {
    let mut server = Server::start();
    let source = small(&server).await;
    let (memory, running) = stalled(&source, Options::default()).await;
    server.cluster().crash().expect("it stops");
    let error =
        tokio::time::timeout(Duration::from_secs(5), running).await.expect("in time").unwrap().expect_err("lost");
    assert!(matches!(error, Error::ConnectionLost { .. }) && error.retryable(), "{error:?}");
    assert!(!memory.paths().contains(&"manifest.json".to_owned()));
}

#[tokio::test]
async fn a_cancelled_capture_ends_at_once_and_leaves_no_session() {
    let server = Server::start();
    let source = small(&server).await;
    let options = Options::default();
    let cancel = options.cancel.clone();
    let (memory, running) = stalled(&source, options).await;
    let begun = Instant::now();
    cancel.cancel();
    let error = running.await.unwrap().expect_err("cancelled");
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
    assert!(!memory.paths().contains(&"manifest.json".to_owned()));
    let client = server.connect("app").await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'keepsake-%'";
    for _ in 0..20 {
        if client.query_one(count, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("sessions of the capture are left");
}

#[tokio::test]
async fn a_restore_that_was_broken_off_is_never_taken_for_whole_or_empty() {
    let server = Server::start();
    let source = small(&server).await;
    let memory = Memory::default();
    capture(&source, &memory).await.expect("captured");
    let target = server.create_database("back").await;
    let stalled = Arc::new(Notify::new());
    let stalling = StallingSource { memory: memory.clone(), stalled: Arc::clone(&stalled) };
    let options = Options::default();
    let (cancel, to) = (options.cancel.clone(), dsn(&target));
    let running = tokio::spawn(async move { database::restore(&to, Arc::new(stalling), options).await.map(drop) });
    stalled.notified().await;
    let begun = Instant::now();
    cancel.cancel();
    assert!(matches!(running.await.unwrap(), Err(Error::Cancelled)));
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());

    let error = restore(&target, &memory).await.expect_err("refused");
    assert!(matches!(error, Error::NotEmpty { unfinished: true, .. }) && error.refused(), "{error}");
    assert!(error.to_string().contains("drop the database"), "{error}");
}

#[tokio::test]
async fn a_target_that_holds_anything_is_refused_untouched() {
    let server = Server::start();
    let source = small(&server).await;
    let memory = Memory::default();
    capture(&source, &memory).await.expect("captured");
    let things = [
        ("table", "CREATE TABLE t ()", "table public.t"),
        ("function", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.f"),
        ("schema", "CREATE SCHEMA s", "schema s"),
        ("enum", "CREATE TYPE mood AS ENUM ('a')", "type public.mood"),
        ("extension", "CREATE EXTENSION citext", "extension citext"),
        ("object", "SELECT lo_create(7)", "large object 7"),
    ];
    for (name, sql, found) in things {
        let target = server.create_database(name).await;
        server.connect(name).await.batch_execute(sql).await.unwrap();
        let error = restore(&target, &memory).await.expect_err("refused");
        assert!(matches!(error, Error::NotEmpty { unfinished: false, .. }), "{error}");
        assert!(error.refused() && error.to_string().contains(found), "{error}");
    }
}

#[tokio::test]
async fn a_target_that_cannot_hold_the_capture_is_refused_untouched() {
    let server = Server::start();
    let source = small(&server).await;
    let memory = Memory::default();
    capture(&source, &memory).await.expect("captured");
    let client = server.connect("postgres").await;
    client.batch_execute("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0").await.unwrap();
    let error = restore(&server.dsn("narrow"), &memory).await.expect_err("not every letter fits");
    assert!(matches!(error, Error::Target { .. }) && error.refused(), "{error:?}");
    assert!(error.to_string().contains("ENCODING 'UTF8'"), "{error}");

    let newer = memory.copy();
    newer.change("manifest.json", |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let at = text.find("\"server_version\":").unwrap();
        let end = at + text[at..].find(',').unwrap();
        *bytes = format!("{}\"server_version\": 990001{}", &text[..at], &text[end..]).into_bytes();
    });
    let error = restore(&server.create_database("older").await, &newer).await.expect_err("the server is older");
    assert!(error.refused() && error.to_string().contains("restore into 99 or later"), "{error}");
    for untouched in ["narrow", "older"] {
        let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
        let tables: i64 = server.connect(untouched).await.query_one(sql, &[]).await.unwrap().get(0);
        assert_eq!(tables, 0, "{untouched}");
    }
}

#[tokio::test]
async fn s13_rows_that_arrive_differently_fail_the_restore_by_table() {
    let server = Server::start();
    let source = small(&server).await;
    let memory = Memory::default();
    capture(&source, &memory).await.expect("captured");
    let path = "data/public.guests/000000.copy";
    let text = memory.text(path);

    let changed = memory.copy();
    changed.change(path, |bytes| *bytes = text.replace("guest 77\n", "guest 7x\n").into_bytes());
    let error = restore(&server.create_database("changed").await, &changed).await.expect_err("changed");
    assert!(matches!(&error, Error::Mismatch { table, .. } if table == "public.guests"), "{error}");

    let shortened = memory.copy();
    shortened.change(path, |bytes| bytes.truncate(text.rfind("20000\t").unwrap()));
    let error = restore(&server.create_database("shortened").await, &shortened).await.expect_err("shortened");
    assert!(matches!(error, Error::Mismatch { expected_rows: 20_000, found_rows: 19_999, .. }), "{error}");

    // A value that the server refuses is not repeated.
    let broken = memory.copy();
    broken.change(path, |bytes| *bytes = text.replace("77\tguest 77\n", "Anna\tguest 77\n").into_bytes());
    let error = restore(&server.create_database("broken").await, &broken).await.expect_err("broken");
    assert!(matches!(&error, Error::Rows { .. }) && !format!("{error:?}").contains("Anna"), "{error:?}");

    let missing = memory.copy();
    missing.remove(path);
    let error = restore(&server.create_database("missing").await, &missing).await.expect_err("missing");
    assert!(matches!(&error, Error::Damaged { path: found, .. } if found == path), "{error}");
}

#[tokio::test]
async fn damaged_manifests_are_refused_before_the_target_is_touched() {
    let server = Server::start();
    let source = small(&server).await;
    let memory = Memory::default();
    capture(&source, &memory).await.expect("captured");
    let target = server.create_database("back").await;
    type Damage = fn(&str) -> String;
    let damages: [(&str, Damage); 5] = [
        ("cannot be read", |text| text.replace('}', "")),
        ("cannot be read", |text| text.replace("\"sequences\"", "\"x\"")),
        ("contradicts itself", |text| text.replace("\"rows\": 20000,\n      \"size", "\"rows\": 20001,\n      \"size")),
        ("newer than this program", |text| text.replace("\"version\": 1,", "\"version\": 2,")),
        ("not describe a whole database", |_| "{\"version\": 1}".to_owned()),
    ];
    for (message, damage) in damages {
        let damaged = memory.copy();
        damaged.change("manifest.json", |bytes| *bytes = damage(&String::from_utf8_lossy(bytes)).into_bytes());
        let error = restore(&target, &damaged).await.expect_err("damaged");
        assert!(matches!(&error, Error::Damaged { .. }) && error.to_string().contains(message), "{message}: {error}");
    }
    memory.change("schema/definitions.dump", |bytes| bytes.truncate(40));
    let error = restore(&target, &memory).await.expect_err("damaged");
    assert!(matches!(&error, Error::Program { program, .. } if program == "pg_restore"), "{error}");
    // The definitions failed as one transaction: the target is still empty, and may be tried again.
    let error = restore(&target, &memory).await.expect_err("damaged");
    assert!(matches!(&error, Error::Program { .. }), "{error}");
}

#[tokio::test]
async fn missing_programs_are_named() {
    let server = Server::start();
    let source = small(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { programs: Some(folder.path().to_owned()), ..Options::default() };
    let error = capture_with(&source, &Memory::default(), options.clone()).await.expect_err("no pg_dump");
    assert!(matches!(&error, Error::NoProgram { program } if program == "pg_dump"), "{error}");
    let old = folder.path().join("pg_dump");
    std::fs::write(&old, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.3'\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = capture_with(&source, &Memory::default(), options.clone()).await.expect_err("an old pg_dump");
    assert!(
        matches!(&error, Error::OldProgram { found: 12, .. }) && error.to_string().contains("postgresql-client-"),
        "{error}"
    );
    let error =
        restore_with(&server.create_database("back").await, &Memory::default(), options).await.expect_err("nothing");
    assert!(matches!(&error, Error::Damaged { path, .. } if path == "manifest.json"), "{error}");
}
