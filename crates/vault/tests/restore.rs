//! Restores through the public interface: what comes back, what cannot, and what a hostile snapshot may not do.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "backup_support/mod.rs"]
mod support;

use bytes::Bytes;
use futures::TryStreamExt;
use keepsake_store::{
    Operation,
    fault::{Fault, Rule, When},
};
use keepsake_vault::{
    Id, Vault,
    backup::{BackupOptions, FileMeta},
    file, pack,
    restore::{Error, Failure, Outcome, RestoreOptions},
    snapshot::Snapshot,
    time::Time,
    tree::{ExtendedAttribute, Kind, Node, Tree},
    vault::Indexed,
};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};
use support::{Place, backup_folder, engine, random, spec};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

async fn load(vault: &Vault<Indexed>, id: &Id) -> Snapshot {
    vault.snapshot(id, &CancellationToken::new()).await.unwrap()
}

/// Where a folder that was backed up under its own path lies in a restore.
fn below(restored: &TempDir, source: &TempDir) -> PathBuf {
    restored.path().join(source.path().strip_prefix("/").unwrap())
}

/// Everything below a folder: kind, permissions, time, and content or link target.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = match () {
            () if metadata.is_dir() => {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                Vec::new()
            }
            () if metadata.is_symlink() => fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec(),
            () if metadata.is_file() => fs::read(&path).unwrap(),
            () => Vec::new(),
        };
        let relative = path.strip_prefix(folder).unwrap().to_owned();
        all.insert(relative, (metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), content));
    }
    all
}

#[tokio::test]
async fn a_folder_comes_back_with_everything_it_had() {
    let source = tempfile::tempdir().unwrap();
    let at = |name: &[u8]| source.path().join(OsStr::from_bytes(name));
    fs::create_dir_all(at(b"empty/nested/deep")).unwrap();
    let long = [b'x'; 255];
    let names: [&[u8]; 8] = [
        b"plain.txt",
        b"new\nline",
        b"quote\"'`\\",
        "Zo\u{eb} \u{2028}<&>.jpg".as_bytes(),
        &[0xff, 0xfe, b'z'],
        &long,
        b"-rf",
        b" ",
    ];
    for (number, name) in names.into_iter().enumerate() {
        fs::write(at(name), random(number * 1000, number as u64)).unwrap();
    }
    fs::write(at(b"one byte"), "1").unwrap();
    fs::write(at(b"large"), random(10 << 20, 1)).unwrap();
    fs::write(at(b"zeros"), vec![0; 9 << 20]).unwrap();
    fs::hard_link(at(b"large"), at(b"same as large")).unwrap();
    symlink("plain.txt", at(b"link")).unwrap();
    symlink("/nowhere/at all", at(b"dangling")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at(b"pipe"), rustix::fs::Mode::RWXU).unwrap();
    let has_attributes = xattr::set(at(b"plain.txt"), "user.keepsake.test", b"\0value").is_ok();
    fs::set_permissions(at(b"one byte"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(at(b"empty"), fs::Permissions::from_mode(0o500)).unwrap();
    let old =
        fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(1_234_567_890, 123_456_789));
    fs::File::open(at(b"large")).unwrap().set_times(old).unwrap();

    let place = Place::new().await;
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let restored = support::restore(&place.vault().await, &committed.snapshot).await;
    let copy = below(&restored, &source);
    let (expected, got) = (listing(source.path()), listing(&copy));
    assert_eq!(expected.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>());
    for (path, was) in expected {
        assert!(
            got[&path] == was,
            "{path:?}: {:?} became {:?}",
            (was.0, was.1, was.2),
            (got[&path].0, got[&path].1, got[&path].2)
        );
    }
    let inode = |name: &str| fs::metadata(copy.join(name)).unwrap().ino();
    assert_eq!(inode("large"), inode("same as large"));
    if has_attributes {
        assert_eq!(xattr::get(copy.join("plain.txt"), "user.keepsake.test").unwrap().unwrap(), b"\0value");
    }
}

#[tokio::test]
async fn a_second_restore_fetches_only_what_is_not_in_place() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for number in 0..10 {
        fs::write(source.path().join(number.to_string()), random(700_000, number)).unwrap();
    }
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let faulty = place.faulty(1, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    let snapshot = load(&vault, &committed.snapshot).await;
    let to = tempfile::tempdir().unwrap();
    vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    let broken = below(&to, &source).join("4");
    let mut bytes = fs::read(&broken).unwrap();
    bytes[500_000] ^= 1;
    fs::write(&broken, bytes).unwrap();
    fs::write(below(&to, &source).join("not in the snapshot"), "stays").unwrap();
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    let restored: Vec<_> = report.files.iter().filter(|file| file.outcome == Outcome::Restored).collect();
    assert_eq!((restored.len(), report.bytes_restored, report.files.len()), (1, 700_000, 10));
    assert!(fs::read(&broken).unwrap() == random(700_000, 4));
    assert!(below(&to, &source).join("not in the snapshot").try_exists().unwrap());
}

#[tokio::test]
async fn include_restores_a_part() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for name in ["photos/1.jpg", "photos/2.jpg", "photos2/3.jpg", "rows/guests"] {
        fs::create_dir_all(source.path().join(name).parent().unwrap()).unwrap();
        fs::write(source.path().join(name), name).unwrap();
    }
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), ".").await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    let snapshot = load(&vault, &committed.snapshot).await;
    let to = tempfile::tempdir().unwrap();
    let options =
        RestoreOptions { include: vec!["/photos".into(), "rows/guests".into()], ..RestoreOptions::new(to.path()) };
    let report = vault.restore(&engine(), &snapshot, options).await.unwrap();
    let paths: Vec<_> = report.files.iter().map(|file| file.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["photos/1.jpg", "photos/2.jpg", "rows/guests"]);
    assert!(!to.path().join("photos2").try_exists().unwrap());
}

#[tokio::test]
async fn a_damaged_blob_fails_the_files_that_need_it_and_no_other() {
    for fault in [Fault::FlipBit, Fault::Truncate, Fault::ShortRead, Fault::Transient] {
        let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
        for number in 0..8 {
            fs::write(source.path().join(number.to_string()), random(600_000, number)).unwrap();
        }
        let committed = backup_folder(&place.vault().await, source.path(), None).await;
        // Folder listings are spared: they lie in a pack of their own.
        let faulty = place.faulty(3, vec![]);
        let vault = place.vault_on(faulty.clone()).await;
        let snapshot = load(&vault, &committed.snapshot).await;
        let tree = vault.index().lookup(pack::Kind::Tree, &snapshot.tree).unwrap().pack.to_string();
        let packs = vault.list(file::Kind::Pack, &CancellationToken::new()).await.unwrap().files;
        let data = packs.iter().map(|pack| pack.id.to_string()).find(|name| *name != tree).unwrap();
        faulty.set_rules(vec![Rule::on(Operation::GetRange, When::Always, fault).for_key(data)]);
        let to = tempfile::tempdir().unwrap();
        let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
        let failed: Vec<_> = report.failed().collect();
        assert!(!failed.is_empty(), "{fault:?}");
        for (path, failure) in failed {
            assert!(matches!(failure, Failure::Damaged { .. }), "{fault:?} {failure}");
            assert!(!to.path().join(path).try_exists().unwrap(), "nothing half-written has the name");
        }
        for (path, (_, _, _, content)) in listing(&below(&to, &source)) {
            if let Ok(number) = path.to_string_lossy().parse::<u64>() {
                assert!(content == random(600_000, number), "{fault:?}: a wrong byte was written");
            } else {
                assert!(!path.to_string_lossy().contains(".part"), "a temporary file stayed");
            }
        }
        // The trouble passes: the rest is fetched.
        faulty.set_rules(vec![]);
        let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
        assert!(report.is_complete());
    }
}

#[tokio::test]
async fn a_missing_pack_is_reported_file_by_file() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    fs::write(source.path().join("photo"), random(600_000, 1)).unwrap();
    fs::write(source.path().join("empty"), "").unwrap();
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let vault = place.vault().await;
    let snapshot = load(&vault, &committed.snapshot).await;
    let pack = vault.index().read(|index| index.iter().find(|blob| blob.entry.kind == pack::Kind::Data).unwrap().pack);
    place.store.delete(&file::Kind::Pack.key(&pack)).await.unwrap();
    let to = tempfile::tempdir().unwrap();
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    assert_eq!(report.failed().count(), 1);
    assert!(below(&to, &source).join("empty").try_exists().unwrap());
}

/// A snapshot whose trees nobody sane would write.
async fn hostile(place: &Place, nodes: Vec<Node>) -> (Vault<Indexed>, Snapshot) {
    let vault = place.vault().await;
    let mut sorted = nodes;
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let json = Tree { nodes: sorted }.encode().unwrap();
    let id = Id::of(&json);
    let mut builder = pack::Builder::new();
    let (sealed, uncompressed) = keepsake_vault::blob::seal(vault.key(), &json, None).unwrap();
    builder.add(pack::Kind::Tree, id, Bytes::from(sealed), uncompressed).unwrap();
    let finished = builder.finish(vault.key()).unwrap();
    vault.put_pack(&finished).await.unwrap();
    vault.index().add_pack(finished.id, &finished.entries);
    (vault, Snapshot::new(Time::zero(), id))
}

#[tokio::test]
async fn no_name_leads_outside_the_target() {
    let place = Place::new().await;
    let outer = tempfile::tempdir().unwrap();
    let to = outer.path().join("to");
    let mut escape = Node::new("link", Kind::Symlink);
    escape.link_target = b"..".to_vec();
    let mut nodes = vec![escape, Node::new("fine", Kind::File)];
    for name in ["..", ".", "../evil", "/tmp/keepsake-evil", "a/b", "nul\0byte"] {
        nodes.push(Node::new(name, Kind::File));
    }
    let (vault, snapshot) = hostile(&place, nodes).await;
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(&to)).await.unwrap();
    assert_eq!(report.failed().filter(|(_, failure)| **failure == Failure::HostileName).count(), 6);
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
    assert!(!Path::new("/tmp/keepsake-evil").try_exists().unwrap());
    // A folder of the snapshot where the disk has a link: nothing is written through it.
    let mut folder = Node::new("link", Kind::Dir);
    folder.subtree = Some(snapshot.tree);
    let (vault, snapshot) = hostile(&place, vec![folder]).await;
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(&to)).await.unwrap();
    assert!(!report.is_complete());
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn folders_that_contain_themselves_end_with_an_error() {
    // A tree cannot name its own hash; a chain deeper than any path can be made, though, and must not exhaust memory.
    let place = Place::new().await;
    let (vault, mut snapshot) = hostile(&place, vec![]).await;
    let mut builder = pack::Builder::new();
    for _ in 0..1030 {
        let mut folder = Node::new("d", Kind::Dir);
        folder.subtree = Some(snapshot.tree);
        let json = Tree { nodes: vec![folder] }.encode().unwrap();
        let id = Id::of(&json);
        let (sealed, uncompressed) = keepsake_vault::blob::seal(vault.key(), &json, None).unwrap();
        builder.add(pack::Kind::Tree, id, Bytes::from(sealed), uncompressed).unwrap();
        snapshot = Snapshot::new(Time::zero(), id);
    }
    let finished = builder.finish(vault.key()).unwrap();
    vault.put_pack(&finished).await.unwrap();
    vault.index().add_pack(finished.id, &finished.entries);
    let to = tempfile::tempdir().unwrap();
    let error = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap_err();
    assert!(matches!(error, Error::Vault(keepsake_vault::Error::TooDeep { .. })), "{error:?}");
}

#[tokio::test]
async fn a_cancelled_restore_leaves_no_temporary_files_and_can_go_on() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for number in 0..10 {
        fs::write(source.path().join(number.to_string()), random(3 << 20, number)).unwrap();
    }
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let vault = place.vault().await;
    let snapshot = load(&vault, &committed.snapshot).await;
    let to = tempfile::tempdir().unwrap();
    let options = RestoreOptions::new(to.path());
    let (cancel, progress) = (options.cancel.clone(), options.progress.clone());
    let watcher = tokio::spawn(async move {
        while progress.bytes_done.load(std::sync::atomic::Ordering::Relaxed) < 2 << 20 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    let result = vault.restore(&engine(), &snapshot, options).await;
    watcher.await.unwrap();
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    for (path, (_, _, _, content)) in listing(&below(&to, &source)) {
        if let Ok(number) = path.to_string_lossy().parse::<u64>() {
            assert!(content == random(3 << 20, number));
        } else {
            assert!(path.as_os_str().is_empty(), "{path:?} stayed");
        }
    }
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    assert!(report.is_complete() && report.files.len() == 10);
}

#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_leaves_no_half_file() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    fs::write(source.path().join("a"), random(1 << 20, 1)).unwrap();
    fs::write(source.path().join("b"), random(8 << 20, 2)).unwrap();
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let vault = place.vault().await;
    let snapshot = load(&vault, &committed.snapshot).await;
    let to = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "keepsake-test"])
        .arg(to.path())
        .status()
        .is_ok_and(|status| status.success());
    assert!(mounted, "this test mounts a small tmpfs: run it as root");
    let result = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await;
    let left = listing(to.path());
    std::process::Command::new("umount").arg(to.path()).status().unwrap();
    let error = result.unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
    assert!(
        !left.keys().any(|path| path.ends_with("b") || path.to_string_lossy().contains(".part")),
        "{:?}",
        left.keys()
    );
}

#[tokio::test]
async fn what_is_in_the_way_fails_one_entry_and_no_other() {
    let (place, source, to) = (Place::new().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| source.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/below"), "below").unwrap();
    for (number, name) in ["photo", "empty", "good"].into_iter().enumerate() {
        fs::write(at(name), random(if name == "empty" { 0 } else { 100_000 }, number as u64)).unwrap();
    }
    fs::hard_link(at("photo"), at("same as photo")).unwrap();
    symlink("good", at("link")).unwrap();
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), ".").await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    let snapshot = load(&vault, &committed.snapshot).await;
    // Folders where files and a link should be, each with something that must not be lost, and a file for a folder.
    let in_the_way = ["photo", "empty", "link"];
    for name in in_the_way {
        fs::create_dir(to.path().join(name)).unwrap();
        fs::write(to.path().join(name).join("mine"), "mine").unwrap();
    }
    fs::write(to.path().join("folder"), "a file").unwrap();
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    let failed: Vec<_> = report.failed().map(|(path, _)| path.to_str().unwrap()).collect();
    // The other name of a file that was not restored cannot be made either.
    assert_eq!(failed, ["empty", "folder", "folder/below", "link", "photo", "same as photo"]);
    assert!(report.failed().all(|(_, failure)| matches!(failure, Failure::Refused { .. })), "{report:?}");
    assert!(fs::read(to.path().join("good")).unwrap() == random(100_000, 2));
    for name in in_the_way {
        assert_eq!(fs::read(to.path().join(name).join("mine")).unwrap(), b"mine");
    }
    assert_eq!(fs::read(to.path().join("folder")).unwrap(), b"a file");
    let left: Vec<_> = listing(to.path()).into_keys().filter(|path| path.to_string_lossy().contains(".part")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn metadata_that_cannot_be_set_is_a_warning_and_the_file_is_there() {
    let place = Place::new().await;
    let odd = ExtendedAttribute { name: "no.such.space".to_owned(), value: b"x".to_vec() };
    let file = Node { content: Some(vec![]), extended_attributes: vec![odd], ..Node::new("guests", Kind::File) };
    // A moment before 1970 with a fraction, which the system wants counted the other way round.
    let old = Node {
        content: Some(vec![]),
        mtime: Time::utc("1969-12-31T23:59:58.75Z".parse().unwrap()),
        ..Node::new("old", Kind::File)
    };
    let (vault, snapshot) = hostile(&place, vec![file, old, Node::new("socket", Kind::Socket)]).await;
    let to = tempfile::tempdir().unwrap();
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    let [(path, warning)] = &report.warnings[..] else { panic!("{report:?}") };
    assert!(path == Path::new("guests") && warning.contains("extended attributes"), "{warning}");
    assert_eq!(report.failed().map(|(path, _)| path.to_str().unwrap()).collect::<Vec<_>>(), ["socket"]);
    let metadata = fs::metadata(to.path().join("old")).unwrap();
    assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (-2, 750_000_000));
}

#[tokio::test]
async fn one_file_is_read_as_a_stream_or_dumped() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    let content = random(9 << 20, 8);
    let mut file = backup.file("rows/guests.copy", FileMeta::default()).unwrap();
    file.write(Bytes::from(content.clone())).await.unwrap();
    file.finish().await.unwrap();
    backup.file("rows/empty.copy", FileMeta::default()).unwrap().finish().await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    let snapshot = load(&vault, &committed.snapshot).await;
    let cancel = CancellationToken::new();
    let mut dumped = Vec::new();
    let length = vault.dump(&engine(), &snapshot, "/rows/guests.copy", &mut dumped, &cancel).await.unwrap();
    assert!(length == 9 << 20 && dumped == content);
    let pieces: Vec<Bytes> =
        vault.read(&engine(), &snapshot, "rows/empty.copy", &cancel).await.unwrap().try_collect().await.unwrap();
    assert!(pieces.is_empty());
    for missing in ["rows", "rows/other", "rows/guests.copy/x", ""] {
        let error = vault.read(&engine(), &snapshot, missing, &cancel).await.err().unwrap();
        assert!(matches!(error, Error::NoFile { .. }), "{missing}");
    }
    // A store that lies is noticed before a wrong byte is handed out.
    let faulty = place.faulty(1, vec![Rule::on(Operation::GetRange, When::From(3), Fault::FlipBit)]);
    let vault = place.vault_on(faulty).await;
    let mut dumped = Vec::new();
    let error = vault.dump(&engine(), &snapshot, "rows/guests.copy", &mut dumped, &cancel).await.unwrap_err();
    assert!(matches!(error, Error::Vault(keepsake_vault::Error::DamagedBlob { .. })), "{error:?}");
    assert!(content.starts_with(&dumped));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_come_back(
        files in prop::collection::btree_map(
            prop::collection::vec("[^/\0]{1,20}", 1..4),
            (0_usize..200_000, any::<u64>()),
            0..12,
        ),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let source = tempfile::tempdir().unwrap();
            for (names, (length, seed)) in files {
                let path = names.iter().fold(source.path().to_owned(), |path, name| path.join(name));
                // Names that are taken, or `.` and `..`, are simply left out.
                let is_plain = !names.iter().any(|name| name == "." || name == "..");
                if is_plain && fs::create_dir_all(path.parent().unwrap()).is_ok() {
                    let _taken_by_a_folder = fs::write(&path, random(length, seed));
                }
            }
            let place = Place::new().await;
            let committed = backup_folder(&place.vault().await, source.path(), None).await;
            let restored = support::restore(&place.vault().await, &committed.snapshot).await;
            assert!(listing(source.path()) == listing(&below(&restored, &source)));
        });
    }
}
