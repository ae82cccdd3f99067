//! Undo is a restore from the pre-recovery capture; so is undoing the undo.

use crate::app::{App, Kept, exact, groups};
use keepsake_domain::Group;
use keepsake_postgres::restore::{DirectorySource, DirectorySpool, Overlay};
use std::sync::Arc;

const DAMAGE: &str = "DELETE FROM guests WHERE id IN (13, 14); UPDATE events SET title = 'scrambled' WHERE wedding_id = 1; \
    INSERT INTO events VALUES (1, 9, 'extra', 99); UPDATE messages SET sent_on = '2027-01-01' WHERE wedding_id = 1; \
    UPDATE weddings SET title = 'renamed', planner = NULL WHERE id = 1";

#[tokio::test]
async fn s08_undo_and_redo_survive_repeated_use() {
    let app = App::start().await;
    let good = app.others("0").await;
    let point = app.capture(1).await;
    app.sql("DELETE FROM notes WHERE id IN (13, 14)").await;
    app.sql(DAMAGE).await;
    let damaged = app.others("0").await;
    let mut sources = vec![point];
    for round in 0..4 {
        let saved = app.capture(1).await;
        let (_, proof) = app.restore(&sources[round], &exact(1)).await.unwrap();
        assert!(proof.equals_capture(), "round {round}: {proof:?}");
        assert_eq!(app.others("0").await, if round % 2 == 0 { good.clone() } else { damaged.clone() }, "round {round}");
        sources.push(saved);
    }
}

#[tokio::test]
async fn s08_undo_of_a_group_leaves_the_other_groups() {
    let app = App::start().await;
    let point = app.capture(1).await;
    app.sql(DAMAGE).await;
    let timeline = groups(exact(1), &[Group::Timeline]);
    let saved = app.capture(1).await;
    app.restore(&point, &timeline).await.unwrap();
    app.sql("UPDATE bookings SET note = 'after' WHERE wedding_id = 1").await;
    app.restore(&saved, &timeline).await.unwrap();
    assert_eq!(app.value("SELECT count(*) FROM events WHERE title = 'scrambled'").await, "3");
    assert_eq!(app.value("SELECT note FROM bookings WHERE wedding_id = 1").await, "after");
}

#[tokio::test]
async fn s08_undo_brings_back_what_changed_after_the_pre_recovery_capture() {
    let app = App::start().await;
    let point = app.capture(1).await;
    app.sql(DAMAGE).await;
    let plan = app.plan(&point, &exact(1)).await.unwrap();
    let saved = app.capture(1).await;
    // Someone works on while the restore is being decided.
    app.sql("UPDATE guests SET name = 'edited meanwhile' WHERE id = 12; INSERT INTO wishes VALUES (1, 'late')").await;
    let before = app.others("0").await;
    let folder = tempfile::tempdir().unwrap();
    let spool = DirectorySpool::new(folder.path().join("difference"));
    let manifest = saved.manifest();
    let proof = app
        .apply(&point, &plan, |options| {
            options.saved = Some(Box::leak(Box::new(manifest.clone())));
            options.spool = Some(Box::leak(Box::new(spool.clone())));
        })
        .await
        .unwrap();
    assert!(proof.difference_saved && proof.equals_capture());
    let over = DirectorySource::new(folder.path().join("difference"));
    let undo = Overlay { over: Arc::new(over), base: Arc::new(saved) };
    let plan = app.plan_with(&undo, &exact(1), Default::default()).await.unwrap();
    let proof = app.apply(&undo, &plan, |_| ()).await.unwrap();
    assert!(proof.equals_capture());
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn nothing_is_spooled_when_nothing_changed() {
    let app = App::start().await;
    let point = app.capture(1).await;
    app.sql("DELETE FROM notes WHERE id IN (13, 14)").await;
    app.sql(DAMAGE).await;
    let (saved, spool) = (app.capture(1).await.manifest(), Kept::default());
    let plan = app.plan(&point, &exact(1)).await.unwrap();
    let proof = app
        .apply(&point, &plan, |options| {
            options.saved = Some(Box::leak(Box::new(saved.clone())));
            options.spool = Some(Box::leak(Box::new(spool.clone())));
        })
        .await
        .unwrap();
    assert!(!proof.difference_saved && spool.get("manifest.json").is_none());
}
