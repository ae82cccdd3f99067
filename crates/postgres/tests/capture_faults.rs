//! Capturing beside a live application, and what must never pass for a capture.

mod registry;

use bytes::Bytes;
use futures::StreamExt;
use keepsake_postgres::{
    capture::{Directories, Error, FileMeta, FileState, FileStore, OpenFile, Options, PortError},
    connect::Dsn,
};
use keepsake_testkit::postgres::Server;
use registry::{capture, capture_with, dsn, mapping};
use std::{fs, sync::Arc, time::Duration};
use tokio::time::Instant;

async fn sample() -> (Server, Dsn) {
    let server = Server::start();
    server.connect("postgres").await.batch_execute(registry::SCHEMA).await.unwrap();
    let dsn = dsn(&server.dsn("postgres"));
    (server, dsn)
}

/// Makes the seats slow to read: what takes minutes in a big database takes them here too.
async fn slow(server: &Server) -> tokio_postgres::Client {
    let client = server.connect("postgres").await;
    let sql = "CREATE FUNCTION pause(bigint) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN true; END $$;
               INSERT INTO seats SELECT 1, n FROM generate_series(100, 2000) n;
               ALTER TABLE seats RENAME TO real_seats;
               CREATE TABLE seats (guest_id bigint NOT NULL REFERENCES guests ON DELETE CASCADE, table_no int, PRIMARY KEY (guest_id, table_no));
               INSERT INTO seats SELECT * FROM real_seats;
               ALTER TABLE seats ENABLE ROW LEVEL SECURITY;
               DROP TABLE real_seats";
    client.batch_execute(sql).await.unwrap();
    client
}

#[tokio::test]
async fn s13_a_table_that_may_not_be_read_fails_the_capture_and_the_grant_is_named() {
    let (server, _) = sample().await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE SELECT ON guests, directory FROM reader").await.unwrap();
    let dsn = dsn(&server.dsn_as("reader", "postgres"));
    let error = capture(&dsn, &["1"]).await.unwrap_err();
    let Error::Privilege { tables, grant, .. } = &error else { panic!("{error}") };
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    assert_eq!(names, [r#""Odd.Schema"."Notes ""quoted""""#, "public.directory", "public.guests"]);
    admin.batch_execute(grant).await.unwrap();
    // No right on auth.users is needed: identities are never read.
    let captured = capture(&dsn, &["1"]).await.unwrap();
    assert_eq!(captured[0].0.manifest.references.len(), 2);
    assert!(!error.retryable());
}

#[tokio::test]
async fn s13_rows_that_a_policy_hides_fail_the_capture() {
    let (server, _) = sample().await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public, \"Odd.Schema\" TO reader; GRANT USAGE ON SCHEMA \"Odd.Schema\" TO reader; ALTER TABLE guests ENABLE ROW LEVEL SECURITY; CREATE POLICY some ON guests USING (id < 3)").await.unwrap();
    let dsn = dsn(&server.dsn_as("reader", "postgres"));
    let error = capture(&dsn, &["1"]).await.unwrap_err();
    assert!(matches!(error, Error::RowSecurity { .. }), "{error}");
    assert!(error.to_string().contains("ALTER ROLE reader BYPASSRLS"), "{error}");
    admin.batch_execute("ALTER ROLE reader BYPASSRLS").await.unwrap();
    let captured = capture(&dsn, &["1"]).await.unwrap().remove(0).0;
    assert_eq!(captured.manifest.tables.iter().find(|table| table.name.table == "guests").unwrap().rows, 3);
}

#[tokio::test]
async fn a_wedding_that_does_not_exist_is_named() {
    let (_server, dsn) = sample().await;
    for id in ["77", "no number", "", "99999999999999999999"] {
        let error = capture(&dsn, &["1", id]).await.unwrap_err();
        assert!(matches!(&error, Error::UnknownWedding { ids, .. } if ids == &[id]), "{id}: {error}");
    }
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused_with_its_place() {
    let (server, dsn) = sample().await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("ALTER TABLE photos RENAME COLUMN others TO more").await.unwrap();
    let error = capture(&dsn, &["1"]).await.unwrap_err();
    assert!(
        matches!(&error, Error::Mapping { problems } if problems.iter().any(|text| text.contains("others"))),
        "{error}"
    );
    admin.batch_execute("DROP TABLE photos").await.unwrap();
    let error = capture(&dsn, &["1"]).await.unwrap_err();
    assert!(
        matches!(&error, Error::Mapping { problems } if problems.iter().any(|text| text.contains("photos"))),
        "{error}"
    );
}

#[tokio::test]
async fn s10_a_schema_change_that_waits_is_let_through() {
    let (server, dsn) = sample().await;
    let blocker = slow_read(&server).await;
    let options = Options { patience: Duration::from_secs(1), ..Options::default() };
    let began = Instant::now();
    let capture = tokio::spawn({
        let dsn = dsn.clone();
        async move { capture_with(&dsn, &mapping(), &["1"], None, options).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(400)).await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("ALTER TABLE guests ADD COLUMN late text").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "the change waited {:?}", began.elapsed());
    let error = capture.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::YieldedToDdl { table } if table == "public.guests"), "{error}");
    assert!(error.retryable());
    drop(blocker);
}

/// Keeps a capture busy in the middle: a view of the root's rows that sleeps cannot be mapped, so a policy does the waiting.
async fn slow_read(server: &Server) -> tokio_postgres::Client {
    let admin = server.connect("postgres").await;
    let sql = "CREATE FUNCTION wait(text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(30); RETURN $1; END $$;
               CREATE DOMAIN slow AS text;
               ALTER TABLE bookings ALTER COLUMN note TYPE slow";
    admin.batch_execute(sql).await.unwrap();
    // The seats' owner is asked for by way of a type whose output sleeps.
    admin
}
