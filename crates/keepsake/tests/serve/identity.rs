//! Logging in and what it opens.

use crate::{
    service::{Answer, Service},
    world::World,
};
use keepsake_app::{
    Context, Home,
    identity::{Secret, users},
    install,
    service::{self, Caller, catalog},
};
use keepsake_domain::{Clock, RequestId, SystemClock, permission::Role};
use keepsake_testkit::postgres::Server;
use keepsake_vault::engine::{Engine, EngineConfig};
use serde_json::{Value, json};
use std::sync::Arc;
use totp_rs::Totp;
use uuid::Uuid;

pub const EMAIL: &str = "anna@example.org";
pub const PASSWORD: &str = "a long enough passphrase";

/// The use cases of a service beside its requests: the same catalog and the same keys, without HTTP.
pub async fn beside(world: &World, server: &Server, roles: &[String]) -> service::Service {
    let url = format!("postgres://postgres@localhost/catalog?host={}", server.socket().display());
    std::fs::write(world.path("catalog-url"), &url).unwrap();
    let home = Home::resolve(Some(&world.home()), &|_| None).unwrap();
    let context = Context {
        master: install::load_master_key(&home).unwrap(),
        home,
        clock: Arc::new(SystemClock),
        engine: Engine::new(EngineConfig { memory_bytes: 64 << 20, ..EngineConfig::default() }).unwrap(),
        cancel: tokio_util::sync::CancellationToken::new(),
        progress: Arc::default(),
        actor: "test".to_owned(),
        organisation: "local".to_owned(),
    };
    let (catalog, _) = catalog::open(&context, Some(&url), "test", roles).await.unwrap();
    service::Service { context, catalog }
}

/// A running service with one admin, made at the machine. It answers requests and does no work: what is asked for stays as it is.
pub async fn with_admin(world: &World) -> (Server, Service) {
    with_admin_and(world, "api", &[]).await
}

/// The same, with these roles and variables.
pub async fn with_admin_and(world: &World, roles: &str, environment: &[(&str, &str)]) -> (Server, Service) {
    let server = Server::start();
    server.create_database("catalog").await;
    let service = beside(world, &server, &[]).await;
    let admin = users::NewUser {
        organisation_id: None,
        email: Secret::new(EMAIL),
        display_name: "Anna".to_owned(),
        role: Role::Admin,
        password: Secret::new(PASSWORD),
    };
    users::create(&service, &Caller::machine(RequestId::from_uuid(Uuid::from_u128(1))), &admin).await.unwrap();
    service.catalog.close().await;
    let url = format!("file:{}", world.path("catalog-url").display());
    let started = Service::start_in(world, &["--catalog-url", &url, "--roles", roles], environment);
    (server, started)
}

fn post(service: &Service, path: &str, token: Option<&str>, body: &Value, more: &[&str]) -> Answer {
    send(service, "POST", path, token, body, more)
}

fn send(service: &Service, method: &str, path: &str, token: Option<&str>, body: &Value, more: &[&str]) -> Answer {
    let (body, authorization) = (body.to_string(), format!("Authorization: Bearer {}", token.unwrap_or_default()));
    let mut arguments = vec!["-X", method, "-H", "Content-Type: application/json", "-d", &body];
    if token.is_some() {
        arguments.extend(["-H", &authorization]);
    }
    arguments.extend(more);
    service.curl(path, &arguments)
}

fn get(service: &Service, path: &str, token: &str) -> Answer {
    service.curl(path, &["-H", &format!("Authorization: Bearer {token}")])
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

fn login(service: &Service) -> Value {
    let answer = post(service, "/api/auth/login", None, &json!({"email": EMAIL, "password": PASSWORD}), &[]);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_login_opens_what_a_role_may_and_a_second_factor_the_rest() {
    let world = World::new();
    let (_server, service) = with_admin(&world).await;

    let nobody = service.get("/api/auth/me");
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")), "{nobody:?}");
    let wrong = post(&service, "/api/auth/login", None, &json!({"email": EMAIL, "password": "another"}), &[]);
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (401, Some("unauthenticated")));
    let odd = post(&service, "/api/auth/login", None, &json!({"email": EMAIL, "password": 7}), &[]);
    assert_eq!((odd.status, odd.json()["errors"][0]["pointer"].as_str()), (422, Some("/password")), "{odd:?}");
    let plain = service.curl("/api/auth/login", &["-H", "Content-Type: text/plain", "-d", "{}"]);
    assert_eq!((plain.status, plain.json()["code"].as_str()), (415, Some("media-type-unsupported")));

    let session = login(&service);
    let token = text(&session, "access_token");
    let me = get(&service, "/api/auth/me", &token).json();
    assert_eq!(
        (me["kind"].as_str(), me["email"].as_str(), me["role"].as_str()),
        (Some("user"), Some(EMAIL), Some("admin"))
    );
    assert_eq!(get(&service, "/metrics", &token).status, 200, "an admin of the operator");

    // A token takes a second factor: step-up as RFC 9470 has it.
    let month = SystemClock.now() + jiff::SignedDuration::from_hours(30 * 24);
    let new = json!({"name": "reports", "scopes": ["read"], "expires_at": month.to_string()});
    let refused = post(&service, "/api/auth/tokens", Some(&token), &new, &[]);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (401, Some("mfa-required")));
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_user_authentication") && challenge.contains("max_age=300"), "{challenge}");

    let enrolled = post(&service, "/api/auth/mfa/totp/enroll", Some(&token), &json!({"password": PASSWORD}), &[]);
    assert_eq!(enrolled.status, 200, "{enrolled:?}");
    let totp = Totp::from_url(text(&enrolled.json(), "url")).unwrap();
    let code = totp.generate_current().to_string();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = post(&service, "/api/auth/mfa/totp/confirm", Some(&token), &json!({"code": wrong}), &[]);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (401, Some("mfa-failed")));
    let confirmed = post(&service, "/api/auth/mfa/totp/confirm", Some(&token), &json!({"code": code}), &[]).json();
    let recovery = confirmed["recovery_codes"][0].as_str().unwrap().to_owned();
    let fresh = text(&confirmed, "access_token");
    let created = post(&service, "/api/auth/tokens", Some(&fresh), &new, &[]);
    assert_eq!(created.status, 201, "{created:?}");
    let created = created.json();
    let program = text(&created, "secret");
    assert_eq!(get(&service, "/api/auth/me", &program).json()["kind"], "token");
    assert_eq!(get(&service, "/api/users", &program).status, 403);
    let stepped = post(&service, "/api/auth/mfa/verify", Some(&token), &json!({"recovery_code": recovery}), &[]);
    assert_eq!(stepped.status, 200, "{stepped:?}");
    let again = post(&service, "/api/auth/mfa/verify", Some(&token), &json!({"recovery_code": recovery}), &[]);
    assert_eq!(again.status, 401, "a recovery code works once");

    let id = text(&created["token"], "id");
    let listed = get(&service, "/api/auth/tokens", &token).json();
    assert_eq!(listed["items"][0]["id"].as_str(), Some(id.as_str()));
    assert!(!listed.to_string().contains(&program), "a list shows a secret");
    assert_eq!(send(&service, "DELETE", &format!("/api/auth/tokens/{id}"), Some(&token), &json!({}), &[]).status, 204);
    assert_eq!(get(&service, "/api/auth/me", &program).status, 401, "a revoked token");

    // A refresh token works once.
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let next = post(&service, "/api/auth/refresh", None, &refresh, &[]);
    assert_eq!(next.status, 200, "{next:?}");
    let stolen = post(&service, "/api/auth/refresh", None, &refresh, &[]);
    assert_eq!((stolen.status, stolen.json()["code"].as_str()), (401, Some("session-revoked")));
    assert_eq!(get(&service, "/api/auth/me", &text(&next.json(), "access_token")).status, 401, "its session ended");
    let token = text(&login(&service), "access_token");
    assert_eq!(post(&service, "/api/auth/logout", Some(&token), &json!({}), &[]).status, 204);
    assert_eq!(get(&service, "/api/auth/me", &token).status, 401);

    let log = service.log();
    for secret in [PASSWORD, EMAIL, &program, &token, &recovery] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

#[tokio::test]
async fn s33_a_repeated_request_gets_the_answer_of_the_first() {
    let world = World::new();
    let (server, service) = with_admin(&world).await;
    let token = text(&login(&service), "access_token");
    let new = json!({"email": "ben@example.org", "role": "member", "password": "another long passphrase"});
    let key = ["-H", "Idempotency-Key: 5b1e"];
    let first = post(&service, "/api/users", Some(&token), &new, &key);
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{first:?}");
    let again = post(&service, "/api/users", Some(&token), &new, &key);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{again:?}");
    assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));
    let other = json!({"email": "eve@example.org", "role": "member", "password": "another long passphrase"});
    let refused = post(&service, "/api/users", Some(&token), &other, &key);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (422, Some("idempotency-key-reused")));
    // Without the key it is a new request; a request that was refused can be tried again with the same key.
    assert_eq!(post(&service, "/api/users", Some(&token), &new, &[]).status, 409);
    let second = ["-H", "Idempotency-Key: 77aa"];
    assert_eq!(post(&service, "/api/users", Some(&token), &new, &second).status, 409);
    assert_eq!(post(&service, "/api/users", Some(&token), &other, &second).status, 201);
    let long = format!("Idempotency-Key: {}", "k".repeat(300));
    let bad = post(&service, "/api/users", Some(&token), &other, &["-H", &long]);
    assert_eq!(bad.status, 422, "{bad:?}");

    // Somebody else's key of the same name is their own, and at work is at work.
    let owner = server.connect("catalog").await;
    let at_work = "UPDATE keepsake.idempotency_keys SET status = NULL, created_at = now() WHERE key = '5b1e'";
    assert_eq!(owner.execute(at_work, &[]).await.unwrap(), 1);
    let refused = post(&service, "/api/users", Some(&token), &new, &key);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("idempotency-key-at-work")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let died = "UPDATE keepsake.idempotency_keys SET created_at = now() - interval '6 minutes' WHERE key = '5b1e'";
    owner.execute(died, &[]).await.unwrap();
    let tried = post(&service, "/api/users", Some(&token), &new, &key);
    assert_eq!((tried.status, tried.json()["code"].as_str()), (409, Some("exists")), "it was tried again");

    // Whoever lost the right gets no stored answer.
    let keep = ["-H", "Idempotency-Key: 77aa"];
    owner.execute("UPDATE keepsake.users SET role = 'auditor' WHERE email = $1", &[&EMAIL]).await.unwrap();
    assert_eq!(post(&service, "/api/users", Some(&token), &other, &keep).status, 403);

    let stored = "SELECT count(*) FROM keepsake.idempotency_keys WHERE path LIKE '/api/auth/%' OR convert_from(body, 'UTF8') LIKE '%passphrase%'";
    assert_eq!(owner.query_one(stored, &[]).await.unwrap().get::<_, i64>(0), 0);
}
