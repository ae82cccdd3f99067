//! One pass over a table's rows: split by wedding, counted, hashed, written, and looked at on the way (safety rule S11).

use super::{Error, Result, RowHasher, Sink, facts, line, names, port::FileSink};
use crate::{
    connect::CopyOut,
    mapping::{Bound, BoundTable, FileColumn, KeySource},
    schema::{TableName, quote_literal},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use keepsake_domain::Group;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// Bytes gathered before they go to the sink.
const WRITE_BYTES: usize = 256 * 1024;

/// A referenced table with the columns referred to.
pub(super) type Target = (TableName, Vec<String>);

/// A file as a row names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedFile {
    pub table: TableName,
    pub column: String,
    pub group: Group,
    /// The value must not be followed.
    pub refused: bool,
}

/// What is known of one wedding so far.
pub(super) struct Wedding {
    /// Its id in the form in which the database writes it.
    pub id: String,
    pub sink: Arc<dyn Sink>,
    /// By position in `Bound::tables`.
    pub rows: Vec<RowHasher>,
    /// Rows that repeat the key of another, by position, where no index forbids it.
    pub repeated_keys: Vec<u64>,
    /// Values referred to, by target.
    pub wanted: BTreeMap<Target, BTreeSet<Vec<String>>>,
    /// Values of columns that are referred to from inside, of its own rows.
    pub present: BTreeMap<Target, HashSet<Vec<String>>>,
    /// By store and path.
    pub files: BTreeMap<(String, String), NamedFile>,
    /// The root row's stored values, NULL as `None`.
    pub root: Option<Vec<Option<String>>>,
    pub facts: facts::Tally,
}

impl Wedding {
    pub(super) fn new(id: String, sink: Arc<dyn Sink>, tables: usize) -> Self {
        Self {
            id,
            sink,
            rows: vec![RowHasher::new(); tables],
            repeated_keys: vec![0; tables],
            wanted: BTreeMap::new(),
            present: BTreeMap::new(),
            files: BTreeMap::new(),
            root: None,
            facts: facts::Tally::default(),
        }
    }
}

/// Where a value comes from: a stored column, or an expression that the query adds behind them.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Column(usize),
    Extra(usize),
}

/// What to look at in the rows of one table.
pub(super) struct Plan<'a> {
    pub table: &'a BoundTable,
    pub position: usize,
    /// Stored columns in file order.
    pub columns: Vec<&'a str>,
    /// SQL expressions, with the row's alias, that follow the stored columns: values of virtual edges.
    pub extras: Vec<String>,
    edges: Vec<(Target, Vec<Slot>)>,
    present: Vec<(Target, Vec<usize>)>,
    files: Vec<(usize, &'a FileColumn, bool)>,
    key: Vec<usize>,
    roles: facts::Roles,
}

impl<'a> Plan<'a> {
    pub(super) fn new(bound: &'a Bound, position: usize, table: &'a BoundTable, alias: &str) -> Self {
        let columns: Vec<&str> = table.stored_columns().map(|column| column.name.as_str()).collect();
        let at = |name: &str| columns.iter().position(|column| *column == name);
        let mut extras = Vec::new();
        let mut edges = Vec::new();
        for edge in &table.referring {
            let conditional = edge.only_where.as_ref().map(|only| {
                format!("{alias}.{}::text = {}", crate::schema::quote_ident(&only.column), quote_literal(&only.equals))
            });
            let slots = edge.columns.iter().map(|column| match at(&column.column) {
                Some(at) if column.path.is_empty() && conditional.is_none() => Slot::Column(at),
                _ => {
                    let value = format!("{}::text", column.sql(alias));
                    extras.push(match &conditional {
                        Some(condition) => format!("CASE WHEN {condition} THEN {value} END"),
                        None => value,
                    });
                    Slot::Extra(extras.len() - 1)
                }
            });
            edges.push(((edge.to.clone(), edge.to_columns.clone()), slots.collect()));
        }
        let inside = bound.tables.iter().flat_map(|other| &other.referring).filter(|edge| edge.to == table.name);
        let targets: BTreeSet<Target> = inside.map(|edge| (edge.to.clone(), edge.to_columns.clone())).collect();
        let positions = |names: &[String]| names.iter().map(|name| at(name)).collect::<Option<Vec<usize>>>();
        let present = targets.into_iter().filter_map(|target| Some((target.clone(), positions(&target.1)?))).collect();
        let is_array = |name: &str| table.column(name).is_some_and(|column| column.category == 'A');
        let files =
            table.files.iter().filter_map(|file| Some((at(&file.column)?, file, is_array(&file.column)))).collect();
        let key = match table.key_source {
            KeySource::Mapped => positions(&table.key).unwrap_or_default(),
            _ => Vec::new(),
        };
        let roles = facts::Roles::of(bound, table, &columns);
        Self { table, position, columns, extras, edges, present, files, key, roles }
    }

    /// Looks at one row of a wedding.
    fn look(&self, row: &[u8], extras: &[u8], wedding: &mut Wedding) {
        let fields: Vec<&[u8]> = line::fields(row).collect();
        let extra_fields: Vec<&[u8]> = line::fields(extras).collect();
        let value = |slot: &Slot| match slot {
            Slot::Column(at) => fields.get(*at).copied().and_then(line::value),
            Slot::Extra(at) => extra_fields.get(*at).copied().and_then(line::value),
        };
        for (target, slots) in &self.edges {
            let values: Option<Vec<String>> = slots.iter().map(|slot| value(slot).map(String::from)).collect();
            if let Some(values) = values {
                let known = wedding.wanted.entry(target.clone()).or_default();
                known.insert(values);
            }
        }
        for (target, columns) in &self.present {
            let values: Option<Vec<String>> =
                columns.iter().map(|at| value(&Slot::Column(*at)).map(String::from)).collect();
            if let Some(values) = values {
                wedding.present.entry(target.clone()).or_default().insert(values);
            }
        }
        for (at, file, is_array) in &self.files {
            let Some(text) = value(&Slot::Column(*at)) else { continue };
            let values = if *is_array { line::array(&text).unwrap_or_default() } else { vec![text.into_owned()] };
            for value in values {
                note_file(&mut wedding.files, self.table, file, &value);
            }
        }
        if self.position == 0 {
            wedding.root = Some(fields.iter().map(|field| line::value(field).map(String::from)).collect());
        }
        wedding.facts.look(&self.roles, &fields, |edge| {
            let (target, slots) = self.edges.get(edge)?;
            let values: Option<Vec<String>> = slots.iter().map(|slot| value(slot).map(String::from)).collect();
            Some((target.clone(), values?))
        });
    }
}

fn note_file(files: &mut BTreeMap<(String, String), NamedFile>, table: &BoundTable, column: &FileColumn, value: &str) {
    let (path, refused) = match names::named(value, column.strip_prefix.as_deref()) {
        names::Named::Nothing => return,
        names::Named::Path(path) => (path, false),
        // The value itself stays out of paths; its hash tells several apart.
        names::Named::Refused => {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.as_bytes());
            (format!("refused-{}", hex::encode(hash.as_ref().get(..8).unwrap_or_default())), true)
        }
    };
    files.entry((column.store.clone(), path)).or_insert_with(|| NamedFile {
        table: table.name.clone(),
        column: column.column.clone(),
        group: table.group,
        refused,
    });
}

/// The paths that the values of a row's columns name, of those that may be followed.
pub(super) fn name_files(
    table: &BoundTable,
    columns: &[String],
    values: &[Option<std::borrow::Cow<'_, str>>],
    into: &mut BTreeSet<(String, String)>,
) {
    for file in &table.files {
        let value =
            columns.iter().zip(values).find(|(name, _)| **name == file.column).and_then(|(_, value)| value.as_ref());
        let Some(text) = value else { continue };
        let is_array = table.column(&file.column).is_some_and(|column| column.category == 'A');
        let all = if is_array { line::array(text).unwrap_or_default() } else { vec![text.clone().into_owned()] };
        for value in all {
            if let names::Named::Path(path) = names::named(&value, file.strip_prefix.as_deref()) {
                into.insert((file.store.clone(), path));
            }
        }
    }
}

/// The file of one wedding's rows that is being written.
struct Open {
    wedding: usize,
    file: Box<dyn FileSink>,
    pending: BytesMut,
    keys: HashSet<[u8; 32]>,
}

/// Takes a table's rows from the server to the weddings' sinks. Each line is: owner, stored columns, extras. Rows of one owner
/// come together.
pub(super) async fn scan(
    plan: &Plan<'_>,
    mut copy: CopyOut,
    weddings: &mut [Wedding],
    by_owner: &HashMap<Vec<u8>, usize>,
    mut on_rows: impl FnMut(u64, u64),
) -> Result<()> {
    let path = names::rows_path(&plan.table.name);
    let mut done = vec![false; weddings.len()];
    let mut open: Option<Open> = None;
    let mut lines = Lines::default();
    while let Some(piece) = copy.next().await {
        let piece = piece.map_err(|source| read_error(plan, source))?;
        on_rows(1, piece.len() as u64);
        lines.push(piece);
        for text in lines.by_ref() {
            let (owner, row, extras) =
                line::cut(&text, plan.columns.len()).ok_or_else(|| form(plan, "a row is too short"))?;
            let wedding = *by_owner.get(owner).ok_or_else(|| form(plan, "a row belongs to another wedding"))?;
            if open.as_ref().is_none_or(|open| open.wedding != wedding) {
                if let Some(finished) = open.take() {
                    close(finished, &path).await?;
                }
                open = Some(begin(wedding, weddings, &mut done, plan, &path).await?);
            }
            let Some(current) = &mut open else { continue };
            take_row(plan, current, weddings, row, extras);
            if current.pending.len() >= WRITE_BYTES {
                let bytes = current.pending.split().freeze();
                current.file.write(bytes).await.map_err(Error::sink(&path))?;
            }
        }
    }
    if !lines.is_empty() {
        return Err(form(plan, "the last row has no end"));
    }
    if let Some(finished) = open.take() {
        close(finished, &path).await?;
    }
    // A table without rows of a wedding is an empty file: the layout is the same for every wedding.
    for wedding in
        (0..weddings.len()).filter(|wedding| !done.get(*wedding).copied().unwrap_or(true)).collect::<Vec<_>>()
    {
        let empty = begin(wedding, weddings, &mut vec![false; wedding + 1], plan, &path).await?;
        close(empty, &path).await?;
    }
    Ok(())
}

fn take_row(plan: &Plan<'_>, current: &mut Open, weddings: &mut [Wedding], row: &[u8], extras: &[u8]) {
    let Some(wedding) = weddings.get_mut(current.wedding) else { return };
    if let Some(hasher) = wedding.rows.get_mut(plan.position) {
        hasher.add(row);
    }
    if !plan.key.is_empty() {
        let fields: Vec<&[u8]> = line::fields(row).collect();
        let key: Vec<&[u8]> = plan.key.iter().filter_map(|at| fields.get(*at).copied()).collect();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.join(&b'\t'));
        let hash: [u8; 32] = hash.as_ref().try_into().unwrap_or_default();
        if !current.keys.insert(hash)
            && let Some(count) = wedding.repeated_keys.get_mut(plan.position)
        {
            *count += 1;
        }
    }
    plan.look(row, extras, wedding);
    current.pending.extend_from_slice(row);
    current.pending.extend_from_slice(b"\n");
}

async fn begin(wedding: usize, weddings: &[Wedding], done: &mut [bool], plan: &Plan<'_>, path: &str) -> Result<Open> {
    let (Some(target), Some(done)) = (weddings.get(wedding), done.get_mut(wedding)) else {
        return Err(form(plan, "a row belongs to another wedding"));
    };
    if std::mem::replace(done, true) {
        return Err(form(plan, "the rows of a wedding do not come together"));
    }
    let file = target.sink.create(path).await.map_err(Error::sink(path))?;
    Ok(Open { wedding, file, pending: BytesMut::new(), keys: HashSet::new() })
}

async fn close(mut open: Open, path: &str) -> Result<()> {
    if !open.pending.is_empty() {
        open.file.write(open.pending.freeze()).await.map_err(Error::sink(path))?;
    }
    open.file.finish().await.map_err(Error::sink(path))
}

pub(super) fn read_error(plan: &Plan<'_>, source: crate::connect::ServerError) -> Error {
    Error::read(format!("the rows of {}", plan.table.name), source)
}

fn form(plan: &Plan<'_>, what: &'static str) -> Error {
    Error::Form { table: plan.table.name.clone(), what }
}

/// Pieces of a COPY stream into lines. The server sends one line a message; the protocol does not promise it.
#[derive(Default)]
pub(super) struct Lines {
    rest: BytesMut,
    whole: Option<Bytes>,
}

impl Lines {
    pub(super) fn push(&mut self, piece: Bytes) {
        let one_line = piece.last() == Some(&b'\n') && !piece.iter().rev().skip(1).any(|byte| *byte == b'\n');
        if one_line && self.is_empty() {
            self.whole = Some(piece.slice(..piece.len() - 1));
        } else {
            self.rest.extend_from_slice(&piece);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.whole.is_none()
    }
}

impl Iterator for Lines {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if let Some(line) = self.whole.take() {
            return Some(line);
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        let line = self.rest.split_to(end + 1).freeze();
        Some(line.slice(..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_come_out_however_the_pieces_fall(text in "[ab\n]{0,40}", cuts in proptest::collection::vec(0..6_usize, 0..20)) {
            let whole = format!("{text}\n");
            let (mut lines, mut found, mut at) = (Lines::default(), Vec::new(), 0);
            for size in cuts.into_iter().chain([whole.len()]) {
                let end = (at + size).min(whole.len());
                lines.push(Bytes::copy_from_slice(&whole.as_bytes()[at..end]));
                found.extend(lines.by_ref().map(|line| String::from_utf8(line.to_vec()).unwrap()));
                at = end;
            }
            prop_assert_eq!(found, text.split('\n').map(str::to_owned).collect::<Vec<_>>());
            prop_assert!(lines.is_empty());
        }
    }
}
