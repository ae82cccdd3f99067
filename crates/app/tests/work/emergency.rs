//! Emergencies never wait for other work.

use crate::support::{World, limits};
use keepsake_app::{
    execution::{self, Asked, What},
    worker::Limits,
};
use keepsake_domain::execution::{ExecutionType, State};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn an_emergency_begins_at_once_while_every_ordinary_slot_is_taken() {
    let world = World::new().await;
    let holder = world.hold_up();
    let ordinary = world.start_wedding(world.weddings[0].id).await;
    let worker = world.work(Limits { ordinary_slots: 1, ..limits() });
    world.until_begun(ordinary).await;
    let waiting = world.start_wedding(world.weddings[1].id).await;
    let asked_at = Instant::now();
    let emergency = world.start(What::Wedding(world.weddings[2].id), true).await;
    let begun = world.until_begun(emergency).await;
    assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
    assert_eq!(begun.execution_type, ExecutionType::Emergency);
    assert_eq!(world.get(waiting).await.started_at, None, "it has its turn later");
    drop(holder);
    for id in [emergency, ordinary, waiting] {
        world.until_completed(id).await;
    }
    worker.stop().await;
    assert_eq!(world.points().await.len(), 3);
}

#[tokio::test]
async fn s33_a_second_emergency_of_one_wedding_joins_the_first() {
    let world = World::new().await;
    let what = What::Wedding(world.weddings[0].id);
    let asked = Asked { what, target: None, emergency: true, reason: None };
    let first = execution::start(&world.service, &world.admin(), &asked).await.unwrap();
    let second = execution::start(&world.service, &world.admin(), &asked).await.unwrap();
    assert_eq!((first.joined, second.joined, second.execution), (false, true, first.execution));
    let worker = world.work(limits());
    world.until_completed(first.execution).await;
    worker.stop().await;
    let third = execution::start(&world.service, &world.admin(), &asked).await.unwrap();
    assert!(!third.joined, "the first is done");
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn beyond_the_reserved_slots_an_emergency_takes_the_place_of_the_least_urgent_run() {
    let world = World::new().await;
    let holder = world.hold_up();
    let ordinary = world.start_wedding(world.weddings[0].id).await;
    let worker = world.work(Limits { ordinary_slots: 1, emergency_slots: 0, ..limits() });
    world.until_begun(ordinary).await;
    let emergency = world.start(What::Wedding(world.weddings[1].id), true).await;
    world.until_begun(emergency).await;
    let given_back = async {
        while world.job_state(&world.get(ordinary).await).await != "queued" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), given_back).await.expect("the ordinary run is given back");
    drop(holder);
    world.until_completed(emergency).await;
    let done = world.until_completed(ordinary).await;
    assert_eq!((done.attempt, done.state), (1, State::Completed), "it was not tried before");
    worker.stop().await;
    assert_eq!(world.executions().await.len(), 2);
}
