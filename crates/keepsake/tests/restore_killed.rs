//! What happens to a restore that is killed with -9: rows have come all or not at all, and the next operation sets back the
//! files that were written for rows that did not come (safety rule S6).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::draw::Draw;
use std::{
    fs,
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};
use world::{
    files_below, finished,
    planner::{Planner, Seen},
    signal,
};

const KILLED: i32 = -9;

/// The planner after an accident that removed photos, and exchanged one; before and after it.
async fn broken() -> (Planner, Seen, Seen) {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    fs::write(replaced(&planner), b"another picture").unwrap();
    let broken = planner.see().await;
    (planner, before, broken)
}

/// A photo that is still there after the accident.
fn replaced(planner: &Planner) -> PathBuf {
    files_below(&planner.photos().join("photos").join(planner.wedding.to_string())).remove(0)
}

fn kill(running: Child) {
    signal(&running, "KILL");
    assert_eq!(finished(running).status, KILLED);
}

/// Kills a restore that has written every file and no row yet.
async fn kill_after_the_files(planner: &Planner, broken: &Seen) {
    let (running, holder) = planner.stuck().await;
    kill(running);
    holder.batch_execute("ROLLBACK").await.unwrap();
    drop(holder);
    planner.until_alone().await;
    let now = planner.see().await;
    assert_eq!((&now.wedding, &now.others), (&broken.wedding, &broken.others), "rows come all or not at all");
    assert!(now.files.len() > broken.files.len(), "files were added");
    assert_ne!(fs::read(replaced(planner)).unwrap(), b"another picture", "and one was replaced");
}

fn lists(planner: &Planner) -> usize {
    files_below(&planner.world.home().join("spool")).iter().filter(|path| path.ends_with("files.json")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_the_files_of_a_killed_restore_are_set_back_before_the_next_one() {
    let (planner, before, broken) = broken().await;
    kill_after_the_files(&planner, &broken).await;
    let looked = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
    assert!(looked["warnings"].to_string().contains(&planner.last_operation()), "{looked}");
    planner.restore(&["--mode", "exact"]).expect(3);
    assert_eq!(lists(&planner), 1, "looking changes nothing");

    let (operation, done) = planner.restore_exact();
    planner.expect_as(&before).await;
    assert_eq!(lists(&planner), 0);
    assert!(done["files_written"].as_u64().unwrap() > 1, "the files were set back, so they are written again: {done}");
    // Also the exchanged photo, which the first restore had overwritten.
    planner.undo(&operation);
    planner.expect_as(&broken).await;
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_the_files_of_a_killed_restore_are_set_back_by_its_undo() {
    let (planner, before, broken) = broken().await;
    kill_after_the_files(&planner, &broken).await;
    planner.undo(&planner.last_operation());
    planner.expect_as(&broken).await;
    assert_eq!(lists(&planner), 0);
    planner.restore_exact();
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_files_that_somebody_needs_or_changed_after_the_kill_stay() {
    let (planner, before, broken) = broken().await;
    kill_after_the_files(&planner, &broken).await;
    let mut added = before.files.keys().filter(|path| !broken.files.contains_key(*path));
    let (named, edited) = (added.next().unwrap(), added.next().unwrap());
    fs::write(edited, b"a better picture").unwrap();
    let name = named.strip_prefix(planner.photos()).unwrap().display().to_string();
    let other = planner.weddings[1];
    planner
        .execute(&format!("INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ('{other}', '{name}', 1)"))
        .await;
    planner.undo(&planner.last_operation());
    let mut expected = broken.files.clone();
    expected.insert(named.clone(), before.files[named].clone());
    expected.insert(edited.clone(), b"a better picture".to_vec());
    let now = planner.see().await;
    let expected = Seen { files: expected, ..now.clone() };
    assert!(expected == now, "{:#?}", expected.differences(&now));
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_where_rows_have_changed_since_the_kill_nothing_that_was_replaced_is_touched_unasked() {
    let (planner, before, broken) = broken().await;
    kill_after_the_files(&planner, &broken).await;
    let first = planner.last_operation();
    planner.execute(&format!("UPDATE guests SET first_name = 'Zoë' WHERE wedding_id = '{}'", planner.wedding)).await;
    let (second, _) = planner.restore_exact();
    planner.expect_as(&before).await;
    planner.undo(&second);
    let kept = planner.see().await.files;
    assert_eq!(kept[&replaced(&planner)], before.files[&replaced(&planner)]);
    assert_eq!(kept.len(), broken.files.len(), "what was added is gone, since no row names it");
    // The state before the first restore is still there for whoever asks for it.
    planner.undo(&first);
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_commit_that_comes_after_the_kill_keeps_its_files() {
    let (planner, before, broken) = broken().await;
    kill(planner.stuck_in_its_commit().await);
    assert_eq!(planner.see_rows().await.wedding, broken.wedding, "nobody sees the rows yet");
    let began = Instant::now();
    let next = planner.world.start(planner.restore_arguments(&["--mode", "exact", "--yes"]));
    tokio::time::sleep(Duration::from_secs(2)).await;
    planner.execute("ALTER SYSTEM RESET synchronous_standby_names").await;
    planner.execute("SELECT pg_reload_conf()").await;
    let done = finished(next).expect(0).json();
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(done["files_written"], 0, "{done}");
    planner.expect_as(&before).await;
    assert_eq!(lists(&planner), 0);
    let operations = planner.world.json(["points", "--all", "--storage", &planner.world.storage()]);
    let operations: Vec<&str> =
        operations["points"].as_array().unwrap().iter().filter_map(|point| point["operation"].as_str()).collect();
    planner.undo(operations[0]);
    planner.undo(operations[1]);
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_at_any_moment_has_done_all_of_it_or_nothing() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let mut draw = Draw::new(&[29]);
    for _ in 0..6 {
        let running = planner.world.start(planner.restore_arguments(&["--mode", "exact", "--yes"]));
        tokio::time::sleep(std::time::Duration::from_millis(50 + draw.below(500))).await;
        signal(&running, "KILL");
        finished(running);
        planner.until_alone().await;
        let now = planner.see().await;
        assert_eq!(now.others, broken.others);
        let restored = Seen { files: now.files.clone(), ..before.clone() }.differences(&now).is_empty();
        assert!(restored || now.wedding == broken.wedding, "{:#?}", broken.differences(&now));
        for (path, content) in &broken.files {
            assert_eq!(now.files.get(path), Some(content), "{}", path.display());
        }
        if restored {
            planner.expect_as(&before).await;
        }
    }
    planner.restore_exact();
    planner.expect_as(&before).await;
    planner.world.verify();
}
