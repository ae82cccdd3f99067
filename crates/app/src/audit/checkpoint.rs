//! Signing what the tree is now.

use super::{
    note::{Head, PublicKey, Signer},
    system,
};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use keepsake_catalog::{
    Tx,
    audit::{self, Checkpoint},
};
use keepsake_domain::merkle::{Frontier, Hash};
use std::time::Duration;

/// Leaves that are read at once.
pub(super) const PAGE: u16 = 10_000;

/// Signs a checkpoint if the tree has grown since the last one, and that is at least `pause` old. `None` if there is nothing to sign, or
/// another node is at it.
///
/// Nothing is signed that contradicts what was signed before: the tree is made from the last checkpoint's right edge, which must
/// have the root that the signature vouches for, and the leaves since then.
///
/// # Errors
/// [`Code::VerifyFailed`] if what is kept does not lead on from the last checkpoint; [`Code::CatalogFailed`].
pub async fn checkpoint(service: &Service, pause: Duration) -> Result<Option<Checkpoint>> {
    let mut tx = system(service).await?;
    if !audit::lead(&mut tx).await.map_err(failed)? {
        return Ok(None);
    }
    let signer = Signer::of(&service.context.master)?;
    let last = trusted(&mut tx, signer.public_key()).await?;
    let now = service.context.clock.now();
    if let Some((_, last)) = &last {
        // A clock that was set back does not stop checkpoints until it is where it was.
        let age = now.duration_since(last.at);
        if !age.is_negative() && age.unsigned_abs() < pause {
            return Ok(None);
        }
    }
    let mut frontier = match last {
        None => Frontier::default(),
        Some((head, last)) => {
            let frontier = Frontier::from_bytes(head.size, &last.frontier).ok();
            frontier.filter(|frontier| frontier.root() == head.root).ok_or_else(broken)?
        }
    };
    let before = frontier.size();
    loop {
        let leaves = audit::leaf_hashes(&mut tx, frontier.size(), PAGE).await.map_err(failed)?;
        for (index, hash) in &leaves {
            let hash = Hash::from_slice(hash).filter(|_| *index == frontier.size()).ok_or_else(broken)?;
            frontier.append(hash);
        }
        if leaves.len() < usize::from(PAGE) {
            break;
        }
    }
    if frontier.size() == before {
        return Ok(None);
    }
    let head = Head { size: frontier.size(), root: frontier.root() };
    let made = Checkpoint {
        size: head.size,
        root: head.root.as_bytes().to_vec(),
        note: signer.sign(&head),
        frontier: frontier.to_bytes(),
        at: now,
    };
    audit::add_checkpoint(&mut tx, &made).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(Some(made))
}

/// The newest checkpoint, and what it says.
///
/// # Errors
/// [`Code::VerifyFailed`] if it is not signed by the log's key, or its columns say something else.
pub(super) async fn trusted(tx: &mut Tx, key: &PublicKey) -> Result<Option<(Head, Checkpoint)>> {
    let Some(newest) = audit::newest_checkpoint(tx).await.map_err(failed)? else { return Ok(None) };
    match key.open(&newest.note) {
        Ok(head) if head.size == newest.size => Ok(Some((head, newest))),
        _ => Err(Error::new(
            Code::VerifyFailed,
            format!(
                "the newest checkpoint of the audit log, for {} rows, was not signed by this installation",
                newest.size
            ),
        )),
    }
}

fn broken() -> Error {
    Error::new(
        Code::VerifyFailed,
        "the tree of the audit log does not lead on from its newest checkpoint: nothing is signed",
    )
}
