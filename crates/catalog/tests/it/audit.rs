//! The order of the audit log: who may see and give it, and that nobody waits for it.

use crate::support::{World, admin_of, enter};
use keepsake_catalog::{
    Scope,
    audit::{self, Entry, Leaf, Stage},
};
use keepsake_domain::RequestId;
use uuid::Uuid;

fn system() -> Scope {
    Scope::system(RequestId::from_uuid(Uuid::from_u128(9)))
}

async fn record(world: &World, id: u128) {
    let mut tx = world.catalog.begin(&system()).await.unwrap();
    record_in(&mut tx, world, id).await;
    tx.commit().await.unwrap();
}

async fn record_in(tx: &mut keepsake_catalog::Tx, world: &World, id: u128) {
    let entry = Entry {
        id: Uuid::from_u128(id),
        organisation: world.a,
        at: "2026-03-02T12:00:00.123456789Z".parse().unwrap(),
        stage: Stage::Read,
        action: "test",
        subject: "wedding \"1\"",
        outcome: "done",
    };
    audit::record(tx, &entry).await.unwrap();
}

async fn waiting(world: &World) -> Vec<Uuid> {
    let mut tx = world.catalog.begin(&system()).await.unwrap();
    audit::pending(&mut tx, 100).await.unwrap().into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn a_row_waits_for_its_place_as_soon_as_it_is_committed_and_not_if_it_is_not() {
    let world = World::new().await;
    let before = waiting(&world).await;
    assert_eq!(before.len(), 2, "those of the fixture");
    let mut given_up = world.catalog.begin(&system()).await.unwrap();
    record_in(&mut given_up, &world, 70).await;
    record(&world, 71).await;
    assert_eq!(waiting(&world).await[2..], [Uuid::from_u128(71)]);
    drop(given_up);
    record(&world, 72).await;
    assert_eq!(waiting(&world).await[2..], [Uuid::from_u128(71), Uuid::from_u128(72)]);
}

#[tokio::test]
async fn a_leaf_is_made_again_from_the_columns_to_the_byte() {
    let world = World::new().await;
    record(&world, 71).await;
    let mut tx = world.catalog.begin(&system()).await.unwrap();
    assert!(audit::lead(&mut tx).await.unwrap());
    let row = audit::pending(&mut tx, 100).await.unwrap().pop().unwrap();
    audit::append(&mut tx, 0, &[Leaf { number: row.number, id: row.id, hash: [7; 32] }]).await.unwrap();
    let placed = audit::sequenced(&mut tx, 0, 10).await.unwrap().pop().unwrap();
    assert_eq!((placed.index, placed.id, placed.hash.as_slice()), (0, row.id, [7; 32].as_slice()));
    let logged = placed.row.unwrap();
    assert_eq!(logged.row(row.id).leaf(), row.leaf);
    let leaf: serde_json::Value = serde_json::from_slice(&row.leaf).unwrap();
    assert_eq!(
        (leaf["at"].as_str(), leaf["subject"].as_str()),
        (Some("2026-03-02T12:00:00.123456Z"), Some("wedding \"1\""))
    );
}

#[tokio::test]
async fn one_transaction_at_a_time_gives_places_and_whoever_writes_does_not_wait_for_it() {
    let world = World::new().await;
    let mut one = world.catalog.begin(&system()).await.unwrap();
    assert!(audit::lead(&mut one).await.unwrap());
    let rows = audit::pending(&mut one, 100).await.unwrap();
    let leaves: Vec<Leaf> = rows.iter().map(|row| Leaf { number: row.number, id: row.id, hash: [7; 32] }).collect();
    audit::append(&mut one, 0, &leaves).await.unwrap();
    let mut other = world.catalog.begin(&system()).await.unwrap();
    assert!(!audit::lead(&mut other).await.unwrap());
    drop(other);
    let written = tokio::time::timeout(std::time::Duration::from_secs(5), record(&world, 71)).await;
    assert!(written.is_ok(), "a writer waits for the sequencer");
    one.commit().await.unwrap();
    assert_eq!(waiting(&world).await, [Uuid::from_u128(71)]);
    let mut other = world.catalog.begin(&system()).await.unwrap();
    assert!(audit::lead(&mut other).await.unwrap());
    assert_eq!(audit::size(&mut other).await.unwrap(), 2);
    let taken = audit::append(&mut other, 1, &[Leaf { number: 0, id: Uuid::from_u128(71), hash: [8; 32] }]).await;
    assert!(matches!(taken, Err(keepsake_catalog::Error::Exists { .. })), "{taken:?}");
}

#[tokio::test]
async fn the_order_is_the_service_s_own_and_the_application_changes_nothing_of_it() {
    let world = World::new().await;
    let mut tx = world.catalog.begin(&system()).await.unwrap();
    let rows = audit::pending(&mut tx, 1).await.unwrap();
    assert!(audit::lead(&mut tx).await.unwrap());
    audit::append(&mut tx, 0, &[Leaf { number: rows[0].number, id: rows[0].id, hash: [7; 32] }]).await.unwrap();
    tx.commit().await.unwrap();
    let client = world.app().await;
    enter(&client, admin_of(world.a)).await;
    for table in ["audit_tree", "audit_pending"] {
        let count = format!("SELECT count(*) FROM keepsake.{table}");
        assert_eq!(client.query_one(&count, &[]).await.unwrap().get::<_, i64>(0), 0, "{table}");
    }
    assert_eq!(client.execute("DELETE FROM keepsake.audit_pending", &[]).await.unwrap(), 0, "none in reach");
    client.batch_execute("ROLLBACK").await.unwrap();
    let service = serde_json::json!({"organisation": null, "actor": null, "role": "system", "operator": true});
    for statement in [
        "INSERT INTO keepsake.audit_pending (audit_id) VALUES ('00000000-0000-0000-0000-000000000000')",
        "UPDATE keepsake.audit_pending SET audit_id = '00000000-0000-0000-0000-000000000000'",
        "UPDATE keepsake.audit_tree SET index = 7",
        "DELETE FROM keepsake.audit_tree",
        "UPDATE keepsake.audit_checkpoints SET size = 7",
        "DELETE FROM keepsake.audit_checkpoints",
    ] {
        enter(&client, service.clone()).await;
        let refused = client.execute(statement, &[]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{statement}");
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    let left: i64 = world.owner.query_one("SELECT count(*) FROM keepsake.audit_pending", &[]).await.unwrap().get(0);
    assert_eq!(left, 1);
}

#[tokio::test]
async fn what_is_new_is_found_without_looking_through_the_log() {
    let world = World::new().await;
    let many = "INSERT INTO keepsake.audit_log (id, organisation_id, at, stage, request_id, actor_kind, action, subject, outcome, leaf)
                SELECT gen_random_uuid(), $1, now(), 'read', gen_random_uuid(), 'system', 'a', 's', 'o', ''
                FROM generate_series(1, 20000)";
    world.owner.execute(many, &[world.a.as_uuid()]).await.unwrap();
    world.owner.batch_execute("DELETE FROM keepsake.audit_pending WHERE number < 19990").await.unwrap();
    world.owner.batch_execute("ANALYZE keepsake.audit_log; ANALYZE keepsake.audit_pending").await.unwrap();
    let read = "SELECT seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE schemaname = 'keepsake' AND relname = 'audit_log'";
    let seen = async || {
        world.owner.batch_execute("SELECT pg_stat_force_next_flush(); SELECT pg_stat_clear_snapshot()").await.unwrap();
        let row = world.owner.query_one(read, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    };
    // The statement, as the application runs it: its session tells of its scans when it is over.
    let before = seen().await;
    assert!(waiting(&world).await.len() <= 100);
    world.catalog.close().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(seen().await, before, "the log was scanned");
}
