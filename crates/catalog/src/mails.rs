//! Who is told by e-mail, and what became of each mail.
//!
//! A mail names a user or a contact; the address is looked up when it is sent, so that it is stored in one place only and whoever is
//! disabled or taken out meanwhile gets nothing.

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    ContactId, DeliveryId, NotificationId, OrganisationId, UserId, WeddingId,
    notification::{Kind, State, Trouble},
};

/// Somebody who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipient {
    /// An admin of the organisation, or a member of the wedding.
    User(UserId),
    /// An emergency contact of the wedding.
    Contact(ContactId),
}

/// Who is told of something: the admins of the organisation, the members of the wedding and, in an emergency, its contacts. Whoever has
/// one address in two ways is in it once.
///
/// # Errors
/// [`Error`] by cause.
pub async fn recipients(
    tx: &mut Tx,
    organisation: OrganisationId,
    wedding: Option<WeddingId>,
    is_emergency: bool,
) -> Result<Vec<Recipient>> {
    let rows = sqlx::query!(
        r#"WITH users AS (
             SELECT u.id, u.email FROM keepsake.users AS u
             WHERE u.organisation_id = $1 AND u.disabled_at IS NULL
               AND (u.role = 'admin'
                    OR EXISTS (SELECT FROM keepsake.wedding_members AS m WHERE m.wedding_id = $2 AND m.user_id = u.id))
         )
         SELECT id AS "id!", true AS "is_user!" FROM users
         UNION ALL
         SELECT c.id, false FROM keepsake.emergency_contacts AS c
         WHERE $3 AND c.organisation_id = $1 AND c.wedding_id = $2
           AND NOT EXISTS (SELECT FROM users WHERE users.email = c.email)
         ORDER BY 2 DESC, 1"#,
        organisation.as_uuid(),
        wedding.as_ref().map(WeddingId::as_uuid),
        is_emergency,
    )
    .fetch_all(tx.connection())
    .await?;
    let recipient = |id, is_user| match is_user {
        true => Recipient::User(UserId::from_uuid(id)),
        false => Recipient::Contact(ContactId::from_uuid(id)),
    };
    Ok(rows.into_iter().map(|row| recipient(row.id, row.is_user)).collect())
}

/// A mail to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMail {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub organisation: OrganisationId,
    /// Of what.
    pub notification: NotificationId,
    /// To whom.
    pub recipient: Recipient,
}

/// Adds a mail, to be sent at once. One that is there already is left as it is.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, new: &NewMail, now: Timestamp) -> Result<()> {
    let (user, contact) = match new.recipient {
        Recipient::User(id) => (Some(*id.as_uuid()), None),
        Recipient::Contact(id) => (None, Some(*id.as_uuid())),
    };
    sqlx::query!(
        "INSERT INTO keepsake.mail_deliveries (id, organisation_id, notification_id, user_id, contact_id, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $6::timestamptz)
         ON CONFLICT (notification_id, coalesce(user_id, contact_id)) DO NOTHING",
        new.id.as_uuid(),
        new.organisation.as_uuid(),
        new.notification.as_uuid(),
        user,
        contact,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A mail that is this process's to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: DeliveryId,
    /// Attempts before.
    pub attempts: i32,
    /// The address, if the recipient is still to be told.
    pub email: Option<String>,
    /// Why they are told.
    pub is_contact: bool,
    /// What happened.
    pub kind: Kind,
    /// The CloudEvent.
    pub body: String,
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Claims mails that are due, the oldest first, `limit` at most. They are this process's until `until`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn claim(tx: &mut Tx, limit: u16, now: Timestamp, until: Timestamp) -> Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"WITH chosen AS (
             SELECT id FROM keepsake.mail_deliveries
             WHERE state = 'waiting' AND due_at <= $1::timestamptz AND coalesce(leased_until, '-infinity') <= $1::timestamptz
             ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
         ), claimed AS (
             UPDATE keepsake.mail_deliveries AS m SET leased_until = $2::timestamptz FROM chosen WHERE m.id = chosen.id
             RETURNING m.id, m.attempts, m.user_id, m.contact_id, m.notification_id
         )
         SELECT m.id AS "id!", m.attempts AS "attempts!", coalesce(u.email, c.email) AS email, m.contact_id IS NOT NULL AS "is_contact!",
             n.kind AS "kind!", n.body AS "body!"
         FROM claimed AS m
         JOIN keepsake.notifications AS n ON n.id = m.notification_id
         LEFT JOIN keepsake.users AS u ON u.id = m.user_id AND u.disabled_at IS NULL
         LEFT JOIN keepsake.emergency_contacts AS c ON c.id = m.contact_id"#,
        now.to_sqlx() as _,
        until.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claimed {
                id: DeliveryId::from_uuid(row.id),
                attempts: row.attempts,
                email: row.email,
                is_contact: row.is_contact,
                kind: row.kind.parse().map_err(|_| Error::row("kind of a notification"))?,
                body: row.body,
            })
        })
        .collect()
}

/// Writes an attempt down: `again` is when it is tried once more. `false`: somebody else did.
///
/// # Errors
/// [`Error`] by cause.
pub async fn finish(
    tx: &mut Tx,
    claimed: &Claimed,
    trouble: Option<Trouble>,
    again: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool> {
    let state = match (trouble, again) {
        (None, _) => State::Delivered,
        (Some(_), Some(_)) => State::Waiting,
        (Some(_), None) => State::GivenUp,
    };
    let ended_at = (state != State::Waiting).then_some(now);
    let done = sqlx::query!(
        "UPDATE keepsake.mail_deliveries
         SET state = $3, attempts = attempts + 1, trouble = $4, due_at = coalesce($5::timestamptz, due_at),
             ended_at = $6::timestamptz, leased_until = NULL
         WHERE id = $1 AND state = 'waiting' AND attempts = $2",
        claimed.id.as_uuid(),
        claimed.attempts,
        state.name(),
        trouble.map(Trouble::name),
        again.map(|at| at.to_sqlx()) as _,
        ended_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up what waits since before `before`: nothing sends mails any more. How many.
///
/// # Errors
/// [`Error`] by cause.
pub async fn give_up_older(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE keepsake.mail_deliveries SET state = 'given_up', trouble = 'disabled', ended_at = $2::timestamptz, leased_until = NULL
         WHERE state = 'waiting' AND created_at < $1::timestamptz",
        before.to_sqlx() as _,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
