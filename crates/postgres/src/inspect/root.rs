//! Which table's rows are weddings, and what its columns mean.

use super::names::{any, head, table_words, words};
use crate::{
    mapping::Root,
    schema::{Column, ForeignKey, Schema, Table, TableKind, TableName},
};
use std::collections::BTreeSet;

/// A table that may be the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The table.
    pub table: TableName,
    /// The column that would name a wedding.
    pub id: String,
    /// Points for names, columns and place in the key graph.
    pub score: i32,
    /// What the points were given for.
    pub reasons: Vec<String>,
}

/// Tables that may be the root, best first; those without any sign of it are left out.
pub fn candidates(schema: &Schema) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = schema
        .tables
        .values()
        .filter(|table| !matches!(table.kind, TableKind::Partition { .. }) && !super::system(&table.name))
        .filter_map(|table| candidate(schema, table))
        .collect();
    all.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.table.cmp(&b.table)));
    all
}

/// How sure the first candidate is, 0-100.
pub fn confidence(candidates: &[Candidate]) -> u8 {
    let Some(first) = candidates.first() else { return 0 };
    let second = candidates.get(1).map_or(0, |candidate| candidate.score);
    let margin = (first.score - second).clamp(0, 40);
    u8::try_from((first.score.min(60) + margin).clamp(0, 99)).unwrap_or(0)
}

fn candidate(schema: &Schema, table: &Table) -> Option<Candidate> {
    let id = id_column(table)?;
    let mut reasons = Vec::new();
    let mut score = 0;
    let mut add = |points: i32, reason: String| {
        if points != 0 {
            score += points;
            reasons.push(reason);
        }
    };
    add(name_points(&table.name), format!("its name is {}", table.name.table));
    for (points, reason) in column_points(table) {
        add(points, reason);
    }
    let direct: BTreeSet<&TableName> = schema.foreign_keys_to(&table.name).map(|key| &key.from).collect();
    let below = below(schema, &table.name);
    let points = i32::try_from(direct.len()).unwrap_or(20).saturating_mul(2).min(16);
    add(points, format!("{} tables reference it, {} hang on it", direct.len(), below));
    add(i32::try_from(below / 2).unwrap_or(8).min(8), String::new());
    reasons.retain(|reason| !reason.is_empty());
    // Something must speak for a wedding, not just for a table that is referenced a lot.
    (score >= 24).then_some(Candidate { table: table.name.clone(), id, score, reasons })
}

fn name_points(table: &TableName) -> i32 {
    let words = table_words(table);
    let strong = ["wedding", "marriage", "nuptial"];
    let alone = words.len() == 1;
    match head(&words) {
        word if strong.contains(&word) => {
            if alone {
                60
            } else {
                45
            }
        }
        "celebration" | "occasion" | "elopement" => 40,
        "couple" => 25,
        "event" | "project" | "booking" | "ceremony" if any(&words, &strong) => 40,
        "event" | "function" => 18,
        "project" | "booking" | "ceremony" | "engagement" => 12,
        _ if super::names::lasting(table) => -20,
        _ => 0,
    }
}

fn column_points(table: &Table) -> Vec<(i32, String)> {
    let has = |test: &dyn Fn(&Column, &[String]) -> bool| {
        table.columns.iter().find(|column| test(column, &words(&column.name))).map(|column| column.name.clone())
    };
    let found = [
        (12, has(&|column, words| column.category == 'D' && wedding_day(words) > 0)),
        (6, has(&|_, words| any(words, &["venue", "location", "locale"]))),
        (10, has(&|column, words| column.category == 'N' && any(words, &["guest", "headcount", "attendee", "pax"]))),
        (8, has(&|_, words| any(words, &["budget"]))),
        (10, has(&|_, words| any(words, &["bride", "groom", "partner", "spouse", "couple", "newlywed"]))),
        (4, has(&|_, words| any(words, &["timezone", "tz"]) || words.ends_with(&["time".into(), "zone".into()]))),
    ];
    found
        .into_iter()
        .filter_map(|(points, name)| name.map(|name| (points, format!("it has a column {name}"))))
        .collect()
}

/// How many tables hang on one, through any foreign keys.
fn below(schema: &Schema, root: &TableName) -> usize {
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(table) = open.pop() {
        for ForeignKey { from, .. } in schema.foreign_keys_to(table) {
            if from != root && found.insert(from) {
                open.push(from);
            }
        }
    }
    found.len()
}

/// A column that identifies a row by itself: the primary key, or a unique column, one called id first.
pub fn single_key(table: &Table) -> Option<String> {
    if let Some([single]) = table.primary_key.as_deref() {
        return Some(single.clone());
    }
    let unique = |column: &&Column| {
        column.not_null
            && table
                .uniques
                .iter()
                .any(|u| !u.partial && !u.expression && u.columns.as_slice() == std::slice::from_ref(&column.name))
    };
    let by_name = |column: &&Column| head(&words(&column.name)) == "id";
    let columns = || table.columns.iter().filter(unique);
    columns().find(by_name).or_else(|| columns().next()).map(|column| column.name.clone())
}

/// The column by which people name a wedding; the last one of a composite key where nothing better exists.
pub fn id_column(table: &Table) -> Option<String> {
    single_key(table).or_else(|| table.primary_key.as_ref()?.last().cloned())
}

/// How much a date column sounds like the day of the wedding.
fn wedding_day(words: &[String]) -> u8 {
    let other = [
        "created", "create", "updated", "update", "deleted", "archived", "deadline", "due", "until", "end", "by",
        "modified", "inserted", "rsvp", "engaged",
    ];
    if any(words, &other) {
        return 0;
    }
    let day = any(words, &["date", "day", "at", "on"]);
    match () {
        () if day && any(words, &["wedding", "ceremony", "marriage", "big"]) => 5,
        () if words.len() == 1 && any(words, &["date", "day"]) => 4,
        () if day && any(words, &["event", "held", "celebration", "happen", "takes", "celebrated"]) => 3,
        () if any(words, &["start", "starts", "begin", "from"]) => 2,
        () if any(words, &["date", "day"]) => 1,
        () => 0,
    }
}

/// The root with what its columns seem to mean.
pub fn root(schema: &Schema, table: &Table, id: String, confidence: u8) -> Root {
    let best = |score: &dyn Fn(&Column, &[String]) -> u8| -> Option<String> {
        let scored = table.columns.iter().filter(|column| column.name != id).map(|c| (score(c, &words(&c.name)), c));
        // The first of equals, as the table has them in the order that people thought of them.
        scored.filter(|(points, _)| *points > 0).rev().max_by_key(|(points, _)| *points).map(|(_, c)| c.name.clone())
    };
    let text = |column: &Column| matches!(column.category, 'S');
    let points = |test: bool, points: u8| if test { points } else { 0 };
    let references =
        |column: &Column| schema.foreign_keys_of(&table.name).any(|key| key.from_columns.contains(&column.name));
    Root {
        table: table.name.clone(),
        name: best(&|c, w| match head(w) {
            _ if !text(c)
                || any(w, &["venue", "time", "file", "user", "location", "bride", "groom", "first", "last"]) =>
            {
                0
            }
            "title" => 4,
            "name" => {
                if any(w, &["wedding", "display", "couple"]) || w.len() == 1 {
                    4
                } else {
                    2
                }
            }
            "couple" | "label" => 3,
            _ => 0,
        }),
        date: best(&|c, w| points(c.category == 'D', wedding_day(w))),
        end_date: best(&|c, w| {
            points(
                c.category == 'D'
                    && any(w, &["end", "until", "last", "finish"])
                    && !any(w, &["updated", "rsvp", "deadline", "login", "seen"]),
                3,
            )
        }),
        time_zone: best(&|c, w| {
            points(text(c) && (any(w, &["timezone", "tz"]) || (any(w, &["zone"]) && any(w, &["time"]))), 3)
        }),
        guest_count: best(&|c, w| {
            points(
                c.category == 'N'
                    && !references(c)
                    && any(w, &["guest", "headcount", "attendee", "pax"])
                    && head(w) != "id",
                if any(w, &["count", "expected", "estimated", "total", "number", "headcount"]) { 4 } else { 2 },
            )
        }),
        budget: best(&|c, w| {
            points(
                c.category == 'N' && any(w, &["budget"]) && !references(c),
                if any(w, &["spent", "remaining", "used"]) { 1 } else { 4 },
            )
        }),
        currency: best(&|_, w| points(any(w, &["currency"]), 3)),
        organisation: best(&|c, w| {
            let pointer = references(c) || ["id", "uuid"].contains(&head(w));
            if !pointer {
                return 0;
            }
            if any(w, &["organisation", "organization", "org", "tenant", "agency"]) {
                5
            } else if any(w, &["company", "workspace", "studio", "business", "firm"]) {
                4
            } else {
                points(any(w, &["planner", "supplier", "account", "team"]), 2)
            }
        }),
        status: best(&|c, w| {
            points(
                matches!(c.category, 'S' | 'E'),
                match head(w) {
                    "status" => 4,
                    "state" => 3,
                    "stage" | "phase" => 2,
                    _ => 0,
                },
            )
        }),
        confidence: Some(confidence),
        id,
    }
}
