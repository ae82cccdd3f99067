//! Folders whose entries are still being read. The one that finishes a folder's last entry writes its listing, and so on
//! upwards: nobody waits for a folder, and only folders on the way to unfinished ones are in memory.

use super::{Error, Result, metadata, session::Session};
use crate::{
    engine::Scratch,
    id::Id,
    pack,
    tree::{Node, Tree},
};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::oneshot;

/// Where a finished entry goes.
#[derive(Debug)]
pub(super) enum Parent {
    /// Into this folder, at this place.
    Folder(Arc<Folder>, usize),
    /// It is what the caller asked for. `None`: it could not be read.
    Asked(Mutex<Option<oneshot::Sender<Option<Node>>>>),
}

#[derive(Debug)]
pub(super) struct Folder {
    /// Itself, until its listing is written.
    own: Mutex<Option<(Node, Parent)>>,
    entries: Mutex<Vec<Option<Node>>>,
    /// Entries that are not done, and one more while the walker is still adding.
    open: AtomicUsize,
}

impl Parent {
    pub(super) fn asked(answer: oneshot::Sender<Option<Node>>) -> Self {
        Self::Asked(Mutex::new(Some(answer)))
    }
}

impl Folder {
    /// A folder to which the walker adds `entries`.
    pub(super) fn new(node: Node, parent: Parent, entries: usize) -> Arc<Self> {
        let places = Mutex::new(std::iter::repeat_with(|| None).take(entries).collect());
        Arc::new(Self { own: Mutex::new(Some((node, parent))), entries: places, open: AtomicUsize::new(entries + 1) })
    }

    fn put(&self, place: usize, node: Option<Node>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(place) {
            *entry = node;
        }
    }

    fn is_last(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The walker has added everything there is.
    pub(super) fn listed(self: Arc<Self>, session: &Arc<Session>) {
        if self.is_last() {
            queue(session, self);
        }
    }
}

/// Delivers an entry from a thread that has no scratch space.
pub(super) fn deliver(session: &Arc<Session>, parent: Parent, node: Option<Node>) {
    if let Some(complete) = hand_over(parent, node) {
        queue(session, complete);
    }
}

/// Delivers an entry, and every folder that it completes.
pub(super) fn deliver_here(
    session: &Arc<Session>,
    scratch: &mut Scratch,
    parent: Parent,
    node: Option<Node>,
) -> Result<()> {
    match hand_over(parent, node) {
        Some(complete) => write_up(session, scratch, complete),
        None => Ok(()),
    }
}

fn queue(session: &Arc<Session>, folder: Arc<Folder>) {
    let job = session.job(None);
    session.engine.run(move |scratch| {
        let result = write_up(job.session(), scratch, folder);
        job.end(result);
    });
}

/// Puts an entry in its place. Returns the folder if that was its last.
fn hand_over(parent: Parent, node: Option<Node>) -> Option<Arc<Folder>> {
    match parent {
        Parent::Folder(folder, place) => {
            folder.put(place, node);
            folder.is_last().then_some(folder)
        }
        Parent::Asked(answer) => {
            let answer = answer.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = answer {
                // Nobody listens any more when the backup was cancelled.
                let _unheard = answer.send(node);
            }
            None
        }
    }
}

/// Writes the listing of a complete folder, then of its parent if that completes it, and so on.
fn write_up(session: &Arc<Session>, scratch: &mut Scratch, mut folder: Arc<Folder>) -> Result<()> {
    loop {
        let own = folder.own.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((node, parent)) = own else { return Err(Error::Lost) };
        let entries = std::mem::take(&mut *folder.entries.lock().unwrap_or_else(PoisonError::into_inner));
        let subtree = store_tree(session, scratch, entries.into_iter().flatten().collect())?;
        session.counters.dir();
        let node = metadata::with_subtree(node, subtree);
        match hand_over(parent, Some(node)) {
            Some(next) => folder = next,
            None => return Ok(()),
        }
    }
}

/// Stores the listing of one folder.
pub(super) fn store_tree(session: &Arc<Session>, scratch: &mut Scratch, nodes: Vec<Node>) -> Result<Id> {
    let encoded = Tree { nodes }.encode().map_err(crate::Error::from)?;
    let id = Id::of(&encoded);
    session.store(scratch, pack::Kind::Tree, id, &encoded)?;
    Ok(id)
}
