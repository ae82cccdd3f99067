//! The numbers by which everything is decided, and who may change them.

use crate::stage::{Stage, refused};
use serde_json::json;

const PATH: &str = "/api/system-config";

#[tokio::test]
async fn the_operator_changes_the_numbers_by_version_and_weakens_them_only_with_a_second_factor() {
    let stage = Stage::new().await;
    let (operator, admin) = (stage.operator(), stage.admin());
    refused(&admin.get(PATH), 403, "forbidden");
    let before = operator.get(PATH);
    assert_eq!((before.status, before.header("etag")), (200, Some("\"0\"")), "{before:?}");
    let mut document = before.json()["document"].clone();
    assert_eq!(document["thresholds"]["dates"]["critical_days_before"], 14, "{document}");

    document["thresholds"]["dates"]["critical_days_before"] = json!(29);
    let change = json!({"document": document, "reason": "planners start four weeks before"});
    refused(&operator.put(PATH, &change, None), 428, "precondition-required");
    refused(&operator.put(PATH, &change, Some("\"3\"")), 412, "stale");
    refused(&admin.put(PATH, &change, Some("\"0\"")), 403, "forbidden");
    let set = operator.put(PATH, &change, Some("\"0\""));
    assert_eq!((set.status, set.header("etag")), (200, Some("\"1\"")), "{set:?}");
    refused(&operator.put(PATH, &change, Some("\"0\"")), 412, "stale");

    let weaker = json!({"document": {}, "reason": "back to what it was"});
    refused(&operator.put(PATH, &weaker, Some("\"1\"")), 401, "mfa-required");
    for (pointer, document) in [
        ("/document/thresholds/dates/high_days_before", json!({"thresholds": {"dates": {"critical_days_before": 40}}})),
        ("/document", json!({"threshold": 1})),
    ] {
        let problem =
            refused(&operator.put(PATH, &json!({"document": document, "reason": "x"}), Some("\"1\"")), 422, "invalid");
        let found = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|fault| fault["pointer"].as_str().unwrap().starts_with(pointer));
        assert!(found, "{pointer}: {problem}");
    }
    let history = operator.get(&format!("{PATH}/history")).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
    assert_eq!(
        (&history["items"][0]["version"], &history["items"][0]["reason"]),
        (&json!(1), &json!("planners start four weeks before"))
    );

    // Weddings are decided by it at the next look.
    stage.synced_source();
    stage
        .planner
        .batch_execute("UPDATE weddings SET wedding_date = current_date + 20, status = 'planning'")
        .await
        .unwrap();
    let source = admin.get("/api/sources").json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.post(&format!("/api/sources/{source}/sync"), &json!({})).status, 200);
    assert!(stage.weddings().iter().all(|wedding| wedding["criticality"] == "critical"), "{:?}", stage.weddings());
}
