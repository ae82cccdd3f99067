//! `manifest.json` of a whole database: what the capture holds and how to prove a restore of it.

use crate::{capture::Issue, schema::TableName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the layout that this build writes (docs/format/capture-database.md).
pub const VERSION: u32 = 1;

/// The path of the index.
pub const MANIFEST: &str = "manifest.json";
/// The path of the archive of definitions, in `pg_dump`'s custom format.
pub const DEFINITIONS: &str = "schema/definitions.dump";
/// The path of the definitions that come before the rows, as SQL.
pub const PRE_DATA: &str = "schema/pre-data.sql";
/// The path of the definitions that come after the rows, as SQL.
pub const POST_DATA: &str = "schema/post-data.sql";
/// The path of the cluster's roles and tablespaces, as SQL.
pub const GLOBALS: &str = "globals.sql";
/// The path of the `psql` script that loads everything by hand.
pub const LOAD: &str = "load.sql";
/// The path of the instructions for people.
pub const GUIDE: &str = "RESTORE.md";
/// The path of the list of large objects.
pub const LARGE_OBJECTS: &str = "large-objects/objects.jsonl";

/// Which sort of capture a manifest describes. A wedding's manifest has no such field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole database.
    Database,
}

/// Index of the capture of a whole database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `database`.
    pub kind: Kind,
    /// Version of the layout, 1.
    pub version: u32,
    /// When the snapshot was taken, by the database's clock.
    pub captured_at: Timestamp,
    /// `pg_snapshot` of the capture, for the curious.
    pub snapshot: String,
    /// WAL position at the capture, where the server tells.
    pub lsn: Option<String>,
    /// `server_version_num` of the source, such as 150018.
    pub server_version: u32,
    /// Major version of the `pg_dump` that wrote the definitions; `pg_restore` must be as new.
    pub dump_version: u32,
    /// What is said of the database itself.
    pub database: Database,
    /// Every table with rows of its own (partitioned parents have none), by name.
    pub tables: Vec<Table>,
    /// Every sequence, by name.
    pub sequences: Vec<Sequence>,
    /// The large objects.
    pub large_objects: LargeObjects,
    /// Roles that own something, or that a privilege, policy or setting names: they must exist where it is restored.
    pub roles: Vec<String>,
    /// Those of them that policies and user mappings name: needed even where owners and privileges are left out.
    pub needed_roles: Vec<String>,
    /// Materialized views, refreshed at the end of a restore and therefore not compared.
    pub materialized_views: Vec<TableName>,
    /// Foreign tables: their definition is carried, their rows live on another server.
    pub foreign_tables: Vec<TableName>,
    /// Subscriptions: restored, but not connected.
    pub subscriptions: Vec<String>,
    /// How many objects of each kind `pg_dump`'s table of contents lists.
    pub contents: BTreeMap<String, u64>,
    /// Something of the database is in none of the files: see the issues with code `not-carried`. Such a capture is made
    /// only on request, and is never a good point (safety rules S12 and S13).
    pub incomplete: bool,
    /// What was found wrong or is worth knowing; never row values.
    pub issues: Vec<Issue>,
    /// SHA-256, hex, over `name:rows:hash\n` of all tables in name order, then `large objects:rows:hash\n`.
    pub content_hash: String,
}

/// Facts of the database itself, which the definitions leave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its encoding, such as `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// Comment on it.
    pub comment: Option<String>,
    /// Settings of `ALTER DATABASE ... SET` and `ALTER ROLE ... IN DATABASE ... SET`.
    pub settings: Vec<Setting>,
    /// Privileges on it, if they were ever changed from the default.
    pub privileges: Option<Vec<Privilege>>,
    /// Whether it has a schema `public`.
    pub public_schema: bool,
}

/// A setting that applies to sessions in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// For this role only.
    pub role: Option<String>,
    /// The parameter.
    pub name: String,
    /// Its value as stored in the catalog.
    pub value: String,
}

/// A privilege on the database or a large object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privilege {
    /// Who has it; nothing stands for everyone.
    pub role: Option<String>,
    /// Such as `CONNECT`.
    pub privilege: String,
    /// May be passed on.
    pub grantable: bool,
}

/// A table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name; a partition is listed by itself.
    pub name: TableName,
    /// Columns in file order: every stored (not generated) column.
    pub columns: Vec<String>,
    /// The extension that the table belongs to, if it holds its configuration.
    pub extension: Option<String>,
    /// The extension's `WHERE` clause: which rows are configuration of the user's.
    pub condition: Option<String>,
    /// A leaf of a partitioned table.
    pub partition: bool,
    /// Unlogged: emptied by the server after a crash.
    pub unlogged: bool,
    /// Number of rows.
    pub rows: u64,
    /// Bytes of COPY text.
    pub size_bytes: u64,
    /// Order-independent hash of the rows, hex, over all files.
    pub hash: String,
    /// The files, in table order; none for a table whose heap is empty.
    pub files: Vec<DataFile>,
}

/// One file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// `data/<schema>.<table>/<n>.copy`.
    pub path: String,
    /// Number of rows.
    pub rows: u64,
    /// Bytes of COPY text.
    pub size_bytes: u64,
}

/// A sequence's position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its name.
    pub name: TableName,
    /// `last_value`.
    pub last_value: i64,
    /// `is_called`.
    pub is_called: bool,
}

/// The large objects' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LargeObjects {
    /// How many there are; they are listed in `large-objects/objects.jsonl`.
    pub count: u64,
    /// Number of rows (pieces) in the files.
    pub rows: u64,
    /// Order-independent hash of those rows, hex.
    pub hash: String,
    /// `large-objects/<n>.copy`: rows of object id, offset, bytes.
    pub files: Vec<DataFile>,
}

/// One line of `large-objects/objects.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObject {
    /// Its id, kept at restore since rows refer to it.
    pub id: u32,
    /// Its size.
    pub size_bytes: u64,
    /// Its owner.
    pub owner: String,
    /// Comment on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Privileges, if they were ever changed from the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Vec<Privilege>>,
    /// Security labels: provider and label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
}
