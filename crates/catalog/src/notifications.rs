//! The outbox: what happened, until everybody who wants to know has a delivery of their own.
//!
//! A row is added in the transaction that makes it so. The dispatcher takes rows, adds deliveries ([`crate::webhooks`],
//! [`crate::mails`]) and marks them in one transaction, so that nothing is told twice and nothing is left out.

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{NotificationId, OrganisationId, WeddingId, id::uuid_v7, notification::Kind};
use uuid::Uuid;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id, from [`new_id`].
    pub id: NotificationId,
    /// Who hears of it.
    pub organisation: OrganisationId,
    /// The wedding that it is about.
    pub wedding: Option<WeddingId>,
    /// What.
    pub kind: Kind,
    /// Emergency contacts hear of it, too.
    pub is_emergency: bool,
    /// The CloudEvent, as it is sent.
    pub body: String,
    /// When.
    pub created_at: Timestamp,
}

/// One that has no deliveries yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its id.
    pub id: NotificationId,
    /// Who hears of it.
    pub organisation: OrganisationId,
    /// The wedding that it is about.
    pub wedding: Option<WeddingId>,
    /// What.
    pub kind: Kind,
    /// Emergency contacts hear of it, too.
    pub is_emergency: bool,
}

/// An id for a new one.
///
/// # Errors
/// [`Error::Database`] if the system gives no random bytes.
pub fn new_id(now: Timestamp) -> Result<NotificationId> {
    let mut random = [0; 10];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| sqlx::Error::Protocol("the system gave no random bytes".to_owned()))?;
    Ok(NotificationId::from_uuid(uuid_v7(now, random)))
}

/// Adds one, to be told to everybody who wants to know once the transaction is committed.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, new: &Notification) -> Result<()> {
    put(tx, new, None).await
}

/// Adds one that has its deliveries already, from whoever adds it.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add_delivered(tx: &mut Tx, new: &Notification) -> Result<()> {
    put(tx, new, Some(new.created_at)).await
}

async fn put(tx: &mut Tx, new: &Notification, fanned_out_at: Option<Timestamp>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.notifications (id, organisation_id, wedding_id, kind, is_emergency, body, created_at, fanned_out_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id.as_uuid(),
        new.organisation.as_uuid(),
        new.wedding.as_ref().map(WeddingId::as_uuid),
        new.kind.name(),
        new.is_emergency,
        new.body,
        new.created_at.to_sqlx() as _,
        fanned_out_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The oldest that have no deliveries yet; nobody else takes them until the transaction ends.
///
/// # Errors
/// [`Error`] by cause.
pub async fn take(tx: &mut Tx, limit: u16) -> Result<Vec<Taken>> {
    let rows = sqlx::query!(
        "SELECT id, organisation_id, wedding_id, kind, is_emergency FROM keepsake.notifications
         WHERE fanned_out_at IS NULL ORDER BY created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED",
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Taken {
                id: NotificationId::from_uuid(row.id),
                organisation: OrganisationId::from_uuid(row.organisation_id),
                wedding: row.wedding_id.map(WeddingId::from_uuid),
                kind: row.kind.parse().map_err(|_| Error::row("kind of a notification"))?,
                is_emergency: row.is_emergency,
            })
        })
        .collect()
}

/// Marks those as having their deliveries.
///
/// # Errors
/// [`Error`] by cause.
pub async fn fanned_out(tx: &mut Tx, ids: &[NotificationId], now: Timestamp) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
    sqlx::query!(
        "UPDATE keepsake.notifications SET fanned_out_at = $2::timestamptz WHERE id = ANY ($1)",
        &ids,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes deliveries that ended before `before`, and notifications of that age that have none left; how many rows, about `limit` of each
/// at most.
///
/// # Errors
/// [`Error`] by cause.
pub async fn sweep(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64> {
    let limit = i64::from(limit);
    let hooks = sqlx::query!(
        "DELETE FROM keepsake.webhook_deliveries
         WHERE id IN (SELECT id FROM keepsake.webhook_deliveries WHERE ended_at < $1::timestamptz LIMIT $2)",
        before.to_sqlx() as _,
        limit,
    )
    .execute(tx.connection())
    .await?;
    let mails = sqlx::query!(
        "DELETE FROM keepsake.mail_deliveries
         WHERE id IN (SELECT id FROM keepsake.mail_deliveries WHERE ended_at < $1::timestamptz LIMIT $2)",
        before.to_sqlx() as _,
        limit,
    )
    .execute(tx.connection())
    .await?;
    let told = sqlx::query!(
        "DELETE FROM keepsake.notifications WHERE id IN (
             SELECT id FROM keepsake.notifications AS told WHERE created_at < $1::timestamptz AND fanned_out_at IS NOT NULL
                 AND NOT EXISTS (SELECT FROM keepsake.webhook_deliveries WHERE notification_id = told.id)
                 AND NOT EXISTS (SELECT FROM keepsake.mail_deliveries WHERE notification_id = told.id)
             LIMIT $2)",
        before.to_sqlx() as _,
        limit,
    )
    .execute(tx.connection())
    .await?;
    Ok(hooks.rows_affected() + mails.rows_affected() + told.rows_affected())
}
