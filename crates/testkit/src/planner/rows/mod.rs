//! The rows of each table, in files by what they are about.

pub mod bookings;
pub mod log;
pub mod media;
pub mod people;
pub mod plans;
pub mod shared;

use super::layout::Layout;
use jiff::{ToSpan, civil::Date};

/// The day of a wedding: spread over two years, a third of them on Saturdays, some long over.
pub fn day(layout: &Layout, wedding: u32) -> Date {
    let mut draw = layout.draw("day", wedding);
    let first = jiff::civil::date(2025, 10, 4);
    let day = first + i64::try_from(draw.below(730)).unwrap_or(0).days();
    if draw.chance(33) { day + i64::from((6 - day.weekday().to_monday_one_offset()).rem_euclid(7)).days() } else { day }
}

/// A moment as PostgreSQL reads it, UTC. Minutes count from midnight and may be negative or more than a day.
pub fn moment(day: Date, minutes: i64) -> String {
    let at = day + minutes.div_euclid(24 * 60).days();
    let within = minutes.rem_euclid(24 * 60);
    format!("{at} {:02}:{:02}:00+00", within / 60, within % 60)
}

/// A text array in PostgreSQL's notation.
pub fn array(items: &[&str]) -> String {
    let quoted: Vec<String> =
        items.iter().map(|item| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}
