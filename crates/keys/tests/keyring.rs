//! The keyring through its public interface, over a store that an attacker may write to.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking, like tests")]
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use keepsake_domain::VaultId;
use keepsake_keys::{Binding, EntryName, Error, Keyring, MasterKey, VaultSecret};
use keepsake_store::{Error as StoreError, Key, ObjectMeta, Payload, Result as StoreResult, Store};
use rand::{SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
};

/// A store in memory whose objects a test may exchange behind the port's back, which no real store of the port allows.
#[derive(Debug, Default)]
struct Bare {
    objects: Mutex<BTreeMap<Key, Bytes>>,
    fail: Mutex<bool>,
}

impl Bare {
    fn set(&self, key: &Key, bytes: impl Into<Bytes>) {
        self.objects.lock().unwrap().insert(key.clone(), bytes.into());
    }

    fn bytes(&self, key: &Key) -> Bytes {
        self.objects.lock().unwrap()[key].clone()
    }

    fn meta(key: &Key, bytes: &Bytes) -> ObjectMeta {
        let modified = Timestamp::UNIX_EPOCH;
        ObjectMeta { key: key.clone(), size_bytes: bytes.len() as u64, modified, etag: None, version: None }
    }

    fn check(&self, key: &Key) -> StoreResult<()> {
        if !*self.fail.lock().unwrap() {
            return Ok(());
        }
        Err(StoreError::Transient { key: key.to_string(), source: "the cable was pulled".into() })
    }
}

#[async_trait::async_trait]
impl Store for Bare {
    fn location(&self) -> String {
        "memory:///".to_owned()
    }

    async fn put(&self, key: &Key, payload: Payload) -> StoreResult<()> {
        self.check(key)?;
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(key) {
            return Err(StoreError::already_exists(key));
        }
        objects.insert(key.clone(), payload.pieces().concat().into());
        Ok(())
    }

    async fn get(&self, key: &Key) -> StoreResult<Bytes> {
        self.check(key)?;
        self.objects.lock().unwrap().get(key).cloned().ok_or_else(|| StoreError::not_found(key))
    }

    async fn get_range(&self, _: &Key, _: Range<u64>) -> StoreResult<Bytes> {
        unreachable!("the keyring reads whole entries")
    }

    async fn get_stream(&self, _: &Key) -> StoreResult<(ObjectMeta, BoxStream<'static, StoreResult<Bytes>>)> {
        unreachable!("the keyring reads whole entries")
    }

    async fn head(&self, key: &Key) -> StoreResult<ObjectMeta> {
        Ok(Self::meta(key, &self.get(key).await?))
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        if let Err(error) = prefix.map_or(Ok(()), |key| self.check(key)) {
            return futures::stream::iter([Err(error)]).boxed();
        }
        let start = prefix.map(Key::as_str).unwrap_or_default();
        let objects = self.objects.lock().unwrap();
        let found: Vec<_> = objects
            .iter()
            .filter(|(key, _)| key.as_str().starts_with(start))
            .map(|(key, bytes)| Ok(Self::meta(key, bytes)))
            .collect();
        futures::stream::iter(found).boxed()
    }

    async fn list_folders(&self, _: Option<&Key>) -> StoreResult<Vec<Key>> {
        unreachable!("the keyring lists entries")
    }

    async fn delete(&self, _: &Key) -> StoreResult<()> {
        unreachable!("the keyring never deletes")
    }
}

/// A keyring on a fresh store, with helpers that keep the tests short.
struct Bench {
    store: Arc<Bare>,
    folder: tempfile::TempDir,
    keyring: Keyring,
    random: StdRng,
}

impl Bench {
    fn new() -> Self {
        let (store, folder) = (Arc::new(Bare::default()), tempfile::tempdir().unwrap());
        let mut random = StdRng::seed_from_u64(1);
        let master = MasterKey::create(&folder.path().join("master.key"), &mut random).unwrap();
        Self { keyring: Keyring::new(store.clone(), master), store, folder, random }
    }

    /// The same store through another master key.
    fn other_master(&mut self) -> Keyring {
        let path = self.folder.path().join("other.key");
        Keyring::new(self.store.clone(), MasterKey::create(&path, &mut self.random).unwrap())
    }

    async fn add(&mut self, vault: VaultId, generation: u32) -> (EntryName, VaultSecret) {
        let secret = VaultSecret::generate(&mut self.random).unwrap();
        let binding = Binding { vault, generation, organisation: "acme".to_owned() };
        let name = self.keyring.add(&binding, &secret, Timestamp::UNIX_EPOCH, &mut self.random).await.unwrap();
        (name, secret)
    }
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

/// A store that acknowledges a put and keeps other bytes.
#[derive(Debug)]
struct Liar(Bare);

#[async_trait::async_trait]
impl Store for Liar {
    fn location(&self) -> String {
        self.0.location()
    }

    async fn put(&self, key: &Key, payload: Payload) -> StoreResult<()> {
        let mut bytes = payload.pieces().concat();
        bytes[20] ^= 1;
        self.0.put(key, bytes.into()).await
    }

    async fn get(&self, key: &Key) -> StoreResult<Bytes> {
        self.0.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> StoreResult<Bytes> {
        self.0.get_range(key, range).await
    }

    async fn get_stream(&self, key: &Key) -> StoreResult<(ObjectMeta, BoxStream<'static, StoreResult<Bytes>>)> {
        self.0.get_stream(key).await
    }

    async fn head(&self, key: &Key) -> StoreResult<ObjectMeta> {
        self.0.head(key).await
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> StoreResult<Vec<Key>> {
        self.0.list_folders(prefix).await
    }

    async fn delete(&self, key: &Key) -> StoreResult<()> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn s15_a_store_that_keeps_other_bytes_is_noticed_at_once() {
    let mut random = StdRng::seed_from_u64(1);
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("k"), &mut random).unwrap();
    let keyring = Keyring::new(Arc::new(Liar(Bare::default())), master);
    let secret = VaultSecret::generate(&mut random).unwrap();
    let binding = Binding { vault: vault(1), generation: 1, organisation: String::new() };
    let added = keyring.add(&binding, &secret, Timestamp::UNIX_EPOCH, &mut random).await;
    assert!(matches!(added, Err(Error::CorruptEntry { .. })), "{added:?}");
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
    bench.store.set(&Key::parse("keyring/readme.txt").unwrap(), "not an entry");
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
    let binding = Binding { vault: vault(1), generation: 1, organisation: "acme".to_owned() };
    other.add(&binding, &secret, Timestamp::UNIX_EPOCH, &mut bench.random).await.unwrap();
    for keyring in [&bench.keyring, &other] {
        assert_eq!(keyring.load(vault(1)).await.unwrap().secret, secret);
        assert_eq!(keyring.open_all(vault(1)).await.unwrap().refused.len(), 1);
    }
}

#[tokio::test]
async fn s16_a_changed_byte_anywhere_is_noticed() {
    let mut bench = Bench::new();
    let (name, _) = bench.add(vault(1), 1).await;
    let good = bench.store.bytes(&name.key());
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] ^= 1;
        bench.store.set(&name.key(), bad.clone());
        let error = bench.keyring.load(vault(1)).await.unwrap_err();
        assert!(matches!(error, Error::CorruptEntry { .. }), "byte {at}: {error}");
        // An attacker renames it to fit: then the cipher or the parser refuses it.
        let renamed = EntryName::of(vault(1), 1, &bad);
        bench.store.objects.lock().unwrap().clear();
        bench.store.set(&renamed.key(), bad);
        let opened = bench.keyring.load(vault(1)).await;
        assert!(opened.is_err(), "byte {at}");
        bench.store.objects.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn s16_an_entry_moved_to_another_vault_or_generation_is_refused() {
    let mut bench = Bench::new();
    let (name, _) = bench.add(vault(1), 1).await;
    let json = bench.store.bytes(&name.key());
    for (to, generation) in [(vault(2), 1), (vault(3), 7)] {
        bench.store.set(&EntryName::of(to, generation, &json).key(), json.clone());
        let error = bench.keyring.load(to).await.unwrap_err();
        assert!(matches!(error, Error::MovedEntry { vault: made_for, .. } if made_for == vault(1)), "{error}");
    }
    // With its text changed to fit the new place, it no longer opens.
    let edited = String::from_utf8(json.to_vec()).unwrap().replace(&vault(1).to_string(), &vault(4).to_string());
    bench.store.set(&EntryName::of(vault(4), 1, edited.as_bytes()).key(), edited.into_bytes());
    let error = bench.keyring.load(vault(4)).await.unwrap_err();
    assert!(matches!(error, Error::AlteredEntry { .. }), "{error}");
}

#[tokio::test]
async fn a_bad_newest_entry_never_falls_back_to_an_older_secret() {
    let mut bench = Bench::new();
    bench.add(vault(1), 1).await;
    let (newest, _) = bench.add(vault(1), 2).await;
    bench.store.set(&newest.key(), "{}");
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
    bench.store.set(&name.key(), vec![b' '; 20_000]);
    let error = bench.keyring.load(vault(1)).await.unwrap_err();
    assert!(error.to_string().contains("far larger"), "{error}");
    for number in 0..300_u32 {
        bench.store.set(&EntryName::of(vault(1), number, b"").key(), "");
    }
    assert!(matches!(bench.keyring.load(vault(1)).await, Err(Error::TooManyEntries { .. })));
}

#[tokio::test]
async fn a_failing_store_is_a_failure_and_not_a_missing_key() {
    let mut bench = Bench::new();
    bench.add(vault(1), 1).await;
    *bench.store.fail.lock().unwrap() = true;
    let error = bench.keyring.load(vault(1)).await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error}");
    let binding = Binding { vault: vault(2), generation: 1, organisation: String::new() };
    let secret = VaultSecret::generate(&mut bench.random).unwrap();
    let added = bench.keyring.add(&binding, &secret, Timestamp::UNIX_EPOCH, &mut bench.random).await;
    assert!(matches!(added, Err(Error::Store { .. })), "{added:?}");
}
