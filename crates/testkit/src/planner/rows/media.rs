//! Albums, photos, documents, and their files.

use super::{array, day, moment};
use crate::planner::{Result, copy::Copy, files::Files, layout, layout::Layout, words};
use tokio_postgres::Client;

pub async fn documents(client: &Client, layout: &Layout, files: &mut Files<'_>) -> Result<u64> {
    let columns = "id, wedding_id, kind, title, storage_path, signed, uploaded_at";
    let mut copy = Copy::begin(client, "documents", columns).await?;
    for wedding in 0..layout.weddings {
        let mut draw = layout.draw("documents", wedding);
        for part in 0..layout::DOCUMENTS {
            let path = files.document(layout, wedding, part)?;
            copy.plain(layout.document(wedding, part)).plain(layout.wedding(wedding));
            copy.plain(draw.pick(&["contract", "contract", "invoice", "floor_plan"]));
            copy.plain(format_args!("Document no. {}", part + 1)).text(&path);
            copy.plain(if draw.chance(60) { "t" } else { "f" }).plain("2025-11-11 11:11:11+00").end().await?;
        }
    }
    copy.finish().await
}

pub async fn albums(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "albums", "id, wedding_id, title, cover_photo_id").await?;
    for wedding in 0..layout.weddings {
        for (part, title) in (0..layout::ALBUMS).zip(["Getting ready", "The day"]) {
            copy.plain(layout.album(wedding, part)).plain(layout.wedding(wedding)).plain(title);
            copy.maybe_plain((part < layout.photos(wedding)).then(|| layout.photo(wedding, part))).end().await?;
        }
    }
    copy.finish().await
}

pub async fn photos(client: &Client, layout: &Layout, files: &mut Files<'_>) -> Result<u64> {
    let columns =
        "id, wedding_id, album_id, uploaded_by, storage_path, size_bytes, width, height, taken_at, tags, exif";
    let mut copy = Copy::begin(client, "photos", columns).await?;
    for wedding in 0..layout.weddings {
        let (date, mut draw) = (day(layout, wedding), layout.draw("photos", wedding));
        for part in 0..layout.photos(wedding) {
            let photo = files.photo(layout, wedding, part)?;
            copy.plain(layout.photo(wedding, part)).plain(layout.wedding(wedding));
            copy.plain(layout.album(wedding, part % layout::ALBUMS));
            copy.maybe_plain(draw.chance(60).then(|| layout.colleague(wedding, &mut draw)));
            copy.text(&photo.path).plain(photo.size_bytes).plain(photo.shape.width).plain(photo.shape.height);
            copy.plain(moment(date, 10 * 60 + i64::from(part)));
            copy.text(&array(&[draw.pick(words::PHOTO_TAGS)]));
            copy.plain(format_args!("{{\"iso\": {}, \"camera\": \"K-{}\"}}", 100 + draw.below(3000), draw.below(9)));
            copy.end().await?;
        }
    }
    copy.finish().await
}

pub async fn photo_guests(client: &Client, layout: &Layout) -> Result<u64> {
    let mut copy = Copy::begin(client, "photo_guests", "photo_id, guest_id").await?;
    for wedding in 0..layout.weddings {
        let (guests, mut draw) = (u64::from(layout.guests(wedding)), layout.draw("photo_guests", wedding));
        for part in 0..layout.photos(wedding) {
            if guests > 0 {
                copy.plain(layout.photo(wedding, part)).plain(layout.guest(wedding, draw.below(guests) as u32));
                copy.end().await?;
            }
        }
    }
    copy.finish().await
}
