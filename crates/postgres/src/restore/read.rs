//! Reading rows: live ones by `COPY` inside the plan's transaction, captured ones from the source, both bounded.

use super::{
    Error,
    row::{Line, Lines, decode},
};
use crate::{
    capture::{Manifest, Source, TableEntry, VERSION},
    schema::{Schema, quote_literal},
};
use futures::TryStreamExt;
use std::pin::pin;
use tokio_postgres::Transaction;

/// Largest `manifest.json` or schema document that is read.
const MAX_DOCUMENT_BYTES: usize = 64 << 20;
/// Keys in one statement. More would only make the statement's text longer than the server parses quickly.
pub(crate) const KEYS_PER_STATEMENT: usize = 5_000;

/// Runs a query as `COPY` and hands every line to `take`.
pub(crate) async fn copy(
    tx: &Transaction<'_>,
    what: &str,
    query: &str,
    mut take: impl FnMut(Line) -> Result<(), Error>,
) -> Result<(), Error> {
    let stream = tx.copy_out(&format!("COPY ({query}) TO STDOUT")).await.map_err(Error::database(what))?;
    let mut stream = pin!(stream);
    let mut lines = Lines::default();
    while let Some(chunk) = stream.try_next().await.map_err(Error::database(what))? {
        lines.push(&chunk, &mut take)?;
    }
    lines.finish()
}

/// A `FROM` item that yields `tuples` as text columns `k0, k1 ...` and their number `n`, from 1.
///
/// `COPY` takes no parameters, so the values become one quoted array literal for each column.
///
/// # Errors
/// [`Error::Corrupt`] if a field does not decode.
pub(crate) fn tuples_sql(alias: &str, width: usize, tuples: &[Line]) -> Result<String, Error> {
    let mut arrays = vec![String::from("{"); width];
    for (row, tuple) in tuples.iter().enumerate() {
        for (array, field) in arrays.iter_mut().zip(tuple.fields()) {
            if row > 0 {
                array.push(',');
            }
            match decode(field)? {
                None => array.push_str("NULL"),
                Some(value) => {
                    array.push('"');
                    array.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
                    array.push('"');
                }
            }
        }
    }
    let arrays: Vec<String> =
        arrays.into_iter().map(|array| format!("{}::text[]", quote_literal(&(array + "}")))).collect();
    let names: Vec<String> = (0..width).map(|index| format!("k{index}")).collect();
    Ok(format!("unnest({}) WITH ORDINALITY AS {alias}({}, n)", arrays.join(", "), names.join(", ")))
}

/// Reads and checks `manifest.json`.
pub(crate) async fn manifest(source: &dyn Source) -> Result<Manifest, Error> {
    let path = "manifest.json";
    let bytes = document(source, path).await?.ok_or_else(|| Error::MissingFile(path.to_owned()))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| Error::Corrupt {
        path: path.to_owned(),
        reason: format!("line {}: not as specified", error.line()),
    })?;
    if manifest.version > VERSION {
        return Err(Error::Version { found: manifest.version, known: VERSION });
    }
    for entry in &manifest.tables {
        let missing = entry.key.iter().any(|name| !entry.columns.contains(name));
        if missing || entry.columns.is_empty() {
            let reason = format!("the columns of {} do not fit its key", entry.name);
            return Err(Error::Corrupt { path: path.to_owned(), reason });
        }
    }
    Ok(manifest)
}

/// Reads the catalog as it was at the capture, where the capture has it.
pub(crate) async fn captured_schema(source: &dyn Source) -> Result<Option<Schema>, Error> {
    let path = "schema/schema.json";
    let Some(bytes) = document(source, path).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::Corrupt {
        path: path.to_owned(),
        reason: format!("line {}: not as specified", error.line()),
    })
}

/// The rows that a restore took from other weddings, where the source is the undo of one.
pub(crate) async fn taken(source: &dyn Source) -> Result<Vec<TableEntry>, Error> {
    let path = super::spool::TAKEN;
    let Some(bytes) = document(source, path).await? else { return Ok(Vec::new()) };
    serde_json::from_slice(&bytes).map_err(|error| Error::Corrupt {
        path: path.to_owned(),
        reason: format!("line {}: not as specified", error.line()),
    })
}

async fn document(source: &dyn Source, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let failed = |cause| Error::Source { path: path.to_owned(), source: cause };
    let Some(mut stream) = source.open(path).await.map_err(failed)? else { return Ok(None) };
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(Error::Corrupt { path: path.to_owned(), reason: "larger than 64 MiB".to_owned() });
        }
    }
    Ok(Some(bytes))
}

/// Streams the rows of one captured table, checking their width.
pub(crate) async fn captured_rows(
    source: &dyn Source,
    path: &str,
    width: usize,
    mut take: impl FnMut(Line) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |cause| Error::Source { path: path.to_owned(), source: cause };
    let named = |error| match error {
        Error::Corrupt { reason, .. } => Error::Corrupt { path: path.to_owned(), reason },
        other => other,
    };
    let mut stream = source.open(path).await.map_err(failed)?.ok_or_else(|| Error::MissingFile(path.to_owned()))?;
    let mut lines = Lines::default();
    let mut checked = |line: Line| {
        if line.width() != width {
            return Err(Error::Corrupt {
                path: path.to_owned(),
                reason: "a row has another number of columns".to_owned(),
            });
        }
        take(line)
    };
    while let Some(chunk) = stream.try_next().await.map_err(failed)? {
        lines.push(&chunk, &mut checked).map_err(named)?;
    }
    lines.finish().map_err(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out_of_the_key_list() {
        let tuples = [Line::from_fields([&b"a\"b'\\\\"[..], b"1"]), Line::from_fields([&b"\\N"[..], b"{2}"])];
        let sql = tuples_sql("k", 2, &tuples).unwrap();
        assert_eq!(
            sql,
            r#"unnest( E'{"a\\"b''\\\\",NULL}'::text[], '{"1","{2}"}'::text[]) WITH ORDINALITY AS k(k0, k1, n)"#
        );
    }
}
