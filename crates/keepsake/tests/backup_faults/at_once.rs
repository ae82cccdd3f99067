//! Several at work at the same time.

use crate::{
    content::photos,
    world::{World, finished, planner::Planner},
};
use keepsake_testkit::planner;

#[test]
fn s15_two_backups_into_one_vault_at_once_both_succeed_even_at_its_birth() {
    let world = World::new();
    let one = photos(&world, "one", 10);
    let two = photos(&world, "two", 12);
    let start = |folder: &str| world.start(["backup", "files", folder, "--storage", &world.storage(), "--name", "p"]);
    for round in 1..=2 {
        let runs = [start(&one), start(&two)].map(finished);
        for run in runs {
            run.expect(0);
        }
        assert_eq!(world.points(&[]).len(), 2 * round);
        assert_eq!(world.vault_folders().len(), 1);
    }
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_of_one_wedding_at_once_both_succeed() {
    let planner = Planner::new().await;
    let start = || planner.world.start(planner.backup_arguments());
    for run in [start(), start()].map(finished) {
        run.expect(0);
    }
    assert_eq!(planner.world.points(&[]).len(), 2);
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_who_edit_while_a_backup_runs_are_not_in_its_way() {
    let planner = Planner::new().await;
    let mut running = planner.world.start(planner.backup_arguments());
    let mut edits = 0;
    while running.try_wait().unwrap().is_none() {
        edits += planner::edit_others(&planner.client, planner.wedding, edits).await.unwrap().len() as u64;
    }
    finished(running).expect(0);
    assert!(edits > 0);
}
