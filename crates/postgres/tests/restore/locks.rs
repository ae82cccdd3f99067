//! Beside a live application: what is locked, how strongly, and what happens to those who came first.

use crate::app::{App, Kept, exact};
use keepsake_domain::restore::Mode;
use keepsake_postgres::{
    capture::{FileSink, PortError, Sink},
    restore::{ApplyOptions, Error, Spool, apply},
    schema,
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const DAMAGE: &str = "DELETE FROM guests WHERE id = 14; UPDATE events SET title = 'x' WHERE wedding_id = 1";

/// A restore that stands still before its commit, with all its locks and changes.
async fn standing(
    app: &mut App,
) -> (CancellationToken, tokio::task::JoinHandle<Result<keepsake_postgres::restore::Proof, Error>>) {
    app.mapping.rules.after_restore = vec!["SELECT pg_sleep(20)".to_owned()];
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    let (mut session, mapping, cancel) = (app.session().await, app.mapping.clone(), CancellationToken::new());
    let schema = schema::read(&session.client).await.unwrap();
    let token = cancel.clone();
    let running = tokio::spawn(async move {
        let options = ApplyOptions { attempts: 1, ..ApplyOptions::new("op", &token) };
        apply(&mut session, &schema, &mapping, &source, &plan, &options).await
    });
    while app
        .value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'")
        .await
        == "0"
    {
        assert!(!running.is_finished(), "{:?}", running.await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.mapping.rules.after_restore.clear();
    (cancel, running)
}

/// The SQLSTATE of a statement that may not wait.
async fn state(app: &App, sql: &str) -> String {
    let client = app.server.connect("app").await;
    client.batch_execute("SET lock_timeout = '300ms'").await.unwrap();
    match client.batch_execute(sql).await {
        Ok(()) => "done".to_owned(),
        Err(error) => error.code().unwrap().code().to_owned(),
    }
}

#[tokio::test]
async fn s02_every_row_of_the_wedding_is_locked_and_nothing_stronger_than_row_exclusive() {
    let mut app = App::start().await;
    let (cancel, running) = standing(&mut app).await;
    let strong = "SELECT string_agg(DISTINCT l.mode || ' ' || c.relname, ', ') FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
        WHERE l.pid <> pg_backend_pid() AND c.relpersistence = 'p' AND c.relnamespace <> 'pg_catalog'::regnamespace \
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')";
    assert_eq!(app.value(strong).await, "null");
    // Untouched rows of the wedding, new children at every level, and the parents they hang on.
    for blocked in [
        "UPDATE guests SET name = 'y' WHERE id = 12",
        "INSERT INTO guests (wedding_id, name) VALUES (1, 'z')",
        "INSERT INTO rsvps VALUES (12, 1, 3, 'yes')",
        "UPDATE weddings SET title = 'z' WHERE id = 1",
        "DELETE FROM messages WHERE wedding_id = 1",
    ] {
        assert_eq!(state(&app, blocked).await, "55P03", "{blocked}");
    }
    // Other weddings work on.
    for free in [
        "UPDATE guests SET name = 'y' WHERE id = 22",
        "INSERT INTO guests (wedding_id, name) VALUES (2, 'z')",
        "UPDATE vendors SET name = name",
    ] {
        assert_eq!(state(&app, free).await, "done", "{free}");
    }
    cancel.cancel();
    assert!(matches!(running.await.unwrap(), Err(Error::Cancelled)));
}

#[tokio::test]
async fn s02_parents_outside_the_scope_cannot_be_deleted_beside_the_restore() {
    let mut app = App::start().await;
    app.mapping.rules.after_restore = vec!["SELECT pg_sleep(20)".to_owned()];
    let source = app.capture(1).await;
    app.sql("DELETE FROM bookings; CREATE TABLE never (id int)").await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    let (mut session, mapping, cancel) = (app.session().await, app.mapping.clone(), CancellationToken::new());
    let schema = schema::read(&session.client).await.unwrap();
    let token = cancel.clone();
    let running = tokio::spawn(async move {
        apply(&mut session, &schema, &mapping, &source, &plan, &ApplyOptions::new("op", &token)).await
    });
    while app
        .value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'")
        .await
        == "0"
    {
        assert!(!running.is_finished());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(state(&app, "DELETE FROM vendors WHERE id = 1").await, "55P03");
    assert_eq!(state(&app, "DELETE FROM vendors WHERE id = 2").await, "done");
    cancel.cancel();
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn s02_a_pinned_preview_refuses_when_a_row_was_edited_since_and_an_unpinned_one_saves_it() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    let saved = app.capture(1).await;
    app.sql("UPDATE guests SET name = 'edited' WHERE id = 12").await;
    let pinned: &'static str = crate::app::leak(&plan.preview_hash);
    let refused = app.apply(&source, &plan, |options| options.pinned_hash = Some(pinned)).await;
    assert!(matches!(refused, Err(Error::PlanChanged { .. })), "{refused:?}");
    assert_eq!(app.value("SELECT name FROM guests WHERE id = 12").await, "edited");
    let manifest: &'static _ = Box::leak(Box::new(saved.manifest()));
    let no_spool = app.apply(&source, &plan, |options| options.saved = Some(manifest)).await;
    assert!(matches!(no_spool, Err(Error::NoSpool)));
    let broken = app
        .apply(&source, &plan, |options| {
            options.saved = Some(manifest);
            options.spool = Some(&Broken);
        })
        .await;
    assert!(matches!(broken, Err(Error::Spool(_))));
    assert_eq!(app.value("SELECT name FROM guests WHERE id = 12").await, "edited");
    let spool: &'static Kept = Box::leak(Box::new(Kept::default()));
    let proof = app
        .apply(&source, &plan, |options| {
            options.saved = Some(manifest);
            options.spool = Some(spool);
        })
        .await
        .unwrap();
    assert!(proof.difference_saved && proof.equals_capture());
    let kept = String::from_utf8(spool.get("rows/public.guests.copy").unwrap().to_vec()).unwrap();
    assert!(kept.contains("edited") && spool.get("rows/public.events.copy").is_none());
}

/// A spool on a full disk.
struct Broken;

#[async_trait::async_trait]
impl Spool for Broken {
    async fn begin(&self) -> Result<Arc<dyn Sink>, PortError> {
        Ok(Arc::new(Self))
    }

    async fn commit(&self) -> Result<(), PortError> {
        Err("no space left on device".into())
    }
}

#[async_trait::async_trait]
impl Sink for Broken {
    async fn create(&self, _path: &str) -> Result<Box<dyn FileSink>, PortError> {
        Err("no space left on device".into())
    }
}

#[tokio::test]
async fn a_row_inserted_while_the_locks_are_taken_is_seen_by_the_plan_under_them() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    // An open transaction of the application holds a row and has added a guest.
    let other = app.server.connect("app").await;
    other
        .batch_execute("BEGIN; INSERT INTO guests (id, wedding_id, name) OVERRIDING SYSTEM VALUE VALUES (70, 1, 'late'); UPDATE events SET title = 'late' WHERE wedding_id = 1 AND no = 1")
        .await
        .unwrap();
    let running = app.apply(&source, &plan, |options| options.lock_timeout = Duration::from_secs(5));
    let commit = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (proof, ()) = tokio::join!(running, commit);
    assert!(proof.unwrap().equals_capture());
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE id = 70").await, "0");
}

#[tokio::test]
async fn rows_that_stay_locked_end_in_a_clear_refusal() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    let other = app.server.connect("app").await;
    other.batch_execute("BEGIN; UPDATE guests SET name = 'held' WHERE id = 12").await.unwrap();
    let refused = app
        .apply(&source, &plan, |options| {
            options.lock_timeout = Duration::from_millis(100);
            options.attempts = 2;
        })
        .await;
    assert!(matches!(refused, Err(Error::Busy { attempts: 2, .. })), "{refused:?}");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(app.apply(&source, &plan, |_| ()).await.unwrap().equals_capture());
}

#[tokio::test]
async fn two_restores_of_one_wedding_wait_for_each_other() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    let (one, two) = tokio::join!(app.apply(&source, &plan, |_| ()), app.apply(&source, &plan, |_| ()));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.equals_capture() && two.equals_capture());
    assert_eq!(one.changed().min(two.changed()), 0, "the second had nothing to do");
}

#[tokio::test]
async fn a_merge_beside_edits_of_other_weddings_loses_none_of_them() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&source, &crate::app::request(1, Mode::Merge)).await.unwrap();
    let edits = async {
        for n in 0..30 {
            app.sql(&format!(
                "UPDATE guests SET name = 'edit {n}' WHERE wedding_id = 2; INSERT INTO wishes VALUES (3, 'wish {n}')"
            ))
            .await;
        }
    };
    let (proof, ()) = tokio::join!(app.apply(&source, &plan, |_| ()), edits);
    proof.unwrap();
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE name = 'edit 29'").await, "4");
    assert_eq!(app.value("SELECT count(*) FROM wishes WHERE wedding_id = 3").await, "33");
}
