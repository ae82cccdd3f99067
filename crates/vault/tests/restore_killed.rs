//! A restore that is killed, and one that comes into its folder before and after. This binary starts itself again to have
//! a process to kill.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "backup_support/mod.rs"]
mod support;

use bytes::Bytes;
use keepsake_store::{
    DynStore, Local, Operation,
    fault::{Fault, Faulty, Rule, When},
};
use keepsake_vault::{
    Password, Vault,
    backup::{BackupOptions, Chunking, FileMeta},
    pack,
    password::MachineSecret,
    restore::{Report, RestoreOptions},
    vault::Indexed,
};
use std::{
    ffi::OsString,
    fs,
    num::NonZeroUsize,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use support::{Place, engine, random, spec};
use tokio_util::sync::CancellationToken;

const PLACE: &str = "KEEPSAKE_TEST_PLACE";
const SECRET: &str = "KEEPSAKE_TEST_SECRET";
const TO: &str = "KEEPSAKE_TEST_TO";
/// SIGKILL.
const KILLED: i32 = 9;

async fn restore(vault: &Vault<Indexed>, to: &Path) -> Report {
    let cancel = CancellationToken::new();
    let all = vault.snapshots(&cancel).await.unwrap().snapshots;
    vault.restore(&engine(), &all.last().unwrap().1, RestoreOptions::new(to)).await.unwrap()
}

/// Not a test of its own: what the other one runs as a child process. It begins to restore and never ends.
#[tokio::test]
async fn child_that_restores() {
    let (Ok(place), Ok(secret), Ok(to)) = (std::env::var(PLACE), std::env::var(SECRET), std::env::var(TO)) else {
        return;
    };
    let faulty = Faulty::new(Arc::new(Local::new(place).unwrap()) as DynStore, 1, vec![]);
    let password = Password::from(MachineSecret::parse(&secret).unwrap());
    let cancel = CancellationToken::new();
    let vault = Vault::open(faulty.clone(), &password, &cancel).await.unwrap().load_index(&cancel).await.unwrap();
    // The first read of each pack of photos is answered, and no other.
    let is_data = |place: &keepsake_vault::index::Location| place.entry.kind == pack::Kind::Data;
    let packs: Vec<_> = vault.index().read(|index| index.iter().filter(is_data).map(|place| place.pack).collect());
    let hang = |pack: keepsake_vault::Id| {
        let forever = Fault::Slow(Duration::from_secs(86_400));
        Rule::on(Operation::GetRange, When::From(2), forever).for_key(pack.to_string())
    };
    faulty.set_rules(packs.into_iter().map(hang).collect());
    restore(&vault, Path::new(&to)).await;
}

/// Temporary files below a folder.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut parts: Vec<_> = names.filter(|path| path.extension() == Some(OsString::from("part").as_os_str())).collect();
    parts.sort();
    parts
}

#[tokio::test]
async fn what_a_killed_restore_left_is_removed_by_the_next_and_what_a_living_one_writes_is_not() {
    let (place, source, to) = (Place::new().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(source.path().join("photos")).unwrap();
    let photo = random(30 << 20, 1);
    fs::write(source.path().join("photos/large"), &photo).unwrap();
    fs::write(source.path().join("photos/small"), "small").unwrap();
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), ".").await.unwrap();
    backup.commit(|_| spec()).await.unwrap();
    let photos = to.path().join("photos");

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_restores", "--nocapture"])
        .env(PLACE, place.folder.path())
        .env(SECRET, place.secret.expose())
        .env(TO, to.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The small file has a temporary name for a moment only; the large one keeps it.
    let large = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.len() > 1 << 20);
    while !parts(&photos).iter().any(large) {
        assert!(child.try_wait().unwrap().is_none(), "the child ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let begun: Vec<_> = parts(&photos).into_iter().filter(large).collect();

    // Another restore comes while the first lives.
    let vault = place.vault().await;
    let report = restore(&vault, to.path()).await;
    assert!(report.is_complete() && report.leftovers_removed == 0, "{report:?}");
    assert_eq!(parts(&photos), begun);

    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(KILLED));
    assert_eq!(parts(&photos), begun, "nobody cleans up after a killed process");
    // Not ours, whatever they look like; and a folder that no snapshot knows is not gone through.
    let like_ours = begun[0].file_name().unwrap().to_owned();
    let others =
        [photos.join(".keepsake-notes.part"), photos.join("film.part"), to.path().join("mine").join(like_ours)];
    fs::create_dir(to.path().join("mine")).unwrap();
    others.iter().for_each(|path| fs::write(path, "mine").unwrap());

    let report = restore(&vault, to.path()).await;
    assert!(report.is_complete() && report.leftovers_removed == begun.len() as u64, "{report:?}");
    assert_eq!(parts(&photos).len(), 2);
    assert!(others.iter().all(|path| path.try_exists().unwrap()));
    assert!(fs::read(photos.join("large")).unwrap() == photo);
}

#[tokio::test]
async fn a_backed_up_leftover_is_restored_as_any_file() {
    let (place, source, to) = (Place::new().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = ".keepsake-0123456789abcdef-7.part";
    fs::write(source.path().join(name), "kept").unwrap();
    let vault = place.vault().await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), ".").await.unwrap();
    backup.commit(|_| spec()).await.unwrap();
    for bytes_restored in [4, 0] {
        let report = restore(&vault, to.path()).await;
        assert_eq!((report.leftovers_removed, report.bytes_restored), (0, bytes_restored));
        assert_eq!(fs::read(to.path().join(name)).unwrap(), b"kept");
    }
}

#[tokio::test]
async fn more_files_than_may_be_open_at_once_come_in_several_passes() {
    const PIECE: usize = 1 << 12;
    let (place, to) = (Place::new().await, tempfile::tempdir().unwrap());
    let vault = place.vault().await;
    let chunking = Chunking::Fixed(NonZeroUsize::new(PIECE).unwrap());
    let backup = vault.backup(&engine(), BackupOptions { chunking, ..BackupOptions::default() }).unwrap();
    // All begin in the first packs and end in later ones: after a million bytes of noise for each second of them.
    let mut open: Vec<_> =
        (0..600).map(|number| backup.file(number.to_string(), FileMeta::default()).unwrap()).collect();
    for half in 0..2 {
        for (number, file) in (0..).zip(&mut open) {
            file.write(Bytes::from(random(PIECE, number * 2 + half))).await.unwrap();
        }
        let mut between = backup.file(format!("between {half}"), FileMeta::default()).unwrap();
        between.write(Bytes::from(random(40 << 20, 9_999 + half))).await.unwrap();
        between.finish().await.unwrap();
    }
    for file in open {
        file.finish().await.unwrap();
    }
    backup.commit(|_| spec()).await.unwrap();
    let report = restore(&place.vault().await, to.path()).await;
    assert!(report.is_complete(), "{:?}", report.failed().next());
    for number in 0..600 {
        let expected = [random(PIECE, number * 2), random(PIECE, number * 2 + 1)].concat();
        assert!(fs::read(to.path().join(number.to_string())).unwrap() == expected, "{number}");
    }
    assert!(parts(to.path()).is_empty());
}
