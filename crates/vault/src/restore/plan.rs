//! What is to be made, from the snapshot's folder listings.

use super::{
    Error, Result,
    report::{Failure, FileResult, Outcome},
    target::is_safe_name,
};
use crate::{
    Vault,
    id::Id,
    tree::{Kind, Node},
    vault::Indexed,
};
use std::{
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// Folders in folders, at most.
const MAX_DEPTH: usize = 1024;

/// One entry to make.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The folder it lies in, below the target.
    pub(super) folder: PathBuf,
    pub(super) node: Node,
}

impl Entry {
    pub(super) fn name(&self) -> &OsStr {
        OsStr::from_bytes(&self.node.name)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(self.name())
    }
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Parents before what is in them.
    pub(super) folders: Vec<Entry>,
    pub(super) files: Vec<Entry>,
    /// Further names of a file: the entry, and the number of the file in `files`.
    pub(super) hard_links: Vec<(Entry, usize)>,
    /// Links, devices and pipes.
    pub(super) others: Vec<Entry>,
    /// What cannot be made at all.
    pub(super) refused: Vec<FileResult>,
}

/// Lists everything that `include` selects; an empty list selects all.
pub(super) async fn plan(
    vault: &Vault<Indexed>,
    root: Id,
    include: &[PathBuf],
    cancel: &CancellationToken,
) -> Result<Plan> {
    let include: Vec<PathBuf> = include.iter().map(|path| relative(path)).collect();
    let mut plan = Plan::default();
    let mut links = HashMap::new();
    let mut open = vec![(PathBuf::new(), root, 0)];
    while let Some((folder, tree, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return Err(crate::Error::TooDeep { limit: MAX_DEPTH }.into());
        }
        let tree = match vault.read_tree(&tree, cancel).await {
            Ok(tree) => tree,
            Err(error) if error.is_cancelled() => return Err(Error::Cancelled),
            Err(error) => {
                let failure = Failure::Damaged { reason: chain(&error) };
                plan.refused.push(FileResult { path: folder, outcome: Outcome::Failed(failure) });
                continue;
            }
        };
        for node in tree.nodes {
            let entry = Entry { folder: folder.clone(), node };
            if let Some((path, tree)) = plan.add(entry, &include, &mut links) {
                open.push((path, tree, depth + 1));
            }
        }
    }
    Ok(plan)
}

/// A path inside a snapshot, without a leading `/`.
pub(super) fn relative(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect()
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Plan {
    /// Adds an entry if it is selected. Returns a folder that is to be listed.
    fn add(
        &mut self,
        entry: Entry,
        include: &[PathBuf],
        links: &mut HashMap<(u64, u64), usize>,
    ) -> Option<(PathBuf, Id)> {
        if !is_safe_name(&entry.node.name) {
            // The name itself is not used as a path, not even in the report.
            let shown = entry.node.name.escape_ascii().to_string().replace('/', "\\x2f");
            let path = entry.folder.join(format!("hostile name {shown}"));
            self.refused.push(FileResult { path, outcome: Outcome::Failed(Failure::HostileName) });
            return None;
        }
        let path = entry.path();
        let inside = include.is_empty() || include.iter().any(|chosen| path.starts_with(chosen));
        let above = include.iter().any(|chosen| chosen.starts_with(&path));
        match entry.node.kind {
            Kind::Dir if inside || above => {
                let subtree = entry.node.subtree;
                self.folders.push(entry);
                return subtree.map(|tree| (path, tree));
            }
            _ if !inside => {}
            Kind::File => {
                let link = (entry.node.device_id, entry.node.inode);
                if entry.node.links > 1 && entry.node.inode != 0 {
                    match links.get(&link) {
                        Some(first) => self.hard_links.push((entry, *first)),
                        None => {
                            links.insert(link, self.files.len());
                            self.files.push(entry);
                        }
                    }
                } else {
                    self.files.push(entry);
                }
            }
            _ => self.others.push(entry),
        }
        None
    }
}
