//! What every restore transaction sets and finds out first.

use super::{Error, apply::ReplicaRole, frame::Frame, plan::WritePath};
use std::time::Duration;
use tokio_postgres::{Transaction, types::Type};

/// Settings of one transaction. Index lookups are all a restore needs, whatever the planner thinks of fresh temporary
/// tables; with sequential scans priced out, JIT would find every statement worth compiling.
pub(crate) async fn settings(
    tx: &Transaction<'_>,
    lock_timeout: Duration,
    statement_timeout: Duration,
) -> Result<(), Error> {
    let sql = format!(
        "SET LOCAL row_security = off; SET LOCAL search_path = ''; SET LOCAL lock_timeout = {}; \
         SET LOCAL statement_timeout = {}; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = postgres; \
         SET LOCAL extra_float_digits = 3; SET LOCAL TimeZone = 'UTC'; SET LOCAL bytea_output = hex",
        lock_timeout.as_millis(),
        statement_timeout.as_millis()
    );
    tx.batch_execute(&sql).await.map_err(Error::database("preparing the session"))
}

/// Refuses a role for which row-level security hides rows: it would take hidden rows for missing ones.
pub(crate) async fn refuse_hidden_rows(tx: &Transaction<'_>, frame: &Frame<'_>) -> Result<(), Error> {
    let names: Vec<String> = frame.tables.iter().map(|table| table.live.name.sql()).collect();
    let query = "SELECT n::int4 FROM unnest($1) WITH ORDINALITY AS u(name, n) WHERE row_security_active(name::regclass) \
                 ORDER BY n LIMIT 1";
    let hidden = tx.query_typed(query, &[(&names, Type::TEXT_ARRAY)]).await;
    let hidden = hidden.map_err(Error::database("checking row-level security"))?;
    let number = hidden.first().and_then(|row| usize::try_from(row.get::<_, i32>(0) - 1).ok());
    match number.and_then(|number| frame.tables.get(number)) {
        Some(table) => Err(Error::RowSecurity(table.live.name.clone())),
        None => Ok(()),
    }
}

/// How rows can be written by this role, and why not in replica role where it cannot.
///
/// Replica role needs the parameter's privilege, which is tried rather than looked up since some hosts grant it by other
/// means. It also needs the right to lock every parent that rows refer to (which asks for UPDATE): without foreign-key
/// checks nothing else keeps a parent from being deleted beside the restore.
pub(crate) async fn write_path(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    wanted: ReplicaRole,
) -> Result<(WritePath, Option<String>), Error> {
    if wanted == ReplicaRole::Never {
        return Ok((WritePath::Checked, None));
    }
    tx.batch_execute("SAVEPOINT keepsake_role").await.map_err(Error::database("trying replica role"))?;
    let allowed = tx.batch_execute("SET LOCAL session_replication_role = replica").await.is_ok();
    let back = "ROLLBACK TO SAVEPOINT keepsake_role; RELEASE SAVEPOINT keepsake_role";
    tx.batch_execute(back).await.map_err(Error::database("trying replica role"))?;
    if !allowed {
        let why = "this role may not set session_replication_role: user triggers will fire";
        return Ok((WritePath::Checked, Some(why.to_owned())));
    }
    let mut parents: Vec<String> =
        frame.in_scope().flat_map(|index| frame.keys_from(index)).map(|key| key.to.sql()).collect();
    parents.sort_unstable();
    parents.dedup();
    let query =
        "SELECT name FROM unnest($1) name WHERE NOT has_any_column_privilege(name, 'UPDATE') ORDER BY 1 LIMIT 1";
    let barred = tx.query_typed(query, &[(&parents, Type::TEXT_ARRAY)]).await;
    let barred = barred.map_err(Error::database("checking privileges"))?;
    Ok(match barred.first() {
        None => (WritePath::Replica, None),
        Some(row) => {
            let table: String = row.get(0);
            let why = format!("this role may not lock rows of {table} (it lacks UPDATE): user triggers will fire");
            (WritePath::Checked, Some(why))
        }
    })
}
