//! What the parent snapshot says of a folder, so that unchanged files are not read again.

use super::{Result, session::Session};
use crate::{
    id::Id,
    pack,
    tree::{Kind, Node, Tree},
};
use std::sync::Arc;

/// What the parent has at one path.
#[derive(Debug, Clone, Default)]
pub(super) enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// This file or folder.
    Entry(Box<Node>),
    /// A folder's root, known by its listing only.
    Subtree(Id),
}

/// The listing of a folder of the parent.
#[derive(Debug, Default)]
pub(super) struct KnownFolder(Option<Tree>);

impl Known {
    /// What the parent snapshot has at `path`. A parent that cannot be read costs time only: all files are read again.
    pub(super) async fn find(session: &Arc<Session>, parent: Option<Id>, path: &[Vec<u8>]) -> Result<Self> {
        let Some(parent) = parent else { return Ok(Self::Nothing) };
        let snapshot = match session.vault.snapshot(&parent, &session.cancel).await {
            Ok(snapshot) => snapshot,
            Err(error) if error.is_cancelled() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the parent snapshot cannot be read: every file is read again");
                return Ok(Self::Nothing);
            }
        };
        let mut known = Self::Subtree(snapshot.tree);
        for name in path {
            known = known.load_async(session).await?.entry(name);
        }
        Ok(known)
    }

    fn subtree(&self) -> Option<Id> {
        match self {
            Self::Nothing => None,
            Self::Entry(node) => node.subtree,
            Self::Subtree(id) => Some(*id),
        }
    }

    async fn load_async(&self, session: &Session) -> Result<KnownFolder> {
        let Some(id) = self.subtree() else { return Ok(KnownFolder::default()) };
        match session.vault.read_tree(&id, &session.cancel).await {
            Ok(tree) => Ok(KnownFolder(Some(tree))),
            Err(error) if error.is_cancelled() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a folder of the parent cannot be read: its files are read again");
                Ok(KnownFolder::default())
            }
        }
    }

    /// The folder's listing, from a thread that may block.
    pub(super) fn load(&self, session: &Session) -> Result<KnownFolder> {
        session.runtime.block_on(self.load_async(session))
    }

    /// The content of this file in the parent, if `now` looks unchanged and the vault has all of it.
    pub(super) fn unchanged_content(&self, now: &Node, metadata_size: u64, session: &Session) -> Option<Vec<Id>> {
        let Self::Entry(then) = self else { return None };
        let same = then.kind == Kind::File
            && then.size == metadata_size
            && then.mtime == now.mtime
            && then.ctime == now.ctime
            && then.inode == now.inode;
        let content = then.content.as_ref().filter(|_| same)?;
        let index = session.vault.index();
        content.iter().all(|id| index.contains(pack::Kind::Data, id)).then(|| content.clone())
    }
}

impl KnownFolder {
    /// What it has under this name.
    pub(super) fn entry(&self, name: &[u8]) -> Known {
        let node = self.0.as_ref().and_then(|tree| tree.find(name));
        node.map_or(Known::Nothing, |node| Known::Entry(Box::new(node.clone())))
    }
}
