//! Webhooks are their organisation's admins' to manage.

use crate::{receiver::Receiver, support::World};
use keepsake_app::{
    Code,
    service::Caller,
    webhook::{self, Change, New},
};
use keepsake_catalog::webhooks::Delivery;
use keepsake_domain::{
    WebhookId,
    notification::{Kind, Signature, State},
    permission::Role,
};

fn new(name: &str, url: &str) -> New {
    New {
        organisation: None,
        name: name.to_owned(),
        url: url.to_owned(),
        kinds: Vec::new(),
        signature: Signature::Hmac,
    }
}

fn change(version: i64) -> Change {
    Change {
        version,
        name: "hook".to_owned(),
        url: "https://hooks.example/".to_owned(),
        kinds: Vec::new(),
        enabled: true,
        rotate_secret: false,
    }
}

async fn codes(world: &World, caller: &Caller, id: WebhookId, delivery: &Delivery) -> Vec<Code> {
    let service = &world.service;
    vec![
        webhook::get(service, caller, id).await.unwrap_err().code(),
        webhook::change(service, caller, id, change(1)).await.unwrap_err().code(),
        webhook::test(service, caller, id).await.unwrap_err().code(),
        webhook::deliveries(service, caller, id, None, 50, None).await.unwrap_err().code(),
        webhook::replay(service, caller, id, delivery.id).await.unwrap_err().code(),
        webhook::delete(service, caller, id, 1).await.unwrap_err().code(),
    ]
}

#[tokio::test]
async fn nobody_else_sees_or_touches_a_webhook() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let made = world.webhook(&receiver).await.webhook;
    let delivery = webhook::test(&world.service, &world.admin(), made.id).await.unwrap();
    let other = world.other_admin().await;
    assert_eq!(codes(&world, &other, made.id, &delivery).await, [Code::NotFound; 6]);
    assert!(webhook::list(&world.service, &other, 50, None).await.unwrap().items.is_empty());
    let member = world.member().await;
    assert_eq!(codes(&world, &member, made.id, &delivery).await, [Code::NotFound; 6]);
    assert_eq!(webhook::list(&world.service, &member, 50, None).await.unwrap_err().code(), Code::Forbidden);
    let theirs = webhook::create(&world.service, &member, new("mine", "https://hooks.example/")).await;
    assert_eq!(theirs.unwrap_err().code(), Code::Forbidden);
    let foreign = New { organisation: Some(made.organisation), ..new("theirs", "https://hooks.example/") };
    assert_eq!(webhook::create(&world.service, &other, foreign).await.unwrap_err().code(), Code::NotFound);
    let auditor = world.auditor();
    let seen = webhook::deliveries(&world.service, &auditor, made.id, Some(State::Waiting), 50, None).await.unwrap();
    assert_eq!(seen.items, [delivery]);
    let refused = webhook::test(&world.service, &auditor, made.id).await.unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden);
    let shown = webhook::get(&world.service, &auditor, made.id).await.unwrap();
    assert_eq!((shown.url, shown.version), (made.url, 1));
}

#[tokio::test]
async fn a_webhook_is_changed_by_whoever_saw_it_and_deleted_with_its_secrets() {
    let world = World::new().await;
    let (service, admin) = (&world.service, world.admin());
    let made = webhook::create(service, &admin, new("hook", "https://hooks.example/a")).await.unwrap();
    assert!(made.secret.is_some());
    let twice = webhook::create(service, &admin, new(" hook ", "https://hooks.example/b")).await.unwrap_err();
    assert_eq!(twice.code(), Code::Exists);
    let id = made.webhook.id;
    let wanted = Change { kinds: vec![Kind::WeddingVanished, Kind::BackupFailed, Kind::BackupFailed], ..change(1) };
    let changed = webhook::change(service, &admin, id, wanted.clone()).await.unwrap();
    assert_eq!((changed.webhook.version, changed.secret), (2, None), "the secret is shown when it is new");
    assert_eq!(changed.webhook.kinds, [Kind::BackupFailed, Kind::WeddingVanished]);
    assert_eq!(webhook::get(service, &admin, id).await.unwrap(), changed.webhook);
    assert_eq!(webhook::change(service, &admin, id, wanted).await.unwrap_err().code(), Code::Stale);
    assert_eq!(webhook::delete(service, &admin, id, 1).await.unwrap_err().code(), Code::Stale);
    let tests = Change { kinds: vec![Kind::WebhookTest], ..change(2) };
    assert_eq!(webhook::change(service, &admin, id, tests).await.unwrap_err().code(), Code::Invalid);

    webhook::test(service, &admin, id).await.unwrap();
    webhook::delete(service, &admin, id, 2).await.unwrap();
    assert_eq!(webhook::get(service, &admin, id).await.unwrap_err().code(), Code::NotFound);
    let owner = world.server.connect("catalog").await;
    let left =
        "SELECT secret_sealed IS NULL AND previous_secret_sealed IS NULL FROM keepsake.webhook_endpoints WHERE id = $1";
    assert!(owner.query_one(left, &[id.as_uuid()]).await.unwrap().get::<_, bool>(0), "its secret is forgotten");
    let waits = "SELECT count(*) FROM keepsake.webhook_deliveries WHERE state = 'waiting'";
    assert_eq!(owner.query_one(waits, &[]).await.unwrap().get::<_, i64>(0), 0);
    // The name is free again.
    webhook::create(service, &admin, new("hook", "https://hooks.example/c")).await.unwrap();
}

#[tokio::test]
async fn an_organisation_has_a_limited_number_of_webhooks() {
    let world = World::new().await;
    let (service, admin) = (&world.service, world.admin());
    for number in 0..20 {
        webhook::create(service, &admin, new(&number.to_string(), "https://hooks.example/")).await.unwrap();
    }
    let one_more = webhook::create(service, &admin, new("one more", "https://hooks.example/")).await.unwrap_err();
    assert_eq!(one_more.code(), Code::Invalid);
    let first = webhook::list(service, &admin, 15, None).await.unwrap();
    let rest = webhook::list(service, &admin, 15, first.next).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (15, 5, None));
}

impl World {
    fn auditor(&self) -> Caller {
        self.caller(0xa3, Role::Auditor)
    }
}
