//! `manifest.json`: what a capture holds and how to prove it.

use crate::schema::TableName;
use jiff::Timestamp;
use keepsake_domain::Group;
use serde::{Deserialize, Serialize};

/// The version of the capture layout that this build writes.
pub const VERSION: u32 = 1;

/// Index of a wedding's capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout, 1.
    pub version: u32,
    /// When the snapshot was taken, by the database's clock.
    pub captured_at: Timestamp,
    /// `pg_snapshot` of the capture, for the curious.
    pub snapshot: String,
    /// WAL position at the capture, where the server tells.
    pub lsn: Option<String>,
    /// The wedding, by the mapping's id column, as text.
    pub wedding: WeddingFacts,
    /// Tables captured, parents before children.
    pub tables: Vec<TableEntry>,
    /// Shared rows that the wedding refers to.
    pub references: Vec<ReferenceEntry>,
    /// Files named by the rows.
    pub files: Vec<FileEntry>,
    /// What was found wrong; personal data never appears in messages.
    pub issues: Vec<Issue>,
    /// Hash over all tables of the scope: SHA-256, hex, of `name:rows:hash\n` lines in table-name order.
    pub scope_hash: String,
}

/// A `manifest.json` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Written by a newer Keepsake.
    #[error("the capture has layout {found}, and this Keepsake reads up to {VERSION}: use a newer one")]
    TooNew {
        /// The version found.
        found: u32,
    },
    /// Not a manifest, or a damaged one.
    #[error("manifest.json cannot be read: the capture is damaged")]
    Malformed(#[source] serde_json::Error),
    /// Larger than any capture's.
    #[error("manifest.json is larger than {} MiB: the capture is damaged", MANIFEST_BYTES_MAX >> 20)]
    TooLarge,
}

/// The largest `manifest.json` that is read, bytes: a hundred times that of a wedding with ten thousand files.
pub const MANIFEST_BYTES_MAX: usize = 256 * 1024 * 1024;

impl Manifest {
    /// Reads `manifest.json`. Keys that this build does not know are ignored.
    ///
    /// # Errors
    /// [`ManifestError`] by cause.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        let Version { version } = serde_json::from_slice(bytes).map_err(ManifestError::Malformed)?;
        if version > VERSION {
            return Err(ManifestError::TooNew { found: version });
        }
        serde_json::from_slice(bytes).map_err(ManifestError::Malformed)
    }

    /// A file could not be read: the point is never green and never chosen by default (safety rule S13).
    pub fn incomplete(&self) -> bool {
        self.files.iter().any(|file| file.state == FileState::Unreadable)
    }

    /// The entry of one table.
    pub fn table(&self, name: &TableName) -> Option<&TableEntry> {
        self.tables.iter().find(|table| &table.name == name)
    }
}

/// Facts of the root row that other parts of Keepsake decide by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeddingFacts {
    /// Id as text.
    pub id: String,
    /// Name, if mapped.
    pub name: Option<String>,
    /// Day as `YYYY-MM-DD`, if mapped.
    pub date: Option<String>,
    /// Last day.
    pub end_date: Option<String>,
    /// IANA zone.
    pub time_zone: Option<String>,
    /// Guests.
    pub guest_count: Option<i64>,
    /// Budget as decimal text.
    pub budget: Option<String>,
    /// Currency.
    pub currency: Option<String>,
    /// Organisation id as text.
    pub organisation: Option<String>,
    /// Status.
    pub status: Option<String>,
}

/// One table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// The table (the partitioned parent, never a partition).
    pub name: TableName,
    /// Its group.
    pub group: Group,
    /// The file: `rows/<schema>.<table>.copy`, COPY text format, ordered by key.
    pub path: String,
    /// Columns in file order: every stored (not generated) column.
    pub columns: Vec<String>,
    /// Columns that identify a row.
    pub key: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// Order-independent hash of the rows, hex: see docs/format/capture.md.
    pub hash: String,
}

/// Shared rows of one table, by key and display columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceEntry {
    /// The shared table.
    pub name: TableName,
    /// The file: `references/<schema>.<table>.copy`.
    pub path: String,
    /// Columns in file order, key columns first.
    pub columns: Vec<String>,
    /// How many of them are the key.
    pub key: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// In an identity schema: key only, never inserted.
    pub identity: bool,
}

/// A file that rows name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Store name of the mapping.
    pub store: String,
    /// Path in the store.
    pub path: String,
    /// The table and column that name it.
    pub table: TableName,
    /// See `table`.
    pub column: String,
    /// The group of that table.
    pub group: Group,
    /// Size, if it was captured.
    pub size_bytes: Option<u64>,
    /// SHA-256 of the content, hex, if it was captured.
    pub sha256: Option<String>,
    /// The store's entity tag at capture.
    pub etag: Option<String>,
    /// The store's version at capture.
    pub version: Option<String>,
    /// Whether it was there, and whole.
    pub state: FileState,
}

/// What became of a file at capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Captured: `files/<store>/<path>`.
    Captured,
    /// Named by a row, not in the store.
    Missing,
    /// In the store, but could not be read: the capture is incomplete.
    Unreadable,
    /// Changed while it was read, or its row changed: captured as read, an integrity issue.
    Changed,
}

/// Something wrong or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Stable code, such as `file-missing`.
    pub code: String,
    /// What it is about: a table, column or file.
    pub subject: String,
    /// In words, without personal data.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn newer_and_damaged_manifests_are_told_apart() {
        let newer = Manifest::parse(br#"{"version": 2, "something": "else"}"#).unwrap_err();
        assert!(matches!(newer, ManifestError::TooNew { found: 2 }), "{newer}");
        let damaged = Manifest::parse(br#"{"version": 1}"#).unwrap_err();
        assert!(damaged.to_string().contains("damaged"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _read_or_refused = Manifest::parse(&bytes);
        }
    }
}
