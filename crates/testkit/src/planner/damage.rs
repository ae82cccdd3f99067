//! The accident: what a careless import, script or click does to one wedding.

use super::{Result, files::at, refused};
use std::{fs, io, path::Path};
use tokio_postgres::Client;
use uuid::Uuid;

/// What was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Guests deleted, with their answers and seats.
    pub guests: u64,
    /// Timeline items reordered, renamed and moved in time.
    pub timeline_items: u64,
    /// Photo rows deleted.
    pub photos: u64,
    /// Photo files removed.
    pub files: u64,
}

/// Deletes two of five guests of a wedding, scrambles its timeline, and deletes every other photo, with its file where
/// `files_root` is given. Triggers fire and keys cascade, as they would.
///
/// # Errors
/// [`Error`](super::Error) by cause; rows are all damaged or none.
pub async fn damage(client: &Client, wedding: Uuid, files_root: Option<&Path>) -> Result<Damage> {
    client.batch_execute("BEGIN").await.map_err(refused("starting the damage"))?;
    match rows(client, wedding).await {
        Ok((mut damage, paths)) => {
            client.batch_execute("COMMIT").await.map_err(refused("committing the damage"))?;
            if let Some(root) = files_root {
                damage.files = remove(root, &paths)?;
            }
            Ok(damage)
        }
        Err(error) => {
            client.batch_execute("ROLLBACK").await.map_err(refused("giving up the damage"))?;
            Err(error)
        }
    }
}

async fn rows(client: &Client, wedding: Uuid) -> Result<(Damage, Vec<String>)> {
    let of_five = "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.guests WHERE wedding_id = $1) g \
                   WHERE n % 5 IN (1, 3)";
    let guests = client
        .execute(&format!("DELETE FROM public.guests WHERE id IN ({of_five})"), &[&wedding])
        .await
        .map_err(refused("deleting guests"))?;
    let timeline_items = client
        .execute(
            "UPDATE public.timeline_items t SET position = m.last + 1 - t.position, title = 'TBC ' || t.position, \
             starts_at = t.starts_at + interval '3 hours' * (t.id % 3), notes = NULL \
             FROM (SELECT event_id, max(position) AS last FROM public.timeline_items WHERE wedding_id = $1 GROUP BY 1) m \
             WHERE t.event_id = m.event_id",
            &[&wedding],
        )
        .await
        .map_err(refused("scrambling the timeline"))?;
    let gone = client
        .query(
            "DELETE FROM public.photos WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY storage_path) AS n \
             FROM public.photos WHERE wedding_id = $1) p WHERE n % 2 = 1) RETURNING storage_path",
            &[&wedding],
        )
        .await
        .map_err(refused("deleting photos"))?;
    let paths: Vec<String> = gone.iter().map(|row| row.get(0)).collect();
    Ok((Damage { guests, timeline_items, photos: paths.len() as u64, files: 0 }, paths))
}

fn remove(root: &Path, paths: &[String]) -> Result<u64> {
    let mut removed = 0;
    for path in paths {
        let full = root.join(path);
        match fs::remove_file(&full) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(&full)(error)),
        }
    }
    Ok(removed)
}
