//! One wedding through the front door: backed up, broken, previewed, restored, undone, redone, while nobody else's row
//! moves.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::s3;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};
use tokio_postgres::Client;
use world::{
    finished,
    planner::{Planner, Seen},
};

/// One table of a preview or a proof.
#[track_caller]
fn table<'a>(document: &'a Value, name: &str) -> &'a Value {
    let tables = document["tables"].as_array().unwrap_or_else(|| panic!("no tables: {document}"));
    tables
        .iter()
        .find(|table| table["name"] == format!("public.{name}"))
        .unwrap_or_else(|| panic!("no {name}: {document}"))
}

fn total(document: &Value, field: &str) -> u64 {
    document["tables"].as_array().unwrap().iter().map(|table| table[field].as_u64().unwrap()).sum()
}

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
    world::Run::from(undo.env("KEEPSAKE_HOME", &home).output().unwrap()).expect(0);
    planner.expect_as(&broken).await;
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
async fn edit(planner: &Planner) -> [Client; 2] {
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
async fn commit_meanwhile(planner: &Planner, [editor, looker]: [Client; 2], broken: Seen) -> Seen {
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
    world::Run::from(undo.env("KEEPSAKE_HOME", &home).output().unwrap()).expect(0);
    planner.expect_as(&edited).await;
    planner.world.verify();
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
    let changed = |run: &&world::Run| total(&run.json()["proof"], "inserted") > 0;
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
async fn s01_the_point_of_another_wedding_is_refused_whatever_names_it() {
    let planner = Planner::new().await;
    let mut other = planner.backup_arguments();
    other[2] = planner.weddings[1].to_string();
    let other = planner.world.json(other);
    planner.backup();
    let photos = planner.photos().display().to_string();
    let storage = planner.world.storage();
    let files = planner.world.json(["backup", "files", &photos, "--storage", &storage]);
    let database = planner.world.json(["backup", "database", "--source", &planner.dsn(), "--storage", &storage]);
    keepsake_testkit::planner::damage(&planner.client, planner.weddings[1], None).await.unwrap();
    let before = planner.see().await;
    for wrong in [&other, &files, &database] {
        for (option, value) in [("--point", &wrong["point"]), ("--vault", &wrong["vault"])] {
            let run = planner.restore(&[option, value.as_str().unwrap(), "--mode", "exact", "--yes"]);
            assert!(run.status != 0, "{option} {value} restored something: {run:?}");
            let run = run.expect(3);
            assert_eq!(run.error_code(), "restore-refused", "{run:?}");
            planner.expect_as(&before).await;
        }
    }
    let empty = planner.server.create_database("rebuilt").await;
    for (option, value) in [("--point", &other["point"]), ("--vault", &other["vault"])] {
        let run = planner.world.run_json([
            "restore",
            "database",
            option,
            value.as_str().unwrap(),
            "--target",
            &empty,
            "--storage",
            &planner.world.storage(),
        ]);
        assert_eq!(run.expect(3).error_code(), "restore-refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_of_two_sources_is_asked_for_by_its_vault() {
    let planner = Planner::new().await;
    let backup = |name: &str| {
        let arguments = planner.backup_arguments().into_iter().chain(["--source-name".to_owned(), name.to_owned()]);
        planner.world.json(arguments)
    };
    let (live, copy) = (backup("live"), backup("copy"));
    assert_ne!(live["vault"], copy["vault"]);
    let before = planner.see().await;
    planner.damage().await;
    let unclear = planner.restore(&["--mode", "exact", "--yes"]).expect(2);
    assert_eq!(unclear.error_code(), "vault-ambiguous");
    assert!(unclear.stderr.contains("live") && unclear.stderr.contains("copy"), "{}", unclear.stderr);
    let vault = copy["vault"].as_str().unwrap();
    let done = planner.restore(&["--mode", "exact", "--yes", "--vault", vault]).expect(0).json();
    assert_eq!(done["point"], copy["point"]);
    planner.expect_as(&before).await;
    planner.undo(done["operation"].as_str().unwrap());
    let done =
        planner.restore(&["--mode", "exact", "--yes", "--point", live["point"].as_str().unwrap()]).expect(0).json();
    assert_eq!(done["point"], live["point"]);
    planner.expect_as(&before).await;
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
        let run = world::Run::from(command.arg("--json").envs(server.credentials()).output().unwrap()).expect(0);
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

#[tokio::test(flavor = "multi_thread")]
async fn s09_what_was_done_is_on_record_before_and_after_and_holds_no_names() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    planner.restore_exact();
    let journal = fs::read_to_string(planner.world.home().join("journal.jsonl")).unwrap();
    let acts: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<(&str, &str)> = acts
        .iter()
        .map(|line| (line["act"]["action"].as_str().unwrap(), line["act"]["outcome"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("backup wedding", "intent"),
        ("backup wedding", "done"),
        ("restore wedding", "intent"),
        ("restore wedding", "done"),
    ];
    assert_eq!(said, wanted);
    let row = planner.client.query_one("SELECT title FROM weddings WHERE id = $1", &[&planner.wedding]).await.unwrap();
    assert!(!journal.contains(row.get::<_, &str>(0)), "ids only");
    // What cannot be put on record is not done.
    let home = planner.world.home();
    fs::remove_file(home.join("journal.jsonl")).unwrap();
    fs::create_dir(home.join("journal.jsonl")).unwrap();
    let before = planner.see().await;
    let refused = planner.restore(&["--mode", "exact", "--yes"]).expect(1);
    assert_eq!(refused.error_code(), "home-failed");
    planner.expect_as(&before).await;
    assert_eq!(planner.world.points(&["--all"]).len(), 2, "nothing was saved either");
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_files_that_were_added_or_replaced_go_with_the_rows_and_come_back_with_the_undo() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    let wedding = planner.wedding;
    let folder = planner.photos().join("photos").join(wedding.to_string());
    fs::write(folder.join("0001.jpg"), b"another picture").unwrap();
    fs::write(folder.join("added.jpg"), b"a new picture").unwrap();
    planner
        .execute(&format!(
            "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ('{wedding}', 'photos/{wedding}/added.jpg', 13)"
        ))
        .await;
    // Named by no row at all: none of our business.
    fs::write(folder.join("stray.txt"), b"somebody's note").unwrap();
    let changed = planner.see().await;

    planner.restore(&["--yes"]).expect(0);
    planner.expect_as(&changed).await;
    let revert = planner.restore(&["--mode", "revert", "--yes"]).expect(0).json();
    assert_eq!((&revert["files_written"], &revert["files_deleted"]), (&1.into(), &0.into()));
    let (operation, exact) = planner.restore_exact();
    assert_eq!((&exact["files_written"], &exact["files_deleted"]), (&0.into(), &1.into()));
    let now = planner.see().await;
    let differ = before.differences(&now);
    assert!(differ.len() == 1 && differ[0].contains("stray.txt"), "{differ:#?}");
    planner.undo(&operation);
    planner.undo(revert["operation"].as_str().unwrap());
    planner.expect_as(&changed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_deletions_that_a_killed_restore_left_are_made_by_the_next() {
    let planner = Planner::new().await;
    planner.backup();
    let wedding = planner.wedding;
    let folder = planner.photos().join("photos").join(wedding.to_string());
    let path = format!("photos/{wedding}/added.jpg");
    fs::write(folder.join("added.jpg"), b"a new picture").unwrap();
    planner
        .execute(&format!(
            "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ('{wedding}', '{path}', 13)"
        ))
        .await;
    let (operation, _) = planner.restore_exact();
    assert!(!folder.join("added.jpg").is_file());
    // As a kill between the commit and the deletions leaves it: the list on disk, the files still there.
    fs::write(folder.join("added.jpg"), b"a new picture").unwrap();
    let spool = planner.world.home().join("spool").join(&operation);
    fs::create_dir_all(&spool).unwrap();
    let vaults = planner.world.json(["vaults", "--storage", &planner.world.storage()]);
    let identity = "SELECT system_identifier || '/' || current_database() FROM pg_catalog.pg_control_system()";
    let database: String = planner.client.query_one(identity, &[]).await.unwrap().get(0);
    let inspected = planner.world.json(["inspect", "--source", &planner.dsn()]);
    let files = inspected["mapping"]["file"].as_array().unwrap();
    let store = &files.iter().find(|file| file["column"] == "storage_path").unwrap()["store"];
    let named = |path: &str| serde_json::json!({ "store": store, "path": path });
    let list = serde_json::json!({
        "vault": vaults["vaults"][0]["id"], "database": database,
        "files": [named(&path), named(&format!("photos/{wedding}/0001.jpg"))],
    });
    fs::write(spool.join("deletes.json"), list.to_string()).unwrap();
    planner.restore_exact();
    assert!(!folder.join("added.jpg").is_file(), "no row names it");
    assert!(folder.join("0001.jpg").is_file(), "a row names it, so it stays whatever the list says");
    assert!(!spool.is_dir());
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
