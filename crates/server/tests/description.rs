//! The committed description is that of the running service.

use keepsake_domain::permission::Action;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn the_committed_description_is_not_stale() {
    let committed = include_str!("../../../docs/openapi.json");
    let described = keepsake_server::description().to_pretty_json().unwrap();
    assert_eq!(committed.trim(), described.trim(), "run script/prepare-openapi and commit docs/openapi.json");
}

#[test]
fn every_operation_is_named_and_may_end_in_a_problem() {
    let description = serde_json::to_value(keepsake_server::description()).unwrap();
    let mut names = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path} says nothing of itself");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{method} {path}");
            names.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "two operations have one name");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| match value.as_str() {
                Some(target) if key == "$ref" => found.push(target),
                _ => references(value, found),
            }),
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let description = serde_json::to_value(keepsake_server::description()).unwrap();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

/// Described, and no action: the pages of problems are part of the documentation, and hold nothing of anybody's.
const BEYOND_THE_TABLE: [&str; 1] = ["GET /api/problems/{code}"];
/// In the table, on paths that are there, and not built yet.
const NOT_YET: [&str; 4] = [
    "DELETE /api/backup/storage/targets/{id}",
    "DELETE /api/organisations/{id}",
    "PUT /api/auth/tokens/{id}",
    "PUT /api/backup/storage/targets/{id}",
];

#[test]
fn every_described_call_is_in_the_permission_table_and_the_other_way_round() {
    let description = serde_json::to_value(keepsake_server::description()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let calls = |(path, item): (&String, &Value)| -> Vec<String> {
        item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())).collect()
    };
    let described: BTreeSet<String> = paths.iter().flat_map(calls).collect();
    assert!(described.len() > 40, "{described:?}");
    let table: BTreeSet<&str> = Action::ALL.iter().flat_map(|action| action.rule().calls.iter().copied()).collect();
    let unknown: Vec<&String> = described.iter().filter(|call| !table.contains(call.as_str())).collect();
    assert_eq!(unknown, BEYOND_THE_TABLE, "calls that no action of the permission table covers");
    let there = |call: &&str| call.split_once(' ').is_some_and(|(_, path)| paths.contains_key(path));
    let missing: Vec<&str> = table.iter().copied().filter(there).filter(|call| !described.contains(*call)).collect();
    assert_eq!(missing, NOT_YET, "calls of the permission table that are not described");
}

#[test]
fn what_is_changed_by_version_says_so() {
    let description = serde_json::to_value(keepsake_server::description()).unwrap();
    for call in [
        "put /api/sources/{id}",
        "delete /api/sources/{id}",
        "put /api/sources/{id}/mapping",
        "put /api/weddings/{id}/backup-settings",
        "put /api/backup/configurations/{id}",
        "delete /api/backup/configurations/{id}",
        "put /api/backup/retention/policies/{id}",
        "put /api/webhooks/{id}",
        "delete /api/webhooks/{id}",
    ] {
        let (method, path) = call.split_once(' ').unwrap();
        let parameters = description["paths"][path][method]["parameters"].as_array().unwrap();
        let found = parameters.iter().find(|parameter| parameter["name"] == "If-Match");
        assert_eq!(found.map(|parameter| parameter["required"] == true), Some(true), "{call}");
    }
}
