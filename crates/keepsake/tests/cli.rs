//! The contract with people and scripts: help everywhere, completions, one JSON object a run, exit statuses.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use serde_json::Value;
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};
use world::{Run, World, finished, planner::Planner, signal};

const COMMANDS: [&[&str]; 30] = [
    &[],
    &["init"],
    &["inspect"],
    &["backup"],
    &["backup", "wedding"],
    &["backup", "database"],
    &["backup", "files"],
    &["vaults"],
    &["points"],
    &["restore"],
    &["restore", "wedding"],
    &["restore", "database"],
    &["restore", "files"],
    &["undo"],
    &["verify"],
    &["keys", "export-restic"],
    &["admin"],
    &["admin", "create-user"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "checkpoint"],
    &["audit", "prove"],
    &["audit", "check-proof"],
    &["audit", "public-key"],
    &["login"],
    &["logout"],
    &["serve"],
    &["doctor"],
    &["demo"],
    &["completions"],
];

#[test]
fn every_command_explains_itself() {
    let world = World::empty();
    for words in COMMANDS {
        for flag in ["--help", "-h"] {
            let help = world.run(words.iter().chain(&[flag])).expect(0);
            assert!(help.stdout.contains("Usage: keepsake") && help.stderr.is_empty(), "{words:?}: {help:?}");
        }
        let by_name = world.run(["help"].iter().chain(words)).expect(0);
        assert!(by_name.stdout.contains("Usage: keepsake"), "{words:?}");
    }
    // No command was forgotten above.
    let top = world.run(["--help"]).expect(0).stdout;
    let listed = top.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in listed {
        let name = line.split_whitespace().next().unwrap();
        let known = name == "help" || COMMANDS.iter().any(|words| words.first() == Some(&name));
        assert!(known, "{name} is not in this list");
    }
    assert!(world.run(["--version"]).expect(0).stdout.starts_with("keepsake "));
    assert!(!world.home().exists_at_all(), "asking for help leaves nothing behind");
}

trait ExistsAtAll {
    fn exists_at_all(&self) -> bool;
}

impl ExistsAtAll for std::path::PathBuf {
    fn exists_at_all(&self) -> bool {
        self.symlink_metadata().is_ok()
    }
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = world.run(["completions", shell]).expect(0).stdout;
        for word in ["restore", "export-restic", "conflicts", "side-schema"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let json = world.json(["completions", shell]);
        assert_eq!(json["script"].as_str().unwrap().trim_end(), script.trim_end());
    }
    let script = world.run(["completions", "bash"]).expect(0).stdout;
    let complete = "
COMP_WORDS=(keepsake restore wed); COMP_CWORD=2; _keepsake keepsake wed restore; echo \"${COMPREPLY[@]}\"
COMP_WORDS=(keepsake restore wedding 42 --conf); COMP_CWORD=4; _keepsake keepsake --conf 42; echo \"${COMPREPLY[@]}\"";
    let mut bash =
        Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(format!("{script}\n{complete}\n").as_bytes()).unwrap();
    let run = finished(bash).expect(0);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), ["wedding", "--conflicts"], "{run:?}");
    assert_eq!(run.stderr, "");
    let wrong = world.run(["completions", "tcsh"]).expect(2);
    assert!(wrong.stderr.contains("bash"));
}

/// The one object on standard output.
#[track_caller]
fn one_object(run: &Run) -> Value {
    let mut values = serde_json::Deserializer::from_str(&run.stdout).into_iter::<Value>();
    let first = values.next().unwrap_or_else(|| panic!("nothing on standard output: {run:?}")).unwrap();
    assert!(first.is_object() && values.next().is_none(), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 1, "one line: {run:?}");
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_prints_one_json_object() {
    let planner = Planner::new().await;
    let world = &planner.world;
    let (storage, dsn, wedding) = (world.storage(), planner.dsn(), planner.wedding.to_string());
    let photos = planner.photos().display().to_string();
    let out = world.path("out").display().to_string();
    let mapping = world.path("planner.toml").display().to_string();
    let secret = world.path("secret").display().to_string();
    let target = planner.server.create_database("rebuilt").await;
    let done = |words: &[&str]| one_object(&world.run_json(words).expect(0));

    done(&["init", "--storage", &storage]);
    done(&["inspect", "--source", &dsn]);
    done(&["inspect", "--source", &dsn, "--output", &mapping]);
    done(&["doctor", "--storage", &storage, "--source", &dsn]);
    let files = done(&["backup", "files", &photos, "--storage", &storage]);
    done(&["backup", "database", "--source", &dsn, "--storage", &storage]);
    done(&[
        "backup",
        "wedding",
        &wedding,
        "--source",
        &dsn,
        "--mapping",
        &mapping,
        "--files-root",
        &photos,
        "--storage",
        &storage,
    ]);
    done(&["vaults", "--storage", &storage]);
    done(&["points", "--storage", &storage]);
    done(&["verify", "--storage", &storage]);
    done(&["restore", "files", "--to", &out, "--storage", &storage]);
    done(&["restore", "database", "--target", &target, "--storage", &storage]);
    let restore = ["restore", "wedding", &wedding, "--target", &dsn, "--files-root", &photos, "--storage", &storage];
    done(&[&restore[..], &["--dry-run"]].concat());
    let restored = done(&[&restore[..], &["--yes"]].concat());
    done(&[
        "undo",
        restored["operation"].as_str().unwrap(),
        "--target",
        &dsn,
        "--files-root",
        &photos,
        "--storage",
        &storage,
        "--yes",
    ]);
    done(&[
        "keys",
        "export-restic",
        "--vault",
        files["vault"].as_str().unwrap(),
        "--output",
        &secret,
        "--storage",
        &storage,
    ]);
}

#[test]
fn every_failure_is_one_json_object_with_a_code_and_a_way_out() {
    let world = World::new();
    let storage = world.storage();
    let vault = "01890a5d-ac96-774b-bcce-b302099a8057";
    let nowhere = "host=/nowhere user=x dbname=x";
    let secret = world.path("secret").display().to_string();
    let cases: [(i32, &str, &[&str]); 19] = [
        (2, "usage", &[]),
        (2, "usage", &["backup"]),
        (2, "usage", &["lunch"]),
        (2, "usage", &["points", "--storage", &storage, "--vault", "x"]),
        (2, "usage", &["restore", "files", "--point", "newest", "--to", "/tmp/x", "--storage", &storage]),
        (2, "usage", &["restore", "wedding", "1", "--mode", "all", "--target", nowhere, "--storage", &storage]),
        (2, "usage", &["restore", "wedding", "1", "--only", "cake", "--target", nowhere, "--storage", &storage]),
        (2, "storage-invalid", &["vaults", "--storage", "/srv/backups"]),
        (2, "storage-invalid", &["init", "--storage", "ftp://x"]),
        (2, "dsn-invalid", &["inspect", "--source", "env:NOT_SET"]),
        (1, "database-unreachable", &["inspect", "--source", nowhere]),
        (1, "database-unreachable", &["backup", "database", "--source", nowhere, "--storage", &storage]),
        (1, "database-unreachable", &["backup", "wedding", "1", "--source", nowhere, "--storage", &storage]),
        (1, "files-failed", &["backup", "files", "/nowhere/at/all", "--storage", &storage]),
        (1, "vault-not-found", &["points", "--storage", &storage, "--vault", vault]),
        (1, "vault-not-found", &["restore", "wedding", "1", "--target", nowhere, "--storage", &storage]),
        (1, "vault-not-found", &["verify", "--storage", &storage, "--vault", vault]),
        (1, "operation-not-found", &["undo", vault, "--target", nowhere, "--storage", &storage]),
        (
            1,
            "vault-not-found",
            &["keys", "export-restic", "--vault", vault, "--output", &secret, "--storage", &storage],
        ),
    ];
    for (status, code, words) in cases {
        let run = world.run_json(words).expect(status);
        let object = one_object(&run);
        let error = &object["error"];
        assert_eq!(error["code"], code, "{words:?}: {run:?}");
        for field in ["message", "remediation"] {
            assert!(!error[field].as_str().unwrap().is_empty(), "{words:?}: {object}");
        }
        assert!(error["retry"].is_boolean());
        // People are told the same on the other stream, and nothing on standard output without --json.
        let plain = world.run(words).expect(status);
        assert!(plain.stdout.is_empty() && !plain.stderr.is_empty(), "{words:?}: {plain:?}");
    }
    assert_eq!(world.vault_folders().len(), 0, "nothing was made by what failed");
}

#[test]
fn a_report_of_faults_is_the_one_object_and_the_status_is_one() {
    let world = World::new();
    let photos = world.path("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.jpg"), [7; 3000]).unwrap();
    world.run(["backup", "files", photos.to_str().unwrap(), "--storage", &world.storage()]).expect(0);
    let pack = world::files_below(&world.vault_folders()[0].join("data")).remove(0);
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&pack, b"nothing of what was here").unwrap();
    let run = world.run_json(["verify", "--storage", &world.storage()]).expect(1);
    assert_eq!(one_object(&run)["good"], false);
}

#[test]
fn what_was_unsafe_is_refused_with_three() {
    let world = World::new();
    let photos = world.path("photos");
    fs::create_dir(&photos).unwrap();
    let made = world.json(["backup", "files", photos.to_str().unwrap(), "--storage", &world.storage()]);
    let vault = made["vault"].as_str().unwrap();
    let run = world.run_json(["keys", "export-restic", "--vault", vault, "--storage", &world.storage()]).expect(3);
    assert_eq!(one_object(&run)["error"]["code"], "secret-output");
    fs::set_permissions(world.home().join("master.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let run = world.run_json(["vaults", "--storage", &world.storage()]).expect(3);
    assert_eq!(one_object(&run)["error"]["code"], "master-key-unsafe");
}

#[test]
fn a_first_command_with_a_slip_makes_no_key_and_a_first_look_says_that_there_is_nothing() {
    let world = World::empty();
    let slip = world.run_json(["init", "--storage", "file:/srv/backups"]).expect(2);
    assert_eq!(one_object(&slip)["error"]["code"], "storage-invalid");
    assert!(!world.home().join("master.key").is_file(), "a key that nobody was told to keep");
    let made = world.run(["init", "--storage", &world.storage()]).expect(0).stdout;
    assert!(made.contains("Made the master key") && made.contains("Keep a copy"), "{made}");
    for (command, says) in
        [("vaults", "no vaults"), ("points", "no recovery points"), ("verify", "nothing was checked")]
    {
        let said = world.run([command, "--storage", &world.storage()]).expect(0).stdout;
        assert!(said.contains(says), "{command}: {said}");
    }
}

#[test]
fn what_there_is_reads_as_a_table() {
    let world = World::new();
    fs::write(world.path("a.jpg"), b"a picture").unwrap();
    let photo = world.path("a.jpg").display().to_string();
    let made = world.run(["backup", "files", &photo, "--name", "photos", "--storage", &world.storage()]).expect(0);
    assert!(made.stdout.contains("9 B in 1 file,"), "{}", made.stdout);
    for (command, columns) in [
        (&["vaults"][..], &["VAULT", "POINTS", "photos", "files", "  1  "][..]),
        (&["points"], &["POINT", "TIME", "photos", "9 B"]),
        (&["doctor"], &["CHECK", "ok  master key", "ok  create-only puts"]),
        (&["verify", "--level", "all"], &["vault ", "good (all: 1 snapshots"]),
    ] {
        let said = world.run(command.iter().chain(&["--storage", &world.storage()])).expect(0).stdout;
        for column in columns {
            assert!(said.contains(column), "{command:?}, {column}: {said}");
        }
    }
}

#[test]
fn what_was_stopped_ends_with_130_and_one_object() {
    let world = World::new();
    let folder = world.path("endless");
    fs::create_dir(&folder).unwrap();
    fs::File::create(folder.join("film.mov")).unwrap().set_len(1 << 38).unwrap();
    let running = world.start(["backup", "files", folder.to_str().unwrap(), "--storage", &world.storage()]);
    while world.vault_folders().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    signal(&running, "INT");
    let run = finished(running).expect(130);
    assert_eq!(one_object(&run)["error"]["code"], "interrupted");
}

#[test]
fn quiet_says_nothing_but_results_and_a_closed_pipe_is_no_failure() {
    let world = World::new();
    let photos = world.path("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.jpg"), [7; 3000]).unwrap();
    let quiet =
        ["--quiet", "backup", "files", photos.to_str().unwrap(), "--storage", &world.storage()].map(str::to_owned);
    let run = world.run(quiet).expect(0);
    assert!(run.stderr.is_empty() && run.stdout.contains("point "), "{run:?}");
    let mut child = world.command(["--help"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = finished(child);
    assert!(!run.stderr.contains("panicked"), "{run:?}");
}
