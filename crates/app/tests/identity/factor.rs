//! The second factor: when it counts, for how long, and what does not replace it.

use crate::support::{PASSWORD, World, authenticator, is_fresh, log_in_at};
use jiff::SignedDuration;
use keepsake_app::{
    Code,
    identity::{self, Secret, factor, factor::Factor},
    service::Caller,
};
use keepsake_domain::permission::Role;

const STEP: SignedDuration = SignedDuration::from_secs(30);

async fn verify(world: &World, caller: &Caller, given: Factor) -> keepsake_app::Result<Caller> {
    let access = factor::verify(&world.service, caller, &given).await?;
    world.authenticate(access.access_token.expose()).await
}

#[tokio::test]
async fn s31_a_factor_counts_for_300_s_from_its_own_time_and_in_its_own_access_token() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let plain = world.caller(&session).await;
    assert!(!is_fresh(&plain));
    let (app, _, fresh) = world.enrol(&session).await;
    assert!(is_fresh(&fresh), "confirming gave a code");
    // The access token from before does not become more than it was.
    assert!(!is_fresh(&world.caller(&session).await));

    world.pass(SignedDuration::from_secs(600));
    let caller = world.caller(&session).await;
    let access = factor::verify(&world.service, &caller, &Factor::Code(world.code(&app))).await.unwrap();
    let given_at = access.mfa_at.unwrap();
    assert_eq!(given_at, world.service.context.clock.now());
    world.pass(SignedDuration::from_secs(200));
    // A refresh takes the factor along, as old as it is.
    let refreshed = world.refresh(&session).await.unwrap();
    assert_eq!(refreshed.access.mfa_at, Some(given_at));
    world.pass(SignedDuration::from_secs(100));
    for token in [&access.access_token, &refreshed.access.access_token] {
        assert!(is_fresh(&world.authenticate(token.expose()).await.unwrap()));
    }
    world.pass(SignedDuration::from_secs(1));
    for token in [&access.access_token, &refreshed.access.access_token] {
        assert!(!is_fresh(&world.authenticate(token.expose()).await.unwrap()));
    }
    assert!(!is_fresh(&world.caller(&world.refresh(&refreshed).await.unwrap()).await));
}

#[tokio::test]
async fn s31_a_code_works_once_on_whichever_node_and_an_older_one_not_at_all() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let (app, _, caller) = world.enrol(&session).await;
    let other = world.another_node().await;
    // The code that confirmed it is used up.
    let confirming = world.code(&app);
    let replayed = verify(&world, &caller, Factor::Code(confirming)).await.unwrap_err();
    assert_eq!(replayed.code(), Code::MfaFailed);

    world.pass(STEP);
    let between = world.code(&app);
    world.pass(STEP);
    let code = world.code(&app);
    verify(&world, &caller, Factor::Code(code.clone())).await.unwrap();
    for used in [code, between] {
        let again = factor::verify(&other, &caller, &Factor::Code(used)).await.unwrap_err();
        assert_eq!(again.code(), Code::MfaFailed);
    }
    world.pass(STEP);
    let spaced = world.code(&app).expose().to_owned();
    let spaced = Secret::new(format!("{} {}", &spaced[..3], &spaced[3..]));
    factor::verify(&other, &caller, &Factor::Code(spaced)).await.unwrap();
    let refused = world.recorded("step_up").await.into_iter().filter(|row| row.2 == "mfa-failed").count();
    assert_eq!(refused, 3);
}

#[tokio::test]
async fn two_that_give_the_same_code_at_once_are_not_both_let_in() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let (app, codes, caller) = world.enrol(&world.log_in("anna@example.org").await).await;
    let other = world.another_node().await;
    world.pass(STEP);
    for given in [Factor::Code(world.code(&app)), Factor::RecoveryCode(codes[0].clone())] {
        let (one, two) =
            futures::join!(factor::verify(&world.service, &caller, &given), factor::verify(&other, &caller, &given));
        assert!(one.is_ok() != two.is_ok(), "{given:?}");
    }
}

#[tokio::test]
async fn a_recovery_code_works_once_for_its_user_and_counts_as_a_factor() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    world.user(None, "olga@example.org", Role::Admin).await;
    let (_, codes, caller) = world.enrol(&world.log_in("anna@example.org").await).await;
    let (_, _, olga) = world.enrol(&world.log_in("olga@example.org").await).await;
    assert_eq!(codes.len(), 10);
    let first = Factor::RecoveryCode(codes[0].clone());
    assert_eq!(verify(&world, &olga, first.clone()).await.unwrap_err().code(), Code::MfaFailed);
    assert!(is_fresh(&verify(&world, &caller, first.clone()).await.unwrap()));
    assert_eq!(verify(&world, &caller, first).await.unwrap_err().code(), Code::MfaFailed);
    let typed = codes[1].expose().to_uppercase().replace('-', " ");
    verify(&world, &caller, Factor::RecoveryCode(Secret::new(typed))).await.unwrap();
}

#[tokio::test]
async fn s31_five_wrong_codes_close_the_factor_on_every_node_and_the_password_does_not_open_it() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let (app, codes, caller) = world.enrol(&world.log_in("anna@example.org").await).await;
    let other = world.another_node().await;
    world.pass(STEP);
    let right = world.code(&app);
    let wrong = Secret::new(if right.expose() == "000000" { "000001" } else { "000000" });
    for attempt in 0..5 {
        let node = if attempt % 2 == 0 { &world.service } else { &other };
        let error = factor::verify(node, &caller, &Factor::Code(wrong.clone())).await.unwrap_err();
        assert_eq!(error.code(), Code::MfaFailed, "{attempt}");
    }
    let again = world.caller(&log_in_at(&other, "anna@example.org", PASSWORD).await.unwrap()).await;
    for given in [Factor::Code(right), Factor::RecoveryCode(codes[0].clone())] {
        for caller in [&caller, &again] {
            let error = factor::verify(&world.service, caller, &given).await.unwrap_err();
            assert_eq!(error.code(), Code::TooManyAttempts);
        }
    }
    world.pass(SignedDuration::from_mins(15));
    let again = world.caller(&world.log_in("anna@example.org").await).await;
    assert!(is_fresh(&verify(&world, &again, Factor::Code(world.code(&app))).await.unwrap()));
}

#[tokio::test]
async fn s31_the_first_factor_takes_the_password_and_another_one_takes_the_first() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let plain = world.caller(&session).await;
    let password = Secret::new(PASSWORD);
    let stolen = factor::enroll(&world.service, &plain, &Secret::new("wrong horse battery")).await.unwrap_err();
    assert_eq!(stolen.code(), Code::Unauthenticated);
    let nothing = factor::confirm(&world.service, &plain, &Secret::new("000000")).await.unwrap_err();
    assert_eq!(nothing.code(), Code::Invalid);
    assert_eq!(verify(&world, &plain, Factor::Code(Secret::new("000000"))).await.unwrap_err().code(), Code::Invalid);

    let (first, codes, fresh) = world.enrol(&session).await;
    let refused = factor::enroll(&world.service, &plain, &password).await.unwrap_err();
    assert_eq!(refused.code(), Code::MfaRequired);
    let second = authenticator(&factor::enroll(&world.service, &fresh, &password).await.unwrap());
    // Until the new one is confirmed the old one goes on, and only it.
    world.pass(STEP);
    assert_eq!(verify(&world, &fresh, Factor::Code(world.code(&second))).await.unwrap_err().code(), Code::MfaFailed);
    let fresh = verify(&world, &fresh, Factor::Code(world.code(&first))).await.unwrap();
    let unproven = factor::confirm(&world.service, &plain, &world.code(&second)).await.unwrap_err();
    assert_eq!(unproven.code(), Code::MfaRequired);

    world.pass(STEP);
    let access = factor::verify(&world.service, &fresh, &Factor::Code(world.code(&first))).await.unwrap();
    world.pass(SignedDuration::from_secs(2));
    let confirmed = factor::confirm(&world.service, &fresh, &world.code(&second)).await.unwrap();
    assert!(is_fresh(&world.authenticate(confirmed.access.access_token.expose()).await.unwrap()));
    assert!(!is_fresh(&world.authenticate(access.access_token.expose()).await.unwrap()), "that was the old factor");
    world.pass(STEP);
    for old in [Factor::Code(world.code(&first)), Factor::RecoveryCode(codes[0].clone())] {
        assert_eq!(verify(&world, &fresh, old).await.unwrap_err().code(), Code::MfaFailed);
    }
    verify(&world, &fresh, Factor::Code(world.code(&second))).await.unwrap();
}

#[tokio::test]
async fn a_factor_that_is_given_in_a_session_that_ended_opens_nothing() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let (app, _, caller) = world.enrol(&session).await;
    identity::logout(&world.service, &caller).await.unwrap();
    world.pass(STEP);
    let error = factor::verify(&world.service, &caller, &Factor::Code(world.code(&app))).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn s30_nothing_in_the_catalog_can_be_used_as_it_is() {
    let world = World::new().await;
    let anna = world.user(None, "anna@example.org", Role::Admin).await;
    let olga = world.user(None, "olga@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let (app, codes, caller) = world.enrol(&session).await;
    let (_, _, olgas) = world.enrol(&world.log_in("olga@example.org").await).await;
    let dump = world.dump().await;
    let mut secrets = vec![PASSWORD.to_owned(), hex::encode(PASSWORD), session.refresh_token.expose().to_owned()];
    secrets.push(session.refresh_token.expose().trim_start_matches("ksrt_").to_owned());
    secrets.push(session.access.access_token.expose().to_owned());
    secrets.extend([app.secret().to_base32(), hex::encode(app.secret().as_bytes())]);
    for code in &codes {
        secrets.extend([code.expose().to_owned(), code.expose().replace('-', "")]);
    }
    for secret in secrets {
        assert!(!dump.contains(&secret), "{secret}");
    }
    let shown = format!("{session:?} {codes:?} {caller:?}");
    assert!(!shown.contains(session.refresh_token.expose()) && !shown.contains(codes[0].expose()));
    assert!(!shown.contains(session.access.access_token.expose()));

    // A sealed secret is its user's: copied to somebody else it does not open.
    let copy = "UPDATE keepsake.credentials AS c SET totp_sealed = a.totp_sealed FROM keepsake.credentials AS a
                WHERE c.user_id = $1 AND a.user_id = $2";
    assert_eq!(world.owner.execute(copy, &[olga.id.as_uuid(), anna.id.as_uuid()]).await.unwrap(), 1);
    world.pass(STEP);
    let error = verify(&world, &olgas, Factor::Code(world.code(&app))).await.unwrap_err();
    assert_eq!(error.code(), Code::CatalogFailed);
}
