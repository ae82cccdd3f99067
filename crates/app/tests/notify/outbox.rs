//! What is committed is told once, and what is not is not told.

use crate::{
    receiver::{Receiver, Reply},
    stage::{settings, tell_as},
    support::{World, limits},
};
use keepsake_app::{
    execution::{self, Asked, What},
    notification::{self, Event, Pace, Settings},
    service::Service,
};
use keepsake_domain::notification::Kind;
use std::{collections::BTreeSet, time::Duration};

#[tokio::test]
async fn what_is_rolled_back_is_never_told() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let telling = world.tell();
    let mut tx = world.system().await;
    world.happen_in(&mut tx).await;
    drop(tx);
    let mut tx = world.system().await;
    world.happen_in(&mut tx).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.requests(), [], "it is not so yet");
    tx.commit().await.unwrap();
    receiver.until(1).await;
    world.until_told().await;
    telling.stop().await;
    assert_eq!((receiver.requests().len(), world.count("notifications").await), (1, 1));
}

#[tokio::test]
async fn each_webhook_of_the_organisation_hears_once_what_it_wants_to_hear_and_no_other_does() {
    let world = World::new().await;
    let other = world.other_admin().await;
    let (all, some, foreign) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    world.webhook(&all).await;
    world.webhook_with(&world.admin(), &some, |new| new.kinds = vec![Kind::EmergencyCompleted]).await;
    world.webhook_with(&other, &foreign, |_| {}).await;
    let (worker, telling) = (world.work(limits()), world.tell());
    let wedding = world.weddings[0].id;
    let asked = Asked { what: What::Wedding(wedding), target: None, emergency: true, reason: None };
    let first = execution::start(&world.service, &world.admin(), &asked).await.unwrap();
    // One that joins it starts nothing.
    execution::start(&world.service, &world.admin(), &asked).await.unwrap();
    world.until_completed(first.execution).await;
    // An ordinary one is nothing to tell of.
    world.until_completed(world.start_wedding(world.weddings[1].id).await).await;
    all.until(2).await;
    world.until_told().await;
    telling.stop().await;
    worker.stop().await;
    assert_eq!(all.kinds(), ["backup.emergency_completed.v1", "backup.emergency_started.v1"]);
    assert_eq!(some.kinds(), ["backup.emergency_completed.v1"]);
    assert_eq!(foreign.requests(), []);
    for request in all.requests() {
        let event = request.event();
        assert_eq!(request.line, "POST /hooks?from=keepsake HTTP/1.1");
        assert_eq!(request.headers["content-type"], "application/cloudevents+json; charset=utf-8");
        assert_eq!((event["specversion"].as_str(), event["id"].as_str()), (Some("1.0"), Some(request.id())));
        assert_eq!(event["source"], format!("/api/organisations/{}", world.weddings[0].organisation));
        assert_eq!(event["subject"], format!("/api/backup/executions/{}", first.execution));
        assert_eq!(event["data"]["wedding_id"], wedding.to_string());
        assert!(event["time"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn organisations_to_which_something_happens_at_once_hear_of_their_own_only() {
    let world = World::new().await;
    let other = world.other_admin().await;
    let (own, foreign) = (Receiver::start().await, Receiver::start().await);
    world.webhook(&own).await;
    let webhook = world.webhook_with(&other, &foreign, |_| {}).await.webhook;
    let mut tx = world.system().await;
    world.happen_in(&mut tx).await;
    let event = Event::WebhookDisabled { organisation: webhook.organisation, webhook: webhook.id };
    notification::enqueue(&mut tx, &event, world.service.context.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let telling = world.tell();
    world.until_told().await;
    telling.stop().await;
    assert_eq!(own.kinds(), ["wedding.vanished.v1"]);
    assert_eq!(foreign.kinds(), ["webhook.disabled.v1"]);
}

#[tokio::test]
async fn a_member_who_starts_an_emergency_makes_it_known_and_sees_nothing_of_the_outbox() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver).await;
    let member = world.member().await;
    let asked = Asked { what: What::Wedding(world.weddings[0].id), target: None, emergency: true, reason: None };
    execution::start(&world.service, &member, &asked).await.unwrap();
    let mut tx = world.service.begin(&member).await.unwrap();
    let taken = keepsake_catalog::notifications::take(&mut tx, 10).await.unwrap();
    assert!(taken.is_empty(), "{taken:?}");
    // What is not theirs they cannot make up either.
    let foreign = Event::WeddingVanished(&world.weddings[1]);
    let now = world.service.context.clock.now();
    assert!(notification::enqueue(&mut tx, &foreign, now).await.is_err());
    drop(tx);
    let telling = world.tell();
    receiver.until(1).await;
    world.until_told().await;
    telling.stop().await;
    assert_eq!(receiver.kinds(), ["backup.emergency_started.v1"]);
}

#[tokio::test]
async fn two_nodes_tell_everything_once() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let webhook = world.webhook(&receiver).await.webhook.id;
    let elsewhere = Service { catalog: world.catalog_of_another_node(2).await, ..world.service.clone() };
    let (one, other) = (world.tell(), tell_as(&elsewhere, settings()));
    for _ in 0..40 {
        world.happen().await;
    }
    receiver.until(40).await;
    world.until_delivered(webhook, 40).await;
    one.stop().await;
    other.stop().await;
    let ids: BTreeSet<String> = receiver.requests().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!((receiver.requests().len(), ids.len()), (40, 40));
}

#[tokio::test]
async fn what_was_on_its_way_when_a_node_was_killed_comes_again_from_another_with_the_same_id() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.reply([Reply::After(Duration::from_secs(30), 200)]);
    let webhook = world.webhook(&receiver).await.webhook.id;
    world.happen().await;
    let patient = Settings {
        pace: Pace { timeout: Duration::from_secs(20), lease: Duration::from_secs(2), ..settings().pace },
        ..settings()
    };
    let first = tell_as(&world.service, patient.clone());
    receiver.until(1).await;
    first.die().await;
    let second = tell_as(&world.service, patient);
    let requests = receiver.until(2).await;
    let deliveries = world.until_delivered(webhook, 1).await;
    second.stop().await;
    assert_eq!((requests[0].id(), &requests[0].body), (requests[1].id(), &requests[1].body));
    assert_eq!(receiver.requests().len(), 2, "and not once more");
    assert_eq!(deliveries[0].log.len(), 1, "nobody knows what came of the first attempt");
}
