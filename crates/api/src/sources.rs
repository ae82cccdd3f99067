//! Sources: what is protected, and what a wedding is in it.

use crate::{Secret, targets::StoreKeys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A PostgreSQL database.
    Database,
    /// A bucket of an object store.
    Bucket,
    /// A folder of the host.
    Directory,
}

/// A source to be registered. A database takes `capture_credential` (and `restore_credential`), a bucket `location` and `credentials`, a
/// directory `location`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSource {
    /// Whose it is; the caller's organisation's if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<Uuid>,
    /// What people call it.
    #[schema(example = "planner", min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// Of a database: the connection string of a role that reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_credential: Option<Secret>,
    /// Of a database: the connection string of a role that writes, for restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_credential: Option<Secret>,
    /// Of a bucket: `s3://...`; of a directory: `file:///absolute/folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Of a bucket: keys that read. Only the operator may leave them out, to use the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<StoreKeys>,
    /// Where the files are that rows name, if the mapping does not say. The operator's to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_root: Option<String>,
    /// What stays the same when the server moves. Found out from the database if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Organisations by the value of the mapping's organisation column. The operator's to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assignments: BTreeMap<String, Uuid>,
}

/// What a source is to be. Where it is and what opens it stays as it is if none of `capture_credential`, `restore_credential`, `location` and
/// `credentials` is given; else all of it is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceChange {
    /// What people call it.
    #[schema(example = "planner", min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is. A source stays what it is; say it where credentials or the location are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SourceKind>,
    /// Of a database: the connection string of a role that reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_credential: Option<Secret>,
    /// Of a database: the connection string of a role that writes, for restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_credential: Option<Secret>,
    /// Of a bucket: `s3://...`; of a directory: `file:///absolute/folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Of a bucket: keys that read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<StoreKeys>,
    /// Where the files are that rows name. The operator's to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_root: Option<String>,
    /// What stays the same when the server moves. What is known stays if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Organisations by the value of the mapping's organisation column. The operator's to change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assignments: BTreeMap<String, Uuid>,
}

/// A source, without its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// Host and database, or a storage URL.
    #[schema(example = "db.example.org:5432/planner")]
    pub location: String,
    /// Restores can connect.
    pub has_restore_credential: bool,
    /// Where the files are that rows name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_root: Option<String>,
    /// What stays the same when the server moves; absent until the first sync found it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Organisations by the value of the mapping's organisation column.
    pub assignments: BTreeMap<String, Uuid>,
    /// Counts changes of the mapping; 0 without one.
    pub mapping_version: i64,
    /// Counts changes of all else: the `ETag`.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// When weddings were last looked for with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<Timestamp>,
    /// Why the last look failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_error: Option<String>,
}

/// A page of sources, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceList {
    /// The sources.
    pub items: Vec<Source>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What inspection proposes. Nothing is stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MappingProposal {
    /// The mapping as a commented document (TOML), to be read, edited and set.
    pub mapping: String,
    /// How sure the whole is, 0 to 100.
    pub confidence: u8,
    /// What a person should decide.
    pub questions: Vec<String>,
    /// What may go wrong.
    pub warnings: Vec<String>,
}

/// The mapping of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceMapping {
    /// The document (TOML), with its comments.
    pub mapping: String,
    /// Counts changes: the `ETag`.
    pub version: i64,
}

/// A mapping to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingChange {
    /// The document (TOML), with its comments; at most 512 KiB.
    pub mapping: String,
}

/// The version of a mapping that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MappingVersion {
    /// Counts changes: the `ETag`.
    pub version: i64,
}

/// What a sync found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncResult {
    /// Weddings in the source.
    pub found: u64,
    /// Seen for the first time.
    pub new: u64,
    /// Known before, with other days now.
    pub moved: u64,
    /// Known before, newly called off.
    pub cancelled: u64,
    /// Known before, no longer in the source.
    pub vanished: u64,
    /// Gone before, in the source again.
    pub returned: u64,
}
