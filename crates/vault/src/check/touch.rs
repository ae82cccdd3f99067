//! Last phase: the paths that each fault touches, in each snapshot. Only listings that are touched are read again.

use super::{
    state::{FaultNumber, State},
    trees::Walked,
};
use crate::{
    error::{Error, Result},
    id::Id,
    pack::Kind,
    tree::{Node, Tree},
    walk::{MAX_DEPTH, join},
};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// Most paths that are listed for a fault in a snapshot, and most folders that are entered in one: a hostile snapshot can
/// have more paths than atoms.
const MAX_PATHS: usize = 1_000;
const MAX_FOLDERS: usize = 10_000;

pub(super) async fn attribute(state: &mut State, walked: &Walked, cancel: &CancellationToken) -> Result<()> {
    if !state.has_faults() {
        return Ok(());
    }
    let snapshots: Vec<(Id, Id)> = state.snapshots.iter().map(|(id, snapshot)| (*id, snapshot.tree)).collect();
    for (snapshot, root) in snapshots {
        if walked.touched.contains(&root) {
            attribute_one(state, walked, snapshot, root, cancel).await?;
        }
    }
    Ok(())
}

async fn attribute_one(
    state: &mut State,
    walked: &Walked,
    snapshot: Id,
    root: Id,
    cancel: &CancellationToken,
) -> Result<()> {
    let mut stack = vec![(Vec::new(), root, 0)];
    let mut entered = 0;
    while let Some((path, tree, depth)) = stack.pop() {
        let folder = [path.as_slice(), b"/"].concat();
        for fault in walked.tree_faults.get(&tree).into_iter().flatten() {
            state.touch(*fault, snapshot, &folder, MAX_PATHS);
        }
        entered += 1;
        if entered > MAX_FOLDERS {
            state.truncate(snapshot);
            break;
        }
        if depth >= MAX_DEPTH {
            state.truncate(snapshot);
            continue;
        }
        let Some(listing) = read(state, &tree, cancel).await? else { continue };
        for node in listing.nodes {
            let below = join(&path, &node.name);
            if node.is_dir() {
                let touched = node.subtree.filter(|subtree| walked.touched.contains(subtree));
                stack.extend(touched.map(|subtree| (below, subtree, depth + 1)));
            } else {
                for fault in faults_of(state, &node) {
                    state.touch(fault, snapshot, &below, MAX_PATHS);
                }
            }
        }
    }
    for ((_, touched), affected) in &mut state.affected {
        if *touched == snapshot {
            affected.paths.sort_unstable();
        }
    }
    Ok(())
}

fn faults_of(state: &mut State, node: &Node) -> BTreeSet<FaultNumber> {
    let content = node.content.iter().flatten();
    content.filter_map(|blob| state.why_lost(Kind::Data, *blob)).collect()
}

async fn read(state: &State, tree: &Id, cancel: &CancellationToken) -> Result<Option<Tree>> {
    let unlisted = state.unlisted.get(&(Kind::Tree, *tree));
    let result = match unlisted {
        Some(place) if !state.vault.index().contains(Kind::Tree, tree) => {
            state.vault.read_blob_at(place).await.map(|json| Tree::parse(&json).ok())
        }
        _ => state.vault.read_tree(tree, cancel).await.map(Some),
    };
    match result {
        Ok(tree) => Ok(tree),
        Err(Error::Cancelled) => Err(Error::Cancelled),
        // Its own fault says so already.
        Err(_) => Ok(None),
    }
}
