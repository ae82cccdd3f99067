//! The weddings of a database, as their own rows describe them: what the registry is filled from.
//!
//! One statement over the root table, whose rows come in the order of their ids and a page at a time, so that memory does
//! not grow with their number. Only the columns that the mapping names for facts are read; what a wedding is called is not.

use super::{Error, Result, explain};
use crate::{
    connect::Session,
    mapping::{Bound, Mapping},
    schema::quote_ident,
};
use futures::TryStreamExt;
use jiff::{Timestamp, civil::Date};
use keepsake_domain::wedding::{Currency, Days, Money, Status, Zone};
use std::pin::Pin;
use tokio_postgres::{Row, RowStream};

/// What a wedding's own row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its id, as the database writes it.
    pub id: String,
    /// Its days, if the row names them and they can be meant.
    pub days: Option<Days>,
    /// The venue's zone, if the row names one.
    pub time_zone: Option<Zone>,
    /// Called off, or not.
    pub status: Status,
    /// The stated number of guests.
    pub guest_count: Option<u64>,
    /// The stated budget, if its currency is known.
    pub budget: Option<Money>,
    /// The value of the organisation column.
    pub organisation: Option<String>,
}

/// The rows on their way.
pub struct Roots<'a> {
    session: &'a Session,
    bound: &'a Bound,
    rows: Pin<Box<RowStream>>,
    columns: Columns,
    last: Option<String>,
}

/// How the columns are read.
struct Columns {
    date_kind: String,
    end_date_kind: String,
    zone: Zone,
}

/// Asks for the weddings of a database, by the code points of their ids. `zone` is where days are counted if a row names no zone of
/// its own and its date has a time.
///
/// # Errors
/// [`Error::Privilege`], [`Error::RowSecurity`], [`Error::Read`].
pub async fn roots<'a>(session: &'a Session, mapping: &Mapping, bound: &'a Bound, zone: &Zone) -> Result<Roots<'a>> {
    let (root, table) = (&mapping.wedding, bound.root());
    let text = |column: &Option<String>| match column {
        Some(column) => format!("(t.{})::pg_catalog.text", quote_ident(column)),
        None => "NULL::pg_catalog.text".to_owned(),
    };
    // As a decimal number with two places, whatever type it has; what is no number at all is nothing.
    let number = |column: &Option<String>| match column {
        Some(column) => {
            let column = format!("t.{}", quote_ident(column));
            format!(
                "CASE WHEN ({column})::pg_catalog.text IN ('NaN', 'Infinity', '-Infinity') THEN NULL \
                 ELSE pg_catalog.round(({column})::pg_catalog.numeric, 2)::pg_catalog.text END"
            )
        }
        None => text(&None),
    };
    let id = text(&Some(root.id.clone()));
    let statement = format!(
        "SELECT {id}, {}, {}, {}, {}, {}, {}, {}, {} FROM {} t WHERE t.{} IS NOT NULL ORDER BY {id} COLLATE \"C\"",
        text(&root.date),
        text(&root.end_date),
        text(&root.time_zone),
        text(&root.status),
        number(&root.guest_count),
        number(&root.budget),
        text(&root.currency),
        text(&root.organisation),
        table.from_sql(),
        quote_ident(&root.id),
    );
    let kind = |column: &Option<String>| {
        let column = column.as_ref().and_then(|column| table.column(column));
        column.map_or_else(String::new, |column| column.base_type.clone())
    };
    let columns = Columns { date_kind: kind(&root.date), end_date_kind: kind(&root.end_date), zone: zone.clone() };
    let parameters: [&str; 0] = [];
    match session.client.query_raw(&statement, parameters).await {
        Ok(rows) => Ok(Roots { session, bound, rows: Box::pin(rows), columns, last: None }),
        Err(error) => Err(explain::refusal(session, bound, Error::read("the weddings", error)).await),
    }
}

impl Roots<'_> {
    /// Up to `size` further weddings; none at the end. An id that several rows share is given once, with what the first says.
    ///
    /// # Errors
    /// As [`roots`].
    pub async fn page(&mut self, size: usize) -> Result<Vec<Root>> {
        let mut page = Vec::new();
        while page.len() < size {
            let row = match self.rows.as_mut().try_next().await {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    return Err(explain::refusal(self.session, self.bound, Error::read("the weddings", error)).await);
                }
            };
            let root = self.columns.root(&row);
            if self.last.as_ref() != Some(&root.id) {
                self.last = Some(root.id.clone());
                page.push(root);
            }
        }
        Ok(page)
    }
}

impl Columns {
    fn root(&self, row: &Row) -> Root {
        let text = |at: usize| row.get::<_, Option<&str>>(at).map(str::trim).filter(|text| !text.is_empty());
        let time_zone: Option<Zone> = text(3).and_then(|name| name.parse().ok());
        let zone = time_zone.as_ref().unwrap_or(&self.zone);
        let first = text(1).and_then(|text| day_of(text, &self.date_kind, zone));
        let last = text(2).and_then(|text| day_of(text, &self.end_date_kind, zone));
        Root {
            id: row.get::<_, Option<String>>(0).unwrap_or_default(),
            days: first.map(|first| days(first, last)),
            status: text(4).map_or(Status::Active, status),
            guest_count: text(5).and_then(whole),
            budget: text(6)
                .and_then(hundredths)
                .zip(text(7).and_then(|code| code.to_uppercase().parse::<Currency>().ok()))
                .map(|(amount_hundredths, currency)| Money { amount_hundredths, currency }),
            organisation: text(8).map(ToOwned::to_owned),
            time_zone,
        }
    }
}

/// From the first day to the last. A last day that cannot be meant is as good as none: the first is what protection counts to.
fn days(first: Date, last: Option<Date>) -> Days {
    last.and_then(|last| Days::new(first, last).ok()).unwrap_or(Days::single(first))
}

/// The day at the venue: `2026-06-05 23:00:00+00` is the sixth in London.
fn day_of(text: &str, kind: &str, zone: &Zone) -> Option<Date> {
    if kind.starts_with("timestamp") && kind.ends_with("with time zone") {
        return text.parse::<Timestamp>().ok().map(|moment| zone.date_at(moment));
    }
    if text.ends_with("BC") { None } else { text.get(..10)?.parse().ok() }
}

/// Applications write it as they like: `cancelled`, `Canceled`, `called off`. Anything else is a wedding that is still to be.
fn status(text: &str) -> Status {
    let plain: String = text.chars().filter(char::is_ascii_alphabetic).map(|char| char.to_ascii_lowercase()).collect();
    let off = plain.starts_with("cancel") || plain.contains("calledoff");
    if off { Status::Cancelled } else { Status::Active }
}

/// A number without its decimal places; nothing if it is negative.
fn whole(text: &str) -> Option<u64> {
    text.split('.').next()?.parse().ok()
}

/// A number with two decimal places in hundredths; nothing if it is negative.
fn hundredths(text: &str) -> Option<u64> {
    let (units, places) = text.split_once('.')?;
    units.parse::<u64>().ok()?.checked_mul(100)?.checked_add(places.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_venues() {
        let zone: Zone = "Europe/London".parse().unwrap();
        let day = |text, kind| day_of(text, kind, &zone).map(|day| day.to_string());
        assert_eq!(day("2026-06-05 23:30:00+00", "timestamp with time zone").as_deref(), Some("2026-06-06"));
        assert_eq!(day("2026-06-05 23:30:00", "timestamp without time zone").as_deref(), Some("2026-06-05"));
        assert_eq!(day("2026-06-05", "date").as_deref(), Some("2026-06-05"));
        for odd in ["infinity", "é", "0044-03-15 BC", "12026-01-01"] {
            assert_eq!(day(odd, "date"), None, "{odd}");
        }
    }

    #[test]
    fn a_last_day_that_cannot_be_meant_is_none() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let first = date("2026-06-05");
        assert_eq!(days(first, Some(date("2026-06-07"))).last(), date("2026-06-07"));
        assert_eq!(days(first, Some(date("2026-06-01"))), Days::single(first));
        assert_eq!(days(first, Some(date("2036-06-07"))), Days::single(first));
    }

    #[test]
    fn words_for_called_off_are_understood_and_no_others() {
        for off in ["cancelled", "Canceled", "CANCELLED_BY_COUPLE", "called off", "called_off"] {
            assert_eq!(status(off), Status::Cancelled, "{off}");
        }
        for on in ["planning", "confirmed", "postponed", "done", "uncancelled", "deleted"] {
            assert_eq!(status(on), Status::Active, "{on}");
        }
    }

    #[test]
    fn numbers_are_read_as_the_server_writes_them() {
        assert_eq!(whole("120.00"), Some(120));
        assert_eq!(whole("-1.00"), None);
        assert_eq!(hundredths("50000.07"), Some(5_000_007));
        assert_eq!(hundredths("-3.00"), None);
        assert_eq!(hundredths("99999999999999999999.00"), None);
    }
}
