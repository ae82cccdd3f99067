//! `keepsake init`.

use super::Surroundings;
use crate::cli;
use keepsake_app::{Result, Storage, install};

pub async fn run(surroundings: &Surroundings, storage: &cli::Storage) -> Result<()> {
    // A slip in the URL must not leave a key behind that nobody was told to keep.
    Storage::check(storage.url()?)?;
    let (master, created) = install::ensure_master_key(&surroundings.home)?;
    let context = surroundings.context_with(master)?;
    let installed = install::prepare(&context, storage.url()?, created).await?;
    if !installed.capabilities.conditional_create {
        surroundings.output.warn(
            "this store overwrites objects that exist, whatever it is asked: vaults cannot be created on it without a catalog",
        );
    }
    surroundings.output.result(&installed, |done| {
        let key = if done.created {
            format!(
                "Made the master key {} (id {}).\nKeep a copy of it in another place: without it no backup can be opened, by anybody.",
                done.master_key, done.master_key_id
            )
        } else {
            format!("The master key {} (id {}) was there already and stays.", done.master_key, done.master_key_id)
        };
        format!("{key}\nStorage {} can be written, read and deleted.", done.storage)
    });
    Ok(())
}
