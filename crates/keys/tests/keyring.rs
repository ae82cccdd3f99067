//! The keyring through its public interface, over a store that an attacker may write to.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, like tests")]

use jiff::Timestamp;
use keepsake_domain::VaultId;
use keepsake_keys::{Binding, EntryName, Error, Keyring, MasterKey, VaultSecret};
use keepsake_store::{
    DynStore, Key, Local, Memory, Operation, Store,
    fault::{Fault, Faulty, Rule, When},
    retry::{Policy, Retrying},
};
use rand::{SeedableRng, rngs::StdRng};
use std::sync::Arc;

/// A keyring on a fresh store, with helpers that keep the tests short.
struct Bench {
    store: Arc<Memory>,
    folder: tempfile::TempDir,
    keyring: Keyring,
    random: StdRng,
}

impl Bench {
    fn new() -> Self {
        Self::over(|store| store)
    }

    /// The keyring sees the store through what `wrap` puts around it.
    fn over(wrap: impl FnOnce(DynStore) -> DynStore) -> Self {
        let (store, folder) = (Arc::new(Memory::new()), tempfile::tempdir().unwrap());
        let mut random = StdRng::seed_from_u64(1);
        let master = MasterKey::create(&folder.path().join("master.key"), &mut random).unwrap();
        Self { keyring: Keyring::new(wrap(store.clone()), master), store, folder, random }
    }

    /// The same store through another master key.
    fn other_master(&mut self) -> Keyring {
        let path = self.folder.path().join("other.key");
        Keyring::new(self.store.clone(), MasterKey::create(&path, &mut self.random).unwrap())
    }

    async fn add(&mut self, vault: VaultId, generation: u32) -> (EntryName, VaultSecret) {
        let secret = VaultSecret::generate(&mut self.random).unwrap();
        let binding = binding(vault, generation);
        let name = self.keyring.add(&binding, &secret, Timestamp::UNIX_EPOCH, &mut self.random).await.unwrap();
        (name, secret)
    }

    async fn try_add(&mut self, vault: VaultId) -> Result<EntryName, Error> {
        let secret = VaultSecret::generate(&mut self.random).unwrap();
        self.keyring.add(&binding(vault, 1), &secret, Timestamp::UNIX_EPOCH, &mut self.random).await
    }

    /// Puts bytes where an entry could be, as somebody with write access might.
    fn set(&self, key: &Key, bytes: impl Into<Vec<u8>>) {
        self.store.overwrite(key, bytes.into().into());
    }

    async fn bytes(&self, name: &EntryName) -> Vec<u8> {
        self.store.get(&name.key()).await.unwrap().to_vec()
    }
}

fn binding(vault: VaultId, generation: u32) -> Binding {
    Binding { vault, generation, organisation: "acme".to_owned() }
}

fn vault(byte: u8) -> VaultId {
    VaultId::from_uuid(uuid::Uuid::from_bytes([byte; 16]))
}

#[tokio::test]
async fn s15_an_entry_is_read_back_and_opened_before_add_returns() {
    let mut bench = Bench::new();
    let (name, secret) = bench.add(vault(1), 1).await;
    assert!(name.to_string().starts_with(&format!("keyring/{}/1-", vault(1))));
    let opened = bench.keyring.load(vault(1)).await.unwrap();
    assert_eq!((opened.secret, opened.name), (secret, name));
    assert_eq!(opened.binding.organisation, "acme");
}

#[tokio::test]
async fn s15_a_store_that_keeps_other_bytes_is_noticed_at_once() {
    for fault in [Fault::FlipBit, Fault::Truncate] {
        let mut bench = Bench::over(|store| Faulty::new(store, 1, vec![Rule::on(Operation::Put, When::Always, fault)]));
        let added = bench.try_add(vault(1)).await;
        assert!(matches!(added, Err(Error::CorruptEntry { .. })), "{added:?}");
    }
}

#[tokio::test]
async fn s15_an_entry_whose_answer_was_lost_is_ours_after_the_retry() {
    let mut bench = Bench::over(|store| {
        let lossy = Faulty::new(store, 1, vec![Rule::on(Operation::Put, When::Nth(1), Fault::LostAnswer)]);
        Arc::new(Retrying::new(lossy, Policy::default()))
    });
    let name = bench.try_add(vault(1)).await.unwrap();
    assert_eq!(bench.keyring.list().await.unwrap(), [name]);
}

#[tokio::test]
async fn entries_on_a_disk_outlive_the_process() {
    let (folder, mut random) = (tempfile::tempdir().unwrap(), StdRng::seed_from_u64(1));
    let (place, key) = (folder.path().join("storage"), folder.path().join("master.key"));
    MasterKey::create(&key, &mut random).unwrap();
    let open = || Keyring::new(Arc::new(Local::new(&place).unwrap()), MasterKey::load(&key).unwrap());
    let secret = VaultSecret::generate(&mut random).unwrap();
    open().add(&binding(vault(1), 1), &secret, Timestamp::UNIX_EPOCH, &mut random).await.unwrap();
    assert_eq!(open().load(vault(1)).await.unwrap().secret, secret);
    assert!(matches!(open().load(vault(2)).await, Err(Error::MissingEntry { .. })));
}

#[tokio::test]
async fn the_newest_generation_is_loaded_and_all_can_be_opened() {
    let mut bench = Bench::new();
    let mut secrets = Vec::new();
    for generation in [1, 2, 10] {
        secrets.push(bench.add(vault(1), generation).await.1);
    }
    let (other, _) = bench.add(vault(2), 1).await;
    assert_eq!(bench.keyring.load(vault(1)).await.unwrap().secret, secrets[2]);
    let all = bench.keyring.open_all(vault(1)).await.unwrap();
    assert_eq!(all.opened.iter().map(|it| it.binding.generation).collect::<Vec<_>>(), [10, 2, 1]);
    assert!(all.refused.is_empty());
    bench.set(&Key::parse("keyring/readme.txt").unwrap(), "not an entry");
    let listed = bench.keyring.list().await.unwrap();
    assert_eq!((listed.len(), listed.last()), (4, Some(&other)));
}

#[tokio::test]
async fn a_vault_without_entry_says_what_that_means() {
    let bench = Bench::new();
    let error = bench.keyring.load(vault(1)).await.unwrap_err();
    assert!(matches!(error, Error::MissingEntry { .. }) && error.to_string().contains("shredded"), "{error}");
    assert!(matches!(bench.keyring.open_all(vault(1)).await, Err(Error::MissingEntry { .. })));
}

#[tokio::test]
async fn the_wrong_master_key_is_told_which_is_needed() {
    let mut bench = Bench::new();
    bench.add(vault(1), 1).await;
    let other = bench.other_master();
    let error = other.load(vault(1)).await.unwrap_err();
    let Error::WrongMasterKey { needed, present, .. } = &error else { panic!("{error}") };
    assert_eq!((*needed, *present), (bench.keyring.master().id(), other.master().id()));
    assert!(error.to_string().contains(&needed.to_string()), "{error}");
}

#[tokio::test]
async fn entries_of_two_master_keys_stand_side_by_side() {
    let mut bench = Bench::new();
    let (_, secret) = bench.add(vault(1), 1).await;
    let other = bench.other_master();
    other.add(&binding(vault(1), 1), &secret, Timestamp::UNIX_EPOCH, &mut bench.random).await.unwrap();
    for keyring in [&bench.keyring, &other] {
        assert_eq!(keyring.load(vault(1)).await.unwrap().secret, secret);
        assert_eq!(keyring.open_all(vault(1)).await.unwrap().refused.len(), 1);
    }
}

#[tokio::test]
async fn s16_a_changed_byte_anywhere_is_noticed() {
    let mut bench = Bench::new();
    let (name, _) = bench.add(vault(1), 1).await;
    let good = bench.bytes(&name).await;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bench.set(&name.key(), bad.clone());
        let error = bench.keyring.load(vault(1)).await.unwrap_err();
        assert!(matches!(error, Error::CorruptEntry { .. }), "byte {at}: {error}");
        // An attacker renames it to fit: then the cipher or the parser refuses it.
        let renamed = EntryName::of(vault(1), 1, &bad);
        bench.store.delete(&name.key()).await.unwrap();
        bench.set(&renamed.key(), bad);
        let opened = bench.keyring.load(vault(1)).await;
        assert!(opened.is_err(), "byte {at}");
        bench.store.delete(&renamed.key()).await.unwrap();
    }
}

#[tokio::test]
async fn s16_an_entry_moved_to_another_vault_or_generation_is_refused() {
    let mut bench = Bench::new();
    let (name, _) = bench.add(vault(1), 1).await;
    let json = bench.bytes(&name).await;
    for (to, generation) in [(vault(2), 1), (vault(3), 7)] {
        bench.set(&EntryName::of(to, generation, &json).key(), json.clone());
        let error = bench.keyring.load(to).await.unwrap_err();
        assert!(matches!(error, Error::MovedEntry { vault: made_for, .. } if made_for == vault(1)), "{error}");
    }
    // With its text changed to fit the new place, it no longer opens.
    let edited = String::from_utf8(json).unwrap().replace(&vault(1).to_string(), &vault(4).to_string());
    bench.set(&EntryName::of(vault(4), 1, edited.as_bytes()).key(), edited.into_bytes());
    let error = bench.keyring.load(vault(4)).await.unwrap_err();
    assert!(matches!(error, Error::AlteredEntry { .. }), "{error}");
}

#[tokio::test]
async fn a_bad_newest_entry_never_falls_back_to_an_older_secret() {
    let mut bench = Bench::new();
    bench.add(vault(1), 1).await;
    let (newest, _) = bench.add(vault(1), 2).await;
    bench.set(&newest.key(), "{}");
    assert!(matches!(bench.keyring.load(vault(1)).await, Err(Error::CorruptEntry { .. })));
    let all = bench.keyring.open_all(vault(1)).await.unwrap();
    assert_eq!((all.opened.len(), all.refused.len()), (1, 1));
}

#[tokio::test]
async fn s15_two_creators_at_once_are_told_apart_by_opening_the_vault() {
    let mut bench = Bench::new();
    bench.add(vault(1), 1).await;
    bench.add(vault(1), 1).await;
    assert!(matches!(bench.keyring.load(vault(1)).await, Err(Error::AmbiguousEntry { generation: 1, .. })));
    assert_eq!(bench.keyring.open_all(vault(1)).await.unwrap().opened.len(), 2);
}

#[tokio::test]
async fn an_oversized_object_is_not_read_and_a_flood_of_entries_is_refused() {
    let mut bench = Bench::new();
    let (name, _) = bench.add(vault(1), 1).await;
    bench.set(&name.key(), vec![b' '; 20_000]);
    let error = bench.keyring.load(vault(1)).await.unwrap_err();
    assert!(error.to_string().contains("far larger"), "{error}");
    for number in 0..300_u32 {
        bench.set(&EntryName::of(vault(1), number, b"").key(), "");
    }
    assert!(matches!(bench.keyring.load(vault(1)).await, Err(Error::TooManyEntries { .. })));
}

#[tokio::test]
async fn a_failing_store_is_a_failure_and_not_a_missing_key() {
    for operation in [Operation::List, Operation::Head, Operation::Get] {
        let mut bench =
            Bench::over(|store| Faulty::new(store, 1, vec![Rule::on(operation, When::From(2), Fault::Transient)]));
        bench.add(vault(1), 1).await;
        let mut last = bench.keyring.load(vault(1)).await;
        if last.is_ok() {
            last = bench.keyring.load(vault(1)).await;
        }
        assert!(matches!(last, Err(Error::Store { .. })), "{operation:?}: {last:?}");
        assert!(matches!(bench.keyring.open_all(vault(1)).await, Err(Error::Store { .. })), "{operation:?}");
    }
    let mut bench =
        Bench::over(|store| Faulty::new(store, 1, vec![Rule::on(Operation::Put, When::Always, Fault::NoSpace)]));
    let added = bench.try_add(vault(1)).await;
    assert!(matches!(added, Err(Error::Store { action: "write", .. })), "{added:?}");
}
