//! Creating, opening, reading and walking.

use crate::sample::{self, clock, go, password, spec};
use bytes::Bytes;
use futures::TryStreamExt as _;
use keepsake_store::{
    DynStore, Memory, Operation,
    fault::{Fault, Faulty, Rule, When},
};
use keepsake_vault::{
    Error, Password, Vault, file, pack,
    password::{HumanPassword, MachineSecret},
};
use rand::{SeedableRng as _, rngs::StdRng};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

async fn try_create(store: DynStore) -> Result<Vault, Error> {
    Vault::create(store, &password(), spec(), &mut StdRng::seed_from_u64(1), &clock(), &go()).await
}

async fn keys_in(store: &DynStore) -> usize {
    store.list(Some(&file::Kind::Key.prefix())).try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test]
async fn a_vault_opens_with_its_secret_and_no_other() {
    let store: DynStore = Arc::new(Memory::new());
    let missing = Vault::open(Arc::clone(&store), &password(), &go()).await.unwrap_err();
    assert!(matches!(missing, Error::NoVault { .. }), "{missing}");
    let made = sample::create(Arc::clone(&store)).await;
    let opened = Vault::open(Arc::clone(&store), &password(), &go()).await.unwrap();
    assert_eq!(opened.config(), made.config());
    assert_eq!(opened.key_file(), made.key_file());
    assert!(opened.key().same(made.key()));
    let other: Password = MachineSecret::parse(&"a1".repeat(32)).unwrap().into();
    let wrong = Vault::open(store, &other, &go()).await.unwrap_err();
    assert!(matches!(wrong, Error::WrongKey { tried: 1, .. }), "{wrong}");
    assert!(!format!("{opened:?}").contains(sample::SECRET));
}

#[tokio::test]
async fn s16_a_person_may_have_a_vault_too() {
    let store: DynStore = Arc::new(Memory::new());
    let human: Password = HumanPassword::new("something borrowed").unwrap().into();
    let mut rng = StdRng::seed_from_u64(1);
    Vault::create(Arc::clone(&store), &human, spec(), &mut rng, &clock(), &go()).await.unwrap();
    assert!(Vault::open(Arc::clone(&store), &human, &go()).await.is_ok());
    assert!(Vault::open(store, &password(), &go()).await.is_err());
}

#[tokio::test]
async fn s15_a_second_creation_is_refused_and_leaves_nothing_behind() {
    let store: DynStore = Arc::new(Memory::new());
    sample::create(Arc::clone(&store)).await;
    assert!(matches!(try_create(Arc::clone(&store)).await, Err(Error::AlreadyExists { .. })));
    assert_eq!(keys_in(&store).await, 1);
}

#[tokio::test]
async fn s15_of_creators_at_the_same_time_one_wins_and_its_vault_opens() {
    let store: DynStore = Arc::new(Memory::new());
    let racers = (0..4_u8).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let secret: Password = MachineSecret::parse(&hex::encode([n; 32])).unwrap().into();
            let mut rng = StdRng::seed_from_u64(n.into());
            (secret.clone(), Vault::create(store, &secret, spec(), &mut rng, &clock(), &go()).await)
        }
    });
    let results = futures::future::join_all(racers).await;
    let winners: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(Vault::open(Arc::clone(&store), &winners[0].0, &go()).await.is_ok());
    assert_eq!(keys_in(&store).await, 1, "losers take their key files back");
}

#[tokio::test]
async fn s15_a_creation_that_was_killed_is_taken_up_by_the_next() {
    let memory: DynStore = Arc::new(Memory::new());
    let rule = Rule::on(Operation::Put, When::Always, Fault::Permanent).for_key("config");
    assert!(try_create(Faulty::new(Arc::clone(&memory), 1, vec![rule])).await.is_err());
    assert_eq!(keys_in(&memory).await, 1, "the key file was stored, the configuration was not");
    let vault = try_create(Arc::clone(&memory)).await.unwrap();
    assert_eq!(keys_in(&memory).await, 1, "its master key is used, so that any tool opens the vault");
    assert!(Vault::open(memory, &password(), &go()).await.unwrap().key().same(vault.key()));
}

#[tokio::test]
async fn s15_what_does_not_read_back_is_no_vault() {
    for (key, fault) in
        [("config", Fault::FlipBit), ("config", Fault::Truncate), ("keys/", Fault::FlipBit), ("keys/", Fault::Truncate)]
    {
        let rule = Rule::on(Operation::Put, When::Always, fault).for_key(key);
        let store = Faulty::new(Arc::new(Memory::new()), 1, vec![rule]);
        let error = try_create(store).await.unwrap_err();
        assert!(matches!(error, Error::NotReadBack { .. }), "{key} {fault:?}: {error}");
    }
}

#[tokio::test]
async fn s15_a_lost_answer_is_no_proof_of_anything() {
    let lost = || Rule::on(Operation::Put, When::Nth(1), Fault::LostAnswer).for_key("config");
    let memory: DynStore = Arc::new(Memory::new());
    assert!(try_create(Faulty::new(Arc::clone(&memory), 1, vec![lost()])).await.is_err());
    // The object is there all the same; a repeated creation must not take it for its own new one.
    assert!(matches!(try_create(Arc::clone(&memory)).await, Err(Error::AlreadyExists { .. })));
    assert!(Vault::open(memory, &password(), &go()).await.is_ok());
}

#[tokio::test]
async fn every_long_call_can_be_cancelled() {
    let store: DynStore = Arc::new(Memory::new());
    let (vault, first, _) = sample::two_snapshots(Arc::clone(&store)).await;
    let indexed = vault.clone().load_index(&go()).await.unwrap();
    let tree = vault.snapshot(&first, &go()).await.unwrap().tree;
    let stop = CancellationToken::new();
    stop.cancel();
    let options = keepsake_vault::check::Options::new(keepsake_vault::check::Level::All);
    assert!(Vault::open(store, &password(), &stop).await.unwrap_err().is_cancelled());
    assert!(vault.clone().load_index(&stop).await.unwrap_err().is_cancelled());
    assert!(vault.snapshots(&stop).await.unwrap_err().is_cancelled());
    assert!(vault.locks(&stop).await.unwrap_err().is_cancelled());
    assert!(vault.check(&options, &stop).await.unwrap_err().is_cancelled());
    assert!(indexed.walk(tree, stop.clone()).try_collect::<Vec<_>>().await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_snapshot_is_walked_in_order_and_files_are_found_by_path() {
    let (vault, first, _) = sample::two_snapshots(Arc::new(Memory::new())).await;
    let vault = vault.load_index(&go()).await.unwrap();
    let root = vault.snapshot(&first, &go()).await.unwrap().tree;
    let found: Vec<_> = vault.walk(root, go()).try_collect().await.unwrap();
    let files: Vec<&[u8]> =
        found.iter().filter(|found| found.node.content.is_some()).map(|found| found.path.as_slice()).collect();
    assert!(files.iter().copied().eq(sample::files().keys().map(Vec::as_slice)));
    assert_eq!(found[0].path, b"files");
    assert_eq!(found.last().unwrap().node.link_target, b"caf\xe9 <&>\x08");

    let find = async |path: &[u8]| vault.find(&root, path, &go()).await.unwrap();
    assert_eq!(find(b"/rows/public.tables.copy").await.unwrap().size, 12);
    assert!(find(b"names//caf\xe9 not utf-8").await.is_some());
    for absent in [b"rows/none".as_slice(), b"", b"manifest.json/x", b"zz link/x"] {
        assert!(find(absent).await.is_none());
    }
    let node = find(b"rows/public.guests.copy").await.unwrap();
    let mut content = Vec::new();
    for blob in node.content.unwrap() {
        content.extend(vault.read_blob(pack::Kind::Data, &blob, &go()).await.unwrap());
    }
    assert_eq!(content, sample::files()[b"rows/public.guests.copy".as_slice()]);
}

#[tokio::test]
async fn a_snapshot_is_found_by_the_start_of_its_id() {
    let (vault, first, second) = sample::two_snapshots(Arc::new(Memory::new())).await;
    assert_eq!(vault.find_snapshot(&first.short(), &go()).await.unwrap().0, first);
    let all = vault.snapshots(&go()).await.unwrap();
    assert_eq!(all.snapshots.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first, second], "oldest first");
    for text in ["", "zz"] {
        assert!(matches!(vault.find_snapshot(text, &go()).await, Err(Error::NoSnapshot { .. })));
    }
}

#[tokio::test]
async fn a_damaged_blob_is_read_from_its_other_place() {
    let memory = Arc::new(Memory::new());
    let (vault, ..) = sample::two_snapshots(memory.clone()).await;
    let before = vault.clone().load_index(&go()).await.unwrap();
    let place = before.index().read(|index| index.iter().find(|place| place.entry.kind == pack::Kind::Data)).unwrap();
    let plaintext = before.read_blob_at(&place).await.unwrap();

    let (sealed, length) = keepsake_vault::blob::seal(vault.key(), &plaintext, None).unwrap();
    let mut builder = pack::Builder::new();
    builder.add(pack::Kind::Data, place.entry.id, sealed.into(), length).unwrap();
    let copy = builder.finish(vault.key()).unwrap();
    vault.put_pack(&copy).await.unwrap();
    before.index().add_pack(copy.id, &copy.entries);

    let name = file::Kind::Pack.key(&place.pack);
    memory.overwrite(&name, Bytes::from_static(b"gone"));
    assert_eq!(before.read_blob(pack::Kind::Data, &place.entry.id, &go()).await.unwrap(), plaintext);
    assert!(before.read_blob_at(&place).await.is_err());
    let missing = before.read_blob(pack::Kind::Tree, &place.entry.id, &go()).await.unwrap_err();
    assert!(matches!(missing, Error::MissingBlob { .. }));
}

#[tokio::test]
async fn s18_nothing_is_written_below_locks_by_default() {
    let memory: DynStore = Arc::new(Memory::new());
    let (vault, first, _) = sample::two_snapshots(Arc::clone(&memory)).await;
    let options = keepsake_vault::check::Options::new(keepsake_vault::check::Level::All);
    assert!(vault.check(&options, &go()).await.unwrap().is_sound());
    let indexed = vault.load_index(&go()).await.unwrap();
    let root = indexed.snapshot(&first, &go()).await.unwrap().tree;
    indexed.walk(root, go()).try_collect::<Vec<_>>().await.unwrap();
    let locks: Vec<_> = memory.list(Some(&file::Kind::Lock.prefix())).try_collect().await.unwrap();
    assert!(locks.is_empty());
}

/// Futures must be able to move between threads, or a server cannot spawn them.
#[tokio::test]
async fn long_calls_can_be_spawned() {
    let store: DynStore = Arc::new(Memory::new());
    tokio::spawn(async move {
        let (vault, first, _) = sample::two_snapshots(store).await;
        let options = keepsake_vault::check::Options::new(keepsake_vault::check::Level::Structure);
        vault.check(&options, &go()).await.unwrap();
        let indexed = vault.load_index(&go()).await.unwrap();
        let root = indexed.snapshot(&first, &go()).await.unwrap().tree;
        indexed.walk(root, go()).try_collect::<Vec<_>>().await.unwrap();
    })
    .await
    .unwrap();
}
