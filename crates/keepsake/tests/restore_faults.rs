//! What happens to a restore: interrupted, without its server, out of space, into a database that has changed since, from a vault
//! that is damaged or lies. Live is as it was, or exactly as captured; never in between.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::draw::Draw;
use keepsake_vault::engine::failpoint;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use world::{Run, World, files_below, finished, planner::Planner, signal};

const ABORTED: i32 = -6;

#[tokio::test(flavor = "multi_thread")]
async fn s02_a_restore_that_dies_while_it_saves_the_present_state_changes_nothing() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    for place in failpoint::ALL {
        let mut command = planner.world.command(planner.restore_arguments(&["--mode", "exact", "--yes"]));
        command.env(failpoint::VARIABLE, format!("{}:1", place.name()));
        let run = Run::from(command.output().unwrap());
        assert_eq!(run.status, ABORTED, "{} was not visited: {run:?}", place.name());
        planner.expect_as(&broken).await;
    }
    planner.world.verify();
    planner.restore_exact();
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_interrupted_takes_its_files_away_again() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let broken = planner.see().await;
    let (running, holder) = planner.stuck().await;
    signal(&running, "INT");
    let run = finished(running).expect(130);
    assert_eq!(run.error_code(), "interrupted");
    holder.batch_execute("ROLLBACK").await.unwrap();
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_during_a_restore_keeps_what_it_had() {
    let mut planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let (running, _holder) = planner.stuck().await;
    planner.server.cluster().crash().unwrap();
    let run = finished(running).expect(1);
    assert_eq!(run.error_code(), "database-unreachable", "{run:?}");
    planner.server.cluster().start(&[("fsync", "off")]).unwrap();
    planner.client = planner.server.connect("planner").await;
    planner.expect_as(&broken).await;
    planner.restore_exact();
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_commit_that_nobody_heard_of_leaves_the_files_that_its_rows_name() {
    let mut planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let running = planner.stuck_in_its_commit().await;
    planner.server.cluster().crash().unwrap();
    let run = finished(running).expect(1);
    assert_eq!(run.error_code(), "restore-uncertain", "{run:?}");
    assert!(!run.stderr.contains("othing was changed"), "{}", run.stderr);
    planner.server.cluster().start(&[("fsync", "off"), ("synchronous_standby_names", "")]).unwrap();
    planner.client = planner.server.connect("planner").await;
    planner.expect_as(&before).await;

    let operation = planner.last_operation();
    assert!(run.stderr.contains(&operation), "{}", run.stderr);
    planner.undo(&operation);
    planner.expect_as(&broken).await;
}

fn photos(world: &World, files: u64) -> PathBuf {
    let folder = world.path("photos");
    fs::create_dir_all(&folder).unwrap();
    for number in 0..files {
        let mut draw = Draw::new(&[number]);
        let bytes: Vec<u8> = (0..50_000).flat_map(|_| draw.bits().to_le_bytes()).collect();
        fs::write(folder.join(format!("{number}.jpg")), bytes).unwrap();
    }
    folder
}

#[test]
fn a_full_disk_leaves_no_half_file_and_the_next_restore_goes_on() {
    let world = World::new();
    let folder = photos(&world, 12);
    world.run(["backup", "files", folder.to_str().unwrap(), "--storage", &world.storage(), "--name", "p"]).expect(0);
    fs::create_dir(world.path("out")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=2m none "$WORLD/out"
        set +e; "$KEEPSAKE" restore files --name p --to "$WORLD/out" --json >&2; status=$?; set -e
        echo "status $status"
        for file in $(find "$WORLD/out" -name '*.jpg'); do cmp "$file" "/${file#"$WORLD/out/"}"; done
        echo "others $(find "$WORLD/out" -type f ! -name '?.jpg' ! -name '??.jpg' | wc -l)"
        mount -o remount,size=64m "$WORLD/out"
        "$KEEPSAKE" restore files --name p --to "$WORLD/out" >&2
        diff -r "$WORLD/photos" "$WORLD/out$WORLD/photos"
        "#;
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "bash", "-euc", script]).stdin(Stdio::null());
    shell.env("KEEPSAKE", env!("CARGO_BIN_EXE_keepsake")).env("KEEPSAKE_HOME", world.home());
    shell.env("KEEPSAKE_STORAGE", world.storage()).env("WORLD", world.folder.path());
    let run = Run::from(shell.output().unwrap()).expect(0);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), ["status 1", "others 0"], "{run:?}");
    assert!(run.stderr.contains("files-failed") && run.stderr.contains("space"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_for_the_weddings_photos_changes_nothing() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let broken = planner.see().await;
    fs::write(planner.world.path("arguments"), planner.restore_arguments(&["--mode", "exact", "--yes"]).join("\n"))
        .unwrap();
    let script = r#"
        mapfile -t arguments < "$WORLD/arguments"
        cp -a "$WORLD/photos" "$WORLD/kept"
        mount -t tmpfs -o size="$(( $(du -sk "$WORLD/kept" | cut -f1) + 24 ))k" none "$WORLD/photos"
        cp -a "$WORLD/kept/." "$WORLD/photos"
        set +e; "$KEEPSAKE" "${arguments[@]}" --json; status=$?; set -e
        echo "status $status"
        diff -r "$WORLD/kept" "$WORLD/photos" && echo same
        "#;
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "bash", "-euc", script]).stdin(Stdio::null());
    shell.env("KEEPSAKE", env!("CARGO_BIN_EXE_keepsake")).env("KEEPSAKE_HOME", planner.world.home());
    shell.env("WORLD", planner.world.folder.path());
    let run = Run::from(shell.output().unwrap()).expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].contains("\"code\":\"files-failed\""), "{run:?}");
    assert_eq!(lines[1..], ["status 1", "same"], "{run:?}");
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_came_or_went_or_changed_type_since_the_capture_are_dealt_with_or_refused() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let guests = planner.see().await.wedding.rows_of("guests");
    let all = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();

    // Added, with a default: rows come back with it.
    planner.execute("ALTER TABLE guests ADD COLUMN table_wish text NOT NULL DEFAULT 'any'").await;
    let added = planner.restore(&["--mode", "exact", "--only", "guests", "--yes"]).expect(0).json();
    let restored = planner.see().await.wedding.rows_of("guests");
    assert!(restored > guests, "{added}");
    let with_default =
        format!("SELECT count(*) FROM guests WHERE wedding_id = '{}' AND table_wish = 'any'", planner.wedding);
    assert_eq!(planner.count(&with_default).await, restored);

    // Dropped, with values in the capture: said before, and never silently.
    planner.execute("ALTER TABLE timeline_items DROP COLUMN notes").await;
    let dropped = planner.restore(&["--mode", "exact", "--dry-run"]).expect(0).json();
    assert!(dropped.to_string().contains("notes"), "{dropped}");
    assert_ne!(dropped["preview_hash"], all["preview_hash"]);
    let run = planner.restore(&["--mode", "exact", "--yes"]);
    let scrambled =
        format!("SELECT count(*) FROM timeline_items WHERE wedding_id = '{}' AND title LIKE 'TBC %'", planner.wedding);
    run.expect(0);
    assert_eq!(planner.count(&scrambled).await, 0);

    // Retyped so that captured values do not fit: refused, and nothing changes.
    planner.execute("ALTER TABLE tasks ALTER COLUMN title TYPE integer USING length(title)").await;
    planner.execute(&format!("UPDATE tasks SET title = 0 WHERE wedding_id = '{}'", planner.wedding)).await;
    let broken = planner.see().await;
    let retyped = planner.restore(&["--mode", "exact", "--yes"]);
    assert_eq!((retyped.status, retyped.error_code().as_str()), (3, "restore-refused"), "{retyped:?}");
    assert!(retyped.stderr.contains("title") && retyped.stderr.contains("integer"), "{}", retyped.stderr);
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_gone_is_a_mapping_that_does_not_fit() {
    let planner = Planner::new().await;
    planner.backup();
    planner.execute("DROP TABLE payments").await;
    let run = planner.restore(&["--mode", "exact", "--dry-run"]).expect(3);
    assert_eq!(run.error_code(), "mapping-mismatch", "{run:?}");
    assert!(run.stderr.contains("payments"), "{}", run.stderr);
}

/// Flips one bit in the middle of an object.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_flipped_bit_in_any_object_of_the_vault_never_reaches_live() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let vault = planner.world.vault_folders().remove(0);
    let (mut refused, mut harmless) = (0, 0);
    for path in files_below(&vault) {
        let broken = planner.see().await;
        let kept = fs::read(&path).unwrap();
        flip(&path);
        let run = planner.restore(&["--mode", "exact", "--yes"]);
        let name = path.strip_prefix(&vault).unwrap().display().to_string();
        if run.status == 0 {
            // Not every object is needed to restore rows and files; whatever came back is exactly as captured.
            planner.expect_as(&before).await;
            harmless += 1;
            planner.undo(run.json()["operation"].as_str().unwrap());
        } else {
            assert!(matches!(run.status, 1 | 3), "{name}: {run:?}");
            planner.expect_as(&broken).await;
            refused += 1;
            assert!(
                planner.world.run(["verify", "--storage", &planner.world.storage(), "--level", "all"]).status == 1,
                "{name}"
            );
        }
        fs::write(&path, kept).unwrap();
    }
    assert!(refused >= 4, "{refused} refused, {harmless} harmless");
    planner.restore_exact();
    planner.expect_as(&before).await;
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_is_cut_short_or_gone_is_vault_damaged() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let broken = planner.see().await;
    let vault = planner.world.vault_folders().remove(0);
    let packs = files_below(&vault.join("data"));
    for pack in &packs {
        let bytes = fs::read(pack).unwrap();
        fs::remove_file(pack).unwrap();
        fs::write(pack, &bytes[..bytes.len() / 2]).unwrap();
    }
    let short = planner.restore(&["--mode", "exact", "--yes"]).expect(1);
    assert_eq!(short.error_code(), "vault-damaged", "{short:?}");
    planner.expect_as(&broken).await;
    for pack in &packs {
        fs::remove_file(pack).unwrap();
    }
    let gone = planner.restore(&["--mode", "exact", "--yes"]).expect(1);
    assert_eq!(gone.error_code(), "vault-damaged", "{gone:?}");
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_is_lost_is_noticed_and_nothing_is_restored_from_less() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    planner.damage().await;
    let broken = planner.see().await;
    let vault = planner.world.vault_folders().remove(0);
    for (listing, code) in [("index", "vault-damaged"), ("data", "vault-damaged"), ("snapshots", "point-not-found")] {
        let aside = planner.world.path("aside");
        fs::rename(vault.join(listing), &aside).unwrap();
        fs::create_dir(vault.join(listing)).unwrap();
        let run = planner.restore(&["--mode", "exact", "--yes"]).expect(1);
        assert_eq!(run.error_code(), code, "{listing}: {run:?}");
        planner.expect_as(&broken).await;
        if listing != "snapshots" {
            planner.world.run(["verify", "--storage", &planner.world.storage(), "--level", "structure"]).expect(1);
        }
        fs::remove_dir_all(vault.join(listing)).unwrap();
        fs::rename(&aside, vault.join(listing)).unwrap();
    }
    planner.restore_exact();
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_the_rights_to_write_changes_nothing() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    let broken = planner.see().await;
    let mut arguments = planner.restore_arguments(&["--mode", "exact", "--yes"]);
    arguments[4] = planner.server.dsn_as("planner_backup", "planner");
    let run = planner.world.run_json(&arguments).expect(1);
    assert_eq!(run.error_code(), "database-rights", "{run:?}");
    planner.expect_as(&broken).await;
    arguments[4] = planner.server.dsn_as("planner_app", "planner");
    let run = planner.world.run_json(&arguments).expect(1);
    assert_eq!(run.error_code(), "database-rights", "{run:?}");
    planner.expect_as(&broken).await;
}
