//! What is fuzzed: every parser that reads bytes from a store, from a capture or from a person. Each target is a plain
//! function that must not panic, overflow the stack or take long on any input, and that checks what must hold of an input
//! that its parser accepts, mostly that writing and reading again changes nothing.
//!
//! The same functions run under libFuzzer (`targets/`, by `script/soak`) and under the runner for stable
//! (`src/bin/mutate.rs`, by `script/fuzz`). The inputs that both start from are in `seeds/`, written by [`seeds`].

pub mod seeds;

use keepsake_keys::{EntryName, Wrapped};
use keepsake_postgres::{capture, connect::Dsn, database, mapping::Mapping, restore::Line};
use keepsake_store::{Key as StoreKey, Location};
use keepsake_vault::{
    compress,
    config::Config,
    crypto::{Key, KeyBytes},
    file, index,
    keyfile::KeyFile,
    lock::Lock,
    pack,
    snapshot::Snapshot,
    tree::Tree,
};
use std::{num::NonZeroU32, sync::OnceLock};

/// One thing to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: also that of its folder in `seeds/` and of its libFuzzer program.
    pub name: &'static str,
    /// Runs it; whether the input was one that the parser accepts.
    pub run: fn(&[u8]) -> bool,
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: $name }),*];
    };
}

targets![
    pack_header,
    index_file,
    tree,
    snapshot,
    config,
    key_file,
    document,
    capture_manifest,
    database_manifest,
    copy_line,
    mapping,
    keyring_entry,
    location,
    dsn,
];

/// The key that seals what the seeds and the targets seal.
pub(crate) fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::from_bytes(KeyBytes::from_derived(&[7; KeyBytes::LEN_BYTES])).expect("any bytes are a key"))
}

/// The header of a pack: as unsealed text, as the end of a file, and sealed into the end of a file.
pub fn pack_header(input: &[u8]) -> bool {
    let _any_bytes = pack::open(input, input.len() as u64, key());
    let decoded = pack::decode(input);
    let mut tail = Vec::new();
    key().seal_into(input, &mut tail).expect("there is randomness");
    let sealed_bytes = u32::try_from(tail.len()).expect("inputs are small");
    tail.extend_from_slice(&sealed_bytes.to_le_bytes());
    let Ok(entries) = decoded else {
        assert!(pack::open(&tail, tail.len() as u64, key()).is_err(), "sealing makes no header of what is none");
        return false;
    };
    assert_eq!(pack::encode(&entries), input, "a header has one spelling");
    let mut end = 0;
    for entry in &entries {
        assert_eq!(entry.offset, end, "blobs lie one after the other");
        end = entry.offset.saturating_add(entry.length);
        assert!(entry.range().end <= pack::size_bytes(&entries));
    }
    let opened = pack::open(&tail, pack::size_bytes(&entries), key());
    if entries.is_empty() {
        assert!(opened.is_err(), "a pack without blobs is none");
    } else {
        assert_eq!(opened, Ok(Ok(entries)));
    }
    true
}

/// An index file, and the index in memory that it fills.
pub fn index_file(input: &[u8]) -> bool {
    let Ok(read) = index::File::parse(input) else { return false };
    assert_eq!(index::File::parse(&read.encode()).as_ref(), Ok(&read), "writing and reading changes nothing");
    let mut index = index::Index::new();
    for pack in &read.packs {
        index.add_pack(pack.id, &pack.blobs);
    }
    for pack in &read.packs {
        assert!(index.has_pack(&pack.id));
        for blob in &pack.blobs {
            let places = index.lookup_all(blob.kind, &blob.id);
            assert!(places.iter().any(|place| place.pack == pack.id && place.entry.offset == blob.offset));
            assert!(index.lookup(blob.kind, &blob.id).is_some());
            let _no_overflow = (blob.range(), blob.plaintext_bytes());
        }
    }
    assert_eq!(index.iter().count(), index.len());
    assert_eq!(index.by_pack().map(|(_, blobs)| blobs.len()).sum::<usize>(), index.len());
    true
}

/// The listing of a folder.
pub fn tree(input: &[u8]) -> bool {
    let Ok(read) = Tree::parse(input) else { return false };
    for node in &read.nodes {
        assert!(read.find(&node.name).is_some());
    }
    let Ok(written) = read.encode() else {
        assert!(!read.is_ordered(), "an ordered tree can be written");
        return true;
    };
    let again = Tree::parse(&written).expect("what is written can be read");
    assert_eq!(again, read, "writing and reading changes nothing");
    assert_eq!(again.encode().as_ref(), Ok(&written), "a tree has one spelling: its id is the hash of it");
    true
}

/// A snapshot.
pub fn snapshot(input: &[u8]) -> bool {
    let Ok(read) = Snapshot::parse(input) else { return false };
    assert_eq!(Snapshot::parse(&read.encode()).as_ref(), Ok(&read), "writing and reading changes nothing");
    let _no_overflow = read.time.moment();
    true
}

/// The configuration of a vault, and restic's lock file, which has the same kind of content.
pub fn config(input: &[u8]) -> bool {
    let lock = Lock::parse(input);
    if let Ok(read) = &lock {
        assert_eq!(Lock::parse(&read.encode()).as_ref(), Ok(read), "writing and reading changes nothing");
        let _no_overflow = (read.is_stale(read.time.moment()), read.excludes(false, read.time.moment()));
    }
    let Ok(read) = Config::parse(input) else { return lock.is_ok() };
    assert_eq!(Config::parse(&read.encode()).as_ref(), Ok(&read), "writing and reading changes nothing");
    true
}

/// A key file: everything but the derivation that it asks for, which takes as long as it is meant to.
pub fn key_file(input: &[u8]) -> bool {
    let Ok(read) = KeyFile::parse(input) else { return false };
    let again = KeyFile::parse(&read.encode()).expect("what is written can be read");
    assert_eq!(again.encode(), read.encode(), "writing and reading changes nothing");
    if let Ok(cost) = read.cost() {
        let bytes = 128_u64 * (1_u64 << cost.log_n) * u64::from(cost.r);
        assert!(bytes <= 512 * 1024 * 1024, "{bytes} bytes of memory are asked for and granted");
    }
    true
}

/// What is inside a sealed file or blob: a document, plain or compressed, and a compressed blob. The first two bytes of
/// the input are the length that a blob's header promises.
pub fn document(input: &[u8]) -> bool {
    let accepted = compress::decode_document(input.to_vec()).is_ok();
    let Some((promised, blob)) = input.split_first_chunk() else { return accepted };
    let Some(promised) = NonZeroU32::new(u16::from_le_bytes(*promised).into()) else { return accepted };
    let mut out = Vec::new();
    let mut decompressor = compress::Decompressor::new().expect("there is memory");
    let inflated = decompressor.inflate(blob, promised, &mut out);
    assert!(inflated.is_err() || out.len() == promised.get() as usize, "a promise of length is kept");
    accepted || inflated.is_ok()
}

/// The index of a wedding's capture.
pub fn capture_manifest(input: &[u8]) -> bool {
    let Ok(read) = capture::Manifest::parse(input) else { return false };
    let written = serde_json::to_vec(&read).expect("a manifest can be written");
    let again = capture::Manifest::parse(&written).expect("what is written can be read");
    assert_eq!(again, read, "writing and reading changes nothing");
    for table in &read.tables {
        assert!(read.table(&table.name).is_some());
        let _any_name = (capture::rows_path(&table.name), capture::references_path(&table.name));
    }
    let _no_panic = (read.incomplete(), capture::scope_hash(&read.tables));
    true
}

/// The index of a whole database's capture.
pub fn database_manifest(input: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<database::Manifest>(input) else { return false };
    let written = serde_json::to_vec(&read).expect("a manifest can be written");
    let again = serde_json::from_slice::<database::Manifest>(&written).expect("what is written can be read");
    assert_eq!(again, read, "writing and reading changes nothing");
    true
}

/// A row as `COPY` text.
pub fn copy_line(input: &[u8]) -> bool {
    let line = Line::new(input);
    let width = line.width();
    assert_eq!(line.split().len(), width);
    assert_eq!(Line::from_fields(line.fields()).bytes(), input, "fields put together again are the line");
    let all: Vec<usize> = (0..width).collect();
    assert_eq!(line.project(&all), line);
    assert_eq!(line.project(&[width]).bytes(), br"\N", "what is not there is NULL");
    let Ok(values) = line.values() else { return false };
    assert_eq!(values.len(), width);
    assert_eq!(values.iter().any(Option::is_none), line.has_null());
    true
}

/// A mapping.
pub fn mapping(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    match Mapping::parse(text) {
        Ok(read) => {
            let written = read.to_toml_with(text);
            assert_eq!(Mapping::parse(&written).as_ref(), Ok(&read), "writing and reading changes nothing");
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// A keyring entry, its name, and the names of a vault's files.
pub fn keyring_entry(input: &[u8]) -> bool {
    if let Some(name) = str::from_utf8(input).ok().and_then(|text| StoreKey::parse(text).ok()) {
        if let Some(entry) = EntryName::parse(&name) {
            assert_eq!(entry.key(), name, "a name has one spelling");
        }
        if let Some((kind, id)) = file::Kind::of(&name) {
            assert_eq!(kind.key(&id.unwrap_or_else(|| keepsake_vault::Id::of(b""))), name);
        }
    }
    let Ok(read) = Wrapped::from_json(input) else { return false };
    assert_eq!(Wrapped::from_json(&read.to_json()).as_ref(), Ok(&read), "writing and reading changes nothing");
    let binding = read.binding();
    let name = EntryName::of(binding.vault, binding.generation, input);
    assert!(name.fits(input) && EntryName::parse(&name.key()).as_ref() == Some(&name));
    true
}

/// The URL of a storage target.
pub fn location(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    match text.parse::<Location>() {
        Ok(read) => {
            let written = read.to_string();
            assert_eq!(written.parse::<Location>().ok().as_ref(), Some(&read), "{written} names the same place");
            let below = StoreKey::parse("vaults/1").expect("a plain name");
            assert_eq!(read.restic_repository(&below).is_none(), read == Location::Memory);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// A connection string, without an environment. Those that name a file to be read are left out.
pub fn dsn(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    if text.starts_with("file:") || text.contains("passfile") || text.contains('%') && text.contains("ss") {
        return false;
    }
    let Ok(read) = Dsn::resolve(text, &|_| None) else { return false };
    assert!(!read.user().is_empty() || !read.database().is_empty() || !read.for_child().is_empty());
    let other = read.with_database("other");
    assert_eq!((other.database(), other.user()), ("other", read.user()));
    true
}
