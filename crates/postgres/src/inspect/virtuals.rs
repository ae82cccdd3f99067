//! Edges that no foreign key declares, found by names and confirmed by samples.

use super::{
    decide::{Known, top},
    names::{any, head, points_at, table_words, words},
};
use crate::{
    mapping::{Decision, Edge, OnlyWhere},
    schema::{Column, Table, TableKind, TableName, comparison},
};
use std::collections::BTreeSet;

/// A possible virtual edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtual {
    pub from: TableName,
    /// As a mapping writes it.
    pub column: String,
    pub to: TableName,
    pub to_column: String,
    pub only_where: Option<OnlyWhere>,
    pub evidence: String,
}

impl Virtual {
    pub fn edge(&self, decision: Decision) -> Edge {
        Edge {
            from: self.from.clone(),
            columns: vec![self.column.clone()],
            to: self.to.clone(),
            to_columns: vec![self.to_column.clone()],
            decision,
            evidence: Some(self.evidence.clone()),
            is_virtual: true,
            only_where: self.only_where.clone(),
        }
    }
}

/// Columns of a table that could be undeclared references to owned tables.
pub fn of_table<'a>(known: &Known<'a>, table: &'a Table) -> Vec<Virtual> {
    if matches!(table.kind, TableKind::Partition { .. }) || super::system(&table.name) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let declared = declared(known, table);
    for column in table.columns.iter().filter(|column| !declared.contains(column.name.as_str())) {
        if matches!(column.base_type.as_str(), "json" | "jsonb") {
            found.extend(in_json(known, table, column));
        } else if let Some(pointed) = points_at(&column.name) {
            match kind_column(table, &pointed) {
                Some(kind) => found.extend(polymorphic(known, table, column, kind)),
                None => found.extend(plain(known, table, column, &pointed)),
            }
        }
    }
    found
}

/// Columns that a foreign key uses already, of the table or of its partitions, or that are the row's own key.
fn declared<'a>(known: &Known<'a>, table: &'a Table) -> BTreeSet<&'a str> {
    let own = known.keys.get(&table.name).map(Vec::as_slice).unwrap_or_default().iter().copied();
    let mut columns: BTreeSet<&str> = own.flat_map(|key| key.from_columns.iter().map(String::as_str)).collect();
    if matches!(table.kind, TableKind::Partitioned { .. }) {
        let keys = known.schema.foreign_keys.iter().filter(|key| top(known.schema, &key.from) == &table.name);
        columns.extend(keys.flat_map(|key| key.from_columns.iter().map(String::as_str)));
    }
    if let Some([single]) = table.primary_key.as_deref() {
        columns.insert(single);
    }
    columns
}

/// The owned table that words such as `guest` or `lead, guest` name.
pub fn named<'a>(known: &'a Known<'_>, pointed: &[String], other_than: &TableName) -> Option<&'a TableName> {
    let ends = |table: &&TableName| {
        let name = table_words(table);
        let short = name.strip_prefix(&["wedding".to_owned()][..]).filter(|rest| !rest.is_empty());
        // `wedding_id` means the root whatever stands before its noun.
        let noun = *table == known.root && matches!(pointed, [one] if one == head(&name));
        pointed == name.as_slice() || short.is_some_and(|short| pointed == short) || noun
    };
    known.owned.iter().find(|table| *table != other_than && ends(table))
}

/// The single key column of a table, if values of `column` can be compared with it.
fn target_key(known: &Known<'_>, to: &TableName, column: Option<&Column>) -> Option<String> {
    let target = known.schema.tables.get(to)?;
    let key = super::root::single_key(target)?;
    let far = target.column(&key)?;
    let Some(column) = column else { return Some(key) };
    let (near, far) = (comparison(column), comparison(far));
    (near.joins(&far) || near.is_text()).then_some(key)
}

fn plain(known: &Known<'_>, table: &Table, column: &Column, pointed: &[String]) -> Option<Virtual> {
    let to = named(known, pointed, &table.name)?;
    let to_column = target_key(known, to, Some(column))?;
    let key = (table.name.clone(), column.name.clone(), to.clone());
    let evidence = match known.evidence.found.get(&key) {
        // Half of the values point nowhere: something else is meant.
        Some((values, found)) if *values > 0 && found * 2 < *values => return None,
        Some((values, found)) if *values > 0 => {
            format!("no foreign key, but by its name; {found} of {values} sampled values exist there")
        }
        _ => "no foreign key, but by its name and type".to_owned(),
    };
    Some(Virtual {
        from: table.name.clone(),
        column: column.name.clone(),
        to: to.clone(),
        to_column,
        only_where: None,
        evidence,
    })
}

/// The column that says what a polymorphic reference points at: `subject_type` beside `subject_id`.
pub fn kind_column<'a>(table: &'a Table, pointed: &[String]) -> Option<&'a Column> {
    table.columns.iter().find(|column| {
        let all = words(&column.name);
        matches!(column.category, 'S' | 'E')
            && all
                .split_last()
                .is_some_and(|(last, rest)| ["type", "kind", "model"].contains(&last.as_str()) && rest == pointed)
    })
}

fn polymorphic(known: &Known<'_>, table: &Table, column: &Column, kind: &Column) -> Vec<Virtual> {
    let values = known.evidence.kinds.get(&(table.name.clone(), kind.name.clone()));
    let from_type = known.schema.enums.get(&kind.base_type).map(|labels| labels.iter().cloned().collect());
    let values: BTreeSet<String> = values.cloned().or(from_type).unwrap_or_default();
    values
        .iter()
        .filter_map(|value| {
            // `App\Models\Guest` and `guests` both mean the table of guests.
            let last = value.rsplit(['\\', ':', '.', '/']).next().unwrap_or(value);
            let to = named(known, &words(last), &table.name)?;
            let to_column = target_key(known, to, Some(column))?;
            Some(Virtual {
                from: table.name.clone(),
                column: column.name.clone(),
                to: to.clone(),
                to_column,
                only_where: Some(OnlyWhere { column: kind.name.clone(), equals: value.clone() }),
                evidence: format!("no foreign key; {} says what {} points at", kind.name, column.name),
            })
        })
        .collect()
}

fn in_json(known: &Known<'_>, table: &Table, column: &Column) -> Vec<Virtual> {
    let Some(keys) = known.evidence.json_keys.get(&(table.name.clone(), column.name.clone())) else {
        return Vec::new();
    };
    keys.iter()
        .filter_map(|key| {
            let to = named(known, &points_at(key)?, &table.name)?;
            let to_column = target_key(known, to, None)?;
            let path = crate::mapping::EdgeColumn { column: column.name.clone(), path: vec![key.clone()] };
            Some(Virtual {
                from: table.name.clone(),
                column: path.to_string(),
                to: to.clone(),
                to_column,
                only_where: None,
                evidence: format!("no foreign key; sampled JSON objects have a key {key}"),
            })
        })
        .collect()
}

/// A table that the root names by a column of its own and that holds one row for each wedding, such as couples: its rows belong
/// to the wedding though the key points the other way.
pub fn one_to_one(known: &Known<'_>) -> Vec<Virtual> {
    let Some(root) = known.schema.tables.get(known.root) else { return Vec::new() };
    let mut found = Vec::new();
    for key in known.schema.foreign_keys_of(known.root) {
        let to = top(known.schema, &key.to);
        let ([near], [far]) = (key.from_columns.as_slice(), key.to_columns.as_slice()) else { continue };
        if known.owned.contains(to) || super::system(to) || super::names::lasting(to) || to == known.root {
            continue;
        }
        let alone = std::slice::from_ref(near);
        let unique = root.uniques.iter().any(|u| !u.partial && !u.expression && u.columns == alone);
        let by_name = any(&table_words(to), &["couple"]);
        let sample = known.evidence.column(known.root, near);
        let shared = sample.is_some_and(|sample| sample.distinct < sample.filled);
        if shared || !(unique || by_name) {
            continue;
        }
        let evidence = match sample.filter(|sample| sample.filled > 0) {
            _ if unique => format!("{near} is unique: each wedding has a row of its own"),
            Some(sample) => format!("each of {} sampled weddings has a row of its own", sample.filled),
            None => "by its name, each wedding has a row of its own".to_owned(),
        };
        found.push(Virtual {
            from: to.clone(),
            column: far.clone(),
            to: known.root.clone(),
            to_column: near.clone(),
            only_where: None,
            evidence,
        });
    }
    found
}
