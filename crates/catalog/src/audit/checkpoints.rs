//! Signed roots of the tree.

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Leaves of the tree.
    pub size: u64,
    /// The root, which the note has, too.
    pub root: Vec<u8>,
    /// The signed note.
    pub note: String,
    /// The right edge of the tree, from which the next is made.
    pub frontier: Vec<u8>,
    /// When it was signed.
    pub at: Timestamp,
}

struct Kept {
    size: i64,
    root: Vec<u8>,
    note: String,
    frontier: Vec<u8>,
    at: jiff_sqlx::Timestamp,
}

impl TryFrom<Kept> for Checkpoint {
    type Error = Error;

    fn try_from(row: Kept) -> Result<Self> {
        Ok(Self {
            size: u64::try_from(row.size).map_err(|_| Error::row("size of a checkpoint"))?,
            root: row.root,
            note: row.note,
            frontier: row.frontier,
            at: row.at.to_jiff(),
        })
    }
}

/// Adds one.
///
/// # Errors
/// [`Error::Exists`] if there is one of that size; else by cause.
pub async fn add_checkpoint(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.audit_checkpoints (size, root, note, frontier, at) VALUES ($1, $2, $3, $4, $5)",
        i64::try_from(checkpoint.size).map_err(|_| Error::row("size of a checkpoint"))?,
        checkpoint.root,
        checkpoint.note,
        checkpoint.frontier,
        checkpoint.at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The one of the largest tree.
///
/// # Errors
/// [`Error`] by cause.
pub async fn newest_checkpoint(tx: &mut Tx) -> Result<Option<Checkpoint>> {
    let row = sqlx::query_as!(
        Kept,
        "SELECT size, root, note, frontier, at FROM keepsake.audit_checkpoints ORDER BY size DESC LIMIT 1"
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Checkpoint::try_from).transpose()
}

/// Those of trees larger than `size`, smallest first, at most `limit`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn checkpoints(tx: &mut Tx, size: u64, limit: u16) -> Result<Vec<Checkpoint>> {
    let rows = sqlx::query_as!(
        Kept,
        "SELECT size, root, note, frontier, at FROM keepsake.audit_checkpoints WHERE size > $1 ORDER BY size LIMIT $2",
        i64::try_from(size).unwrap_or(i64::MAX),
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Checkpoint::try_from).collect()
}
