//! Stopping backups.

use crate::support::{World, limits};
use keepsake_app::{
    Code,
    execution::{self, Cancelled},
};
use keepsake_domain::execution::State;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_backup_that_waits_is_cancelled_at_once_and_never_begins() {
    let world = World::new().await;
    let id = world.start_wedding(world.weddings[0].id).await;
    let done = execution::cancel(&world.service, &world.admin(), id).await.unwrap();
    assert_eq!(done, Cancelled::AtOnce);
    assert_eq!(world.get(id).await.state, State::Cancelled);
    let again = execution::cancel(&world.service, &world.admin(), id).await.unwrap_err();
    assert_eq!(again.code(), Code::Ended);
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[1].id).await).await;
    worker.stop().await;
    let ended = world.get(id).await;
    assert_eq!((ended.state, ended.started_at), (State::Cancelled, None));
    assert_eq!(world.points().await.len(), 1, "the other wedding's");
}

#[tokio::test]
async fn a_backup_that_runs_stops_within_five_seconds_and_leaves_no_point() {
    let world = World::new().await;
    let holder = world.hold_up();
    let id = world.start_wedding(world.weddings[0].id).await;
    let worker = world.work(limits());
    world.until_begun(id).await;
    let asked_at = Instant::now();
    let done = execution::cancel(&world.service, &world.admin(), id).await.unwrap();
    assert_eq!(done, Cancelled::Soon);
    let ended = world.until_ended(id).await;
    assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
    assert_eq!(ended.state, State::Cancelled, "{ended:#?}");
    assert_eq!(world.job_state(&ended).await, "cancelled");
    drop(holder);
    worker.stop().await;
    assert!(world.points().await.is_empty());
    assert_eq!(world.executions().await.len(), 1, "nothing follows it");
}
