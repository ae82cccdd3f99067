//! Each event is said when it happens, once, where people asked to be told.

use crate::{
    receiver::{Receiver, Request},
    support::{World, limits},
};
use keepsake_app::{
    operation::{self, Answer, Destination, Emergency, Initiate, Which},
    source,
    worker::Limits,
};
use keepsake_domain::{
    OperationId,
    backoff::Backoff,
    execution::State,
    restore::{ConflictRule, Mode, Scope},
    wedding::Thresholds,
};
use serde_json::json;

/// What a receiver heard after everything was told.
async fn heard(world: &World, receiver: &Receiver) -> Vec<Request> {
    let telling = world.tell();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    world.until_told().await;
    telling.stop().await;
    receiver.requests()
}

#[tokio::test]
async fn a_backup_that_fails_is_told_of_when_it_is_given_up_and_not_before() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    world.open_planner(false).await;
    let worker = world.work(limits());
    let id = world.start_wedding(world.weddings[0].id).await;
    let first = world.until_ended(id).await;
    for _ in 0..600 {
        if world.job_state(&first).await == "dead" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    worker.stop().await;
    let attempts = world.executions().await;
    let requests = heard(&world, &receiver).await;
    assert_eq!((attempts.len(), receiver.kinds()), (3, vec!["backup.failed.v1".to_owned()]));
    let event = requests[0].event();
    let last = attempts.last().unwrap();
    assert_eq!(event["subject"], format!("/api/backup/executions/{}", last.id));
    assert_eq!((&event["data"]["attempts"], &event["data"]["code"]), (&json!(3), &json!("database-unreachable")));
    assert_eq!(event["data"]["emergency"], false);
}

#[tokio::test]
async fn a_backup_whose_worker_dies_for_the_last_time_is_told_of() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let holder = world.hold_up();
    let id = world.start_wedding(world.weddings[0].id).await;
    world.sql("UPDATE keepsake.backup_jobs SET attempts_max = 1").await;
    let doomed = world.work_elsewhere(3, limits()).await;
    world.until_begun(id).await;
    doomed.die().await;
    // Two nodes find it at once.
    let (one, other) = (world.work(limits()), world.work_elsewhere(4, limits()).await);
    let ended = world.until_ended(id).await;
    one.stop().await;
    other.stop().await;
    drop(holder);
    assert_eq!(ended.state, State::Failed);
    let requests = heard(&world, &receiver).await;
    assert_eq!(receiver.kinds(), ["backup.failed.v1"]);
    assert_eq!(requests[0].event()["data"]["code"], "worker-lost");
}

#[tokio::test]
async fn a_point_that_looks_like_damage_is_told_of_until_nothing_new_is_wrong() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let worker = world.work(limits());
    let wedding = world.weddings[0].clone();
    let delete = |table: &str| format!("DELETE FROM {table} WHERE wedding_id = '{}'", wedding.external_id);
    world.planner.batch_execute("SET session_replication_role = replica").await.unwrap();
    world.until_completed(world.start_wedding(wedding.id).await).await;
    assert!(heard(&world, &receiver).await.is_empty());
    world.planner.batch_execute(&delete("guests")).await.unwrap();
    world.until_completed(world.start_wedding(wedding.id).await).await;
    let requests = heard(&world, &receiver).await;
    let [request] = &requests[..] else { panic!("{requests:#?}") };
    let event = request.event();
    let newest = world.points().await.remove(0);
    assert_eq!((request.kind().as_str(), &event["data"]["point_id"]), ("point.suspect.v1", &json!(newest.id)));
    let findings = event["data"]["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["reason"] == "group_shrank" && finding["group"] == "guests"),
        "{event:#}"
    );
    // The same damage is no news.
    world.until_completed(world.start_wedding(wedding.id).await).await;
    assert_eq!(heard(&world, &receiver).await.len(), 1);
    // Other damage is.
    world.planner.batch_execute(&delete("timeline_items")).await.unwrap();
    world.until_completed(world.start_wedding(wedding.id).await).await;
    worker.stop().await;
    assert_eq!(heard(&world, &receiver).await.len(), 2);
}

impl World {
    async fn until_settled(&self, id: OperationId) -> keepsake_catalog::operations::Operation {
        for _ in 0..1200 {
            let operation = operation::get(&self.service, &self.restorer(), id).await.unwrap();
            if operation.ended_at.is_some() {
                return operation;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("never settled");
    }
}

#[tokio::test]
async fn restores_that_change_something_are_told_of_with_their_undo_and_their_failure() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let worker = world.work(Limits { backoff: Backoff { most_attempts: 1, ..limits().backoff }, ..limits() });
    let wedding = world.weddings[0].id;
    world.until_completed(world.start_wedding(wedding).await).await;
    let (service, restorer) = (&world.service, world.restorer());

    let request = operation::Request {
        groups: Scope::whole(),
        target: Destination::Live,
        mode: Mode::Merge,
        conflicts: ConflictRule::Leave,
        validate_only: true,
        preview_hash: None,
    };
    let asked = Initiate { wedding, which: Which::LastClean, request, reason: "a look".to_owned() };
    world.until_settled(operation::initiate(service, &restorer, &asked).await.unwrap()).await;
    assert!(heard(&world, &receiver).await.is_empty(), "a preview is nothing to tell of");

    let emergency =
        Emergency { wedding, which: None, groups: Scope::whole(), mode: Mode::Revert, reason: "help".to_owned() };
    let Answer::Started(restore) = operation::emergency(service, &restorer, &emergency).await.unwrap() else {
        panic!("it is started")
    };
    world.until_settled(restore).await;
    let undo = operation::undo(service, &restorer, restore, "not that one").await.unwrap();
    world.until_settled(undo).await;
    world.open_planner(false).await;
    let Answer::Started(failing) = operation::emergency(service, &restorer, &emergency).await.unwrap() else {
        panic!("it is started")
    };
    world.until_settled(failing).await;
    let preview = operation::initiate(service, &restorer, &asked).await.unwrap();
    world.until_settled(preview).await;
    worker.stop().await;

    heard(&world, &receiver).await;
    assert_eq!(receiver.kinds(), ["restore.completed.v1", "restore.failed.v1", "restore.undone.v1"]);
    let data = |kind: &str| {
        let requests = receiver.requests();
        requests.iter().find(|request| request.kind() == kind).unwrap().event()["data"].clone()
    };
    let completed = data("restore.completed.v1");
    assert_eq!((&completed["operation_id"], &completed["wedding_id"]), (&json!(restore), &json!(wedding)));
    assert_eq!((&completed["mode"], &completed["target"]), (&json!("revert"), &json!("live")));
    assert_eq!(completed["emergency"], true);
    let undone = data("restore.undone.v1");
    assert_eq!((&undone["operation_id"], &undone["undone"]), (&json!(undo), &json!(restore)));
    let failed = data("restore.failed.v1");
    assert_eq!((&failed["operation_id"], &failed["code"]), (&json!(failing), &json!("database-unreachable")));
}

#[tokio::test]
async fn weddings_that_vanish_are_told_of_one_by_one_or_together_when_they_are_many() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let sync =
        async || source::sync(&world.service, &world.admin(), world.source, &Thresholds::default()).await.unwrap();
    world.planner.batch_execute("SET session_replication_role = replica").await.unwrap();
    let first = &world.weddings[0];
    world.planner.batch_execute(&format!("DELETE FROM weddings WHERE id = '{}'", first.external_id)).await.unwrap();
    assert_eq!(sync().await.vanished, 1);
    assert_eq!(sync().await.vanished, 0);
    let requests = heard(&world, &receiver).await;
    assert_eq!(receiver.kinds(), ["wedding.vanished.v1"], "once");
    assert_eq!(requests[0].event()["data"]["wedding_id"], json!(first.id));
    let rest = world.weddings.len() - 1;
    assert!(rest > 5, "the world is too small to lose many");
    world.planner.batch_execute("DELETE FROM weddings").await.unwrap();
    assert_eq!(sync().await.vanished, rest as u64);
    let requests = heard(&world, &receiver).await;
    assert_eq!(requests.len(), 2);
    let event = requests[1].event();
    assert_eq!((requests[1].kind().as_str(), &event["data"]["count"]), ("source.weddings_vanished.v1", &json!(rest)));
    assert_eq!(event["data"]["wedding_ids"].as_array().unwrap().len(), rest);
}

#[tokio::test]
async fn a_source_that_cannot_be_looked_at_for_an_hour_is_told_of_once_until_it_can() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let an_hour_ago = "UPDATE keepsake.sources SET synced_at = synced_at - interval '61 minutes'";
    let sync = async || source::sync(&world.service, &world.admin(), world.source, &Thresholds::default()).await;
    // Nothing ran for an hour, and nothing failed: there is nobody to tell before somebody looked.
    world.sql(an_hour_ago).await;
    assert!(heard(&world, &receiver).await.is_empty());
    sync().await.unwrap();
    world.open_planner(false).await;
    sync().await.unwrap_err();
    assert!(heard(&world, &receiver).await.is_empty(), "it was looked at just now");
    world.sql(an_hour_ago).await;
    let requests = heard(&world, &receiver).await;
    let [request] = &requests[..] else { panic!("{requests:#?}") };
    assert_eq!(
        (request.kind().as_str(), &request.event()["data"]["source_id"]),
        ("source.unreachable.v1", &json!(world.source))
    );
    sync().await.unwrap_err();
    assert_eq!(heard(&world, &receiver).await.len(), 1, "once");
    world.open_planner(true).await;
    sync().await.unwrap();
    world.open_planner(false).await;
    sync().await.unwrap_err();
    world.sql(an_hour_ago).await;
    assert_eq!(heard(&world, &receiver).await.len(), 2, "and again after it could");
}
