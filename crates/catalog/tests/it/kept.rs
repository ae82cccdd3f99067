//! What may not change, does not: the audit log, the states of recovery operations, the promises of points.

use crate::support::{World, admin_of, enter};

/// The error of a statement that the owner itself, a superuser here, runs.
async fn refused(client: &tokio_postgres::Client, statement: &str) -> String {
    let error = client.batch_execute(statement).await.expect_err(statement);
    error.as_db_error().unwrap().message().to_owned()
}

#[tokio::test]
async fn s34_audit_rows_are_added_and_never_changed_even_by_the_owner() {
    let world = World::new().await;
    for statement in [
        "UPDATE keepsake.audit_log SET outcome = 'done'",
        "DELETE FROM keepsake.audit_log",
        "TRUNCATE keepsake.audit_log CASCADE",
    ] {
        assert!(refused(&world.owner, statement).await.contains("not changed or removed"), "{statement}");
    }
    let client = world.app().await;
    enter(&client, admin_of(world.a)).await;
    assert!(refused(&client, "DELETE FROM keepsake.audit_log").await.contains("permission denied"));
}

#[tokio::test]
async fn recovery_operations_move_along_their_states_and_stay() {
    let world = World::new().await;
    for statement in ["DELETE FROM keepsake.recovery_operations", "TRUNCATE keepsake.recovery_operations CASCADE"] {
        assert!(refused(&world.owner, statement).await.contains("not changed or removed"), "{statement}");
    }
    let to = |state: &str| format!("UPDATE keepsake.recovery_operations SET state = '{state}'");
    for state in ["completed", "undone", "recovering", "verifying"] {
        assert!(refused(&world.owner, &to(state)).await.contains("cannot go from initializing"), "{state}");
    }
    for state in ["preparing", "previewed", "recovering", "verifying", "completed", "undone"] {
        world.owner.batch_execute(&to(state)).await.unwrap();
    }
    assert!(refused(&world.owner, &to("completed")).await.contains("cannot go from undone"));
}

#[tokio::test]
async fn s25_a_promise_to_keep_a_point_never_shrinks() {
    let world = World::new().await;
    let client = world.app().await;
    enter(&client, admin_of(world.a)).await;
    client
        .batch_execute("UPDATE keepsake.backup_snapshots SET keep_until = keep_until + interval '1 day'")
        .await
        .unwrap();
    let shorter = "UPDATE keepsake.backup_snapshots SET keep_until = keep_until - interval '1 second'";
    assert!(refused(&client, shorter).await.contains("can only grow"));
}
