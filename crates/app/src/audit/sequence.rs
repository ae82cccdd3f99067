//! Giving committed rows their places in the tree.

use super::{checkpoint::trusted, note::Signer, system};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use keepsake_catalog::audit::{self, Leaf};
use keepsake_domain::merkle::Hash;

/// Rows that are sequenced in one transaction.
const BATCH: u16 = 1000;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many rows have their places now, and more wait.
    Some(usize),
    /// So many rows have their places now, and none waits.
    All(usize),
    /// Another node is at it.
    Elsewhere,
}

/// Gives places to rows that wait, in one transaction. The order is that of sequencing: a row whose transaction took long to commit
/// comes behind rows that began after it.
///
/// # Errors
/// [`Code::VerifyFailed`] if the tree is shorter than the newest checkpoint says, and then nothing is added: the places of rows that
/// were cut off are not given away. [`Code::CatalogFailed`].
pub async fn sequence(service: &Service) -> Result<Step> {
    let mut tx = system(service).await?;
    if !audit::lead(&mut tx).await.map_err(failed)? {
        return Ok(Step::Elsewhere);
    }
    let pending = audit::pending(&mut tx, BATCH).await.map_err(failed)?;
    if pending.is_empty() {
        return Ok(Step::All(0));
    }
    let size = audit::size(&mut tx).await.map_err(failed)?;
    let signed = trusted(&mut tx, Signer::of(&service.context.master)?.public_key()).await?;
    let signed = signed.map_or(0, |(head, _)| head.size);
    if size < signed {
        let message = format!("the audit log was cut off: its tree has {size} rows, and {signed} were signed for");
        return Err(Error::new(Code::VerifyFailed, message));
    }
    let leaves: Vec<Leaf> = pending
        .into_iter()
        .map(|row| Leaf { number: row.number, id: row.id, hash: *Hash::of_leaf(&row.leaf).as_bytes() })
        .collect();
    audit::append(&mut tx, size, &leaves).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let done = leaves.len();
    Ok(if done == usize::from(BATCH) { Step::Some(done) } else { Step::All(done) })
}
