//! The schema is not what it was at the capture.

use crate::app::{App, counts, exact, groups, side};
use keepsake_domain::Group;
use keepsake_postgres::restore::Error;

#[tokio::test]
async fn added_columns_keep_their_values_and_get_their_defaults() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(
        "ALTER TABLE events ADD COLUMN colour text DEFAULT 'white', ADD COLUMN n serial; UPDATE events SET colour = 'red'; \
         UPDATE events SET title = 'changed' WHERE wedding_id = 1 AND no = 1; DELETE FROM events WHERE wedding_id = 1 AND no = 3; \
         UPDATE events SET seats = 1000 WHERE wedding_id = 1 AND no = 1; UPDATE events SET seats = 10 WHERE wedding_id = 1 AND no = 2; \
         UPDATE events SET seats = 20 WHERE wedding_id = 1 AND no = 1",
    )
    .await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    let events = plan.table(&"public.events".parse().unwrap()).unwrap();
    assert_eq!(events.drift.added, ["colour", "n"]);
    assert!(proof.equals_capture());
    // Parked rows were written anew, with what they had in the new columns.
    let colours =
        "SELECT string_agg(title || ' ' || seats || ' ' || colour, ', ' ORDER BY no) FROM events WHERE wedding_id = 1";
    assert_eq!(app.value(colours).await, "Event 1 10 red, Event 2 20 red, Event 3 30 white");
}

#[tokio::test]
async fn an_added_column_that_nothing_can_fill_refuses_missing_rows_of_that_table_only() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql(
        "DELETE FROM events WHERE no = 3; ALTER TABLE events ADD COLUMN must text; UPDATE events SET must = 'x'; \
             ALTER TABLE events ALTER must SET NOT NULL; UPDATE bookings SET note = 'x' WHERE wedding_id = 1",
    )
    .await;
    let plan = app.plan(&source, &exact(1)).await.unwrap();
    assert!(plan.refusals[0].contains("public.events") && plan.refusals[0].contains("must"), "{:?}", plan.refusals);
    assert!(matches!(app.apply(&source, &plan, |_| ()).await, Err(Error::Refused(_))));
    app.restore(&source, &groups(exact(1), &[Group::Vendors])).await.unwrap();
    assert_eq!(app.value("SELECT note FROM bookings WHERE wedding_id = 1").await, "note 1");
}

#[tokio::test]
async fn dropped_columns_are_named_and_the_rest_is_restored() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("ALTER TABLE bookings DROP COLUMN note; DELETE FROM bookings WHERE wedding_id = 1").await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.contains("note")), "{:?}", plan.warnings);
    assert_eq!(app.value("SELECT vendor_id FROM bookings WHERE wedding_id = 1").await, "1");
    assert!(!proof.equals_capture());
    // The side copy has everything.
    app.apply(&source, &app.plan(&source, &side(1, "look")).await.unwrap(), |_| ()).await.unwrap();
    assert_eq!(app.value("SELECT note FROM look.bookings").await, "note 1");
}

#[tokio::test]
async fn retyped_columns_are_converted_or_refused_with_the_reason() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("ALTER TABLE events ALTER seats TYPE numeric(12, 2); UPDATE events SET seats = 11.50 WHERE wedding_id = 1 AND no = 1").await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "events"), (0, 1, 0, 2, 0, 0));
    assert_eq!(app.value("SELECT seats FROM events WHERE wedding_id = 1 AND no = 1").await, "10.00");
    for (change, why) in [
        ("ALTER TABLE events ALTER title TYPE varchar(4) USING left(title, 4)", "would be cut"),
        ("ALTER TABLE events ALTER title TYPE int USING 0", "do not fit"),
    ] {
        app.sql(change).await;
        let plan = app.plan(&source, &exact(1)).await.unwrap();
        assert!(plan.refusals[0].contains(why) && plan.refusals[0].contains("title"), "{:?}", plan.refusals);
        assert!(!plan.to_json().contains("Event 1"));
    }
    let timeline = app.plan(&source, &groups(exact(1), &[Group::Vendors])).await.unwrap();
    assert!(timeline.refusals.is_empty());
}

#[tokio::test]
async fn a_mapped_table_or_key_that_is_gone_is_refused() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("ALTER TABLE notes RENAME TO remarks").await;
    let refused = app.plan(&source, &exact(1)).await;
    assert!(matches!(&refused, Err(Error::Refused(why)) if why[0].contains("public.notes")), "{refused:?}");
}
