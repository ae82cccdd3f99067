//! Sources that are long or cannot be read, and finding things in what was stored.

#[path = "backup_support/mod.rs"]
mod support;

use futures::TryStreamExt;
use keepsake_vault::{
    Id,
    backup::{BackupOptions, Completeness, FileMeta},
    pack,
};
use rustix::fs::{Mode, OFlags, mkdirat, openat};
use std::{fs, path::Path};
use support::{Place, backup_folder, engine, random, restore, spec};
use tokio_util::sync::CancellationToken;

/// Beyond the length from which one reader cuts and all threads share the rest, and no multiple of its buffers.
const LONG_BYTES: usize = (33 << 20) + 4321;

#[tokio::test]
async fn a_long_file_is_cut_where_a_stream_of_its_bytes_is_and_comes_back_whole() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    let content = random(LONG_BYTES, 5);
    let path = source.path().join("film.mp4");
    fs::write(&path, &content).unwrap();
    let first = backup_folder(&place.vault().await, source.path(), None).await;
    let vault = place.vault().await;
    let blobs = vault.index().read(|index| index.iter().filter(|place| place.entry.kind == pack::Kind::Data).count());
    assert!(blobs > 4, "it is cut into chunks");

    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    let mut file = backup.file("film.mp4", FileMeta::default()).unwrap();
    for piece in content.chunks(1_000_003) {
        file.write(piece.to_vec().into()).await.unwrap();
    }
    file.finish().await.unwrap();
    backup.commit(|_| spec()).await.unwrap();
    let again = place.vault().await;
    let after = again.index().read(|index| index.iter().filter(|place| place.entry.kind == pack::Kind::Data).count());
    assert_eq!(after, blobs, "the same bytes have the same chunks, however they are read");

    let to = restore(&again, &first.snapshot).await;
    let restored = to.path().join(path.strip_prefix("/").unwrap());
    assert!(fs::read(restored).unwrap() == content);
}

#[tokio::test]
async fn s13_what_cannot_be_read_is_named_and_the_rest_is_stored() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    fs::write(source.path().join("rows"), "rows").unwrap();
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), "source").await.unwrap();
    // A regular file that fails when it is read, even for root: its first page is mapped by nobody.
    backup.add_path("/proc/self/mem", "memory").await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    let Completeness::Incomplete(unreadable) = &committed.result else { panic!("{committed:?}") };
    assert_eq!(unreadable.len(), 1);
    assert_eq!(unreadable[0].path, Path::new("/proc/self/mem"));
    assert!(!unreadable[0].reason.is_empty());
    let cancel = CancellationToken::new();
    assert!(vault.find(&committed.tree, b"source/rows", &cancel).await.unwrap().is_some());
    assert!(vault.find(&committed.tree, b"memory", &cancel).await.unwrap().is_none());
}

#[tokio::test]
async fn s13_what_lies_deeper_than_any_path_reaches_is_named_and_the_rest_is_stored() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    fs::write(source.path().join("rows"), "rows").unwrap();
    // Folders can nest until no path is long enough to name them.
    let name = "x".repeat(200);
    let mut folder = rustix::fs::open(source.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..25 {
        mkdirat(&folder, &name, Mode::RWXU).unwrap();
        folder = openat(&folder, &name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let Completeness::Incomplete(unreadable) = &committed.result else { panic!("{committed:?}") };
    let [lost] = &unreadable[..] else { panic!("{unreadable:?}") };
    assert!(lost.path.as_os_str().len() > 4_000 && lost.reason.contains("too long"), "{}", lost.reason);
    let to = restore(&place.vault().await, &committed.snapshot).await;
    let copy = to.path().join(source.path().strip_prefix("/").unwrap());
    assert_eq!(fs::read(copy.join("rows")).unwrap(), b"rows");
    assert!(copy.join(&name).join(&name).try_exists().unwrap());
}

#[tokio::test]
async fn a_source_that_is_not_there_is_an_error_and_no_snapshot() {
    let place = Place::new().await;
    let backup = place.vault().await.backup(&engine(), BackupOptions::default()).unwrap();
    let error = backup.add_path("/nowhere/at/all", "source").await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    backup.abort().await;
    assert_eq!(place.snapshots().await, 0);
}

#[tokio::test]
async fn a_snapshot_is_walked_parents_first_and_searched_by_path() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for name in ["b/c/deep", "b/a", "a"] {
        let path = source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), "s").await.unwrap();
    let tree = backup.commit(|_| spec()).await.unwrap().tree;
    let cancel = CancellationToken::new();
    let found: Vec<_> = vault.walk(tree, cancel.clone()).try_collect().await.unwrap();
    let paths: Vec<_> = found.iter().map(|found| str::from_utf8(&found.path).unwrap()).collect();
    assert_eq!(paths, ["s", "s/a", "s/b", "s/b/a", "s/b/c", "s/b/c/deep"]);
    let node = vault.find(&tree, b"/s//b/c/deep", &cancel).await.unwrap().unwrap();
    assert_eq!((node.name.as_slice(), node.size), (&b"deep"[..], 8));
    for nothing in [&b"s/z"[..], b"s/a/below-a-file", b"", b"/"] {
        assert!(vault.find(&tree, nothing, &cancel).await.unwrap().is_none());
    }
    assert!(vault.find(&Id::of(b"no tree"), b"s", &cancel).await.is_err());
}
