//! Backups through the public interface, on a real disk and on stores that fail.

#[path = "backup_support/mod.rs"]
mod support;

use bytes::Bytes;
use keepsake_store::{
    Operation,
    fault::{Fault, Rule, When},
};
use keepsake_vault::{
    backup::{BackupOptions, Chunking, Completeness, Compression, Error, FileMeta, IndexEvery},
    engine::{Engine, EngineConfig, Phase},
    file,
};
use std::{collections::BTreeSet, fs, num::NonZeroUsize, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};
use support::{Place, engine, random, restore, spec, tiny_engine};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn pushed_files_come_back_as_they_were() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    let contents: Vec<(String, Vec<u8>)> = [0, 1, 10, 70_000, 3 << 20, 20 << 20]
        .into_iter()
        .enumerate()
        .map(|(number, length)| (format!("rows/public.table_{number}.copy"), random(length, number as u64)))
        .collect();
    // All open at once, written in turns.
    let mut open: Vec<_> = contents
        .iter()
        .map(|(name, content)| (backup.file(name, FileMeta::default()).unwrap(), content.chunks(100_000)))
        .collect();
    loop {
        let mut wrote = false;
        for (file, pieces) in &mut open {
            if let Some(piece) = pieces.next() {
                file.write(Bytes::copy_from_slice(piece)).await.unwrap();
                wrote = true;
            }
        }
        if !wrote {
            break;
        }
    }
    for ((file, _), (_, content)) in open.into_iter().zip(&contents) {
        assert_eq!(file.finish().await.unwrap().length_bytes, content.len() as u64);
    }
    let committed = backup.commit(|_| spec()).await.unwrap();
    assert_eq!(committed.result, Completeness::Complete);
    assert_eq!((committed.stats.files, committed.stats.dirs), (6, 1));
    let restored = restore(&place.vault().await, &committed.snapshot).await;
    for (name, content) in contents {
        assert!(fs::read(restored.path().join(name)).unwrap() == content);
    }
}

#[tokio::test]
async fn a_second_backup_stores_only_what_changed_and_reads_only_what_looks_changed() {
    let place = Place::new().await;
    let source = tempfile::tempdir().unwrap();
    for number in 0..20 {
        fs::write(source.path().join(format!("photo-{number}.jpg")), random(200_000, number)).unwrap();
    }
    let vault = place.vault().await;
    let first = support::backup_folder(&vault, source.path(), None).await;
    assert_eq!(first.stats.files_unchanged, 0);
    fs::write(source.path().join("photo-3.jpg"), random(200_000, 99)).unwrap();
    let vault = place.vault().await;
    let second = support::backup_folder(&vault, source.path(), Some(first.snapshot)).await;
    assert_eq!(second.stats.files_unchanged, 19);
    assert!(second.stats.bytes_new < 210_000, "{:?}", second.stats);
    // Without a parent everything is read, and still only new content is stored: nothing at all.
    let third = support::backup_folder(&place.vault().await, source.path(), None).await;
    assert_eq!((third.stats.files_unchanged, third.stats.bytes_new, third.tree), (0, 0, second.tree));
}

#[tokio::test]
async fn s13_a_source_that_ends_early_never_yields_a_snapshot() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    let mut file = backup.file("rows/guests.copy", FileMeta::default()).unwrap();
    file.write(Bytes::from_static(b"Anna\n")).await.unwrap();
    drop(file);
    let error = backup.commit(|_| spec()).await.unwrap_err();
    assert!(matches!(&error, Error::Unfinished { path } if path == "rows/guests.copy"), "{error:?}");
    // A file that is still open is as bad.
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    let open = backup.file("rows/guests.copy", FileMeta::default()).unwrap();
    assert!(matches!(backup.commit(|_| spec()).await, Err(Error::Unfinished { .. })));
    drop(open);
    assert_eq!(place.snapshots().await, 0);
}

#[tokio::test]
async fn s13_what_cannot_be_read_makes_the_snapshot_incomplete() {
    let place = Place::new().await;
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("good.txt"), "good").unwrap();
    let locked = source.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::write(locked.join("secret.txt"), "secret").unwrap();
    // The superuser may read everything, so a name that loops stands in for what cannot be read.
    std::os::unix::fs::symlink("loop", source.path().join("loop")).unwrap();
    let vault = place.vault().await;
    let as_root = rustix::process::geteuid().is_root();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let committed = support::backup_folder(&vault, source.path(), None).await;
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    match committed.result {
        Completeness::Incomplete(unreadable) => assert_eq!(unreadable[0].path, locked),
        Completeness::Complete => assert!(as_root),
    }
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    assert!(matches!(backup.add_path("/no/such/folder", "x").await, Err(Error::Source { .. })));
    assert!(backup.commit(|_| spec()).await.is_err());
    assert_eq!(place.snapshots().await, 1);
}

#[tokio::test]
async fn s18_a_backup_writes_no_lock_files() {
    let place = Place::new().await;
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("a"), "a").unwrap();
    let faulty = place.faulty(1, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    support::backup_folder(&vault, source.path(), None).await;
    let touched: BTreeSet<String> =
        faulty.calls().into_iter().filter_map(|(_, key)| Some(key?.as_str().split('/').next()?.to_owned())).collect();
    assert!(!touched.contains("locks"), "{touched:?}");
    assert!(touched.contains("data") && touched.contains("snapshots"));
}

#[tokio::test]
async fn cancelling_at_any_moment_leaves_no_snapshot_and_what_is_stored_is_used_again() {
    let place = Place::new().await;
    let content = random(60 << 20, 5);
    let cancel = CancellationToken::new();
    let options = BackupOptions { cancel: cancel.clone(), ..BackupOptions::default() };
    let backup = place.vault().await.backup(&engine(), options).unwrap();
    let mut file = backup.file("video.mp4", FileMeta::default()).unwrap();
    file.write(Bytes::from(content.clone())).await.unwrap();
    // Some packs are on disk by now, and no index names them.
    while place.count(file::Kind::Pack).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cancel.cancel();
    let error = file.write(Bytes::from_static(b"more")).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    drop(file);
    backup.abort().await;
    assert_eq!(place.snapshots().await, 0);
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    let mut file = backup.file("video.mp4", FileMeta::default()).unwrap();
    file.write(Bytes::from(content.clone())).await.unwrap();
    file.finish().await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    assert!(committed.stats.bytes_new < 55 << 20, "{:?}", committed.stats);
    let restored = restore(&place.vault().await, &committed.snapshot).await;
    assert!(fs::read(restored.path().join("video.mp4")).unwrap() == content);
    // Before anything was written, and in the middle of the commit.
    let options = BackupOptions::default();
    options.cancel.cancel();
    assert!(matches!(vault.backup(&engine(), options).unwrap().file("x", FileMeta::default()), Err(Error::Cancelled)));
    let options = BackupOptions::default();
    let token = options.cancel.clone();
    let backup = vault.backup(&engine(), options).unwrap();
    let error = backup
        .commit(|_| {
            token.cancel();
            spec()
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert_eq!(place.snapshots().await, 1);
}

#[tokio::test]
async fn interim_index_files_let_the_next_backup_go_on_after_a_crash() {
    let place = Place::new().await;
    let content = random(60 << 20, 6);
    let every = IndexEvery { bytes: 1, ..IndexEvery::default() };
    let options = BackupOptions { index_every: every, ..BackupOptions::default() };
    let backup = place.vault().await.backup(&engine(), options).unwrap();
    let mut file = backup.file("video.mp4", FileMeta::default()).unwrap();
    file.write(Bytes::from(content.clone())).await.unwrap();
    while place.count(file::Kind::Index).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // As a crash: nobody says goodbye.
    drop(file);
    drop(backup);
    let backup = place.vault().await.backup(&engine(), BackupOptions::default()).unwrap();
    let mut file = backup.file("video.mp4", FileMeta::default()).unwrap();
    file.write(Bytes::from(content)).await.unwrap();
    file.finish().await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    assert!(committed.stats.bytes_new < 55 << 20, "{:?}", committed.stats);
}

#[tokio::test]
async fn a_store_that_fails_to_write_fails_the_backup() {
    let content = random(30 << 20, 7);
    for (text, fault) in [
        ("data/", Fault::Permanent),
        ("index/", Fault::Permanent),
        ("snapshots/", Fault::Permanent),
        ("data/", Fault::NoSpace),
    ] {
        let place = Place::new().await;
        let faulty = place.faulty(1, vec![Rule::on(Operation::Put, When::Always, fault).for_key(text)]);
        let vault = place.vault_on(faulty).await;
        let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
        let mut file = backup.file("a", FileMeta::default()).unwrap();
        let wrote = file.write(Bytes::from(content.clone())).await.is_ok() && file.finish().await.is_ok();
        let error = backup.commit(|_| spec()).await.unwrap_err();
        assert!(matches!(error, Error::Vault(_)) || !wrote, "{text}: {error:?}");
        assert_eq!(place.snapshots().await, 0, "{text}");
    }
}

#[tokio::test]
async fn two_backups_at_once_into_one_vault_are_both_whole() {
    let place = Place::new().await;
    let source = tempfile::tempdir().unwrap();
    for number in 0..30 {
        fs::write(source.path().join(number.to_string()), random(300_000, number)).unwrap();
    }
    // The same handle, and another one that loaded its index apart.
    let (one, other) = (place.vault().await, place.vault().await);
    let (first, second, third) = tokio::join!(
        support::backup_folder(&one, source.path(), None),
        support::backup_folder(&one, source.path(), None),
        support::backup_folder(&other, source.path(), None),
    );
    assert!(first.tree == second.tree && second.tree == third.tree);
    for committed in [first, second, third] {
        let restored = restore(&place.vault().await, &committed.snapshot).await;
        for number in 0..30 {
            let path = restored.path().join(source.path().strip_prefix("/").unwrap()).join(number.to_string());
            assert!(fs::read(path).unwrap() == random(300_000, number));
        }
    }
}

#[tokio::test]
async fn a_tiny_budget_is_slow_and_never_stuck() {
    let content: Vec<Vec<u8>> = (0..4).map(|number| random(3 << 20, number)).collect();
    for memory_bytes in [1, 4 << 20] {
        let engine = tiny_engine(memory_bytes);
        let places = [Place::new().await, Place::new().await];
        let mut running = tokio::task::JoinSet::new();
        for place in &places {
            let (vault, engine, content) = (place.vault().await, engine.clone(), content.clone());
            running.spawn(async move {
                let backup = vault.backup(&engine, BackupOptions::default()).unwrap();
                // One task that feeds many files in turn: none may wait for memory that another of them holds.
                let mut open: Vec<_> = (0..content.len())
                    .map(|number| backup.file(number.to_string(), FileMeta::default()).unwrap())
                    .collect();
                for at in 0..3 {
                    for (file, content) in open.iter_mut().zip(&content) {
                        file.write(Bytes::copy_from_slice(&content[at << 20..(at + 1) << 20])).await.unwrap();
                    }
                }
                for file in open {
                    file.finish().await.unwrap();
                }
                backup.commit(|_| spec()).await.unwrap().snapshot
            });
        }
        let mut done = 0;
        while let Some(snapshot) = running.join_next().await {
            let _ = snapshot.unwrap();
            done += 1;
        }
        assert_eq!(done, 2);
        assert_eq!(engine.used_bytes(), 0, "everything is given back");
    }
}

#[tokio::test]
async fn a_source_faster_than_the_engine_still_fills_its_packs() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let engine = Engine::new(EngineConfig { cpu_threads: 2, ..EngineConfig::default() }).unwrap();
    let backup = vault.backup(&engine, BackupOptions::default()).unwrap();
    let mut file = backup.file("video.mp4", FileMeta::default()).unwrap();
    for number in 0..20 {
        file.write(Bytes::from(random(8 << 20, number))).await.unwrap();
    }
    file.finish().await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    // 160 MiB in packs of 16, four of them open at the end, and the listing: each object costs its request (S26).
    assert!(committed.stats.packs <= 15, "{:?}", committed.stats);
}

#[tokio::test]
async fn memory_stays_within_the_budget_however_many_backups_run() {
    let engine = Engine::new(EngineConfig { cpu_threads: 2, memory_bytes: 24 << 20, transfers: 4 }).unwrap();
    let mut running = tokio::task::JoinSet::new();
    let mut places = Vec::new();
    for number in 0..8 {
        let place = Place::new().await;
        let (vault, engine) = (place.vault().await, engine.clone());
        places.push(place);
        running.spawn(async move {
            let backup = vault.backup(&engine, BackupOptions::default()).unwrap();
            let mut file = backup.file("rows", FileMeta::default()).unwrap();
            for piece in 0..6 {
                file.write(Bytes::from(random(1 << 20, number * 100 + piece))).await.unwrap();
            }
            file.finish().await.unwrap();
            backup.commit(|_| spec()).await.unwrap();
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    // What admitted work puts into packs may exceed the door's limit by a buffer for each thread and upload.
    assert!(engine.peak_bytes() < 44 << 20, "{} bytes", engine.peak_bytes());
    assert_eq!(engine.used_bytes(), 0);
}

#[tokio::test]
async fn paths_collide_only_if_they_are_the_same() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let source = tempfile::tempdir().unwrap();
    for bad in ["rows/a", "rows", "files/x", "rows/a/b"] {
        let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
        let file = async |path: &str| backup.file(path, FileMeta::default())?.finish().await.map(|_| ());
        file("rows/a").await.unwrap();
        file("/rows/b").await.unwrap();
        backup.add_path(source.path(), "files").await.unwrap();
        let error = file(bad).await.unwrap_err();
        assert!(matches!(error, Error::Path { .. }), "{bad}: {error:?}");
        // The refused file's content would be missing, so there is no snapshot.
        assert!(matches!(backup.commit(|_| spec()).await, Err(Error::Unfinished { .. })));
    }
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    for bad in ["../x", "", "/", "a\0b"] {
        assert!(matches!(backup.file(bad, FileMeta::default()), Err(Error::Path { .. })), "{bad:?}");
    }
    backup.commit(|_| spec()).await.unwrap();
    assert_eq!(place.snapshots().await, 1, "an empty snapshot is one");
}

#[tokio::test]
async fn fixed_chunks_and_no_compression_are_options() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let options = BackupOptions {
        chunking: Chunking::Fixed(NonZeroUsize::new(1 << 16).unwrap()),
        compression: Compression::Off,
        ..BackupOptions::default()
    };
    let progress = Arc::clone(&options.progress);
    let backup = vault.backup(&engine(), options).unwrap();
    let mut file = backup.file("base/16384/1259", FileMeta::default()).unwrap();
    let mut pages = random(300_000, 3);
    pages[100_000..200_000].fill(0);
    file.write(Bytes::from(pages.clone())).await.unwrap();
    assert_eq!(file.finish().await.unwrap().content.len(), 5);
    let committed = backup.commit(|_| spec()).await.unwrap();
    assert!(committed.stats.bytes_stored > 300_000);
    assert_eq!(progress.phase(), Phase::Done);
    let restored = restore(&place.vault().await, &committed.snapshot).await;
    assert!(fs::read(restored.path().join("base/16384/1259")).unwrap() == pages);
}
