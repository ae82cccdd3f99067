//! First phase: list everything, read what is small.

use super::{Fault, Hint, Options, Progress, state::State, state::reason};
use crate::{
    error::{Damage, Error, Result},
    file,
    id::Id,
    index::{self, Location},
    keyfile::KeyFile,
    pack::Kind,
    vault::{Open, Vault},
};
use futures::StreamExt as _;
use std::collections::{HashMap, HashSet};
use tokio_util::sync::CancellationToken;

/// Most unlisted packs whose headers are read.
const MAX_UNLISTED_HEADERS: usize = 1_000;

pub(super) async fn load(vault: &Vault<Open>, options: &Options, cancel: &CancellationToken) -> Result<State> {
    let files = Files::list(vault, cancel).await?;
    let (indexed, broken) = vault.clone().load_readable_index(cancel).await?;
    let mut state = State::new(indexed, options);
    for key in files.foreign {
        state.hint(Hint::Foreign { key });
    }
    for (index, error) in broken {
        state.fault(Fault::IndexDamaged { index, reason: reason(&error) });
    }
    state.stored = files.packs;
    check_key_files(&mut state, files.keys, cancel).await?;
    compare_index_files(&mut state, files.index, options, cancel).await?;
    read_unlisted_headers(&mut state, options, cancel).await?;
    for found in vault.locks(cancel).await? {
        state.hint(Hint::Locked { lock: found.id, holder: found.lock.to_string() });
    }
    let snapshots = vault.snapshots(cancel).await?;
    for (id, error) in snapshots.broken {
        let fault = state.fault(Fault::SnapshotDamaged { snapshot: id, reason: reason(&error) });
        state.touch(fault, id, b"/", 1);
    }
    Progress::add(&options.progress.snapshots_total, snapshots.snapshots.len() as u64);
    state.snapshots = snapshots.snapshots;
    Ok(state)
}

/// Every object, sorted by what it is.
#[derive(Default)]
struct Files {
    packs: HashMap<Id, u64>,
    index: Vec<Id>,
    keys: Vec<Id>,
    foreign: Vec<String>,
}

impl Files {
    async fn list(vault: &Vault<Open>, cancel: &CancellationToken) -> Result<Self> {
        let mut files = Self::default();
        let mut objects = vault.store().list(None);
        while let Some(meta) = cancel.run_until_cancelled(objects.next()).await.ok_or(Error::Cancelled)?.transpose()? {
            match file::Kind::of(&meta.key) {
                Some((file::Kind::Pack, Some(id))) => {
                    files.packs.insert(id, meta.size_bytes);
                }
                Some((file::Kind::Index, Some(id))) => files.index.push(id),
                Some((file::Kind::Key, Some(id))) => files.keys.push(id),
                Some(_) => {}
                None => files.foreign.push(meta.key.to_string()),
            }
        }
        files.foreign.sort_unstable();
        files.index.sort_unstable();
        Ok(files)
    }
}

async fn check_key_files(state: &mut State, keys: Vec<Id>, cancel: &CancellationToken) -> Result<()> {
    for key_file in keys {
        let name = file::Kind::Key.key(&key_file);
        let get = state.vault.store().get(&name);
        let reason = match cancel.run_until_cancelled(get).await.ok_or(Error::Cancelled)? {
            Err(error) => Some(super::state::chain(&error)),
            Ok(bytes) if Id::of(&bytes) != key_file => Some(Damage::Name { actual: Id::of(&bytes) }.to_string()),
            Ok(bytes) => KeyFile::parse(&bytes).err().map(|error| super::state::chain(&error)),
        };
        if let Some(reason) = reason {
            state.fault(Fault::KeyDamaged { key_file, reason });
        }
    }
    Ok(())
}

/// Finds packs that two index files describe differently, and counts what is marked or stored twice.
async fn compare_index_files(
    state: &mut State,
    files: Vec<Id>,
    options: &Options,
    cancel: &CancellationToken,
) -> Result<()> {
    let mut descriptions: HashMap<Id, Id> = HashMap::new();
    let mut marked = 0;
    let vault = state.vault.clone();
    let read = async |id: Id| vault.read_index_file(&id, cancel).await;
    let mut reads = futures::stream::iter(files).map(read).buffer_unordered(options.workers);
    while let Some(result) = reads.next().await {
        let file = match result {
            Ok(file) => file,
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            // Reported when the index was loaded.
            Err(_) => continue,
        };
        marked += file.packs_to_delete.len() as u64;
        for mut pack in file.packs {
            let description = describe(&mut pack);
            if *descriptions.entry(pack.id).or_insert(description) != description {
                state.fault(Fault::IndexConflict { pack: pack.id });
            }
        }
    }
    if marked > 0 {
        state.hint(Hint::MarkedPacks { count: marked });
    }
    hint_duplicates(state);
    Ok(())
}

/// A digest of what an index file says of a pack, whatever the order.
fn describe(pack: &mut index::PackBlobs) -> Id {
    pack.blobs.sort_unstable_by_key(|blob| (blob.offset, blob.id));
    let mut description = crate::pack::encode(&pack.blobs);
    pack.blobs.iter().for_each(|blob| description.extend_from_slice(&blob.offset.to_le_bytes()));
    Id::of(&description)
}

fn hint_duplicates(state: &mut State) {
    let (places, blobs) = state.vault.index().read(|index| {
        let different: HashSet<(Kind, Id)> = index.iter().map(|place| (place.entry.kind, place.entry.id)).collect();
        (index.len() as u64, different.len() as u64)
    });
    if places > blobs {
        state.hint(Hint::DuplicateBlobs { count: places - blobs });
    }
}

/// What lies in packs that no index file lists. If snapshots need it, only the index is lost.
async fn read_unlisted_headers(state: &mut State, options: &Options, cancel: &CancellationToken) -> Result<()> {
    let index = state.vault.index().clone();
    let mut unlisted: Vec<(Id, u64)> = state.stored.iter().map(|(id, size)| (*id, *size)).collect();
    unlisted.retain(|(id, _)| !index.read(|index| index.has_pack(id)));
    unlisted.sort_unstable();
    unlisted.truncate(MAX_UNLISTED_HEADERS);
    let vault = state.vault.clone();
    let read = async |(id, size_bytes): (Id, u64)| {
        let header = cancel.run_until_cancelled(vault.read_pack_header(&id, size_bytes)).await;
        (id, header.unwrap_or(Err(Error::Cancelled)))
    };
    let mut reads = futures::stream::iter(unlisted).map(read).buffer_unordered(options.workers);
    while let Some((pack, header)) = reads.next().await {
        match header {
            Ok(entries) => {
                for entry in entries {
                    state.unlisted.insert((entry.kind, entry.id), Location { pack, entry });
                }
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            // A leftover that was never finished; nothing can need it.
            Err(_) => {}
        }
    }
    Ok(())
}
