//! A restore rehearsed: the rows of a capture loaded into an empty database that nobody uses, read back, and compared with what was
//! captured. It proves that the capture can be loaded and is what it says, without going near the live database.
//!
//! Tables are made from the capture's own `schema/tables.sql`, as a person with psql would (docs/format/capture.md); rows are hashed as they come
//! back. Where the server is, and the vault behind the capture, are the caller's.

use crate::{
    capture::{FileState, MANIFEST_BYTES_MAX, Manifest, RowHasher, Source, TableEntry, file_path},
    connect::{ServerError, Session},
    schema::{Schema, quote_ident},
};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use serde::Serialize;
use std::pin::pin;

/// What a rehearsal came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// Tables loaded and read back.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Files read whole.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// References between rows of the capture that were followed.
    pub references: u64,
    /// What is wrong; nothing if the capture can be restored as it was taken.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code: `rows-differ`, `rows-refused`, `file-differs`, `file-missing`, `document-missing`.
    pub code: String,
    /// The table, file or document.
    pub subject: String,
    /// In words, without values of rows.
    pub message: String,
}

/// A rehearsal could not be made: nothing is known of the capture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scratch server failed.
    #[error("the scratch database failed while it was {what}")]
    Server {
        /// What was being done.
        what: String,
        /// The cause.
        #[source]
        source: ServerError,
    },
    /// The manifest cannot be used.
    #[error("the capture's manifest cannot be used: {0}")]
    Manifest(String),
}

const MANIFEST: &str = "manifest.json";
const TABLES: &str = "schema/tables.sql";
const SCHEMA: &str = "schema/schema.json";

/// Rehearses the restore of a capture in the database of `session`, which must be empty and is written to.
///
/// # Errors
/// [`Error`] if it could not be made; what is wrong with the capture is in the result.
pub async fn rehearse(session: &Session, source: &dyn Source) -> Result<Rehearsal, Error> {
    let mut found = Rehearsal::default();
    let Some(text) = document(source, MANIFEST, &mut found).await else { return Ok(found) };
    let manifest = Manifest::parse(&text).map_err(|error| Error::Manifest(error.to_string()))?;
    let Some(tables) = document(source, TABLES, &mut found).await else { return Ok(found) };
    let tables = String::from_utf8_lossy(&tables).into_owned();
    session.client.batch_execute(&tables).await.map_err(server("making the tables"))?;
    for table in &manifest.tables {
        if load(session, source, table, &mut found).await? {
            compare(session, table, &mut found).await?;
        }
    }
    if let Some(schema) = document(source, SCHEMA, &mut found).await {
        follow(session, &manifest, &schema, &mut found).await?;
    }
    for file in manifest.files.iter().filter(|file| file.state == FileState::Captured) {
        let path = file_path(&file.store, &file.path);
        read_file(source, &path, file.sha256.as_deref(), &mut found).await;
    }
    Ok(found)
}

fn server(what: &str) -> impl Fn(tokio_postgres::Error) -> Error {
    let what = what.to_owned();
    move |error| Error::Server { what: what.clone(), source: ServerError::from(error) }
}

impl Rehearsal {
    fn find(&mut self, code: &str, subject: &str, message: impl Into<String>) {
        self.findings.push(Finding { code: code.to_owned(), subject: subject.to_owned(), message: message.into() });
    }
}

/// A document of the capture; `None`, and a finding, if it cannot be read whole.
async fn document(source: &dyn Source, path: &str, found: &mut Rehearsal) -> Option<Vec<u8>> {
    let bytes = async {
        let mut pieces = source.open(path).await?.ok_or("it is not there")?;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.try_next().await? {
            if bytes.len() + piece.len() > MANIFEST_BYTES_MAX {
                return Err("it is larger than any such document".into());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok::<_, crate::capture::PortError>(bytes)
    };
    match bytes.await {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            found.find("document-missing", path, error.to_string());
            None
        }
    }
}

/// Loads one table; whether its rows are in.
async fn load(
    session: &Session,
    source: &dyn Source,
    table: &TableEntry,
    found: &mut Rehearsal,
) -> Result<bool, Error> {
    found.tables += 1;
    if table.rows == 0 {
        return Ok(true);
    }
    let statement = format!("COPY {} ({}) FROM STDIN WITH (ENCODING 'UTF8')", table.name.sql(), columns(table));
    let sink = session.client.copy_in::<_, Bytes>(&statement).await.map_err(server("taking rows"))?;
    let mut sink = pin!(sink);
    let pieces = match source.open(&table.path).await {
        Ok(Some(pieces)) => pieces,
        Ok(None) => {
            found.find("document-missing", &table.path, "the rows are not there");
            return Ok(false);
        }
        Err(error) => {
            found.find("document-missing", &table.path, error.to_string());
            return Ok(false);
        }
    };
    let mut pieces = pieces;
    loop {
        match pieces.try_next().await {
            Ok(Some(piece)) if piece.is_empty() => {}
            // What the server refuses, it says at the end.
            Ok(Some(piece)) => {
                if sink.feed(piece).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                found.find("document-missing", &table.path, error.to_string());
                return Ok(false);
            }
        }
    }
    match sink.finish().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_db_error().is_some() => {
            let code = error.code().map_or("", tokio_postgres::error::SqlState::code).to_owned();
            found.find(
                "rows-refused",
                &table.name.to_string(),
                format!("the server refuses its rows (SQLSTATE {code})"),
            );
            Ok(false)
        }
        Err(error) => Err(server("taking rows")(error)),
    }
}

/// Reads a table back.
async fn compare(session: &Session, table: &TableEntry, found: &mut Rehearsal) -> Result<(), Error> {
    let statement = format!("COPY {} ({}) TO STDOUT WITH (ENCODING 'UTF8')", table.name.sql(), columns(table));
    let read = |source| Error::Server { what: "giving rows back".to_owned(), source };
    let rows = session.client.copy_out(&statement).await.map_err(server("giving rows back"))?;
    let mut rows = pin!(rows);
    let mut hasher = RowHasher::new();
    while let Some(row) = rows.try_next().await.map_err(|error| read(ServerError::from(error)))? {
        hasher.add(row.strip_suffix(b"\n").unwrap_or(&row));
    }
    found.rows += hasher.rows();
    if hasher.rows() != table.rows || hasher.hex() != table.hash {
        let message = format!("{} of {} rows came back, or with other contents", hasher.rows(), table.rows);
        found.find("rows-differ", &table.name.to_string(), message);
    }
    Ok(())
}

fn columns(table: &TableEntry) -> String {
    table.columns.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

/// Follows every reference between tables of the capture. What leads out of it is not wrong: shared rows are not in it.
async fn follow(session: &Session, manifest: &Manifest, schema: &[u8], found: &mut Rehearsal) -> Result<(), Error> {
    let Ok(schema) = serde_json::from_slice::<Schema>(schema) else {
        found.find("document-missing", SCHEMA, "it cannot be read");
        return Ok(());
    };
    for key in &schema.foreign_keys {
        let inside = |name| manifest.table(name).filter(|table| table.rows > 0);
        let (Some(from), Some(to)) = (inside(&key.from), inside(&key.to)) else { continue };
        let known = |table: &TableEntry, names: &[String]| names.iter().all(|name| table.columns.contains(name));
        if !known(from, &key.from_columns) || !known(to, &key.to_columns) {
            continue;
        }
        let given: Vec<String> =
            key.from_columns.iter().map(|name| format!("child.{} IS NOT NULL", quote_ident(name))).collect();
        let joined: Vec<String> = key
            .from_columns
            .iter()
            .zip(&key.to_columns)
            .map(|(from, to)| format!("parent.{}::text = child.{}::text", quote_ident(to), quote_ident(from)))
            .collect();
        let statement = format!(
            "SELECT count(*) FROM {} child WHERE {} AND EXISTS (SELECT FROM {} parent WHERE {})",
            key.from.sql(),
            given.join(" AND "),
            key.to.sql(),
            joined.join(" AND ")
        );
        let row = session.client.query_one(&statement, &[]).await.map_err(server("following references"))?;
        found.references += u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
    }
    Ok(())
}

async fn read_file(source: &dyn Source, path: &str, sha256: Option<&str>, found: &mut Rehearsal) {
    let read = async {
        let mut pieces = source.open(path).await?.ok_or("it is not there")?;
        let (mut hash, mut size) = (Context::new(&SHA256), 0_u64);
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
            size += piece.len() as u64;
        }
        Ok::<_, crate::capture::PortError>((hex::encode(hash.finish()), size))
    };
    match read.await {
        Ok((hash, size)) => {
            found.files += 1;
            found.file_bytes += size;
            if sha256.is_some_and(|expected| expected != hash) {
                found.find("file-differs", path, "it has another content than was captured");
            }
        }
        Err(error) => found.find("file-missing", path, error.to_string()),
    }
}
