//! Merge, revert and exact; groups; twice; a wedding that is gone altogether; the side copy.

use crate::app::{App, counts, exact, groups, request, side};
use keepsake_domain::{Group, restore::Mode};
use keepsake_postgres::restore::{Error, WritePath};

const DAMAGE: &str = "DELETE FROM guests WHERE id IN (13, 14); UPDATE events SET title = 'scrambled' WHERE wedding_id = 1; \
    UPDATE bookings SET note = NULL WHERE wedding_id = 1; INSERT INTO events VALUES (1, 9, 'extra', 99); \
    INSERT INTO guests (wedding_id, name) VALUES (1, 'stranger'); DELETE FROM wishes WHERE wedding_id = 1 AND wish = 'joy'; \
    INSERT INTO wishes VALUES (1, 'rain')";

#[tokio::test]
async fn exact_brings_back_the_wedding_and_touches_nobody_else() {
    let app = App::start().await;
    let (before, others) = (app.wedding(1).await, app.others("1").await);
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (2, 0, 1, 2, 0, 0));
    assert_eq!(counts(&plan, "rsvps"), (4, 0, 0, 4, 0, 0));
    assert_eq!(counts(&plan, "events"), (0, 3, 1, 0, 0, 0));
    assert_eq!(counts(&plan, "wishes"), (2, 0, 1, 1, 0, 0));
    assert_eq!(plan.path, WritePath::Replica);
    assert_eq!(app.wedding(1).await, before);
    assert_eq!(app.others("1").await, others);
    assert!(proof.equals_capture(), "{proof:?}");
    assert_eq!(proof.preview_hash, plan.preview_hash);
}

#[tokio::test]
async fn merge_brings_back_what_is_missing_and_leaves_the_rest() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let (plan, proof) = app.restore(&source, &request(1, Mode::Merge)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (2, 0, 0, 2, 1, 0));
    assert_eq!(counts(&plan, "events"), (0, 0, 0, 0, 4, 0));
    assert_eq!(app.value("SELECT count(*) FROM events WHERE title = 'scrambled'").await, "3");
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE wedding_id = 1").await, "5");
    assert!(!proof.equals_capture());
}

#[tokio::test]
async fn revert_sets_back_changes_and_keeps_what_came_since() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let (plan, _) = app.restore(&source, &request(1, Mode::Revert)).await.unwrap();
    assert_eq!(counts(&plan, "events"), (0, 3, 0, 0, 1, 0));
    assert_eq!(app.value("SELECT count(*) FROM events WHERE wedding_id = 1").await, "4");
    assert_eq!(app.value("SELECT note FROM bookings WHERE wedding_id = 1").await, "note 1");
}

#[tokio::test]
async fn only_the_groups_asked_for_are_restored() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let (plan, _) = app.restore(&source, &groups(exact(1), &[Group::Timeline])).await.unwrap();
    assert_eq!(plan.tables.len(), 1);
    assert_eq!(app.value("SELECT count(*) FROM events WHERE title = 'scrambled' OR no = 9").await, "0");
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE wedding_id = 1").await, "3");
}

#[tokio::test]
async fn a_second_restore_changes_nothing_and_the_preview_is_stable() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let first = app.plan(&source, &exact(1)).await.unwrap();
    assert_eq!(first.preview_hash, app.plan(&source, &exact(1)).await.unwrap().preview_hash);
    app.restore(&source, &exact(1)).await.unwrap();
    let (again, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert!(again.is_empty() && again.preview_hash != first.preview_hash);
    assert_eq!((proof.changed(), proof.equals_capture()), (0, true));
}

#[tokio::test]
async fn a_deleted_wedding_comes_back_with_all_its_rows() {
    let app = App::start().await;
    let (before, others) = (app.wedding(1).await, app.others("1").await);
    let source = app.capture(1).await;
    app.sql(
        "BEGIN; SET session_replication_role = replica; DELETE FROM notes WHERE id < 20; DELETE FROM rsvps WHERE wedding_id = 1; \
         DELETE FROM events WHERE wedding_id = 1; DELETE FROM messages WHERE wedding_id = 1; DELETE FROM wishes WHERE wedding_id = 1; \
         DELETE FROM bookings WHERE wedding_id = 1; DELETE FROM guests WHERE wedding_id = 1; DELETE FROM weddings WHERE id = 1; \
         SET session_replication_role = origin; COMMIT",
    )
    .await;
    let partial = app.plan(&source, &groups(exact(1), &[Group::Guests])).await.unwrap();
    assert!(partial.refusals[0].contains("restore the group `wedding` too"), "{:?}", partial.refusals);
    let (plan, proof) = app.restore(&source, &request(1, Mode::Merge)).await.unwrap();
    assert!(!plan.root_exists && proof.equals_capture());
    assert_eq!(app.wedding(1).await, before);
    assert_eq!(app.others("1").await, others);
}

#[tokio::test]
async fn truncated_tables_are_filled_for_this_wedding_only() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("TRUNCATE rsvps, wishes").await;
    app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(app.value("SELECT count(*) || ' ' || count(*) FILTER (WHERE wedding_id = 1) FROM rsvps").await, "8 8");
    assert_eq!(app.value("SELECT count(*) FROM wishes").await, "3");
}

#[tokio::test]
async fn the_side_copy_touches_nothing_live_and_refuses_a_schema_that_exists() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(DAMAGE).await;
    let live = app.others("0").await;
    let (plan, proof) = app.restore(&source, &side(1, "Look \"here\"")).await.unwrap();
    assert_eq!(plan.path, WritePath::Side);
    assert!(proof.equals_capture());
    assert_eq!(app.others("0").await, live);
    assert_eq!(app.value(r#"SELECT count(*) FROM "Look ""here""".guests"#).await, "4");
    let again = app.plan(&source, &side(1, "Look \"here\"")).await.unwrap();
    assert!(again.refusals[0].contains("exists already"));
    assert!(matches!(app.apply(&source, &again, |_| ()).await, Err(Error::Refused(_))));
    assert!(!app.plan(&source, &side(1, "pg_mine")).await.unwrap().refusals.is_empty());
}

#[tokio::test]
async fn a_capture_of_another_wedding_is_refused() {
    let app = App::start().await;
    let source = app.capture(1).await;
    assert!(matches!(app.plan(&source, &exact(2)).await, Err(Error::OtherWedding { .. })));
    assert!(app.plan(&source, &keepsake_postgres::restore::Request::whole(" 001")).await.unwrap().is_empty());
    let nonsense = app.plan(&source, &keepsake_postgres::restore::Request::whole("Aunt May")).await.unwrap_err();
    assert!(!nonsense.to_string().contains("Aunt May"), "{nonsense}");
}
