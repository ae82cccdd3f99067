//! Tenants.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::OrganisationId;
use uuid::Uuid;

/// What an organisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs the installation; there is one.
    Operator,
    /// Has weddings of its own.
    Supplier,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Supplier => "supplier",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        match word {
            "operator" => Ok(Self::Operator),
            "supplier" => Ok(Self::Supplier),
            other => Err(Error::row(format!("kind of organisation `{other}`"))),
        }
    }
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Since when it is here.
    pub created_at: Timestamp,
}

struct Row {
    id: Uuid,
    name: String,
    kind: String,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for Organisation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: OrganisationId::from_uuid(row.id),
            name: row.name,
            kind: Kind::parse(&row.kind)?,
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// The operator's organisation.
///
/// # Errors
/// [`Error::Missing`] before the first admin was made; else by cause.
pub async fn operator(tx: &mut Tx) -> Result<OrganisationId> {
    let id = sqlx::query_scalar!("SELECT keepsake.operator_organisation()").fetch_one(tx.connection()).await?;
    id.map(OrganisationId::from_uuid).ok_or_else(|| Error::Missing { constraint: "operator organisation".to_owned() })
}

/// Adds a supplier.
///
/// # Errors
/// [`Error`] by cause; only the operator's admins and the service itself may.
pub async fn add_supplier(tx: &mut Tx, id: OrganisationId, name: &str, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.organisations (id, name, kind, created_at) VALUES ($1, $2, $3, $4)",
        id.as_uuid(),
        name,
        Kind::Supplier.name(),
        now.to_sqlx(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The organisation of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: OrganisationId) -> Result<Option<Organisation>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, kind, created_at FROM keepsake.organisations WHERE id = $1 AND deleted_at IS NULL",
        id.as_uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Organisation::try_from).transpose()
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<Organisation>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, kind, created_at FROM keepsake.organisations
         WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
         ORDER BY created_at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Organisation>> = rows.into_iter().map(Organisation::try_from).collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.created_at, id: *row.id.as_uuid() }))
}

/// Gives one another name. `None`: it is gone, or not in reach; only the operator's admins may.
///
/// # Errors
/// [`Error`] by cause.
pub async fn rename(tx: &mut Tx, id: OrganisationId, name: &str) -> Result<Option<Organisation>> {
    let row = sqlx::query_as!(
        Row,
        "UPDATE keepsake.organisations SET name = $2 WHERE id = $1 AND deleted_at IS NULL
         RETURNING id, name, kind, created_at",
        id.as_uuid(),
        name,
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Organisation::try_from).transpose()
}
