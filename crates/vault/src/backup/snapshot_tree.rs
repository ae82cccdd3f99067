//! The tree of a snapshot in the making: what was pushed file by file, and the folders that were read from disk.

use super::{Error, Result, folder::store_tree, metadata, session::Session};
use crate::{engine::Scratch, id::Id, tree::Node};
use std::{
    collections::{BTreeMap, btree_map},
    sync::{Arc, Mutex, PoisonError},
};

/// Segments of a path, at most.
const MAX_SEGMENTS: usize = 256;
/// Bytes of one name, at most: what file systems take.
const MAX_NAME_BYTES: usize = 255;

#[derive(Debug)]
enum Entry {
    /// A file, or a folder whose listing is stored.
    Closed(Box<Node>),
    /// A folder that can still grow.
    Open(Folder),
}

#[derive(Debug, Default)]
struct Folder {
    entries: BTreeMap<Vec<u8>, Entry>,
}

#[derive(Debug, Default)]
pub(super) struct SnapshotTree {
    root: Mutex<Root>,
}

#[derive(Debug, Default)]
struct Root {
    folder: Folder,
    /// The snapshot is this stored folder, and nothing else.
    whole: Option<Id>,
}

/// Splits a path inside a snapshot into names. A leading `/` is dropped; `.` and the empty path are the root.
pub(super) fn split(path: &[u8]) -> Result<Vec<Vec<u8>>> {
    let refuse = |reason| Err(Error::Path { path: String::from_utf8_lossy(path).chars().take(300).collect(), reason });
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return refuse("it contains `..`"),
            name if name.contains(&0) => return refuse("it contains a zero byte"),
            name if name.len() > MAX_NAME_BYTES => return refuse("a name has more than 255 bytes"),
            name => names.push(name.to_vec()),
        }
    }
    if names.len() > MAX_SEGMENTS { refuse("it has more than 256 segments") } else { Ok(names) }
}

impl SnapshotTree {
    /// Puts a node at `path`, whose folders are made as needed.
    pub(super) fn insert(&self, path: &[Vec<u8>], node: Node) -> Result<()> {
        let taken = |reason| {
            let names: Vec<_> = path.iter().map(|name| String::from_utf8_lossy(name)).collect();
            Err(Error::Path { path: names.join("/"), reason })
        };
        let mut root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        if root.whole.is_some() {
            return taken("the snapshot's root was given as one folder");
        }
        let Some((name, folders)) = path.split_last() else {
            if !root.folder.entries.is_empty() {
                return taken("the snapshot's root has entries already");
            }
            root.whole = node.subtree;
            return if root.whole.is_some() { Ok(()) } else { taken("a snapshot's root must be a folder") };
        };
        let mut folder = &mut root.folder;
        for name in folders {
            let entry = folder.entries.entry(name.clone()).or_insert_with(|| Entry::Open(Folder::default()));
            match entry {
                Entry::Open(open) => folder = open,
                Entry::Closed(_) => return taken("it lies in something that is in the snapshot already"),
            }
        }
        match folder.entries.entry(name.clone()) {
            btree_map::Entry::Vacant(free) => {
                free.insert(Entry::Closed(Box::new(metadata::renamed(node, name.clone()))));
                Ok(())
            }
            btree_map::Entry::Occupied(_) => taken("it is in the snapshot already"),
        }
    }

    /// Stores every listing from the leaves up, and returns the root's id.
    pub(super) fn store(&self, session: &Arc<Session>, scratch: &mut Scratch) -> Result<Id> {
        let root = std::mem::take(&mut *self.root.lock().unwrap_or_else(PoisonError::into_inner));
        match root.whole {
            Some(whole) => Ok(whole),
            None => root.folder.store(session, scratch),
        }
    }
}

impl Folder {
    /// Recursive: a path has at most [`MAX_SEGMENTS`] segments.
    fn store(self, session: &Arc<Session>, scratch: &mut Scratch) -> Result<Id> {
        let mut nodes = Vec::with_capacity(self.entries.len());
        for (name, entry) in self.entries {
            nodes.push(match entry {
                Entry::Closed(node) => *node,
                Entry::Open(folder) => {
                    let subtree = folder.store(session, scratch)?;
                    session.counters.dir();
                    metadata::plain_folder(name, subtree)
                }
            });
        }
        store_tree(session, scratch, nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_and_hostile_ones_refused() {
        assert_eq!(split(b"/srv/photos//a").unwrap(), [b"srv".to_vec(), b"photos".to_vec(), b"a".to_vec()]);
        assert!(split(b".").unwrap().is_empty() && split(b"").unwrap().is_empty());
        let long = vec![b'x'; 256];
        for bad in [&b"a/../b"[..], b"..", b"a\0b", &long] {
            assert!(matches!(split(bad), Err(Error::Path { .. })));
        }
        assert!(split(&b"a/".repeat(257)).is_err());
        assert_eq!(split(&[0xff, b'/', b'\n']).unwrap(), [vec![0xff], vec![b'\n']]);
    }
}
