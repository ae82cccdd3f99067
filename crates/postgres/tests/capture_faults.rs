//! Capturing beside a live application, and what must never pass for a capture.

mod registry;
#[path = "registry/sample.rs"]
mod sample;

use bytes::Bytes;
use futures::{StreamExt, stream};
use keepsake_postgres::capture::{
    self, Directories, Error, FileMeta, FileSink, FileState, FileStore, OpenFile, Options, PortError, Request, Sink,
};
use keepsake_testkit::postgres::Server;
use registry::{Kept, capture_with, dsn};
use sample::{capture, mapping};
use std::{fs, sync::Arc, time::Duration};
use tokio::time::Instant;

#[tokio::test]
async fn s13_a_table_that_may_not_be_read_fails_the_capture_and_the_grant_is_named() {
    let (server, _) = sample::install().await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE SELECT ON guests, directory FROM reader").await.unwrap();
    let dsn = dsn(&server.dsn_as("reader", "postgres"));
    let error = capture(&dsn, &["1"]).await.unwrap_err();
    let Error::Privilege { tables, grant, .. } = &error else { panic!("{error:?}") };
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
    let (server, _) = sample::install().await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public, \"Odd.Schema\" TO reader; GRANT USAGE ON SCHEMA \"Odd.Schema\" TO reader; ALTER TABLE guests ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON guests USING (id < 3)").await.unwrap();
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
    let (_server, dsn) = sample::install().await;
    for id in ["77", "no number", "", "99999999999999999999"] {
        let error = capture(&dsn, &["1", id]).await.unwrap_err();
        assert!(matches!(&error, Error::UnknownWedding { ids, .. } if ids == &[id]), "{id}: {error}");
    }
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused_with_its_place() {
    let (server, dsn) = sample::install().await;
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

/// A sink that never takes the file of one table: the capture stays in the middle, as in a big database.
struct Stuck(&'static str);

#[async_trait::async_trait]
impl Sink for Stuck {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        if path == self.0 {
            std::future::pending::<()>().await;
        }
        Kept::default().create(path).await
    }
}

/// Starts a capture that gets stuck at a table with more rows than socket buffers take.
async fn stuck(server: &Server, options: Options) -> tokio::task::JoinHandle<Result<(), Error>> {
    let admin = server.connect("postgres").await;
    let many = "INSERT INTO messages SELECT i, 1, '2026-02-02', repeat('x', 100) FROM generate_series(100, 40000) i";
    admin.batch_execute(many).await.expect("rows");
    let dsn = dsn(&server.dsn("postgres"));
    let capture = tokio::spawn(async move {
        let sinks = |_: &str| -> Arc<dyn Sink> { Arc::new(Stuck("rows/public.messages.copy")) };
        let (mapping, ids) = (mapping(), ["1".to_owned()]);
        let request = Request { mapping: &mapping, mapping_text: None, ids: &ids, sinks: &sinks, files: None, options };
        capture::weddings(&dsn, &request).await.map(drop)
    });
    let began = Instant::now();
    while readers(&admin).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "the capture does not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    capture
}

/// Sessions that hold the guests' table for reading.
async fn readers(admin: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'keepsake-capture' \
               AND l.relation = 'public.messages'::regclass";
    admin.query_one(sql, &[]).await.expect("the lock table").get(0)
}

async fn gone_within(admin: &tokio_postgres::Client, limit: Duration) {
    let began = Instant::now();
    while readers(admin).await > 0 {
        assert!(began.elapsed() < limit, "the server still works for a capture that ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn s10_a_schema_change_that_waits_is_let_through() {
    let (server, _) = sample::install().await;
    let capture = stuck(&server, Options { patience: Duration::from_secs(1), ..Options::default() }).await;
    let began = Instant::now();
    server.connect("postgres").await.batch_execute("ALTER TABLE guests ADD COLUMN late text").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "the change waited {:?}", began.elapsed());
    let error = capture.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::YieldedToDdl { table } if table == "public.guests"), "{error}");
    assert!(error.retryable());
}

#[tokio::test]
async fn s11_a_capture_uses_two_connections_at_most() {
    let (server, _) = sample::install().await;
    let options = Options::default();
    let cancel = options.cancel.clone();
    let capture = stuck(&server, options).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    let admin = server.connect("postgres").await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'keepsake-%'";
    let sessions: i64 = admin.query_one(sql, &[]).await.unwrap().get(0);
    assert!((1..=2).contains(&sessions), "{sessions}");
    cancel.cancel();
    assert!(capture.await.unwrap().is_err());
}

#[tokio::test]
async fn s10_a_snapshot_grows_no_older_than_its_limit() {
    let (server, _) = sample::install().await;
    let capture = stuck(&server, Options { max_age: Duration::from_millis(700), ..Options::default() }).await;
    let error = capture.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::SnapshotTooOld { .. }), "{error}");
    gone_within(&server.connect("postgres").await, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn s10_a_capture_waits_for_a_schema_change_and_not_for_ever() {
    let (server, dsn) = sample::install().await;
    let admin = server.connect("postgres").await;
    admin.batch_execute("BEGIN; LOCK TABLE guests IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting = tokio::spawn(async move { capture(&dsn, &["1"]).await.map(|mut captured| captured.remove(0).0) });
    // Longer than one attempt.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    admin.batch_execute("DELETE FROM events; COMMIT").await.unwrap();
    let captured = waiting.await.unwrap().unwrap();
    let events = captured.manifest.tables.iter().find(|table| table.name.table == "events").unwrap();
    assert_eq!(events.rows, 0, "the snapshot comes after the locks, so it sees what they waited for");
}

#[tokio::test]
async fn cancelling_ends_the_capture_on_the_server_too() {
    let (server, _) = sample::install().await;
    let options = Options::default();
    let cancel = options.cancel.clone();
    let capture = stuck(&server, options).await;
    cancel.cancel();
    let began = Instant::now();
    assert!(matches!(capture.await.unwrap().unwrap_err(), Error::Cancelled));
    gone_within(&server.connect("postgres").await, Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_vanishes_fails_the_capture() {
    let (server, _) = sample::install().await;
    let admin = server.connect("postgres").await;
    let many = "INSERT INTO messages SELECT i, 1, '2026-02-02', repeat('x', 100) FROM generate_series(100, 40000) i";
    admin.batch_execute(many).await.unwrap();
    let killer = server.connect("postgres").await;
    let dsn = dsn(&server.dsn("postgres"));
    let kept = Kept::default();
    let sink = Killing { kept: kept.clone(), killer: Arc::new(killer) };
    let sinks = |_: &str| -> Arc<dyn Sink> { Arc::new(sink.clone()) };
    let (mapping, ids) = (mapping(), ["1".to_owned()]);
    let request = Request {
        mapping: &mapping,
        mapping_text: None,
        ids: &ids,
        sinks: &sinks,
        files: None,
        options: Options::default(),
    };
    let error = capture::weddings(&dsn, &request).await.unwrap_err();
    assert!(error.retryable(), "{error}");
    assert!(kept.paths().iter().all(|path| path != "manifest.json"));
}

/// Ends every capturing session as soon as the messages begin.
#[derive(Clone)]
struct Killing {
    kept: Kept,
    killer: Arc<tokio_postgres::Client>,
}

#[async_trait::async_trait]
impl Sink for Killing {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        if path == "rows/public.messages.copy" {
            let sql =
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'keepsake-capture'";
            self.killer.batch_execute(sql).await?;
        }
        self.kept.create(path).await
    }
}

fn photos(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Directories) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    let stores = Directories::new([("photos".to_owned(), folder.path().to_owned())]);
    (folder, stores)
}

#[tokio::test]
async fn s06_files_are_captured_with_their_hash_and_what_is_missing_is_named() {
    let (_server, dsn) = sample::install().await;
    let (_folder, stores) = photos(&[("w1/a b.jpg", b"picture")]);
    let all = capture_with(&dsn, &mapping(), &["1"], Some(&stores), Options::default()).await.unwrap();
    let (captured, kept) = &all[0];
    assert_eq!(kept.text("files/photos/w1/a b.jpg"), "picture");
    let file = |path: &str| captured.manifest.files.iter().find(|file| file.path == path).unwrap();
    let there = file("w1/a b.jpg");
    assert_eq!((there.state, there.size_bytes), (FileState::Captured, Some(7)));
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"picture");
    assert_eq!(there.sha256.as_deref(), Some(hex::encode(hash).as_str()));
    assert!(there.etag.is_some());
    assert_eq!(file("w1/c.jpg").state, FileState::Missing);
    let codes: Vec<&str> = captured.manifest.issues.iter().map(|issue| issue.code.as_str()).collect();
    assert!(codes.contains(&"file-missing") && codes.contains(&"file-refused"), "{codes:?}");
    assert!(kept.paths().iter().all(|path| !path.contains("..") && !path.contains("passwd")));
    assert!(!captured.incomplete);
}

#[tokio::test]
async fn s13_a_file_that_cannot_be_read_makes_the_capture_incomplete() {
    let (_server, dsn) = sample::install().await;
    for broken_after in [0, 3 << 20] {
        let store = Breaking { after_bytes: broken_after };
        let all = capture_with(&dsn, &mapping(), &["1"], Some(&store), Options::default()).await.unwrap();
        let (captured, kept) = &all[0];
        assert!(captured.incomplete);
        assert!(
            captured
                .manifest
                .files
                .iter()
                .filter(|file| file.path.starts_with("w1"))
                .all(|file| file.state == FileState::Unreadable)
        );
        assert!(kept.paths().iter().all(|path| !path.starts_with("files/")), "nothing of it is left");
        assert!(captured.score.total < 100);
    }
}

/// A store whose files break off.
struct Breaking {
    after_bytes: usize,
}

#[async_trait::async_trait]
impl FileStore for Breaking {
    async fn open(&self, _: &str, _: &str) -> Result<Option<OpenFile>, PortError> {
        let meta = FileMeta { size_bytes: 9, etag: None, version: None };
        let pieces = vec![Bytes::from(vec![1; 1 << 20]); self.after_bytes >> 20];
        let broken =
            stream::iter(pieces).map(Ok).chain(stream::once(async { Err(PortError::from("the disk is bad")) }));
        Ok(Some(OpenFile { meta, bytes: Box::pin(broken) }))
    }

    async fn meta(&self, _: &str, _: &str) -> Result<Option<FileMeta>, PortError> {
        Err("the disk is bad".into())
    }
}

#[tokio::test]
async fn s06_a_file_that_changes_while_it_is_read_is_an_issue() {
    let (_server, dsn) = sample::install().await;
    let (folder, stores) = photos(&[("w1/a b.jpg", b"picture"), ("w1/c.jpg", b"still")]);
    let store = Meddling {
        inner: stores,
        meddle: Box::new(move || fs::write(folder.path().join("w1/a b.jpg"), "other").expect("a file")),
    };
    let all = capture_with(&dsn, &mapping(), &["1"], Some(&store), Options::default()).await.unwrap();
    let files = &all[0].0.manifest.files;
    let state = |path: &str| files.iter().find(|file| file.path == path).unwrap().state;
    assert_eq!((state("w1/a b.jpg"), state("w1/c.jpg")), (FileState::Changed, FileState::Captured));
    assert!(all[0].0.manifest.issues.iter().any(|issue| issue.code == "file-changed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s06_a_row_that_names_another_file_by_then_is_an_issue() {
    let (server, dsn) = sample::install().await;
    let (_folder, stores) = photos(&[("w1/a b.jpg", b"picture"), ("w1/c.jpg", b"still")]);
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let admin = server.connect("postgres").await;
    let (done, finished) = std::sync::mpsc::channel::<()>();
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        told.recv().expect("a file is opened");
        runtime
            .block_on(admin.batch_execute("UPDATE photos SET others = '{w1/new.jpg}' WHERE wedding_id = 1"))
            .expect("an update");
        done.send(()).expect("the store waits");
    });
    let gate = std::sync::Mutex::new(Some((tell, finished)));
    let meddle = move || {
        if let Some((tell, finished)) = gate.lock().expect("no panic").take() {
            tell.send(()).expect("the thread waits");
            finished.recv_timeout(Duration::from_secs(5)).expect("the update is done");
        }
    };
    let store = Meddling { inner: stores, meddle: Box::new(meddle) };
    let all = tokio::task::spawn_blocking({
        let runtime = tokio::runtime::Handle::current();
        move || runtime.block_on(capture_with(&dsn, &mapping(), &["1"], Some(&store), Options::default()))
    });
    let all = all.await.unwrap().unwrap();
    let files = &all[0].0.manifest.files;
    let state = |path: &str| files.iter().find(|file| file.path == path).unwrap().state;
    assert_eq!((state("w1/a b.jpg"), state("w1/c.jpg")), (FileState::Captured, FileState::Changed));
}

/// Does something when a file's end is looked at.
struct Meddling {
    inner: Directories,
    meddle: Box<dyn Fn() + Send + Sync>,
}

#[async_trait::async_trait]
impl FileStore for Meddling {
    async fn open(&self, store: &str, path: &str) -> Result<Option<OpenFile>, PortError> {
        let opened = self.inner.open(store, path).await;
        if path == "w1/a b.jpg" {
            (self.meddle)();
        }
        opened
    }

    async fn meta(&self, store: &str, path: &str) -> Result<Option<FileMeta>, PortError> {
        self.inner.meta(store, path).await
    }
}

#[tokio::test]
async fn s10_a_deadlock_with_a_schema_change_never_ends_the_change() {
    let (server, dsn) = sample::install().await;
    let admin = server.connect("postgres").await;
    // The last table that a capture locks first, then the first one: the worst order for it.
    admin.batch_execute("BEGIN; ALTER TABLE weddings ADD COLUMN late text").await.unwrap();
    let waiting = tokio::spawn(async move { capture(&dsn, &["1"]).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    admin.batch_execute("ALTER TABLE bookings ADD COLUMN late text").await.unwrap();
    admin.batch_execute("COMMIT").await.unwrap();
    waiting.await.unwrap().unwrap();
}
