//! Rows that are not this wedding's alone, values held by others, parents that are gone.

use crate::app::{App, Kept, counts, exact, leak, request, rule};
use keepsake_domain::restore::{ConflictRule, Mode};
use keepsake_postgres::restore::{ConflictKind, Error, Overlay, Plan, RowChange};
use std::sync::Arc;

fn conflict(plan: &Plan, table: &str) -> ConflictKind {
    let table = plan.table(&format!("public.{table}").parse().unwrap()).unwrap();
    table.rows.iter().find_map(|row| row.conflict.clone()).unwrap()
}

#[tokio::test]
async fn s01_a_row_that_moved_to_another_wedding_is_left_alone_by_default() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("UPDATE guests SET wedding_id = 2, plus_one_of = NULL WHERE id = 14; UPDATE guests SET name = 'changed' WHERE id = 13").await;
    let others = app.others("1").await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (0, 1, 0, 2, 0, 1));
    assert_eq!(conflict(&plan, "guests"), ConflictKind::OwnedElsewhere);
    assert_eq!(app.others("1").await, others);
    assert_eq!(app.value("SELECT wedding_id FROM guests WHERE id = 14").await, "2");
    assert!(!proof.equals_capture());
    let refused = app.restore(&source, &rule(exact(1), ConflictRule::Fail)).await;
    assert!(matches!(refused, Err(Error::Conflicts { count }) if count > 0), "{refused:?}");
}

#[tokio::test]
async fn s01_a_row_of_two_weddings_is_neither_changed_nor_deleted() {
    let app = App::start().await;
    // An answer that joins a guest of wedding 1 with an event of wedding 2.
    app.sql("INSERT INTO rsvps VALUES (12, 2, 3, 'yes')").await;
    let source = app.capture(1).await;
    app.sql("UPDATE rsvps SET answer = 'no' WHERE guest_id = 12; INSERT INTO rsvps VALUES (13, 2, 3, 'new')").await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "rsvps"), (0, 2, 0, 6, 0, 2));
    assert_eq!(conflict(&plan, "rsvps"), ConflictKind::Shared { owners: 2 });
    assert_eq!(
        app.value("SELECT string_agg(answer, ' ' ORDER BY guest_id) FROM rsvps WHERE event_no = 3").await,
        "no new"
    );
}

#[tokio::test]
async fn a_parent_left_with_another_wedding_leaves_its_children() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(
        "DELETE FROM rsvps WHERE guest_id = 14; UPDATE guests SET wedding_id = 2, plus_one_of = NULL WHERE id = 14",
    )
    .await;
    let others = app.others("1").await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "rsvps"), (0, 0, 0, 6, 0, 2));
    assert_eq!(conflict(&plan, "rsvps"), ConflictKind::ParentElsewhere { table: "public.guests".parse().unwrap() });
    assert_eq!(app.others("1").await, others);
}

#[tokio::test]
async fn taking_a_row_back_is_undone_into_the_wedding_it_came_from() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("UPDATE guests SET wedding_id = 2, plus_one_of = NULL, email = 'new@w2' WHERE id = 14; DELETE FROM rsvps WHERE guest_id = 14")
        .await;
    app.sql("INSERT INTO notes VALUES (99, '{\"guest_id\": 14, \"text\": \"by wedding 2\"}')").await;
    let before = app.others("0").await;
    let (saved, spool) = (app.capture(1).await, Kept::default());
    let take = rule(exact(1), ConflictRule::Take);
    let plan = app.plan(&source, &take).await.unwrap();
    assert!(plan.tables.iter().flat_map(|table| &table.rows).any(|row| row.change == RowChange::Take));
    let manifest = saved.manifest();
    let without =
        app.apply(&source, &plan, |options| options.saved = Some(Box::leak(Box::new(manifest.clone())))).await;
    assert!(matches!(without, Err(Error::NoSpool)), "{without:?}");
    let proof = app
        .apply(&source, &plan, |options| {
            options.saved = Some(Box::leak(Box::new(manifest.clone())));
            options.spool = Some(Box::leak(Box::new(spool.clone())));
        })
        .await
        .unwrap();
    assert!(proof.difference_saved);
    assert_eq!(app.value("SELECT wedding_id || ' ' || email FROM guests WHERE id = 14").await, "1 g4@w1");
    let undo = Overlay { over: Arc::new(spool), base: Arc::new(saved) };
    let plan = app.plan_with(&undo, &exact(1), Default::default()).await.unwrap();
    let pinned = leak(&plan.preview_hash);
    app.apply(&undo, &plan, |options| options.pinned_hash = Some(pinned)).await.unwrap();
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn rows_outside_the_mapping_that_refer_to_an_extra_row_keep_it() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(
        "INSERT INTO guests (id, wedding_id, name) OVERRIDING SYSTEM VALUE VALUES (50, 1, 'extra'), (51, 1, 'other'); \
         INSERT INTO audit (guest_id, what) VALUES (50, 'x')",
    )
    .await;
    let others = app.others("1").await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (0, 0, 1, 4, 0, 1));
    assert_eq!(conflict(&plan, "guests"), ConflictKind::Referenced { by: "public.audit".parse().unwrap(), rows: 1 });
    assert_eq!(app.others("1").await, others);
}

#[tokio::test]
async fn an_updated_row_is_not_deleted_with_what_hung_on_it_outside_the_scope() {
    // Delete and insert would cascade into `audit`; an update by key does not.
    let app = App::start().await;
    app.sql("INSERT INTO audit (guest_id, what) VALUES (12, 'kept')").await;
    let source = app.capture(1).await;
    app.sql("UPDATE guests SET name = 'changed' WHERE id = 12").await;
    for role in [Default::default(), keepsake_postgres::restore::ReplicaRole::Never] {
        let plan = app.plan_with(&source, &exact(1), role).await.unwrap();
        app.apply(&source, &plan, |options| options.replica_role = role).await.unwrap();
        assert_eq!(app.value("SELECT what FROM audit").await, "kept");
        app.sql("UPDATE guests SET name = 'changed' WHERE id = 12").await;
    }
}

#[tokio::test]
async fn a_unique_value_taken_meanwhile_is_a_conflict_with_all_that_hangs_on_the_row() {
    let app = App::start().await;
    app.sql("INSERT INTO guests (id, wedding_id, name) OVERRIDING SYSTEM VALUE VALUES (15, 1, 'No Mail')").await;
    let source = app.capture(1).await;
    app.sql(
        "DELETE FROM guests WHERE id IN (14, 15); INSERT INTO guests (wedding_id, name, email) VALUES (1, 'Again', 'g4@w1'); \
         INSERT INTO guests (wedding_id, name) VALUES (1, 'NO MAIL')",
    )
    .await;
    let plan = app.plan(&source, &request(1, Mode::Merge)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (0, 0, 0, 3, 2, 2));
    assert_eq!(conflict(&plan, "guests"), ConflictKind::UniqueTaken { index: "guests_email".to_owned() });
    assert_eq!(counts(&plan, "rsvps"), (0, 0, 0, 6, 0, 2));
    let json = plan.to_json();
    assert!(json.contains("guests_lower_name") && !json.contains("Again"), "{json}");
    let (_, proof) = app.restore(&source, &request(1, Mode::Merge)).await.unwrap();
    assert_eq!(proof.changed(), 0);
    // Exact removes the newcomers, which frees the values.
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert!(proof.equals_capture());
}

#[tokio::test]
async fn s05_missing_shared_and_identity_rows_become_null_or_a_conflict_and_are_never_inserted() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(
        "DELETE FROM bookings WHERE wedding_id = 1; UPDATE bookings SET backup_id = 3; UPDATE weddings SET planner = NULL; \
         DELETE FROM vendors WHERE id = 4; DELETE FROM auth.users",
    )
    .await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    let bookings = plan.table(&"public.bookings".parse().unwrap()).unwrap();
    assert_eq!(bookings.rows[0].nulled, ["backup_id"]);
    assert_eq!(counts(&plan, "weddings").3, 1, "{:?}", plan.table(&"public.weddings".parse().unwrap()));
    assert_eq!(
        app.value("SELECT vendor_id || ' ' || coalesce(backup_id::text, 'none') FROM bookings WHERE wedding_id = 1")
            .await,
        "1 none"
    );
    assert_eq!(app.value("SELECT count(*) FROM auth.users").await, "0");
    assert_eq!(app.value("SELECT count(*) FROM vendors").await, "3");
    assert!(app.plan(&source, &exact(1)).await.unwrap().is_empty());
    app.sql("DELETE FROM bookings WHERE wedding_id = 1; DELETE FROM vendors WHERE id = 1").await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    assert_eq!(conflict(&plan, "bookings"), ConflictKind::ParentMissing { table: "public.vendors".parse().unwrap() });
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(proof.changed(), 0);
}

#[tokio::test]
async fn a_shared_row_that_changed_is_never_overwritten() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("UPDATE vendors SET name = 'Renamed'; DELETE FROM bookings WHERE wedding_id = 1").await;
    app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(app.value("SELECT count(*) FROM vendors WHERE name = 'Renamed'").await, "4");
    assert_eq!(app.value("SELECT count(*) FROM bookings").await, "3");
}
