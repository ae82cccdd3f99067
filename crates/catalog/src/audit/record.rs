//! Adding rows to the log, and lists of them.

use super::leaf::{Row, microseconds};
use crate::{Error, Page, Result, Tx, page::Cursor};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, RequestId};
use uuid::Uuid;

/// Which part of an act a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before it: no record, no act.
    Intent,
    /// After it.
    Outcome,
    /// It was refused.
    Refusal,
    /// Content was read.
    Read,
}

impl Stage {
    /// The word in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Refusal => "refusal",
            Self::Read => "read",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        [Self::Intent, Self::Outcome, Self::Refusal, Self::Read]
            .into_iter()
            .find(|stage| stage.name() == word)
            .ok_or_else(|| Error::row(format!("stage of an act `{word}`")))
    }
}

/// A row to be added. The actor is that of the transaction.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its id.
    pub id: Uuid,
    /// Whose log.
    pub organisation: OrganisationId,
    /// When.
    pub at: Timestamp,
    /// Which part of the act.
    pub stage: Stage,
    /// What: `execution.start`, `recovery.initiate` ...
    pub action: &'a str,
    /// On what: kinds and ids, never names or contents.
    pub subject: &'a str,
    /// `intended`, `done`, or the code of the failure.
    pub outcome: &'a str,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Which part of the act.
    pub stage: Stage,
    /// The request.
    pub request: RequestId,
    /// `user`, `token`, `worker`, `system`.
    pub actor_kind: String,
    /// The person or token.
    pub actor: Option<Uuid>,
    /// What.
    pub action: String,
    /// On what.
    pub subject: String,
    /// What came of it.
    pub outcome: String,
}

/// Adds a row, in the caller's transaction.
///
/// # Errors
/// [`Error`] by cause: the act must then not happen.
pub async fn record(tx: &mut Tx, entry: &Entry<'_>) -> Result<()> {
    let scope = *tx.scope();
    // The column keeps microseconds: the leaf must say what will be read back.
    let at = microseconds(entry.at)?;
    let leaf = Row {
        id: entry.id,
        organisation: entry.organisation,
        at,
        stage: entry.stage.name(),
        request: scope.request,
        actor_kind: scope.actor.kind(),
        actor: scope.actor.id(),
        action: entry.action,
        subject: entry.subject,
        outcome: entry.outcome,
    }
    .leaf();
    sqlx::query!(
        "INSERT INTO keepsake.audit_log (id, organisation_id, at, stage, request_id, actor_kind, actor_id, action, subject, outcome, leaf)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        entry.id,
        entry.organisation.as_uuid(),
        at.to_sqlx() as _,
        entry.stage.name(),
        scope.request.as_uuid(),
        scope.actor.kind(),
        scope.actor.id(),
        entry.action,
        entry.subject,
        entry.outcome,
        leaf,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The log of what is in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<Recorded>> {
    let rows = sqlx::query!(
        "SELECT id, at, stage, request_id, actor_kind, actor_id, action, subject, outcome FROM keepsake.audit_log
         WHERE $1::timestamptz IS NULL OR (at, id) < ($1, $2)
         ORDER BY at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Recorded>> = rows
        .into_iter()
        .map(|row| {
            Ok(Recorded {
                id: row.id,
                at: row.at.to_jiff(),
                stage: Stage::parse(&row.stage)?,
                request: RequestId::from_uuid(row.request_id),
                actor_kind: row.actor_kind,
                actor: row.actor_id,
                action: row.action,
                subject: row.subject,
                outcome: row.outcome,
            })
        })
        .collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.at, id: row.id }))
}
