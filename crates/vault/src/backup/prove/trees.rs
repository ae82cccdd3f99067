//! What a snapshot needs: all its folder listings are read, those that lie close together at once.

use super::Needs;
use crate::{
    Vault,
    backup::session::Session,
    engine::Scratch,
    error::{Damage, Error, Result},
    id::Id,
    index::{Index, Location},
    pack::{Entry, Kind},
    restore::{Read, open_blob, split},
    tree::{self, Tree},
    vault::Indexed,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use std::collections::{HashMap, HashSet};

/// Listings looked for at once, so that those of one pack are read together.
const BATCH: usize = 1_024;

/// What some listings name.
#[derive(Default)]
struct Named {
    trees: Vec<Id>,
    packs: HashSet<Id>,
    blobs: u64,
}

impl Session {
    /// Reads every folder listing of the snapshot once, and finds every blob that they name in the index.
    pub(super) async fn walk(&self, root: Id) -> Result<Needs> {
        let mut needs = Needs::default();
        let mut seen = HashSet::from([root]);
        let mut queue = vec![root];
        while !queue.is_empty() {
            let batch = queue.split_off(queue.len().saturating_sub(BATCH));
            let reads = self.plan(&batch)?;
            needs.packs.extend(reads.iter().map(|read| read.pack));
            let read = async |read: Read| self.read_trees(read).await;
            let mut running = futures::stream::iter(reads).map(read).buffer_unordered(self.requests());
            while let Some(named) = running.next().await {
                let named = named?;
                needs.packs.extend(named.packs);
                needs.blobs += named.blobs;
                queue.extend(named.trees.into_iter().filter(|tree| seen.insert(*tree)));
            }
        }
        needs.trees = seen.len() as u64;
        Ok(needs)
    }

    /// Where the listings lie, and what is read at once.
    fn plan(&self, trees: &[Id]) -> Result<Vec<Read>> {
        let mut packs: HashMap<Id, Vec<_>> = HashMap::new();
        self.vault.index().read(|index| {
            for id in trees {
                let Location { pack, entry } = find(index, Kind::Tree, id)?;
                packs.entry(pack).or_default().push((entry, Vec::new()));
            }
            Ok::<_, Error>(())
        })?;
        let mut reads = Vec::new();
        packs.into_iter().for_each(|(pack, blobs)| split(pack, blobs, &mut reads));
        Ok(reads)
    }

    async fn read_trees(&self, read: Read) -> Result<Named> {
        let (bytes, admission) = self.fetch(read.pack, read.range(), read.memory_bytes()).await?;
        let vault = self.vault.clone();
        let work = move |scratch: &mut Scratch| {
            let named = name_all(&vault, scratch, &read, bytes);
            drop(admission);
            named
        };
        self.on_cpu(work).await?
    }
}

fn find(index: &Index, kind: Kind, id: &Id) -> Result<Location> {
    index.lookup(kind, id).ok_or(Error::MissingBlob { kind, id: *id })
}

/// Opens the listings in `bytes` and looks up what they name, on a CPU thread.
fn name_all(vault: &Vault<Indexed>, scratch: &mut Scratch, read: &Read, bytes: Bytes) -> Result<Named> {
    let start = read.range().start;
    let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    let mut named = Named::default();
    for (entry, _) in &read.blobs {
        let tree = parse(vault, scratch, entry, &mut bytes, start);
        let tree = tree.map_err(|source| Error::DamagedBlob { id: entry.id, pack: read.pack, source })?;
        vault.index().read(|index| named.add(index, &tree))?;
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
    fn add(&mut self, index: &Index, tree: &Tree) -> Result<()> {
        for node in &tree.nodes {
            match node.kind {
                tree::Kind::Dir => self.trees.extend(node.subtree),
                _ => {
                    for blob in node.content.iter().flatten() {
                        self.packs.insert(find(index, Kind::Data, blob)?.pack);
                        self.blobs += 1;
                    }
                }
            }
        }
        Ok(())
    }
}
