//! Webhooks and mails, as they are asked for and as they arrive.

use crate::{
    process::reachable,
    service::Service,
    stage::{Person, Stage, id, refused, text},
    tls::certificate,
};
use keepsake_testkit::smtp;
use serde_json::{Value, json};
use std::{thread, time::Duration};

/// The deliveries to a webhook, newest first, once none waits.
fn until_ended(person: &Person<'_>, webhook: &str) -> Vec<Value> {
    for _ in 0..300 {
        let listed = person.get(&format!("/api/webhooks/{webhook}/deliveries"));
        assert_eq!(listed.status, 200, "{listed:?}");
        let items = listed.json()["items"].as_array().unwrap().clone();
        if items.iter().all(|delivery| delivery["state"] != "waiting") {
            return items;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("never ended")
}

#[tokio::test]
async fn a_webhook_is_made_changed_tried_out_and_deleted() {
    let stage = Stage::working().await;
    let (admin, member) = (stage.admin(), stage.member());
    let new = json!({"name": "on-call", "url": "https://127.0.0.1:9/hooks", "events": ["keepsake.backup.failed.v1"]});
    let made = admin.post_once("/api/webhooks", &new, Some("a-key"));
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{made:?}");
    let (webhook, secret) = (id(&made), text(&made.json(), "secret"));
    let path = format!("/api/webhooks/{webhook}");
    assert_eq!(made.header("location"), Some(&*path));
    assert!(secret.starts_with("whsec_"));
    // An answer with a secret is not kept to be given again (S33): the repetition is a request of its own.
    refused(&admin.post_once("/api/webhooks", &new, Some("a-key")), 409, "exists");
    let shown = admin.get(&path);
    assert_eq!((shown.header("etag"), &shown.json()["secret"]), (Some("\"1\""), &Value::Null), "it is shown once");
    assert_eq!(admin.get("/api/webhooks").json()["items"], json!([shown.json()]));
    refused(&member.get(&path), 404, "not-found");
    refused(&member.get("/api/webhooks"), 403, "forbidden");

    for (pointer, body) in [
        ("/url", json!({"name": "x", "url": "gopher://hooks.example/"})),
        ("/name", json!({"name": "", "url": "https://hooks.example/"})),
        ("/events/0", json!({"name": "x", "url": "https://hooks.example/", "events": ["keepsake.rain.v1"]})),
        ("/events", json!({"name": "x", "url": "https://hooks.example/", "events": ["keepsake.webhook.test.v1"]})),
    ] {
        let problem = refused(&admin.post("/api/webhooks", &body), 422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }

    let change = json!({"name": "on-call", "url": "https://127.0.0.1:9/hooks", "enabled": true, "rotate_secret": true});
    refused(&admin.put(&path, &change, None), 428, "precondition-required");
    refused(&admin.put(&path, &change, Some("\"7\"")), 412, "stale");
    let changed = admin.put(&path, &change, Some("\"1\""));
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")), "{changed:?}");
    assert_ne!(text(&changed.json(), "secret"), secret);
    assert!(changed.json()["previous_secret_until"].is_string());
    assert_eq!(changed.json()["events"], json!([]));

    let sent = admin.post(&format!("{path}/test"), &json!({}));
    let deliveries = format!("{path}/deliveries");
    assert_eq!((sent.status, sent.header("location")), (202, Some(&*deliveries)), "{sent:?}");
    assert_eq!((&sent.json()["state"], &sent.json()["event"]), (&json!("waiting"), &json!("keepsake.webhook.test.v1")));
    let ended = until_ended(&admin, &webhook);
    // Nobody allowed webhooks to lead to this machine.
    assert_eq!(
        (&ended[0]["state"], &ended[0]["trouble"]),
        (&json!("given_up"), &json!("address_not_public")),
        "{ended:?}"
    );
    assert_eq!(ended[0]["attempts"].as_array().unwrap().len(), 1);
    let replay = format!("{deliveries}/{}/replay", text(&ended[0], "id"));
    let again = admin.post(&replay, &json!({}));
    assert_eq!((again.status, &again.json()["event_id"]), (202, &ended[0]["event_id"]), "{again:?}");
    refused(&member.post(&replay, &json!({})), 404, "not-found");
    refused(&admin.get(&format!("{deliveries}?state=lost")), 422, "invalid");
    assert_eq!(admin.get(&format!("{deliveries}?state=delivered")).json()["items"], json!([]));

    refused(&admin.delete(&path, None), 428, "precondition-required");
    assert_eq!(admin.delete(&path, Some("\"2\"")).status, 204);
    refused(&admin.get(&path), 404, "not-found");
    assert!(!stage.service.log().contains("whsec_"), "the log holds a secret");
}

#[tokio::test]
async fn deliveries_go_over_tls_to_receivers_whose_certificate_the_machine_trusts() {
    // Two other services are the receivers: they know no such call, which is an answer as good as any.
    let receiver = |world: &crate::world::World| {
        let (cert, key) = certificate(world);
        let service =
            Service::start(world, &["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
        (cert, service)
    };
    let (one, other) = (reachable(), reachable());
    let ((cert, trusted), (_, stranger)) = (receiver(&one), receiver(&other));
    let environment = [("SSL_CERT_FILE", cert.to_str().unwrap()), ("KEEPSAKE_WEBHOOKS_PRIVATE", "true")];
    let stage = Stage::working_with(&environment).await;
    let admin = stage.admin();
    let sent = |service: &Service, name: &str| {
        let new = json!({"name": name, "url": format!("{}/healthz", service.url()), "signature": "ed25519"});
        let made = admin.post("/api/webhooks", &new);
        assert_eq!((made.status, &made.json()["secret"]), (201, &Value::Null), "{made:?}");
        assert!(made.json()["public_keys"][0].as_str().unwrap().starts_with("whpk_"));
        assert_eq!(admin.post(&format!("/api/webhooks/{}/test", id(&made)), &json!({})).status, 202);
        until_ended(&admin, &id(&made)).remove(0)
    };
    let known = sent(&trusted, "trusted");
    assert_eq!((&known["attempts"][0]["status"], &known["trouble"]), (&json!(405), &json!("refused")), "{known}");
    let unknown = sent(&stranger, "stranger");
    assert_eq!(
        (&unknown["attempts"][0]["status"], &unknown["trouble"]),
        (&Value::Null, &json!("unreachable")),
        "{unknown}"
    );
}

#[tokio::test]
async fn emergency_contacts_of_a_wedding_are_told_by_mail() {
    let server = smtp::Server::start();
    let (url, from) = (server.url(), "keepsake@backups.example");
    let stage =
        Stage::working_with(&[("MAIL", &url), ("KEEPSAKE_SMTP_URL", "env:MAIL"), ("KEEPSAKE_SMTP_FROM", from)]).await;
    stage.synced_source();
    stage.folder_target();
    let wedding = text(&stage.weddings()[0], "id");
    stage.assign(&wedding);
    let (admin, member) = (stage.admin(), stage.member());
    let path = format!("/api/weddings/{wedding}/contacts");
    assert_eq!(member.get(&path).json(), json!({"contacts": []}));
    let contacts = json!({"contacts": [{"email": "venue@example.org", "name": "The Old Barn", "part": "venue"}]});
    let set = member.put(&path, &contacts, None);
    assert_eq!((set.status, set.json()), (200, contacts.clone()), "{set:?}");
    assert_eq!(admin.get(&path).json(), contacts);
    let problem = refused(&member.put(&path, &json!({"contacts": [{"email": "venue"}]}), None), 422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/contacts/0/email", "{problem}");
    let elsewhere = format!("/api/weddings/{}/contacts", text(&stage.weddings()[1], "id"));
    refused(&member.get(&elsewhere), 404, "not-found");

    let asked = json!({"wedding_id": wedding, "execution_type": "emergency", "reason": "before the storm"});
    assert_eq!(member.post("/api/backup/execute", &asked).status, 202);
    let about = |mail: &String, to: &str, subject: &str| {
        mail.contains(&format!("To: {to}")) && mail.contains(&format!("Subject: Keepsake: {subject}"))
    };
    let wanted: Vec<(&str, &str)> = ["venue@example.org", "admin@meadow.example", "member@meadow.example"]
        .into_iter()
        .flat_map(|to| ["an emergency backup was started", "an emergency backup is there"].map(|subject| (to, subject)))
        .collect();
    let is_there =
        |mails: &[String]| wanted.iter().all(|(to, subject)| mails.iter().any(|mail| about(mail, to, subject)));
    for _ in 0..300 {
        if is_there(&server.mails()) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let mails = server.mails();
    assert!(is_there(&mails), "{mails:#?}");
    for mail in &mails {
        assert!(!mail.contains("storm") && !mail.contains("Old Barn"), "what people wrote is in a mail: {mail}");
    }
    assert!(!stage.service.log().contains("venue@example.org"), "the log holds an address");
}

#[test]
fn mail_settings_that_cannot_be_used_are_told_before_anything_starts() {
    let world = reachable();
    let run = |url: &str, from: &str| {
        let mut command = world.command(["serve", "--json", "--listen", "127.0.0.1:0"]);
        command.env("MAIL", url).env("KEEPSAKE_SMTP_URL", "env:MAIL").env("KEEPSAKE_SMTP_FROM", from);
        let run = crate::world::Run::from(command.output().unwrap()).expect(2);
        assert!(!run.stderr.contains("zX8") && !run.stdout.contains("zX8"), "{run:?}");
        assert_eq!(run.error_code(), "smtp-invalid");
    };
    run("smtp://me:zX8@mail.example.org", "keepsake@example.org");
    run("smtps://me:zX8@mail.example.org", "nobody");
    assert!(!world.home().join("catalog").try_exists().unwrap(), "a database was made for nothing");
}
