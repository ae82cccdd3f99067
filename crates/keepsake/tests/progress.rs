//! Progress as a person sees it: a bar on a terminal, none where nobody looks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::draw::Draw;
use std::{
    fs,
    process::{Command, Stdio},
};
use world::{Run, World};

/// A vault with a backup of so many files of 8 MiB.
fn world(files: u8) -> World {
    let world = World::new();
    let folder = world.path("photos");
    fs::create_dir(&folder).unwrap();
    let mut draw = Draw::new(&[1]);
    let noise: Vec<u8> = (0..1 << 20).flat_map(|_| draw.bits().to_le_bytes()).collect();
    for number in 0..files {
        let bytes: Vec<u8> = noise.iter().map(|byte| byte ^ number).collect();
        fs::write(folder.join(format!("{number}.jpg")), bytes).unwrap();
    }
    world.run(["backup", "files", folder.to_str().unwrap(), "--storage", &world.storage(), "--name", "p"]).expect(0);
    world
}

fn on_a_terminal(world: &World, words: &str) -> Run {
    let mut script = Command::new("script");
    let command = format!("stty cols 120; {} {words} --storage {}", env!("CARGO_BIN_EXE_keepsake"), world.storage());
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).stdin(Stdio::null());
    script.env("KEEPSAKE_HOME", world.home()).env("TERM", "xterm").env_remove("NO_COLOR");
    Run::from(script.output().unwrap())
}

#[test]
fn a_check_shows_a_bar_with_rate_and_time_left_on_a_terminal() {
    // More than is read between two looks at the counters.
    let world = world(16);
    let seen = on_a_terminal(&world, "verify --level all").expect(0).stdout;
    for part in ["verifying", "/s", "left", "packs, ", "of 1 vaults", "MiB/s"] {
        assert!(seen.contains(part), "no {part}: {seen}");
    }
    let result = seen.lines().last().unwrap();
    assert!(result.contains("good"), "the bar is gone before the result: {seen}");
}

#[test]
fn there_is_no_bar_where_nobody_wants_one() {
    let world = world(1);
    let quiet = on_a_terminal(&world, "verify --quiet").expect(0).stdout;
    assert!(!quiet.contains("verifying"), "{quiet}");
    let piped = world.run(["verify", "--storage", &world.storage()]).expect(0);
    assert_eq!(piped.stderr, "");
    assert!(!piped.stdout.contains("verifying"), "{piped:?}");
}
