//! Writing proofs that hold without the catalog and without the master key.

use super::{
    checkpoint::{PAGE, trusted},
    keep::settle,
    note::{Head, Signer},
    proof::Proof,
    snapshot,
};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use keepsake_catalog::{
    Tx,
    audit::{self, Checkpoint},
};
use keepsake_domain::merkle::{self, Frontier, Hash};
use std::{ops::Range, time::Duration};
use uuid::Uuid;

/// The newest checkpoint, signed now if the log has grown: what is to be kept elsewhere. `None` while the log is empty.
///
/// # Errors
/// As [`settle`].
pub async fn newest(service: &Service) -> Result<Option<Checkpoint>> {
    settle(service, Duration::ZERO).await?;
    let mut tx = snapshot(service).await?;
    Ok(trusted(&mut tx, Signer::of(&service.context.master)?.public_key()).await?.map(|(_, checkpoint)| checkpoint))
}

/// A proof that a row is in the log, against the newest checkpoint.
///
/// # Errors
/// [`Code::NotFound`] if there is no such row; [`Code::Busy`] if another node is about to give the row its place;
/// [`Code::VerifyFailed`] if the tree does not have the root that was signed; else as [`settle`].
pub async fn inclusion(service: &Service, row: Uuid) -> Result<Proof> {
    settle(service, Duration::ZERO).await?;
    let mut tx = snapshot(service).await?;
    let signer = Signer::of(&service.context.master)?;
    let newest = trusted(&mut tx, signer.public_key()).await?;
    let place = audit::place(&mut tx, row).await.map_err(failed)?;
    let Some((index, leaf)) = place else {
        let waits = audit::waits(&mut tx, row).await.map_err(failed)?;
        return Err(if waits {
            later()
        } else {
            Error::new(Code::NotFound, "the audit log has no such row in its tree")
        });
    };
    let (head, newest) = newest.ok_or_else(later)?;
    let ranges = merkle::inclusion::path(index, head.size).ok_or_else(later)?;
    let path = roots(service, &mut tx, ranges).await?;
    proven(&signer, Proof::Inclusion { leaf, index, path, checkpoint: newest.note })
}

/// A proof that the log is what it was when `old`, a checkpoint of it, was signed, with more behind it.
///
/// # Errors
/// [`Code::Invalid`] if `old` is no checkpoint of this log; [`Code::VerifyFailed`] if the log is not what it was; else as [`settle`].
pub async fn consistency(service: &Service, old: &str) -> Result<Proof> {
    let signer = Signer::of(&service.context.master)?;
    let before = opened(&signer, old)?;
    settle(service, Duration::ZERO).await?;
    let mut tx = snapshot(service).await?;
    let cut = || {
        Error::new(
            Code::VerifyFailed,
            format!("the audit log is shorter than the {} rows of the checkpoint", before.size),
        )
    };
    let (head, newest) = trusted(&mut tx, signer.public_key()).await?.ok_or_else(cut)?;
    let ranges = merkle::consistency::path(before.size, head.size).ok_or_else(cut)?;
    let path = roots(service, &mut tx, ranges).await?;
    proven(&signer, Proof::Consistency { path, old: old.to_owned(), new: newest.note })
}

/// What a checkpoint from elsewhere says.
pub(super) fn opened(signer: &Signer, note: &str) -> Result<Head> {
    let refused = |why| Error::because(Code::Invalid, "this is no checkpoint of this installation's audit log", why);
    signer.public_key().open(note).map_err(refused)
}

/// A proof is checked before anybody relies on it.
fn proven(signer: &Signer, proof: Proof) -> Result<Proof> {
    match proof.check(signer.public_key()) {
        Ok(_) => Ok(proof),
        Err(why) => Err(Error::because(Code::VerifyFailed, "the audit log is not what was signed for", why)),
    }
}

fn gap(place: u64) -> Error {
    Error::new(Code::VerifyFailed, format!("place {place} of the audit log's tree is gone"))
}

fn later() -> Error {
    Error::new(Code::Busy, "no checkpoint has the row yet: another node is at it")
}

/// The roots of parts of the tree.
async fn roots(service: &Service, tx: &mut Tx, ranges: Vec<Range<u64>>) -> Result<Vec<Hash>> {
    let mut roots = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut part = Frontier::default();
        let mut next = range.start;
        while next < range.end {
            service.context.still_wanted()?;
            let left = u16::try_from(range.end - next).unwrap_or(PAGE).min(PAGE);
            let leaves = audit::leaf_hashes(tx, next, left).await.map_err(failed)?;
            if leaves.is_empty() {
                return Err(gap(next));
            }
            for (index, hash) in leaves {
                part.append(Hash::from_slice(&hash).filter(|_| index == next).ok_or_else(|| gap(next))?);
                next += 1;
            }
        }
        roots.push(part.root());
    }
    Ok(roots)
}
