//! What a restore did and what it proved.

use super::super::Phase;
use crate::{capture::Issue, schema::TableName};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// A restore that arrived whole: everything that could be compared was compared, and was equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The database that was captured.
    pub source_database: String,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// Each table, read back and compared with the hash of the capture.
    pub tables: Vec<TableProof>,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of COPY text of all tables.
    pub size_bytes: u64,
    /// Large objects, read back and compared.
    pub large_objects: u64,
    /// Sequences, read back and compared.
    pub sequences: u64,
    /// Hash over all of it, equal to the manifest's.
    pub content_hash: String,
    /// What is not as in the source, or worth knowing.
    pub notes: Vec<Issue>,
    /// How long each phase took.
    #[serde(skip)]
    pub timings: Vec<(Phase, Duration)>,
}

/// Proof of one table: what was read back from the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableProof {
    /// The table.
    pub name: TableName,
    /// Rows read back.
    pub rows: u64,
    /// Their hash, equal to the capture's.
    pub hash: String,
}
