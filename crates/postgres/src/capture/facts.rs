//! Facts for the integrity score, read off the rows as they pass (product row B5).
//!
//! Applications name their columns as they like; the roles below go by common English words in them. What they do not
//! recognise is not judged: the score may then be blind to a defect, but never wrong about one.

use super::{line, scan::Target};
use crate::{
    mapping::{Bound, BoundTable},
    schema::Column,
};
use jiff::civil::Date;
use keepsake_domain::{Group, integrity};
use std::collections::{BTreeMap, HashSet};

/// What the columns of a table mean for the score.
pub(super) enum Roles {
    /// Nothing.
    None,
    /// One guest a row.
    Guests { names: Vec<usize>, contacts: Vec<usize> },
    /// One event or task a row.
    Timeline {
        times: Vec<usize>,
        /// A column with a date, if the rows belong to the wedding's day.
        day: Option<usize>,
    },
    /// One booking a row.
    Bookings {
        contacts: Vec<usize>,
        /// Positions of referring edges to shared tables whose contact columns are captured.
        directories: Vec<usize>,
    },
}

/// Lower case, without separators: `firstName`, `first_name` and `FIRST NAME` read alike.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

fn has(name: &str, words: &[&str]) -> bool {
    let name = plain(name);
    words.iter().any(|word| name.contains(word))
}

fn is_name(column: &Column) -> bool {
    let words = ["firstname", "lastname", "fullname", "displayname", "givenname", "familyname", "surname", "guestname"];
    matches!(column.category, 'S' | 'U') && (plain(&column.name) == "name" || has(&column.name, &words))
}

/// Whether a column holds a way to reach somebody.
pub(super) fn is_contact(name: &str) -> bool {
    has(name, &["email", "phone", "mobile", "telephone", "whatsapp", "postaladdress", "streetaddress"])
        || matches!(plain(name).as_str(), "address" | "addressline1" | "address1" | "street" | "mail" | "tel" | "cell")
}

/// A time at which something happens, not one at which a row was touched.
fn is_time(column: &Column) -> bool {
    let about_the_row =
        ["created", "updated", "modified", "deleted", "inserted", "completed", "archived", "done", "notified", "sent"];
    column.category == 'D' && !column.base_type.starts_with("interval") && !has(&column.name, &about_the_row)
}

fn where_is(table: &BoundTable, columns: &[&str], wanted: impl Fn(&Column) -> bool) -> Vec<usize> {
    let found = columns.iter().enumerate().filter(|(_, name)| table.column(name).is_some_and(&wanted));
    found.map(|(at, _)| at).collect()
}

/// The table whose rows are guests: of the group's tables with names of people, the one that says so.
fn is_guest_list(bound: &Bound, table: &BoundTable) -> bool {
    let people = |table: &&BoundTable| {
        table.group == Group::Guests
            && table.stored_columns().any(is_name)
            && !has(&table.name.table, &["group", "household", "party", "seat", "meal", "menu", "tag"])
    };
    let says = |table: &&BoundTable| has(&table.name.table, &["guest", "invitee", "attendee", "people", "person"]);
    let mut all = bound.tables.iter().filter(people);
    let chosen = bound.tables.iter().filter(people).find(says).or_else(|| all.next());
    chosen.is_some_and(|chosen| chosen.name == table.name)
}

impl Roles {
    /// The roles of a table's stored columns.
    pub(super) fn of(bound: &Bound, table: &BoundTable, columns: &[&str]) -> Self {
        let contacts = || where_is(table, columns, |column| is_contact(&column.name));
        match table.group {
            Group::Guests if is_guest_list(bound, table) => {
                Self::Guests { names: where_is(table, columns, is_name), contacts: contacts() }
            }
            Group::Timeline => {
                let times = where_is(table, columns, is_time);
                let is_task = has(&table.name.table, &["task", "todo", "checklist", "reminder", "milestone"]);
                let dated = |at: &&usize| {
                    let column = columns.get(**at).and_then(|name| table.column(name));
                    column.is_some_and(|column| column.base_type == "date" || column.base_type.starts_with("timestamp"))
                };
                let day = if is_task { None } else { times.iter().find(dated).copied() };
                if times.is_empty() { Self::None } else { Self::Timeline { times, day } }
            }
            Group::Vendors => {
                let reachable = |(_, edge): &(usize, &crate::mapping::BoundEdge)| {
                    let shared = bound.shared.get(&edge.to);
                    shared.is_some_and(|shared| !shared.identity && shared.columns.iter().any(|name| is_contact(name)))
                };
                let directories: Vec<usize> =
                    table.referring.iter().enumerate().filter(reachable).map(|(at, _)| at).collect();
                let contacts = contacts();
                if contacts.is_empty() && directories.is_empty() {
                    Self::None
                } else {
                    Self::Bookings { contacts, directories }
                }
            }
            _ => Self::None,
        }
    }
}

/// Counts of one wedding, as its rows pass.
#[derive(Debug, Default)]
pub(super) struct Tally {
    facts: integrity::Facts,
    /// Days named by the timeline, with how many items each has.
    days: BTreeMap<Date, u64>,
    /// For each booking without a contact of its own: where else one may be.
    unreached: Vec<Vec<(Target, Vec<String>)>>,
}

impl Tally {
    /// Looks at a row; `refers` gives the target and values of a referring edge of the table.
    pub(super) fn look(
        &mut self,
        roles: &Roles,
        fields: &[&[u8]],
        refers: impl Fn(usize) -> Option<(Target, Vec<String>)>,
    ) {
        let filled = |at: &usize| {
            let value = fields.get(*at).copied().and_then(line::value);
            value.is_some_and(|value| !value.trim().is_empty())
        };
        match roles {
            Roles::None => {}
            Roles::Guests { names, contacts } => {
                self.facts.guests.rows += 1;
                self.facts.guests.without_name += u64::from(!names.iter().any(filled));
                self.facts.guests.without_contact += u64::from(!contacts.is_empty() && !contacts.iter().any(filled));
            }
            Roles::Timeline { times, day } => {
                self.facts.timeline.rows += 1;
                self.facts.timeline.without_time += u64::from(!times.iter().any(filled));
                let date = day.and_then(|at| fields.get(at).copied()).and_then(line::value);
                if let Some(date) = date.and_then(|text| text.get(..10)?.parse::<Date>().ok()) {
                    *self.days.entry(date).or_default() += 1;
                }
            }
            Roles::Bookings { contacts, directories } => {
                self.facts.vendors.rows += 1;
                if !contacts.iter().any(filled) {
                    self.unreached.push(directories.iter().filter_map(|edge| refers(*edge)).collect());
                }
            }
        }
    }

    /// The facts, once everything is known.
    pub(super) fn finish(&self, known: &Known<'_>) -> integrity::Facts {
        let mut facts = self.facts;
        let (first, last) = (known.first_day, known.last_day.or(known.first_day));
        facts.days_until = first
            .zip(known.today)
            .and_then(|(day, today)| today.until(day).ok().map(|span| i64::from(span.get_days())));
        facts.guests.expected = known.expected_guests;
        facts.timeline.mapped = known.timeline_mapped;
        if let (Some(first), Some(last)) = (first, last) {
            let slack = jiff::Span::new().days(OUTSIDE_DAYS);
            let earliest = first.saturating_sub(slack);
            let latest = last.saturating_add(slack);
            facts.timeline.outside_dates =
                self.days.iter().filter(|(day, _)| **day < earliest || **day > latest).map(|(_, count)| count).sum();
        }
        let reached = |(target, values): &(Target, Vec<String>)| {
            known.reachable.get(target).is_some_and(|rows| rows.contains(values))
        };
        let unreached = self.unreached.iter().filter(|others| !others.iter().any(reached)).count();
        facts.vendors.without_contact = unreached as u64;
        facts.references = known.references;
        facts.files = known.files;
        facts
    }
}

/// Days beyond the wedding's own that still belong to it: rehearsal, arrival, brunch.
const OUTSIDE_DAYS: i64 = 3;

/// What the score needs besides the rows themselves.
pub(super) struct Known<'a> {
    pub today: Option<Date>,
    pub first_day: Option<Date>,
    pub last_day: Option<Date>,
    pub expected_guests: Option<u64>,
    pub timeline_mapped: bool,
    /// Shared rows with a way to reach them, by target.
    pub reachable: &'a BTreeMap<Target, HashSet<Vec<String>>>,
    pub references: integrity::References,
    pub files: integrity::Files,
}
