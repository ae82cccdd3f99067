//! What a wedding's own row and the findings say about it.

use super::{Issue, WeddingFacts, facts, read::Read, references::Found, scan::Wedding};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use keepsake_domain::{Group, integrity};

/// The facts that the mapping finds in the root row.
pub(super) fn wedding(read: &Read, wedding: &Wedding) -> WeddingFacts {
    let mapped = &read.mapping.wedding;
    let value = |column: &Option<String>| {
        let at = read.root_columns.iter().position(|name| Some(name) == column.as_ref())?;
        wedding.root.as_ref()?.get(at)?.clone()
    };
    let time_zone = value(&mapped.time_zone);
    let zone = time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let day = |column: &Option<String>| {
        let text = value(column)?;
        let kind = read.bound.root().column(column.as_ref()?)?.base_type.clone();
        day_of(&text, &kind, &zone).map(|day| day.to_string())
    };
    WeddingFacts {
        id: wedding.id.clone(),
        name: value(&mapped.name),
        date: day(&mapped.date),
        end_date: day(&mapped.end_date),
        guest_count: value(&mapped.guest_count).and_then(|count| count.parse().ok()),
        budget: value(&mapped.budget),
        currency: value(&mapped.currency),
        organisation: value(&mapped.organisation),
        status: value(&mapped.status),
        time_zone,
    }
}

/// The day in the venue's zone: `2026-06-05 23:00:00+00` is the sixth in London.
fn day_of(text: &str, kind: &str, zone: &TimeZone) -> Option<Date> {
    if kind.starts_with("timestamp") && kind.ends_with("with time zone") {
        let moment: Timestamp = text.parse().ok()?;
        return Some(moment.to_zoned(zone.clone()).date());
    }
    text.get(..10)?.parse().ok()
}

/// What the score needs to know besides the rows.
pub(super) fn known<'a>(
    read: &Read,
    facts: &WeddingFacts,
    found: &'a Found,
    files: integrity::Files,
) -> facts::Known<'a> {
    let zone = facts.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let date = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    facts::Known {
        today: Some(read.captured_at.to_zoned(zone).date()),
        first_day: date(&facts.date),
        last_day: date(&facts.end_date),
        expected_guests: facts.guest_count.and_then(|count| u64::try_from(count).ok()),
        timeline_mapped: read.bound.tables.iter().any(|table| table.group == Group::Timeline),
        reachable: &found.reachable,
        references: found.counts,
        files,
    }
}

/// What is wrong with the capture's shape, apart from files and scores.
pub(super) fn issues(read: &Read, wedding: &Wedding, found: &Found) -> Vec<Issue> {
    let issue = |code: &str, subject: String, message: String| Issue { code: code.to_owned(), subject, message };
    let mut issues = Vec::new();
    for (table, repeated) in read.bound.tables.iter().zip(&wedding.repeated_keys).filter(|(_, repeated)| **repeated > 0)
    {
        let message = format!("{repeated} rows repeat the mapped key of another row: a restore cannot tell them apart");
        issues.push(issue("key-repeated", table.name.to_string(), message));
    }
    for (table, count) in &found.dangling {
        let message = format!("{count} rows that are referred to do not exist");
        issues.push(issue("reference-dangling", table.to_string(), message));
    }
    let mut unmapped: Vec<String> = read.bound.unmapped().map(|key| key.from.to_string()).collect();
    unmapped.sort_unstable();
    unmapped.dedup();
    for table in unmapped {
        let message =
            "the table refers to this wedding's rows, and the mapping says nothing about it: its rows are not \
                       part of the capture. Add it to the mapping, or to tables_left_out"
                .to_owned();
        issues.push(issue("table-unmapped", table, message));
    }
    for key in &read.bound.undecided {
        let message = format!("the mapping does not decide the foreign key `{}`: taken as a reference", key.name);
        issues.push(issue("edge-undecided", key.from.to_string(), message));
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_venues() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let day = |text, kind| day_of(text, kind, &zone).unwrap().to_string();
        assert_eq!(day("2026-06-05 23:30:00+00", "timestamp with time zone"), "2026-06-06");
        assert_eq!(day("2026-06-05 23:30:00", "timestamp without time zone"), "2026-06-05");
        assert_eq!(day("2026-06-05", "date"), "2026-06-05");
        assert!(day_of("infinity", "date", &zone).is_none());
        assert!(day_of("é", "date", &zone).is_none());
    }
}
