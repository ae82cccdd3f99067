//! Messages and the log of what was done.

use super::{day, moment};
use crate::planner::{Result, copy::Copy, layout, layout::Layout, words};
use tokio_postgres::Client;

pub async fn messages(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy =
        Copy::begin(client, "messages", "id, wedding_id, sender_id, reply_to, body, sent_at, read_at").await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("messages", wedding));
        for part in 0..layout::MESSAGES {
            copy.plain(layout.regular(layout::MESSAGES, wedding, part)).plain(layout.wedding(wedding));
            copy.maybe_plain(draw.chance(50).then(|| layout.colleague(wedding, &mut draw)));
            copy.maybe_plain((part % 3 == 2).then(|| layout.regular(layout::MESSAGES, wedding, part - 1)));
            let sent = -100_000 + i64::from(part) * 1000;
            copy.text(draw.pick(words::MESSAGES)).plain(moment(date, sent));
            copy.maybe_plain(draw.chance(80).then(|| moment(date, sent + 30))).end().await?;
        }
    }
    copy.finish().await
}

pub async fn activity(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "activity", "id, wedding_id, actor_id, occurred_at, kind, details").await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("activity", wedding));
        for part in 0..layout::ACTIVITIES {
            copy.plain(layout.regular(layout::ACTIVITIES, wedding, part)).plain(layout.wedding(wedding));
            copy.maybe_plain(draw.chance(80).then(|| layout.colleague(wedding, &mut draw)));
            // Spread over half a year before the day, so over several partitions.
            copy.plain(moment(date, -(draw.below(260_000) as i64))).plain(draw.pick(words::ACTIVITIES));
            copy.plain(format_args!("{{\"part\": {part}, \"ip\": \"192.0.2.{}\"}}", draw.below(255))).end().await?;
        }
    }
    copy.finish().await
}
