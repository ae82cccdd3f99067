//! Shared rows that weddings refer to: key and display columns, never content (safety rule S5).

use super::{
    Error, ReferenceEntry, Result, facts, line, names,
    scan::{Lines, Target, Wedding},
};
use crate::{
    connect::Session,
    mapping::{Bound, Link, Shared},
    schema::{Schema, TableKind, TableName, comparison, quote_ident, quote_literal},
};
use bytes::BytesMut;
use futures::StreamExt;
use keepsake_domain::integrity;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What became of one wedding's references.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub entries: Vec<ReferenceEntry>,
    /// Rows that can be reached by phone or mail, by the values that refer to them.
    pub reachable: BTreeMap<Target, HashSet<Vec<String>>>,
    pub counts: integrity::References,
    /// Referenced rows that are not there, by target table.
    pub dangling: BTreeMap<TableName, u64>,
}

/// A referenced table, and which of its columns are captured.
struct Referenced {
    name: TableName,
    key: Vec<String>,
    columns: Vec<String>,
    identity: bool,
}

impl Referenced {
    fn of(bound: &Bound, name: &TableName, targets: &BTreeSet<&Target>) -> Self {
        let mut asked: Vec<String> = Vec::new();
        for column in targets.iter().flat_map(|target| &target.1) {
            if !asked.contains(column) {
                asked.push(column.clone());
            }
        }
        match bound.shared.get(name) {
            Some(Shared { key, columns, identity, .. }) => {
                let known: Vec<String> = key.iter().filter(|column| columns.contains(column)).cloned().collect();
                let key = if known.is_empty() { asked.clone() } else { known };
                let rest = columns.iter().chain(&asked).filter(|column| !key.contains(column));
                let mut all = key.clone();
                for column in rest {
                    if !all.contains(column) {
                        all.push(column.clone());
                    }
                }
                Self { name: name.clone(), key, columns: all, identity: *identity }
            }
            // A row of another wedding: nothing of it is ours but that it is referred to.
            None => Self { name: name.clone(), key: asked.clone(), columns: asked, identity: false },
        }
    }
}

/// Reads what the weddings refer to and writes it to their sinks. Values of rows that are part of the same wedding are
/// no references and are taken out first.
pub(super) async fn read(
    session: &Session,
    schema: &Schema,
    bound: &Bound,
    weddings: &mut [Wedding],
) -> Result<Vec<Found>> {
    for wedding in weddings.iter_mut() {
        let own = std::mem::take(&mut wedding.present);
        for (target, values) in own {
            if let Some(wanted) = wedding.wanted.get_mut(&target) {
                wanted.retain(|value| !values.contains(value));
            }
        }
        wedding.wanted.retain(|_, values| !values.is_empty());
    }
    let mut found: Vec<Found> = weddings.iter().map(|_| Found::default()).collect();
    let all: BTreeSet<Target> = weddings.iter().flat_map(|wedding| wedding.wanted.keys().cloned()).collect();
    let tables: BTreeSet<&TableName> = all.iter().map(|target| &target.0).collect();
    for name in tables {
        let targets: BTreeSet<&Target> = all.iter().filter(|target| target.0 == *name).collect();
        let table = Referenced::of(bound, name, &targets);
        let mut rows: Vec<BytesMut> = weddings.iter().map(|_| BytesMut::new()).collect();
        let mut counts = vec![0_u64; weddings.len()];
        if table.identity {
            name_identities(&table, &targets, weddings, &mut rows, &mut counts);
        } else {
            let mut missing: Vec<BTreeMap<&Target, BTreeSet<Vec<String>>>> =
                weddings.iter().map(|wedding| open_values(wedding, &targets)).collect();
            let sql = select(schema, bound, &table, &targets, weddings);
            let mut copy = session.copy_out(&sql).await.map_err(|error| lost(&table, error))?;
            let mut lines = Lines::default();
            while let Some(piece) = copy.next().await {
                lines.push(piece.map_err(|source| Error::read(format!("the shared rows of {name}"), source))?);
                for row in lines.by_ref() {
                    share(&table, &targets, &row, weddings, &mut missing, (&mut rows, &mut counts), &mut found);
                }
            }
            for ((missing, wedding), found) in missing.iter().zip(weddings.iter()).zip(&mut found) {
                count_dangling(schema, bound, missing, wedding, found);
            }
        }
        for ((wedding, rows), (count, found)) in weddings.iter().zip(rows).zip(counts.into_iter().zip(&mut found)) {
            found.counts.rows += count;
            store(&table, wedding, rows, count, found).await?;
        }
    }
    for found in &mut found {
        found.counts.dangling = found.dangling.values().sum();
        found.counts.rows += found.counts.dangling;
    }
    Ok(found)
}

fn lost(table: &Referenced, error: crate::connect::Error) -> Error {
    match error {
        crate::connect::Error::Statement { source, .. } => {
            Error::read(format!("the shared rows of {}", table.name), source)
        }
        other => Error::Connect(other),
    }
}

fn open_values<'a>(wedding: &Wedding, targets: &BTreeSet<&'a Target>) -> BTreeMap<&'a Target, BTreeSet<Vec<String>>> {
    targets.iter().filter_map(|target| Some((*target, wedding.wanted.get(*target)?.clone()))).collect()
}

/// Identities are never read: their keys stand in the rows that refer to them.
fn name_identities(
    table: &Referenced,
    targets: &BTreeSet<&Target>,
    weddings: &[Wedding],
    rows: &mut [BytesMut],
    counts: &mut [u64],
) {
    for ((wedding, rows), count) in weddings.iter().zip(rows).zip(counts) {
        for target in targets {
            for values in wedding.wanted.get(*target).into_iter().flatten() {
                let known: HashMap<&String, &String> = target.1.iter().zip(values).collect();
                let fields: Vec<String> = table
                    .columns
                    .iter()
                    .map(|column| known.get(column).map_or_else(|| "\\N".to_owned(), |value| line::escape(value)))
                    .collect();
                rows.extend_from_slice(fields.join("\t").as_bytes());
                rows.extend_from_slice(b"\n");
                *count += 1;
            }
        }
    }
}

/// The query for the rows of one referenced table, for all weddings at once.
fn select(
    schema: &Schema,
    bound: &Bound,
    table: &Referenced,
    targets: &BTreeSet<&Target>,
    weddings: &[Wedding],
) -> String {
    let conditions: Vec<String> = targets
        .iter()
        .map(|target| {
            let values: BTreeSet<&Vec<String>> =
                weddings.iter().filter_map(|wedding| wedding.wanted.get(*target)).flatten().collect();
            condition(schema, bound, target, &values)
        })
        .collect();
    let list =
        |names: &[String]| names.iter().map(|name| format!("s.{}", quote_ident(name))).collect::<Vec<_>>().join(", ");
    let only = match schema.tables.get(&table.name).map(|table| &table.kind) {
        Some(TableKind::Partitioned { .. }) => "",
        _ => "ONLY ",
    };
    format!(
        "COPY (SELECT {} FROM {only}{} s WHERE {} ORDER BY {}) TO STDOUT",
        list(&table.columns),
        table.name.sql(),
        conditions.join(" OR "),
        list(&table.key)
    )
}

fn condition(schema: &Schema, bound: &Bound, target: &Target, values: &BTreeSet<&Vec<String>>) -> String {
    let as_text = bound.edges().any(|edge| {
        edge.to == target.0
            && edge.to_columns == target.1
            && edge.links.iter().any(|link| matches!(link, Link::Text { .. }))
    });
    let types: Vec<String> = target
        .1
        .iter()
        .map(|name| {
            let column = schema.tables.get(&target.0).and_then(|table| table.column(name));
            column.map_or_else(|| "text".to_owned(), |column| comparison(column).sql().to_owned())
        })
        .collect();
    // Values that come out of JSON may be no value of the type at all, which must not fail the query.
    let fitting: Vec<&&Vec<String>> = values
        .iter()
        .filter(|values| !as_text || values.iter().zip(&types).all(|(value, kind)| fits(value, kind)))
        .collect();
    let typed = !as_text || types.iter().all(|kind| is_checked(kind));
    let columns: Vec<String> = target
        .1
        .iter()
        .map(|name| if typed { format!("s.{}", quote_ident(name)) } else { format!("s.{}::text", quote_ident(name)) })
        .collect();
    let arrays: Vec<String> = (0..columns.len())
        .map(|at| {
            let text = line::array_literal(fitting.iter().filter_map(|values| values.get(at)));
            let kind = if typed { types.get(at).map_or("text", String::as_str) } else { "text" };
            format!("{}::{kind}[]", quote_literal(&text))
        })
        .collect();
    match (columns.as_slice(), arrays.as_slice()) {
        ([column], [array]) => format!("{column} = ANY ({array})"),
        _ => format!("({}) IN (SELECT * FROM unnest({}))", columns.join(", "), arrays.join(", ")),
    }
}

/// Types whose values can be checked here, so that an index on them still serves.
fn is_checked(kind: &str) -> bool {
    matches!(kind, "smallint" | "integer" | "bigint" | "uuid" | "text")
}

fn fits(value: &str, kind: &str) -> bool {
    match kind {
        "smallint" => value.parse::<i16>().is_ok(),
        "integer" => value.parse::<i32>().is_ok(),
        "bigint" => value.parse::<i64>().is_ok(),
        "uuid" => uuid::Uuid::try_parse(value).is_ok(),
        _ => true,
    }
}

/// Gives one shared row to every wedding that refers to it.
fn share(
    table: &Referenced,
    targets: &BTreeSet<&Target>,
    row: &[u8],
    weddings: &[Wedding],
    missing: &mut [BTreeMap<&Target, BTreeSet<Vec<String>>>],
    (rows, counts): (&mut [BytesMut], &mut [u64]),
    found: &mut [Found],
) {
    let fields: Vec<&[u8]> = line::fields(row).collect();
    let value = |name: &String| {
        let at = table.columns.iter().position(|column| column == name)?;
        line::value(fields.get(at)?).map(String::from)
    };
    let contact = table
        .columns
        .iter()
        .filter(|name| facts::is_contact(name))
        .any(|name| value(name).is_some_and(|value| !value.trim().is_empty()));
    for (at, wedding) in weddings.iter().enumerate() {
        let mut mine = false;
        for target in targets {
            let Some(values) = target.1.iter().map(value).collect::<Option<Vec<String>>>() else { continue };
            if !wedding.wanted.get(*target).is_some_and(|wanted| wanted.contains(&values)) {
                continue;
            }
            mine = true;
            if let Some(missing) = missing.get_mut(at).and_then(|missing| missing.get_mut(*target)) {
                missing.remove(&values);
            }
            if let (true, Some(found)) = (contact, found.get_mut(at)) {
                found.reachable.entry((*target).clone()).or_default().insert(values);
            }
        }
        if let (true, Some(rows), Some(count)) = (mine, rows.get_mut(at), counts.get_mut(at)) {
            rows.extend_from_slice(row);
            rows.extend_from_slice(b"\n");
            *count += 1;
        }
    }
}

/// Where a validated constraint stands, PostgreSQL vouches for the row: only values of other edges can dangle.
fn count_dangling(
    schema: &Schema,
    bound: &Bound,
    missing: &BTreeMap<&Target, BTreeSet<Vec<String>>>,
    wedding: &Wedding,
    found: &mut Found,
) {
    for (target, values) in missing {
        let vouched = bound.edges().filter(|edge| edge.to == target.0 && edge.to_columns == target.1).all(|edge| {
            schema
                .foreign_keys
                .iter()
                .any(|key| key.validated && edge.constraint.as_ref() == Some(&key.name) && key.from == edge.from)
        });
        if !vouched && !values.is_empty() {
            tracing::debug!(wedding = %wedding.id, table = %target.0, count = values.len(), "references dangle");
            *found.dangling.entry(target.0.clone()).or_default() += values.len() as u64;
        }
    }
}

async fn store(table: &Referenced, wedding: &Wedding, rows: BytesMut, count: u64, found: &mut Found) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let path = names::references_path(&table.name);
    let mut file = wedding.sink.create(&path).await.map_err(Error::sink(&path))?;
    file.write(rows.freeze()).await.map_err(Error::sink(&path))?;
    file.finish().await.map_err(Error::sink(&path))?;
    found.entries.push(ReferenceEntry {
        name: table.name.clone(),
        path,
        columns: table.columns.clone(),
        key: table.key.clone(),
        rows: count,
        identity: table.identity,
    });
    Ok(())
}
