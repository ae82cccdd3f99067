//! Listing the vaults of a storage location.

use super::open;
use crate::{
    context::Context,
    error::{Code, Result},
    points,
    storage::Storage,
};
use futures::StreamExt;
use jiff::Timestamp;
use keepsake_domain::VaultId;
use keepsake_vault::config::Kind;
use serde::Serialize;

/// A vault as people see it.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    /// Its id.
    pub id: VaultId,
    /// What it protects: `wedding`, `database` or `files`.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// The source that it protects.
    pub source: String,
    /// The wedding, for a wedding's vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wedding: Option<String>,
    /// Recovery points in it, without the states saved before restores.
    pub points: usize,
    /// When the newest of them was captured.
    pub newest: Option<Timestamp>,
    /// Bytes of all its objects.
    pub stored_bytes: u64,
}

/// Vaults opened at the same time while listing.
const AT_ONCE: usize = 8;

/// Every vault that this master key opens, by name.
///
/// # Errors
/// By cause; a vault of another master key is an error only if no vault opens.
pub async fn list(context: &Context, storage: &Storage) -> Result<Vec<Info>> {
    let ids = storage.vaults().await?;
    let total = ids.len();
    let mut found: Vec<Info> = Vec::new();
    let mut foreign = None;
    let mut answers = futures::stream::iter(ids)
        .map(|id| async move { (id, describe(context, storage, id).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((id, answer)) = answers.next().await {
        match answer {
            Ok(info) => found.push(info),
            // A birth that was cut short: there is nothing in it yet.
            Err(error) if error.code() == Code::VaultNotFound => {}
            Err(error) if error.code() == Code::MasterKeyWrong => {
                tracing::warn!(vault = %id, "this vault belongs to another master key");
                foreign = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match foreign {
        Some(error) if found.is_empty() && total > 0 => Err(error),
        _ => {
            found.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
            Ok(found)
        }
    }
}

async fn describe(context: &Context, storage: &Storage, id: VaultId) -> Result<Info> {
    context.still_wanted()?;
    let vault = open(context, storage, id).await?;
    let points: Vec<_> = points::of_vault(context, id, &vault).await?;
    let regular: Vec<_> = points.iter().filter(|point| !point.is_pre_recovery()).collect();
    let about = points::about(&vault);
    Ok(Info {
        id,
        kind: about.kind,
        name: about.name,
        source: about.source,
        wedding: about.wedding,
        points: regular.len(),
        newest: regular.iter().map(|point| point.time).max(),
        stored_bytes: storage.stored_bytes(id).await?,
    })
}

/// The vaults that fit a question.
///
/// # Errors
/// As [`list`].
pub(crate) async fn matching(context: &Context, storage: &Storage, fits: impl Fn(&Info) -> bool) -> Result<Vec<Info>> {
    Ok(list(context, storage).await?.into_iter().filter(fits).collect())
}
