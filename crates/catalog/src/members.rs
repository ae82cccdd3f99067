//! Which users see which weddings.

use crate::{Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, UserId, WeddingId};
use uuid::Uuid;

/// The users who are assigned to a wedding.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn list(tx: &mut Tx, wedding: WeddingId) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "SELECT user_id FROM keepsake.wedding_members WHERE wedding_id = $1 ORDER BY user_id",
        wedding.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// Assigns exactly these users to a wedding.
///
/// # Errors
/// [`Error::Missing`](crate::Error::Missing) if one is no user of the organisation; else by cause.
pub async fn replace(
    tx: &mut Tx,
    wedding: WeddingId,
    organisation: OrganisationId,
    users: &[UserId],
    now: Timestamp,
) -> Result<()> {
    let ids: Vec<Uuid> = users.iter().map(|id| *id.as_uuid()).collect();
    sqlx::query!(
        "DELETE FROM keepsake.wedding_members WHERE wedding_id = $1 AND user_id <> ALL ($2)",
        wedding.as_uuid(),
        &ids,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "INSERT INTO keepsake.wedding_members (organisation_id, wedding_id, user_id, added_at)
         SELECT $1, $2, id, $4 FROM unnest($3::uuid[]) AS id ON CONFLICT (wedding_id, user_id) DO NOTHING",
        organisation.as_uuid(),
        wedding.as_uuid(),
        &ids,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
