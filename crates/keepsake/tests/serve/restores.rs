//! From a wedding that is captured by itself to its restore and back, by requests.

use crate::stage::{Person, SECRET, Stage, id, refused, text};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const INITIATE: &str = "/api/backup/recovery/initiate";
const OPERATIONS: &str = "/api/backup/recovery/operations";
const EMERGENCY: &str = "/api/backup/emergency-restore";
const NOBODYS: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

impl Stage {
    pub async fn guests(&self, wedding: &str) -> i64 {
        let count = "SELECT count(*) FROM guests WHERE wedding_id = $1::text::uuid";
        self.planner.query_one(count, &[&wedding]).await.unwrap().get(0)
    }

    pub async fn lose_guests(&self, wedding: &str) {
        let delete = "DELETE FROM guests WHERE wedding_id = $1::text::uuid";
        assert!(self.planner.execute(delete, &[&wedding]).await.unwrap() > 0);
    }

    /// Waits until every wedding has a point.
    pub async fn until_captured(&self) -> Vec<Value> {
        let patience = Instant::now() + Duration::from_secs(90);
        loop {
            let weddings = self.weddings();
            if !weddings.is_empty() && weddings.iter().all(|wedding| wedding["last_point_at"].is_string()) {
                return weddings;
            }
            assert!(Instant::now() < patience, "not every wedding was captured: {weddings:?}\n{}", self.service.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[track_caller]
fn started(person: &Person<'_>, path: &str, body: &Value) -> String {
    let answer = person.post(path, body);
    assert_eq!(answer.status, 202, "{answer:?}");
    let operation = text(&answer.json(), "operation_id");
    assert_eq!(answer.header("location"), Some(&*format!("{OPERATIONS}/{operation}")));
    assert!(answer.header("retry-after").is_some());
    operation
}

async fn ended(person: &Person<'_>, operation: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let shown = person.get(&format!("{OPERATIONS}/{operation}")).json();
        if shown["ended_at"].is_string() {
            return shown;
        }
        assert!(Instant::now() < patience, "it never ended: {shown}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_wedding_is_captured_by_itself_previewed_restored_and_undone() {
    let stage = Stage::working().await;
    stage.folder_target();
    stage.synced_source();
    let weddings = stage.until_captured().await;
    let (wedding, other) = (text(&weddings[0], "id"), text(&weddings[1], "id"));
    let external = text(&weddings[0], "external_id");
    let before = stage.guests(&external).await;
    stage.lose_guests(&external).await;

    let ask = json!({"wedding_id": wedding, "reason": "the guests are gone"});
    let plain = stage.admin();
    let refusal = plain.post(INITIATE, &ask);
    refused(&refusal, 401, "mfa-required");
    assert!(refusal.header("www-authenticate").unwrap().contains("max_age=300"));
    stage.assign(&wedding);
    refused(&stage.member().post(INITIATE, &ask), 403, "forbidden");
    refused(&stage.member().post(INITIATE, &json!({"wedding_id": other, "reason": "x"})), 404, "not-found");

    let restorer = stage.restorer();
    let preview = ended(&restorer, &started(&restorer, &format!("{INITIATE}?validate_only=true"), &ask)).await;
    assert_eq!((&preview["state"], &preview["validate_only"]), (&json!("previewed"), &json!(true)), "{preview}");
    let tables = preview["plan"]["tables"].as_array().unwrap();
    let guests = tables.iter().find(|table| table["name"] == "public.guests").unwrap();
    assert_eq!((&guests["insert"], &guests["group"]), (&json!(before), &json!("guests")), "{guests}");
    assert_eq!(stage.guests(&external).await, 0, "a preview changes nothing");

    let pinned = json!({"wedding_id": wedding, "reason": "as shown", "preview_hash": preview["preview_hash"],
        "recovery_point_id": preview["recovery_point_id"], "scope": "selective", "groups": ["guests"]});
    let other_plan = ended(&restorer, &started(&restorer, INITIATE, &pinned)).await;
    assert_eq!(
        (&other_plan["state"], &other_plan["error"]["code"]),
        (&json!("failed"), &json!("preview-changed")),
        "{other_plan}"
    );
    let pinned = json!({"wedding_id": wedding, "reason": "as shown", "preview_hash": preview["preview_hash"]});
    let restored = ended(&restorer, &started(&restorer, INITIATE, &pinned)).await;
    assert_eq!(
        (&restored["state"], &restored["preview_hash"]),
        (&json!("completed"), &preview["preview_hash"]),
        "{restored}"
    );
    assert_eq!(stage.guests(&external).await, before);
    assert!(restored["proof"]["proof"]["tables"].as_array().is_some_and(|tables| !tables.is_empty()), "{restored}");

    let undo = format!("{OPERATIONS}/{}/undo", text(&restored, "id"));
    refused(&plain.post(&undo, &json!({"reason": "no factor"})), 401, "mfa-required");
    let undone = ended(&restorer, &started(&restorer, &undo, &json!({"reason": "not that one"}))).await;
    assert_eq!((&undone["state"], &undone["undoes"]), (&json!("completed"), &restored["id"]), "{undone}");
    assert_eq!(stage.guests(&external).await, 0);
    refused(&restorer.post(&undo, &json!({"reason": "twice"})), 409, "ended");
    let shown = stage.member().get(&format!("{OPERATIONS}/{}", text(&restored, "id"))).json();
    assert_eq!(shown["state"], "undone", "{shown}");
    let saved = restorer.get(&format!("/api/backup/recovery-points?kind=pre_recovery&wedding={wedding}")).json();
    assert_eq!(saved["items"].as_array().unwrap().len(), 2, "{saved}");

    // How it stands, and the wedding's past.
    let status = restorer.get("/api/backup/status").json();
    assert_eq!(
        (&status["weddings"]["total"], &status["weddings"]["without_point"]),
        (&json!(weddings.len()), &json!(0)),
        "{status}"
    );
    assert_eq!((&status["recovery"]["completed"], &status["recovery"]["failed"]), (&json!(2), &json!(1)), "{status}");
    assert!(status["storage"]["stored_bytes"].as_u64() > Some(0) && status["rpo"]["met"] == weddings.len(), "{status}");
    assert!(
        status["recommendations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|said| said.as_str().unwrap().contains("1 restores failed"))
    );
    let own = stage.member().get("/api/backup/status").json();
    assert_eq!(
        (&own["weddings"]["total"], &own["storage"]),
        (&json!(1), &Value::Null),
        "members are told of their own: {own}"
    );
    let past = stage.member().get(&format!("/api/weddings/{wedding}/timeline")).json();
    assert_eq!(
        (past["restores"].as_array().unwrap().len(), past["points"].as_array().unwrap().len()),
        (4, 1),
        "{past}"
    );
    let whole = stage.member().get(&format!("/api/weddings/{wedding}/integrity")).json();
    assert_eq!(whole["recovery_point_id"], past["points"][0]["recovery_point_id"], "{whole}");
    assert!(whole["integrity"]["parts"].as_array().is_some_and(|parts| parts.len() == 5), "{whole}");
    refused(&stage.member().get(&format!("/api/weddings/{other}/timeline")), 404, "not-found");

    // A point is checked, and its restore rehearsed away from live.
    let point = &past["points"][0]["recovery_point_id"];
    refused(&stage.member().post("/api/backup/recovery/test", &json!({"recovery_point_id": point})), 403, "forbidden");
    for (path, body) in [
        ("/api/backup/recovery/validate", json!({"recovery_point_id": point, "level": "read_all"})),
        ("/api/backup/recovery/test", json!({"recovery_point_id": point})),
    ] {
        let answer = restorer.post(path, &body);
        assert_eq!(answer.status, 202, "{answer:?}");
        let location = answer.header("location").unwrap().to_owned();
        let patience = Instant::now() + Duration::from_secs(60);
        let mut check = restorer.get(&location).json();
        while !check["ended_at"].is_string() {
            assert!(Instant::now() < patience, "{check}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            check = stage.member().get(&location).json();
        }
        assert_eq!((&check["state"], &check["passed"]), (&json!("completed"), &json!(true)), "{check}");
        assert_eq!(check["figures"]["rto_ms"].is_u64(), path.ends_with("test"), "{check}");
    }

    // Lists, and what is not there.
    let listed = |query: &str| restorer.get(&format!("{OPERATIONS}?{query}")).json()["items"].as_array().unwrap().len();
    assert_eq!((listed(""), listed("state=undone"), listed(&format!("wedding={other}"))), (4, 1, 0));
    refused(&restorer.get(&format!("{OPERATIONS}/{NOBODYS}")), 404, "not-found");
    refused(&restorer.post(&format!("{OPERATIONS}/{}/cancel", text(&undone, "id")), &json!({})), 409, "ended");
    for (pointer, body) in [
        ("/groups", json!({"wedding_id": wedding, "reason": "x", "scope": "selective"})),
        ("/groups", json!({"wedding_id": wedding, "reason": "x", "groups": ["guests"]})),
        ("/groups/0", json!({"wedding_id": wedding, "reason": "x", "scope": "selective", "groups": ["cakes"]})),
        ("/reason", json!({"wedding_id": wedding, "reason": " "})),
        ("/side_schema", json!({"wedding_id": wedding, "reason": "x", "target": "side_schema"})),
        ("/preview_hash", json!({"wedding_id": wedding, "reason": "x", "preview_hash": "abc"})),
        ("/mode", json!({"wedding_id": wedding, "reason": "x", "mode": "wipe"})),
        ("/target", json!({"wedding_id": wedding, "reason": "x", "target": "directory"})),
    ] {
        let problem = refused(&restorer.post(INITIATE, &body), 422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let foreign = json!({"wedding_id": other, "reason": "x", "recovery_point_id": restored["recovery_point_id"]});
    refused(&restorer.post(INITIATE, &foreign), 404, "point-not-found");
    stage.never_said(SECRET);
}

#[tokio::test]
async fn s14_an_emergency_restore_is_one_call_and_asks_only_if_newer_points_look_like_damage() {
    let stage = Stage::working().await;
    stage.folder_target();
    stage.synced_source();
    let weddings = stage.until_captured().await;
    let (wedding, external) = (text(&weddings[0], "id"), text(&weddings[0], "external_id"));
    let before = stage.guests(&external).await;
    let restorer = stage.restorer();
    let ask = json!({"wedding_id": wedding, "reason": "the guest list is empty"});
    refused(&stage.admin().post(EMERGENCY, &ask), 401, "mfa-required");

    // The damage is captured before anybody sees it.
    stage.lose_guests(&external).await;
    let backup = restorer.post("/api/backup/execute", &json!({"wedding_id": wedding}));
    let execution = text(&backup.json(), "execution_id");
    let patience = Instant::now() + Duration::from_secs(60);
    while !restorer.get(&format!("/api/backup/executions/{execution}")).json()["ended_at"].is_string() {
        assert!(Instant::now() < patience);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let problem = refused(&restorer.post(EMERGENCY, &ask), 409, "choose-point");
    let candidates = problem["candidates"].as_array().unwrap();
    assert_eq!(
        (&candidates[0]["is_last_clean"], &candidates[1]["is_last_clean"]),
        (&json!(false), &json!(true)),
        "{problem}"
    );
    assert!(!candidates[0]["suspect_reasons"].as_array().unwrap().is_empty(), "{problem}");
    assert!(candidates[0]["rows"]["guests"].as_u64() < candidates[1]["rows"]["guests"].as_u64(), "{problem}");
    let named =
        json!({"wedding_id": wedding, "reason": "that one", "recovery_point_id": candidates[1]["recovery_point_id"]});
    let asked_at = Instant::now();
    let operation = started(&restorer, EMERGENCY, &named);
    let accepted = asked_at.elapsed();
    let restored = ended(&restorer, &operation).await;
    assert!(accepted < Duration::from_secs(1), "{accepted:?}");
    assert_eq!((&restored["state"], &restored["is_emergency"]), (&json!("completed"), &json!(true)), "{restored}");
    assert_eq!(stage.guests(&external).await, before);

    // A repetition of the call is no second one, and a third in an hour is one too many.
    let again =
        json!({"wedding_id": wedding, "reason": "once more", "recovery_point_id": candidates[1]["recovery_point_id"]});
    let first = restorer.post_once(EMERGENCY, &again, Some("k"));
    let second = restorer.post_once(EMERGENCY, &again, Some("k"));
    assert_eq!((first.status, first.json()), (202, second.json()), "{second:?}");
    ended(&restorer, &text(&first.json(), "operation_id")).await;
    refused(&restorer.post(EMERGENCY, &named), 429, "emergency-limit");
    assert_eq!(id(&restorer.get(&format!("{OPERATIONS}/{operation}"))), operation);
}
