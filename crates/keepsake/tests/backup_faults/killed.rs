//! A backup that dies or is stopped, at every write step and at any moment.

use crate::{
    content::{noise, photos, words},
    world::{Run, World, finished, planner::Planner, signal},
};
use keepsake_testkit::draw::Draw;
use keepsake_vault::engine::failpoint;
use std::{
    fs,
    time::{Duration, Instant},
};

/// SIGABRT and SIGKILL.
const ABORTED: i32 = -6;
const KILLED: i32 = -9;

/// Runs `arguments` with a place of the write path armed, and expects that it dies there.
fn die(world: &World, arguments: &[String], place: failpoint::Failpoint) {
    let mut command = world.command(arguments);
    command.env(failpoint::VARIABLE, format!("{}:1", place.name()));
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.status, ABORTED, "{} was not visited: {run:?}", place.name());
}

#[test]
fn s13_a_backup_of_files_that_dies_at_any_write_step_leaves_a_good_vault() {
    let world = World::new();
    let folder = photos(&world, "photos", 3);
    for place in failpoint::ALL {
        let backup = words(&["backup", "files", &folder, "--storage", &world.storage(), "--name", place.name()]);
        let before = world.points(&[]).len();
        die(&world, &backup, place);
        // A snapshot that was stored is a whole point, whether or not its writer lived to say so.
        let whole = usize::from(place == failpoint::Failpoint::AfterSnapshotPut);
        assert_eq!(world.points(&[]).len(), before + whole, "{}", place.name());
        world.verify();
        world.run(&backup).expect(0);
        assert_eq!(world.points(&[]).len(), before + whole + 1);
        let out = world.path("out").join(place.name());
        let restore = ["restore", "files", "--name", place.name(), "--to", out.to_str().unwrap(), "--storage"];
        world.run(restore.iter().chain(&[world.storage().as_str()])).expect(0);
        let back = out.join(folder.trim_start_matches('/'));
        assert_eq!(fs::read(back.join("2.jpg")).unwrap(), noise(300_000, 2));
    }
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_backup_of_a_wedding_that_dies_at_any_write_step_leaves_a_good_vault() {
    let planner = Planner::new().await;
    let world = &planner.world;
    let mapping = world.path("planner.toml").display().to_string();
    world.run(["inspect", "--source", &planner.dsn(), "--output", &mapping]).expect(0);
    for place in failpoint::ALL {
        let mut backup = planner.backup_arguments();
        backup.extend(words(&["--mapping", &mapping, "--source-name", place.name()]));
        let before = world.points(&[]).len();
        die(world, &backup, place);
        let whole = usize::from(place == failpoint::Failpoint::AfterSnapshotPut);
        assert_eq!(world.points(&[]).len(), before + whole, "{}", place.name());
        world.run(["verify", "--storage", &world.storage()]).expect(0);
        let next = world.json(&backup);
        assert_eq!(next["result"], "stored");
        assert_eq!(world.points(&[]).len(), before + whole + 1);
    }
    world.verify();
}

/// A backup of a file that has no end to speak of.
fn endless(world: &World) -> Vec<String> {
    let folder = world.path("endless");
    fs::create_dir_all(&folder).unwrap();
    fs::File::create(folder.join("film.mov")).unwrap().set_len(1 << 38).unwrap();
    words(&["backup", "files", folder.to_str().unwrap(), "--storage", &world.storage(), "--name", "endless"])
}

fn until_a_vault_is_there(world: &World) {
    let began = Instant::now();
    while world.vault_folders().iter().all(|vault| !vault.join("config").is_file()) {
        assert!(began.elapsed() < Duration::from_secs(30), "no vault");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn s13_ctrl_c_ends_a_backup_with_130_and_leaves_no_point() {
    for name in ["INT", "TERM"] {
        let world = World::new();
        let running = world.start(endless(&world));
        until_a_vault_is_there(&world);
        let began = Instant::now();
        signal(&running, name);
        let run = finished(running).expect(130);
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
        assert_eq!(run.error_code(), "interrupted");
        assert_eq!(world.points(&[]).len(), 0);
        world.verify();
        fs::remove_dir_all(world.path("endless")).unwrap();
        photos(&world, "endless", 1);
        let folder = world.path("endless").display().to_string();
        world.run(["backup", "files", &folder, "--storage", &world.storage(), "--name", "endless"]).expect(0);
        assert_eq!(world.points(&[]).len(), 1);
    }
}

#[test]
fn s13_a_backup_that_is_killed_at_any_moment_leaves_a_good_vault() {
    let world = World::new();
    let folder = photos(&world, "photos", 60);
    let mut draw = Draw::new(&[13]);
    let (mut killed, mut done) = (0, 0);
    for round in 0..6 {
        // Something new each time, so that there is something to be killed at.
        fs::write(world.path("photos/new.jpg"), noise(4_000_000, 100 + round)).unwrap();
        let running = world.start(["backup", "files", &folder, "--storage", &world.storage(), "--name", "p"]);
        std::thread::sleep(Duration::from_millis(10 + draw.below(250)));
        signal(&running, "KILL");
        match finished(running).status {
            KILLED => killed += 1,
            0 => done += 1,
            other => panic!("it ended with {other}"),
        }
        world.verify();
        // A snapshot may have been stored just before the kill; each point that is listed restores.
        for point in world.points(&[]).iter().take(1) {
            let out = world.path(&format!("out-{round}")).display().to_string();
            world.run(["restore", "files", "--point", point, "--to", &out, "--storage", &world.storage()]).expect(0);
        }
    }
    assert!(killed > 0, "never killed in time; {done} were done");
    let last = world.json(["backup", "files", &folder, "--storage", &world.storage(), "--name", "p"]);
    assert_eq!(world.points(&[])[0], last["point"].as_str().unwrap());
    world.verify();
}
