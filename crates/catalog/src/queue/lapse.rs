//! Jobs that nobody began in time.

use crate::{Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

/// Ends every job that should have been begun by now and never was. One that was begun once, and waits to be tried again, is not
/// among them. How many.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn lapse(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let done = sqlx::query!(
        r#"UPDATE keepsake.backup_jobs
         SET state = 'failed', ended_at = $1::timestamptz,
             error = '{"code": "window-missed", "detail": "no worker was free while it was to be begun: the next run comes in its place"}'
         WHERE state = 'queued' AND progressed_at IS NULL AND start_before <= $1::timestamptz"#,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
