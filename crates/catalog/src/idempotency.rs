//! Answers to requests that carry an `Idempotency-Key`, kept for as long as callers may repeat them (S33).
//!
//! A key belongs to the organisation and the actor of the transaction, and to one method and path.

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::OrganisationId;
use uuid::Uuid;

/// What names a request of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What the caller sent as its key.
    pub key: String,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers that belong to the answer, as names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is the caller's now.
    Fresh,
    /// Its request is at work.
    AtWork,
    /// It was another request.
    Other,
    /// It was this request, and was answered.
    Answered(Answer),
}

/// Which rows count no more.
#[derive(Debug, Clone, Copy)]
pub struct Age {
    /// Answers from before are forgotten.
    pub kept_since: Timestamp,
    /// What has no answer and is from before was left by a process that died.
    pub alive_since: Timestamp,
}

/// Takes a key for a request, or says what is known of it.
///
/// # Errors
/// [`Error::Conflict`] if it goes at the same moment; else by cause.
pub async fn claim(tx: &mut Tx, key: &Key, request_sha256: &[u8; 32], now: Timestamp, age: Age) -> Result<Claim> {
    let (organisation, actor) = owner(tx)?;
    sqlx::query!(
        "DELETE FROM keepsake.idempotency_keys
         WHERE organisation_id = $1 AND actor_id = $2 AND method = $3 AND path = $4 AND key = $5
           AND (created_at < $6 OR (status IS NULL AND created_at < $7))",
        organisation.as_uuid(),
        actor,
        key.method,
        key.path,
        key.key,
        age.kept_since.to_sqlx() as _,
        age.alive_since.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    let taken = sqlx::query!(
        "INSERT INTO keepsake.idempotency_keys (organisation_id, actor_id, method, path, key, request_sha256, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        organisation.as_uuid(),
        actor,
        key.method,
        key.path,
        key.key,
        request_sha256.as_slice(),
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(Claim::Fresh);
    }
    let row = sqlx::query!(
        "SELECT request_sha256, status, headers, body FROM keepsake.idempotency_keys
         WHERE organisation_id = $1 AND actor_id = $2 AND method = $3 AND path = $4 AND key = $5",
        organisation.as_uuid(),
        actor,
        key.method,
        key.path,
        key.key,
    )
    .fetch_optional(tx.connection())
    .await?
    .ok_or(Error::Conflict)?;
    if row.request_sha256 != request_sha256 {
        return Ok(Claim::Other);
    }
    let Some(status) = row.status else { return Ok(Claim::AtWork) };
    let headers = serde_json::from_value(row.headers.unwrap_or_default());
    Ok(Claim::Answered(Answer {
        status: u16::try_from(status).map_err(|_| Error::row("status of an answer"))?,
        headers: headers.map_err(|_| Error::row("headers of an answer"))?,
        body: row.body.unwrap_or_default(),
    }))
}

/// Keeps the answer to a request whose key was claimed.
///
/// # Errors
/// By cause.
pub async fn answer(tx: &mut Tx, key: &Key, answer: &Answer) -> Result<()> {
    let (organisation, actor) = owner(tx)?;
    let status = i16::try_from(answer.status).map_err(|_| Error::row("status of an answer"))?;
    sqlx::query!(
        "UPDATE keepsake.idempotency_keys SET status = $6, headers = $7, body = $8
         WHERE organisation_id = $1 AND actor_id = $2 AND method = $3 AND path = $4 AND key = $5 AND status IS NULL",
        organisation.as_uuid(),
        actor,
        key.method,
        key.path,
        key.key,
        status,
        serde_json::json!(answer.headers),
        answer.body,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives a key back whose request came to nothing, so that it can be tried again.
///
/// # Errors
/// By cause.
pub async fn release(tx: &mut Tx, key: &Key) -> Result<()> {
    let (organisation, actor) = owner(tx)?;
    sqlx::query!(
        "DELETE FROM keepsake.idempotency_keys
         WHERE organisation_id = $1 AND actor_id = $2 AND method = $3 AND path = $4 AND key = $5 AND status IS NULL",
        organisation.as_uuid(),
        actor,
        key.method,
        key.path,
        key.key,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets everything from before, of everybody in reach; how much it was.
///
/// # Errors
/// By cause.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let gone = sqlx::query!("DELETE FROM keepsake.idempotency_keys WHERE created_at < $1", before.to_sqlx() as _);
    Ok(gone.execute(tx.connection()).await?.rows_affected())
}

fn owner(tx: &Tx) -> Result<(OrganisationId, Uuid)> {
    let scope = tx.scope();
    let owner = scope.organisation.zip(scope.actor.id());
    owner.ok_or_else(|| Error::row("owner of a key: nobody is known"))
}
