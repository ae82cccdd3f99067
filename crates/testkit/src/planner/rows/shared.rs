//! Rows that weddings refer to: organisations, their people, venues, vendors.

use super::array;
use crate::planner::{Result, copy::Copy, layout, layout::Layout, words};
use serde_json::json;
use tokio_postgres::Client;

const SINCE: &str = "2024-01-15 09:00:00+00";

pub async fn organisations(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "organisations", "id, name, slug, country, plan, settings, created_at").await?;
    for number in 0..layout.organisations {
        let mut draw = layout.draw("organisations", number);
        let name = format!("{} Weddings {number}", draw.pick(words::STUDIOS));
        let (_, country, zone) = draw.pick(words::TOWNS);
        copy.plain(layout.organisation(number)).text(&name).plain(format_args!("studio-{number}")).text(country);
        copy.plain(draw.pick(&["starter", "studio", "agency"]));
        copy.text(&json!({"locale": "en", "time_zone": zone, "branding": {"accent": "#7a4b5f"}}).to_string());
        copy.plain(SINCE).end().await?;
    }
    copy.finish().await
}

pub async fn profiles(client: &Client, layout: &Layout) -> Result<u64> {
    let columns = "id, organisation_id, email, full_name, role, password_hash, last_login_at, created_at";
    let mut copy = Copy::begin(client, "profiles", columns).await?;
    for number in 0..layout.organisations {
        let mut draw = layout.draw("profiles", number);
        for part in 0..layout::PROFILES {
            let name = format!("{} {}", draw.pick(words::FIRST_NAMES), draw.pick(words::LAST_NAMES));
            copy.plain(layout.profile(number, part)).plain(layout.organisation(number));
            copy.plain(format_args!("planner{part}@studio-{number}.example")).text(&name);
            copy.plain(if part == 0 { "owner" } else { "planner" });
            copy.plain(format_args!("$argon2id$sample${:016x}", draw.bits())).plain("2026-02-02 08:30:00+00");
            copy.plain(SINCE).end().await?;
        }
    }
    copy.finish().await
}

pub async fn venues(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "venues", "id, name, address, time_zone, capacity").await?;
    for number in 0..layout::VENUES {
        let mut draw = layout.draw("venues", number);
        let (town, country, zone) = draw.pick(words::TOWNS);
        copy.plain(layout.venue(number)).text(draw.pick(words::VENUES));
        copy.text(
            &json!({"line1": format!("{} Mill Lane", 1 + draw.below(90)), "town": town, "country": country})
                .to_string(),
        );
        copy.plain(zone).plain(60 + draw.below(340)).end().await?;
    }
    copy.finish().await
}

pub async fn vendors(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "vendors", "id, name, category, email, phone, website, rating, tags").await?;
    for number in 0..layout::VENDORS {
        let mut draw = layout.draw("vendors", number);
        let (category, trade) = draw.pick(words::TRADES);
        let name = format!("{} {trade}", draw.pick(words::LAST_NAMES));
        copy.plain(layout.vendor(number))
            .text(&name)
            .plain(category)
            .plain(format_args!("hello@vendor{number}.example"));
        copy.plain(format_args!("+44 1632 {:06}", draw.below(1_000_000)));
        copy.plain(format_args!("https://vendor{number}.example/"));
        copy.plain(format_args!("{}.{}", 3 + draw.below(2), draw.below(10)));
        copy.text(&array(&[draw.pick(words::TAGS), draw.pick(words::TAGS)])).end().await?;
    }
    copy.finish().await
}
