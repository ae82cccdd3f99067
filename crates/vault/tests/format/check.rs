//! Check: what it finds, how exactly, and what it does not take for a fault.

use crate::sample::{self, go};
use bytes::Bytes;
use futures::TryStreamExt as _;
use keepsake_store::{DynStore, Key, Memory, Store as _};
use keepsake_vault::{
    Id, Vault, blob,
    check::{Fault, Hint, Level, Options, Report},
    file, index, pack,
    snapshot::Snapshot,
    time::Time,
    tree::{Kind, Node, Tree},
};
use std::sync::{Arc, atomic::Ordering};

pub async fn check(vault: &Vault, level: Level) -> Report {
    vault.check(&Options::new(level), &go()).await.unwrap()
}

async fn sample() -> (Arc<Memory>, Vault, Id, Id) {
    let memory = Arc::new(Memory::new());
    let (vault, first, second) = sample::two_snapshots(memory.clone()).await;
    (memory, vault, first, second)
}

async fn put_pack(vault: &Vault, blobs: &[(pack::Kind, &[u8])]) -> pack::Finished {
    let mut builder = pack::Builder::new();
    for (kind, plaintext) in blobs {
        let (sealed, length) = blob::seal(vault.key(), plaintext, None).unwrap();
        builder.add(*kind, Id::of(plaintext), sealed.into(), length).unwrap();
    }
    let pack = builder.finish(vault.key()).unwrap();
    vault.put_pack(&pack).await.unwrap();
    pack
}

async fn put_index(vault: &Vault, pack: Id, blobs: Vec<pack::Entry>) {
    let file = index::File { packs: vec![index::PackBlobs { id: pack, blobs }], ..Default::default() };
    vault.put_document(file::Kind::Index, file.encode()).await.unwrap();
}

#[tokio::test]
async fn a_sound_vault_is_sound_at_every_level_and_is_counted() {
    let (_, vault, ..) = sample().await;
    for level in [Level::Structure, Level::Hashes, Level::All] {
        let options = Options::new(level);
        let report = vault.check(&options, &go()).await.unwrap();
        assert!(report.is_sound() && report.hints.is_empty(), "{report:?}");
        assert_eq!((report.snapshots, report.packs, report.trees), (2, 4, 9), "{report:?}");
        let counter = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let progress = &options.progress;
        assert_eq!(counter(&progress.packs_done), counter(&progress.packs_total));
        assert_eq!(counter(&progress.bytes_done), counter(&progress.bytes_total));
        assert_eq!((counter(&progress.trees_done), counter(&progress.snapshots_total)), (9, 2));
        assert_eq!(report.read_bytes > 0, level > Level::Structure);
    }
}

#[tokio::test]
async fn leftovers_duplicates_and_strangers_are_hints() {
    let (memory, vault, ..) = sample().await;
    let some = sample::files()[b"manifest.json".as_slice()].clone();
    put_pack(&vault, &[(pack::Kind::Data, b"never finished")]).await;
    let twice = put_pack(&vault, &[(pack::Kind::Data, &some), (pack::Kind::Tree, b"{}")]).await;
    put_index(&vault, twice.id, twice.entries.clone()).await;
    put_index(&vault, twice.id, twice.entries.clone()).await;
    memory.put(&Key::parse("data/notes.txt").unwrap(), Bytes::from_static(b"hi").into()).await.unwrap();
    let lock = br#"{"time":"2026-06-06T12:00:00Z","exclusive":true,"hostname":"h","username":"u","pid":7}"#;
    vault.put_document(file::Kind::Lock, lock.to_vec()).await.unwrap();
    let report = check(&vault, Level::All).await;
    assert!(report.is_sound(), "{report:?}");
    let mut kinds = Vec::new();
    for hint in &report.hints {
        kinds.push(match hint {
            Hint::PackUnused { .. } => "unused",
            Hint::DuplicateBlobs { count: 1 } => "duplicates",
            Hint::MixedPacks { count: 1 } => "mixed",
            Hint::Foreign { key } if key == "data/notes.txt" => "foreign",
            Hint::Locked { holder, .. } if holder.contains("u@h") => "locked",
            other => panic!("{other}"),
        });
    }
    kinds.sort_unstable();
    assert_eq!(kinds, ["duplicates", "foreign", "locked", "mixed", "unused"]);
}

#[tokio::test]
async fn a_fault_whose_blobs_have_another_copy_touches_nothing() {
    let (memory, vault, ..) = sample().await;
    let indexed = vault.clone().load_index(&go()).await.unwrap();
    let places: Vec<_> = indexed.index().read(|index| index.iter().collect());
    let victim = places.iter().find(|place| place.entry.kind == pack::Kind::Data).unwrap().pack;
    let mut copies = Vec::new();
    for place in places.iter().filter(|place| place.pack == victim) {
        copies.push((place.entry.kind, indexed.read_blob_at(place).await.unwrap()));
    }
    let copies: Vec<_> = copies.iter().map(|(kind, plaintext)| (*kind, plaintext.as_slice())).collect();
    let copy = put_pack(&vault, &copies).await;
    put_index(&vault, copy.id, copy.entries.clone()).await;
    memory.delete(&file::Kind::Pack.key(&victim)).await.unwrap();
    let report = check(&vault, Level::All).await;
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert_eq!(report.findings[0].fault, Fault::PackMissing { pack: victim });
    assert_eq!(report.findings[0].affects, []);
}

#[tokio::test]
async fn every_flipped_byte_of_every_file_is_found_at_level_all() {
    let (memory, vault, ..) = sample().await;
    let objects: Vec<_> = memory.list(None).try_collect().await.unwrap();
    for (number, meta) in objects.iter().filter(|meta| !matches!(meta.key.as_str(), "config")).enumerate() {
        let sound = memory.get(&meta.key).await.unwrap();
        // Another place in each file.
        let at = (number * 7919) % sound.len();
        let mut broken = sound.to_vec();
        broken[at] ^= 1;
        memory.overwrite(&meta.key, broken.into());
        let report = check(&vault, Level::All).await;
        assert!(!report.is_sound(), "{} at {at}", meta.key);
        if meta.key.as_str().starts_with("data/") {
            assert!(!check(&vault, Level::Hashes).await.is_sound(), "{} at {at}", meta.key);
        }
        memory.overwrite(&meta.key, sound);
    }
    assert!(check(&vault, Level::All).await.is_sound());
}

#[tokio::test]
async fn a_wrong_hash_at_level_hashes_is_narrowed_to_the_blobs() {
    let (memory, vault, first, second) = sample().await;
    let indexed = vault.clone().load_index(&go()).await.unwrap();
    let photo = &sample::files()[b"files/photos/ceremony <1> & more.jpg".as_slice()];
    let blob = Id::of(&photo[..4096]);
    let place = indexed.index().lookup(pack::Kind::Data, &blob).unwrap();
    let name = file::Kind::Pack.key(&place.pack);
    let mut broken = memory.get(&name).await.unwrap().to_vec();
    broken[place.entry.offset as usize + 100] ^= 1;
    memory.overwrite(&name, broken.into());
    for level in [Level::Hashes, Level::All] {
        let report = check(&vault, level).await;
        let touched: Vec<_> = report.findings.iter().filter(|finding| !finding.affects.is_empty()).collect();
        assert_eq!(touched.len(), 1);
        assert!(matches!(&touched[0].fault, Fault::BlobDamaged { blob: found, .. } if *found == blob));
        let mut snapshots: Vec<Id> = touched[0].affects.iter().map(|affected| affected.snapshot).collect();
        snapshots.sort_unstable();
        let mut both = [first, second];
        both.sort_unstable();
        assert_eq!(snapshots, both);
        assert!(touched[0].affects.iter().all(|affected| affected.paths == ["files/photos/ceremony <1> & more.jpg"]));
        assert_eq!(report.affected_snapshots().len(), 2);
    }
    assert!(check(&vault, Level::Structure).await.is_sound(), "structure does not read packs of data");
}

#[tokio::test]
async fn listings_that_cannot_be_right_are_found() {
    let (_, vault, ..) = sample().await;
    let bad = |nodes: Vec<Node>| {
        // Sorted by hand where the encoder would refuse.
        let texts: Vec<String> = nodes
            .into_iter()
            .map(|node| String::from_utf8(Tree { nodes: vec![node] }.encode().unwrap()).unwrap())
            .map(|text| text.trim_end().trim_start_matches("{\"nodes\":[").trim_end_matches("]}").to_owned())
            .collect();
        format!("{{\"nodes\":[{}]}}\n", texts.join(","))
    };
    let cases = [
        bad(vec![Node::new("b", Kind::File), Node::new("a", Kind::File)]),
        bad(vec![Node { content: None, ..Node::new("a", Kind::File) }]),
        bad(vec![Node::new("a", Kind::Dir)]),
        bad(vec![Node::new("a", Kind::Unknown("portal".into()))]),
        "{\"nodes\":7}".to_owned(),
    ];
    let mut roots = Vec::new();
    for json in &cases {
        let pack = put_pack(&vault, &[(pack::Kind::Tree, json.as_bytes())]).await;
        put_index(&vault, pack.id, pack.entries.clone()).await;
        let root = Id::of(json.as_bytes());
        let snapshot = Snapshot::new(Time::zero(), root);
        vault.put_document(file::Kind::Snapshot, snapshot.encode()).await.unwrap();
        roots.push(root);
    }
    let report = check(&vault, Level::Structure).await;
    assert_eq!(report.findings.len(), cases.len(), "{report:?}");
    for finding in &report.findings {
        assert!(matches!(&finding.fault, Fault::TreeInvalid { tree, .. } if roots.contains(tree)), "{}", finding.fault);
        assert_eq!(finding.affects.len(), 1);
        assert_eq!(finding.affects[0].paths, ["/"]);
    }
}

#[tokio::test]
async fn index_files_that_contradict_are_found() {
    let (_, vault, ..) = sample().await;
    let pack = put_pack(&vault, &[(pack::Kind::Data, b"one"), (pack::Kind::Data, b"two")]).await;
    put_index(&vault, pack.id, pack.entries.clone()).await;
    put_index(&vault, pack.id, pack.entries[..1].to_vec()).await;
    let report = check(&vault, Level::Structure).await;
    let faults: Vec<_> = report.findings.iter().map(|finding| &finding.fault).collect();
    assert_eq!(faults, [&Fault::IndexConflict { pack: pack.id }]);
}

#[tokio::test]
async fn a_stated_length_that_is_wrong_is_a_hint() {
    let (_, vault, ..) = sample().await;
    let node = Node { size: 99, ..Node::new("a", Kind::File) };
    let json = Tree { nodes: vec![node] }.encode().unwrap();
    let pack = put_pack(&vault, &[(pack::Kind::Tree, &json)]).await;
    put_index(&vault, pack.id, pack.entries.clone()).await;
    let snapshot = Snapshot::new(Time::zero(), Id::of(&json));
    vault.put_document(file::Kind::Snapshot, snapshot.encode()).await.unwrap();
    let report = check(&vault, Level::Structure).await;
    assert!(report.is_sound());
    assert_eq!(report.hints, [Hint::FileSize { tree: Id::of(&json), count: 1 }]);
}

#[tokio::test]
async fn a_hostile_snapshot_with_more_paths_than_atoms_is_checked_in_time() {
    let (_, vault, ..) = sample().await;
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    let lost = Node { content: Some(vec![Id::of(b"nowhere")]), ..Node::new("lost", Kind::File) };
    blobs.push(Tree { nodes: vec![lost] }.encode().unwrap());
    for _ in 0..40 {
        let subtree = Some(Id::of(blobs.last().unwrap()));
        let nodes = ["a", "b"].map(|name| Node { subtree, ..Node::new(name, Kind::Dir) }).to_vec();
        blobs.push(Tree { nodes }.encode().unwrap());
    }
    let parts: Vec<_> = blobs.iter().map(|json| (pack::Kind::Tree, json.as_slice())).collect();
    let pack = put_pack(&vault, &parts).await;
    put_index(&vault, pack.id, pack.entries.clone()).await;
    let snapshot = Snapshot::new(Time::zero(), Id::of(blobs.last().unwrap()));
    vault.put_document(file::Kind::Snapshot, snapshot.encode()).await.unwrap();
    let report = check(&vault, Level::Structure).await;
    assert_eq!(report.findings.len(), 1);
    assert!(
        report.truncated
            && report.findings[0].affects[0].truncated
            && report.findings[0].affects[0].paths.len() <= 1000
    );
}

#[tokio::test]
async fn the_report_as_json_has_a_stable_shape() {
    let memory = Arc::new(Memory::new());
    let store: DynStore = memory.clone();
    let vault = sample::create(store).await;
    let missing = Id::of(b"nowhere");
    let node = Node { content: Some(vec![missing]), ..Node::new("lost.jpg", Kind::File) };
    let json = Tree { nodes: vec![node] }.encode().unwrap();
    let pack = put_pack(&vault, &[(pack::Kind::Tree, &json)]).await;
    put_index(&vault, pack.id, pack.entries.clone()).await;
    let snapshot = Snapshot::new(Time::zero(), Id::of(&json));
    let id = vault.put_document(file::Kind::Snapshot, snapshot.encode()).await.unwrap();
    let report = serde_json::to_value(check(&vault, Level::Structure).await).unwrap();
    let expected = serde_json::json!({
        "level": "structure",
        "findings": [{
            "fault": "blob-missing", "blob": missing, "kind": "data",
            "affects": [{"snapshot": id, "paths": ["lost.jpg"], "truncated": false}],
        }],
        "hints": [],
        "truncated": false, "snapshots": 1, "packs": 1, "trees": 1, "blobs": 1, "read_bytes": 0,
    });
    assert_eq!(report, expected);
}
