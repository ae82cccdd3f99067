//! The catalog as plain data: read once in the capture's snapshot, stored beside the rows, compared at restore.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// A table's qualified name. Written `schema.table` in mappings; each part is quoted only where it holds a dot or a quote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema, as stored in the catalog.
    pub schema: String,
    /// The table, as stored in the catalog.
    pub table: String,
}

impl TableName {
    /// A name from its two parts as stored in the catalog.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self { schema: schema.into(), table: table.into() }
    }

    /// The name quoted for SQL.
    pub fn sql(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.table))
    }
}

/// Quotes an identifier for SQL, always.
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text literal for SQL, safe under `standard_conforming_strings` on and off.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

fn part(name: &str) -> String {
    if name.contains(['.', '"']) { quote_ident(name) } else { name.to_owned() }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", part(&self.schema), part(&self.table))
    }
}

/// A text that is no `schema.table`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name a table: write schema.table, quoting a part that holds a dot")]
pub struct InvalidTableName(String);

impl FromStr for TableName {
    type Err = InvalidTableName;

    fn from_str(text: &str) -> Result<Self, InvalidTableName> {
        let invalid = || InvalidTableName(text.chars().take(200).collect());
        let (schema, rest) = take_part(text).ok_or_else(invalid)?;
        let (table, end) = take_part(rest.strip_prefix('.').ok_or_else(invalid)?).ok_or_else(invalid)?;
        if schema.is_empty() || table.is_empty() || !end.is_empty() {
            return Err(invalid());
        }
        Ok(Self { schema, table })
    }
}

/// One name, quoted or plain, and what follows it.
fn take_part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (!name.contains('"')).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(escaped) => {
                name.push('"');
                rest = escaped;
            }
            None => return Some((name, after)),
        }
    }
}

impl Serialize for TableName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TableName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Everything that was read of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// `server_version_num`, such as 150018.
    pub server_version: i32,
    /// The database's name.
    pub database: String,
    /// `system_identifier` of the cluster, where the role may read it.
    pub system_identifier: Option<String>,
    /// Every ordinary and partitioned table outside the system schemas, partitions included, by name.
    pub tables: BTreeMap<TableName, Table>,
    /// Every foreign key between them; those that PostgreSQL derives for partitions are left out.
    pub foreign_keys: Vec<ForeignKey>,
    /// Every sequence.
    pub sequences: Vec<Sequence>,
    /// Enum types: qualified name to labels in order.
    pub enums: BTreeMap<String, Vec<String>>,
    /// Installed extensions: name to version.
    pub extensions: BTreeMap<String, String>,
    /// Publications, with the tables whose changes they decode.
    pub publications: Vec<Publication>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Ordinary, partitioned, or a partition.
    pub kind: TableKind,
    /// Columns in attribute order, without dropped ones.
    pub columns: Vec<Column>,
    /// Column names of the primary key, in key order.
    pub primary_key: Option<Vec<String>>,
    /// Unique indexes and constraints other than the primary key.
    pub uniques: Vec<Unique>,
    /// Exclusion constraints: name and definition.
    pub exclusions: Vec<(String, String)>,
    /// Check constraints: name and definition.
    pub checks: Vec<(String, String)>,
    /// User triggers; internal ones of foreign keys are left out.
    pub triggers: Vec<Trigger>,
    /// Row-level security: enabled, and forced for the owner.
    pub rls_enabled: bool,
    /// See `rls_enabled`.
    pub rls_forced: bool,
    /// `relreplident`: d default, n nothing, f full, i index.
    pub replica_identity: char,
    /// Columns of the unique index that is the replica identity, where `replica_identity` is `i`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_identity_columns: Option<Vec<String>>,
    /// `reltuples` as the planner has it; negative if never analysed.
    pub estimated_rows: i64,
    /// Size of the heap as the planner has it, bytes; 0 if never vacuumed or analysed, and for partitioned tables. Asking for
    /// the true size would wait behind a table's DDL.
    pub size_bytes: i64,
    /// Comment on the table.
    pub comment: Option<String>,
    /// Leading column lists of every valid index, for judging foreign-key lookups.
    pub index_columns: Vec<Vec<String>>,
    /// Valid indexes on expressions or with a predicate, which serve some lookups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special_indexes: Vec<SpecialIndex>,
}

/// An index on expressions, or on part of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialIndex {
    /// Its keys as the server writes them: columns quoted where they must be, expressions in parentheses.
    pub keys: Vec<String>,
    /// Its predicate as the server writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
}

/// What sort of table it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TableKind {
    /// An ordinary table.
    Ordinary,
    /// The parent of partitions: capture reads it through itself.
    Partitioned {
        /// `pg_get_partkeydef`.
        key: String,
    },
    /// A partition, read through `root`.
    Partition {
        /// The topmost partitioned table.
        root: TableName,
    },
    /// A child by plain inheritance; its rows show up in the parent too.
    Inherited {
        /// The parent table.
        parent: TableName,
    },
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `format_type`, such as `timestamp with time zone` or `public.mood[]`, always schema-qualified outside `pg_catalog`.
    pub type_name: String,
    /// The base type behind a domain (`format_type`), else the same as `type_name`.
    pub base_type: String,
    /// `typcategory` of the base type: S string, N numeric, D date/time, B boolean, A array, E enum, U user ...
    pub category: char,
    /// NOT NULL, by the column or by its domain.
    pub not_null: bool,
    /// The default expression, if any.
    pub default: Option<String>,
    /// Identity: none, by default, always.
    pub identity: Identity,
    /// `GENERATED ALWAYS AS (...) STORED` (or virtual): never written.
    pub generated: bool,
    /// Comment on the column.
    pub comment: Option<String>,
}

/// Identity of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// No identity column.
    None,
    /// `GENERATED BY DEFAULT AS IDENTITY`.
    ByDefault,
    /// `GENERATED ALWAYS AS IDENTITY`.
    Always,
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    /// Index name.
    pub name: String,
    /// Key columns, empty where the index is on expressions.
    pub columns: Vec<String>,
    /// `pg_get_indexdef`.
    pub definition: String,
    /// Has a WHERE clause.
    pub partial: bool,
    /// On expressions.
    pub expression: bool,
    /// Is a deferrable constraint (which ON CONFLICT cannot use).
    pub deferrable: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
}

/// A user trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// `tgenabled`: O origin, D disabled, R replica, A always.
    pub enabled: char,
    /// `pg_get_triggerdef`.
    pub definition: String,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Constraint name.
    pub name: String,
    /// The referencing table.
    pub from: TableName,
    /// Its columns, in key order.
    pub from_columns: Vec<String>,
    /// The referenced table.
    pub to: TableName,
    /// Its columns, in the same order.
    pub to_columns: Vec<String>,
    /// What happens on delete of the parent.
    pub on_delete: OnDelete,
    /// MATCH FULL rather than SIMPLE.
    pub match_full: bool,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// Validated; one that is NOT VALID may have orphans.
    pub validated: bool,
}

/// The delete action of a foreign key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// NO ACTION.
    NoAction,
    /// RESTRICT.
    Restrict,
    /// CASCADE.
    Cascade,
    /// SET NULL.
    SetNull,
    /// SET DEFAULT.
    SetDefault,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its name (schema, sequence).
    pub name: TableName,
    /// The column that owns or uses it by default, if any.
    pub column: Option<(TableName, String)>,
    /// Increment, never zero.
    pub increment: i64,
    /// Last value, where the role may read it and it was ever called.
    pub last_value: Option<i64>,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Its name.
    pub name: String,
    /// Tables whose changes it sends.
    pub tables: Vec<TableName>,
}

impl Schema {
    /// Foreign keys of one table.
    pub fn foreign_keys_of<'a>(&'a self, table: &TableName) -> impl Iterator<Item = &'a ForeignKey> {
        self.foreign_keys.iter().filter(move |key| &key.from == table)
    }

    /// Foreign keys that reference one table.
    pub fn foreign_keys_to<'a>(&'a self, table: &TableName) -> impl Iterator<Item = &'a ForeignKey> {
        self.foreign_keys.iter().filter(move |key| &key.to == table)
    }
}

impl Table {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Columns that a capture reads and a restore writes: all but generated ones.
    pub fn stored_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_names_read_as_people_write_them() {
        let plain: TableName = "public.guests".parse().unwrap();
        assert_eq!(plain, TableName::new("public", "guests"));
        let odd: TableName = r#""my.schema"."a""b""#.parse().unwrap();
        assert_eq!(odd, TableName::new("my.schema", "a\"b"));
        for bad in ["guests", ".guests", "public.", "a.b.c", "\"a.b"] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn literals_cannot_break_out_of_their_quotes() {
        assert_eq!(quote_literal("O'Hara"), "'O''Hara'");
        assert_eq!(quote_literal(r"a\'b"), r" E'a\\''b'");
    }

    proptest! {
        #[test]
        fn table_names_round_trip(schema in "\\PC{1,12}", table in "\\PC{1,12}") {
            let name = TableName::new(schema, table);
            prop_assert_eq!(name.to_string().parse::<TableName>().unwrap(), name);
        }
    }
}
