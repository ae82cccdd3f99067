//! Damaged captures, crashes, cancellation.

use crate::app::{App, Kept, exact};
use keepsake_postgres::restore::{ApplyOptions, Error, Limits, Line, Request, apply, outcome};
use keepsake_postgres::{restore, schema};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn damaged_captures_are_refused_with_the_file_named() {
    let app = App::start().await;
    let whole = app.capture(1).await;
    let path = "rows/public.guests.copy";
    let rows = whole.get(path).unwrap();
    let cases: Vec<(Option<Vec<u8>>, &str)> = vec![
        (None, "has no file"),
        (Some(rows[..rows.len() - 3].to_vec()), "cut off"),
        (Some([&rows[..], b"1\t2\n"].concat()), "number of columns"),
        (
            Some(rows.split_inclusive(|byte| *byte == b'\n').skip(1).collect::<Vec<_>>().concat()),
            "rows where the manifest says",
        ),
    ];
    for (bytes, expected) in cases {
        let damaged = Kept::default();
        for file in ["manifest.json", "schema/schema.json"]
            .into_iter()
            .map(str::to_owned)
            .chain(whole.manifest().tables.into_iter().map(|t| t.path))
        {
            damaged.put(&file, whole.get(&file).unwrap());
        }
        match bytes {
            Some(bytes) => damaged.put(path, bytes),
            None => damaged.remove(path),
        }
        let error = app.plan(&damaged, &exact(1)).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("guests.copy"), "{expected}: {error}");
    }
    let newer = Kept::default();
    newer.put(
        "manifest.json",
        String::from_utf8(whole.get("manifest.json").unwrap().to_vec())
            .unwrap()
            .replacen("\"version\": 1", "\"version\": 99", 1)
            .replacen("\"version\":1", "\"version\":99", 1),
    );
    assert!(matches!(app.plan(&newer, &exact(1)).await, Err(Error::Version { found: 99, .. })));
    assert!(matches!(app.plan(&Kept::default(), &exact(1)).await, Err(Error::MissingFile(_))));
}

#[tokio::test]
async fn rows_beyond_the_limit_are_refused_before_memory_is() {
    let app = App::start().await;
    let source = app.capture(1).await;
    let small = Request { limits: Limits { held_bytes: 500, listed_rows: 10 }, ..exact(1) };
    assert!(matches!(app.plan(&source, &small).await, Err(Error::TooLarge { .. })));
    app.sql("DELETE FROM guests WHERE id = 14; DELETE FROM guests WHERE id = 13").await;
    let short = Request { limits: Limits { listed_rows: 1, ..Limits::default() }, ..exact(1) };
    let plan = app.plan(&source, &short).await.unwrap();
    let guests = plan.table(&"public.guests".parse().unwrap()).unwrap();
    assert_eq!((guests.rows.len(), guests.rows_not_listed, guests.insert), (1, 1, 2));
    assert_eq!(plan.preview_hash, app.plan(&source, &exact(1)).await.unwrap().preview_hash);
}

/// Starts a restore that stops in its last statement before the commit, and waits until it is there.
async fn paused(app: &mut App) -> (Kept, CancellationToken, tokio::task::JoinHandle<Result<restore::Proof, Error>>) {
    app.mapping.rules.after_restore = vec!["SELECT pg_sleep(20)".to_owned()];
    let source = app.capture(1).await;
    app.sql("DELETE FROM guests WHERE id IN (13, 14); UPDATE events SET title = 'scrambled' WHERE wedding_id = 1")
        .await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    let (mut session, mapping, kept, cancel) =
        (app.session().await, app.mapping.clone(), source.clone(), CancellationToken::new());
    let schema = schema::read(&session.client).await.unwrap();
    let token = cancel.clone();
    let running = tokio::spawn(async move {
        let options = ApplyOptions { attempts: 1, ..ApplyOptions::new("op", &token) };
        apply(&mut session, &schema, &mapping, &kept, &plan, &options).await
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'";
    while app.value(waiting).await == "0" {
        assert!(!running.is_finished(), "{:?}", running.await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (source, cancel, running)
}

#[tokio::test]
async fn a_server_that_crashes_before_the_commit_has_changed_nothing_and_the_restore_can_be_repeated() {
    let mut app = App::start().await;
    let (source, _, running) = paused(&mut app).await;
    app.server.cluster().crash().unwrap();
    assert!(matches!(running.await.unwrap(), Err(Error::Database { .. })));
    app.server.cluster().start(&[("fsync", "off")]).unwrap();
    app.client = app.server.connect("app").await;
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE wedding_id = 1").await, "2");
    assert_eq!(app.value("SELECT count(*) FROM events WHERE title = 'scrambled'").await, "3");
    app.mapping.rules.after_restore.clear();
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert!(proof.equals_capture());
    assert_eq!(outcome(&app.session().await, proof.transaction).await.unwrap(), Some(true));
}

#[tokio::test]
async fn a_killed_session_and_a_cancelled_restore_leave_nothing_behind() {
    let mut app = App::start().await;
    let (source, _, running) = paused(&mut app).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'";
    app.sql(kill).await;
    assert!(running.await.unwrap().is_err());
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE wedding_id = 1").await, "2");
    let (_, cancel, running) = paused(&mut app).await;
    cancel.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    assert_eq!(app.value(locks).await, "0");
    app.mapping.rules.after_restore.clear();
    assert!(app.restore(&source, &exact(1)).await.unwrap().1.equals_capture());
}

#[test]
fn lines_show_no_values() {
    assert_eq!(format!("{:?}", Line::default()), "Line(0 bytes)");
}
