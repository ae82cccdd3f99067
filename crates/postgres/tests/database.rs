//! Whole databases: there and back.

mod database_support;

use database_support::{Memory, capture, dump, restore};
use keepsake_postgres::database::Kind;
use keepsake_testkit::postgres::Server;

/// Creates the database `planner` with the nasty schema; returns its connection string.
async fn nasty(server: &Server) -> String {
    let mut steps = include_str!("database_support/nasty.sql").split("--- split");
    server.connect("postgres").await.batch_execute(steps.next().unwrap()).await.expect("roles");
    let dsn = server.create_database("planner").await;
    let client = server.connect("planner").await;
    for step in steps {
        client.batch_execute(step).await.expect("schema");
    }
    dsn
}

#[tokio::test]
async fn everything_comes_back_as_it_was() {
    let mut server = Server::start();
    let source = nasty(&server).await;
    let memory = Memory::default();
    let manifest = capture(&source, &memory).await.expect("captured");
    assert_eq!(manifest.kind, Kind::Database);
    assert!(!manifest.incomplete);
    assert_eq!(manifest.large_objects.count, 3);

    let target = server.create_database("back").await;
    let report = restore(&target, &memory).await.expect("restored");
    assert_eq!(report.content_hash, manifest.content_hash);
    assert_eq!(report.tables.len(), manifest.tables.len());
    let (before, after) = (dump(&mut server, "planner"), dump(&mut server, "back"));
    similar(&before, &after);

    let again = Memory::default();
    let second = capture(&target, &again).await.expect("captured again");
    assert_eq!(second.content_hash, manifest.content_hash);
    assert_eq!(second.sequences, manifest.sequences);
}

/// Equal but for the order of lines that pg_dump orders by oid.
fn similar(before: &str, after: &str) {
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
