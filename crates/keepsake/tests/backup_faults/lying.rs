//! A store that answers well and does not keep what it was given: found out before anything names what it lost.

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

/// Length of a pack's name; what is still being written has a longer one.
const NAME_LEN: usize = 64;

/// Runs a backup, holds it once it has stored a pack, changes what is there, and lets it go on.
fn backup_while(world: &World, arguments: &[String], change: impl Fn(PathBuf)) -> Run {
    let mut command = world.command(arguments);
    command.arg("--json").env(VARIABLE, format!("{}:1:stop", Failpoint::AfterPackPut.name()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/stat", child.id());
    let patience = Instant::now();
    while !fs::read_to_string(&status).unwrap().contains(") T ") {
        assert!(patience.elapsed() < Duration::from_secs(60), "the backup did not come to its first pack");
        std::thread::sleep(Duration::from_millis(10));
    }
    let [vault] = &world.vault_folders()[..] else { panic!("one vault") };
    let packs = files_below(&vault.join("data"));
    let packs = packs.into_iter().filter(|path| path.file_name().is_some_and(|name| name.len() == NAME_LEN));
    change(packs.max_by_key(|path| path.metadata().unwrap().len()).unwrap());
    signal(&child, "CONT");
    finished(child)
}

fn flip(pack: PathBuf) {
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(pack, bytes).unwrap();
}

fn truncate(pack: PathBuf) {
    let bytes = fs::read(&pack).unwrap();
    fs::remove_file(&pack).unwrap();
    fs::write(pack, &bytes[..bytes.len() - 1]).unwrap();
}

fn lose(pack: PathBuf) {
    fs::remove_file(pack).unwrap();
}

/// The backup failed as one that the store let down, and left nothing that the next one would build on.
fn failed_and_the_next_is_whole(world: &World, run: Run, backup: &[String]) {
    assert_eq!(run.expect(1).error_code(), "storage-failed");
    assert!(world.points(&[]).is_empty());
    assert_eq!(world.json(backup)["result"], "stored");
    assert_eq!(world.points(&[]).len(), 1);
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_flipped_bit_in_the_store_fails_the_backup_of_a_wedding() {
    let planner = Planner::new().await;
    let backup = planner.backup_arguments();
    let run = backup_while(&planner.world, &backup, flip);
    failed_and_the_next_is_whole(&planner.world, run, &backup);
}

#[test]
fn s13_of_files_presence_and_length_are_proven_and_content_if_it_is_asked_for() {
    for (change, more) in [(flip as fn(PathBuf), &["--read-back"][..]), (truncate, &[]), (lose, &[])] {
        let world = World::new();
        let folder = photos(&world, "photos", 3);
        let mut backup = words(&["backup", "files", &folder, "--storage", &world.storage()]);
        backup.extend(words(more));
        let run = backup_while(&world, &backup, change);
        failed_and_the_next_is_whole(&world, run, &backup);
    }
    let world = World::new();
    let backup = words(&["backup", "files", &photos(&world, "photos", 3), "--storage", &world.storage()]);
    assert_eq!(world.json(&backup)["verification"]["depth"], "listed");
}
