//! What a backup proves before it names anything, on stores that keep what they were given and on stores that do not.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "backup_support/mod.rs"]
mod support;

use bytes::Bytes;
use keepsake_store::{
    Operation,
    fault::{Fault, Faulty, Rule, When},
};
use keepsake_vault::{
    Id, Vault,
    backup::{self, BackupOptions, Committed, Depth, Error, FileMeta, IndexEvery},
    check::{self, Hint, Level},
    engine::Engine,
    error::Error as VaultError,
    file, pack,
    vault::Indexed,
};
use std::{collections::BTreeSet, fs, time::Duration};
use support::{Place, engine, random, restore, spec, tiny_engine};
use tokio_util::sync::CancellationToken;

const DEPTHS: [Depth; 2] = [Depth::Listed, Depth::Read];

fn options(proof: Depth) -> BackupOptions {
    let index_every = IndexEvery { bytes: 16 << 20, ..IndexEvery::default() };
    BackupOptions { proof, index_every, ..BackupOptions::default() }
}

/// Files of several folders, in `parts` files of 3 MiB.
async fn backup_with(
    vault: &Vault<Indexed>,
    engine: &Engine,
    parts: u64,
    options: BackupOptions,
) -> backup::Result<Committed> {
    let backup = vault.backup(engine, options)?;
    let written = async {
        for number in 0..parts {
            let mut file = backup.file(format!("photos/{}/{number}.jpg", number % 3), FileMeta::default())?;
            file.write(Bytes::from(random(3 << 20, number))).await?;
            file.finish().await?;
        }
        Ok(())
    };
    match written.await {
        Ok(()) => backup.commit(|_| spec()).await,
        Err(error) => {
            backup.abort().await;
            Err(error)
        }
    }
}

async fn backup(vault: &Vault<Indexed>, parts: u64, proof: Depth) -> backup::Result<Committed> {
    backup_with(vault, &engine(), parts, options(proof)).await
}

/// The error names `kind` and `id` as something that the store did not keep.
fn not_kept(error: &Error, kind: file::Kind, id: Id) -> bool {
    matches!(error, Error::Vault(VaultError::NotKept { kind: found, id: named, .. }) if *found == kind && *named == id)
        && error.to_string().contains(&id.to_string())
}

/// Every pack that the index knows, with the blobs of which kind are in it and how long it is.
fn packs(vault: &Vault<Indexed>) -> Vec<(Id, pack::Kind, u64)> {
    let described =
        |(id, entries): (Id, Vec<pack::Entry>)| (id, entries.first().unwrap().kind, pack::size_bytes(&entries));
    vault.index().read(|index| index.by_pack().map(described).collect())
}

fn pack_of(vault: &Vault<Indexed>, kind: pack::Kind) -> Id {
    packs(vault).into_iter().find(|(_, found, _)| *found == kind).unwrap().0
}

/// The names of the files put below `folder`.
fn puts(faulty: &Faulty, folder: &str) -> Vec<Id> {
    let calls = faulty.calls();
    let puts = calls.iter().filter(|(operation, _)| *operation == Operation::Put).filter_map(|(_, key)| key.as_ref());
    puts.filter(|key| key.as_str().starts_with(folder)).map(|key| key.file_name().parse().unwrap()).collect()
}

fn requests(faulty: &Faulty, operation: Operation, folder: &str) -> usize {
    let below = |key: &Option<keepsake_store::Key>| key.as_ref().is_some_and(|key| key.as_str().starts_with(folder));
    faulty.calls().iter().filter(|(made, key)| *made == operation && below(key)).count()
}

/// A backup of the same source through an honest store is complete, restores to the source, and leaves nothing wrong but
/// that `left_over` is in no index.
async fn next_backup_is_whole(place: &Place, parts: u64, left_over: &[Id]) {
    let committed = backup(&place.vault().await, parts, Depth::Read).await.unwrap();
    let restored = restore(&place.vault().await, &committed.snapshot).await;
    for number in 0..parts {
        let path = restored.path().join(format!("photos/{}/{number}.jpg", number % 3));
        assert!(fs::read(path).unwrap() == random(3 << 20, number), "{number}");
    }
    let vault = place.vault().await;
    assert!(packs(&vault).iter().all(|(pack, ..)| !left_over.contains(pack)), "a later backup would build on it");
    let report = vault.to_open().check(&check::Options::new(Level::All), &CancellationToken::new()).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    let unused = report.hints.iter().filter_map(|hint| match hint {
        Hint::PackUnused { pack, .. } => Some(*pack),
        _ => None,
    });
    let unused: Vec<Id> = unused.collect();
    assert!(left_over.iter().all(|pack| unused.contains(pack)), "{:?}", report.hints);
    assert_eq!(report.hints.len(), unused.len(), "{:?}", report.hints);
}

#[tokio::test]
async fn what_was_kept_is_proven_and_counted() {
    for depth in DEPTHS {
        let place = Place::new().await;
        let faulty = place.faulty(1, vec![]);
        let vault = place.vault_on(faulty.clone()).await;
        let first = backup(&vault, 12, depth).await.unwrap();
        let all = packs(&vault);
        let read_back = |kind: pack::Kind| depth == Depth::Read || kind == pack::Kind::Tree;
        let read_bytes = all.iter().filter(|(_, kind, _)| read_back(*kind)).map(|(.., bytes)| bytes).sum::<u64>();
        let proof = first.proof;
        assert_eq!((proof.depth, proof.packs, proof.older_packs), (depth, all.len() as u64, 0));
        assert_eq!((proof.trees, proof.read_bytes), (5, read_bytes));
        assert_eq!(proof.blobs, first.stats.chunks - first.stats.trees_new);
        // One request for each pack, and for each index file.
        let read = all.iter().filter(|(_, kind, _)| read_back(*kind)).count();
        let asked = |operation| requests(&faulty, operation, "data/");
        assert_eq!((asked(Operation::GetStream), asked(Operation::Head)), (read, all.len() - read));
        assert_eq!(asked(Operation::List), 0);
        assert!(puts(&faulty, "index/").len() >= 2);
        assert_eq!(requests(&faulty, Operation::GetStream, "index/"), puts(&faulty, "index/").len());
        // What was stored before is there, and is not read again.
        let second = backup(&place.vault().await, 13, depth).await.unwrap();
        assert!(second.proof.read_bytes < 4 << 20 && second.proof.older_packs >= 2, "{:?}", second.proof);
        // A backup that found all of it there wrote nothing but its snapshot.
        let third = backup(&place.vault().await, 13, depth).await.unwrap();
        assert_eq!((third.proof.packs, third.proof.read_bytes), (0, 0));
        assert!(third.proof.older_packs >= 3, "{:?}", third.proof);
    }
}

#[tokio::test]
async fn s13_a_pack_that_the_store_changed_is_in_no_index_and_the_next_backup_stores_it_anew() {
    for (fault, depth, number) in [
        (Fault::FlipBit, Depth::Read, 1),
        // Of 36 MiB the third pack comes while others are in flight.
        (Fault::FlipBit, Depth::Read, 3),
        (Fault::Truncate, Depth::Read, 2),
        (Fault::Truncate, Depth::Listed, 1),
    ] {
        let place = Place::new().await;
        let faulty = place.faulty(5, vec![Rule::on(Operation::Put, When::Nth(number), fault).for_key("data/")]);
        let error = backup(&place.vault_on(faulty.clone()).await, 12, depth).await.unwrap_err();
        assert_eq!(faulty.injected(), 1);
        let bad = puts(&faulty, "data/")[usize::try_from(number).unwrap() - 1];
        assert!(not_kept(&error, file::Kind::Pack, bad), "{fault:?} {depth:?}: {error}");
        assert_eq!(place.snapshots().await, 0);
        next_backup_is_whole(&place, 12, &[bad]).await;
    }
}

#[tokio::test]
async fn s13_folder_listings_index_files_and_snapshots_are_read_back_at_any_depth() {
    for fault in [Fault::FlipBit, Fault::Truncate] {
        for (folder, kind, number) in
            [("data/", file::Kind::Pack, 1), ("index/", file::Kind::Index, 1), ("snapshots/", file::Kind::Snapshot, 1)]
        {
            let place = Place::new().await;
            let faulty = place.faulty(5, vec![Rule::on(Operation::Put, When::Nth(number), fault).for_key(folder)]);
            let vault = place.vault_on(faulty.clone()).await;
            // Without files there is but the pack of the listings.
            let error = backup(&vault, 0, Depth::Listed).await.unwrap_err();
            assert_eq!(faulty.injected(), 1);
            assert!(not_kept(&error, kind, puts(&faulty, folder)[0]), "{folder} {fault:?}: {error}");
            let readable = vault.list(file::Kind::Snapshot, &CancellationToken::new()).await.unwrap().files;
            assert_eq!(readable.len(), usize::from(kind == file::Kind::Snapshot));
            for damaged in readable {
                vault.snapshot(&damaged.id, &CancellationToken::new()).await.unwrap_err();
            }
            match kind {
                file::Kind::Pack => next_backup_is_whole(&place, 1, &puts(&faulty, folder)[..1]).await,
                // Nothing that it names counts as stored, in this program either.
                file::Kind::Index => assert!(vault.index().read(|index| index.is_empty())),
                _ => drop(backup(&place.vault().await, 1, Depth::Listed).await.unwrap()),
            }
        }
    }
}

/// What happens to an older pack.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Lose,
    Shorten,
    /// Of the first blob, a bit.
    Flip,
}

fn harm(place: &Place, pack: Id, harm: Harm) {
    let path = place.folder.path().join(file::Kind::Pack.key(&pack).as_str());
    let mut bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    match harm {
        Harm::Lose => return,
        Harm::Shorten => bytes.truncate(bytes.len() / 2),
        Harm::Flip => *bytes.get_mut(20).unwrap() ^= 1,
    }
    fs::write(path, bytes).unwrap();
}

fn lost(error: &Error) -> BTreeSet<Id> {
    let Error::OlderPacksLost { packs } = error else { panic!("{error}") };
    assert!(packs.iter().all(|pack| error.to_string().contains(&pack.to_string())), "{error}");
    packs.clone()
}

#[tokio::test]
async fn an_older_pack_that_the_snapshot_needs_must_be_there_too() {
    for (kind, harms) in [
        (pack::Kind::Data, &[Harm::Lose, Harm::Shorten][..]),
        (pack::Kind::Tree, &[Harm::Lose, Harm::Shorten, Harm::Flip]),
    ] {
        for how in harms {
            let place = Place::new().await;
            backup(&place.vault().await, 2, Depth::Read).await.unwrap();
            // The index still names it, so the next backup stores nothing of it again.
            let vault = place.vault().await;
            let bad = pack_of(&vault, kind);
            harm(&place, bad, *how);
            for depth in DEPTHS {
                let error = backup(&vault, 2, depth).await.unwrap_err();
                assert_eq!(lost(&error), BTreeSet::from([bad]), "{how:?}");
                assert_eq!(place.snapshots().await, 1);
            }
        }
    }
}

#[tokio::test]
async fn older_packs_that_are_lost_are_named_all_at_once_and_a_backup_without_them_stores_their_blobs_anew() {
    let place = Place::new().await;
    let first = backup(&place.vault().await, 12, Depth::Read).await.unwrap();
    let vault = place.vault().await;
    let data: Vec<Id> =
        packs(&vault).into_iter().filter(|(_, kind, _)| *kind == pack::Kind::Data).map(|(pack, ..)| pack).collect();
    let bad = [(data[0], Harm::Lose), (data[1], Harm::Shorten), (pack_of(&vault, pack::Kind::Tree), Harm::Flip)];
    for (pack, how) in bad {
        harm(&place, pack, how);
    }
    // Below the listing that is lost lies what the other packs are needed for.
    let packs = lost(&backup(&vault, 12, Depth::Read).await.unwrap_err());
    assert_eq!(packs, bad.into_iter().map(|(pack, _)| pack).collect());
    let rest = vault.without_packs(&packs);
    let second = backup(&rest, 12, Depth::Read).await.unwrap();
    assert!(second.stats.bytes_new > 0 && second.proof.packs > 0, "{:?}", second.stats);
    assert_eq!((second.tree, vault.index().read(|index| index.packs().len())), (first.tree, data.len() + 1));

    // The index in the store still names them; where there is another place, they are in nobody's way.
    let third = backup(&place.vault().await, 12, Depth::Read).await.unwrap();
    assert_eq!((third.tree, third.proof.packs, third.stats.bytes_new), (first.tree, 0, 0));
    let vault = place.vault().await;
    for snapshot in [first.snapshot, second.snapshot, third.snapshot] {
        let restored = restore(&vault, &snapshot).await;
        for number in 0..12 {
            let path = restored.path().join(format!("photos/{}/{number}.jpg", number % 3));
            assert!(fs::read(path).unwrap() == random(3 << 20, number), "{number}");
        }
    }
    let report = vault.to_open().check(&check::Options::new(Level::All), &CancellationToken::new()).await.unwrap();
    assert!(report.findings.len() >= packs.len(), "{:?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.affects.is_empty()), "{:?}", report.findings);
}

#[tokio::test]
async fn a_store_that_lies_when_it_is_read_is_not_believed_and_one_that_fails_is_told_apart() {
    let place = Place::new().await;
    for fault in [Fault::FlipBit, Fault::Truncate] {
        let faulty = place.faulty(9, vec![Rule::on(Operation::GetStream, When::Nth(1), fault).for_key("data/")]);
        let error = backup(&place.vault_on(faulty).await, 1, Depth::Read).await.unwrap_err();
        assert!(matches!(error, Error::Vault(VaultError::NotKept { .. })), "{fault:?}: {error}");
    }
    backup(&place.vault().await, 1, Depth::Read).await.unwrap();
    // Folder listings are opened and compared with their names, also those that the vault had.
    let faulty = place.faulty(9, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    for fault in [Fault::FlipBit, Fault::Truncate] {
        faulty.set_rules(vec![Rule::on(Operation::GetRange, When::Always, fault).for_key("data/")]);
        let error = backup(&vault, 1, Depth::Listed).await.unwrap_err();
        let packs = lost(&error);
        assert_eq!(packs, BTreeSet::from([pack_of(&vault, pack::Kind::Tree)]), "{fault:?}");
        // Nor are those that were stored and read back just now: another attempt would not help.
        let error = backup(&vault.without_packs(&packs), 1, Depth::Listed).await.unwrap_err();
        assert!(matches!(error, Error::Vault(VaultError::DamagedBlob { .. })), "{fault:?}: {error}");
    }
    for operation in [Operation::GetStream, Operation::GetRange] {
        faulty.set_rules(vec![Rule::on(operation, When::Always, Fault::Denied).for_key("data/")]);
        let error = backup(&vault, 2, Depth::Read).await.unwrap_err();
        let denied = matches!(error, Error::Vault(VaultError::Store(keepsake_store::Error::AccessDenied { .. })));
        assert!(denied, "{error}");
    }
}

#[tokio::test]
async fn older_packs_are_listed_where_it_costs_less_and_asked_for_if_a_listing_leaves_them_out() {
    let place = Place::new().await;
    backup(&place.vault().await, 12, Depth::Listed).await.unwrap();
    for (rules, asked) in
        [(vec![], 0..1), (vec![Rule::on(Operation::List, When::Always, Fault::LoseListing(2)).for_key("data")], 1..9)]
    {
        let faulty = place.faulty(1, vec![]);
        let vault = place.vault_on(faulty.clone()).await;
        faulty.set_rules(rules);
        let committed = backup(&vault, 12, Depth::Listed).await.unwrap();
        assert_eq!(committed.proof.packs, 0);
        assert_eq!(requests(&faulty, Operation::List, "data"), 1);
        assert!(asked.contains(&requests(&faulty, Operation::Head, "data")));
        // Five folders, which lie together: one read for each level of folders at most.
        assert!(requests(&faulty, Operation::GetRange, "data") <= 3);
    }
}

#[tokio::test]
async fn many_folders_are_read_in_few_requests() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for number in 0..600 {
        let folder = source.path().join(format!("{}/{number}", number % 7));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("note"), number.to_string()).unwrap();
    }
    let faulty = place.faulty(1, vec![]);
    let backup = place.vault_on(faulty.clone()).await.backup(&engine(), options(Depth::Listed)).unwrap();
    backup.add_path(source.path(), b"notes").await.unwrap();
    let committed = backup.commit(|_| spec()).await.unwrap();
    assert!(committed.proof.trees >= 608 && committed.proof.blobs == 600, "{:?}", committed.proof);
    let requests = requests(&faulty, Operation::GetRange, "data");
    assert!(requests < 20, "{requests} requests");
}

#[tokio::test]
async fn a_proof_can_be_stopped() {
    let place = Place::new().await;
    backup(&place.vault().await, 12, Depth::Read).await.unwrap();
    for (operation, parts, depth) in [
        (Operation::Head, 13, Depth::Listed),
        (Operation::GetStream, 13, Depth::Read),
        (Operation::List, 12, Depth::Read),
        (Operation::GetRange, 12, Depth::Read),
    ] {
        let faulty = place.faulty(1, vec![]);
        let vault = place.vault_on(faulty.clone()).await;
        // A store that never answers, and a caller that loses patience.
        let slow = Fault::Slow(Duration::from_secs(3600));
        faulty.set_rules(vec![Rule::on(operation, When::Always, slow).for_key("data")]);
        let options = options(depth);
        let cancel = options.cancel.clone();
        let stopper = async {
            while faulty.injected() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.cancel();
        };
        let engine = engine();
        let stopped = async { tokio::join!(backup_with(&vault, &engine, parts, options), stopper).0 };
        let error = tokio::time::timeout(Duration::from_secs(20), stopped).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{operation:?}: {error}");
        assert_eq!(place.snapshots().await, 1);
    }
}

#[tokio::test]
async fn reading_back_needs_no_memory_of_its_own_and_is_never_stuck() {
    for memory_bytes in [1, 24 << 20] {
        let place = Place::new().await;
        let engine = tiny_engine(memory_bytes);
        let vault = place.vault().await;
        let work = backup_with(&vault, &engine, 20, options(Depth::Read));
        let committed = tokio::time::timeout(Duration::from_secs(120), work).await.unwrap().unwrap();
        assert!(committed.proof.read_bytes > 60 << 20);
        assert!(engine.peak_bytes() < 44 << 20, "{}", engine.peak_bytes());
        assert_eq!(engine.used_bytes(), 0);
    }
}
