//! Dependence between the crates points one way, as ARCHITECTURE.md says.

use serde_json::Value;
use std::{collections::BTreeMap, process::Command};

/// Which crates of the workspace each may depend on, outside its tests.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("keepsake-domain", &[]),
    ("keepsake-store", &["keepsake-domain"]),
    ("keepsake-vault", &["keepsake-domain", "keepsake-store"]),
    ("keepsake-keys", &["keepsake-domain", "keepsake-store"]),
    ("keepsake-postgres", &["keepsake-domain"]),
    ("keepsake-catalog", &["keepsake-domain"]),
    (
        "keepsake-app",
        &[
            "keepsake-catalog",
            "keepsake-domain",
            "keepsake-store",
            "keepsake-vault",
            "keepsake-keys",
            "keepsake-postgres",
        ],
    ),
    ("keepsake-api", &[]),
    ("keepsake-server", &["keepsake-api", "keepsake-app", "keepsake-domain"]),
    ("keepsake-testkit", &["keepsake-domain", "keepsake-postgres"]),
    (
        "keepsake",
        &[
            "keepsake-domain",
            "keepsake-store",
            "keepsake-vault",
            "keepsake-keys",
            "keepsake-postgres",
            "keepsake-api",
            "keepsake-app",
            "keepsake-server",
            "keepsake-testkit",
        ],
    ),
];

#[test]
fn dependence_points_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(packages.len(), allowed.len(), "a crate came or went: say in this table what it may use");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            if used.starts_with("keepsake") && dependency["kind"].is_null() {
                assert!(allowed[name].contains(&used), "{name} must not depend on {used}");
            }
        }
    }
}
