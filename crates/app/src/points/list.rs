//! Listing points, newest first.

use super::{Point, about};
use crate::{
    context::Context,
    error::{Code, Result},
    storage::Storage,
    vaults::{self, vault_error},
};
use futures::StreamExt;
use keepsake_domain::{VaultId, point::Tags};
use keepsake_vault::vault::Vault;

/// Vaults read at the same time.
const AT_ONCE: usize = 8;

/// The points of one vault, or of all; states saved before restores only if `all` is asked for.
///
/// # Errors
/// By cause; vaults of another master key are an error only if no vault opens.
pub async fn list(context: &Context, storage: &Storage, vault: Option<VaultId>, all: bool) -> Result<Vec<Point>> {
    let ids = match vault {
        Some(id) => vec![id],
        None => storage.vaults().await?,
    };
    let answers: Vec<_> = futures::stream::iter(ids)
        .map(|id| async move {
            context.still_wanted()?;
            let opened = vaults::open(context, storage, id).await?;
            of_vault(context, id, &opened).await
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut points = Vec::new();
    let (mut opened, mut foreign) = (0, None);
    for answer in answers {
        match answer {
            Ok(found) => {
                opened += 1;
                points.extend(found.into_iter().filter(|point| all || !point.is_pre_recovery()));
            }
            Err(error) if error.code() == Code::VaultNotFound && vault.is_none() => {}
            Err(error) if error.code() == Code::MasterKeyWrong && vault.is_none() => foreign = Some(error),
            Err(error) => return Err(error),
        }
    }
    match foreign {
        Some(error) if opened == 0 => Err(error),
        _ => {
            points.sort_by_key(|point: &Point| std::cmp::Reverse((point.time, point.id)));
            Ok(points)
        }
    }
}

/// The points of one opened vault, newest first. Snapshots that Keepsake did not write are left out; broken ones are
/// reported in the log and by `verify`, and do not hide the others.
///
/// # Errors
/// The store's failure.
pub async fn of_vault<S: Sync>(context: &Context, id: VaultId, vault: &Vault<S>) -> Result<Vec<Point>> {
    let snapshots = vault
        .snapshots(&context.cancel)
        .await
        .map_err(|error| vault_error("could not list the vault's snapshots", error))?;
    for (snapshot, error) in &snapshots.broken {
        tracing::warn!(vault = %id, %snapshot, %error, "a snapshot is damaged");
    }
    let about = about(vault);
    let point = |(snapshot, document): (keepsake_vault::Id, keepsake_vault::snapshot::Snapshot)| {
        let tags = Tags::decode(&document.tags)?;
        Some(Point {
            id: tags.point,
            vault: id,
            kind: tags.kind,
            name: about.name.clone(),
            wedding: about.wedding.clone(),
            time: document.time.moment(),
            incomplete: tags.incomplete,
            operation: tags.operation,
            raw_bytes: document.summary.as_ref().map_or(0, |summary| summary.total_bytes_processed),
            snapshot,
            document,
        })
    };
    let mut points: Vec<Point> = snapshots.snapshots.into_iter().filter_map(point).collect();
    points.sort_by_key(|point| std::cmp::Reverse((point.time, point.id)));
    Ok(points)
}
