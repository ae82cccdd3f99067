//! Checking vaults.

use crate::{
    context::Context,
    error::{Code, Error, Result},
    storage::Storage,
    vaults::{self, vault_error},
};
use keepsake_domain::VaultId;
use keepsake_vault::check::{self, Level, Options};
use serde::Serialize;

/// What was found in one vault.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The vault.
    pub vault: VaultId,
    /// Whether nothing is wrong with it.
    pub good: bool,
    /// What was looked at and found.
    pub report: check::Report,
}

/// Checks one vault, or all, as deep as `level` says.
///
/// # Errors
/// [`Code::VerifyFailed`] is for the caller to raise from the reports; here only what keeps a check from being made.
pub async fn verify(
    context: &Context,
    storage: &Storage,
    vault: Option<VaultId>,
    level: Level,
) -> Result<Vec<Checked>> {
    let mut ids = match vault {
        Some(id) => vec![id],
        None => storage.vaults().await?,
    };
    ids.sort_unstable();
    let options = Options::new(level);
    let mut all = Vec::new();
    for id in ids {
        let opened = match vaults::open(context, storage, id).await {
            // A birth that was cut short holds nothing that could be wrong.
            Err(error) if error.code() == Code::VaultNotFound && vault.is_none() => continue,
            other => other?,
        };
        let report = opened
            .check(&options, &context.cancel)
            .await
            .map_err(|error| vault_error("the check could not be made", error))?;
        all.push(Checked { vault: id, good: report.is_sound(), report });
    }
    Ok(all)
}

/// The error for reports that found something.
pub fn failure(checked: &[Checked]) -> Option<Error> {
    let bad: Vec<String> = checked.iter().filter(|one| !one.good).map(|one| one.vault.to_string()).collect();
    (!bad.is_empty()).then(|| Error::new(Code::VerifyFailed, format!("faults were found in {}", bad.join(", "))))
}
