//! Several workers, and workers that die.

use crate::support::{World, limits};
use keepsake_app::worker::Limits;
use keepsake_domain::execution::{ExecutionType, State};
use std::{collections::BTreeSet, time::Duration};

#[tokio::test]
async fn two_workers_on_one_catalog_do_each_job_once() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for wedding in &world.weddings {
        ids.push(world.start_wedding(wedding.id).await);
    }
    let (one, two) = (world.work(limits()), world.work_elsewhere(2, limits()).await);
    for id in &ids {
        let done = world.until_completed(*id).await;
        assert_eq!(done.attempt, 1);
    }
    one.stop().await;
    two.stop().await;
    assert_eq!(world.executions().await.len(), ids.len(), "no attempt too many");
    let points = world.points().await;
    let weddings: BTreeSet<_> = points.iter().map(|point| point.wedding).collect();
    assert_eq!((points.len(), weddings.len()), (ids.len(), ids.len()));
}

#[tokio::test]
async fn the_job_of_a_worker_that_died_is_taken_over_and_completes_once() {
    let world = World::new().await;
    let holder = world.hold_up();
    let id = world.start_wedding(world.weddings[0].id).await;
    let first = world.work(limits());
    world.until_begun(id).await;
    first.die().await;
    drop(holder);
    let second = world.work_elsewhere(2, limits()).await;
    let left = world.until_ended(id).await;
    assert_eq!((left.state, left.error.unwrap()["code"].clone()), (State::Failed, "worker-lost".into()));
    let all = world.executions().await;
    assert_eq!(all.len(), 2, "{all:#?}");
    let done = world.until_completed(all[1].id).await;
    assert_eq!((done.attempt, done.execution_type, done.job), (2, ExecutionType::Retry, left.job));
    second.stop().await;
    assert_eq!(world.points().await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_gives_its_jobs_back_untried() {
    let world = World::new().await;
    let holder = world.hold_up();
    let id = world.start_wedding(world.weddings[0].id).await;
    let first = world.work(Limits { lease: Duration::from_secs(60), ..limits() });
    world.until_begun(id).await;
    first.stop().await;
    assert_eq!(world.job_state(&world.get(id).await).await, "queued");
    drop(holder);
    let second = world.work_elsewhere(2, limits()).await;
    assert_eq!(world.until_completed(id).await.attempt, 1);
    second.stop().await;
    assert_eq!(world.executions().await.len(), 1);
}
