//! A restore goes as far as it was told: groups, modes, side schemas.

use crate::{
    report::total,
    world::planner::{Planner, Seen},
};

#[tokio::test(flavor = "multi_thread")]
async fn only_the_groups_that_were_named_come_back() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let done = planner.restore(&["--mode", "exact", "--only", "guests", "--yes"]).expect(0).json();
    let now = planner.see().await;
    assert_eq!(now.wedding.rows_of("guests"), before.wedding.rows_of("guests"));
    assert_eq!(now.wedding.rows_of("rsvps"), before.wedding.rows_of("rsvps"));
    let differ = before.differences(&now);
    assert!(differ.iter().any(|text| text.starts_with("timeline_items:")), "{differ:#?}");
    assert!(differ.iter().any(|text| text.starts_with("photos:")), "{differ:#?}");
    assert!(!differ.iter().any(|text| text.starts_with("guests:") || text.starts_with("others")), "{differ:#?}");
    assert_eq!(now.files, broken.files, "photos are another group");
    // The undo is allowed to touch what the restore was, and no more.
    planner.execute(&format!("UPDATE weddings SET title = 'Edited since' WHERE id = '{}'", planner.wedding)).await;
    planner.undo(done["operation"].as_str().unwrap());
    assert_eq!(planner.see().await.wedding.rows_of("guests"), broken.wedding.rows_of("guests"));
    let kept = format!("SELECT count(*) FROM weddings WHERE id = '{}' AND title = 'Edited since'", planner.wedding);
    assert_eq!(planner.count(&kept).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_go_as_far_as_they_say() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let wedding = planner.wedding;
    planner.execute(&format!("INSERT INTO tasks (wedding_id, title) VALUES ('{wedding}', 'Added since')")).await;
    let added = "SELECT count(*) FROM tasks WHERE title = 'Added since'";
    let scrambled =
        format!("SELECT count(*) FROM timeline_items WHERE wedding_id = '{wedding}' AND title LIKE 'TBC %'");
    let lost = |now: &Seen| before.wedding.rows_of("guests") - now.wedding.rows_of("guests");

    let merge = planner.restore(&["--yes"]).expect(0).json();
    assert_eq!(lost(&planner.see().await), 0);
    assert!(planner.count(&scrambled).await > 0, "merge leaves what was changed");
    assert_eq!(planner.count(added).await, 1);
    assert_eq!(total(&merge["proof"], "updated") + total(&merge["proof"], "deleted"), 0);

    let revert = planner.restore(&["--mode", "revert", "--yes"]).expect(0).json();
    assert_eq!(planner.count(&scrambled).await, 0);
    assert_eq!(planner.count(added).await, 1, "revert leaves what was added");
    assert_eq!(total(&revert["proof"], "deleted"), 0);

    planner.restore_exact();
    assert_eq!(planner.count(added).await, 0);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_schema_shows_the_rows_and_touches_nothing() {
    let planner = Planner::new().await;
    planner.backup();
    let guests = planner.see().await.wedding.rows_of("guests");
    planner.damage().await;
    let broken = planner.see().await;
    let done = planner.restore(&["--side-schema", "before the \"accident\"", "--yes"]).expect(0).json();
    assert_eq!(done["undoable"], false);
    planner.expect_as(&broken).await;
    assert_eq!(planner.count("SELECT count(*) FROM \"before the \"\"accident\"\"\".guests").await, guests);
    let again = planner.restore(&["--side-schema", "before the \"accident\"", "--yes"]).expect(3);
    assert_eq!(again.error_code(), "restore-refused");
    assert_eq!(planner.world.points(&["--all"]).len(), 1, "nothing had to be saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_restored_one_by_one_make_a_whole_and_their_undos_lead_back() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let mut seen = vec![planner.see().await];
    let mut operations = Vec::new();
    // Photos first, while guests that are on them are still gone.
    for group in ["photos", "timeline", "guests,wedding", "photos"] {
        let done = planner.restore(&["--mode", "exact", "--only", group, "--yes"]).expect(0).json();
        operations.push(done["operation"].as_str().unwrap().to_owned());
        let now = planner.see().await;
        assert_eq!(now.others, before.others, "{group}");
        seen.push(now);
    }
    planner.expect_as(&before).await;
    for operation in operations.iter().rev() {
        seen.pop();
        planner.undo(operation);
        planner.expect_as(seen.last().unwrap()).await;
    }
}
