//! Passwords: who gets in, what others learn, and how often one may try.

use crate::support::{PASSWORD, World, log_in_at};
use futures::future::join_all;
use jiff::SignedDuration;
use keepsake_app::{
    Code,
    identity::{self, Me, users},
};
use keepsake_domain::permission::{Actor, Person, Role};

#[tokio::test]
async fn a_password_gives_a_session_in_which_calls_are_made() {
    let world = World::new().await;
    let admin = world.user(None, "Anna@Example.org", Role::Admin).await;
    let member = world.user(Some(world.a), "mia@example.org", Role::Member).await;

    let session = world.log_in(" ANNA@example.ORG ").await;
    let caller = world.caller(&session).await;
    assert_eq!(caller.actor, Actor::Person(Person { operator: true, ..Person::new(Role::Admin) }));
    let Me::User(me) = identity::me(&world.service, &caller).await.unwrap() else { panic!("a person") };
    assert_eq!((me.id, me.email.as_str(), me.operator, me.mfa_enrolled), (admin.id, "anna@example.org", true, false));

    let caller = world.caller(&world.log_in("mia@example.org").await).await;
    assert_eq!(caller.actor, Actor::Person(Person::new(Role::Member)));
    assert_eq!(caller.organisation(), Some(world.a));
    let Me::User(me) = identity::me(&world.service, &caller).await.unwrap() else { panic!("a person") };
    assert_eq!((me.id, me.organisation_name.as_str()), (member.id, "Supplier A"));
}

#[tokio::test]
async fn who_is_unknown_disabled_or_wrong_gets_one_answer() {
    let world = World::new().await;
    let anna = world.user(None, "anna@example.org", Role::Admin).await;
    let dora = world.user(Some(world.a), "dora@example.org", Role::Member).await;
    users::disable(&world.service, &world.machine(), dora.id).await.unwrap();

    let attempts =
        [("anna@example.org", "wrong horse battery"), ("nobody@example.org", PASSWORD), ("dora@example.org", PASSWORD)];
    for (email, password) in attempts {
        let error = world.try_log_in(email, password).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{email}");
        assert_eq!(error.chain(), "the e-mail address or the password is wrong", "{email}");
    }
    // On record, by id or by a hash that the address cannot be guessed from.
    let recorded = world.recorded("login").await;
    let subjects: Vec<&str> = recorded
        .iter()
        .filter(|row| row.0 == "outcome" && row.2 == "unauthenticated")
        .map(|row| row.1.as_str())
        .collect();
    assert_eq!(subjects.len(), 3, "{recorded:?}");
    assert_eq!(subjects[0], format!("user {}", anna.id));
    assert!(subjects[1].starts_with("address ") && subjects[1].len() == 72, "{}", subjects[1]);
    assert_eq!(subjects[2], format!("user {}", dora.id));
    let plain = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"nobody@example.org"));
    assert!(!subjects[1].contains(&plain));
    let log = "SELECT coalesce(string_agg(t::text, ''), '') FROM keepsake.audit_log AS t";
    let log: String = world.owner.query_one(log, &[]).await.unwrap().get(0);
    assert!(!log.contains("example.org"));
}

#[tokio::test]
async fn s31_five_failures_on_whichever_nodes_close_an_address_for_15_minutes() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    world.user(Some(world.a), "mia@example.org", Role::Member).await;
    let other = world.another_node().await;
    for address in ["anna@example.org", "nobody@example.org"] {
        for attempt in 0..5 {
            let node = if attempt % 2 == 0 { &world.service } else { &other };
            let error = log_in_at(node, address, "wrong horse battery").await.unwrap_err();
            assert_eq!(error.code(), Code::Unauthenticated, "{address} {attempt}");
            world.pass(SignedDuration::from_secs(60));
        }
        for node in [&world.service, &other] {
            // The right password, too: it is not looked at.
            let error = log_in_at(node, address, PASSWORD).await.unwrap_err();
            assert_eq!(error.code(), Code::TooManyAttempts, "{address}");
        }
    }
    world.log_in("mia@example.org").await;
    // The first failure of Anna's is 10 minutes old by now.
    world.pass(SignedDuration::from_secs(5 * 60 - 1));
    assert_eq!(world.try_log_in("anna@example.org", PASSWORD).await.unwrap_err().code(), Code::TooManyAttempts);
    world.pass(SignedDuration::from_secs(1));
    world.log_in("anna@example.org").await;
}

#[tokio::test]
async fn s31_guesses_that_arrive_at_once_are_counted_one_after_the_other() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let other = world.another_node().await;
    let guesses = (0..12).map(|n| {
        let node = if n % 2 == 0 { &world.service } else { &other };
        log_in_at(node, "anna@example.org", "wrong horse battery")
    });
    let codes: Vec<Code> = join_all(guesses).await.into_iter().map(|result| result.unwrap_err().code()).collect();
    let looked_at = codes.iter().filter(|code| **code == Code::Unauthenticated).count();
    let turned_away = codes.iter().filter(|code| **code == Code::TooManyAttempts).count();
    assert_eq!((looked_at, turned_away), (5, 7), "{codes:?}");
}

#[tokio::test]
async fn the_right_password_takes_earlier_failures_back() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    for _ in 0..2 {
        for _ in 0..4 {
            world.try_log_in("anna@example.org", "wrong horse battery").await.unwrap_err();
        }
        world.log_in("anna@example.org").await;
    }
}
