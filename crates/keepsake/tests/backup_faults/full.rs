//! A store without space.

use crate::{
    content::{noise, photos},
    world::{Run, World, planner::Planner},
};
use std::{
    fs,
    process::{Command, Stdio},
};

/// A script in a mount namespace of its own, where a small file system can be mounted.
fn beside_a_small_disk(world: &World, script: &str) -> Run {
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "bash", "-euc", script]).stdin(Stdio::null());
    shell.env("KEEPSAKE", env!("CARGO_BIN_EXE_keepsake")).env("KEEPSAKE_HOME", world.home());
    shell
        .env("STORE", world.storage_folder())
        .env("KEEPSAKE_STORAGE", world.storage())
        .env("WORLD", world.folder.path());
    shell.output().unwrap().into()
}

#[test]
fn a_full_store_is_said_and_the_vault_stays_good() {
    let world = World::new();
    photos(&world, "small", 1);
    photos(&world, "large", 40);
    let run = beside_a_small_disk(
        &world,
        r#"
        mount -t tmpfs -o size=4m none "$STORE"
        "$KEEPSAKE" init >&2
        "$KEEPSAKE" backup files "$WORLD/small" --name p >&2
        set +e; "$KEEPSAKE" backup files "$WORLD/large" --name p --json; status=$?; set -e
        echo "status $status"
        mount -o remount,size=64m "$STORE"
        "$KEEPSAKE" verify --level all >&2
        echo "points $("$KEEPSAKE" points --json | grep -o '"snapshot"' | wc -l)"
        "$KEEPSAKE" backup files "$WORLD/large" --name p >&2
        "$KEEPSAKE" verify --level all >&2
        echo "points $("$KEEPSAKE" points --json | grep -o '"snapshot"' | wc -l)"
        "#,
    )
    .expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].contains("\"code\":\"storage-full\""), "{run:?}");
    assert_eq!(lines[1..], ["status 1", "points 1", "points 2"], "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_said_by_the_backup_of_a_wedding_too() {
    let planner = Planner::new().await;
    let world = &planner.world;
    fs::write(world.path("arguments"), planner.backup_arguments().join("\n")).unwrap();
    for number in 0..12 {
        let folder = planner.photos().join(format!("photos/{}", planner.wedding));
        let path = format!("photos/{}/large {number}.jpg", planner.wedding);
        fs::write(folder.join(format!("large {number}.jpg")), noise(500_000, number)).unwrap();
        let row = "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ";
        planner.execute(&format!("{row} ('{}', '{path}', 500000)", planner.wedding)).await;
    }
    let run = beside_a_small_disk(
        world,
        r#"
        mapfile -t arguments < "$WORLD/arguments"
        mount -t tmpfs -o size=3m none "$STORE"
        set +e; "$KEEPSAKE" "${arguments[@]}" --json; status=$?; set -e
        echo "status $status"
        "$KEEPSAKE" verify --level all >&2
        echo "points $("$KEEPSAKE" points --json | grep -o '"snapshot"' | wc -l)"
        mount -o remount,size=64m "$STORE"
        "$KEEPSAKE" "${arguments[@]}" >&2
        "$KEEPSAKE" verify --level all >&2
        "#,
    )
    .expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].contains("\"code\":\"storage-full\""), "{run:?}");
    assert_eq!(lines[1..], ["status 1", "points 0"], "{run:?}");
}
