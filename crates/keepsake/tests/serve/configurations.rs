//! Configurations and retention policies, over HTTP.

use crate::{
    service::Answer,
    stage::{Person, SECRET, Stage, id, refused, text},
};
use serde_json::{Value, json};

const PATH: &str = "/api/backup/configurations";
const POLICIES: &str = "/api/backup/retention/policies";
const NOBODYS: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn nightly(source: &str, target: &str) -> Value {
    json!({
        "name": "each night",
        "backup_type": "incremental",
        "source_id": source,
        "scope": {"kind": "weddings_by_rule"},
        "schedule": {"kind": "cron", "expression": "30 2 * * *", "time_zone": "Europe/London"},
        "storage_targets": [{"tier": "local", "target_id": target}],
    })
}

fn with(body: &Value, changes: Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

#[track_caller]
fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    id(answer)
}

fn pointers(problem: &Value) -> Vec<String> {
    problem["errors"].as_array().unwrap().iter().map(|fault| text(fault, "pointer")).collect()
}

fn names(person: &Person<'_>, query: &str) -> Vec<String> {
    let listed = person.get(&format!("{PATH}?{query}"));
    assert_eq!(listed.status, 200, "{listed:?}");
    listed.json()["items"].as_array().unwrap().iter().map(|one| text(one, "name")).collect()
}

#[tokio::test]
async fn a_configuration_is_made_shown_changed_deleted_and_brought_back() {
    let stage = Stage::new().await;
    let (source, target) = (stage.synced_source(), stage.folder_target());
    let (admin, member) = (stage.admin(), stage.member());
    let body = nightly(&source, &target);

    refused(&member.post(PATH, &body), 403, "forbidden");
    let first = admin.post_once(PATH, &body, Some("k1"));
    let one = made(&first);
    let path = format!("{PATH}/{one}");
    assert_eq!((first.header("etag"), first.header("location")), (Some("\"1\""), Some(&*path)));
    let again = admin.post_once(PATH, &body, Some("k1"));
    assert_eq!((made(&again), again.header("idempotency-replayed")), (one.clone(), Some("true")));
    refused(&admin.post(PATH, &body), 409, "exists");

    let shown = member.get(&path).json();
    for (name, value) in [
        ("name", json!("each night")),
        ("schedule", body["schedule"].clone()),
        ("storage_targets", body["storage_targets"].clone()),
        ("encryption", json!(true)),
        ("enabled", json!(true)),
        ("organisation_id", json!(stage.supplier)),
        ("created_by", json!(id(&admin.get("/api/auth/me")))),
        ("last_execution", Value::Null),
    ] {
        assert_eq!(shown[name], value, "{name}: {shown}");
    }
    assert!(shown["next_run_at"].is_string() && !text(&shown, "encryption_key_id").is_empty(), "{shown}");
    let effective = &shown["effective"];
    assert!(effective["frequency"].is_string() && effective["rpo_seconds"].as_i64() <= Some(86_400), "{shown}");
    assert!(effective["explanation"].to_string().contains("30 2 * * *"), "{effective}");

    // A change names its version.
    let renamed = with(&body, json!({"name": "at night"}));
    refused(&admin.put(&path, &renamed, None), 428, "precondition-required");
    refused(&admin.put(&path, &renamed, Some("\"7\"")), 412, "stale");
    refused(&member.put(&path, &renamed, Some("\"1\"")), 403, "forbidden");
    let changed = admin.put(&path, &renamed, Some("\"1\""));
    assert_eq!(
        (changed.status, changed.header("etag"), &changed.json()["name"]),
        (200, Some("\"2\""), &json!("at night"))
    );
    assert_eq!(changed.json()["next_run_at"], shown["next_run_at"], "another name is no other time");
    let moved = with(&renamed, json!({"organisation_id": NOBODYS}));
    let problem = refused(&admin.put(&path, &moved, Some("\"2\"")), 422, "invalid");
    assert_eq!(pointers(&problem), ["/organisation_id"]);

    // Its executions.
    let run = admin.post("/api/backup/execute", &json!({"configuration_id": one, "reason": "a look"}));
    assert_eq!(run.status, 202, "{run:?}");
    let execution = text(&run.json(), "execution_id");
    let seen = admin.get(&path).json();
    assert_eq!(
        (&seen["last_execution"]["id"], &seen["last_execution"]["target_id"]),
        (&json!(execution), &json!(target))
    );
    let listed = admin.get(&format!("/api/backup/executions?configuration={one}")).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    refused(&member.post("/api/backup/execute", &json!({"configuration_id": one})), 403, "forbidden");
    let both = json!({"configuration_id": one, "source_id": source});
    refused(&admin.post("/api/backup/execute", &both), 422, "invalid");
    refused(&admin.post("/api/backup/execute", &json!({"configuration_id": NOBODYS})), 404, "not-found");

    // Deleting.
    refused(&admin.delete(&path, None), 428, "precondition-required");
    refused(&admin.delete(&path, Some("\"2\"")), 409, "in-use");
    refused(&admin.delete(&format!("/api/sources/{source}"), Some("\"1\"")), 409, "in-use");
    assert_eq!(admin.delete(&format!("{path}?cancel_running=true"), Some("\"2\"")).status, 204);
    assert_eq!(admin.get(&format!("/api/backup/executions/{execution}")).json()["state"], "cancelled");
    refused(&admin.get(&path), 404, "not-found");
    assert!(names(&admin, "").is_empty());
    let back = admin.post(&format!("{path}/undelete"), &json!({}));
    assert_eq!((back.status, back.header("etag"), &back.json()["name"]), (200, Some("\"4\""), &json!("at night")));
    assert!(back.json()["next_run_at"].is_string());
    stage.never_said(SECRET);
}

#[tokio::test]
async fn a_refusal_names_every_fault_and_lists_are_filtered() {
    let stage = Stage::new().await;
    let (source, target, admin) = (stage.synced_source(), stage.folder_target(), stage.admin());
    let body = nightly(&source, &target);
    let wrong = json!({
        "name": "",
        "backup_type": "selective",
        "source_id": NOBODYS,
        "scope": {"kind": "bucket", "prefix": "x"},
        "frequency": "daily",
        "schedule": {"kind": "cron", "expression": "0 25 * * *", "time_zone": "Atlantis"},
        "windows": {"start_within_seconds": 1},
        "retention_policy_id": NOBODYS,
        "storage_targets": [{"tier": "offsite", "target_id": target}, {"tier": "local", "target_id": target}],
        "encryption": false,
        "compression": "max",
        "colour": "blue",
    });
    let mut found = pointers(&refused(&admin.post(PATH, &wrong), 422, "invalid"));
    found.sort();
    let expected = [
        "/backup_type",
        "/colour",
        "/compression",
        "/encryption",
        "/name",
        "/retention_policy_id",
        "/schedule/expression",
        "/schedule/time_zone",
        "/scope/kind",
        "/scope/prefix",
        "/source_id",
        "/storage_targets/0/tier",
        "/storage_targets/1",
        "/windows/start_within_seconds",
    ];
    assert_eq!(found, expected);
    let wedding = json!({"scope": {"kind": "wedding", "wedding_id": NOBODYS}});
    let problem = refused(&admin.post(PATH, &with(&body, wedding)), 422, "invalid");
    assert_eq!(pointers(&problem), ["/scope/wedding_id"]);
    let problem = refused(&admin.post(PATH, &with(&body, json!({"scope": {"kind": "directory"}}))), 422, "invalid");
    assert_eq!(pointers(&problem), ["/scope/kind"]);

    let whole = json!({"name": "whole", "scope": {"kind": "database"}, "is_wedding_critical": true});
    made(&admin.post(PATH, &body));
    made(&admin.post(PATH, &with(&body, whole)));
    made(&admin.post(PATH, &with(&body, json!({"name": "off", "enabled": false}))));
    for (query, expected) in [
        (String::new(), vec!["off", "whole", "each night"]),
        (format!("source={source}&enabled=true"), vec!["whole", "each night"]),
        (format!("source={NOBODYS}"), vec![]),
        ("scope=database".to_owned(), vec!["whole"]),
        ("wedding_critical=true".to_owned(), vec!["whole"]),
        ("enabled=false".to_owned(), vec!["off"]),
        ("page_size=1".to_owned(), vec!["off"]),
    ] {
        assert_eq!(names(&admin, &query), expected, "{query}");
    }
    refused(&admin.get(&format!("{PATH}?scope=odd")), 422, "invalid");
}

#[tokio::test]
async fn what_protects_less_takes_a_second_factor() {
    let stage = Stage::new().await;
    let (source, target, admin) = (stage.synced_source(), stage.folder_target(), stage.admin());
    let days = |critical: u16| json!({"critical_days": critical, "high_days": 180, "medium_days": 90, "low_days": 30});
    let policy = admin.post(POLICIES, &json!({"name": "long", "rules": days(366)}));
    let long = made(&policy);
    assert_eq!(policy.header("etag"), Some("\"1\""));
    let short = made(&admin.post(POLICIES, &json!({"name": "short", "rules": days(200)})));
    refused(&admin.post(POLICIES, &json!({"name": "long", "rules": days(366)})), 409, "exists");
    let odd = json!({"name": "", "rules": {"critical_days": 10, "high_days": 180, "medium_days": 90, "low_days": 7}});
    let problem = refused(&admin.post(POLICIES, &odd), 422, "invalid");
    assert_eq!(pointers(&problem), ["/name", "/low_days", "/critical_days"]);
    refused(&stage.member().get(POLICIES), 403, "forbidden");

    let body = with(&nightly(&source, &target), json!({"retention_policy_id": long}));
    let path = format!("{PATH}/{}", made(&admin.post(PATH, &body)));
    let weaker = [
        json!({"enabled": false}),
        json!({"schedule": {"kind": "cron", "expression": "30 2 * * 1", "time_zone": "Europe/London"}}),
        json!({"schedule": null}),
        json!({"scope": {"kind": "weddings_by_rule", "criticality": ["critical"]}}),
        json!({"retention_policy_id": null}),
        json!({"retention_policy_id": short}),
        json!({"windows": {"complete_within_seconds": 60}}),
    ];
    for change in &weaker {
        let answer = admin.put(&path, &with(&body, change.clone()), Some("\"1\""));
        refused(&answer, 401, "mfa-required");
        assert!(answer.header("www-authenticate").unwrap().contains("insufficient_user_authentication"), "{change}");
    }
    // Made anew it would be a way around.
    let fewer = with(&body, json!({"name": "other", "retention_policy_id": short}));
    refused(&admin.post(PATH, &fewer), 401, "mfa-required");
    let asleep = with(&fewer, json!({"name": "asleep", "enabled": false}));
    let asleep_path = format!("{PATH}/{}", made(&admin.post(PATH, &asleep)));
    let awake = with(&asleep, json!({"enabled": true}));
    refused(&admin.put(&asleep_path, &awake, Some("\"1\"")), 401, "mfa-required");
    let bulk = json!({"items": [fewer]});
    refused(&admin.post(&format!("{PATH}/bulk-create"), &bulk), 401, "mfa-required");
    let policy_path = format!("{POLICIES}/{long}");
    let lower = json!({"name": "long", "rules": days(300)});
    refused(&admin.put(&policy_path, &lower, Some("\"1\"")), 401, "mfa-required");
    let preview = admin.put(&format!("{policy_path}?validate_only=true"), &lower, Some("\"1\""));
    assert_eq!(preview.status, 200, "{preview:?}");
    let preview = preview.json();
    assert_eq!(
        (&preview["weaker"], &preview["configurations"], &preview["points_deleted_by_change"]),
        (&json!(true), &json!(1), &json!(0))
    );
    let longer = json!({"name": "longer", "rules": days(366)});
    refused(&admin.put(&policy_path, &longer, Some("\"3\"")), 412, "stale");
    refused(&admin.put(&policy_path, &longer, None), 428, "precondition-required");

    let fresh = stage.restorer();
    assert_eq!(fresh.put(&policy_path, &lower, Some("\"1\"")).status, 200);
    assert_eq!(admin.get(&policy_path).json()["rules"]["critical_days"], 300);
    for (n, change) in weaker.iter().enumerate().take(1) {
        let version = format!("\"{}\"", n + 1);
        let changed = fresh.put(&path, &with(&body, change.clone()), Some(&version));
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    assert_eq!(admin.get(&path).json()["enabled"], false);
    made(&fresh.post(PATH, &fewer));

    // An organisation finds nothing of another's.
    let operators = made(&stage.operator().post(POLICIES, &json!({"name": "operator's", "rules": days(365)})));
    refused(&admin.get(&format!("{POLICIES}/{operators}")), 404, "not-found");
    let foreign = with(&body, json!({"name": "foreign", "retention_policy_id": operators}));
    assert_eq!(pointers(&refused(&admin.post(PATH, &foreign), 422, "invalid")), ["/retention_policy_id"]);
    assert_eq!(admin.get(POLICIES).json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn templates_are_bodies_to_make_configurations_with_alone_or_many_at_once() {
    let stage = Stage::new().await;
    let (admin, bulk) = (stage.admin(), format!("{PATH}/bulk-create"));
    let templates = format!("{PATH}/templates");
    let empty = stage.member().get(&templates).json();
    for template in empty["items"].as_array().unwrap() {
        assert_eq!(template["missing"], json!(["source_id", "storage_targets"]), "{template}");
        assert_eq!(template["configuration"], Value::Null);
    }
    let (source, target) = (stage.synced_source(), stage.folder_target());
    let filled = admin.get(&format!("{templates}?source_id={source}&target_id={target}")).json();
    assert_eq!(admin.get(&templates).json(), filled, "the only source and target are the usual ones");
    let bodies: Vec<Value> =
        filled["items"].as_array().unwrap().iter().map(|template| template["configuration"].clone()).collect();
    assert!(bodies.len() >= 5);
    for body in &bodies {
        made(&admin.post(PATH, body));
    }

    // Each by itself.
    let renamed = |n: usize, name: &str| with(&bodies[n], json!({"name": name}));
    let some = json!({"items": [renamed(0, "a"), bodies[1], renamed(2, ""), renamed(3, "b")]});
    let done = admin.post(&bulk, &some);
    assert_eq!((done.status, &done.json()["created"]), (200, &json!(2)), "{done:?}");
    let items = done.json()["items"].clone();
    let statuses: Vec<i64> = items.as_array().unwrap().iter().map(|item| item["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [201, 409, 422, 201]);
    assert_eq!(items[1]["problem"]["code"], "exists");
    assert_eq!(pointers(&items[2]["problem"]), ["/name"]);
    assert_eq!(admin.get(&format!("{PATH}/{}", text(&items[0], "id"))).json()["name"], "a");

    // All or none.
    let before = names(&admin, "page_size=200").len();
    let all = |items: Vec<Value>| json!({"atomic": true, "items": items});
    let faulty = vec![renamed(0, "c"), bodies[1].clone(), renamed(2, ""), renamed(3, "c")];
    let problem = refused(&admin.post(&bulk, &all(faulty)), 422, "invalid");
    assert_eq!(pointers(&problem), ["/items/1/name", "/items/2/name", "/items/3/name"]);
    assert_eq!(names(&admin, "page_size=200").len(), before, "none is made");
    let many: Vec<Value> = (0..500).map(|n| renamed(0, &format!("many {n}"))).collect();
    let done = admin.post(&bulk, &all(many.clone()));
    assert_eq!((done.status, &done.json()["created"]), (201, &json!(500)));
    let more: Vec<Value> = (0..501).map(|n| renamed(0, &format!("more {n}"))).collect();
    refused(&admin.post(&bulk, &all(more)), 422, "invalid");
    refused(&admin.post(&bulk, &json!({"items": []})), 422, "invalid");
    refused(&stage.member().post(&bulk, &all(many)), 403, "forbidden");
}

#[tokio::test]
async fn a_configuration_is_tried_out_and_suppliers_are_not_told_of_the_operators_storage() {
    let stage = Stage::new().await;
    let (source, target) = (stage.synced_source(), stage.folder_target());
    let (admin, operator) = (stage.admin(), stage.operator());
    let path = format!("{PATH}/{}/test", made(&admin.post(PATH, &nightly(&source, &target))));
    let tested = admin.post(&path, &json!({}));
    assert_eq!(tested.status, 200, "{tested:?}");
    let tested = tested.json();
    assert_ne!(tested["state"], "fail", "{tested}");
    assert!(tested["estimate"]["raw_bytes"].as_u64() > Some(0), "{tested}");
    refused(&stage.member().post(&path, &json!({})), 403, "forbidden");

    let folder = stage.world.storage_folder();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let storage = |tested: &Value| {
        let checks = tested["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "storage").unwrap().clone()
    };
    let (told, full) = (admin.post(&path, &json!({})).json(), operator.post(&path, &json!({})).json());
    assert_eq!((&told["state"], &storage(&told)["state"]), (&json!("fail"), &json!("fail")), "{told}");
    assert!(storage(&full).to_string().contains(folder.to_str().unwrap()), "{full}");
    assert!(!told.to_string().contains(folder.to_str().unwrap()), "{told}");
    stage.never_said(SECRET);
}
