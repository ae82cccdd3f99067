//! Whether any live row names a file: asked after the commit and before the file is deleted, because two weddings may name
//! one file, and the plan looked at one wedding's rows only (safety rules S1 and S6).

use super::Error;
use crate::{connect::Session, mapping::Mapping, schema::quote_ident};
use tokio_postgres::types::Type;

/// Whether a row of any wedding names `path`, in any column that names files: two stores may be one folder. Looks for the path
/// anywhere in the column's text, so that lists and URLs count too: in doubt, a file is named.
///
/// # Errors
/// [`Error::Database`].
pub async fn still_named(session: &Session, mapping: &Mapping, path: &str) -> Result<bool, Error> {
    for column in &mapping.files {
        let statement = format!(
            "SELECT EXISTS (SELECT FROM {} t WHERE pg_catalog.strpos((t.{})::text, $1) > 0)",
            column.table.sql(),
            quote_ident(&column.column)
        );
        let row = session.client.query_typed_one(&statement, &[(&path, Type::TEXT)]).await;
        if row.map_err(Error::database("looking for rows that name a file"))?.get(0) {
            return Ok(true);
        }
    }
    Ok(false)
}
