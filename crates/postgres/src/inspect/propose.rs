//! The proposal: a pure function of the catalog, the samples and a person's answers.

use super::{
    Error, Options,
    decide::{Known, keys_by_table, top},
    evidence::{Answers, EdgeKey, Evidence},
    files, group, indexes,
    names::{any, head, lasting, words},
    report::{Question, Report},
    root, virtuals,
};
use crate::{
    mapping::{Decision, Edge, Mapping, OwnedTable, Rules, VERSION},
    schema::{ForeignKey, Schema, Table, TableKind, TableName},
};
use keepsake_domain::Group;
use std::collections::{BTreeMap, BTreeSet};

/// Schemas that hold identities or secrets, by name; those that a database has are captured by key alone (safety rule S5).
const IDENTITY_SCHEMAS: &[&str] = &["auth", "vault", "identity", "iam", "secrets", "credentials", "keycloak"];

/// What makes an edge the same in two proposals.
pub fn edge_key(edge: &Edge) -> EdgeKey {
    let condition = edge.only_where.as_ref().map(|only| only.equals.clone());
    (edge.from.clone(), edge.columns.clone(), edge.to.clone(), condition)
}

/// Proposes a mapping.
pub fn propose(schema: &Schema, evidence: &Evidence, answers: &Answers, options: &Options) -> Result<Report, Error> {
    let mut candidates = root::candidates(schema);
    let (name, confidence) = match &options.root {
        Some(named) => (named.clone(), 99),
        None => {
            let first = candidates.first().ok_or(Error::NoRoot { tables: schema.tables.len() })?;
            (first.table.clone(), root::confidence(&candidates))
        }
    };
    let table = schema
        .tables
        .get(&name)
        .filter(|table| !matches!(table.kind, TableKind::Partition { .. }))
        .ok_or_else(|| Error::UnfitRoot(name.clone()))?;
    let id = root::id_column(table).ok_or_else(|| Error::UnfitRoot(name.clone()))?;
    let wedding = root::root(schema, table, id, confidence);

    let mut rules = Rules::default();
    let schemas: BTreeSet<&str> = schema.tables.keys().map(|table| table.schema.as_str()).collect();
    for known in IDENTITY_SCHEMAS.iter().filter(|known| schemas.contains(**known)) {
        if !rules.identity_schemas.iter().any(|have| have == known) {
            rules.identity_schemas.push((*known).to_owned());
        }
    }
    let mut proposal = Proposal {
        schema,
        evidence,
        answers,
        root: name,
        owned: BTreeSet::new(),
        via: BTreeMap::new(),
        identity_schemas: rules.identity_schemas.clone(),
        keys: keys_by_table(schema),
        warnings: Vec::new(),
    };
    proposal.close();
    let mut tables = proposal.tables(&mut rules);
    let edges = proposal.edges();
    proposal.groups(&mut tables, &edges);
    proposal.display(&edges, &mut rules);
    let owned: Vec<&Table> = proposal.owned.iter().filter_map(|name| schema.tables.get(name)).collect();
    let files = files::propose(&owned, evidence);
    proposal.warn(&wedding.table, &wedding.id, confidence, &candidates);
    let warnings = proposal.warnings;
    candidates.truncate(5);
    let mapping = Mapping { version: VERSION, wedding, tables, edges, files, rules };
    let questions = Question::of(&mapping);
    let doubt = u8::try_from(questions.len().min(25) * 2).unwrap_or(50);
    Ok(Report {
        missing_indexes: indexes::missing(schema, &mapping),
        confidence: confidence.saturating_sub(doubt),
        mapping,
        questions,
        warnings,
        candidates,
    })
}

struct Proposal<'a> {
    schema: &'a Schema,
    evidence: &'a Evidence,
    answers: &'a Answers,
    root: TableName,
    owned: BTreeSet<TableName>,
    /// The edge by which each table was found, with the decision that brought it in.
    via: BTreeMap<TableName, (EdgeKey, Decision)>,
    identity_schemas: Vec<String>,
    keys: BTreeMap<&'a TableName, Vec<&'a ForeignKey>>,
    warnings: Vec<String>,
}

impl Proposal<'_> {
    fn known(&self) -> Known<'_> {
        Known {
            schema: self.schema,
            evidence: self.evidence,
            root: &self.root,
            owned: &self.owned,
            identity_schemas: &self.identity_schemas,
            keys: &self.keys,
        }
    }

    fn ownable(&self, name: &TableName) -> bool {
        !self.owned.contains(name) && !super::system(name) && !self.identity_schemas.contains(&name.schema)
    }

    /// A foreign key as an edge, decided by a person or by what is known.
    fn edge(&self, key: &ForeignKey) -> Edge {
        let (decision, evidence) = self.known().decide(key);
        let mut edge = Edge {
            from: top(self.schema, &key.from).clone(),
            columns: key.from_columns.iter().map(|name| plain_column(name)).collect(),
            to: top(self.schema, &key.to).clone(),
            to_columns: key.to_columns.clone(),
            decision,
            evidence: Some(evidence),
            is_virtual: false,
            only_where: None,
        };
        self.answer(&mut edge);
        edge
    }

    fn answer(&self, edge: &mut Edge) {
        if let Some(answer) = self.answers.0.get(&edge_key(edge)) {
            edge.decision = *answer;
        } else if let Some((key, decision)) = self.via.get(&edge.from)
            && *key == edge_key(edge)
        {
            // What brought the table in stays, whatever was learnt of others since.
            edge.decision = *decision;
        }
    }

    /// Finds every owned table: by certain edges as far as they lead, then by one round of less certain ones, and again.
    fn close(&mut self) {
        self.owned.insert(self.root.clone());
        loop {
            let certain = |edge: &Edge| edge.decision == Decision::Owns;
            while self.take_in(self.by_foreign_keys(certain)) {}
            if self.take_in(self.by_foreign_keys(|edge| edge.decision.owns())) {
                continue;
            }
            if !self.take_in(self.by_virtuals()) {
                return;
            }
        }
    }

    fn take_in(&mut self, edges: Vec<Edge>) -> bool {
        let before = self.owned.len();
        for edge in edges {
            if self.ownable(&edge.from) {
                self.owned.insert(edge.from.clone());
                self.via.insert(edge.from.clone(), (edge_key(&edge), edge.decision));
            }
        }
        self.owned.len() > before
    }

    fn by_foreign_keys(&self, wanted: impl Fn(&Edge) -> bool) -> Vec<Edge> {
        let inwards = |key: &&ForeignKey| {
            self.ownable(top(self.schema, &key.from)) && self.owned.contains(top(self.schema, &key.to))
        };
        self.schema.foreign_keys.iter().filter(inwards).map(|key| self.edge(key)).filter(wanted).collect()
    }

    fn by_virtuals(&self) -> Vec<Edge> {
        let known = self.known();
        let mut found = virtuals::one_to_one(&known);
        for table in self.schema.tables.values().filter(|table| self.ownable(&table.name) && !lasting(&table.name)) {
            found.extend(virtuals::of_table(&known, table));
        }
        let mut edges: Vec<Edge> = found.iter().map(|found| found.edge(Decision::AssumedOwns)).collect();
        for edge in &mut edges {
            self.answer(edge);
        }
        edges.retain(|edge| edge.decision.owns());
        edges
    }

    /// The owned tables with a key for those that lack one. A table without any is left out, loudly.
    fn tables(&mut self, rules: &mut Rules) -> Vec<OwnedTable> {
        let mut tables = Vec::new();
        let mut keyless = Vec::new();
        for name in self.owned.iter().filter(|name| **name != self.root) {
            let Some(table) = self.schema.tables.get(name) else { continue };
            let mut key = Vec::new();
            if !has_key(table) {
                key = table
                    .stored_columns()
                    .filter(|column| column.not_null && !matches!(column.base_type.as_str(), "json" | "xml" | "point"))
                    .map(|column| column.name.clone())
                    .collect();
                if key.is_empty() {
                    keyless.push(name.clone());
                    continue;
                }
                self.warnings.push(format!(
                    "{name} has no primary key: its rows are told apart by {}; add a primary key, or edit `key`",
                    key.join(", ")
                ));
            }
            tables.push(OwnedTable { name: name.clone(), group: Group::Other, key });
        }
        for name in keyless {
            self.warnings.push(format!(
                "{name} has no primary key and no NOT NULL column to tell its rows apart: it is LEFT OUT of captures; add a primary key"
            ));
            self.owned.remove(&name);
            rules.tables_left_out.push(name);
        }
        tables
    }

    /// Every edge of owned tables, and those by which tables outside reference them.
    fn edges(&self) -> Vec<Edge> {
        let mut edges: Vec<Edge> = Vec::new();
        let mut seen = BTreeSet::new();
        for key in &self.schema.foreign_keys {
            let (from, to) = (top(self.schema, &key.from), top(self.schema, &key.to));
            let (from_owned, to_owned) = (self.owned.contains(from), self.owned.contains(to));
            if !(from_owned || (to_owned && !super::system(from))) {
                continue;
            }
            let mut edge = self.edge(key);
            if !from_owned && edge.decision.owns() {
                // Left out for want of a key.
                edge.decision = Decision::AssumedRefers;
            }
            let pairs: BTreeSet<_> = edge.columns.iter().cloned().zip(edge.to_columns.iter().cloned()).collect();
            if seen.insert((edge.from.clone(), edge.to.clone(), pairs)) {
                edges.push(edge);
            }
        }
        let known = self.known();
        let mut found = virtuals::one_to_one(&Known { owned: &BTreeSet::from([self.root.clone()]), ..self.known() });
        found.retain(|found| self.owned.contains(&found.from));
        for table in self.owned.iter().filter_map(|name| self.schema.tables.get(name)) {
            found.extend(virtuals::of_table(&known, table));
        }
        for found in found {
            let owned_otherwise = edges
                .iter()
                .any(|e| e.from == found.from && e.decision == Decision::Owns && !e.is_virtual && e.to != e.from);
            if found.from == self.root || (owned_otherwise && found.column.contains("->>")) {
                continue;
            }
            let mut edge = found.edge(if owned_otherwise { Decision::Refers } else { Decision::AssumedOwns });
            self.answer(&mut edge);
            edges.push(edge);
        }
        edges.sort_by(|a, b| (&a.from, &a.columns, &a.to).cmp(&(&b.from, &b.columns, &b.to)));
        edges
    }

    /// Groups by name; a table whose name says nothing goes with the table that owns it.
    fn groups(&self, tables: &mut [OwnedTable], edges: &[Edge]) {
        let mut groups: BTreeMap<TableName, Group> =
            tables.iter().filter_map(|table| Some((table.name.clone(), group::by_name(&table.name)?))).collect();
        // Each round goes one table further down; chains are no longer than there are tables.
        for _ in 0..tables.len().min(50) {
            let mut changed = false;
            for edge in edges.iter().filter(|edge| edge.decision.owns() && edge.from != edge.to) {
                if !groups.contains_key(&edge.from)
                    && let Some(group) = groups.get(&edge.to).copied()
                {
                    groups.insert(edge.from.clone(), group);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        for table in tables {
            // Rows that join a wedding to something shared go with what that is, as engagements with suppliers.
            let joined = || {
                let shared = edges.iter().filter(|edge| edge.from == table.name && !self.owned.contains(&edge.to));
                shared.filter(|edge| !person(&edge.to)).find_map(|edge| group::by_name(&edge.to))
            };
            table.group = groups.get(&table.name).copied().or_else(joined).unwrap_or(Group::Other);
        }
    }

    /// A column by which people recognise a shared row: names of things, never of persons.
    fn display(&self, edges: &[Edge], rules: &mut Rules) {
        for edge in edges.iter().filter(|edge| self.owned.contains(&edge.from) && !self.owned.contains(&edge.to)) {
            if self.identity_schemas.contains(&edge.to.schema) || person(&edge.to) {
                continue;
            }
            let Some(table) = self.schema.tables.get(&edge.to) else { continue };
            let named = table.columns.iter().filter(|column| column.category == 'S').find(|column| {
                let all = words(&column.name);
                ["name", "title", "label", "slug"].contains(&head(&all))
                    && !any(&all, &["first", "last", "user", "file"])
            });
            if let Some(column) = named {
                rules.display.insert(edge.to.to_string(), vec![column.name.clone()]);
            }
        }
    }

    fn warn(&mut self, root: &TableName, id: &str, confidence: u8, candidates: &[root::Candidate]) {
        let table = self.schema.tables.get(root);
        if confidence < 50 {
            let others: Vec<String> = candidates.iter().skip(1).take(3).map(|c| c.table.to_string()).collect();
            let others = if others.is_empty() { "no other".to_owned() } else { others.join(", ") };
            self.warnings.push(format!("not sure that {root} is the table of weddings; next best: {others}"));
        }
        if table.is_some_and(|table| !unique_alone(table, id)) {
            self.warnings.push(format!(
                "`{id}` is not unique by itself in {root}: an id that names two weddings will be refused"
            ));
        }
        for (name, (rows, none, several)) in &self.evidence.disputed {
            if self.owned.contains(name) && none + several > 0 {
                self.warnings.push(format!(
                    "of {rows} sampled rows of {name}, {none} belong to no wedding and {several} to more than one: check its edges"
                ));
            }
        }
        let role = self.evidence.role.as_deref().unwrap_or("this role");
        let outside: BTreeSet<&TableName> = self
            .schema
            .foreign_keys
            .iter()
            .filter(|key| self.owned.contains(top(self.schema, &key.from)))
            .map(|key| top(self.schema, &key.to))
            .collect();
        for name in self.owned.iter().chain(outside.into_iter().filter(|name| !self.owned.contains(*name))) {
            if self.evidence.unreadable.contains(name) {
                self.warnings.push(format!(
                    "{role} may not read {name}: a capture will fail; GRANT USAGE on its schema and SELECT on it"
                ));
            } else if self.evidence.filtered.contains(name) {
                self.warnings.push(format!(
                    "row-level security hides rows of {name} from {role}: a capture will be refused; use a role with BYPASSRLS"
                ));
            }
            if self.evidence.failed.contains(name) {
                self.warnings
                    .push(format!("{name} could not be sampled in time: its edges are judged by names and keys alone"));
            }
        }
    }
}

fn person(table: &TableName) -> bool {
    any(
        &super::names::table_words(table),
        &["user", "profile", "person", "people", "contact", "member", "account", "customer", "client"],
    )
}

/// A column as an edge writes it.
fn plain_column(name: &str) -> String {
    crate::mapping::EdgeColumn { column: name.to_owned(), path: Vec::new() }.to_string()
}

fn unique_alone(table: &Table, id: &str) -> bool {
    let alone = |columns: &[String]| columns.len() == 1 && columns.first().is_some_and(|column| column == id);
    table.primary_key.as_deref().is_some_and(alone)
        || table.uniques.iter().any(|unique| !unique.partial && !unique.expression && alone(&unique.columns))
}

fn has_key(table: &Table) -> bool {
    let not_null = |columns: &[String]| {
        !columns.is_empty() && columns.iter().all(|name| table.column(name).is_some_and(|column| column.not_null))
    };
    table.primary_key.is_some()
        || table.replica_identity_columns.as_deref().is_some_and(not_null)
        || table.uniques.iter().any(|unique| !unique.partial && !unique.expression && not_null(&unique.columns))
}
