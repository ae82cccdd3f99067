//! Tokens of programs.

use crate::support::{World, later};
use jiff::SignedDuration;
use keepsake_app::{
    Code,
    identity::{
        self, Me, Secret,
        factor::{self, Factor},
        tokens::{self, NewToken},
        users,
    },
};
use keepsake_domain::{
    TokenId,
    permission::{Actor, Role, Scope, Service},
};
use std::collections::BTreeSet;
use uuid::Uuid;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn for_reading(world: &World) -> NewToken {
    NewToken { name: "nightly".to_owned(), scopes: BTreeSet::from([Scope::Read]), expires_at: later(world, 30 * DAY) }
}

#[tokio::test]
async fn an_admin_with_a_second_factor_makes_tokens_that_do_what_they_are_for() {
    let world = World::new().await;
    world.user(Some(world.a), "anna@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let plain = world.caller(&session).await;
    let refused = tokens::create(&world.service, &plain, &for_reading(&world)).await.unwrap_err();
    assert_eq!(refused.code(), Code::MfaRequired);
    let (_, _, admin) = world.enrol(&session).await;
    let made = tokens::create(&world.service, &admin, &for_reading(&world)).await.unwrap();
    assert!(made.secret.expose().starts_with("ksat_"));
    assert!(!format!("{made:?}").contains(made.secret.expose()));
    assert!(!world.dump().await.contains(made.secret.expose().trim_start_matches("ksat_")));

    let program = world.authenticate(made.secret.expose()).await.unwrap();
    assert_eq!(program.actor, Actor::Service(Service { operator: false, scopes: BTreeSet::from([Scope::Read]) }));
    assert_eq!(program.organisation(), Some(world.a));
    let Me::Token(me) = identity::me(&world.service, &program).await.unwrap() else { panic!("a program") };
    assert_eq!((me.id, me.name.as_str()), (made.token.id, "nightly"));
    let listed = tokens::list(&world.service, &admin, 50, None).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].last_used_at, Some(world.service.context.clock.now()));
}

#[tokio::test]
async fn s31_a_token_never_counts_as_a_second_factor_and_cannot_get_one() {
    let world = World::new().await;
    let anna = world.user(Some(world.a), "anna@example.org", Role::Admin).await;
    let (app, codes, admin) = world.enrol(&world.log_in("anna@example.org").await).await;
    let all = NewToken {
        scopes: Scope::ALL.iter().copied().filter(|scope| *scope != Scope::Metrics).collect(),
        ..for_reading(&world)
    };
    let made = tokens::create(&world.service, &admin, &all).await.unwrap();
    let program = world.authenticate(made.secret.expose()).await.unwrap();
    world.pass(SignedDuration::from_secs(30));
    let code = |error: keepsake_app::Error| error.code();
    for given in [Factor::Code(world.code(&app)), Factor::RecoveryCode(codes[0].clone())] {
        assert_eq!(factor::verify(&world.service, &program, &given).await.map_err(code).unwrap_err(), Code::Forbidden);
    }
    let password = Secret::new(crate::support::PASSWORD);
    assert_eq!(factor::enroll(&world.service, &program, &password).await.map_err(code).unwrap_err(), Code::Forbidden);
    let another = tokens::create(&world.service, &program, &for_reading(&world)).await;
    assert_eq!(another.map_err(code).unwrap_err(), Code::Forbidden);
    let emergency = users::authorise_emergency(&world.service, &program, anna.id, true).await;
    assert_ne!(emergency.map_err(code).unwrap_err(), Code::MfaRequired, "no factor would help it");
    assert_eq!(identity::logout(&world.service, &program).await.map_err(code).unwrap_err(), Code::Forbidden);
    assert_eq!(world.recorded("step_up").await.iter().filter(|row| row.0 == "refusal").count(), 2);
}

#[tokio::test]
async fn a_token_that_is_revoked_run_out_or_of_nobody_is_refused_at_once() {
    let world = World::new().await;
    let anna = world.user(Some(world.a), "anna@example.org", Role::Admin).await;
    world.user(Some(world.a), "max@example.org", Role::Admin).await;
    let (_, _, admin) = world.enrol(&world.log_in("anna@example.org").await).await;
    let make = async |days| {
        let new = NewToken { expires_at: later(&world, days * DAY), ..for_reading(&world) };
        tokens::create(&world.service, &admin, &new).await.unwrap()
    };
    let refused = async |made: &tokens::Created| {
        let error = world.authenticate(made.secret.expose()).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
    };
    let (short, revoked, kept) = (make(1).await, make(30).await, make(30).await);
    tokens::revoke(&world.service, &admin, revoked.token.id).await.unwrap();
    refused(&revoked).await;
    world.authenticate(kept.secret.expose()).await.unwrap();
    world.pass(DAY);
    refused(&short).await;
    world.authenticate(kept.secret.expose()).await.unwrap();

    // Whoever made it is no admin any more, or cannot log in.
    let mut change = users::Change {
        email: Secret::new("anna@example.org"),
        display_name: String::new(),
        role: Role::Member,
        disabled: false,
        password: None,
    };
    users::change(&world.service, &world.machine(), anna.id, &change).await.unwrap();
    refused(&kept).await;
    change.role = Role::Admin;
    users::change(&world.service, &world.machine(), anna.id, &change).await.unwrap();
    world.authenticate(kept.secret.expose()).await.unwrap();
    users::disable(&world.service, &world.machine(), anna.id).await.unwrap();
    refused(&kept).await;
    let guessed = Secret::new(format!("ksat_{}", "0".repeat(64)));
    assert_eq!(world.authenticate(guessed.expose()).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn tokens_without_an_end_a_scope_or_a_name_are_not_made() {
    let world = World::new().await;
    world.user(Some(world.a), "anna@example.org", Role::Admin).await;
    world.user(None, "olga@example.org", Role::Admin).await;
    let (_, _, admin) = world.enrol(&world.log_in("anna@example.org").await).await;
    let (_, _, operator) = world.enrol(&world.log_in("olga@example.org").await).await;
    let good = for_reading(&world);
    let metrics = NewToken { scopes: BTreeSet::from([Scope::Metrics]), ..good.clone() };
    let bad = [
        NewToken { name: " ".to_owned(), ..good.clone() },
        NewToken { name: "two\nlines".to_owned(), ..good.clone() },
        NewToken { scopes: BTreeSet::new(), ..good.clone() },
        NewToken { expires_at: later(&world, SignedDuration::ZERO), ..good.clone() },
        NewToken { expires_at: later(&world, 367 * DAY), ..good.clone() },
        metrics.clone(),
    ];
    for new in bad {
        let error = tokens::create(&world.service, &admin, &new).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{new:?}");
    }
    tokens::create(&world.service, &operator, &metrics).await.unwrap();
}

#[tokio::test]
async fn another_organisations_admin_neither_sees_nor_ends_a_token() {
    let world = World::new().await;
    world.user(Some(world.a), "anna@example.org", Role::Admin).await;
    world.user(Some(world.b), "bert@example.org", Role::Admin).await;
    world.user(Some(world.a), "mia@example.org", Role::Member).await;
    let (_, _, anna) = world.enrol(&world.log_in("anna@example.org").await).await;
    let (_, _, bert) = world.enrol(&world.log_in("bert@example.org").await).await;
    let made = tokens::create(&world.service, &anna, &for_reading(&world)).await.unwrap();
    assert_eq!(tokens::get(&world.service, &anna, made.token.id).await.unwrap(), made.token);
    assert!(tokens::list(&world.service, &bert, 50, None).await.unwrap().items.is_empty());
    let unknown = TokenId::from_uuid(Uuid::from_u128(7));
    for id in [made.token.id, unknown] {
        // The same words for what is somebody else's and for what is not there.
        let error = tokens::get(&world.service, &bert, id).await.unwrap_err();
        assert_eq!((error.code(), error.chain().as_str()), (Code::NotFound, "there is nothing of that id"));
        assert_eq!(tokens::revoke(&world.service, &bert, id).await.unwrap_err().code(), Code::NotFound);
    }
    let mia = world.caller(&world.log_in("mia@example.org").await).await;
    assert_eq!(tokens::list(&world.service, &mia, 50, None).await.unwrap_err().code(), Code::Forbidden);
    world.authenticate(made.secret.expose()).await.unwrap();
}
