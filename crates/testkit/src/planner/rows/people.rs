//! Weddings and guests, with their households, answers and seats.

use super::{array, day, moment};
use crate::planner::{Result, copy::Copy, layout, layout::Layout, words};
use serde_json::json;
use tokio_postgres::Client;

pub async fn weddings(client: &Client, layout: &Layout) -> Result<u64> {
    let columns = "id, organisation_id, planner_id, venue_id, title, couple_names, slug, wedding_date, time_zone, status, \
                   guest_count, budget, currency, settings, lead_guest_id, created_at, updated_at";
    let mut copy = Copy::begin(client, "weddings", columns).await?;
    for wedding in 0..layout.weddings {
        let mut draw = layout.draw("weddings", wedding);
        let organisation = layout.organisation_of(wedding);
        let (one, two) = (draw.pick(words::FIRST_NAMES), draw.pick(words::FIRST_NAMES));
        let date = day(layout, wedding);
        let (_, _, zone) = draw.pick(words::TOWNS);
        copy.plain(layout.wedding(wedding)).plain(layout.organisation(organisation));
        copy.plain(layout.colleague(wedding, &mut draw));
        copy.plain(layout.venue(draw.below(u64::from(layout::VENUES)) as u32));
        copy.text(&format!("{one} & {two}'s wedding"))
            .text(&array(&[one, two]))
            .plain(format_args!("wedding-{wedding}"));
        copy.plain(date).plain(zone).plain(draw.pick(&["planning", "planning", "confirmed", "enquiry", "completed"]));
        copy.plain(layout.guests(wedding)).plain(format_args!("{}.00", 8000 + draw.below(900) * 100));
        copy.plain(draw.pick(&["GBP", "GBP", "EUR", "USD"]));
        copy.text(&json!({"theme": draw.pick(words::TAGS), "website": {"published": draw.chance(60)}}).to_string());
        copy.maybe_plain((layout.guests(wedding) > 0).then(|| layout.guest(wedding, 0)));
        copy.plain("2025-03-01 10:00:00+00").plain("2026-02-01 10:00:00+00").end().await?;
    }
    copy.finish().await
}

pub async fn households(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "households", "id, wedding_id, name, address").await?;
    for wedding in 0..layout.weddings {
        let (id, mut draw) = (layout.wedding(wedding), layout.draw("households", wedding));
        for part in 0..layout.households(wedding) {
            copy.plain(layout.household(wedding, part)).plain(id);
            copy.text(&format!("The {} household", draw.pick(words::LAST_NAMES)));
            let (town, country, _) = draw.pick(words::TOWNS);
            let line = 1 + draw.below(200);
            copy.plain(format_args!(
                "{{\"line1\": \"{line} High Street\", \"town\": \"{town}\", \"country\": \"{country}\"}}"
            ));
            copy.end().await?;
        }
    }
    copy.finish().await
}

pub async fn guests(client: &Client, layout: &Layout) -> Result<u64> {
    let columns = "id, wedding_id, household_id, plus_one_of, first_name, last_name, email, phone, side, is_child, \
                   dietary_notes, allergies, attributes, created_at, updated_at";
    let mut copy = Copy::begin(client, "guests", columns).await?;
    for wedding in 0..layout.weddings {
        let (id, mut draw) = (layout.wedding(wedding), layout.draw("guests", wedding));
        for part in 0..layout.guests(wedding) {
            copy.plain(layout.guest(wedding, part)).plain(id).plain(layout.household_of_guest(wedding, part));
            copy.maybe_plain((part % 5 == 4).then(|| layout.guest(wedding, part - 1)));
            copy.text(draw.pick(words::FIRST_NAMES)).text(draw.pick(words::LAST_NAMES));
            copy.maybe_plain(draw.chance(70).then(|| format!("guest{part}@family{}.example", draw.below(90))));
            copy.maybe_plain(draw.chance(50).then(|| format!("+44 7700 {:06}", draw.below(1_000_000))));
            copy.plain(draw.pick(&["partner_one", "partner_two", "both"])).plain(if draw.chance(8) {
                "t"
            } else {
                "f"
            });
            copy.maybe(draw.chance(20).then(|| draw.pick(words::DIETARY_NOTES)));
            if draw.chance(10) {
                copy.text(&array(&[draw.pick(words::ALLERGIES)]));
            } else {
                copy.plain("{}");
            }
            copy.plain(format_args!("{{\"table_wish\": {}, \"song\": \"#{}\"}}", draw.below(20), draw.below(500)));
            copy.plain("2025-04-01 10:00:00+00").plain("2026-01-15 18:30:00.123456+00").end().await?;
        }
    }
    copy.finish().await
}

pub async fn rsvps(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "rsvps", "guest_id, event_id, answer, meal, notes, answered_at").await?;
    for wedding in 0..layout.weddings {
        let mut draw = layout.draw("rsvps", wedding);
        let answered = moment(day(layout, wedding), -60 * 24 * 60);
        // Events 0 to 2 are those that everybody is asked to.
        let events = [0, 1, 2].map(|part| layout.regular(layout::EVENTS, wedding, part));
        for part in 0..layout.guests(wedding) {
            if draw.chance(30) {
                continue;
            }
            copy.plain(layout.guest(wedding, part)).plain(draw.pick(&events));
            copy.plain(draw.pick(&["accepted", "accepted", "accepted", "declined", "maybe", "pending"]));
            copy.maybe_plain(draw.chance(80).then(|| draw.pick(&["meat", "fish", "vegetarian", "vegan"])));
            copy.maybe(draw.chance(12).then(|| draw.pick(words::RSVP_NOTES))).plain(&answered).end().await?;
        }
    }
    copy.finish().await
}

pub async fn dining_tables(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy =
        Copy::begin(client, "dining_tables", "id, wedding_id, name, capacity, position_x, position_y").await?;
    for wedding in 0..layout.weddings {
        let (id, mut draw) = (layout.wedding(wedding), layout.draw("dining_tables", wedding));
        for part in 0..layout.tables(wedding) {
            copy.plain(layout.table(wedding, part)).plain(id).plain(format_args!("Table {}", part + 1));
            copy.plain(layout::SEATS_AT_A_TABLE);
            copy.plain(format_args!("{}.5", draw.below(30))).plain(format_args!("{}.25", draw.below(20))).end().await?;
        }
    }
    copy.finish().await
}

pub async fn seats(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "seats", "id, table_id, guest_id, seat_number").await?;
    let mut id = 0_i64;
    for wedding in 0..layout.weddings {
        let mut draw = layout.draw("seats", wedding);
        let seated = (0..layout.guests(wedding)).filter(|_| draw.chance(45));
        for (place, part) in (0_u32..).zip(seated) {
            id += 1;
            copy.plain(id).plain(layout.table(wedding, place / layout::SEATS_AT_A_TABLE));
            copy.plain(layout.guest(wedding, part)).plain(place % layout::SEATS_AT_A_TABLE + 1).end().await?;
        }
    }
    copy.finish().await
}
