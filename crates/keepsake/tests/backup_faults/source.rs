//! A source that goes away, hides rows, cannot be read, or is not there.

use crate::{
    content::words,
    world::{files_below, finished, planner::Planner},
};
use keepsake_testkit::postgres::Server;
use std::{fs, io::Write, path::Path};

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_server_that_goes_away_in_the_middle_leaves_no_point() {
    let mut planner = Planner::new().await;
    for kind in ["wedding", "database"] {
        let locker = planner.server.connect("planner").await;
        locker.batch_execute("BEGIN; LOCK TABLE guests IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let arguments = match kind {
            "wedding" => planner.backup_arguments(),
            _ => words(&["backup", "database", "--source", &planner.dsn(), "--storage", &planner.world.storage()]),
        };
        let running = planner.world.start(&arguments);
        planner.until_blocked().await;
        planner.server.cluster().crash().unwrap();
        let run = finished(running).expect(1);
        assert_eq!(run.error_code(), "database-unreachable", "{run:?}");
        assert_eq!(planner.world.points(&["--all"]).len(), 0);
        planner.world.verify();
        planner.server.cluster().start(&[("fsync", "off")]).unwrap();
        planner.client = planner.server.connect("planner").await;
        planner.world.run(&arguments).expect(0);
        assert_eq!(planner.world.points(&[]).len(), 1);
        fs::remove_dir_all(planner.world.storage_folder()).unwrap();
        planner.world.run(["init", "--storage", &planner.world.storage()]).expect(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_role_that_may_not_read_or_would_see_less_gets_no_smaller_backup() {
    let planner = Planner::new().await;
    planner
        .execute("CREATE ROLE nobody LOGIN; CREATE ROLE half LOGIN BYPASSRLS; GRANT SELECT ON weddings, guests TO half")
        .await;
    let mapping = planner.world.path("planner.toml").display().to_string();
    planner.world.run(["inspect", "--source", &planner.dsn(), "--output", &mapping]).expect(0);
    for role in ["nobody", "half", "planner_app"] {
        let mut arguments = planner.backup_arguments();
        arguments[4] = planner.server.dsn_as(role, "planner");
        arguments.extend(words(&["--mapping", &mapping]));
        let run = planner.world.run_json(&arguments).expect(1);
        assert_eq!(run.error_code(), "database-rights", "{role}: {run:?}");
        assert_eq!(planner.world.points(&["--all"]).len(), 0, "{role}");
        let database = [
            "backup",
            "database",
            "--source",
            &planner.server.dsn_as(role, "planner"),
            "--storage",
            &planner.world.storage(),
        ];
        let run = planner.world.run_json(database).expect(1);
        assert_eq!(run.error_code(), "database-rights", "{role}: {run:?}");
        assert_eq!(planner.world.points(&["--all"]).len(), 0, "{role}");
    }
    let mut arguments = planner.backup_arguments();
    arguments[4] = planner.server.dsn_as("planner_backup", "planner");
    planner.world.run(&arguments).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_that_is_not_there_leaves_no_vault_behind() {
    let planner = Planner::new().await;
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "42", "'; DROP TABLE guests; --"] {
        let mut arguments = planner.backup_arguments();
        arguments[2] = id.to_owned();
        let run = planner.world.run_json(&arguments).expect(1);
        assert_eq!(run.error_code(), "wedding-not-found", "{id}: {run:?}");
        assert_eq!(planner.world.vault_folders().len(), 0, "{id}");
    }
    assert_eq!(
        planner.world.json(["vaults", "--storage", &planner.world.storage()])["vaults"].as_array().unwrap().len(),
        0
    );
    // One that is there beside one that is not: neither is stored, so that nobody thinks both are.
    let mut arguments = planner.backup_arguments();
    arguments.insert(3, "01890a5d-ac96-774b-bcce-b302099a8057".to_owned());
    planner.world.run_json(&arguments).expect(1);
    assert_eq!(planner.world.points(&[]).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_is_missing_is_reported_and_the_rest_is_stored() {
    let planner = Planner::new().await;
    let folder = planner.photos().join("photos").join(planner.wedding.to_string());
    let missing = files_below(&folder).remove(0);
    fs::remove_file(&missing).unwrap();
    let run = planner.world.run_json(planner.backup_arguments()).expect(0);
    let backup = run.json();
    assert_eq!(backup["result"], "stored", "{backup}");
    assert_eq!(backup["issues"].as_array().unwrap().len(), 1, "{backup}");
    assert_eq!(backup["issues"][0]["code"], "file-missing");
    let name = missing.file_name().unwrap().to_str().unwrap();
    assert!(backup["issues"][0]["subject"].as_str().unwrap().contains(name), "{backup}");
    assert!(run.stderr.contains("warning") && run.stderr.contains(name), "{}", run.stderr);
    let before = planner.see().await;
    planner.damage().await;
    fs::create_dir_all(&folder).unwrap();
    let (_, restored) = planner.restore_exact();
    assert!(restored["files_written"].as_u64().unwrap() > 0);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_rows_that_cannot_be_read_fail_the_capture() {
    let planner = Planner::new().await;
    planner.backup();
    // The pages of a table are gone from the disk, as after a bad repair.
    let path: String =
        planner.client.query_one("SELECT pg_relation_filepath('timeline_items')", &[]).await.unwrap().get(0);
    planner.execute("CHECKPOINT").await;
    let mut server = planner.server;
    let file = server.cluster().data().join(path);
    server.cluster().stop().unwrap();
    spoil(&file);
    server.cluster().start(&[("fsync", "off")]).unwrap();
    let arguments = words(&[
        "backup",
        "wedding",
        &planner.wedding.to_string(),
        "--source",
        &server.dsn("planner"),
        "--storage",
        &planner.world.storage(),
        "--files-root",
        planner.world.path("photos").to_str().unwrap(),
    ]);
    let run = planner.world.run_json(&arguments).expect(1);
    assert_eq!(run.error_code(), "capture-failed", "{run:?}");
    assert_eq!(planner.world.points(&["--all"]).len(), 1, "only the good point is there");
    let _server: Server = server;
}

/// Overwrites the header of the first page.
fn spoil(file: &Path) {
    let mut page = fs::OpenOptions::new().write(true).open(file).unwrap();
    page.write_all(&[0xff; 64]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_file_store_that_is_not_there_makes_no_good_point() {
    let planner = Planner::new().await;
    let good = planner.backup();
    let away = planner.world.path("not mounted");
    fs::rename(planner.photos(), &away).unwrap();
    let backup = planner.backup();
    assert_eq!(backup["result"], "incomplete", "{backup}");
    assert_eq!(backup["issues"][0]["code"], "file-unreadable", "{backup}");
    fs::rename(&away, planner.photos()).unwrap();
    planner.damage().await;
    let (_, restored) = planner.restore_exact();
    assert_eq!(restored["point"], good["point"], "latest is the newest complete point");
}
