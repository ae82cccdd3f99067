//! A wedding comes back exactly, wherever it is and whatever is left of it.

use crate::{
    report::{table, total},
    world::{Run, planner::Planner},
};
use keepsake_testkit::s3;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn s01_s06_exactly_the_wedding_comes_back_and_nobody_elses_row_or_file_changes() {
    let planner = Planner::new().await;
    let backup = planner.backup();
    assert_eq!(backup["result"], "stored", "{backup}");
    assert_eq!(backup["issues"].as_array().unwrap().len(), 0, "{backup}");
    let before = planner.see().await;
    let damage = planner.damage().await;
    assert!(damage.guests > 0 && damage.timeline_items > 0 && damage.photos > 0 && damage.files > 0, "{damage:?}");
    let broken = planner.see().await;

    let preview = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
    assert_eq!(table(&preview, "guests")["insert"], damage.guests);
    assert_eq!(table(&preview, "timeline_items")["update"], damage.timeline_items);
    let put = preview["files"]["entries"].as_array().unwrap().iter().filter(|file| file["action"] == "put").count();
    assert_eq!(put as u64, damage.files);
    assert_eq!(preview["refusals"].as_array().unwrap().len(), 0, "{preview}");
    planner.expect_as(&broken).await;

    let unasked = planner.restore(&["--mode", "exact"]).expect(3);
    assert_eq!(unasked.error_code(), "confirm-needed");
    planner.expect_as(&broken).await;

    let (_, restored) = planner.restore_exact();
    assert_eq!(restored["point"], backup["point"]);
    assert_eq!(restored["files_written"], damage.files);
    assert_eq!(table(&restored["proof"], "guests")["equals_capture"], true);
    planner.expect_as(&before).await;
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn restoring_twice_changes_nothing_the_second_time() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    planner.restore_exact();
    let preview = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
    let (_, again) = planner.restore_exact();
    for field in ["insert", "update", "delete", "conflict", "left"] {
        assert_eq!(total(&preview, field), 0, "{field}");
    }
    for field in ["inserted", "updated", "deleted"] {
        assert_eq!(total(&again["proof"], field), 0, "{field}");
    }
    assert_eq!((&again["files_written"], &again["files_deleted"]), (&0.into(), &0.into()));
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_wedding_comes_back_and_the_undo_deletes_it_again() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.execute(&format!("DELETE FROM weddings WHERE id = '{}'", planner.wedding)).await;
    for folder in ["photos", "documents"] {
        fs::remove_dir_all(planner.photos().join(folder).join(planner.wedding.to_string())).unwrap();
    }
    let gone = planner.see().await;
    assert_eq!(gone.wedding.rows_of("guests"), 0);
    let (operation, _) = planner.restore_exact();
    planner.expect_as(&before).await;
    let undo = planner.undo(&operation);
    planner.expect_as(&gone).await;
    planner.undo(&undo);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_weddings_are_captured_in_one_pass_and_restored_one_by_one() {
    let planner = Planner::new().await;
    let mut arguments = planner.backup_arguments();
    arguments.insert(3, planner.weddings[1].to_string());
    let backup = planner.world.json(arguments);
    assert_eq!(backup["weddings"].as_array().unwrap().len(), 2, "{backup}");
    assert_ne!(backup["weddings"][0]["vault"], backup["weddings"][1]["vault"]);
    let before = planner.see().await;
    planner.damage().await;
    let (_, restored) = planner.restore_exact();
    assert_eq!(restored["point"], backup["weddings"][0]["point"]);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_survives_on_s3() {
    let planner = Planner::new().await;
    let server = s3::Server::start();
    let storage = server.url("backups");
    let run = |arguments: Vec<String>| {
        let at = arguments.iter().position(|word| word == "--storage").unwrap() + 1;
        let mut arguments = arguments;
        arguments[at].clone_from(&storage);
        let mut command = planner.world.command(arguments);
        let run = Run::from(command.arg("--json").envs(server.credentials()).output().unwrap()).expect(0);
        run.json()
    };
    run(["init", "--storage", ""].map(str::to_owned).to_vec());
    run(planner.backup_arguments());
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let done = run(planner.restore_arguments(&["--mode", "exact", "--yes"]));
    planner.expect_as(&before).await;
    run(planner.undo_arguments(done["operation"].as_str().unwrap()));
    planner.expect_as(&broken).await;
    run(["verify", "--level", "all", "--storage", ""].map(str::to_owned).to_vec());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_silence_triggers_restores_by_the_checked_path() {
    let planner = Planner::new().await;
    planner
        .execute(
            "CREATE ROLE restorer LOGIN BYPASSRLS; GRANT USAGE ON SCHEMA public TO restorer; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO restorer; \
             GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO restorer",
        )
        .await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let mut arguments = planner.restore_arguments(&["--mode", "exact"]);
    arguments[4] = planner.server.dsn_as("restorer", "planner");
    let preview = planner.world.json(arguments.iter().map(String::as_str).chain(["--dry-run"]));
    assert_eq!(preview["path"], "checked");
    assert!(preview["downstream"]["triggers_fire"].to_string().contains("tell"), "{preview}");
    let done = planner.world.json(arguments.iter().map(String::as_str).chain(["--yes"]));
    let now = planner.see().await;
    assert_eq!(now.files, before.files);
    let stamped = before.differences(&now);
    // The application's own triggers stamp the time of the change on rows that were set back, and nothing else differs.
    for text in &stamped {
        let table = text.split(':').next().unwrap();
        assert!(["weddings", "timeline_items"].contains(&table) && text.contains("other content"), "{stamped:#?}");
    }
    let titles =
        format!("SELECT count(*) FROM timeline_items WHERE wedding_id = '{}' AND title LIKE 'TBC %'", planner.wedding);
    assert_eq!(planner.count(&titles).await, 0);
    let mut undo = planner.undo_arguments(done["operation"].as_str().unwrap());
    undo[3] = planner.server.dsn_as("restorer", "planner");
    planner.world.json(&undo);
    assert_eq!(planner.see().await.wedding.rows_of("guests"), broken.wedding.rows_of("guests"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_comes_back_into_a_database_that_was_rebuilt() {
    let planner = Planner::new().await;
    let storage = planner.world.storage();
    planner.backup();
    planner.world.json(["backup", "database", "--source", &planner.dsn(), "--storage", &storage]);
    let before = planner.see().await;
    let rebuilt = planner.server.create_database("rebuilt").await;
    planner.world.json(["restore", "database", "--target", &rebuilt, "--storage", &storage]);
    let client = planner.server.connect("rebuilt").await;
    keepsake_testkit::planner::damage(&client, planner.wedding, None).await.unwrap();
    let mut arguments = planner.restore_arguments(&["--mode", "exact", "--yes"]);
    arguments[4] = rebuilt;
    planner.world.json(&arguments);
    let back = keepsake_testkit::planner::fingerprint_of(&client, planner.wedding).await.unwrap();
    let mut differ = before.wedding.differences(&back);
    differ.retain(|text| !text.starts_with("outbox:"));
    assert!(differ.is_empty(), "{differ:#?}");
    planner.expect_as(&before).await;
}
