//! Booked vendors, their contacts, and money.

use super::{day, moment};
use crate::planner::{Result, copy::Copy, layout, layout::Layout, words};
use tokio_postgres::Client;

pub async fn vendor_bookings(client: &Client, layout: &Layout) -> Result<u64> {
    let columns = "id, wedding_id, vendor_id, contract_id, status, starts_at, ends_at, price, notes";
    let mut copy = Copy::begin(client, "vendor_bookings", columns).await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("vendor_bookings", wedding));
        // Consecutive vendors from a random one: a vendor is booked once for a wedding.
        let first = draw.below(u64::from(layout::VENDORS)) as u32;
        for part in 0..layout::BOOKINGS {
            copy.plain(layout.booking(wedding, part)).plain(layout.wedding(wedding));
            copy.plain(layout.vendor((first + part) % layout::VENDORS));
            copy.maybe_plain((part < layout::DOCUMENTS).then(|| layout.document(wedding, part)));
            copy.plain(draw.pick(&["requested", "offered", "booked", "booked", "paid"]));
            let start = 8 * 60 + i64::from(part) * 60;
            copy.plain(moment(date, start)).plain(moment(date, start + 240));
            copy.plain(format_args!("{}.50", 200 + draw.below(6000)));
            copy.maybe(draw.chance(30).then(|| draw.pick(words::MESSAGES))).end().await?;
        }
    }
    copy.finish().await
}

pub async fn contacts(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "contacts", "id, wedding_id, booking_id, name, role, phone, email").await?;
    for wedding in 0..layout.weddings {
        let mut draw = layout.draw("contacts", wedding);
        for part in 0..layout::CONTACTS {
            copy.plain(layout.regular(layout::CONTACTS, wedding, part)).plain(layout.wedding(wedding));
            copy.maybe_plain((part < layout::BOOKINGS).then(|| layout.booking(wedding, part)));
            copy.text(&format!("{} {}", draw.pick(words::FIRST_NAMES), draw.pick(words::LAST_NAMES)));
            copy.plain(if part < layout::BOOKINGS { "on the day" } else { "witness" });
            copy.plain(format_args!("+44 7700 {:06}", draw.below(1_000_000)));
            copy.maybe_plain(draw.chance(60).then(|| format!("contact{part}@day.example"))).end().await?;
        }
    }
    copy.finish().await
}

pub async fn budget_items(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy =
        Copy::begin(client, "budget_items", "id, wedding_id, booking_id, category, estimated, actual").await?;
    for wedding in 0..layout.weddings {
        let mut draw = layout.draw("budget_items", wedding);
        for (part, category) in (0..layout::BUDGET_ITEMS).zip(words::BUDGET.iter().cycle()) {
            copy.plain(layout.regular(layout::BUDGET_ITEMS, wedding, part)).plain(layout.wedding(wedding));
            copy.maybe_plain((part < layout::BOOKINGS).then(|| layout.booking(wedding, part))).plain(category);
            copy.plain(format_args!("{}.00", 100 + draw.below(9000)));
            copy.maybe_plain(draw.chance(60).then(|| format!("{}.{:02}", 100 + draw.below(9000), draw.below(100))));
            copy.end().await?;
        }
    }
    copy.finish().await
}

pub async fn payments(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "payments", "id, budget_item_id, amount, method, reference, paid_at").await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("payments", wedding));
        for part in 0..layout::BUDGET_ITEMS {
            let id = layout.regular(layout::BUDGET_ITEMS, wedding, part);
            copy.plain(id).plain(id).plain(format_args!("{}.00", 50 + draw.below(2000)));
            copy.plain(draw.pick(&["card", "transfer", "cash"]));
            copy.maybe_plain(draw.chance(80).then(|| format!("PAY-{id:08}")));
            copy.maybe_plain(draw.chance(90).then(|| moment(date, -(draw.below(300_000) as i64)))).end().await?;
        }
    }
    copy.finish().await
}
