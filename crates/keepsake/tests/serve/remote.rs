//! The commands over `--server`, from a machine that has neither the master key nor the storage nor the database.

use crate::{
    stage::{PASSWORD, SECRET, Stage, text},
    world::{Run, World, finished},
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};
use totp_rs::Totp;

/// Somebody's own machine.
struct Desk<'a> {
    world: World,
    stage: &'a Stage,
}

impl<'a> Desk<'a> {
    fn of(stage: &'a Stage) -> Self {
        Self { world: World::empty(), stage }
    }

    fn ask(&self, arguments: &[&str]) -> Run {
        self.world.run_json([arguments, &["--server", self.stage.service.url()]].concat())
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.world.path(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Logs in as the supplier's admin, with a code if one is given.
    fn login(&self, code: Option<&str>) -> Run {
        let password = self.file("password", PASSWORD);
        let mut arguments = vec!["login", "--email", "admin@meadow.example", "--password-file", &password];
        let code = code.map(|code| self.file("code", code));
        arguments.extend(code.iter().flat_map(|file| ["--code-file", file.as_str()]));
        self.ask(&arguments)
    }

    /// The file of the session.
    fn session(&self) -> PathBuf {
        let mut files = fs::read_dir(self.world.home().join("sessions")).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_none()).unwrap()
    }
}

/// Enrols the supplier's admin; what to give as second factors.
fn recovery_codes(stage: &Stage) -> Vec<String> {
    let admin = stage.admin();
    let enrolled = admin.post("/api/auth/mfa/totp/enroll", &json!({"password": PASSWORD}));
    let code = Totp::from_url(text(&enrolled.json(), "url")).unwrap().generate_current().to_string();
    let confirmed = admin.post("/api/auth/mfa/totp/confirm", &json!({"code": code}));
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    confirmed.json()["recovery_codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_wedding_is_backed_up_restored_and_undone_from_another_machine() {
    let stage = Stage::working().await;
    stage.folder_target();
    stage.synced_source();
    let weddings = stage.until_captured().await;
    let wedding = text(&weddings[0], "external_id");
    let before = stage.guests(&wedding).await;
    let desk = Desk::of(&stage);
    assert_eq!(desk.ask(&["points"]).expect(3).error_code(), "unauthenticated");
    let logged_in = desk.login(None).expect(0);
    assert_eq!((&logged_in.json()["role"], &logged_in.json()["mfa_fresh"]), (&json!("admin"), &json!(false)));

    let listed = desk.ask(&["points", "--wedding", &wedding]).expect(0).json();
    assert_eq!(listed["points"].as_array().unwrap().len(), 1, "{listed}");
    let mapping = desk.world.path("planner.toml").display().to_string();
    desk.ask(&["inspect", "--source", "planner", "--output", &mapping]).expect(0);
    assert!(fs::read_to_string(&mapping).unwrap().contains("guests"));
    assert_eq!(desk.ask(&["inspect", "--source", "nobodys"]).expect(1).error_code(), "not-found");

    stage
        .planner
        .execute("UPDATE weddings SET title = title || '!' WHERE id = $1::text::uuid", &[&wedding])
        .await
        .unwrap();
    let backed =
        desk.ask(&["backup", "wedding", &wedding, "--emergency", "--reason", "before the import"]).expect(0).json();
    assert_eq!((&backed["state"], &backed["execution_type"]), (&json!("completed"), &json!("emergency")), "{backed}");
    assert_eq!(desk.ask(&["backup", "wedding", "42"]).expect(1).error_code(), "wedding-not-found");
    let database = desk.ask(&["backup", "database", "--source", "planner"]).expect(0).json();
    assert!(database["recovery_point_id"].is_string(), "{database}");

    // Without a second factor nothing is restored, and with one exactly what the preview shows.
    let restore = ["restore", "wedding", &wedding, "--mode", "revert", "--reason", "the guests are gone"];
    assert_eq!(desk.ask(&[&restore[..], &["--yes"]].concat()).expect(3).error_code(), "mfa-required");
    let codes = recovery_codes(&stage);
    assert_eq!(desk.login(Some("000000")).expect(3).error_code(), "mfa-failed");
    assert_eq!(desk.login(Some(&codes[0])).expect(0).json()["mfa_fresh"], true);
    stage.lose_guests(&wedding).await;
    let preview = desk.ask(&[&restore[..], &["--dry-run"]].concat()).expect(0).json();
    assert_eq!((&preview["state"], stage.guests(&wedding).await), (&json!("previewed"), 0), "{preview}");
    assert_eq!(desk.ask(&restore).expect(3).error_code(), "confirm-needed", "nobody was there to say yes");
    let wrong = "0".repeat(64);
    let pinned = desk.ask(&[&restore[..], &["--yes", "--preview-hash", &wrong]].concat()).expect(3);
    assert_eq!((pinned.error_code(), stage.guests(&wedding).await), ("preview-changed".to_owned(), 0));
    let restored = desk.ask(&[&restore[..], &["--yes"]].concat()).expect(0).json();
    assert_eq!((&restored["state"], stage.guests(&wedding).await), (&json!("completed"), before), "{restored}");
    let operation = text(&restored, "id");
    desk.ask(&["undo", &operation, "--yes"]).expect(0);
    assert_eq!(stage.guests(&wedding).await, 0);
    assert_eq!(desk.ask(&["undo", &operation, "--yes"]).expect(3).error_code(), "ended");

    let verified = desk.ask(&["verify", "--level", "structure"]).expect(0).json();
    assert_eq!(
        (&verified["good"], verified["checks"].as_array().unwrap().len()),
        (&json!(true), weddings.len() + 1),
        "{verified}"
    );
    assert!(!desk.world.home().join("master.key").try_exists().unwrap(), "nothing here needs the master key");
    stage.never_said(SECRET);
}

#[tokio::test]
async fn a_session_is_kept_for_its_owner_refreshed_once_at_a_time_and_ended() {
    let stage = Stage::new().await;
    let desk = Desk::of(&stage);
    assert_eq!(desk.login(Some("12")).expect(2).error_code(), "invalid", "no second factor was enrolled");
    let said = desk.login(None).expect(0);
    let kept: Value = serde_json::from_slice(&fs::read(desk.session()).unwrap()).unwrap();
    for token in ["access_token", "refresh_token"] {
        assert!(!said.stdout.contains(kept[token].as_str().unwrap()), "{said:?}");
    }
    assert_eq!(fs::metadata(desk.session()).unwrap().permissions().mode() & 0o777, 0o600);

    // The access token is as good as over, and four commands notice at once: a refresh token that comes twice would end the session.
    let mut stale = kept.clone();
    stale["access_expires_at"] = json!("2020-01-01T00:00:00Z");
    fs::write(desk.session(), stale.to_string()).unwrap();
    let at = ["points", "--server", stage.service.url()];
    let children: Vec<_> = (0..4).map(|_| desk.world.start(at)).collect();
    for child in children {
        finished(child).expect(0);
    }
    let refreshed: Value = serde_json::from_slice(&fs::read(desk.session()).unwrap()).unwrap();
    assert_ne!(refreshed["refresh_token"], kept["refresh_token"]);
    desk.ask(&["points"]).expect(0);

    // A program has a token instead.
    let made = stage.operator();
    let enrolled = made.post("/api/auth/mfa/totp/enroll", &json!({"password": crate::identity::PASSWORD}));
    let code = Totp::from_url(text(&enrolled.json(), "url")).unwrap().generate_current().to_string();
    let fresh =
        stage.holder(&text(&made.post("/api/auth/mfa/totp/confirm", &json!({"code": code})).json(), "access_token"));
    let new = json!({"name": "nightly", "scopes": ["read"], "expires_at": "2027-01-01T00:00:00Z"});
    let token = fresh.post("/api/auth/tokens", &new);
    assert_eq!(token.status, 201, "{token:?}");
    let elsewhere = Desk::of(&stage);
    let mut command = elsewhere.world.command(at);
    command.env("KEEPSAKE_TOKEN", text(&token.json(), "secret"));
    Run::from(command.output().unwrap()).expect(0);

    desk.ask(&["logout"]).expect(0);
    assert_eq!(desk.ask(&["points"]).expect(3).error_code(), "unauthenticated");
}

#[test]
fn what_cannot_be_asked_of_a_service_says_so() {
    let world = World::new();
    let refused = |arguments: &[&str]| world.run_json(arguments).expect(2);
    for server in [
        "http://keepsake.example",
        "ftp://keepsake.example",
        "keepsake.example",
        "https://anna:secret@keepsake.example",
    ] {
        let run = refused(&["points", "--server", server]);
        assert_eq!(run.error_code(), "usage", "{server}");
    }
    let local = "http://127.0.0.1:9";
    for command in [&["init"][..], &["vaults"], &["doctor"], &["audit", "public-key"], &["backup", "files", "/etc"]] {
        refused(&[command, &["--server", local]].concat());
    }
    refused(&["restore", "wedding", "1", "--files-root", "/srv", "--server", local]);
    for command in [&["login", "--email", "anna@example.org"][..], &["points"], &["inspect"]] {
        assert_eq!(refused(command).error_code(), "usage", "without a service and without a storage");
    }
    let password = world.path("password");
    fs::write(&password, "x").unwrap();
    let login = ["login", "--email", "a@b.example", "--password-file", password.to_str().unwrap(), "--server", local];
    assert_eq!(world.run_json(login).expect(1).error_code(), "server-unreachable");
}
