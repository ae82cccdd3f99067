//! Stock restic and the engine: what the pipeline writes is judged by restic, what restic writes is restored by us.

use crate::{
    check::check,
    interop::{Restic, read_folder, reopen, write_folder},
    sample::{self, go},
};
use keepsake_store::Local;
use keepsake_vault::{
    Id,
    backup::{BackupOptions, SnapshotSpec},
    check::Level,
    engine::{Engine, EngineConfig},
    restore::RestoreOptions,
    time::Time,
};
use std::{fs, os::unix::ffi::OsStrExt as _, path::Path, sync::Arc};

fn engine() -> Engine {
    Engine::new(EngineConfig { cpu_threads: 2, memory_bytes: 64 << 20, transfers: 4 }).unwrap()
}

async fn backup(vault: &Path, source: &Path, parent: Option<Id>, time: &str) -> Id {
    let vault = reopen(vault).await.load_index(&go()).await.unwrap();
    let backup = vault.backup(&engine(), BackupOptions { parent, ..BackupOptions::default() }).unwrap();
    backup.add_path(source, source.as_os_str().as_bytes()).await.unwrap();
    let spec = SnapshotSpec {
        time: Time::parse(time).unwrap(),
        hostname: "sample".to_owned(),
        username: "sample".to_owned(),
        tags: vec!["keepsake:kind=files".to_owned()],
        paths: vec![source.to_string_lossy().into_owned()],
        original: None,
    };
    backup.commit(|_| spec).await.unwrap().snapshot
}

#[tokio::test]
async fn restic_checks_restores_prunes_and_rewrites_what_the_engine_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (source, vault) = (folder.path().join("source"), folder.path().join("vault"));
    let mut files = sample::files();
    files.insert(b"films/first dance.mp4".to_vec(), sample::noise(8, 5 << 20));
    write_folder(&source, &files);
    std::os::unix::fs::symlink("films/first dance.mp4", source.join("best of")).unwrap();
    fs::hard_link(source.join("manifest.json"), source.join("manifest again")).unwrap();
    xattr::set(source.join("manifest.json"), "user.note", b"<\x00>").unwrap();
    sample::create(Arc::new(Local::new(&vault).unwrap())).await;
    let first = backup(&vault, &source, None, "2026-06-06T12:00:00Z").await;
    fs::write(source.join("manifest.json"), "changed").unwrap();
    let second = backup(&vault, &source, Some(first), "2026-06-07T12:00:00Z").await;

    for (number, restic) in Restic::both(&vault).into_iter().enumerate() {
        restic.run(&["check", "--read-data", "--no-lock"]);
        let target = folder.path().join(format!("restored-{number}"));
        restic.run(&["restore", "--no-lock", &second.to_string(), "--target", target.to_str().unwrap()]);
        let below = target.join(source.strip_prefix("/").unwrap());
        assert_eq!(read_folder(&below), read_folder(&source));
        assert_eq!(xattr::get(below.join("manifest.json"), "user.note").unwrap().unwrap(), b"<\x00>");
    }
    let restic = Restic::new(&vault);
    restic.run(&["rewrite", "--forget", "--exclude", "ceremony*"]);
    restic.run(&["forget", "--keep-last", "1", "--prune", "--max-unused", "0"]);
    restic.run(&["check", "--read-data"]);
    let report = check(&reopen(&vault).await, Level::All).await;
    assert!(report.is_sound() && report.hints.is_empty() && report.snapshots == 1, "{report:?}");
}

#[tokio::test]
async fn the_engine_restores_what_restic_writes_into_the_vault_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let (source, vault) = (folder.path().join("source"), folder.path().join("vault"));
    let mut files = sample::files();
    files.insert(b"films/first dance.mp4".to_vec(), sample::noise(8, 3 << 20));
    write_folder(&source, &files);
    sample::create(Arc::new(Local::new(&vault).unwrap())).await;
    let restic = Restic::new(&vault);
    restic.run(&["backup", source.to_str().unwrap()]);
    let opened = reopen(&vault).await.load_index(&go()).await.unwrap();
    let (parent, snapshot) = opened.snapshots(&go()).await.unwrap().snapshots.remove(0);
    let target = folder.path().join("restored");
    let report = opened.restore(&engine(), &snapshot, RestoreOptions::new(&target)).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(read_folder(&target.join(source.strip_prefix("/").unwrap())), files);

    let next = backup(&vault, &source, Some(parent), "2026-06-07T12:00:00Z").await;
    let next = opened.snapshot(&next, &go()).await.unwrap();
    assert_eq!(next.parent, Some(parent));
    restic.run(&["check", "--read-data"]);
    assert!(check(&reopen(&vault).await, Level::All).await.is_sound());
}
