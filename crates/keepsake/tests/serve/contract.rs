//! Values that no schema refuses and nothing can hold: they are the caller's fault, and answered as that.

use crate::stage::{SECRET, Stage, id, refused, text};
use serde_json::{Value, json};

/// Where a refusal says that the fault is.
#[track_caller]
fn place(problem: &Value) -> &str {
    problem["errors"][0]["pointer"].as_str().unwrap_or_else(|| panic!("no place: {problem}"))
}

fn named(new: &Value, name: &str, value: &Value) -> Value {
    let mut new = new.clone();
    new[name] = value.clone();
    new
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_is_no_failure_of_the_catalog() {
    let stage = Stage::new().await;
    let operator = stage.operator();

    // PostgreSQL keeps no U+0000 in a text. Whoever is not logged in can send one, too.
    let wrong = json!({"email": "a\u{0}b", "password": SECRET}).to_string();
    let answer = stage.service.curl("/api/auth/login", &["-H", "Content-Type: application/json", "-d", &wrong]);
    assert_eq!(place(&refused(&answer, 422, "invalid")), "/email");
    let answer = operator.post("/api/organisations", &json!({"name": "Meadow\u{0}Weddings"}));
    assert_eq!(place(&refused(&answer, 422, "invalid")), "/name");
    let source = json!({"organisation_id": stage.supplier, "name": "planner", "kind": "database",
        "capture_credential": stage.dsn()});
    for (name, value, at) in [
        ("name", json!("a\u{0}b"), "/name"),
        ("files_root", json!("/srv/\u{0}"), "/files_root"),
        ("assignments", json!({"a\u{0}b": stage.supplier}), "/assignments"),
    ] {
        let answer = operator.post("/api/sources", &named(&source, name, &value));
        assert_eq!(place(&refused(&answer, 422, "invalid")), at);
    }
    let target = json!({"name": "disk", "tier": "local", "url": format!("{}%00", stage.world.storage())});
    refused(&operator.post("/api/backup/storage/targets", &target), 422, "storage-invalid");

    // Times before the calendar of PostgreSQL, in queries and bodies.
    let long_ago = "-009999-01-02T01:59:59Z";
    refused(&operator.get(&format!("/api/backup/executions?since={long_ago}")), 422, "invalid");
    refused(&operator.get(&format!("/api/backup/recovery-points?at_or_before={long_ago}")), 422, "invalid");

    // A list is no object, even one with the fields in their order.
    let listed = json!(["Meadow Weddings"]);
    assert_eq!(place(&refused(&operator.post("/api/organisations", &listed), 422, "invalid")), "");
    let organisations = operator.get("/api/organisations").json();
    assert_eq!(organisations["items"].as_array().unwrap().len(), 2, "{organisations}");
    stage.never_said(SECRET);
}

#[tokio::test]
async fn nothing_is_made_for_an_organisation_that_is_not_there() {
    let stage = Stage::new().await;
    let (operator, admin) = (stage.operator(), stage.admin());
    // An id of something else.
    let nobody = &stage.member;
    let operators = text(&operator.get("/api/auth/me").json(), "organisation_id");
    let user = json!({"organisation_id": nobody, "email": "eve@example.org", "role": "member", "password": "another long passphrase"});
    let target = json!({"organisation_id": nobody, "name": "disk", "tier": "local", "url": stage.world.storage()});
    let source =
        json!({"organisation_id": nobody, "name": "planner", "kind": "database", "capture_credential": stage.dsn()});
    let days = json!({"critical_days": 366, "high_days": 366, "medium_days": 366, "low_days": 366});
    let policy = json!({"organisation_id": nobody, "name": "a year", "rules": days});
    let webhook = json!({"organisation_id": nobody, "name": "hook", "url": "https://hooks.example.org/"});
    for (path, new) in [
        ("/api/users", &user),
        ("/api/backup/storage/targets", &target),
        ("/api/sources", &source),
        ("/api/backup/retention/policies", &policy),
        ("/api/webhooks", &webhook),
    ] {
        assert_eq!(place(&refused(&operator.post(path, new), 422, "invalid")), "/organisation_id", "{path}");
        // Others learn nothing of which there are.
        let known = admin.post(path, &named(new, "organisation_id", &json!(operators)));
        let unknown = admin.post(path, new);
        assert_eq!(
            (known.status, &known.json()["code"]),
            (unknown.status, &unknown.json()["code"]),
            "{path}: {known:?}"
        );
        assert!(known.status == 403 || known.status == 404, "{path}: {known:?}");
    }
    let elsewhere = json!({"meadow": nobody});
    let source = named(&named(&source, "organisation_id", &json!(stage.supplier)), "assignments", &elsewhere);
    assert_eq!(place(&refused(&operator.post("/api/sources", &source), 422, "invalid")), "/assignments");
    let made = stage.planner_source();
    let change = json!({"name": "planner", "files_root": stage.world.path("photos"), "assignments": elsewhere});
    let answer = operator.put(&format!("/api/sources/{made}"), &change, Some("\"1\""));
    assert_eq!(place(&refused(&answer, 422, "invalid")), "/assignments");
}

#[tokio::test]
async fn who_is_not_logged_in_is_told_that_first() {
    let stage = Stage::bare().await;
    let post = |more: &[&str]| {
        let arguments = [&["-H", "Content-Type: application/json", "-d", "{}"], more].concat();
        stage.service.curl("/api/organisations", &arguments)
    };
    let long = format!("Idempotency-Key: {}", "k".repeat(300));
    refused(&post(&["-H", &long]), 401, "unauthenticated");
    refused(&post(&[]), 401, "unauthenticated");
    let operator = stage.operator();
    let answer = operator.post_once("/api/organisations", &json!({"name": "Meadow"}), Some(&"k".repeat(300)));
    refused(&answer, 422, "invalid");
    let made = operator.post_once("/api/organisations", &json!({"name": "Meadow"}), Some("k"));
    assert_eq!((made.status, id(&made).len()), (201, 36), "{made:?}");
}
