//! Failed proofs of identity, counted over all nodes.
//!
//! An attempt is counted as failed before it is looked at, and taken back when it succeeds: a hundred guesses that arrive at
//! once are counted one after the other, whichever nodes they reach.

use crate::{Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

/// Hash of who proves themselves, and how: an address, or a user's second factor.
pub type Subject = [u8; 32];

/// Counts an attempt, if fewer than `allowed` are counted since `since`. `false`: it must not be looked at.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn attempt(tx: &mut Tx, subject: &Subject, now: Timestamp, since: Timestamp, allowed: u16) -> Result<bool> {
    // Two attempts at once must see each other.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), 0))", subject.as_slice())
        .execute(tx.connection())
        .await?;
    let done = sqlx::query!(
        "INSERT INTO keepsake.login_failures (subject, failed_at)
         SELECT $1::bytea, $2::timestamptz
         WHERE (SELECT count(*) FROM keepsake.login_failures WHERE subject = $1 AND failed_at > $3::timestamptz) < $4::bigint",
        subject.as_slice(),
        now.to_sqlx() as _,
        since.to_sqlx() as _,
        i64::from(allowed),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the failures of a subject that has proven itself.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn clear(tx: &mut Tx, subject: &Subject) -> Result<()> {
    sqlx::query!("DELETE FROM keepsake.login_failures WHERE subject = $1", subject.as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets failures that count no more.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<()> {
    sqlx::query!("DELETE FROM keepsake.login_failures WHERE failed_at <= $1", before.to_sqlx() as _)
        .execute(tx.connection())
        .await?;
    Ok(())
}
