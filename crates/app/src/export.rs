//! Handing out what stock restic needs to open one vault.

use crate::{
    context::Context,
    error::{Code, Error, Result},
    storage::Storage,
    vaults,
};
use keepsake_domain::VaultId;
use zeroize::Zeroizing;

/// Two lines, `RESTIC_REPOSITORY=...` and `RESTIC_PASSWORD=...`. The vault is opened with them first.
///
/// # Errors
/// [`Code::VaultNotFound`] and other failures to open it.
pub async fn restic(context: &Context, storage: &Storage, vault: VaultId) -> Result<Zeroizing<String>> {
    context
        .recorded("keys export-restic", &vault.to_string(), async {
            let (_, secret) = vaults::open_with_secret(context, storage, vault).await?;
            let repository = storage
                .restic_repository(vault)
                .ok_or_else(|| Error::new(Code::StorageInvalid, "stock restic cannot open a vault in memory"))?;
            Ok(Zeroizing::new(format!("RESTIC_REPOSITORY={repository}\nRESTIC_PASSWORD={}\n", *secret.expose())))
        })
        .await
}
