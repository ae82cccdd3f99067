//! The register: organisations, storage targets, sources, weddings.

use crate::stage::{SECRET, Stage, id, refused, text};
use serde_json::{Value, json};

#[tokio::test]
async fn a_planner_is_registered_mapped_and_looked_through() {
    let stage = Stage::new().await;
    let (operator, admin) = (stage.operator(), stage.admin());

    let target = stage.folder_target();
    let tested = operator.post(&format!("/api/backup/storage/targets/{target}/test"), &json!({}));
    assert_eq!((tested.status, &tested.json()["conditional_create"]), (200, &json!(true)), "{tested:?}");
    let seen = operator.get(&format!("/api/backup/storage/targets/{target}")).json();
    assert_eq!((seen["url"].as_str(), &seen["lent"]), (Some(&*stage.world.storage()), &json!(true)));

    let source = stage.planner_source();
    let path = format!("/api/sources/{source}");
    assert_eq!(admin.get(&path).json()["mapping_version"], 0);
    refused(&admin.get(&format!("{path}/mapping")), 404, "not-found");
    let proposal = admin.post(&format!("{path}/inspect"), &json!({}));
    assert_eq!(proposal.status, 200, "{proposal:?}");
    let proposal = proposal.json();
    assert!(proposal["confidence"].as_u64().unwrap() > 50 && text(&proposal, "mapping").contains("weddings"));

    // The first mapping takes version 0; one that does not fit the database is refused with what is wrong.
    let mapping = json!({"mapping": proposal["mapping"]});
    refused(&operator.put(&format!("{path}/mapping"), &mapping, None), 428, "precondition-required");
    refused(&operator.put(&format!("{path}/mapping"), &mapping, Some("\"1\"")), 412, "stale");
    let broken = json!({"mapping": text(&proposal, "mapping").replace("weddings", "wedings")});
    let problem = refused(&operator.put(&format!("{path}/mapping"), &broken, Some("\"0\"")), 409, "mapping-mismatch");
    assert!(text(&problem, "detail").contains("wedings"), "{problem}");
    let nonsense = json!({"mapping": "this is = = no mapping"});
    refused(&operator.put(&format!("{path}/mapping"), &nonsense, Some("\"0\"")), 422, "mapping-invalid");
    refused(&admin.post(&format!("{path}/sync"), &json!({})), 422, "invalid");
    let set = operator.put(&format!("{path}/mapping"), &mapping, Some("\"0\""));
    assert_eq!((set.status, set.header("etag")), (200, Some("\"1\"")), "{set:?}");
    refused(&operator.put(&format!("{path}/mapping"), &mapping, Some("\"0\"")), 412, "stale");
    let kept = admin.get(&format!("{path}/mapping"));
    assert_eq!((kept.header("etag"), &kept.json()["mapping"]), (Some("\"1\""), &proposal["mapping"]));

    let synced = admin.post(&format!("{path}/sync"), &json!({})).json();
    let found: i64 = stage.planner.query_one("SELECT count(*) FROM weddings", &[]).await.unwrap().get(0);
    assert_eq!((synced["found"].as_i64(), synced["new"].as_i64()), (Some(found), Some(found)), "{synced}");
    assert!(admin.get(&path).json()["synced_at"].is_string());
    let weddings = stage.weddings();
    assert_eq!(i64::try_from(weddings.len()).unwrap(), found);
    assert!(weddings.iter().all(|wedding| wedding["source_id"] == *source && wedding["next_run_at"].is_string()));
    let days: Vec<_> = weddings.iter().map(|wedding| wedding["first_day"].as_str().unwrap_or("9999")).collect();
    assert!(days.is_sorted(), "{days:?}");
    stage.never_said(SECRET);
}

#[tokio::test]
async fn a_wedding_says_how_it_is_protected_and_why_and_can_be_set() {
    let stage = Stage::new().await;
    stage.synced_source();
    let (admin, weddings) = (stage.admin(), stage.weddings());
    let class = text(&weddings[0], "criticality");
    let filtered = admin.get(&format!("/api/weddings?criticality={class}&vanished=false&page_size=1")).json();
    assert_eq!(filtered["items"][0]["id"], weddings[0]["id"]);
    assert_eq!(filtered["items"].as_array().unwrap().len(), 1);
    assert_eq!(admin.get("/api/weddings?vanished=true").json()["items"], json!([]));
    refused(&admin.get("/api/weddings?criticality=enormous"), 422, "invalid");
    refused(&admin.get("/api/weddings?size=2"), 422, "invalid");
    refused(&admin.get("/api/weddings?page_token=me"), 422, "invalid");
    let first = admin.get("/api/weddings?page_size=1").json();
    let next = admin.get(&format!("/api/weddings?page_size=1&page_token={}", text(&first, "next_page_token"))).json();
    assert_eq!(next["items"][0]["id"], weddings[1]["id"]);

    let wedding = text(&weddings[0], "id");
    let path = format!("/api/weddings/{wedding}");
    assert_eq!(admin.get(&path).json(), weddings[0]);
    let why = admin.get(&format!("{path}/criticality")).json();
    assert_eq!((&why["criticality"], &why["frequency"]), (&weddings[0]["criticality"], &weddings[0]["frequency"]));
    assert!(why["priority"].as_u64().is_some_and(|priority| (1..=10).contains(&priority)), "{why}");
    for risk in why["risk_factors"].as_array().unwrap() {
        assert!(!text(risk, "evidence").is_empty() && !text(risk, "threshold").is_empty(), "{why}");
    }
    let words: Vec<&str> = why["explanation"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(words.iter().any(|sentence| sentence.contains(&class)), "{why}");

    let path = format!("{path}/backup-settings");
    let none = admin.get(&path);
    assert_eq!((none.header("etag"), none.json()), (Some("\"0\""), json!({})));
    let more =
        json!({"frequency_override": "real_time", "criticality_override": "critical", "time_zone": "Europe/Paris"});
    refused(&admin.put(&path, &more, None), 428, "precondition-required");
    refused(&admin.put(&path, &more, Some("\"4\"")), 412, "stale");
    refused(&admin.put(&path, &more, Some("*")), 412, "stale");
    let set = admin.put(&path, &more, Some("\"0\""));
    assert_eq!((set.status, set.header("etag"), &set.json()), (200, Some("\"1\""), &more), "{set:?}");
    refused(&admin.put(&path, &more, Some("\"0\"")), 412, "stale");
    let after = admin.get(&format!("/api/weddings/{wedding}/criticality")).json();
    assert_eq!((after["frequency"].as_str(), after["criticality"].as_str()), (Some("real_time"), Some("critical")));
    for (pointer, body) in [
        ("/time_zone", json!({"time_zone": "Middle/Earth"})),
        ("/wedding_type", json!({"wedding_type": "Big One"})),
        ("/high_priority_days_before", json!({"high_priority_days_before": 1000})),
        ("/frequency_override", json!({"frequency_override": "yearly"})),
    ] {
        let problem = refused(&admin.put(&path, &body, Some("\"1\"")), 422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    // What protects less takes a second factor given just now.
    let less = json!({"frequency_override": "weekly"});
    let problem = admin.put(&path, &less, Some("\"1\""));
    refused(&problem, 401, "mfa-required");
    assert!(problem.header("www-authenticate").unwrap().contains("insufficient_user_authentication"));
    assert_eq!(admin.get(&path).json(), more);
}

#[tokio::test]
async fn members_see_their_own_weddings_and_nothing_else_of_the_register() {
    let stage = Stage::new().await;
    let source = stage.synced_source();
    let target = stage.folder_target();
    let (member, weddings) = (stage.member(), stage.weddings());
    let (own, other) = (text(&weddings[1], "id"), text(&weddings[0], "id"));
    assert_eq!(member.get("/api/weddings").json()["items"], json!([]), "nobody assigned them to one");
    stage.assign(&own);
    let listed = member.get("/api/weddings").json();
    assert_eq!((&listed["items"][0]["id"], listed["items"].as_array().unwrap().len()), (&json!(own), 1), "{listed}");
    assert_eq!(member.get(&format!("/api/weddings/{own}/criticality")).status, 200);
    assert_eq!(member.get(&format!("/api/weddings/{own}/backup-settings")).status, 200);
    for part in ["", "/criticality", "/backup-settings", "/members"] {
        refused(&member.get(&format!("/api/weddings/{other}{part}")), 404, "not-found");
    }
    refused(&member.get("/api/weddings/not-an-id"), 404, "not-found");
    let settings = json!({"frequency_override": "real_time"});
    refused(&member.put(&format!("/api/weddings/{own}/backup-settings"), &settings, Some("\"0\"")), 403, "forbidden");
    refused(&member.put(&format!("/api/weddings/{own}/members"), &json!({"members": []}), None), 403, "forbidden");
    for path in ["/api/sources", "/api/backup/storage/targets", "/api/organisations"] {
        refused(&member.get(path), 403, "forbidden");
    }
    for path in [format!("/api/sources/{source}"), format!("/api/backup/storage/targets/{target}")] {
        refused(&member.get(&path), 404, "not-found");
    }
    // Only users of the wedding's organisation can be its members.
    let me = stage.operator().get("/api/auth/me").json();
    let foreign = json!({"members": [me["id"]]});
    let problem = refused(&stage.admin().put(&format!("/api/weddings/{own}/members"), &foreign, None), 422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/members", "{problem}");
    assert_eq!(stage.admin().get(&format!("/api/weddings/{own}/members")).json()["members"], json!([stage.member]));
    let taken = stage.admin().put(&format!("/api/weddings/{own}/members"), &json!({"members": []}), None);
    assert_eq!(taken.status, 200, "{taken:?}");
    refused(&member.get(&format!("/api/weddings/{own}")), 404, "not-found");
}

#[tokio::test]
async fn s29_a_supplier_reaches_nothing_of_the_host_and_does_not_see_the_operators_folder() {
    let stage = Stage::new().await;
    let target = stage.folder_target();
    let admin = stage.admin();
    let database = |dsn: &str| json!({"name": "x", "kind": "database", "capture_credential": dsn});
    for (dsn, words) in [
        (stage.dsn(), "operator"),
        ("postgres://u:hush@db.example.org/planner?host=/var/run/postgresql".to_owned(), "operator"),
        ("host=db.example.org user=u dbname=x passfile=/etc/shadow".to_owned(), "operator"),
        ("host=db.example.org user=u dbname=x sslkey=/root/key".to_owned(), "operator"),
        ("service=planner".to_owned(), "operator"),
    ] {
        let problem = refused(&admin.post("/api/sources", &database(&dsn)), 403, "forbidden");
        assert!(text(&problem, "detail").contains(words), "{problem}");
    }
    for body in [
        json!({"name": "x", "kind": "directory", "location": "file:///etc"}),
        json!({"name": "x", "kind": "bucket", "location": "s3://bucket/p?endpoint=https://s3.example.org"}),
        json!({"name": "x", "kind": "database", "capture_credential": "host=db.example.org user=u dbname=x", "files_root": "/etc"}),
        json!({"name": "x", "kind": "database", "capture_credential": "host=db.example.org user=u dbname=x",
            "assignments": {"a": stage.supplier}}),
    ] {
        refused(&admin.post("/api/sources", &body), 403, "forbidden");
    }
    // A name of a loopback address is found out when something connects.
    for host in ["127.0.0.1", "localhost", "169.254.169.254"] {
        let dsn = format!("postgres://u:{SECRET}@{host}/planner");
        let made = admin.post("/api/sources", &json!({"name": host, "kind": "database", "capture_credential": dsn}));
        if made.status == 201 {
            let path = format!("/api/sources/{}/inspect", id(&made));
            refused(&admin.post(&path, &json!({})), 403, "forbidden");
        } else {
            refused(&made, 403, "forbidden");
        }
    }
    for url in ["file:///srv", "s3://bucket/p?endpoint=http://127.0.0.1:9000&allow_http=true"] {
        let new = json!({"name": "x", "tier": "local", "url": url});
        refused(&admin.post("/api/backup/storage/targets", &new), 403, "forbidden");
    }
    let keyless = json!({"name": "x", "tier": "offsite", "url": "s3://bucket/p?endpoint=https://s3.example.org"});
    let problem = refused(&admin.post("/api/backup/storage/targets", &keyless), 422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/credentials", "{problem}");

    let listed = admin.get("/api/backup/storage/targets").json();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["url"]), (&json!(target), &json!("file:")), "{listed}");
    assert_eq!(admin.get(&format!("/api/backup/storage/targets/{target}")).json()["url"], "file:");
    refused(&admin.post(&format!("/api/backup/storage/targets/{target}/test"), &json!({})), 403, "forbidden");
    refused(&admin.post("/api/organisations", &json!({"name": "Mine"})), 403, "forbidden");
    refused(&admin.get("/api/organisations"), 403, "forbidden");
    stage.never_said(SECRET);
    stage.never_said("hush");
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_not_overwritten_and_credentials_never_come_back() {
    let stage = Stage::new().await;
    let (operator, source) = (stage.operator(), stage.planner_source());
    let path = format!("/api/sources/{source}");
    let photos = stage.world.path("photos");
    let renamed = json!({"name": "the planner", "files_root": photos});
    refused(&operator.put(&path, &renamed, None), 428, "precondition-required");
    refused(&operator.put(&path, &renamed, Some("\"9\"")), 412, "stale");
    refused(&operator.put(&path, &renamed, Some("W/\"1\"")), 412, "stale");
    let changed = operator.put(&path, &renamed, Some("\"1\""));
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")), "{changed:?}");
    refused(&operator.put(&path, &renamed, Some("\"1\"")), 412, "stale");
    let inspect = format!("{path}/inspect");
    assert_eq!(operator.post(&inspect, &json!({})).status, 200, "its credential stayed");
    // A new credential replaces the old ones; which fields go together is said by pointer.
    let restore = json!({"name": "the planner", "files_root": photos, "kind": "database", "capture_credential": stage.dsn(),
        "restore_credential": format!("{} password={SECRET}", stage.server.dsn("planner"))});
    let changed = operator.put(&path, &restore, Some("\"2\""));
    assert_eq!((changed.status, &changed.json()["has_restore_credential"]), (200, &json!(true)), "{changed:?}");
    for (pointer, body) in [
        ("/kind", json!({"name": "x", "capture_credential": stage.dsn()})),
        (
            "/location",
            json!({"name": "x", "kind": "database", "location": "file:///x", "capture_credential": "host=x"}),
        ),
        ("/capture_credential", json!({"name": "x", "kind": "database", "restore_credential": stage.dsn()})),
        ("/name", json!({"name": " ", "files_root": photos})),
    ] {
        let problem = refused(&operator.put(&path, &body, Some("\"3\"")), 422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let unreadable = json!({"name": "y", "kind": "database", "capture_credential": format!("{SECRET} {SECRET}")});
    refused(&operator.post("/api/sources", &unreadable), 422, "dsn-invalid");
    let listed = operator.get("/api/sources").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    stage.never_said(SECRET);

    refused(&operator.delete(&path, None), 428, "precondition-required");
    refused(&operator.delete(&path, Some("\"2\"")), 412, "stale");
    assert_eq!(operator.delete(&path, Some("\"3\"")).status, 204);
    refused(&operator.get(&path), 404, "not-found");
    refused(&operator.delete(&path, Some("\"3\"")), 404, "not-found");
}

#[tokio::test]
async fn the_operator_adds_and_names_suppliers() {
    let stage = Stage::new().await;
    let (operator, admin) = (stage.operator(), stage.admin());
    let listed = operator.get("/api/organisations").json();
    let kinds: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| text(one, "kind")).collect();
    assert_eq!(kinds, ["supplier", "operator"], "{listed}");
    let path = format!("/api/organisations/{}", stage.supplier);
    let renamed = operator.put(&path, &json!({"name": " Meadow & Sons "}), None);
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("Meadow & Sons")), "{renamed:?}");
    assert_eq!(operator.get(&path).json(), renamed.json());
    assert_eq!(admin.get("/api/auth/me").json()["organisation_name"], "Meadow & Sons");
    for name in [json!(" "), json!("x".repeat(201))] {
        let problem = refused(&operator.post("/api/organisations", &json!({"name": name})), 422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/name", "{problem}");
    }
    // A supplier's own is not theirs to rename, and they learn nothing of others.
    refused(&admin.put(&path, &json!({"name": "Mine"}), None), 404, "not-found");
    refused(&admin.get(&path), 404, "not-found");
    let catalog = stage.server.connect("catalog").await;
    let refusals =
        "SELECT count(*) FROM keepsake.audit_log WHERE stage = 'refusal' AND action = 'organisation_replace'";
    let refusals: i64 = catalog.query_one(refusals, &[]).await.unwrap().get(0);
    assert_eq!(refusals, 1, "the permission table refused it, before the catalog could");
    refused(&operator.get("/api/organisations/01890a5d-ac96-774b-bcce-b302099a8057"), 404, "not-found");
    let once = operator.post_once("/api/organisations", &json!({"name": "Hill"}), Some("k1"));
    let again = operator.post_once("/api/organisations", &json!({"name": "Hill"}), Some("k1"));
    assert_eq!((once.status, id(&once)), (201, id(&again)));
    assert_eq!(operator.get("/api/organisations").json()["items"].as_array().unwrap().len(), 3);
}
