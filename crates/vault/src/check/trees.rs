//! Third phase: every folder listing once, whatever the number of snapshots that share it.

use super::{Fault, Hint, Options, Progress, state::FaultNumber, state::State, state::reason};
use crate::{
    error::{Error, Result},
    id::Id,
    pack::Kind,
    tree::{self, Node, Tree},
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use std::collections::{HashMap, HashSet};
use tokio_util::sync::CancellationToken;

/// Which listings are touched by a fault, directly or below.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) touched: HashSet<Id>,
    /// Faults of the listings themselves.
    pub(super) tree_faults: HashMap<Id, Vec<FaultNumber>>,
}

pub(super) async fn check(state: &mut State, options: &Options, cancel: &CancellationToken) -> Result<Walked> {
    let mut walk = Walk::default();
    let roots: Vec<Id> = state.snapshots.iter().map(|(_, snapshot)| snapshot.tree).collect();
    roots.into_iter().for_each(|root| walk.enqueue(root));
    let vault = state.vault.clone();
    let unlisted = state.unlisted.clone();
    let read = async |id: Id| {
        let result = match unlisted.get(&(Kind::Tree, id)) {
            // The listing is there and only its index is lost: look inside all the same.
            Some(place) if !vault.index().contains(Kind::Tree, &id) => {
                let json = cancel.run_until_cancelled(vault.read_blob_at(place)).await;
                json.unwrap_or(Err(Error::Cancelled)).and_then(|json| {
                    let pack = place.pack;
                    Tree::parse(&json).map_err(|error| Error::DamagedBlob { id, pack, source: error.into() })
                })
            }
            _ => vault.read_tree(&id, cancel).await,
        };
        (id, result)
    };
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < options.workers.max(1)
            && let Some(id) = walk.queue.pop()
        {
            running.push(read(id));
        }
        let Some((id, result)) = running.next().await else { break };
        Progress::add(&options.progress.trees_done, 1);
        match result {
            Ok(tree) => walk.visit(state, id, &tree),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => walk.unreadable(state, id, &error),
        }
    }
    state.trees = walk.seen.len() as u64;
    Ok(walk.finish())
}

#[derive(Default)]
struct Walk {
    seen: HashSet<Id>,
    queue: Vec<Id>,
    /// For each listing those it is listed in.
    parents: HashMap<Id, Vec<Id>>,
    walked: Walked,
}

impl Walk {
    fn enqueue(&mut self, tree: Id) {
        if self.seen.insert(tree) {
            self.queue.push(tree);
        }
    }

    fn tree_fault(&mut self, tree: Id, fault: FaultNumber) {
        self.walked.tree_faults.entry(tree).or_default().push(fault);
        self.walked.touched.insert(tree);
    }

    fn visit(&mut self, state: &mut State, id: Id, tree: &Tree) {
        if let Some(fault) = state.why_lost(Kind::Tree, id) {
            self.tree_fault(id, fault);
        }
        if !tree.is_ordered() {
            let reason = "its names are not sorted, or one is empty or repeated".to_owned();
            let fault = state.fault(Fault::TreeInvalid { tree: id, reason });
            self.tree_fault(id, fault);
        }
        let mut odd_sizes = 0;
        for node in &tree.nodes {
            match &node.kind {
                tree::Kind::File => self.visit_file(state, id, node, &mut odd_sizes),
                tree::Kind::Dir => match node.subtree {
                    Some(subtree) => {
                        self.parents.entry(subtree).or_default().push(id);
                        self.enqueue(subtree);
                    }
                    None => self.invalid(state, id, "a folder has no listing"),
                },
                tree::Kind::Unknown(_) => self.invalid(state, id, "a node is of an unknown type"),
                _ => {}
            }
        }
        if odd_sizes > 0 {
            state.hint(Hint::FileSize { tree: id, count: odd_sizes });
        }
    }

    fn visit_file(&mut self, state: &mut State, tree: Id, node: &Node, odd_sizes: &mut u64) {
        let Some(content) = &node.content else {
            return self.invalid(state, tree, "a file has no content, not even an empty one");
        };
        let (mut size_bytes, mut lost) = (0, false);
        for blob in content {
            let place = state.vault.index().lookup(Kind::Data, blob);
            size_bytes += place.map_or(0, |place| u64::from(place.entry.plaintext_bytes()));
            lost |= state.why_lost(Kind::Data, *blob).is_some();
        }
        if lost {
            self.walked.touched.insert(tree);
        } else if size_bytes != node.size {
            *odd_sizes += 1;
        }
    }

    fn invalid(&mut self, state: &mut State, tree: Id, reason: &str) {
        let fault = state.fault(Fault::TreeInvalid { tree, reason: reason.to_owned() });
        self.tree_fault(tree, fault);
    }

    fn unreadable(&mut self, state: &mut State, id: Id, error: &Error) {
        // What the packs gave explains more: a missing pack, not each of its listings.
        let known = state.why_lost(Kind::Tree, id);
        let fault = known.unwrap_or_else(|| match error {
            Error::DamagedBlob { pack, source: crate::error::Damage::Tree(_), .. } => {
                let _ = pack;
                state.fault(Fault::TreeInvalid { tree: id, reason: reason(error) })
            }
            Error::DamagedBlob { pack, .. } => {
                let fault = Fault::BlobDamaged { blob: id, kind: Kind::Tree, pack: *pack, reason: reason(error) };
                state.fault(fault)
            }
            _ => match state.vault.index().lookup(Kind::Tree, &id) {
                Some(place) => state.fault(Fault::PackUnreadable { pack: place.pack, reason: reason(error) }),
                None => state.fault(Fault::BlobMissing { blob: id, kind: Kind::Tree }),
            },
        });
        if let Some(place) = state.vault.index().lookup(Kind::Tree, &id) {
            state.mark_bad(Kind::Tree, id, place.pack, fault);
        }
        self.tree_fault(id, fault);
    }

    /// Carries what is touched up to the roots.
    fn finish(mut self) -> Walked {
        let mut queue: Vec<Id> = self.walked.touched.iter().copied().collect();
        while let Some(tree) = queue.pop() {
            for parent in self.parents.remove(&tree).unwrap_or_default() {
                if self.walked.touched.insert(parent) {
                    queue.push(parent);
                }
            }
        }
        self.walked
    }
}
