//! What follows each answer: tried again, given up, disabled; and where nothing is sent at all.

use crate::{
    receiver::{Receiver, Reply},
    stage::{settings, tell_as},
    support::World,
};
use keepsake_app::{
    Code,
    notification::{Pace, Settings},
    webhook::{self, Change},
};
use keepsake_catalog::webhooks::{Because, Delivery};
use keepsake_domain::notification::{State, Trouble};
use std::time::Duration;

fn statuses(delivery: &Delivery) -> Vec<Option<u16>> {
    delivery.log.iter().map(|attempt| attempt.status).collect()
}

#[tokio::test]
async fn what_fails_is_tried_again_with_the_same_id_and_then_given_up_and_all_of_it_is_on_record() {
    let world = World::new().await;
    let (late, never) = (Receiver::start().await, Receiver::that_says(Reply::Status(503)).await);
    late.reply([Reply::Status(500), Reply::Status(404)]);
    let (late_id, never_id) = (world.webhook(&late).await.webhook.id, world.webhook(&never).await.webhook.id);
    world.happen().await;
    let telling = world.tell();
    let (late_ones, never_ones) = (world.until_delivered(late_id, 1).await, world.until_delivered(never_id, 1).await);
    telling.stop().await;

    let requests = late.requests();
    assert!(requests.iter().all(|request| request.id() == requests[0].id() && request.body == requests[0].body));
    let [delivery] = &late_ones[..] else { panic!("{late_ones:#?}") };
    assert_eq!((delivery.state, delivery.trouble), (State::Delivered, None));
    assert_eq!(statuses(delivery), [Some(500), Some(404), Some(200)]);
    assert_eq!(delivery.log[0].trouble, Some(Trouble::Refused));
    for pair in delivery.log.windows(2) {
        // Between half and the whole of 50 ms, then of 100 ms.
        assert!(pair[1].at.duration_since(pair[0].at).as_millis() >= 25, "{:#?}", delivery.log);
    }
    let [delivery] = &never_ones[..] else { panic!("{never_ones:#?}") };
    assert_eq!((delivery.state, delivery.trouble), (State::GivenUp, Some(Trouble::Refused)));
    assert_eq!(statuses(delivery), [Some(503); 3], "as often as the backoff says");
    assert!(delivery.ended_at.is_some());
    let still = webhook::get(&world.service, &world.admin(), never_id).await.unwrap();
    assert_eq!(still.disabled, None, "the next event is tried again");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_asked_no_more_and_others_hear_of_it() {
    let world = World::new().await;
    let (gone, other) = (Receiver::that_says(Reply::Status(410)).await, Receiver::start().await);
    let (gone_id, other_id) = (world.webhook(&gone).await.webhook.id, world.webhook(&other).await.webhook.id);
    for _ in 0..3 {
        world.happen().await;
    }
    let one_by_one = Settings { pace: Pace { posts_each: 1, ..settings().pace }, ..settings() };
    let telling = tell_as(&world.service, one_by_one);
    other.until(4).await;
    world.until_delivered(other_id, 4).await;
    world.happen().await;
    world.until_delivered(other_id, 5).await;
    telling.stop().await;

    assert_eq!(gone.requests().len(), 1);
    let deliveries = world.deliveries(gone_id).await;
    let troubles: Vec<_> = deliveries.iter().map(|delivery| (delivery.state, delivery.trouble)).collect();
    let (gone_for_good, disabled) = ((State::GivenUp, Some(Trouble::Gone)), (State::GivenUp, Some(Trouble::Disabled)));
    assert_eq!(troubles, [gone_for_good, disabled, disabled], "and what came later has no delivery");
    let shown = webhook::get(&world.service, &world.admin(), gone_id).await.unwrap();
    assert_eq!(shown.disabled.map(|(_, because)| because), Some(Because::Gone));
    let told = other.requests().into_iter().find(|request| request.kind() == "webhook.disabled.v1").unwrap();
    assert_eq!(told.event()["data"]["webhook_id"], gone_id.to_string());
    for refused in [
        webhook::test(&world.service, &world.admin(), gone_id).await,
        webhook::replay(&world.service, &world.admin(), gone_id, deliveries[0].id).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::Ended);
    }
}

#[tokio::test]
async fn an_answer_that_leads_elsewhere_is_not_followed() {
    let world = World::new().await;
    let elsewhere = Receiver::start().await;
    let location = format!("location: {}\r\n", elsewhere.url());
    let sly = Receiver::start().await;
    sly.reply([301, 302, 307].map(|status| Reply::With(status, location.clone())));
    let id = world.webhook(&sly).await.webhook.id;
    world.happen().await;
    let telling = world.tell();
    let deliveries = world.until_delivered(id, 1).await;
    telling.stop().await;
    assert_eq!(elsewhere.requests(), []);
    assert_eq!(statuses(&deliveries[0]), [Some(301), Some(302), Some(307)]);
    assert_eq!((deliveries[0].state, deliveries[0].trouble), (State::GivenUp, Some(Trouble::Redirected)));
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_left_and_holds_up_no_other() {
    let world = World::new().await;
    let (slow, quick) =
        (Receiver::that_says(Reply::After(Duration::from_secs(60), 200)).await, Receiver::start().await);
    let (slow_id, quick_id) = (world.webhook(&slow).await.webhook.id, world.webhook(&quick).await.webhook.id);
    for _ in 0..30 {
        world.happen().await;
    }
    // Two at once in all, one of each.
    let narrow = Settings { pace: Pace { posts: 2, posts_each: 1, ..settings().pace }, ..settings() };
    let telling = tell_as(&world.service, narrow);
    // If both were taken by those that hang, it would be 15 s.
    let ended = tokio::time::timeout(Duration::from_secs(10), world.until_delivered(quick_id, 30)).await;
    assert!(ended.is_ok_and(|ended| ended.iter().all(|one| one.state == State::Delivered)), "it was held up");
    slow.until(2).await;
    let tried: Vec<Delivery> =
        world.deliveries(slow_id).await.into_iter().filter(|delivery| !delivery.log.is_empty()).collect();
    telling.stop().await;
    for delivery in &tried {
        let attempt = delivery.log[0];
        assert_eq!((attempt.status, attempt.trouble), (None, Some(Trouble::TimedOut)));
        assert!((900..3000).contains(&attempt.duration_ms), "{attempt:?}");
    }
    assert!(!tried.is_empty());
}

#[tokio::test]
async fn a_receiver_that_wants_to_be_left_alone_is() {
    let world = World::new().await;
    let busy = Receiver::start().await;
    busy.reply([Reply::With(429, "retry-after: 2\r\n".to_owned())]);
    let id = world.webhook(&busy).await.webhook.id;
    world.happen().await;
    let telling = world.tell();
    let deliveries = world.until_delivered(id, 1).await;
    telling.stop().await;
    assert_eq!(statuses(&deliveries[0]), [Some(429), Some(200)]);
    let pause = deliveries[0].log[1].at.duration_since(deliveries[0].log[0].at);
    assert!(pause.as_millis() >= 2000, "{pause}");
}

#[tokio::test]
async fn s29_a_webhook_that_leads_within_is_not_served_unless_the_operator_allows_it() {
    let world = World::new().await;
    let within = Receiver::start().await;
    let by_number = world.webhook(&within).await.webhook.id;
    let by_name = world
        .webhook_with(&world.admin(), &within, |new| {
            new.name = "by name".to_owned();
            new.url = format!("https://localhost:{}/", within.port);
        })
        .await;
    let outside = world
        .webhook_with(&world.admin(), &within, |new| {
            new.name = "without TLS".to_owned();
            new.url = "http://192.88.98.1/".to_owned();
        })
        .await;
    world.happen().await;
    let telling = tell_as(&world.service, Settings { allow_private: false, ..settings() });
    for (webhook, trouble) in [
        (by_number, Trouble::AddressNotPublic),
        (by_name.webhook.id, Trouble::AddressNotPublic),
        (outside.webhook.id, Trouble::TlsRequired),
    ] {
        let deliveries = world.until_delivered(webhook, 1).await;
        assert_eq!((deliveries[0].state, deliveries[0].trouble), (State::GivenUp, Some(trouble)));
        assert_eq!(statuses(&deliveries[0]), [None; 3]);
    }
    telling.stop().await;
    assert_eq!(within.requests(), []);
}

#[tokio::test]
async fn a_delivery_can_be_sent_once_more_as_it_was() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.webhook(&receiver).await.webhook.id;
    world.happen().await;
    let telling = world.tell();
    let first = world.until_delivered(id, 1).await.remove(0);
    let again = webhook::replay(&world.service, &world.admin(), id, first.id).await.unwrap();
    assert!(again.is_replay && again.id != first.id && again.notification == first.notification);
    world.until_delivered(id, 2).await;
    telling.stop().await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].id(), &requests[0].body), (requests[1].id(), &requests[1].body));

    // While one waits it comes by itself.
    let waiting = webhook::replay(&world.service, &world.admin(), id, first.id).await.unwrap();
    let refused = webhook::replay(&world.service, &world.admin(), id, waiting.id).await.unwrap_err();
    assert_eq!(refused.code(), Code::Ended);
    let elsewhere = Receiver::start().await;
    let other = world.webhook(&elsewhere).await.webhook.id;
    let missing = webhook::replay(&world.service, &world.admin(), other, first.id).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound, "it was to another webhook");
}

#[tokio::test]
async fn a_webhook_that_is_disabled_hears_nothing_until_it_is_enabled_again() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let made = world.webhook(&receiver).await.webhook;
    let change = |version, enabled| Change {
        version,
        name: made.name.clone(),
        url: made.url.clone(),
        kinds: Vec::new(),
        enabled,
        rotate_secret: false,
    };
    webhook::test(&world.service, &world.admin(), made.id).await.unwrap();
    let disabled = webhook::change(&world.service, &world.admin(), made.id, change(1, false)).await.unwrap();
    assert_eq!(disabled.webhook.disabled.map(|(_, because)| because), Some(Because::ByHand));
    world.happen().await;
    let telling = world.tell();
    world.until_told().await;
    let deliveries = world.deliveries(made.id).await;
    assert_eq!(deliveries.iter().map(|one| one.trouble).collect::<Vec<_>>(), [Some(Trouble::Disabled)]);
    assert_eq!(receiver.requests(), []);
    webhook::change(&world.service, &world.admin(), made.id, change(2, true)).await.unwrap();
    world.happen().await;
    receiver.until(1).await;
    world.until_told().await;
    telling.stop().await;
    assert_eq!(receiver.requests().len(), 1, "what was missed is not made up for");
}

#[tokio::test]
async fn what_ended_long_ago_is_swept_and_nothing_else() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.webhook(&receiver).await.webhook.id;
    let telling = world.tell();
    world.happen().await;
    world.until_delivered(id, 1).await;
    world.sql("UPDATE keepsake.webhook_deliveries SET ended_at = ended_at - interval '31 days'").await;
    world.sql("UPDATE keepsake.notifications SET created_at = created_at - interval '31 days'").await;
    world.happen().await;
    world.until_delivered(id, 2).await;
    telling.stop().await;
    assert_eq!((world.count("webhook_deliveries").await, world.count("notifications").await), (2, 2));
    // A dispatcher sweeps when it begins to lead.
    let telling = world.tell();
    for _ in 0..100 {
        if world.count("notifications").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    telling.stop().await;
    assert_eq!((world.count("webhook_deliveries").await, world.count("notifications").await), (1, 1));
}
