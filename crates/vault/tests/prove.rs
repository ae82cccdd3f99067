//! The proof after a backup, on stores that keep what they were given and on stores that do not.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "backup_support/mod.rs"]
mod support;

use bytes::Bytes;
use keepsake_store::{
    Operation,
    fault::{Fault, Rule, When},
};
use keepsake_vault::{
    Error, Id, Vault,
    backup::{BackupOptions, Committed, Depth, FileMeta, IndexEvery, Proof, ProveOptions},
    blob, file, pack,
    snapshot::Snapshot,
    time::Time,
    tree::{Kind, Node, Tree},
    vault::Indexed,
};
use std::{fs, sync::atomic::Ordering::Relaxed, time::Duration};
use support::{Place, backup_folder, engine, random, spec, tiny_engine};

const DEPTHS: [Depth; 2] = [Depth::Listed, Depth::Read];

async fn prove(vault: &Vault<Indexed>, committed: &Committed, depth: Depth) -> Result<Proof, Error> {
    vault.prove(&engine(), committed, ProveOptions::new(depth)).await
}

/// Files of several folders, in `parts` files of 3 MiB.
async fn backup(vault: &Vault<Indexed>, parts: u64, seed: u64) -> Committed {
    let every = IndexEvery { bytes: 16 << 20, ..IndexEvery::default() };
    let backup = vault.backup(&engine(), BackupOptions { index_every: every, ..BackupOptions::default() }).unwrap();
    for number in 0..parts {
        let mut file = backup.file(format!("photos/{}/{number}.jpg", number % 3), FileMeta::default()).unwrap();
        file.write(Bytes::from(random(3 << 20, seed + number))).await.unwrap();
        file.finish().await.unwrap();
    }
    backup.commit(|_| spec()).await.unwrap()
}

/// The error names `kind` and `id`.
fn names(error: &Error, kind: file::Kind, id: Id) -> bool {
    let text = error.to_string();
    matches!(error, Error::NotKept { kind: found, id: named, .. } if *found == kind && *named == id)
        && text.contains(&id.to_string())
        && text.contains("verify")
}

/// The pack in which the data, or the listings, of a small backup lie.
fn pack_of(vault: &Vault<Indexed>, committed: &Committed, kind: pack::Kind) -> Id {
    let packs = vault.index().read(|index| index.iter().filter(|place| place.entry.kind == kind).collect::<Vec<_>>());
    let is_new = |pack: &Id| committed.written.packs.iter().any(|written| written.id == *pack);
    packs.iter().map(|place| place.pack).find(is_new).unwrap()
}

#[tokio::test]
async fn what_was_kept_is_proven_and_counted() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let first = backup(&vault, 12, 0).await;
    let written: u64 = first.written.packs.iter().map(|pack| pack.size_bytes).sum();
    assert!(first.written.packs.len() >= 3 && first.written.index.len() >= 2, "{:?}", first.written);
    assert_eq!(first.written.packs.len() as u64, first.stats.packs);
    for depth in DEPTHS {
        let options = ProveOptions::new(depth);
        let progress = options.progress.clone();
        let proof = vault.prove(&engine(), &first, options).await.unwrap();
        let read_bytes = if depth == Depth::Read { written } else { 0 };
        assert_eq!((proof.depth, proof.packs, proof.older_packs), (depth, first.stats.packs, 0));
        assert_eq!((proof.trees, proof.read_bytes), (5, read_bytes));
        assert_eq!(proof.blobs, first.stats.chunks - first.stats.trees_new);
        assert_eq!((progress.bytes_total.load(Relaxed), progress.bytes_done.load(Relaxed)), (read_bytes, read_bytes));
    }
    // What was stored before is there, and is not read again.
    let second = backup(&place.vault().await, 13, 0).await;
    let proof = prove(&place.vault().await, &second, Depth::Read).await.unwrap();
    let written: u64 = second.written.packs.iter().map(|pack| pack.size_bytes).sum();
    assert!(proof.read_bytes == written && written < 4 << 20 && proof.older_packs >= 2, "{proof:?}");
    // A backup that found all of it there wrote nothing but its snapshot.
    let third = backup(&place.vault().await, 13, 0).await;
    let proof = prove(&place.vault().await, &third, Depth::Read).await.unwrap();
    assert_eq!((proof.packs, proof.read_bytes, third.written.index.len()), (0, 0, 0));
    assert!(proof.older_packs >= 3, "{proof:?}");
}

#[tokio::test]
async fn a_store_that_changes_what_it_takes_is_caught() {
    for (folder, fault) in [
        ("data/", Fault::FlipBit),
        ("index/", Fault::FlipBit),
        ("snapshots/", Fault::FlipBit),
        ("data/", Fault::Truncate),
        ("index/", Fault::Truncate),
        ("snapshots/", Fault::Truncate),
    ] {
        let place = Place::new().await;
        let faulty = place.faulty(5, vec![Rule::on(Operation::Put, When::Nth(1), fault).for_key(folder)]);
        let vault = place.vault_on(faulty.clone()).await;
        let committed = backup(&vault, 2, 0).await;
        assert_eq!(faulty.injected(), 1, "the backup itself noticed nothing");
        let (kind, id) = match folder {
            "index/" => (file::Kind::Index, committed.written.index[0].id),
            "snapshots/" => (file::Kind::Snapshot, committed.snapshot),
            _ => (file::Kind::Pack, first_put(&faulty.calls(), folder)),
        };
        let error = prove(&vault, &committed, Depth::Read).await.unwrap_err();
        assert!(names(&error, kind, id), "{folder} {fault:?}: {error}");
        // A snapshot is read at any depth; for the rest a listing shows lengths and no more.
        let listed = prove(&vault, &committed, Depth::Listed).await;
        match (fault, kind, listed) {
            (Fault::FlipBit, file::Kind::Pack | file::Kind::Index, Ok(_)) => {}
            (_, _, Err(error)) => assert!(names(&error, kind, id), "{folder} {fault:?}: {error}"),
            (_, _, Ok(proof)) => panic!("{folder} {fault:?}: {proof:?}"),
        }
    }
}

fn first_put(calls: &[(Operation, Option<keepsake_store::Key>)], folder: &str) -> Id {
    let mut puts =
        calls.iter().filter(|(operation, _)| *operation == Operation::Put).filter_map(|(_, key)| key.as_ref());
    puts.find(|key| key.as_str().starts_with(folder)).unwrap().file_name().parse().unwrap()
}

#[tokio::test]
async fn a_file_that_vanished_or_shrank_is_named_at_any_depth() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let committed = backup(&vault, 3, 0).await;
    let mut files: Vec<_> = committed.written.packs.iter().map(|pack| (file::Kind::Pack, pack.id)).collect();
    files.extend(committed.written.index.iter().map(|index| (file::Kind::Index, index.id)));
    files.push((file::Kind::Snapshot, committed.snapshot));
    assert!(files.len() >= 4, "{files:?}");
    for (kind, id) in files {
        let path = place.folder.path().join(kind.key(&id).as_str());
        let sound = fs::read(&path).unwrap();
        for depth in DEPTHS {
            fs::remove_file(&path).unwrap();
            let error = prove(&vault, &committed, depth).await.unwrap_err();
            assert!(names(&error, kind, id), "{kind} {depth:?}: {error}");
            for length in [sound.len() - 1, 0] {
                fs::write(&path, &sound[..length]).unwrap();
                let error = prove(&vault, &committed, depth).await.unwrap_err();
                assert!(names(&error, kind, id), "{kind} {depth:?} {length}: {error}");
            }
            fs::write(&path, [&sound[..], b"more"].concat()).unwrap();
            let error = prove(&vault, &committed, depth).await.unwrap_err();
            assert!(names(&error, kind, id), "{kind} {depth:?}: {error}");
            fs::write(&path, &sound).unwrap();
            prove(&vault, &committed, depth).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_older_pack_that_the_snapshot_needs_must_be_there_too() {
    let place = Place::new().await;
    let first = backup(&place.vault().await, 2, 0).await;
    let lost = pack_of(&place.vault().await, &first, pack::Kind::Data);
    let path = place.folder.path().join(file::Kind::Pack.key(&lost).as_str());
    let sound = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    // The index still names it, so the next backup stores nothing of it again.
    let vault = place.vault().await;
    let second = backup(&vault, 2, 0).await;
    assert_eq!(second.stats.packs, 0);
    for depth in DEPTHS {
        let error = prove(&vault, &second, depth).await.unwrap_err();
        assert!(names(&error, file::Kind::Pack, lost), "{error}");
    }
    fs::write(&path, &sound[1..]).unwrap();
    let error = prove(&vault, &second, Depth::Listed).await.unwrap_err();
    assert!(names(&error, file::Kind::Pack, lost), "{error}");
    fs::write(&path, sound).unwrap();
    prove(&vault, &second, Depth::Read).await.unwrap();
}

#[tokio::test]
async fn a_store_that_lies_when_it_is_read_is_caught() {
    let place = Place::new().await;
    let committed = backup(&place.vault().await, 3, 0).await;
    let faulty = place.faulty(9, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    let data = pack_of(&vault, &committed, pack::Kind::Data);
    for fault in [Fault::FlipBit, Fault::Truncate] {
        faulty.set_rules(vec![Rule::on(Operation::GetRange, When::Nth(1), fault).for_key(data.to_string())]);
        let error = prove(&vault, &committed, Depth::Read).await.unwrap_err();
        assert!(names(&error, file::Kind::Pack, data), "{fault:?}: {error}");
    }
    // Folder listings are opened and compared with their names, so no depth believes a wrong one.
    let trees = pack_of(&vault, &committed, pack::Kind::Tree);
    for fault in [Fault::FlipBit, Fault::Truncate] {
        faulty.set_rules(vec![Rule::on(Operation::GetRange, When::Always, fault).for_key(trees.to_string())]);
        let error = prove(&vault, &committed, Depth::Listed).await.unwrap_err();
        assert!(matches!(&error, Error::DamagedBlob { pack, .. } if *pack == trees), "{fault:?}: {error}");
    }
    // Trouble that is no lie is said as it is.
    faulty.set_rules(vec![Rule::on(Operation::GetRange, When::Always, Fault::Denied)]);
    let error = prove(&vault, &committed, Depth::Read).await.unwrap_err();
    assert!(matches!(error, Error::Store(keepsake_store::Error::AccessDenied { .. })), "{error}");
    faulty.set_rules(vec![]);
    prove(&vault, &committed, Depth::Read).await.unwrap();
}

#[tokio::test]
async fn a_listing_is_used_where_it_costs_less_and_what_it_leaves_out_is_asked_for() {
    let place = Place::new().await;
    let committed = backup(&place.vault().await, 12, 0).await;
    let faulty = place.faulty(1, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    let requests = |operation: Operation, before: usize| {
        let calls = faulty.calls().split_off(before);
        let below =
            |key: &Option<keepsake_store::Key>| key.as_ref().is_some_and(|key| key.as_str().starts_with("data"));
        calls.iter().filter(|(made, key)| *made == operation && below(key)).count()
    };
    let before = faulty.calls().len();
    prove(&vault, &committed, Depth::Listed).await.unwrap();
    assert_eq!((requests(Operation::List, before), requests(Operation::Head, before)), (1, 0));
    // Five folders, which lie together: one read for each level of folders at most.
    assert!(requests(Operation::GetRange, before) <= 3);
    faulty.set_rules(vec![Rule::on(Operation::List, When::Always, Fault::LoseListing(2))]);
    let before = faulty.calls().len();
    prove(&vault, &committed, Depth::Listed).await.unwrap();
    assert!(requests(Operation::Head, before) >= 1);
}

#[tokio::test]
async fn a_blob_that_no_index_file_names_is_found() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let mut committed = backup(&vault, 1, 0).await;
    let nowhere = Id::of(b"nowhere");
    let cases = [
        (pack::Kind::Data, Node { content: Some(vec![nowhere]), ..Node::new("guests", Kind::File) }),
        (pack::Kind::Tree, Node { subtree: Some(nowhere), ..Node::new("photos", Kind::Dir) }),
    ];
    for (kind, node) in cases {
        let json = Tree { nodes: vec![node] }.encode().unwrap();
        let mut builder = pack::Builder::new();
        let (sealed, uncompressed) = blob::seal(vault.key(), &json, None).unwrap();
        builder.add(pack::Kind::Tree, Id::of(&json), Bytes::from(sealed), uncompressed).unwrap();
        let finished = builder.finish(vault.key()).unwrap();
        vault.put_pack(&finished).await.unwrap();
        vault.index().add_pack(finished.id, &finished.entries);
        let snapshot = Snapshot::new(Time::zero(), Id::of(&json));
        committed.snapshot = vault.put_document(file::Kind::Snapshot, snapshot.encode()).await.unwrap();
        let error = prove(&vault, &committed, Depth::Listed).await.unwrap_err();
        assert!(matches!(error, Error::MissingBlob { kind: found, id } if found == kind && id == nowhere), "{error}");
    }
}

#[tokio::test]
async fn a_proof_can_be_stopped() {
    let place = Place::new().await;
    let committed = backup(&place.vault().await, 3, 0).await;
    for operation in [Operation::GetStream, Operation::Head, Operation::List, Operation::GetRange] {
        let faulty = place.faulty(1, vec![]);
        let vault = place.vault_on(faulty.clone()).await;
        // A store that never answers, and a caller that loses patience.
        faulty.set_rules(vec![Rule::on(operation, When::Always, Fault::Slow(Duration::from_secs(3600)))]);
        let options = ProveOptions::new(Depth::Read);
        let cancel = options.cancel.clone();
        let stopper = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            cancel.cancel();
        });
        let result = tokio::time::timeout(Duration::from_secs(20), vault.prove(&engine(), &committed, options)).await;
        let error = result.unwrap().unwrap_err();
        assert!(error.is_cancelled() && faulty.injected() > 0, "{operation:?}: {error}");
        stopper.await.unwrap();
    }
}

#[tokio::test]
async fn memory_stays_within_the_budget() {
    let place = Place::new().await;
    let vault = place.vault().await;
    let committed = backup(&vault, 20, 0).await;
    for memory_bytes in [1, 24 << 20] {
        let engine = tiny_engine(memory_bytes);
        let proof = vault.prove(&engine, &committed, ProveOptions::new(Depth::Read)).await.unwrap();
        assert!(proof.read_bytes > 60 << 20);
        assert!(engine.peak_bytes() <= memory_bytes.max(8 << 20), "{}", engine.peak_bytes());
        assert_eq!(engine.used_bytes(), 0);
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
    let committed = backup_folder(&place.vault().await, source.path(), None).await;
    let faulty = place.faulty(1, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    let before = faulty.calls().len();
    let proof = prove(&vault, &committed, Depth::Listed).await.unwrap();
    assert!(proof.trees >= 608 && proof.blobs == 600, "{proof:?}");
    let requests = faulty.calls().len() - before;
    assert!(requests < 20, "{requests} requests");
}
