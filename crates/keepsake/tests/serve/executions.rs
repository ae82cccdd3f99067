//! Backups that are asked for, watched, stopped and tried again; and the points that come of them.

use crate::{
    identity::beside,
    stage::{Person, SECRET, Stage, id, refused, text},
};
use keepsake_app::worker::{Limits, Worker};
use keepsake_domain::backoff::Backoff;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const EXECUTE: &str = "/api/backup/execute";
const EXECUTIONS: &str = "/api/backup/executions";
const NOBODYS: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Asks for a backup: the execution.
#[track_caller]
fn start(person: &Person<'_>, body: &Value) -> String {
    let started = person.post(EXECUTE, body);
    assert_eq!(started.status, 202, "{started:?}");
    let execution = text(&started.json(), "execution_id");
    assert_eq!(started.header("location"), Some(&*format!("{EXECUTIONS}/{execution}")));
    assert!(started.header("retry-after").is_some(), "{started:?}");
    execution
}

fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|one| text(one, "id")).collect()
}

#[tokio::test]
async fn a_member_starts_watches_and_stops_a_backup_of_their_own_wedding() {
    let stage = Stage::new().await;
    let source = stage.synced_source();
    let (member, weddings) = (stage.member(), stage.weddings());
    let (own, other) = (text(&weddings[0], "id"), text(&weddings[1], "id"));
    stage.assign(&own);
    let ask = json!({"wedding_id": own, "reason": "before the seating plan is redone"});
    refused(&member.post(EXECUTE, &ask), 422, "invalid");
    let target = stage.folder_target();

    let execution = start(&member, &ask);
    let path = format!("{EXECUTIONS}/{execution}");
    let shown = member.get(&path).json();
    for (name, value) in [
        ("state", "initializing"),
        ("execution_type", "manual"),
        ("wedding_id", &own),
        ("source_id", &source),
        ("target_id", &target),
        ("reason", "before the seating plan is redone"),
        ("requested_by", &stage.member),
        ("organisation_id", &stage.supplier),
    ] {
        assert_eq!(shown[name], value, "{name}: {shown}");
    }
    assert_eq!((&shown["attempt"], &shown["started_at"]), (&json!(1), &Value::Null));
    let progress = member.get(&format!("/api/backup/progress/{execution}")).json();
    assert_eq!((&progress["execution_id"], &progress["state"]), (&json!(execution), &json!("initializing")));
    assert_eq!(progress["progress"]["bytes_done"], 0);

    // What is not theirs they can neither start nor see.
    refused(&member.post(EXECUTE, &json!({"wedding_id": other})), 404, "not-found");
    refused(&member.post(EXECUTE, &json!({"source_id": source})), 404, "not-found");
    let others = start(&stage.admin(), &json!({"wedding_id": other}));
    let whole = start(&stage.admin(), &json!({"source_id": source, "target_id": target}));
    for foreign in [&others, &whole] {
        refused(&member.get(&format!("{EXECUTIONS}/{foreign}")), 404, "not-found");
        refused(&member.get(&format!("/api/backup/progress/{foreign}")), 404, "not-found");
        refused(&member.post(&format!("{EXECUTIONS}/{foreign}/cancel"), &json!({})), 404, "not-found");
    }
    assert_eq!(ids(&member.get(EXECUTIONS).json()), std::slice::from_ref(&execution));

    let stopped = member.post(&format!("{path}/cancel"), &json!({}));
    assert_eq!((stopped.status, stopped.json()), (200, json!({"execution_id": execution, "ended": true})));
    let shown = member.get(&path).json();
    assert_eq!((&shown["state"], shown["ended_at"].is_string()), (&json!("cancelled"), true), "{shown}");
    refused(&member.post(&format!("{path}/cancel"), &json!({})), 409, "ended");
    refused(&member.post(&format!("{path}/retry"), &json!({})), 403, "forbidden");
    refused(&stage.admin().post(&format!("{path}/retry"), &json!({})), 409, "ended");
    refused(&stage.admin().get(&format!("{EXECUTIONS}/{NOBODYS}")), 404, "not-found");

    // Lists.
    let admin = stage.admin();
    assert_eq!(ids(&admin.get(EXECUTIONS).json()), [whole.clone(), others.clone(), execution.clone()]);
    for (query, found) in [
        ("state=cancelled".to_owned(), vec![&execution]),
        ("state=initializing&type=manual".to_owned(), vec![&whole, &others]),
        ("type=emergency".to_owned(), vec![]),
        (format!("wedding={other}"), vec![&others]),
        (format!("configuration={NOBODYS}"), vec![]),
        ("since=2020-01-01T00:00:00Z&page_size=1".to_owned(), vec![&whole]),
        ("since=2999-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        assert_eq!(
            ids(&admin.get(&format!("{EXECUTIONS}?{query}")).json()).iter().collect::<Vec<_>>(),
            found,
            "{query}"
        );
    }
    refused(&admin.get(&format!("{EXECUTIONS}?state=asleep")), 422, "invalid");
    stage.never_said(SECRET);
}

#[tokio::test]
async fn emergencies_of_one_wedding_are_one_and_a_repetition_starts_nothing() {
    let stage = Stage::new().await;
    let source = stage.synced_source();
    stage.folder_target();
    let (admin, wedding) = (stage.admin(), text(&stage.weddings()[0], "id"));
    let ask = json!({"wedding_id": wedding, "execution_type": "emergency"});
    let first = admin.post(EXECUTE, &ask).json();
    let second = admin.post(EXECUTE, &ask).json();
    assert_eq!((&first["joined"], &second["joined"]), (&json!(false), &json!(true)));
    assert_eq!(first["execution_id"], second["execution_id"]);

    let ask = json!({"source_id": source});
    let once = admin.post_once(EXECUTE, &ask, Some("k1"));
    let again = admin.post_once(EXECUTE, &ask, Some("k1"));
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")), "{again:?}");
    assert_eq!((again.json(), again.header("location")), (once.json(), once.header("location")));
    assert_eq!(again.header("retry-after"), once.header("retry-after"));
    assert_eq!(admin.get(EXECUTIONS).json()["items"].as_array().unwrap().len(), 2);

    for (pointer, body) in [
        ("/wedding_id", json!({})),
        ("/source_id", json!({"wedding_id": wedding, "source_id": source})),
        ("/execution_type", json!({"wedding_id": wedding, "execution_type": "scheduled"})),
        ("/reason", json!({"wedding_id": wedding, "reason": "x".repeat(1001)})),
        ("/configuration", json!({"configuration": 1})),
    ] {
        let problem = refused(&admin.post(EXECUTE, &body), 422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    refused(&admin.post(EXECUTE, &json!({"wedding_id": NOBODYS})), 404, "not-found");
    refused(&admin.post(EXECUTE, &json!({"wedding_id": wedding, "target_id": NOBODYS})), 404, "not-found");
}

#[tokio::test]
async fn a_backup_that_is_through_shows_its_point_and_one_that_failed_why() {
    let stage = Stage::new().await;
    let source = stage.synced_source();
    let target = stage.folder_target();
    let (admin, operator, member) = (stage.admin(), stage.operator(), stage.member());
    let weddings = stage.weddings();
    let (own, other) = (text(&weddings[0], "id"), text(&weddings[1], "id"));
    stage.assign(&own);
    let worker = beside(&stage.world, &stage.server, &["worker".to_owned()]).await;
    let shutdown = CancellationToken::new();
    let limits = Limits { backoff: Backoff { first_ms: 1, cap_ms: 1, most_attempts: 1 }, ..Limits::default() };
    let working = tokio::spawn(Worker::run(worker, limits, shutdown.clone()));

    let execution = start(&member, &json!({"wedding_id": own}));
    let shown = until_ended(&member, &execution).await;
    assert_eq!((&shown["state"], &shown["result"]), (&json!("completed"), &json!("stored")), "{shown}");
    assert!(shown["figures"]["raw_bytes"].as_u64() > Some(0) && shown["figures"]["duration_ms"].is_u64(), "{shown}");
    assert_eq!(shown["figures"]["verification"]["depth"], "read", "{shown}");
    assert!(shown["progress"]["heartbeat_at"].is_string() || shown["progress"]["bytes_done"] == 0, "{shown}");
    let point = text(&shown, "recovery_point_id");
    let other_one = start(&admin, &json!({"wedding_id": other}));
    assert_eq!(until_ended(&admin, &other_one).await["state"], "completed");

    let path = "/api/backup/recovery-points";
    assert_eq!(ids(&member.get(path).json()), std::slice::from_ref(&point), "members see those of their own weddings");
    let whole = member.get(&format!("{path}/{point}")).json();
    for (name, value) in [("kind", "wedding"), ("wedding_id", &own), ("source_id", &source), ("target_id", &target)] {
        assert_eq!(whole[name], value, "{name}: {whole}");
    }
    assert_eq!(
        (&whole["suspect"], &whole["incomplete"], &whole["execution_id"]),
        (&json!(false), &json!(false), &json!(execution))
    );
    assert!(whole["rows"]["guests"].as_u64() > Some(0), "{whole}");
    assert_eq!(whole["integrity"]["total"], whole["integrity_score"], "{whole}");
    assert!(!whole["integrity"]["parts"].as_array().unwrap().is_empty());
    let captured = text(&whole, "captured_at");
    for (query, found) in [
        (format!("wedding={own}"), 1),
        (format!("source={source}"), 2),
        (format!("at_or_before={captured}"), 1),
        ("at_or_before=2020-01-01T00:00:00Z".to_owned(), 0),
        ("verified=true&clean=true&kind=wedding".to_owned(), 2),
        ("verified=false".to_owned(), 0),
        ("clean=false".to_owned(), 0),
        ("kind=pre_recovery".to_owned(), 0),
        ("kind=database".to_owned(), 0),
    ] {
        assert_eq!(ids(&admin.get(&format!("{path}?{query}")).json()).len(), found, "{query}");
    }
    refused(&admin.get(&format!("{path}?kind=odd")), 422, "invalid");
    refused(&admin.get(&format!("{path}/{NOBODYS}")), 404, "not-found");
    let others = text(&until_ended(&admin, &other_one).await, "recovery_point_id");
    refused(&member.get(&format!("{path}/{others}")), 404, "not-found");
    let seen = member.get(&format!("/api/weddings/{own}")).json();
    assert_eq!(seen["last_point_at"], whole["captured_at"], "{seen}");

    // S29: where the operator's storage is and what it says is not told to suppliers.
    let folder = stage.world.storage_folder();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let failing = start(&admin, &json!({"wedding_id": own}));
    let error = until_ended(&admin, &failing).await["error"].clone();
    let full = operator.get(&format!("{EXECUTIONS}/{failing}")).json()["error"].clone();
    assert_eq!(error["code"], full["code"], "{error}");
    assert_eq!(error["type"], format!("/api/problems/{}", text(&error, "code")));
    assert!(text(&full, "detail").contains(folder.to_str().unwrap()), "{full}");
    assert!(!error.to_string().contains(folder.to_str().unwrap()), "{error}");
    assert_eq!(stage.service.get(&text(&error, "type")).status, 200);

    // Once it is mended, it is tried again.
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let retried = admin.post(&format!("{EXECUTIONS}/{failing}/retry"), &json!({}));
    assert_eq!(retried.status, 202, "{retried:?}");
    let next = text(&retried.json(), "execution_id");
    assert_ne!(next, failing);
    let shown = until_ended(&admin, &next).await;
    assert_eq!((&shown["state"], &shown["execution_type"]), (&json!("completed"), &json!("retry")), "{shown}");
    let first = admin.get(&format!("{EXECUTIONS}/{failing}"));
    assert_eq!((&shown["job_id"], id(&first)), (&first.json()["job_id"], failing));
    shutdown.cancel();
    working.await.unwrap();
    stage.never_said(SECRET);
}

async fn until_ended(person: &Person<'_>, execution: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let shown = person.get(&format!("{EXECUTIONS}/{execution}")).json();
        if shown["ended_at"].is_string() {
            return shown;
        }
        assert!(Instant::now() < patience, "it never ended: {shown}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
