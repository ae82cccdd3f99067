//! Walking the files of a snapshot, without recursion and with bounded depth.

use crate::{
    error::{Error, Result},
    id::Id,
    tree::Node,
    vault::{Indexed, Vault},
};
use futures::{Stream, stream};
use tokio_util::sync::CancellationToken;

/// Deepest nesting that is followed; Linux names end at 4096 bytes, so no folder lies deeper.
pub const MAX_DEPTH: usize = 2048;

/// One file, folder or link of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path from the snapshot's root, segments joined by `/`, without a leading one: any bytes.
    pub path: Vec<u8>,
    /// What it is.
    pub node: Node,
}

/// A folder that is being listed.
struct Level {
    path: Vec<u8>,
    rest: std::vec::IntoIter<Node>,
}

impl Vault<Indexed> {
    /// Every node below the tree `root`, parents first, names ascending. Holds one listing for each level of the path.
    /// After an error the stream ends.
    pub fn walk(&self, root: Id, cancel: CancellationToken) -> impl Stream<Item = Result<Found>> + Send + use<> {
        let start = (self.clone(), cancel, Vec::new(), Some((Vec::new(), root)));
        stream::try_unfold(start, async |(vault, cancel, mut levels, mut enter)| {
            loop {
                if let Some((path, tree)) = enter.take() {
                    if levels.len() >= MAX_DEPTH {
                        return Err(Error::TooDeep { limit: MAX_DEPTH });
                    }
                    let nodes = vault.read_tree(&tree, &cancel).await?.nodes;
                    levels.push(Level { path, rest: nodes.into_iter() });
                }
                let Some(level) = levels.last_mut() else { return Ok(None) };
                let Some(node) = level.rest.next() else {
                    levels.pop();
                    continue;
                };
                let path = join(&level.path, &node.name);
                let enter = node.subtree.filter(|_| node.is_dir()).map(|tree| (path.clone(), tree));
                return Ok(Some((Found { path, node }, (vault, cancel, levels, enter))));
            }
        })
    }

    /// The node at `path` below the tree `root`; `None` if there is none. Empty segments are passed over, so a leading
    /// `/` does no harm.
    ///
    /// # Errors
    /// As [`Self::read_tree`].
    pub async fn find(&self, root: &Id, path: &[u8], cancel: &CancellationToken) -> Result<Option<Node>> {
        let mut tree = *root;
        let mut segments = path.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty()).peekable();
        while let Some(segment) = segments.next() {
            let listing = self.read_tree(&tree, cancel).await?;
            let Some(node) = listing.find(segment) else { return Ok(None) };
            if segments.peek().is_none() {
                return Ok(Some(node.clone()));
            }
            match node.subtree {
                Some(subtree) if node.is_dir() => tree = subtree,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// `name` in the folder `path`.
pub(crate) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}
