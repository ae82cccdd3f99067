//! The order of rows in the tree: giving it, and reading it back.

use super::leaf::Row;
use crate::{Error, Result, Tx};
use jiff::Timestamp;
use keepsake_domain::{OrganisationId, RequestId};
use uuid::Uuid;

/// A row that waits for its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number among those that wait.
    pub number: i64,
    /// The row.
    pub id: Uuid,
    /// What is to be hashed.
    pub leaf: Vec<u8>,
}

/// A row and what is hashed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The row that waited, by its number.
    pub number: i64,
    /// The row.
    pub id: Uuid,
    /// The hash of its leaf.
    pub hash: [u8; 32],
}

/// A row of the log with everything that is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    organisation: OrganisationId,
    at: Timestamp,
    stage: String,
    request: RequestId,
    actor_kind: String,
    actor: Option<Uuid>,
    action: String,
    subject: String,
    outcome: String,
    /// The leaf as it is kept.
    pub leaf: Vec<u8>,
}

impl Logged {
    /// The columns that the leaf should hold.
    pub fn row(&self, id: Uuid) -> Row<'_> {
        Row {
            action: &self.action,
            actor: self.actor,
            actor_kind: &self.actor_kind,
            at: self.at,
            id,
            organisation: self.organisation,
            outcome: &self.outcome,
            request: self.request,
            stage: &self.stage,
            subject: &self.subject,
        }
    }

    /// When the row says that it happened.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// A place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequenced {
    /// Which.
    pub index: u64,
    /// The row that stands there.
    pub id: Uuid,
    /// The hash of its leaf.
    pub hash: Vec<u8>,
    /// The row, if it is there.
    pub row: Option<Logged>,
}

/// A row of the log that is not in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The row.
    pub id: Uuid,
    /// When it says that it happened.
    pub at: Timestamp,
    /// Whether it waits for its place, as every new row does.
    pub waits: bool,
}

fn index(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| Error::row("index of a leaf"))
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Whether this transaction is the one that may add to the tree, until it ends. One at a time is, over all nodes.
///
/// # Errors
/// [`Error`] by cause.
pub async fn lead(tx: &mut Tx) -> Result<bool> {
    let led = sqlx::query_scalar!("SELECT pg_try_advisory_xact_lock(hashtext('keepsake audit tree')) AS \"led!\"");
    Ok(led.fetch_one(tx.connection()).await?)
}

/// How many leaves the tree has: one more than the largest index.
///
/// # Errors
/// [`Error`] by cause.
pub async fn size(tx: &mut Tx) -> Result<u64> {
    let size = sqlx::query_scalar!("SELECT coalesce(max(index) + 1, 0) AS \"size!\" FROM keepsake.audit_tree");
    index(size.fetch_one(tx.connection()).await?)
}

/// The first of those that wait.
///
/// # Errors
/// [`Error`] by cause.
pub async fn pending(tx: &mut Tx, limit: u16) -> Result<Vec<Pending>> {
    let rows = sqlx::query_as!(
        Pending,
        "SELECT p.number, l.id, l.leaf FROM keepsake.audit_pending AS p JOIN keepsake.audit_log AS l ON l.id = p.audit_id
         ORDER BY p.number LIMIT $1",
        i64::from(limit),
    );
    Ok(rows.fetch_all(tx.connection()).await?)
}

/// Puts rows that waited into the tree, from index `first` on. Only by whoever [leads](lead).
///
/// # Errors
/// [`Error::Exists`] if a row is in the tree, or a place taken; else by cause.
pub async fn append(tx: &mut Tx, first: u64, leaves: &[Leaf]) -> Result<()> {
    let numbers: Vec<i64> = leaves.iter().map(|leaf| leaf.number).collect();
    let ids: Vec<Uuid> = leaves.iter().map(|leaf| leaf.id).collect();
    let hashes: Vec<Vec<u8>> = leaves.iter().map(|leaf| leaf.hash.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO keepsake.audit_tree (index, audit_id, leaf_hash)
         SELECT $1::bigint + place - 1, id, hash FROM unnest($2::uuid[], $3::bytea[]) WITH ORDINALITY AS leaf (id, hash, place)",
        column(first),
        &ids,
        &hashes,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!("DELETE FROM keepsake.audit_pending WHERE number = ANY ($1)", &numbers)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The hashes of leaves from index `from` on, in order, at most `limit`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn leaf_hashes(tx: &mut Tx, from: u64, limit: u16) -> Result<Vec<(u64, Vec<u8>)>> {
    let rows = sqlx::query!(
        "SELECT index, leaf_hash FROM keepsake.audit_tree WHERE index >= $1 ORDER BY index LIMIT $2",
        column(from),
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(|row| Ok((index(row.index)?, row.leaf_hash))).collect()
}

/// The place of a row, and its leaf as it is kept.
///
/// # Errors
/// [`Error`] by cause.
pub async fn place(tx: &mut Tx, id: Uuid) -> Result<Option<(u64, Vec<u8>)>> {
    let row = sqlx::query!(
        "SELECT t.index, l.leaf FROM keepsake.audit_tree AS t JOIN keepsake.audit_log AS l ON l.id = t.audit_id
         WHERE t.audit_id = $1",
        id,
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| Ok((index(row.index)?, row.leaf))).transpose()
}

/// A place with its row, whose columns are all there or all missing (but for the actor, whom some rows lack).
struct Joined {
    index: i64,
    audit_id: Uuid,
    leaf_hash: Vec<u8>,
    organisation_id: Option<Uuid>,
    at: Option<jiff_sqlx::Timestamp>,
    stage: Option<String>,
    request_id: Option<Uuid>,
    actor_kind: Option<String>,
    actor_id: Option<Uuid>,
    action: Option<String>,
    subject: Option<String>,
    outcome: Option<String>,
    leaf: Option<Vec<u8>>,
}

impl Joined {
    fn sequenced(self) -> Result<Sequenced> {
        let (index, id, hash) = (index(self.index)?, self.audit_id, self.leaf_hash.clone());
        Ok(Sequenced { index, id, hash, row: self.logged() })
    }

    fn logged(self) -> Option<Logged> {
        Some(Logged {
            organisation: OrganisationId::from_uuid(self.organisation_id?),
            at: self.at?.to_jiff(),
            stage: self.stage?,
            request: RequestId::from_uuid(self.request_id?),
            actor_kind: self.actor_kind?,
            actor: self.actor_id,
            action: self.action?,
            subject: self.subject?,
            outcome: self.outcome?,
            leaf: self.leaf?,
        })
    }
}

/// Places of the tree from index `from` on, in order, with their rows, at most `limit`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn sequenced(tx: &mut Tx, from: u64, limit: u16) -> Result<Vec<Sequenced>> {
    let rows = sqlx::query_as!(
        Joined,
        r#"SELECT t.index, t.audit_id, t.leaf_hash, l.organisation_id AS "organisation_id?", l.at AS "at?", l.stage AS "stage?",
             l.request_id AS "request_id?", l.actor_kind AS "actor_kind?", l.actor_id, l.action AS "action?",
             l.subject AS "subject?", l.outcome AS "outcome?", l.leaf AS "leaf?"
         FROM keepsake.audit_tree AS t LEFT JOIN keepsake.audit_log AS l ON l.id = t.audit_id
         WHERE t.index >= $1 ORDER BY t.index LIMIT $2"#,
        column(from),
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Joined::sequenced).collect()
}

/// Rows of the log that are not in the tree, at most `limit`: first those that do not even wait, and the oldest of each. Looks through
/// the whole log.
///
/// # Errors
/// [`Error`] by cause.
pub async fn missing(tx: &mut Tx, limit: u16) -> Result<Vec<Missing>> {
    let rows = sqlx::query!(
        r#"SELECT l.id, l.at, l.id IN (SELECT audit_id FROM keepsake.audit_pending) AS "waits!"
         FROM keepsake.audit_log AS l
         WHERE NOT EXISTS (SELECT FROM keepsake.audit_tree AS t WHERE t.audit_id = l.id)
         ORDER BY 3, l.at, l.id LIMIT $1"#,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| Missing { id: row.id, at: row.at.to_jiff(), waits: row.waits }).collect())
}

/// How many rows wait for their places.
///
/// # Errors
/// [`Error`] by cause.
pub async fn waiting(tx: &mut Tx) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM keepsake.audit_pending AS p JOIN keepsake.audit_log AS l ON l.id = p.audit_id"#
    );
    index(count.fetch_one(tx.connection()).await?)
}

/// Whether a row waits for its place.
///
/// # Errors
/// [`Error`] by cause.
pub async fn waits(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM keepsake.audit_pending WHERE audit_id = $1) AS "waits!""#,
        id
    );
    Ok(waits.fetch_one(tx.connection()).await?)
}

/// Rows that wait for their place, and are not in the log any more; at most `limit`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn vanished(tx: &mut Tx, limit: u16) -> Result<Vec<Uuid>> {
    let rows = sqlx::query_scalar!(
        "SELECT p.audit_id FROM keepsake.audit_pending AS p
         WHERE NOT EXISTS (SELECT FROM keepsake.audit_log AS l WHERE l.id = p.audit_id) ORDER BY p.number LIMIT $1",
        i64::from(limit),
    );
    Ok(rows.fetch_all(tx.connection()).await?)
}
