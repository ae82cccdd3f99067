//! The audit log at the machine of the service, and its proofs anywhere else.

use crate::{
    identity::{EMAIL, with_admin},
    process::reachable,
    service::Service,
    world::World,
};
use keepsake_testkit::postgres::Server;
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};

/// Attempts to log in that fail, which is on record.
fn fail_to_log_in(service: &Service) {
    let body = json!({ "email": EMAIL, "password": "not the passphrase" }).to_string();
    let header = "Content-Type: application/json";
    let answer = service.curl("/api/auth/login", &["-X", "POST", "-H", header, "-d", &body]);
    assert_eq!(answer.status, 401, "{answer:?}");
}

fn audit(world: &World, words: &[&str]) -> crate::world::Run {
    world.run_json(["audit"].iter().chain(words))
}

/// Waits until everything that was recorded has its place.
fn until_in_order(world: &World, more: &[&str]) -> Value {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let report = audit(world, &[&["verify"], more].concat()).expect(0).json();
        if report["waiting"] == 0 && report["rows"].as_u64().unwrap() > 0 {
            return report;
        }
        assert!(Instant::now() < patience, "it stays as it is: {report}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_log_is_checked_beside_a_running_service_and_without_one() {
    let world = reachable();
    let nothing = audit(&world, &["verify"]).expect(1);
    assert_eq!(nothing.error_code(), "not-found");
    assert!(!world.home().join("catalog").is_dir(), "a catalog was made for looking at it");

    let service = Service::start(&world, &[]);
    fail_to_log_in(&service);
    let report = until_in_order(&world, &[]);
    assert_eq!((&report["good"], &report["findings"]), (&json!(true), &json!([])));
    assert_eq!(service.get("/readyz").status, 200, "it was left running");
    fail_to_log_in(&service);
    service.end("TERM").expect(0);
    let rows = audit(&world, &["verify"]).expect(0).json();
    assert_eq!(rows["signed"]["size"], rows["rows"], "a clean stop signs for everything: {rows}");
    assert!(rows["rows"].as_u64() > report["rows"].as_u64(), "{rows}");
    assert!(
        !world.home().join("catalog/server/data/postmaster.pid").exists_at_all(),
        "the private server was left running"
    );
}

trait ExistsAtAll {
    fn exists_at_all(&self) -> bool;
}

impl ExistsAtAll for std::path::PathBuf {
    fn exists_at_all(&self) -> bool {
        self.symlink_metadata().is_ok()
    }
}

/// A service with some rows, its catalog on a server whose owner is at hand, and the words that lead there.
async fn elsewhere(world: &World) -> (Server, Service, tokio_postgres::Client, String) {
    let (server, service) = with_admin(world).await;
    for _ in 0..3 {
        fail_to_log_in(&service);
    }
    let owner = server.connect("catalog").await;
    owner.batch_execute("SET session_replication_role = replica").await.unwrap();
    let spec = format!("file:{}", world.path("catalog-url").display());
    (server, service, owner, spec)
}

async fn first_row(owner: &tokio_postgres::Client) -> String {
    let first = "SELECT audit_id::text FROM keepsake.audit_tree WHERE index = 0";
    owner.query_one(first, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_of_the_database_changes_is_found_with_status_1() {
    let world = World::new();
    let (_server, service, owner, spec) = elsewhere(&world).await;
    let catalog = ["--catalog-url", spec.as_str()];
    until_in_order(&world, &catalog);
    let kept = world.path("kept").display().to_string();
    audit(&world, &[&["checkpoint", "--output", &kept], &catalog[..]].concat()).expect(0);
    let verify = ["verify", "--checkpoint", &kept, catalog[0], catalog[1]];
    assert_eq!(audit(&world, &verify).expect(0).json()["good"], true);

    let row = first_row(&owner).await;
    owner.execute("UPDATE keepsake.audit_log SET outcome = 'done' WHERE id::text = $1", &[&row]).await.unwrap();
    let run = audit(&world, &verify).expect(1);
    let finding = &run.json()["findings"][0];
    assert_eq!((&finding["kind"], &finding["row"], &finding["index"]), (&json!("changed"), &json!(row), &json!(0)));
    assert!(run.stderr.contains("docs/audit.md"), "{}", run.stderr);
    let text = world.run([&["audit"], &verify[..]].concat()).expect(1);
    assert!(text.stdout.contains(&format!("changed row {row} (place 0): ")), "{}", text.stdout);

    // All of it, and what was signed for it: only the checkpoint that was kept elsewhere knows.
    service.end("TERM").expect(0);
    for table in ["audit_log", "audit_tree", "audit_pending", "audit_checkpoints"] {
        owner.execute(&format!("DELETE FROM keepsake.{table}"), &[]).await.unwrap();
    }
    assert_eq!(audit(&world, &[&["verify"], &catalog[..]].concat()).expect(0).json()["rows"], 0);
    let report = audit(&world, &verify).expect(1).json();
    assert_eq!(report["findings"][0]["kind"], "removed", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_checked_without_the_catalog_and_without_the_master_key() {
    let world = World::new();
    let (_server, service, owner, spec) = elsewhere(&world).await;
    let catalog = ["--catalog-url", spec.as_str()];
    until_in_order(&world, &catalog);
    let file = |name: &str| world.path(name).display().to_string();
    let (kept, inclusion, consistency) = (file("kept"), file("row.tlog-proof"), file("since.proof"));
    audit(&world, &[&["checkpoint", "--output", &kept], &catalog[..]].concat()).expect(0);
    fail_to_log_in(&service);
    let row = first_row(&owner).await;
    audit(&world, &[&["prove", "--row", &row, "--output", &inclusion], &catalog[..]].concat()).expect(0);
    audit(&world, &[&["prove", "--since", &kept, "--output", &consistency], &catalog[..]].concat()).expect(0);
    let again = audit(&world, &[&["prove", "--row", &row, "--output", &inclusion], &catalog[..]].concat());
    assert_eq!(again.expect(1).error_code(), "files-failed", "nothing is overwritten");
    let both = audit(&world, &[&["prove", "--row", &row, "--since", &kept, "--output", &kept], &catalog[..]].concat());
    assert_eq!(both.expect(2).error_code(), "usage");
    let key = audit(&world, &["public-key"]).expect(0).json()["public_key"].as_str().unwrap().to_owned();
    service.end("TERM").expect(0);

    // Somewhere else: a home with nothing in it.
    let (auditor, stranger) = (World::empty(), World::new());
    let check = |proof: &str, key: &str| audit(&auditor, &["check-proof", proof, "--public-key", key]);
    let proven = check(&inclusion, &key).expect(0).json();
    assert_eq!((&proven["proves"], &proven["row"]["id"]), (&json!("inclusion"), &json!(row)));
    let proven = check(&consistency, &key).expect(0).json();
    assert_eq!(proven["proves"], "consistency");
    assert!(proven["new_size"].as_u64() > proven["old_size"].as_u64(), "{proven}");
    assert!(!auditor.home().exists_at_all(), "a look leaves nothing behind");

    let other = audit(&stranger, &["public-key"]).expect(0).json()["public_key"].as_str().unwrap().to_owned();
    assert_eq!(check(&inclusion, &other).expect(1).error_code(), "verify-failed");
    assert_eq!(check(&inclusion, "no key").expect(2).error_code(), "invalid");
    let spoilt = fs::read_to_string(&inclusion).unwrap().replace("index 0", "index 1");
    fs::write(file("spoilt"), spoilt).unwrap();
    assert_eq!(check(&file("spoilt"), &key).expect(1).error_code(), "verify-failed");
    fs::write(file("endless"), "a".repeat(1 << 20)).unwrap();
    assert_eq!(check(&file("endless"), &key).expect(1).error_code(), "verify-failed");
}
