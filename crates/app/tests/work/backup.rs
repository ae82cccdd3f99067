//! What a backup leaves: a point that is listed, judged and promised; or nothing.

use crate::support::{World, limits};
use keepsake_app::{
    Code, execution,
    execution::{Asked, What},
    recovery_point,
};
use keepsake_catalog::points;
use keepsake_domain::{
    execution::{ExecutionType, Outcome, State},
    point::Kind,
};

#[tokio::test]
async fn a_wedding_is_backed_up_and_its_point_is_listed() {
    let world = World::new().await;
    let wedding = world.weddings[0].clone();
    let id = world.start_wedding(wedding.id).await;
    assert_eq!(world.get(id).await.state, State::Initializing);
    assert_eq!(world.job_state(&world.get(id).await).await, "queued");
    let worker = world.work(limits());
    let done = world.until_completed(id).await;
    worker.stop().await;
    assert_eq!((done.result, done.attempt), (Some(Outcome::Stored), 1));
    assert!(done.figures["raw_bytes"].as_u64().unwrap() > 0, "{}", done.figures);
    let points = world.points().await;
    let [point] = &points[..] else { panic!("one point: {points:#?}") };
    assert_eq!(done.point, Some(point.id));
    assert_eq!((point.kind, point.wedding, point.execution), (Kind::Wedding, Some(wedding.id), Some(id)));
    assert!(!point.incomplete && point.suspect.is_empty() && point.verified_at.is_some(), "{point:#?}");
    assert_eq!(point.verification.as_deref(), Some("read"));
    assert_eq!(point.retention_class, wedding.criticality);
    assert!(point.keep_until > point.captured_at);
    assert_eq!(recovery_point::get(&world.service, &world.admin(), point.id).await.unwrap(), *point);
    let known = keepsake_app::wedding::get(&world.service, &world.admin(), wedding.id).await.unwrap();
    assert_eq!((known.vault, known.last_point_at), (Some(point.vault), Some(point.captured_at)));
    assert_eq!(known.integrity_score, point.integrity_score);
    assert_eq!(world.job_state(&done).await, "done");
}

#[tokio::test]
async fn a_database_is_backed_up_whole() {
    let world = World::new().await;
    let worker = world.work(limits());
    let done = world.until_completed(world.start(What::Source(world.source), false).await).await;
    worker.stop().await;
    let point = &world.points().await[0];
    assert_eq!((point.kind, point.wedding, done.point), (Kind::Database, None, Some(point.id)));
}

#[tokio::test]
async fn s14_a_capture_after_damage_is_suspect_beside_the_last_clean_one() {
    let world = World::new().await;
    let wedding = &world.weddings[0];
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(wedding.id).await).await;
    let emptied = "DELETE FROM guests WHERE wedding_id = $1::text::uuid";
    assert!(world.planner.execute(emptied, &[&wedding.external_id]).await.unwrap() >= 10);
    world.until_completed(world.start_wedding(wedding.id).await).await;
    // The one after it is compared with the clean one, too, not with the damaged one.
    world.until_completed(world.start_wedding(wedding.id).await).await;
    worker.stop().await;
    let points = world.points().await;
    let suspect: Vec<bool> = points.iter().map(|point| !point.suspect.is_empty()).collect();
    assert_eq!(suspect, [true, true, false], "{points:#?}");
    let filter = points::Filter { clean: Some(true), ..points::Filter::default() };
    let clean = recovery_point::list(&world.service, &world.admin(), filter, 9, None).await.unwrap();
    assert_eq!(clean.items.len(), 1);
}

#[tokio::test]
async fn s13_a_source_that_fails_is_tried_again_until_the_job_is_dead_and_leaves_no_point() {
    let world = World::new().await;
    world.open_planner(false).await;
    let first = world.start_wedding(world.weddings[0].id).await;
    let worker = world.work(limits());
    world.until_ended(first).await;
    for _ in 0..200 {
        if world.job_state(&world.get(first).await).await == "dead" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let all = world.executions().await;
    let seen: Vec<_> = all.iter().map(|one| (one.attempt, one.state, one.execution_type)).collect();
    use ExecutionType::{Manual, Retry};
    assert_eq!(seen, [(1, State::Failed, Manual), (2, State::Failed, Retry), (3, State::Failed, Retry)]);
    assert_eq!(all[2].error.as_ref().unwrap()["code"], "database-unreachable");
    assert_eq!(world.job_state(&all[0]).await, "dead");
    assert!(world.points().await.is_empty());

    world.open_planner(true).await;
    let again = execution::retry(&world.service, &world.admin(), first).await.unwrap();
    let done = world.until_completed(again).await;
    assert_eq!((done.attempt, done.execution_type, done.job), (4, Retry, all[0].job));
    worker.stop().await;
    assert_eq!(world.points().await.len(), 1);
    let twice = execution::retry(&world.service, &world.admin(), again).await.unwrap_err();
    assert_eq!(twice.code(), Code::Ended);
}

#[tokio::test]
async fn a_member_backs_up_their_own_weddings_and_sees_nothing_of_others() {
    let world = World::new().await;
    let member = world.member().await;
    let ask = |what| Asked { what, target: None, emergency: false, reason: None };
    let (own, other) = (world.weddings[0].id, world.weddings[1].id);
    let mine = execution::start(&world.service, &member, &ask(What::Wedding(own))).await.unwrap().execution;
    let refused = execution::start(&world.service, &member, &ask(What::Wedding(other))).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let refused = execution::start(&world.service, &member, &ask(What::Source(world.source))).await.unwrap_err();
    assert!(matches!(refused.code(), Code::NotFound | Code::Forbidden), "{refused}");
    let others = world.start_wedding(other).await;
    let worker = world.work(limits());
    world.until_completed(mine).await;
    world.until_completed(others).await;
    worker.stop().await;
    let filter = keepsake_catalog::executions::Filter::default();
    let seen = execution::list(&world.service, &member, filter, 9, None).await.unwrap();
    assert_eq!(seen.items.iter().map(|one| one.id).collect::<Vec<_>>(), [mine]);
    assert_eq!(execution::get(&world.service, &member, others).await.unwrap_err().code(), Code::NotFound);
    let points = recovery_point::list(&world.service, &member, points::Filter::default(), 9, None).await.unwrap();
    assert_eq!(points.items.iter().map(|point| point.wedding).collect::<Vec<_>>(), [Some(own)]);
}
