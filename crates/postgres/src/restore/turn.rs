//! One restore of a wedding at a time, whichever machine runs it: an advisory lock that the restore's transaction holds to its end.

use super::Error;
use crate::{connect::Session, schema::TableName};
use aws_lc_rs::digest::{SHA256, digest};
use tokio_postgres::{Transaction, types::Type};

/// Takes the wedding's turn for this transaction; it waits for `lock_timeout`.
pub(crate) async fn lock(tx: &Transaction<'_>, root: &TableName, wedding: &str) -> Result<(), Error> {
    let name = format!("keepsake restore {root} {wedding}");
    let hash = digest(&SHA256, name.as_bytes());
    let bytes: [u8; 8] = hash.as_ref().first_chunk().copied().unwrap_or_default();
    let key = i64::from_be_bytes(bytes);
    let lock = tx.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&key, Type::INT8)]).await;
    lock.map(drop).map_err(Error::database("waiting for another restore of this wedding"))
}

/// Waits until no restore of the wedding is under way, not even one whose own process has died: afterwards it is settled whether
/// its rows came.
///
/// # Errors
/// [`Error::Busy`] or [`Error::Database`] if it takes longer than the session waits for locks.
pub async fn until_free(session: &mut Session, root: &TableName, wedding: &str) -> Result<(), Error> {
    let tx = session.client.transaction().await.map_err(Error::database("waiting for another restore"))?;
    tx.batch_execute("SET LOCAL lock_timeout = '10s'").await.map_err(Error::database("waiting for another restore"))?;
    lock(&tx, root, wedding).await?;
    tx.rollback().await.map_err(Error::database("waiting for another restore"))
}
