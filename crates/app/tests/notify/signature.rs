//! Signatures, checked by openssl, which knows nothing of ours.

use crate::{
    receiver::{Receiver, Request},
    stage::{settings, tell_as},
    support::World,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use keepsake_app::{
    Code, Context,
    service::Service,
    webhook::{self, Change, Made},
};
use keepsake_domain::{Clock as _, clock::FixedClock, notification::Signature};
use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

/// What is signed.
fn signed(request: &Request) -> String {
    format!("{}.{}.{}", request.id(), request.headers["webhook-timestamp"], request.body)
}

fn signatures(request: &Request) -> Vec<&str> {
    request.headers["webhook-signature"].split(' ').collect()
}

/// `v1` under a secret, as openssl makes it.
fn by_openssl(secret: &str, request: &Request) -> String {
    let key = hex::encode(BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap());
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}"), "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(signed(request).as_bytes()).unwrap();
    let output = openssl.wait_with_output().unwrap();
    assert!(output.status.success());
    format!("v1,{}", BASE64_STANDARD.encode(output.stdout))
}

/// Whether openssl takes a `v1a` signature under a public key.
fn is_taken_by_openssl(public: &str, request: &Request, signature: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    // The key with what RFC 8410 puts before it.
    let prefix = hex::decode("302a300506032b6570032100").unwrap();
    let key = BASE64_STANDARD.decode(public.strip_prefix("whpk_").unwrap()).unwrap();
    let signature = BASE64_STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
    let done = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"])
        .arg("-inkey")
        .arg(file("key", &[prefix, key].concat()))
        .arg("-in")
        .arg(file("signed", signed(request).as_bytes()))
        .arg("-sigfile")
        .arg(file("signature", &signature))
        .output()
        .unwrap();
    done.status.success()
}

fn secret(made: &Made) -> String {
    made.secret.as_ref().unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_delivery_is_signed_with_the_secret_that_was_shown_at_the_time_that_it_says() {
    let world = World::new().await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let (made, another) = (world.webhook(&one).await, world.webhook(&other).await);
    assert_ne!(secret(&made), secret(&another));
    world.happen().await;
    let telling = world.tell();
    let (request, same) = (one.until(1).await.remove(0), other.until(1).await.remove(0));
    world.until_told().await;
    telling.stop().await;
    assert_eq!((request.id(), &request.body), (same.id(), &same.body));
    assert_eq!(signatures(&request), [by_openssl(&secret(&made), &request)]);
    assert_eq!(signatures(&same), [by_openssl(&secret(&another), &same)]);
    let at: i64 = request.headers["webhook-timestamp"].parse().unwrap();
    let now = world.service.context.clock.now().as_second();
    assert!((now - 60..=now).contains(&at), "{at} is not {now}");
    // To the byte: nothing but what was signed passes.
    let forged = Request { body: request.body.replace("vanished", "returned"), ..request.clone() };
    assert_ne!(signatures(&request), [by_openssl(&secret(&made), &forged)]);
}

#[tokio::test]
async fn a_webhook_with_a_key_pair_shows_the_public_half_only() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let made = world.webhook_with(&world.admin(), &receiver, |new| new.signature = Signature::Ed25519).await;
    assert_eq!(made.secret, None);
    let [public] = &made.webhook.public_keys[..] else { panic!("{made:?}") };
    world.happen().await;
    let telling = world.tell();
    let request = receiver.until(1).await.remove(0);
    world.until_told().await;
    telling.stop().await;
    let [signature] = signatures(&request)[..] else { panic!("{request:?}") };
    assert!(is_taken_by_openssl(public, &request, signature));
    let forged = Request { body: request.body.replace("vanished", "returned"), ..request.clone() };
    assert!(!is_taken_by_openssl(public, &forged, signature));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day_and_then_the_new_one_alone() {
    let mut world = World::new().await;
    let clock = Arc::new(FixedClock::new("2026-06-06T12:00:00Z".parse().unwrap()));
    world.service = Service {
        context: Context { clock: Arc::clone(&clock) as _, ..world.service.context.clone() },
        ..world.service.clone()
    };
    let (receiver, paired) = (Receiver::start().await, Receiver::start().await);
    let old = world.webhook(&receiver).await;
    let old_pair = world.webhook_with(&world.admin(), &paired, |new| new.signature = Signature::Ed25519).await;
    let rotate = async |made: &Made, version| {
        let change = Change {
            version,
            name: made.webhook.name.clone(),
            url: made.webhook.url.clone(),
            kinds: Vec::new(),
            enabled: true,
            rotate_secret: true,
        };
        webhook::change(&world.service, &world.admin(), made.webhook.id, change).await
    };
    let new = rotate(&old, 1).await.unwrap();
    let new_pair = rotate(&old_pair, 1).await.unwrap();
    assert_eq!(rotate(&old, 1).await.unwrap_err().code(), Code::Stale, "somebody who did not see it changes nothing");
    assert_ne!(secret(&old), secret(&new));
    let until = clock.now() + jiff::SignedDuration::from_hours(24);
    assert_eq!(new.webhook.previous_until, Some(until));
    let (public, before) = (&new_pair.webhook.public_keys, &old_pair.webhook.public_keys);
    assert_eq!((public.len(), &public[1..]), (2, &before[..]));

    let telling = tell_as(&world.service, settings());
    world.happen().await;
    let (both, pair) = (receiver.until(1).await.remove(0), paired.until(1).await.remove(0));
    assert_eq!(signatures(&both), [by_openssl(&secret(&new), &both), by_openssl(&secret(&old), &both)]);
    let [first, second] = signatures(&pair)[..] else { panic!("{pair:?}") };
    assert!(is_taken_by_openssl(&public[0], &pair, first) && is_taken_by_openssl(&public[1], &pair, second));

    clock.set(until);
    world.happen().await;
    let (alone, pair) = (receiver.until(2).await.remove(1), paired.until(2).await.remove(1));
    world.until_told().await;
    telling.stop().await;
    assert_eq!(signatures(&alone), [by_openssl(&secret(&new), &alone)]);
    assert_eq!(signatures(&pair).len(), 1);
    let shown = webhook::get(&world.service, &world.admin(), new_pair.webhook.id).await.unwrap();
    assert_eq!((shown.public_keys.len(), shown.previous_until), (1, None));
}

#[tokio::test]
async fn s30_secrets_lie_sealed_in_the_catalog_each_for_its_row_and_column() {
    let world = World::new().await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let (made, another) = (world.webhook(&one).await, world.webhook(&other).await);
    let key = BASE64_STANDARD.decode(secret(&made).strip_prefix("whsec_").unwrap()).unwrap();
    let owner = world.server.connect("catalog").await;
    let rows = owner.query("SELECT to_jsonb(w)::text FROM keepsake.webhook_endpoints AS w", &[]).await.unwrap();
    for row in rows {
        let row: String = row.get(0);
        assert!(!row.contains(&hex::encode(&key)) && !row.contains(&secret(&made)[6..]), "{row}");
    }
    // Another's secret, put into this row, signs nothing.
    let swap = "UPDATE keepsake.webhook_endpoints SET secret_sealed = \
                (SELECT secret_sealed FROM keepsake.webhook_endpoints WHERE id = $1) WHERE id = $2";
    owner.execute(swap, &[another.webhook.id.as_uuid(), made.webhook.id.as_uuid()]).await.unwrap();
    world.happen().await;
    let telling = world.tell();
    let deliveries = world.until_delivered(made.webhook.id, 1).await;
    world.until_delivered(another.webhook.id, 1).await;
    telling.stop().await;
    let trouble = deliveries[0].trouble.map(keepsake_domain::notification::Trouble::name);
    assert_eq!((one.requests().len(), trouble), (0, Some("secret_unreadable")));
}
