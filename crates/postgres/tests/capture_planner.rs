//! Captures by proposed mappings, unedited: of the sample planner with its photos, and of four applications of other styles.

#[path = "registry/folder.rs"]
mod folder;
mod registry;

use keepsake_postgres::{
    capture::{Directories, FileState, Options},
    inspect,
};
use keepsake_testkit::{planner, postgres::Server, schemas};
use registry::{capture_with, dsn};
use std::process::Command;

#[tokio::test]
async fn every_row_and_file_of_every_wedding_is_captured_once() {
    let server = Server::start();
    let mut client = server.connect("postgres").await;
    let spec = planner::Spec { weddings: 3, ..planner::Spec::small() };
    let root = tempfile::tempdir().unwrap();
    planner::install(&client).await.unwrap();
    let generated = planner::generate(&client, &spec, Some(root.path())).await.unwrap();
    let mapping = inspect::inspect(&mut client, &inspect::Options::default()).await.unwrap().report.mapping;
    let stores = mapping.files.iter().map(|file| (file.store.clone(), root.path().to_owned()));
    let stores = Directories::new(stores);
    let ids: Vec<String> = generated.weddings.iter().map(ToString::to_string).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let dsn = dsn(&server.dsn("postgres"));
    let captured = capture_with(&dsn, &mapping, &ids, Some(&stores), Options::default()).await.unwrap();
    let first = &captured[0].0.manifest;
    for table in &first.tables {
        let live: i64 =
            client.query_one(&format!("SELECT count(*) FROM {}", table.name.sql()), &[]).await.unwrap().get(0);
        let of = |captured: &keepsake_postgres::capture::Captured| {
            captured.manifest.tables.iter().find(|entry| entry.name == table.name).map_or(0, |entry| entry.rows)
        };
        let taken: u64 = captured.iter().map(|(captured, _)| of(captured)).sum();
        assert_eq!(taken, u64::try_from(live).unwrap(), "{}", table.name);
    }
    let files: u64 = captured.iter().map(|(captured, _)| captured.manifest.files.len() as u64).sum();
    assert!(files > 0 && files <= generated.files);
    for (captured, kept) in &captured {
        let missing: Vec<&str> = captured
            .manifest
            .files
            .iter()
            .filter(|file| file.state != FileState::Captured)
            .map(|file| file.path.as_str())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(captured.score.total >= 80, "{:?}", captured.score);
        assert!(!captured.incomplete);
        let secrets: Vec<String> = kept.paths().into_iter().filter(|path| path.starts_with("references/")).collect();
        assert!(!secrets.is_empty());
        for path in secrets {
            assert!(!kept.text(&path).contains("$argon2"), "{path} holds a password hash");
        }
    }

    let folder = tempfile::tempdir().unwrap();
    folder::write(&captured[0].1, folder.path());
    client.batch_execute("CREATE DATABASE copy").await.unwrap();
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "schema/tables.sql", "-f", "schema/load.sql"]);
    psql.current_dir(folder.path()).envs(dsn.with_database("copy").for_child());
    let done = psql.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn the_supabase_style_is_captured_and_can_be_loaded_by_hand() {
    Box::pin(capture_and_load(schemas::SUPABASE)).await;
}

#[tokio::test]
async fn the_prisma_style_is_captured_and_can_be_loaded_by_hand() {
    Box::pin(capture_and_load(schemas::PRISMA)).await;
}

#[tokio::test]
async fn several_schemas_are_captured_and_can_be_loaded_by_hand() {
    Box::pin(capture_and_load(schemas::MODULES)).await;
}

#[tokio::test]
async fn composite_keys_are_captured_and_can_be_loaded_by_hand() {
    Box::pin(capture_and_load(schemas::COMPOSITE)).await;
}

async fn capture_and_load(foreign: schemas::Foreign) {
    let server = Server::start();
    let text = server.create_database(foreign.name).await;
    let mut client = server.connect(foreign.name).await;
    foreign.install(&client).await.expect("it works");
    let mapping = inspect::inspect(&mut client, &inspect::Options::default()).await.expect("it works").report.mapping;
    let captured = capture_with(&dsn(&text), &mapping, foreign.weddings, None, Options::default())
        .await
        .unwrap_or_else(|error| panic!("{}: {error} {error:?}", foreign.name));
    let (first, kept) = captured.first().expect("a capture");
    let rows: u64 = first.manifest.tables.iter().map(|table| table.rows).sum();
    let live: i64 = client.query_one(foreign.count, &[]).await.expect("it works").get(0);
    // Nothing is left out; an unedited proposal may own a table more.
    assert!(rows >= u64::try_from(live).expect("it works"), "{}: {rows} of {live}", foreign.name);
    if let Some(reader) = foreign.reader {
        let reader = dsn(&server.dsn_as(reader, foreign.name));
        let again = capture_with(&reader, &mapping, &[foreign.first()], None, Options::default()).await;
        let again = again.unwrap_or_else(|error| panic!("{}: {error} {error:?}", foreign.name));
        assert_eq!(again.first().expect("a capture").0.manifest.scope_hash, first.manifest.scope_hash);
    }
    for path in kept.paths().iter().filter(|path| path.starts_with("references/auth.")) {
        assert!(kept.text(path).lines().all(|line| !line.contains('\t')), "{path} holds more than keys");
    }
    let copy = format!("{}_copy", foreign.name);
    let copied = server.create_database(&copy).await;
    let folder = tempfile::tempdir().expect("it works");
    folder::write(kept, folder.path());
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "schema/tables.sql", "-f", "schema/load.sql"]);
    psql.current_dir(folder.path()).envs(dsn(&copied).for_child());
    let done = psql.output().expect("it works");
    assert!(done.status.success(), "{}: {}", foreign.name, String::from_utf8_lossy(&done.stderr));
}
