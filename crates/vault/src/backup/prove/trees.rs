//! What a snapshot needs: all its folder listings are read, those that lie close together at once.

use super::{Needs, Written};
use crate::{
    Vault,
    backup::session::Session,
    engine::Scratch,
    error::{Damage, Error, Result},
    file,
    id::Id,
    index::{Index, Location},
    pack::{Entry, Kind},
    restore::{Read, open_blob, split},
    tree::{self, Tree},
    vault::Indexed,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Listings looked for at once, so that those of one pack are read together.
const BATCH: usize = 1_024;

/// What some listings name.
#[derive(Default)]
struct Named {
    trees: Vec<Id>,
    packs: HashSet<Id>,
    blobs: u64,
    /// Some blob lies in lost packs only.
    stranded: bool,
    /// What is wrong with a listing, if it is that of the pack and not of the store.
    damage: Option<Error>,
}

/// Packs that are lost.
type Lost = Arc<HashSet<Id>>;

impl Session {
    /// Reads every folder listing of the snapshot once, and finds every blob that they name in the index, in other packs than
    /// those that are lost.
    pub(super) async fn walk(&self, root: Id, lost: &Lost, written: &Written) -> Result<Needs> {
        let mut needs = Needs::default();
        let mut seen = HashSet::from([root]);
        let mut queue = vec![root];
        while !queue.is_empty() {
            let batch = queue.split_off(queue.len().saturating_sub(BATCH));
            let reads = self.plan(&batch, lost, &mut needs)?;
            let read = async |read: Read| (read.pack, self.read_trees(read, lost).await);
            let mut running = futures::stream::iter(reads).map(read).buffer_unordered(self.requests());
            while let Some((pack, named)) = running.next().await {
                let Named { trees, packs, blobs, stranded, damage } = named?;
                match damage {
                    // Stored and read back a moment ago: this store is not to be trusted with another attempt.
                    Some(error) if written.packs.contains(&pack) => return Err(error),
                    Some(error) => {
                        tracing::warn!(%pack, error = &error as &dyn std::error::Error, "an older folder listing is lost");
                        needs.unreadable.insert(pack);
                    }
                    None => {}
                }
                needs.packs.extend(packs);
                needs.blobs += blobs;
                needs.stranded |= stranded;
                queue.extend(trees.into_iter().filter(|tree| seen.insert(*tree)));
            }
        }
        needs.trees = seen.len() as u64;
        Ok(needs)
    }

    /// Where the listings lie, and what is read at once.
    fn plan(&self, trees: &[Id], lost: &Lost, needs: &mut Needs) -> Result<Vec<Read>> {
        let mut packs: HashMap<Id, Vec<_>> = HashMap::new();
        self.vault.index().read(|index| {
            for id in trees {
                match find(index, Kind::Tree, id, lost)? {
                    Some(Location { pack, entry }) => packs.entry(pack).or_default().push((entry, Vec::new())),
                    None => needs.stranded = true,
                }
            }
            Ok::<_, Error>(())
        })?;
        needs.packs.extend(packs.keys());
        let mut reads = Vec::new();
        packs.into_iter().for_each(|(pack, blobs)| split(pack, blobs, &mut reads));
        Ok(reads)
    }

    async fn read_trees(&self, read: Read, lost: &Lost) -> Result<Named> {
        let (bytes, admission) = match self.fetch(read.pack, read.range(), read.memory_bytes()).await? {
            Ok(fetched) => fetched,
            Err(damage) => {
                let damage = Error::damaged(file::Kind::Pack, &read.pack, damage);
                return Ok(Named { damage: Some(damage), ..Named::default() });
            }
        };
        let (vault, lost) = (self.vault.clone(), Arc::clone(lost));
        let work = move |scratch: &mut Scratch| {
            let named = name_all(&vault, scratch, &read, bytes, &lost);
            drop(admission);
            named
        };
        self.on_cpu(work).await?
    }
}

/// Where the blob lies; `None` if in lost packs only.
fn find(index: &Index, kind: Kind, id: &Id, lost: &HashSet<Id>) -> Result<Option<Location>> {
    let first = index.lookup(kind, id).ok_or(Error::MissingBlob { kind, id: *id })?;
    if !lost.contains(&first.pack) {
        return Ok(Some(first));
    }
    Ok(index.lookup_all(kind, id).into_iter().find(|place| !lost.contains(&place.pack)))
}

/// Opens the listings in `bytes` and looks up what they name, on a CPU thread.
fn name_all(
    vault: &Vault<Indexed>,
    scratch: &mut Scratch,
    read: &Read,
    bytes: Bytes,
    lost: &HashSet<Id>,
) -> Result<Named> {
    let start = read.range().start;
    let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    let mut named = Named::default();
    for (entry, _) in &read.blobs {
        match parse(vault, scratch, entry, &mut bytes, start) {
            Ok(tree) => vault.index().read(|index| named.add(index, &tree, lost))?,
            Err(source) => named.damage = Some(Error::DamagedBlob { id: entry.id, pack: read.pack, source }),
        }
    }
    Ok(named)
}

fn parse(
    vault: &Vault<Indexed>,
    scratch: &mut Scratch,
    entry: &Entry,
    bytes: &mut BytesMut,
    start: u64,
) -> Result<Tree, Damage> {
    let range = entry.range();
    let from = usize::try_from(range.start - start).unwrap_or(usize::MAX);
    let to = usize::try_from(range.end - start).unwrap_or(usize::MAX);
    let truncated = Damage::Truncated { actual_bytes: bytes.len() as u64, expected_bytes: range.end - start };
    let sealed = bytes.get_mut(from..to).ok_or(truncated)?;
    Ok(Tree::parse(open_blob(vault, scratch, entry, sealed)?)?)
}

impl Named {
    fn add(&mut self, index: &Index, tree: &Tree, lost: &HashSet<Id>) -> Result<()> {
        for node in &tree.nodes {
            match node.kind {
                tree::Kind::Dir => self.trees.extend(node.subtree),
                _ => {
                    for blob in node.content.iter().flatten() {
                        match find(index, Kind::Data, blob, lost)? {
                            Some(place) => drop(self.packs.insert(place.pack)),
                            None => self.stranded = true,
                        }
                        self.blobs += 1;
                    }
                }
            }
        }
        Ok(())
    }
}
