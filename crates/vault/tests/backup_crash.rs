//! A backup that dies at each write step. This binary starts itself again to have a process to kill.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "backup_support/mod.rs"]
mod support;

use bytes::Bytes;
use keepsake_store::{DynStore, Local};
use keepsake_testkit::tools;
use keepsake_vault::{
    Password, Vault,
    backup::{BackupOptions, Committed, FileMeta, IndexEvery},
    engine::failpoint::{ALL, Failpoint, VARIABLE},
    password::MachineSecret,
    vault::Indexed,
};
use std::{os::unix::process::ExitStatusExt, process::Command, sync::Arc};
use support::{Place, engine, random, restore, spec};
use tokio_util::sync::CancellationToken;

const PLACE: &str = "KEEPSAKE_TEST_PLACE";
const SECRET: &str = "KEEPSAKE_TEST_SECRET";
/// SIGABRT.
const ABORTED: i32 = 6;

async fn backup(vault: &Vault<Indexed>) -> Committed {
    let index_every = IndexEvery { bytes: 1, ..IndexEvery::default() };
    let backup = vault.backup(&engine(), BackupOptions { index_every, ..BackupOptions::default() }).unwrap();
    for number in 0..3 {
        let mut file = backup.file(format!("photos/{number}.jpg"), FileMeta::default()).unwrap();
        file.write(Bytes::from(random(2 << 20, number))).await.unwrap();
        file.finish().await.unwrap();
    }
    backup.commit(|_| spec()).await.unwrap()
}

/// Not a test of its own: what the other one runs as a child process.
#[tokio::test]
async fn child_that_backs_up() {
    let (Ok(place), Ok(secret)) = (std::env::var(PLACE), std::env::var(SECRET)) else { return };
    let store: DynStore = Arc::new(Local::new(place).unwrap());
    let password = Password::from(MachineSecret::parse(&secret).unwrap());
    let cancel = CancellationToken::new();
    let vault = Vault::open(store, &password, &cancel).await.unwrap().load_index(&cancel).await.unwrap();
    backup(&vault).await;
}

fn run_child(place: &Place, point: Failpoint) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_backs_up", "--nocapture"])
        .env(PLACE, place.folder.path())
        .env(SECRET, place.secret.expose())
        .env(VARIABLE, format!("{}:1", point.name()))
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap()
}

fn restic(place: &Place, arguments: &[&str]) {
    let output = Command::new(tools::restic())
        .args(["--no-cache", "--no-lock", "-r"])
        .arg(place.folder.path())
        .args(arguments)
        .env("RESTIC_PASSWORD", place.secret.expose())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn killed_at_any_write_step_a_vault_stays_whole_and_the_next_backup_completes() {
    for point in ALL {
        let place = Place::new().await;
        let status = run_child(&place, point);
        assert_eq!(status.signal(), Some(ABORTED), "{} was not visited", point.name());
        let expected = usize::from(point == Failpoint::AfterSnapshotPut);
        assert_eq!(place.snapshots().await, expected, "{}", point.name());
        let vault = place.vault().await;
        let known = vault.index().read(keepsake_vault::index::Index::len);
        let committed = backup(&vault).await;
        let used = committed.stats.chunks - committed.stats.chunks_new;
        assert!(used == known as u64, "{}: {used} of {known} known blobs were used again", point.name());
        restore(&place.vault().await, &committed.snapshot).await;
        if point == Failpoint::AfterIndexPut {
            // One is enough: restic takes a second for each, and the restore above has read everything.
            restic(&place, &["check", "--read-data"]);
        }
    }
}

#[tokio::test]
async fn stock_restic_restores_what_was_backed_up() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for (name, content) in [("rows", "Anna\tvegan\n".repeat(50_000).into_bytes()), ("photo", random(3 << 20, 1))] {
        std::fs::write(source.path().join(name), content).unwrap();
    }
    std::fs::write(source.path().join("Zo\u{eb}\n<&>\u{2028}\"'"), "odd").unwrap();
    std::os::unix::fs::symlink("photo", source.path().join("link")).unwrap();
    support::backup_folder(&place.vault().await, source.path(), None).await;
    restic(&place, &["check", "--read-data"]);
    let to = tempfile::tempdir().unwrap();
    restic(&place, &["restore", "latest", "--target", to.path().to_str().unwrap()]);
    let copy = to.path().join(source.path().strip_prefix("/").unwrap());
    let same = Command::new("diff").arg("-r").arg(source.path()).arg(copy).status().unwrap();
    assert!(same.success());
}
