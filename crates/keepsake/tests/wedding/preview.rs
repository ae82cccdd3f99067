//! What was shown is what is done, or nothing is; what changes in between is saved.

use crate::world::{
    Run, finished,
    planner::{Planner, Seen},
};
use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};
use tokio_postgres::Client;

#[tokio::test(flavor = "multi_thread")]
async fn s02_a_pinned_preview_holds_or_the_restore_is_refused() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let hash = |planner: &Planner| {
        let preview = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
        preview["preview_hash"].as_str().unwrap().to_owned()
    };
    let pinned = hash(&planner);
    assert_eq!(pinned, hash(&planner), "the hash stays while nothing changes");
    planner.execute(&format!("UPDATE tasks SET title = title || '!' WHERE wedding_id = '{}'", planner.wedding)).await;
    let edited = planner.see().await;
    let stale = planner.restore(&["--mode", "exact", "--yes", "--preview-hash", &pinned]).expect(3);
    assert_eq!(stale.error_code(), "preview-changed");
    planner.expect_as(&edited).await;
    assert_eq!(planner.world.points(&["--all"]).len(), 1);
    let fresh = hash(&planner);
    planner.restore(&["--mode", "exact", "--yes", "--preview-hash", &fresh]).expect(0);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_a_pinned_preview_is_checked_again_under_the_locks() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let broken = planner.see().await;
    let preview = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
    let hash = preview["preview_hash"].as_str().unwrap();
    let editor = edit(&planner).await;
    let running = planner.world.start(planner.restore_arguments(&["--mode", "exact", "--yes", "--preview-hash", hash]));
    let edited = commit_meanwhile(&planner, editor, broken).await;
    let refused = finished(running).expect(3);
    assert_eq!(refused.error_code(), "preview-changed");
    planner.expect_as(&edited).await;
}

/// Somebody who edits a guest of the wedding and has not committed yet, and somebody who looks at its timeline for longer.
pub(crate) async fn edit(planner: &Planner) -> [Client; 2] {
    let editor = planner.server.connect("planner").await;
    let looker = planner.server.connect("planner").await;
    let wedding = planner.wedding;
    let one = format!("(SELECT id FROM guests WHERE wedding_id = '{wedding}' ORDER BY id LIMIT 1)");
    let edit = format!("BEGIN; UPDATE guests SET dietary_notes = 'edited meanwhile' WHERE id = {one}");
    editor.batch_execute(&edit).await.unwrap();
    let look = format!("BEGIN; SELECT 1 FROM timeline_items WHERE wedding_id = '{wedding}' FOR UPDATE");
    looker.batch_execute(&look).await.unwrap();
    [editor, looker]
}

/// Commits the edit when a restore has saved the present state and waits; what is there then, with the files as they were
/// before the restore began to put them.
pub(crate) async fn commit_meanwhile(planner: &Planner, [editor, looker]: [Client; 2], broken: Seen) -> Seen {
    planner.until_blocked().await;
    editor.batch_execute("COMMIT").await.unwrap();
    let rows = planner.see_rows().await;
    looker.batch_execute("ROLLBACK").await.unwrap();
    assert_ne!(rows.wedding, broken.wedding);
    Seen { files: broken.files, ..rows }
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_s08_an_edit_between_preview_and_locks_is_saved_and_comes_back_with_the_undo() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let editor = edit(&planner).await;
    let running = planner.world.start(planner.restore_arguments(&["--mode", "exact", "--yes"]));
    let edited = commit_meanwhile(&planner, editor, broken).await;
    let done = finished(running).expect(0).json();
    assert_eq!(done["proof"]["difference_saved"], true, "{done}");
    planner.expect_as(&before).await;

    // From a machine that does not have the spool, either.
    let home = planner.world.path("another machine");
    fs::create_dir(&home).unwrap();
    fs::copy(planner.world.home().join("master.key"), home.join("master.key")).unwrap();
    let mut undo = planner.world.command(planner.undo_arguments(done["operation"].as_str().unwrap()));
    Run::from(undo.env("KEEPSAKE_HOME", &home).output().unwrap()).expect(0);
    planner.expect_as(&edited).await;
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_a_terminal_is_asked_and_yes_means_yes() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let words: Vec<String> = planner
        .restore_arguments(&["--mode", "exact"])
        .iter()
        .map(|word| format!("'{word}'"))
        .chain(["< /dev/tty".to_owned()])
        .collect();
    let program = env!("CARGO_BIN_EXE_keepsake");
    for (answer, status) in [("n", 3), ("", 3), ("y", 0)] {
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &format!("{program} {}", words.join(" ")), "/dev/null"]);
        script.env("KEEPSAKE_HOME", planner.world.home()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = script.spawn().unwrap();
        running.stdin.take().unwrap().write_all(format!("{answer}\n").as_bytes()).unwrap();
        let run = finished(running).expect(status);
        assert!(run.stdout.contains("Restore this?"), "{run:?}");
        planner.expect_as(if status == 0 { &before } else { &broken }).await;
    }
}
