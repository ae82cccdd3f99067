//! How rows get their places.

use crate::support::{World, record};
use keepsake_app::audit::{self, Step};
use std::{collections::BTreeSet, time::Duration};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_that_sequence_at_once_make_one_tree() {
    let world = World::new().await;
    let nodes = [world.service.clone(), world.elsewhere().await];
    let writing = async {
        for number in 0..200 {
            record(&nodes[number % 2], &format!("wedding {number}")).await;
        }
    };
    let done = CancellationToken::new();
    let mut sequencers = tokio::task::JoinSet::new();
    for service in nodes.clone().into_iter().chain(nodes.clone()) {
        let done = done.clone();
        sequencers.spawn(async move {
            let mut steps = (0_usize, 0_usize);
            while !done.is_cancelled() {
                match audit::sequence(&service).await.unwrap() {
                    Step::Elsewhere => steps.1 += 1,
                    Step::Some(count) | Step::All(count) => steps.0 += count,
                }
                audit::checkpoint(&service, Duration::ZERO).await.unwrap();
            }
            steps
        });
    }
    writing.await;
    done.cancel();
    let steps = sequencers.join_all().await;
    assert!(steps.iter().any(|(_, elsewhere)| *elsewhere > 0), "they never met: {steps:?}");
    world.settle().await;
    let order = world.order().await;
    assert_eq!(order.len(), 200);
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 200);
    let report = world.verify().await;
    assert!(report.good, "{report:#?}");
    assert_eq!((report.rows, report.waiting, report.signed.unwrap().size), (200, 0, 200));
}

#[tokio::test]
async fn a_row_that_is_committed_late_gets_its_place_when_it_is_there() {
    let world = World::new().await;
    // What a service that was slow to commit would have open.
    let mut late = world.server.connect("catalog").await;
    let organisation = "(SELECT id FROM keepsake.organisations WHERE kind = 'operator')";
    let id = uuid::Uuid::from_u128(7);
    let open = late.transaction().await.unwrap();
    let leaf = format!(
        "(SELECT convert_to('{{\"action\":\"a\",\"actor_id\":null,\"actor_kind\":\"system\",\"at\":\"2026-03-02T12:00:00Z\",\"id\":\"{id}\",\
         \"organisation_id\":\"' || {organisation} || '\",\"outcome\":\"o\",\"request_id\":\"{id}\",\"stage\":\"intent\",\"subject\":\"s\"}}', 'UTF8'))"
    );
    let insert = format!(
        "INSERT INTO keepsake.audit_log (id, organisation_id, at, stage, request_id, actor_kind, action, subject, outcome, leaf)
         VALUES ('{id}', {organisation}, '2026-03-02T12:00:00Z', 'intent', '{id}', 'system', 'a', 's', 'o', {leaf})"
    );
    open.execute(&insert, &[]).await.unwrap();
    // Others write, get their places and are signed for meanwhile: nobody waits for it.
    for number in 0..3 {
        world.record(&format!("wedding {number}")).await;
    }
    world.settle().await;
    assert_eq!(world.order().await.len(), 3);
    open.commit().await.unwrap();
    world.settle().await;
    let order = world.order().await;
    assert_eq!((order.len(), order.last()), (4, Some(&id)), "the order is that of sequencing");
    let report = world.verify().await;
    assert!(report.good, "{report:#?}");
}

#[tokio::test]
async fn more_rows_than_one_step_takes_are_all_sequenced_in_the_order_of_writing() {
    let world = World::new().await;
    let many = "INSERT INTO keepsake.audit_log (id, organisation_id, at, stage, request_id, actor_kind, action, subject, outcome, leaf)
                SELECT ('00000000-0000-0000-0000-' || lpad(number::text, 12, '0'))::uuid, o.id, now(), 'read',
                    '00000000-0000-0000-0000-000000000000', 'system', 'a', 's', 'o', ''
                FROM generate_series(1, 2500) AS number, keepsake.organisations AS o WHERE kind = 'operator' ORDER BY number DESC";
    world.server.connect("catalog").await.execute(many, &[]).await.unwrap();
    assert_eq!(audit::sequence(&world.service).await.unwrap(), Step::Some(1000));
    world.settle().await;
    let order = world.order().await;
    assert_eq!(order.len(), 2500);
    assert!(order.is_sorted_by(|one, other| one > other), "as they were written, and not by their ids");
}

#[tokio::test]
async fn checkpoints_are_signed_when_the_tree_grew_and_not_more_often_than_wanted() {
    let world = World::new().await;
    let minute = Duration::from_secs(60);
    assert_eq!(audit::settle(&world.service, minute).await.unwrap(), None, "of nothing");
    world.record("wedding 0").await;
    let first = audit::settle(&world.service, minute).await.unwrap().unwrap();
    assert_eq!(first.size, 1);
    world.record("wedding 1").await;
    world.pass(Duration::from_secs(59));
    assert_eq!(audit::settle(&world.service, minute).await.unwrap(), None, "too soon");
    world.pass(Duration::from_secs(1));
    assert_eq!(audit::settle(&world.service, minute).await.unwrap().unwrap().size, 2);
    world.pass(minute);
    assert_eq!(audit::settle(&world.service, minute).await.unwrap(), None, "nothing new");
    // A clock that is set back is no reason to stop.
    world.record("wedding 2").await;
    world.clock.set("2020-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(audit::settle(&world.service, minute).await.unwrap().unwrap().size, 3);
}

#[tokio::test]
async fn a_service_keeps_its_log_in_order_and_signs_for_it_when_it_is_stopped() {
    let world = World::new().await;
    world.record("wedding 0").await;
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(audit::keep_in_order(world.service.clone(), stop.clone()));
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while world.verify().await.signed.is_none() {
        assert!(tokio::time::Instant::now() < patience, "never signed for");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.record("wedding 1").await;
    stop.cancel();
    keeping.await.unwrap();
    let report = world.verify().await;
    assert_eq!((report.good, report.signed.unwrap().size, report.waiting), (true, 2, 0));
}
