//! Sessions: how long they go on, and what ends them at once.

use crate::support::World;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use keepsake_app::{
    Code,
    identity::{self, Secret, users},
};
use keepsake_domain::permission::Role;
use keepsake_keys::{MasterKey, SysRng};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[tokio::test]
async fn a_refresh_token_works_once_and_a_second_use_ends_its_session() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let (stolen, elsewhere) = (world.log_in("anna@example.org").await, world.log_in("anna@example.org").await);
    let second = world.refresh(&stolen).await.unwrap();
    assert_ne!(second.refresh_token, stolen.refresh_token);
    let third = world.refresh(&second).await.unwrap();
    world.caller(&third).await;

    assert_eq!(world.refresh(&stolen).await.unwrap_err().code(), Code::SessionRevoked);
    assert_eq!(world.refresh(&third).await.unwrap_err().code(), Code::Unauthenticated);
    for session in [&stolen, &second, &third] {
        let refused = world.authenticate(session.access.access_token.expose()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    assert!(world.recorded("login").await.iter().any(|row| row.0 == "outcome" && row.2 == "session-revoked"));
    // Her other session is another family.
    world.caller(&elsewhere).await;
    world.refresh(&elsewhere).await.unwrap();
}

#[tokio::test]
async fn two_refreshes_at_once_never_both_succeed() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    for _ in 0..5 {
        let session = world.log_in("anna@example.org").await;
        let (one, two) = futures::join!(world.refresh(&session), world.refresh(&session));
        assert!(one.is_err() || two.is_err());
    }
}

#[tokio::test]
async fn access_tokens_last_15_minutes_and_sessions_14_days_from_their_login() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let mut session = world.log_in("anna@example.org").await;
    world.pass(SignedDuration::from_secs(15 * 60 - 1));
    world.caller(&session).await;
    world.pass(SignedDuration::from_secs(1));
    let refused = world.authenticate(session.access.access_token.expose()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    for _ in 0..13 {
        world.pass(24 * 60 * MINUTE);
        session = world.refresh(&session).await.unwrap();
    }
    world.pass(24 * 60 * MINUTE);
    assert_eq!(world.refresh(&session).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn logging_out_ends_the_session_and_no_other() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let (here, elsewhere) = (world.log_in("anna@example.org").await, world.log_in("anna@example.org").await);
    identity::logout(&world.service, &world.caller(&here).await).await.unwrap();
    assert_eq!(world.authenticate(here.access.access_token.expose()).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(world.refresh(&here).await.unwrap_err().code(), Code::Unauthenticated);
    world.caller(&elsewhere).await;
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_stays_out_until_let_in_again() {
    let world = World::new().await;
    let mia = world.user(Some(world.a), "mia@example.org", Role::Member).await;
    let session = world.log_in("mia@example.org").await;
    users::disable(&world.service, &world.machine(), mia.id).await.unwrap();
    let out = async |session: &identity::Session| {
        let refused = world.authenticate(session.access.access_token.expose()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(world.refresh(session).await.unwrap_err().code(), Code::Unauthenticated);
    };
    out(&session).await;
    let back = users::Change {
        email: Secret::new("mia@example.org"),
        display_name: String::new(),
        role: Role::Member,
        disabled: false,
        password: None,
    };
    users::change(&world.service, &world.machine(), mia.id, &back).await.unwrap();
    // The sessions from before are over; a new one begins.
    out(&session).await;
    world.caller(&world.log_in("mia@example.org").await).await;
}

#[tokio::test]
async fn another_role_or_password_ends_sessions_and_another_name_does_not() {
    let world = World::new().await;
    let mia = world.user(Some(world.a), "mia@example.org", Role::Admin).await;
    world.user(Some(world.a), "max@example.org", Role::Admin).await;
    let mut change = users::Change {
        email: Secret::new("mia@example.org"),
        display_name: "Mia".to_owned(),
        role: Role::Admin,
        disabled: false,
        password: None,
    };
    let session = world.log_in("mia@example.org").await;
    users::change(&world.service, &world.machine(), mia.id, &change).await.unwrap();
    world.caller(&session).await;

    change.role = Role::Member;
    users::change(&world.service, &world.machine(), mia.id, &change).await.unwrap();
    assert!(world.authenticate(session.access.access_token.expose()).await.is_err());

    let session = world.log_in("mia@example.org").await;
    change.password = Some(Secret::new("another horse battery"));
    users::change(&world.service, &world.machine(), mia.id, &change).await.unwrap();
    assert!(world.authenticate(session.access.access_token.expose()).await.is_err());
    assert!(world.try_log_in("mia@example.org", crate::support::PASSWORD).await.is_err());
    world.try_log_in("mia@example.org", "another horse battery").await.unwrap();
}

/// What the access token says, without asking who signed it.
fn claims(token: &str) -> serde_json::Value {
    let mut any = Validation::new(Algorithm::HS256);
    any.validate_exp = false;
    let key = DecodingKey::from_secret(b"");
    let _unsigned = jsonwebtoken::decode::<serde_json::Value>(token, &key, &any).unwrap_err();
    jsonwebtoken::dangerous::insecure_decode::<serde_json::Value>(token).unwrap().claims
}

#[tokio::test]
async fn tokens_that_this_installation_did_not_sign_in_its_own_way_are_refused() {
    let world = World::new().await;
    world.user(None, "anna@example.org", Role::Admin).await;
    let session = world.log_in("anna@example.org").await;
    let good = claims(session.access.access_token.expose());
    let own = world.service.context.master.token_signing();
    let folder = tempfile::tempdir().unwrap();
    let other = MasterKey::create(&folder.path().join("other.key"), &mut SysRng).unwrap();
    let sign = |algorithm, claims: &serde_json::Value, key: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).unwrap()
    };
    // Signed again as it is, it works: what follows fails for the reason it names.
    world.authenticate(&sign(Algorithm::HS256, &good, own.as_ref())).await.unwrap();

    let mut elsewhere = good.clone();
    elsewhere["iss"] = "keepsake:0123".into();
    let mut nameless = good.clone();
    nameless.as_object_mut().unwrap().remove("iss");
    let mut endless = good.clone();
    endless.as_object_mut().unwrap().remove("exp");
    let whole = session.access.access_token.expose();
    let (unsigned, _) = whole.rsplit_once('.').unwrap();
    let none = unsigned.split_once('.').unwrap().1;
    let refused = [
        ("another key", sign(Algorithm::HS256, &good, other.token_signing().as_ref())),
        ("another algorithm", sign(Algorithm::HS512, &good, own.as_ref())),
        ("another issuer", sign(Algorithm::HS256, &elsewhere, own.as_ref())),
        ("no issuer", sign(Algorithm::HS256, &nameless, own.as_ref())),
        ("no end", sign(Algorithm::HS256, &endless, own.as_ref())),
        ("no signature", format!("{unsigned}.")),
        // {"alg":"none","typ":"JWT"}
        ("no algorithm", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{none}.")),
        ("nothing", String::new()),
        ("nonsense", "ksat_".to_owned()),
    ];
    for (what, token) in refused {
        let error = world.authenticate(&token).await.expect_err(what);
        assert_eq!(error.code(), Code::Unauthenticated, "{what}");
        assert!(token.is_empty() || !error.chain().contains(&token), "{what}");
    }
}
