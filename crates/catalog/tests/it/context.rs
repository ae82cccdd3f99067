//! The context of a transaction is what `keepsake.enter` set for it, and nothing else.

use crate::support::{World, admin_of, enter};
use keepsake_catalog::{Actor, Role, Scope, audit};
use keepsake_domain::RequestId;
use uuid::Uuid;

async fn weddings(client: &tokio_postgres::Client) -> i64 {
    client.query_one("SELECT count(*) FROM keepsake.weddings", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn without_a_context_or_with_one_made_by_hand_there_are_no_rows() {
    let world = World::new().await;
    let client = world.app().await;
    assert_eq!(weddings(&client).await, 0, "no context");
    let context = admin_of(world.a).to_string();
    for forged in [context.clone(), format!("{}{context}", "0".repeat(64)), String::new(), "x".repeat(100)] {
        client.batch_execute("BEGIN").await.unwrap();
        client.query("SELECT set_config('keepsake.context', $1, true)", &[&forged]).await.unwrap();
        assert_eq!(weddings(&client).await, 0, "{forged}");
        client.batch_execute("COMMIT").await.unwrap();
    }
    enter(&client, admin_of(world.a)).await;
    assert_eq!(weddings(&client).await, 2);
}

#[tokio::test]
async fn a_context_ends_with_its_transaction_and_cannot_be_copied_into_another() {
    let world = World::new().await;
    let client = world.app().await;
    enter(&client, admin_of(world.a)).await;
    let sealed: String = client.query_one("SELECT current_setting('keepsake.context')", &[]).await.unwrap().get(0);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(weddings(&client).await, 0, "after the transaction");
    for client in [client, world.app().await] {
        client.batch_execute("BEGIN").await.unwrap();
        client.query("SELECT set_config('keepsake.context', $1, true)", &[&sealed]).await.unwrap();
        assert_eq!(weddings(&client).await, 0, "a seal is good for one transaction of one backend");
        client.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_context_is_no_context() {
    let world = World::new().await;
    let client = world.app().await;
    enter(&client, admin_of(world.a)).await;
    let change = "SELECT set_config('keepsake.context', replace(current_setting('keepsake.context'), $1, $2), true)";
    client.query(change, &[&world.a.to_string(), &world.b.to_string()]).await.unwrap();
    assert_eq!(weddings(&client).await, 0);
}

#[tokio::test]
async fn only_a_registered_process_with_its_secret_enters() {
    let world = World::new().await;
    let client = world.app().await;
    for (process, secret) in [(2_u128, [8_u8; 32]), (3, [7; 32])] {
        let (process, context) = (Uuid::from_u128(process), admin_of(world.a));
        let call = "SELECT keepsake.enter($1, $2, $3)";
        let error = client.query(call, &[&process, &secret.as_slice(), &context]).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("not registered"), "{error:?}");
    }
    for unreadable in
        ["SELECT * FROM keepsake.processes", "SELECT * FROM keepsake.context_key", "SELECT keepsake.context_seal('')"]
    {
        let error = client.query(unreadable, &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{unreadable}");
    }
}

#[tokio::test]
async fn a_member_sees_the_weddings_assigned_to_them_and_what_belongs_to_those() {
    let world = World::new().await;
    let client = world.app().await;
    let member = Uuid::from_u128(0x2a0);
    enter(&client, serde_json::json!({"organisation": world.a, "actor": member, "role": "member", "operator": false}))
        .await;
    assert_eq!(weddings(&client).await, 1);
    for table in
        ["backup_jobs", "backup_executions", "backup_snapshots", "recovery_operations", "wedding_backup_settings"]
    {
        let count: i64 = client.query_one(&format!("SELECT count(*) FROM keepsake.{table}"), &[]).await.unwrap().get(0);
        assert_eq!(count, 1, "{table}");
    }
    let other = client.execute("UPDATE keepsake.weddings SET vanished_at = now()", &[]).await.unwrap_err();
    assert!(other.as_db_error().unwrap().message().contains("row-level security"));
}

#[tokio::test]
async fn a_caller_that_goes_away_during_begin_leaves_no_transaction_behind() {
    let world = World::new().await;
    let scope = Scope {
        organisation: Some(world.a),
        actor: Actor::System,
        role: Role::Admin,
        operator: false,
        request: RequestId::from_uuid(Uuid::from_u128(9)),
    };
    // Dropped after so many polls: at every point between asking for a connection and the answer to BEGIN.
    for polls in 0..40 {
        let mut begin = Box::pin(world.catalog.begin(&scope));
        for _ in 0..polls {
            let polled = futures::poll!(begin.as_mut());
            if polled.is_ready() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_micros(50)).await;
        }
        drop(begin);
    }
    let stuck = "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'keepsake_app%' AND state LIKE 'idle in transaction%'";
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(world.owner.query_one(stuck, &[]).await.unwrap().get::<_, i64>(0), 0);
    let mut tx = world.catalog.begin(&scope).await.unwrap();
    assert_eq!(audit::list(&mut tx, 10, None).await.unwrap().items.len(), 1);
}
