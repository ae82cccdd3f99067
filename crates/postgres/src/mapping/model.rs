//! The mapping as data. The reader is strict: an unknown key is an error with its line, never ignored.

use crate::schema::TableName;
use keepsake_domain::Group;
use serde::{Deserialize, Serialize};

/// The version of the mapping document that this build writes.
pub const VERSION: u32 = 1;

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Version of this document, 1.
    pub version: u32,
    /// The root.
    pub wedding: Root,
    /// Owned tables (the root is not repeated here).
    #[serde(rename = "table", default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<OwnedTable>,
    /// Decisions on edges: foreign keys of the schema, and virtual ones that only the application knows.
    #[serde(rename = "edge", default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Edge>,
    /// Columns that name files.
    #[serde(rename = "file", default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileColumn>,
    /// How shared rows are captured and what runs after a restore.
    #[serde(default)]
    pub rules: Rules,
}

/// The table whose rows are weddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The table.
    pub table: TableName,
    /// The column by which people name a wedding on the command line; unique, usually the primary key.
    pub id: String,
    /// What the wedding is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its day (date or timestamp).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Its last day, where the application knows several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,
    /// IANA time zone of the venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Expected number of guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_count: Option<String>,
    /// Budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// Currency of the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The supplier organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Status (planning, cancelled ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How sure inspection is of the root, 0-100. Information only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

/// A table whose rows belong to weddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedTable {
    /// The table.
    pub name: TableName,
    /// The group it is restored with.
    pub group: Group,
    /// Identity of a row where the table has no primary key: columns that are unique together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
}

/// One edge of the key graph with its decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The referencing table.
    pub from: TableName,
    /// Its columns. For a virtual edge the first may be a JSON path such as `data->>'guest_id'`.
    pub columns: Vec<String>,
    /// The referenced table.
    pub to: TableName,
    /// Its columns.
    pub to_columns: Vec<String>,
    /// The decision.
    pub decision: Decision,
    /// Why, in words. Information only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Not a constraint in the database: known to the application only.
    #[serde(default, rename = "virtual", skip_serializing_if = "std::ops::Not::not")]
    pub is_virtual: bool,
    /// For a polymorphic virtual edge: the edge holds only where this column has this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_where: Option<OnlyWhere>,
}

/// The condition of a polymorphic edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlyWhere {
    /// Column of the referencing table.
    pub column: String,
    /// The value, compared as text.
    pub equals: String,
}

/// Whether the referencing row belongs to the referenced one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The child is part of the parent: captured, restored and removed with it.
    Owns,
    /// The parent is shared: captured as a reference, never overwritten.
    Refers,
    /// Inspection thinks *owns*; a restore shows it until a person decides.
    AssumedOwns,
    /// Inspection thinks *refers*; a restore shows it until a person decides.
    AssumedRefers,
}

impl Decision {
    /// Owns, decided or assumed.
    pub const fn owns(self) -> bool {
        matches!(self, Self::Owns | Self::AssumedOwns)
    }

    /// The word used in mappings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owns => "owns",
            Self::Refers => "refers",
            Self::AssumedOwns => "assumed-owns",
            Self::AssumedRefers => "assumed-refers",
        }
    }

    /// Nobody has decided yet.
    pub const fn assumed(self) -> bool {
        matches!(self, Self::AssumedOwns | Self::AssumedRefers)
    }
}

/// A column that names files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileColumn {
    /// An owned table or the root.
    pub table: TableName,
    /// The column: a path, a list of paths (text array), or a URL whose path is meant.
    pub column: String,
    /// Name of the file store, used in the capture as `files/<store>/<path>`.
    pub store: String,
    /// Where the store is: a directory (`file:///srv/photos`) or a bucket (`s3://bucket/prefix?...`). Without one the
    /// paths are listed as missing until `--files-root` or an edit says where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// A prefix of the column's values that is not part of the path in the store, such as `https://cdn.example/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<String>,
    /// How sure inspection is, 0-100. Information only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

/// Rules beside the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Schemas of identities and secrets: their rows are captured by key alone and never inserted (safety rule S5).
    pub identity_schemas: Vec<String>,
    /// Display columns captured of referenced shared rows, `schema.table` to column names. Others: key only, plus a
    /// column that names the row if inspection found one.
    pub display: std::collections::BTreeMap<String, Vec<String>>,
    /// SQL to run in the restore's transaction after the rows are proven, such as recomputing counters. `$1` is the id.
    pub after_restore: Vec<String>,
    /// Tables that hang on the wedding but are none of its data, such as logs and sessions: neither captured nor touched.
    pub tables_left_out: Vec<TableName>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            identity_schemas: vec!["auth".to_owned(), "vault".to_owned()],
            display: std::collections::BTreeMap::new(),
            after_restore: Vec::new(),
            tables_left_out: Vec::new(),
        }
    }
}
