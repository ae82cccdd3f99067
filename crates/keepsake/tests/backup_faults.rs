//! What happens to a backup: killed at every write step, stopped, doubled, out of space, without its server, without rights,
//! with odd names and odd sizes. The vault is good afterwards, no point is listed that is not whole, and the next run works.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_app::{Context, Home, Storage, backup, install, points};
use keepsake_domain::clock::FixedClock;
use keepsake_testkit::{
    draw::Draw,
    planner::{self, Size, Spec},
    postgres::Server,
};
use keepsake_vault::engine::{Engine, EngineConfig, Progress, failpoint};
use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use world::{Run, World, finished, planner::Planner, signal};

/// SIGABRT and SIGKILL.
const ABORTED: i32 = -6;
const KILLED: i32 = -9;

/// Bytes that follow from a seed and do not compress.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut draw = Draw::new(&[seed]);
    (0..length.div_ceil(8)).flat_map(|_| draw.bits().to_le_bytes()).take(length).collect()
}

fn photos(world: &World, name: &str, files: u64) -> String {
    let folder = world.path(name);
    fs::create_dir_all(&folder).unwrap();
    for number in 0..files {
        fs::write(folder.join(format!("{number}.jpg")), noise(300_000, number)).unwrap();
    }
    folder.display().to_string()
}

/// Runs `arguments` with a place of the write path armed, and expects that it dies there.
fn die(world: &World, arguments: &[String], place: failpoint::Failpoint) {
    let mut command = world.command(arguments);
    command.env(failpoint::VARIABLE, format!("{}:1", place.name()));
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.status, ABORTED, "{} was not visited: {run:?}", place.name());
}

fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|word| (*word).to_owned()).collect()
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

#[test]
fn s15_two_backups_into_one_vault_at_once_both_succeed_even_at_its_birth() {
    let world = World::new();
    let one = photos(&world, "one", 10);
    let two = photos(&world, "two", 12);
    let start = |folder: &str| world.start(["backup", "files", folder, "--storage", &world.storage(), "--name", "p"]);
    for round in 1..=2 {
        let runs = [start(&one), start(&two)].map(finished);
        for run in runs {
            run.expect(0);
        }
        assert_eq!(world.points(&[]).len(), 2 * round);
        assert_eq!(world.vault_folders().len(), 1);
    }
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_of_one_wedding_at_once_both_succeed() {
    let planner = Planner::new().await;
    let start = || planner.world.start(planner.backup_arguments());
    for run in [start(), start()].map(finished) {
        run.expect(0);
    }
    assert_eq!(planner.world.points(&[]).len(), 2);
    planner.world.verify();
}

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

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_server_that_goes_away_in_the_middle_leaves_no_point() {
    let mut planner = Planner::new().await;
    for kind in ["wedding", "database"] {
        let locker = planner.server.connect("planner").await;
        locker.batch_execute("BEGIN; LOCK TABLE guests IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let arguments = match kind {
            "wedding" => planner.backup_arguments(),
            _ => words(&["backup", "database", "--source", &planner.dsn(), "--storage", &planner.world.storage()]),
        };
        let running = planner.world.start(&arguments);
        planner.until_blocked().await;
        planner.server.cluster().crash().unwrap();
        let run = finished(running).expect(1);
        assert_eq!(run.error_code(), "database-unreachable", "{run:?}");
        assert_eq!(planner.world.points(&["--all"]).len(), 0);
        planner.world.verify();
        planner.server.cluster().start(&[("fsync", "off")]).unwrap();
        planner.client = planner.server.connect("planner").await;
        planner.world.run(&arguments).expect(0);
        assert_eq!(planner.world.points(&[]).len(), 1);
        fs::remove_dir_all(planner.world.storage_folder()).unwrap();
        planner.world.run(["init", "--storage", &planner.world.storage()]).expect(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_role_that_may_not_read_or_would_see_less_gets_no_smaller_backup() {
    let planner = Planner::new().await;
    planner
        .execute("CREATE ROLE nobody LOGIN; CREATE ROLE half LOGIN BYPASSRLS; GRANT SELECT ON weddings, guests TO half")
        .await;
    let mapping = planner.world.path("planner.toml").display().to_string();
    planner.world.run(["inspect", "--source", &planner.dsn(), "--output", &mapping]).expect(0);
    for role in ["nobody", "half", "planner_app"] {
        let mut arguments = planner.backup_arguments();
        arguments[4] = planner.server.dsn_as(role, "planner");
        arguments.extend(words(&["--mapping", &mapping]));
        let run = planner.world.run_json(&arguments).expect(1);
        assert_eq!(run.error_code(), "database-rights", "{role}: {run:?}");
        assert_eq!(planner.world.points(&["--all"]).len(), 0, "{role}");
        let database = [
            "backup",
            "database",
            "--source",
            &planner.server.dsn_as(role, "planner"),
            "--storage",
            &planner.world.storage(),
        ];
        let run = planner.world.run_json(database).expect(1);
        assert_eq!(run.error_code(), "database-rights", "{role}: {run:?}");
        assert_eq!(planner.world.points(&["--all"]).len(), 0, "{role}");
    }
    let mut arguments = planner.backup_arguments();
    arguments[4] = planner.server.dsn_as("planner_backup", "planner");
    planner.world.run(&arguments).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_that_is_not_there_leaves_no_vault_behind() {
    let planner = Planner::new().await;
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "42", "'; DROP TABLE guests; --"] {
        let mut arguments = planner.backup_arguments();
        arguments[2] = id.to_owned();
        let run = planner.world.run_json(&arguments).expect(1);
        assert_eq!(run.error_code(), "wedding-not-found", "{id}: {run:?}");
        assert_eq!(planner.world.vault_folders().len(), 0, "{id}");
    }
    assert_eq!(
        planner.world.json(["vaults", "--storage", &planner.world.storage()])["vaults"].as_array().unwrap().len(),
        0
    );
    // One that is there beside one that is not: neither is stored, so that nobody thinks both are.
    let mut arguments = planner.backup_arguments();
    arguments.insert(3, "01890a5d-ac96-774b-bcce-b302099a8057".to_owned());
    planner.world.run_json(&arguments).expect(1);
    assert_eq!(planner.world.points(&[]).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_wedding_is_a_wedding() {
    let mut planner = Planner::new().await;
    let row = "INSERT INTO weddings (organisation_id, title, couple_names, slug) SELECT organisation_id, 'New', '{}', 'new' \
               FROM weddings LIMIT 1 RETURNING id";
    planner.wedding = planner.client.query_one(row, &[]).await.unwrap().get(0);
    planner.backup();
    let before = planner.see().await;
    planner.execute(&format!("DELETE FROM weddings WHERE id = '{}'", planner.wedding)).await;
    let (operation, _) = planner.restore_exact();
    planner.expect_as(&before).await;
    planner.undo(&operation);
    assert_eq!(planner.see().await.wedding.rows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_with_ten_thousand_guests_comes_back() {
    let first = Some(Size { guests: 10_000, photos: 2 });
    let planner = Planner::of(&Spec { weddings: 2, organisations: 1, first, ..Spec::small() }).await;
    planner.backup();
    let before = planner.see().await;
    assert_eq!(before.wedding.rows_of("guests"), 10_000);
    planner.damage().await;
    planner.restore_exact();
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_odd_names_are_captured_and_come_back() {
    let planner = Planner::new().await;
    let long = format!("{}.jpg", "ü".repeat(125) + "x");
    assert_eq!(long.len(), 255);
    let names =
        ["it's \"us\".jpg", "line\nbreak.jpg", "tab\there 100%.jpg", "結婚式 💍.jpg", " lead and trail ", &long];
    let folder = format!("photos/{}/odd", planner.wedding);
    fs::create_dir_all(planner.photos().join(&folder)).unwrap();
    for (number, name) in names.iter().enumerate() {
        let path = format!("{folder}/{name}");
        fs::write(planner.photos().join(&path), noise(5000, number as u64)).unwrap();
        let row = "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ($1, $2, 5000)";
        planner.client.execute(row, &[&planner.wedding, &path]).await.unwrap();
    }
    let backup = planner.backup();
    assert_eq!(backup["issues"].as_array().unwrap().len(), 0, "{backup}");
    let before = planner.see().await;
    planner.execute(&format!("DELETE FROM photos WHERE storage_path LIKE '{folder}/%'")).await;
    fs::remove_dir_all(planner.photos().join(&folder)).unwrap();
    let broken = planner.see().await;
    let (operation, _) = planner.restore_exact();
    planner.expect_as(&before).await;
    planner.undo(&operation);
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_is_missing_is_reported_and_the_rest_is_stored() {
    let planner = Planner::new().await;
    let folder = planner.photos().join("photos").join(planner.wedding.to_string());
    let missing = world::files_below(&folder).remove(0);
    fs::remove_file(&missing).unwrap();
    let run = planner.world.run_json(planner.backup_arguments()).expect(0);
    let backup = run.json();
    assert_eq!(backup["result"], "stored", "{backup}");
    assert_eq!(backup["issues"].as_array().unwrap().len(), 1, "{backup}");
    assert_eq!(backup["issues"][0]["code"], "file-missing");
    let name = missing.file_name().unwrap().to_str().unwrap();
    assert!(backup["issues"][0]["subject"].as_str().unwrap().contains(name), "{backup}");
    assert!(run.stderr.contains("warning") && run.stderr.contains(name), "{}", run.stderr);
    let before = planner.see().await;
    planner.damage().await;
    fs::create_dir_all(&folder).unwrap();
    let (_, restored) = planner.restore_exact();
    assert!(restored["files_written"].as_u64().unwrap() > 0);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_loses_no_point_and_no_backup() {
    let world = World::new();
    let folder = photos(&world, "photos", 2);
    let home = Home::resolve(Some(&world.home()), &|_| None).unwrap();
    let context = |time: &str| Context {
        home: home.clone(),
        master: install::load_master_key(&home).unwrap(),
        clock: Arc::new(FixedClock::new(time.parse().unwrap())),
        engine: Engine::new(EngineConfig::default()).unwrap(),
        cancel: CancellationToken::new(),
        progress: Arc::new(Progress::default()),
        actor: "tester".to_owned(),
        organisation: "local".to_owned(),
    };
    let asked = backup::Files { paths: vec![folder], name: Some("p".to_owned()) };
    let mut made = Vec::new();
    for time in ["2026-06-06T12:00:00Z", "2019-01-01T00:00:00Z", "2019-01-01T00:00:00Z", "2026-06-06T13:00:00Z"] {
        let context = context(time);
        let storage = Storage::open(&context, &world.storage()).unwrap();
        made.push(backup::files(&context, &storage, &asked).await.unwrap().point.to_string());
    }
    let listed = world.points(&[]);
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[..2], [made[3].clone(), made[0].clone()], "by the time that they claim");
    world.verify();
    let context = context("2019-01-01T00:00:00Z");
    let storage = Storage::open(&context, &world.storage()).unwrap();
    assert_eq!(points::list(&context, &storage, None, false).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_rows_that_cannot_be_read_fail_the_capture() {
    let planner = Planner::new().await;
    planner.backup();
    // The pages of a table are gone from the disk, as after a bad repair.
    let path: String =
        planner.client.query_one("SELECT pg_relation_filepath('timeline_items')", &[]).await.unwrap().get(0);
    planner.execute("CHECKPOINT").await;
    let mut server = planner.server;
    let file = server.cluster().data().join(path);
    server.cluster().stop().unwrap();
    spoil(&file);
    server.cluster().start(&[("fsync", "off")]).unwrap();
    let arguments = words(&[
        "backup",
        "wedding",
        &planner.wedding.to_string(),
        "--source",
        &server.dsn("planner"),
        "--storage",
        &planner.world.storage(),
        "--files-root",
        planner.world.path("photos").to_str().unwrap(),
    ]);
    let run = planner.world.run_json(&arguments).expect(1);
    assert_eq!(run.error_code(), "capture-failed", "{run:?}");
    assert_eq!(planner.world.points(&["--all"]).len(), 1, "only the good point is there");
    let _server: Server = server;
}

/// Overwrites the header of the first page.
fn spoil(file: &Path) {
    let mut page = fs::OpenOptions::new().write(true).open(file).unwrap();
    page.write_all(&[0xff; 64]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_who_edit_while_a_backup_runs_are_not_in_its_way() {
    let planner = Planner::new().await;
    let mut running = planner.world.start(planner.backup_arguments());
    let mut edits = 0;
    while running.try_wait().unwrap().is_none() {
        edits += planner::edit_others(&planner.client, planner.wedding, edits).await.unwrap().len() as u64;
    }
    finished(running).expect(0);
    assert!(edits > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_file_store_that_is_not_there_makes_no_good_point() {
    let planner = Planner::new().await;
    let good = planner.backup();
    let away = planner.world.path("not mounted");
    fs::rename(planner.photos(), &away).unwrap();
    let backup = planner.backup();
    assert_eq!(backup["result"], "incomplete", "{backup}");
    assert_eq!(backup["issues"][0]["code"], "file-unreadable", "{backup}");
    fs::rename(&away, planner.photos()).unwrap();
    planner.damage().await;
    let (_, restored) = planner.restore_exact();
    assert_eq!(restored["point"], good["point"], "latest is the newest complete point");
}
