//! Every restore can be undone, and so can every undo.

use crate::{
    preview::{commit_meanwhile, edit},
    world::{Run, finished, planner::Planner},
};
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn s08_an_undo_brings_the_damage_back_and_can_be_undone_itself() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let (operation, _) = planner.restore_exact();
    planner.expect_as(&before).await;

    let undo = planner.undo(&operation);
    planner.expect_as(&broken).await;
    let undo_of_the_undo = planner.undo(&undo);
    planner.expect_as(&before).await;
    planner.undo(&undo_of_the_undo);
    planner.expect_as(&broken).await;
    // The first operation can still be asked for: what it saved is what is there, so nothing changes.
    planner.undo(&operation);
    planner.expect_as(&broken).await;
    planner.restore_exact();
    planner.expect_as(&before).await;

    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let refused = planner.world.run_json(planner.undo_arguments(unknown)).expect(1);
    assert_eq!(refused.error_code(), "operation-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_latest_is_never_a_state_that_was_saved_before_a_restore() {
    let planner = Planner::new().await;
    let backup = planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let (operation, _) = planner.restore_exact();
    planner.undo(&operation);

    let all = planner.world.points(&["--all"]);
    assert_eq!(all.len(), 3, "the backup and two saved states");
    assert_eq!(planner.world.points(&[]), [backup["point"].as_str().unwrap()]);
    let (_, restored) = planner.restore_exact();
    assert_eq!(restored["point"], backup["point"]);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_an_undo_works_from_another_machine_with_the_master_key_alone() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let broken = planner.see().await;
    let (operation, _) = planner.restore_exact();

    let home = planner.world.path("another machine");
    fs::create_dir(&home).unwrap();
    fs::copy(planner.world.home().join("master.key"), home.join("master.key")).unwrap();
    let mut undo = planner.world.command(planner.undo_arguments(&operation));
    Run::from(undo.env("KEEPSAKE_HOME", &home).output().unwrap()).expect(0);
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_a_difference_that_the_vault_does_not_take_is_kept_here_and_the_undo_uses_it() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let editor = edit(&planner).await;
    let running = planner.world.start(planner.restore_arguments(&["--mode", "exact", "--yes"]));
    planner.until_blocked().await;
    // From now on the store takes nothing.
    let snapshots = planner.world.vault_folders()[0].join("snapshots");
    let aside = planner.world.path("aside");
    fs::rename(&snapshots, &aside).unwrap();
    fs::write(&snapshots, b"in the way").unwrap();
    let edited = commit_meanwhile(&planner, editor, broken).await;
    let run = finished(running).expect(1);
    fs::remove_file(&snapshots).unwrap();
    fs::rename(&aside, &snapshots).unwrap();

    planner.expect_as(&before).await;
    let saved = planner.world.json(["points", "--all", "--storage", &planner.world.storage()]);
    let saved =
        saved["points"].as_array().unwrap().iter().find(|point| point["operation"].is_string()).unwrap().clone();
    let operation = saved["operation"].as_str().unwrap();
    assert!(run.stderr.contains("is restored") && run.stderr.contains(operation), "{}", run.stderr);
    planner.undo(operation);
    planner.expect_as(&edited).await;
}
