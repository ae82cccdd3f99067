//! Checks a mapping against a database and resolves it.

use super::{
    Bound, BoundTable, Error, FileColumn, KeySource, Mapping, Mismatch, OwnedTable, Place, Step, bind_edges::Edges,
    order,
};
use crate::schema::{Schema, Table, TableKind, TableName};
use keepsake_domain::Group;
use std::collections::{BTreeMap, BTreeSet};

/// Reads a mapping document and binds it, naming whatever does not fit with its line.
///
/// # Errors
/// [`Error`]; a mapping that does not fit is [`Error::Refused`].
pub fn bind_text(text: &str, schema: &Schema) -> Result<(Mapping, Bound), Error> {
    let mapping = Mapping::parse(text)?;
    match mapping.bind(schema) {
        Ok(bound) => Ok((mapping, bound)),
        Err(problems) => {
            Err(Error::Refused { problems: problems.into_iter().map(|problem| problem.located(text)).collect() })
        }
    }
}

impl Mapping {
    /// Resolves the mapping against a database.
    ///
    /// Every table, column and constraint named must exist and suit its use; every owned table must have a key and a way
    /// along owning edges to the root. Foreign keys that the mapping does not mention are not errors, since applications
    /// gain them: they are in [`Bound::undecided`] and [`Bound::unmapped`].
    ///
    /// # Errors
    /// Everything that does not fit; [`Mismatch::located`] adds the line.
    pub fn bind(&self, schema: &Schema) -> Result<Bound, Vec<Mismatch>> {
        let problems = self.check();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut binder = Binder { mapping: self, schema, problems: Vec::new() };
        let mut tables = binder.tables();
        binder.root();
        binder.files(&mut tables);
        binder.rules();
        let mut edges = Edges::new(self, schema, &tables);
        edges.resolve(&mut tables);
        binder.problems.append(&mut edges.problems);
        let (undecided, incoming, shared) = (edges.undecided, edges.incoming, edges.shared);
        binder.reach_root(&tables);
        if !binder.problems.is_empty() {
            return Err(binder.problems);
        }
        let (tables, components, owning_components) = ordered(tables);
        Ok(Bound {
            root_id: self.wedding.id.clone(),
            root_id_unique: schema
                .tables
                .get(&self.wedding.table)
                .is_some_and(|table| unique_alone(table, &self.wedding.id)),
            tables,
            components,
            owning_components,
            shared,
            undecided,
            incoming,
            rules: self.rules.clone(),
        })
    }
}

struct Binder<'a> {
    mapping: &'a Mapping,
    schema: &'a Schema,
    problems: Vec<Mismatch>,
}

/// What the database has instead, for the message: up to 30 names.
pub(super) fn columns_of(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).take(30).collect();
    names.join(", ")
}

/// A table that can be read as itself, or why not.
pub(super) fn readable<'a>(schema: &'a Schema, name: &TableName) -> Result<&'a Table, String> {
    match schema.tables.get(name) {
        None => {
            let alike: Vec<String> = schema
                .tables
                .keys()
                .filter(|other| other.table.eq_ignore_ascii_case(&name.table))
                .take(3)
                .map(ToString::to_string)
                .collect();
            let hint = if alike.is_empty() { String::new() } else { format!("; did you mean {}?", alike.join(" or ")) };
            Err(format!("the database has no table {name}{hint}"))
        }
        Some(Table { kind: TableKind::Partition { root }, .. }) => {
            Err(format!("{name} is a partition: name {root}, through which it is read"))
        }
        Some(table) => Ok(table),
    }
}

impl Binder<'_> {
    fn wrong(&mut self, place: Place, message: String) {
        self.problems.push(Mismatch::new(place, message));
    }

    /// Every owned table with its key, the root first, in the mapping's order.
    fn tables(&mut self) -> Vec<BoundTable> {
        let root = OwnedTable { name: self.mapping.wedding.table.clone(), group: Group::Wedding, key: Vec::new() };
        let mut bound = Vec::new();
        let root_place = Place::of(["wedding".into()]);
        bound.extend(self.table(&root, &root_place, "table"));
        for (n, owned) in self.mapping.tables.iter().enumerate() {
            bound.extend(self.table(owned, &Place::of(["table".into(), n.into()]), "name"));
        }
        bound
    }

    fn table(&mut self, owned: &OwnedTable, place: &Place, name_field: &str) -> Option<BoundTable> {
        let table = match readable(self.schema, &owned.name) {
            Ok(table) => table,
            Err(message) => {
                self.wrong(place.then(name_field), message);
                return None;
            }
        };
        let (key, key_source) = match key_of(table, &owned.key) {
            Ok(found) => found,
            Err((at, message)) => {
                let place = if owned.key.is_empty() { place.then(name_field) } else { place.then("key").then(at) };
                self.wrong(place, message);
                return None;
            }
        };
        Some(BoundTable {
            name: owned.name.clone(),
            kind: table.kind.clone(),
            group: owned.group,
            columns: table.columns.clone(),
            key,
            key_source,
            owning: Vec::new(),
            referring: Vec::new(),
            files: Vec::new(),
        })
    }

    fn root(&mut self) {
        let root = &self.mapping.wedding;
        let Some(table) = self.schema.tables.get(&root.table) else { return };
        let place = |field: &str| Place::of(["wedding".into(), field.into()]);
        let named = [
            ("id", Some(&root.id), ""),
            ("name", root.name.as_ref(), ""),
            ("date", root.date.as_ref(), "D"),
            ("end_date", root.end_date.as_ref(), "D"),
            ("time_zone", root.time_zone.as_ref(), ""),
            ("guest_count", root.guest_count.as_ref(), "N"),
            ("budget", root.budget.as_ref(), "N"),
            ("currency", root.currency.as_ref(), ""),
            ("organisation", root.organisation.as_ref(), ""),
            ("status", root.status.as_ref(), ""),
        ];
        for (field, name, category) in named {
            let Some(name) = name else { continue };
            match table.column(name) {
                None => self.wrong(
                    place(field),
                    format!("{} has no column `{name}`; it has {}", root.table, columns_of(table)),
                ),
                Some(column) if !category.is_empty() && !category.contains(column.category) => {
                    let wanted = if category == "D" { "a date or timestamp" } else { "a number" };
                    self.wrong(place(field), format!("`{name}` is {}; {wanted} is needed", column.type_name));
                }
                Some(_) => {}
            }
        }
        // A part of the primary key is let through: callers check that one id names one row (`Bound::root_id_unique`).
        let in_key = table.primary_key.as_ref().is_some_and(|key| key.contains(&root.id));
        if table.column(&root.id).is_some() && !unique_alone(table, &root.id) && !in_key {
            let message =
                format!("`{}` is not unique by itself in {}: one id must name one wedding", root.id, root.table);
            self.wrong(place("id"), message);
        }
    }

    fn files(&mut self, tables: &mut [BoundTable]) {
        for (n, file) in self.mapping.files.iter().enumerate() {
            let Some(table) = tables.iter_mut().find(|table| table.name == file.table) else { continue };
            match unfit_for_files(table, file) {
                None => table.files.push(file.clone()),
                Some(message) => self.wrong(Place::of(["file".into(), n.into(), "column".into()]), message),
            }
        }
    }

    fn rules(&mut self) {
        for (name, columns) in &self.mapping.rules.display {
            let place = Place::of(["rules".into(), "display".into(), Step::Key(name.clone())]);
            let table = match name.parse::<TableName>() {
                Ok(parsed) => readable(self.schema, &parsed),
                Err(error) => Err(error.to_string()),
            };
            match table {
                Err(message) => self.wrong(place, message),
                Ok(table) => {
                    for (n, column) in columns.iter().enumerate().filter(|(_, column)| table.column(column).is_none()) {
                        let message = format!("{name} has no column `{column}`; it has {}", columns_of(table));
                        self.wrong(place.then(n), message);
                    }
                }
            }
        }
        for (n, name) in self.mapping.rules.tables_left_out.iter().enumerate() {
            if !self.schema.tables.contains_key(name) {
                let place = Place::of(["rules".into(), "tables_left_out".into(), n.into()]);
                self.wrong(place, format!("the database has no table {name}"));
            }
        }
    }

    /// Every owned table needs a way to the root, else its rows would have no owner.
    fn reach_root(&mut self, tables: &[BoundTable]) {
        let mut reached = BTreeSet::from([&self.mapping.wedding.table]);
        loop {
            let before = reached.len();
            for table in tables {
                if table.owning.iter().any(|edge| reached.contains(&edge.to)) {
                    reached.insert(&table.name);
                }
            }
            if reached.len() == before {
                break;
            }
        }
        let lost: Vec<usize> = (0..self.mapping.tables.len())
            .filter(|n| self.mapping.tables.get(*n).is_some_and(|table| !reached.contains(&table.name)))
            .collect();
        // A table that was itself refused has been named already.
        for n in lost {
            let Some(owned) = self.mapping.tables.get(n).filter(|o| tables.iter().any(|t| t.name == o.name)) else {
                continue;
            };
            let message = format!(
                "no owning edge leads from {} to the root: decide one of its edges as owns, or remove the table",
                owned.name
            );
            self.wrong(Place::of(["table".into(), n.into(), "name".into()]), message);
        }
    }
}

/// Whether the database itself keeps a column unique.
fn unique_alone(table: &Table, id: &str) -> bool {
    let alone = |columns: &[String]| matches!(columns, [single] if single == id);
    table.primary_key.as_deref().is_some_and(alone)
        || table.uniques.iter().any(|unique| !unique.partial && !unique.expression && alone(&unique.columns))
}

/// The key that identifies a table's rows, or which mapped column is at fault and why.
fn key_of(table: &Table, mapped: &[String]) -> Result<(Vec<String>, KeySource), (usize, String)> {
    let not_null = |name: &String| table.column(name).is_some_and(|column| column.not_null);
    for (n, name) in mapped.iter().enumerate() {
        match table.column(name) {
            None => return Err((n, format!("{} has no column `{name}`; it has {}", table.name, columns_of(table)))),
            Some(column) if !column.not_null => {
                return Err((n, format!("`{name}` may be NULL, so it cannot be part of what identifies a row")));
            }
            Some(_) => {}
        }
    }
    let same = |columns: &[String]| columns.iter().collect::<BTreeSet<_>>() == mapped.iter().collect::<BTreeSet<_>>();
    let usable = |columns: &[String]| !columns.is_empty() && columns.iter().all(not_null);
    let uniques = || table.uniques.iter().filter(|u| !u.partial && !u.expression && usable(&u.columns));
    if !mapped.is_empty() {
        let enforced = table.primary_key.as_deref().is_some_and(same) || uniques().any(|u| same(&u.columns));
        return Ok((mapped.to_vec(), if enforced { KeySource::UniqueIndex } else { KeySource::Mapped }));
    }
    if let Some(key) = &table.primary_key {
        return Ok((key.clone(), KeySource::PrimaryKey));
    }
    if let Some(key) = table.replica_identity_columns.as_ref().filter(|key| usable(key)) {
        return Ok((key.clone(), KeySource::ReplicaIdentity));
    }
    if let Some(unique) = uniques().min_by_key(|unique| unique.columns.len()) {
        return Ok((unique.columns.clone(), KeySource::UniqueIndex));
    }
    let message = format!(
        "{} has no primary key and no unique index on NOT NULL columns: name columns that identify a row as `key = [...]`",
        table.name
    );
    Err((0, message))
}

fn unfit_for_files(table: &BoundTable, file: &FileColumn) -> Option<String> {
    match table.column(&file.column) {
        None => {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).take(30).collect();
            Some(format!("{} has no column `{}`; it has {}", table.name, file.column, names.join(", ")))
        }
        Some(column)
            if !(column.category == 'S'
                || column.base_type == "text[]"
                || column.base_type.starts_with("character varying")) =>
        {
            Some(format!("`{}` is {}; files are named by text or a text array", file.column, column.type_name))
        }
        Some(_) => None,
    }
}

/// Tables in order, with the components that say which must go together.
fn ordered(tables: Vec<BoundTable>) -> (Vec<BoundTable>, Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let position: BTreeMap<TableName, usize> = tables.iter().enumerate().map(|(n, t)| (t.name.clone(), n)).collect();
    let graph = |with_referring: bool| -> Vec<Vec<usize>> {
        let of = |table: &BoundTable| {
            let referring = if with_referring { table.referring.as_slice() } else { &[] };
            table.owning.iter().chain(referring).filter_map(|edge| position.get(&edge.to).copied()).collect()
        };
        tables.iter().map(of).collect()
    };
    let whole = order::components(&graph(true));
    let owning = order::components(&graph(false));
    // Components by any reference first; within one, in the order of ownership.
    let rank: BTreeMap<usize, usize> = owning.iter().flatten().enumerate().map(|(rank, node)| (*node, rank)).collect();
    let mut sequence: Vec<usize> = Vec::with_capacity(tables.len());
    for component in &whole {
        let mut members = component.clone();
        members.sort_by_key(|node| rank.get(node).copied());
        sequence.extend(members);
    }
    let moved: BTreeMap<usize, usize> = sequence.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let renumber = |components: Vec<Vec<usize>>| -> Vec<Vec<usize>> {
        let mut renumbered: Vec<Vec<usize>> = components
            .into_iter()
            .map(|component| {
                let mut members: Vec<usize> = component.iter().filter_map(|old| moved.get(old).copied()).collect();
                members.sort_unstable();
                members
            })
            .collect();
        renumbered.sort_by_key(|component| component.first().copied());
        renumbered
    };
    let (whole, owning) = (renumber(whole), renumber(owning));
    let mut slots: Vec<Option<BoundTable>> = tables.into_iter().map(Some).collect();
    let tables = sequence.into_iter().filter_map(|old| slots.get_mut(old).and_then(Option::take)).collect();
    (tables, whole, owning)
}
