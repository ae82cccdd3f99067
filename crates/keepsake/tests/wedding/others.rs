//! Other weddings, other people and other restores at the same time.

use crate::{
    report::{table, total},
    world::{Run, finished, planner::Planner},
};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn s01_a_guest_who_moved_to_another_wedding_is_left_or_taken_or_a_reason_to_refuse() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    let (ours, other) = (planner.wedding, planner.weddings[1]);
    let guest = format!(
        "SELECT g.id::text FROM guests g WHERE g.wedding_id = '{ours}' AND NOT EXISTS (SELECT FROM weddings w WHERE \
         w.lead_guest_id = g.id) AND NOT EXISTS (SELECT FROM guests p WHERE p.plus_one_of = g.id) ORDER BY 1 LIMIT 1"
    );
    let guest: String = planner.client.query_one(&guest, &[]).await.unwrap().get(0);
    planner
        .execute(&format!(
            "DELETE FROM rsvps WHERE guest_id = '{guest}'; DELETE FROM seats WHERE guest_id = '{guest}';
             DELETE FROM photo_guests WHERE guest_id = '{guest}';
             UPDATE guests SET wedding_id = '{other}', household_id = NULL, plus_one_of = NULL, email = NULL WHERE id = '{guest}'"
        ))
        .await;
    let moved = planner.see().await;

    let fail = planner.restore(&["--mode", "exact", "--conflicts", "fail", "--yes"]).expect(3);
    assert_eq!(fail.error_code(), "restore-refused");
    planner.expect_as(&moved).await;

    let preview = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
    assert_eq!(table(&preview, "guests")["conflict"], 1, "{preview}");
    planner.restore(&["--mode", "exact", "--conflicts", "leave", "--yes"]).expect(0);
    let left = planner.see().await;
    assert_eq!(left.others, moved.others, "nobody else's row changed");
    assert_eq!(left.wedding.rows_of("guests") + 1, before.wedding.rows_of("guests"));

    let taken = planner.restore(&["--mode", "exact", "--conflicts", "take", "--yes"]).expect(0).json();
    let mut differ = before.differences(&planner.see().await);
    // What the application told others when the guest moved.
    differ.retain(|text| !text.starts_with("others: outbox:"));
    assert!(differ.is_empty(), "{differ:#?}");
    planner.undo(taken["operation"].as_str().unwrap());
    planner.expect_as(&left).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_restores_of_one_wedding_at_the_same_time_do_no_harm() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let arguments = || planner.restore_arguments(&["--mode", "exact", "--yes"]);
    let (one, two) = (planner.world.start(arguments()), planner.world.start(arguments()));
    let runs = [finished(one), finished(two)];
    let (done, refused): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.status == 0);
    assert!(!done.is_empty(), "{refused:#?}");
    for run in &refused {
        assert_eq!(run.error_code(), "restore-busy", "{run:?}");
    }
    planner.expect_as(&before).await;

    // The one that found the damage can be undone.
    let changed = |run: &&Run| total(&run.json()["proof"], "inserted") > 0;
    let worked: Vec<_> = done.iter().filter(changed).collect();
    assert_eq!(worked.len(), 1, "{done:#?}");
    planner.undo(worked[0].json()["operation"].as_str().unwrap());
    planner.expect_as(&broken).await;
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_keep_working_and_lose_no_edit() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let running = planner.world.start(planner.restore_arguments(&["--mode", "exact", "--yes"]));
    let mut edits = Vec::new();
    let mut running = running;
    while running.try_wait().unwrap().is_none() {
        let seed = 1 + edits.len() as u64;
        edits.push(keepsake_testkit::planner::edit_others(&planner.client, planner.wedding, seed).await.unwrap());
    }
    finished(running).expect(0);
    let mut last = BTreeSet::new();
    for edit in edits.iter().rev() {
        // A later edit may have replaced an earlier note; only the last of each wedding can be looked for.
        if edit.weddings.iter().all(|wedding| last.insert(*wedding)) {
            assert_eq!(edit.lost(&planner.client).await.unwrap(), 0);
        }
    }
    assert!(!last.is_empty(), "somebody worked meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_weddings_are_restored_at_the_same_time() {
    let planner = Planner::new().await;
    let mut both = planner.backup_arguments();
    both.insert(3, planner.weddings[1].to_string());
    planner.world.json(both);
    let before = planner.see().await;
    for wedding in &planner.weddings[..2] {
        keepsake_testkit::planner::damage(&planner.client, *wedding, Some(&planner.photos())).await.unwrap();
    }
    let mut second = planner.restore_arguments(&["--mode", "exact", "--yes"]);
    let first = planner.world.start(&second);
    second[2] = planner.weddings[1].to_string();
    let second = planner.world.start(&second);
    finished(first).expect(0);
    finished(second).expect(0);
    let mut differ = before.differences(&planner.see().await);
    // What the application told others when guests were deleted.
    differ.retain(|text| !text.starts_with("others: outbox:"));
    assert!(differ.is_empty(), "{differ:#?}");
}
