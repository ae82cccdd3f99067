//! A store that answers well and does not keep what it was given: found out before the backup is called good.

use crate::{
    content::{photos, words},
    world::{Run, World, files_below, finished, planner::Planner, signal},
};
use keepsake_vault::engine::failpoint::{Failpoint, VARIABLE};
use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

/// Runs a backup, holds it once its snapshot is stored, changes a pack in the store, and lets it go on.
fn backup_while(world: &World, arguments: &[String], change: impl Fn(PathBuf)) -> Run {
    let mut command = world.command(arguments);
    command.arg("--json").env(VARIABLE, format!("{}:1:stop", Failpoint::AfterSnapshotPut.name()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/stat", child.id());
    let patience = Instant::now();
    while !fs::read_to_string(&status).unwrap().contains(") T ") {
        assert!(patience.elapsed() < Duration::from_secs(60), "the backup did not come to its snapshot");
        std::thread::sleep(Duration::from_millis(10));
    }
    let [vault] = &world.vault_folders()[..] else { panic!("one vault") };
    let pack = files_below(&vault.join("data")).into_iter().max_by_key(|path| path.metadata().unwrap().len());
    change(pack.unwrap());
    signal(&child, "CONT");
    finished(child)
}

fn flip(pack: PathBuf) {
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let _write_protected = fs::remove_file(&pack);
    fs::write(pack, bytes).unwrap();
}

fn truncate(pack: PathBuf) {
    let bytes = fs::read(&pack).unwrap();
    let _write_protected = fs::remove_file(&pack);
    fs::write(pack, &bytes[..bytes.len() - 1]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_flipped_bit_in_the_store_fails_the_backup_of_a_wedding() {
    let planner = Planner::new().await;
    let run = backup_while(&planner.world, &planner.backup_arguments(), flip).expect(1);
    assert_eq!(run.error_code(), "vault-damaged");
    planner.world.run(["verify", "--storage", &planner.world.storage(), "--level", "hashes"]).expect(1);
}

#[test]
fn s13_of_files_presence_and_length_are_proven_and_content_if_it_is_asked_for() {
    for (change, more, status) in
        [(flip as fn(PathBuf), &[][..], 0), (flip, &["--read-back"][..], 1), (truncate, &[][..], 1)]
    {
        let world = World::new();
        let folder = photos(&world, "photos", 3);
        let mut backup = words(&["backup", "files", &folder, "--storage", &world.storage()]);
        backup.extend(words(more));
        let run = backup_while(&world, &backup, change).expect(status);
        match status {
            0 => assert_eq!(run.json()["verification"]["depth"], "listed"),
            _ => assert_eq!(run.error_code(), "vault-damaged"),
        }
    }
}
