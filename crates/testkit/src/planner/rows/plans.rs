//! Events, their timelines, and tasks.

use super::{day, moment};
use crate::planner::{Result, copy::Copy, layout, layout::Layout, words};
use jiff::ToSpan;
use tokio_postgres::Client;

/// Kind, name, start and end in minutes from the wedding day's midnight.
const EVENTS: [(&str, &str, i64, i64); 4] = [
    ("ceremony", "Ceremony", 13 * 60, 14 * 60),
    ("reception", "Dinner", 16 * 60, 20 * 60),
    ("party", "Party", 20 * 60, 26 * 60),
    ("brunch", "Farewell brunch", 34 * 60, 37 * 60),
];

pub async fn events(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "events", "id, wedding_id, kind, name, starts_at, ends_at, location").await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("events", wedding));
        for (part, (kind, name, start, end)) in (0..).zip(EVENTS) {
            copy.plain(layout.regular(layout::EVENTS, wedding, part)).plain(layout.wedding(wedding)).plain(kind);
            copy.plain(name).plain(moment(date, start)).plain(moment(date, end)).text(draw.pick(words::VENUES));
            copy.end().await?;
        }
    }
    copy.finish().await
}

pub async fn timeline_items(client: &Client, layout: &Layout) -> Result<u64> {
    let columns = "id, wedding_id, event_id, booking_id, position, starts_at, duration, title, notes, updated_at";
    let mut copy = Copy::begin(client, "timeline_items", columns).await?;
    let at_each_event = layout::TIMELINE_ITEMS / layout::EVENTS;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("timeline_items", wedding));
        for (part, title) in (0..layout::TIMELINE_ITEMS).zip(words::TIMELINE.iter().cycle()) {
            copy.plain(layout.regular(layout::TIMELINE_ITEMS, wedding, part)).plain(layout.wedding(wedding));
            copy.plain(layout.regular(layout::EVENTS, wedding, part / at_each_event));
            let booking = draw.below(u64::from(layout::BOOKINGS)) as u32;
            copy.maybe_plain(draw.chance(50).then(|| layout.booking(wedding, booking)));
            copy.plain(part % at_each_event + 1).plain(moment(date, 9 * 60 + i64::from(part) * 45));
            copy.plain(draw.pick(&["00:15:00", "00:30:00", "01:00:00"])).text(title);
            copy.maybe(draw.chance(25).then_some("Ask \"Uncle Bob\" to be quiet\nand keep the doors shut"));
            copy.plain("2026-01-20 12:00:00+00").end().await?;
        }
    }
    copy.finish().await
}

pub async fn tasks(client: &Client, layout: &Layout) -> Result<u64> {
    let columns = "id, wedding_id, parent_id, assignee_id, title, status, due_on, checklist, updated_at";
    let mut copy = Copy::begin(client, "tasks", columns).await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("tasks", wedding));
        for part in 0..layout::TASKS {
            copy.plain(layout.regular(layout::TASKS, wedding, part)).plain(layout.wedding(wedding));
            copy.maybe_plain((part % 4 == 3).then(|| layout.regular(layout::TASKS, wedding, part - 1)));
            copy.maybe_plain(draw.chance(70).then(|| layout.colleague(wedding, &mut draw)));
            copy.text(draw.pick(words::TASKS)).plain(draw.pick(&["open", "open", "doing", "done", "dropped"]));
            copy.plain(date - i64::try_from(draw.below(200)).unwrap_or(0).days());
            copy.plain(format_args!("[{{\"text\": \"call\", \"done\": {}}}]", draw.chance(50)));
            copy.plain("2026-01-21 12:00:00+00").end().await?;
        }
    }
    copy.finish().await
}
