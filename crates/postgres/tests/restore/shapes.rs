//! Shapes of tables: partitions, unique swaps, sequences, triggers, row-level security, no replica role.

use crate::app::{App, counts, exact};
use keepsake_postgres::restore::{Error, ReplicaRole, WritePath};

#[tokio::test]
async fn s04_a_row_whose_partition_key_moved_is_matched_and_leaves_no_second_row() {
    for role in [ReplicaRole::Auto, ReplicaRole::Never] {
        let app = App::start().await;
        let before = app.wedding(1).await;
        let source = app.capture(1).await;
        app.sql("UPDATE messages SET sent_on = sent_on + 400 WHERE wedding_id = 1 AND sent_on < '2026-01-01'").await;
        let plan = app.plan_with(&source, &exact(1), role).await.unwrap();
        let messages = plan.table(&"public.messages".parse().unwrap()).unwrap();
        assert_eq!((messages.update, messages.moved, messages.delete, messages.insert), (1, 1, 0, 0), "{messages:?}");
        app.apply(&source, &plan, |options| options.replica_role = role).await.unwrap();
        assert_eq!(app.wedding(1).await, before);
    }
}

#[tokio::test]
async fn exchanged_unique_values_are_parked() {
    let app = App::start().await;
    let before = app.others("0").await;
    let source = app.capture(1).await;
    let swap = "UPDATE guests SET email = NULL WHERE id = 11; UPDATE guests SET email = 'g1@w1' WHERE id = 12; \
                UPDATE guests SET email = 'g2@w1' WHERE id = 11";
    app.sql(swap).await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (0, 2, 0, 2, 0, 0));
    assert_eq!(app.others("0").await, before);
    // Without replica role a nullable column is freed first ...
    app.sql(swap).await;
    let plan = app.plan_with(&source, &exact(1), ReplicaRole::Never).await.unwrap();
    app.apply(&source, &plan, |options| options.replica_role = ReplicaRole::Never).await.unwrap();
    assert_eq!(app.others("0").await, before);
    // ... and one that is NOT NULL cannot be.
    app.sql(
        "UPDATE events SET seats = 1000 WHERE wedding_id = 1 AND no = 1; UPDATE events SET seats = 10 WHERE wedding_id = 1 AND no = 2; \
         UPDATE events SET seats = 20 WHERE wedding_id = 1 AND no = 1",
    )
    .await;
    let plan = app.plan_with(&source, &exact(1), ReplicaRole::Never).await.unwrap();
    let refused = app.apply(&source, &plan, |options| options.replica_role = ReplicaRole::Never).await;
    assert!(matches!(refused, Err(Error::NeedsReplicaRole(_))), "{refused:?}");
    app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn exchanged_slots_of_an_exclusion_constraint_are_parked() {
    let app = App::start_with(
        &[],
        "ALTER TABLE events ADD COLUMN slot int4range; UPDATE events SET slot = int4range(no * 10, no * 10 + 5) \
         WHERE wedding_id = 1; ALTER TABLE events ADD CONSTRAINT no_overlap EXCLUDE USING gist (slot WITH &&)",
    )
    .await;
    let before = app.others("0").await;
    let source = app.capture(1).await;
    app.sql(
        "UPDATE events SET slot = '[100,105)' WHERE wedding_id = 1 AND no = 1; UPDATE events SET slot = '[10,15)' WHERE wedding_id = 1 \
         AND no = 2; UPDATE events SET slot = '[20,25)' WHERE wedding_id = 1 AND no = 1",
    )
    .await;
    app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn a_collision_that_only_the_server_can_see_is_parked_too() {
    let app = App::start_with(&[], "UPDATE messages SET sent_on = '2026-02-02' WHERE wedding_id = 1").await;
    let source = app.capture(1).await;
    // Unique over a column that the capture does not know, on a table and on one with partitions, whose errors name those.
    app.sql(
        "ALTER TABLE events ADD room text NOT NULL DEFAULT 'hall'; ALTER TABLE messages ADD room text NOT NULL DEFAULT 'hall'; \
         CREATE UNIQUE INDEX ON events (wedding_id, title, room); CREATE UNIQUE INDEX ON messages (sent_on, wedding_id, body, room)",
    )
    .await;
    let before = app.others("0").await;
    app.sql(
        "UPDATE events SET title = 'aside' WHERE wedding_id = 1 AND no = 1; \
         UPDATE events SET title = 'Event 1' WHERE wedding_id = 1 AND no = 2; \
         UPDATE events SET title = 'Event 2' WHERE wedding_id = 1 AND no = 1; \
         UPDATE messages SET body = 'aside' WHERE wedding_id = 1 AND body = 'message 1'; \
         UPDATE messages SET body = 'message 1' WHERE wedding_id = 1 AND body = 'message 2'; \
         UPDATE messages SET body = 'message 2' WHERE wedding_id = 1 AND body = 'aside'",
    )
    .await;
    let plan = app.plan_with(&source, &exact(1), ReplicaRole::Never).await.unwrap();
    let refused = app.apply(&source, &plan, |options| options.replica_role = ReplicaRole::Never).await;
    assert!(matches!(refused, Err(Error::Database { .. })), "without replica role nothing is parked: {refused:?}");
    app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn s03_sequences_move_forward_only() {
    let app = App::start().await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM bookings WHERE wedding_id = 1; SELECT setval('bookings_id_seq', 500)").await;
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert!(proof.sequences.is_empty(), "{:?}", proof.sequences);
    assert_eq!(app.value("SELECT nextval('bookings_id_seq')").await, "501");
    // A database restored from elsewhere: its sequence is behind the captured ids.
    app.sql("UPDATE bookings SET id = 7000 WHERE wedding_id = 1").await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM bookings WHERE wedding_id = 1").await;
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(proof.sequences[0].restored, 7000);
    assert_eq!(app.value("SELECT nextval('bookings_id_seq')").await, "7001");
    // A gap too wide for nextval is jumped, with a margin.
    app.sql("UPDATE bookings SET id = 900000000 WHERE wedding_id = 1").await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM bookings WHERE wedding_id = 1").await;
    app.restore(&source, &exact(1)).await.unwrap();
    assert!(app.value("SELECT nextval('bookings_id_seq')").await.parse::<i64>().unwrap() > 900_000_000);
}

const TRIGGERS: &str = "CREATE TABLE outbox (what text); \
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.outbox VALUES (TG_NAME); RETURN NULL; END $$; \
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := NEW.note || ' (stamped)'; RETURN NEW; END $$; \
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more events for %', NEW.title; END $$; \
    CREATE TRIGGER mail AFTER INSERT ON guests FOR EACH ROW EXECUTE FUNCTION tell(); \
    CREATE TRIGGER always AFTER UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION tell(); ALTER TABLE bookings ENABLE ALWAYS TRIGGER always; \
    CREATE TRIGGER stamped BEFORE UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION stamp(); \
    CREATE TRIGGER refused BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse()";

#[tokio::test]
async fn s07_the_preview_names_triggers_that_fire_and_that_do_not() {
    let app = App::start_with(
        &[("wal_level", "logical")],
        &format!("{TRIGGERS}; CREATE PUBLICATION changes FOR TABLE guests"),
    )
    .await;
    app.sql("SELECT pg_create_logical_replication_slot('idle', 'test_decoding')").await;
    let source = app.capture(1).await;
    app.sql("ALTER TABLE bookings DISABLE TRIGGER stamped; UPDATE bookings SET note = 'x' WHERE wedding_id = 1; TRUNCATE outbox; \
             ALTER TABLE bookings ENABLE TRIGGER stamped; DELETE FROM guests WHERE id = 14; DELETE FROM events WHERE wedding_id = 1 AND no = 3").await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    let names =
        |list: &[keepsake_postgres::restore::TriggerName]| list.iter().map(|t| t.trigger.clone()).collect::<Vec<_>>();
    assert_eq!(names(&plan.downstream.triggers_fire), ["always"]);
    let mut silent = names(&plan.downstream.triggers_silent);
    silent.sort();
    assert_eq!(silent, ["mail", "refused", "stamped"]);
    assert_eq!(plan.downstream.publications[0].0, "changes");
    assert_eq!((plan.downstream.slots[0].name.as_str(), plan.downstream.slots[0].active), ("idle", false));
    assert!(plan.warnings.iter().any(|warning| warning.contains("slot")));
    assert_eq!(app.value("SELECT string_agg(what, ' ') FROM outbox").await, "always");
    assert!(proof.equals_capture());
    let marks =
        "SELECT count(*) FROM pg_logical_slot_peek_changes('idle', NULL, NULL) WHERE data LIKE '%keepsake.restore%'";
    assert_eq!(app.value(marks).await, "1");
    // A published table whose rows cannot be named: PostgreSQL would refuse the change half way.
    app.sql("ALTER TABLE guests REPLICA IDENTITY NOTHING; INSERT INTO guests (wedding_id, name) VALUES (1, 'extra')")
        .await;
    let refused = app.plan(&source, &exact(1)).await.unwrap();
    assert!(refused.refusals[0].contains("replica identity"), "{:?}", refused.refusals);
}

#[tokio::test]
async fn without_replica_role_the_server_checks_and_triggers_fire_as_announced() {
    let app = App::start_with(&[], TRIGGERS).await.with_ordinary_role().await;
    app.sql("GRANT ALL ON outbox TO restorer").await;
    let others = app.others("1").await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM guests WHERE id = 14; UPDATE bookings SET note = 'x' WHERE wedding_id = 1; TRUNCATE outbox; \
             INSERT INTO guests (id, wedding_id, name, plus_one_of) OVERRIDING SYSTEM VALUE VALUES (60, 1, 'extra', 61), (61, 1, 'more', 60)").await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(plan.path, WritePath::Checked);
    assert!(plan.warnings[0].contains("session_replication_role"), "{:?}", plan.warnings);
    assert_eq!(plan.downstream.triggers_fire.len(), 3, "{:?}", plan.downstream);
    assert_eq!(proof.altered_by_triggers, ["public.bookings".parse().unwrap()]);
    assert_eq!(app.value("SELECT note FROM bookings WHERE wedding_id = 1").await, "note 1 (stamped)");
    assert_eq!(app.value("SELECT count(*) FROM guests WHERE wedding_id = 1").await, "4");
    assert_eq!(app.others("1").await, others);
    // A trigger that refuses ends it, without its words, which may quote rows.
    app.sql("DELETE FROM events WHERE wedding_id = 1 AND no = 3").await;
    let before = app.others("0").await;
    let refused = app.restore(&source, &exact(1)).await.unwrap_err();
    assert!(matches!(refused, Error::Database { .. }));
    assert!(!format!("{refused} {refused:?}").contains("Event 3"), "{refused:?}");
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn a_whole_wedding_with_its_cycle_comes_back_without_replica_role() {
    let app = App::start().await.with_ordinary_role().await;
    let before = app.others("0").await;
    let source = app.capture(1).await;
    app.sql(
        "DELETE FROM notes WHERE id < 20; WITH g AS (DELETE FROM guests WHERE wedding_id = 1) DELETE FROM weddings WHERE id = 1",
    )
    .await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!((plan.path, proof.equals_capture()), (WritePath::Checked, true));
    assert_eq!(app.others("0").await, before);
}

#[tokio::test]
async fn row_level_security_that_hides_rows_is_refused_and_forced_one_is_bypassed() {
    let app = App::start_with(
        &[],
        "ALTER TABLE guests ENABLE ROW LEVEL SECURITY; ALTER TABLE guests FORCE ROW LEVEL SECURITY; \
         CREATE POLICY mine ON guests USING (id % 2 = 0)",
    )
    .await
    .with_ordinary_role()
    .await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM guests WHERE id = 14").await;
    app.sql("ALTER ROLE restorer NOBYPASSRLS").await;
    let refused = app.plan(&source, &exact(1)).await;
    assert!(matches!(&refused, Err(Error::RowSecurity(table)) if table.table == "guests"), "{refused:?}");
    app.sql("ALTER ROLE restorer BYPASSRLS").await;
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert!(proof.equals_capture());
}

#[tokio::test]
async fn sql_of_the_mapping_runs_after_the_proof_with_the_id() {
    let mut app = App::start().await;
    app.mapping.rules.after_restore =
        vec!["UPDATE public.weddings w SET guests = (SELECT count(*) FROM public.guests WHERE wedding_id = $1) WHERE id = $1".to_owned()];
    let source = app.capture(1).await;
    app.sql("DELETE FROM guests WHERE id = 14").await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(plan.downstream.after_restore.len(), 1);
    assert_eq!(plan.assumed_edges, ["public.bookings (backup_id) -> public.vendors: refers"]);
    assert_eq!(app.value("SELECT string_agg(guests::text, ' ' ORDER BY id) FROM weddings").await, "4 0 0");
}

#[tokio::test]
async fn a_wedding_of_ten_thousand_guests_comes_back() {
    let app = App::start_with(
        &[],
        "INSERT INTO guests (id, wedding_id, name, email) OVERRIDING SYSTEM VALUE SELECT 1000 + n, 1, 'Guest ' || n, n || '@many' \
         FROM generate_series(1, 10000) n; ANALYZE",
    )
    .await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM guests WHERE wedding_id = 1 AND id > 5000; UPDATE guests SET name = 'x' WHERE id BETWEEN 2000 AND 2999").await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(counts(&plan, "guests"), (6000, 1000, 0, 3004, 0, 0));
    assert!(proof.equals_capture());
    assert_eq!(proof.sequences[0].restored, 11_000);
}

#[tokio::test]
async fn shared_tables_need_no_more_than_select_and_then_the_server_locks_them() {
    let app = App::start().await.with_ordinary_role().await;
    app.sql(
        "REVOKE ALL ON vendors, auth.users FROM restorer; GRANT SELECT ON vendors, auth.users TO restorer; \
             GRANT SET ON PARAMETER session_replication_role TO restorer",
    )
    .await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM bookings WHERE wedding_id = 1").await;
    let (plan, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!((plan.path, proof.equals_capture()), (WritePath::Checked, true));
    assert!(plan.warnings[0].contains("lacks UPDATE"), "{:?}", plan.warnings);
    app.sql("GRANT UPDATE ON vendors, auth.users TO restorer; DELETE FROM bookings WHERE wedding_id = 1").await;
    let (plan, _) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(plan.path, WritePath::Replica);
}

#[tokio::test]
async fn rows_that_triggers_add_are_named_in_the_proof() {
    let app = App::start_with(
        &[],
        "CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.wishes VALUES (NEW.wedding_id, 'logged'); \
         RETURN NULL; END $$; CREATE TRIGGER log AFTER INSERT ON guests FOR EACH ROW EXECUTE FUNCTION log()",
    )
    .await
    .with_ordinary_role()
    .await;
    let source = app.capture(1).await;
    app.sql("DELETE FROM guests WHERE id = 14").await;
    let (_, proof) = app.restore(&source, &exact(1)).await.unwrap();
    assert_eq!(proof.altered_by_triggers, ["public.wishes".parse().unwrap()]);
    assert_eq!(app.value("SELECT count(*) FROM wishes WHERE wish = 'logged'").await, "1");
}
