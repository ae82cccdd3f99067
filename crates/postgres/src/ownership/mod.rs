//! Whose is each row: the SQL by which capture and restore find a wedding's rows, and the weddings of a row.
//!
//! **What an owner is.** A row of the root owns itself. Any other row is owned by the owners of every row that it references
//! along an *owns* edge: the union over all owning edges and over chains of any length, self references and cycles included.
//! An edge whose columns are NULL (any of them, as MATCH SIMPLE has it), whose condition does not hold, or whose referenced
//! row does not exist, says nothing. So a row has
//! - one owner: it is that wedding's;
//! - none: it is nobody's (an orphan of a virtual or unvalidated edge), captured with no wedding and changed by no restore;
//! - several: its edges disagree, such as a junction row that joins guests of two weddings. It is captured with each of
//!   them, so that nothing is lost, and a restore of any must treat it as a conflict (safety rule S1).
//!
//! **Down** ([`select_rows`], [`select_keys`]): from root rows to owned rows of one table, for a set of
//! weddings in one pass (S11). Each level joins from the rows above by the foreign key's index; a database grown tenfold costs
//! a wedding no more. **Up** ([`owners_of`]): from rows by key to root ids, by primary keys.
//!
//! Everything is built from a [`Bound`] mapping with quoted identifiers. Ids and keys travel as text arrays in parameters, or
//! in a setting where a statement takes no parameters (`COPY`); the only literals are the mapping's own (conditions, JSON
//! keys), quoted. Running the statements, and comparing what comes back, is left to the callers. Restores walk the same way row by
//! row, since they lock and read in one pass; what makes two values equal is theirs and ours alike, and a test holds both to
//! one definition.

mod down;
mod graph;
mod up;

use crate::{mapping::Bound, schema::TableName};
pub use down::{select_keys, select_rows};
pub(crate) use graph::equals_text;
use tokio_postgres::{GenericClient, types::Type};
pub use up::owners_of;

/// Where a statement finds the ids of the weddings, a text array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Parameter `$n`, of type `text[]`.
    Parameter(usize),
    /// The setting [`IDS_SETTING`], put there by [`set_ids`]: for `COPY (SELECT ...) TO STDOUT`, which takes no parameters.
    Setting,
}

/// The setting that [`set_ids`] writes and [`Ids::Setting`] reads.
pub const IDS_SETTING: &str = "keepsake.ids";

impl Ids {
    fn sql(self) -> String {
        match self {
            Self::Parameter(n) => format!("${n}::text[]"),
            Self::Setting => format!("current_setting('{IDS_SETTING}')::text[]"),
        }
    }
}

/// Puts the ids of weddings where [`Ids::Setting`] finds them, until the transaction ends.
///
/// # Errors
/// The server's.
pub async fn set_ids<C: GenericClient + Sync>(client: &C, ids: &[String]) -> Result<(), tokio_postgres::Error> {
    let sql = format!("SELECT set_config('{IDS_SETTING}', $1::text[]::text, true)");
    client.query_typed(&sql, &[(&ids, Type::TEXT_ARRAY)]).await.map(drop)
}

/// A table or column that the bound mapping does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No owned table of this name.
    #[error("{0} is not a table that the mapping owns")]
    NotOwned(TableName),
    /// No such column.
    #[error("{table} has no column `{column}`")]
    NoColumn {
        /// The table.
        table: TableName,
        /// The column asked for.
        column: String,
    },
}

fn position(bound: &Bound, table: &TableName) -> Result<usize, Error> {
    bound.position(table).ok_or_else(|| Error::NotOwned(table.clone()))
}
