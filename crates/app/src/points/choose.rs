//! Which point is meant.

use super::{Point, list};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    storage::Storage,
    vaults::{self, Info},
};
use keepsake_domain::{PointId, VaultId};

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The newest complete point that is no state saved before a restore (safety rules S8, S13).
    Latest,
    /// This one, whatever it is.
    Id(PointId),
}

/// The point that is meant, in the vault named or else in the only one that fits.
///
/// # Errors
/// [`Code::VaultNotFound`] and [`Code::VaultAmbiguous`] if no or several vaults fit, [`Code::PointNotFound`].
pub async fn choose(
    context: &Context,
    storage: &Storage,
    wanted: Wanted,
    vault: Option<VaultId>,
    what: &str,
    fits: impl Fn(&Info) -> bool,
) -> Result<Point> {
    let vault = match (vault, wanted) {
        (Some(vault), _) => Some(vault),
        // A point's id says enough: all vaults are searched for it.
        (None, Wanted::Id(_)) => None,
        (None, Wanted::Latest) => Some(only_vault(context, storage, what, fits).await?),
    };
    let points = list(context, storage, vault, true).await?;
    let found = match wanted {
        Wanted::Id(id) => points.into_iter().find(|point| point.id == id),
        Wanted::Latest => points.into_iter().find(|point| !point.incomplete && !point.is_pre_recovery()),
    };
    found.ok_or_else(|| {
        let message = match wanted {
            Wanted::Id(id) => format!("there is no point {id}"),
            Wanted::Latest => format!("there is no complete point of {what}"),
        };
        Error::new(Code::PointNotFound, message)
    })
}

async fn only_vault(context: &Context, storage: &Storage, what: &str, fits: impl Fn(&Info) -> bool) -> Result<VaultId> {
    let found = vaults::matching(context, storage, fits).await?;
    match found.as_slice() {
        [only] => Ok(only.id),
        [] => Err(Error::new(Code::VaultNotFound, format!("there is no vault of {what} in {}", storage.location()))),
        several => {
            let ids: Vec<String> = several.iter().map(|vault| format!("{} ({})", vault.id, vault.source)).collect();
            Err(Error::new(Code::VaultAmbiguous, format!("several vaults fit {what}: {}", ids.join(", "))))
        }
    }
}
