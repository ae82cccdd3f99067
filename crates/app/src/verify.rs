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
use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed};

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

/// How far the checks of all vaults are, to be watched meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    vaults: Mutex<Vaults>,
}

/// Each vault has counters of its own, which its report is made from.
#[derive(Debug, Default)]
struct Vaults {
    total: u64,
    done: u64,
    begun: Vec<Arc<check::Progress>>,
}

/// All vaults together. Totals grow with each vault that is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Vaults to be checked.
    pub vaults_total: u64,
    /// Vaults that were checked.
    pub vaults_done: u64,
    /// Packs that were read.
    pub packs_done: u64,
    /// Bytes of packs that will be read.
    pub bytes_total: u64,
    /// Bytes of packs that were read.
    pub bytes_done: u64,
}

impl Progress {
    /// Where it all is now.
    pub fn sum(&self) -> Sum {
        let vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Sum { vaults_total: vaults.total, vaults_done: vaults.done, ..Sum::default() };
        for one in &vaults.begun {
            sum.packs_done += one.packs_done.load(Relaxed);
            sum.bytes_total += one.bytes_total.load(Relaxed);
            sum.bytes_done += one.bytes_done.load(Relaxed);
        }
        sum
    }

    fn change(&self, change: impl FnOnce(&mut Vaults)) {
        change(&mut self.vaults.lock().unwrap_or_else(PoisonError::into_inner));
    }
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
    progress: &Progress,
) -> Result<Vec<Checked>> {
    let mut ids = match vault {
        Some(id) => vec![id],
        None => storage.vaults().await?,
    };
    ids.sort_unstable();
    progress.change(|vaults| vaults.total = ids.len() as u64);
    let mut all = Vec::new();
    for id in ids {
        let options = Options::new(level);
        progress.change(|vaults| vaults.begun.push(Arc::clone(&options.progress)));
        let opened = match vaults::open(context, storage, id).await {
            // A birth that was cut short holds nothing that could be wrong.
            Err(error) if error.code() == Code::VaultNotFound && vault.is_none() => continue,
            other => other?,
        };
        let report = opened
            .check(&options, &context.cancel)
            .await
            .map_err(|error| vault_error("the check could not be made", error))?;
        progress.change(|vaults| vaults.done += 1);
        all.push(Checked { vault: id, good: report.is_sound(), report });
    }
    Ok(all)
}

/// The error for reports that found something.
pub fn failure(checked: &[Checked]) -> Option<Error> {
    let bad: Vec<String> = checked.iter().filter(|one| !one.good).map(|one| one.vault.to_string()).collect();
    (!bad.is_empty()).then(|| Error::new(Code::VerifyFailed, format!("faults were found in {}", bad.join(", "))))
}
