//! Opening a vault with its secret from the keyring.

use crate::{
    context::Context,
    error::{Code, Error, Result},
    install::key_error,
    storage::{Storage, failed},
};
use keepsake_domain::VaultId;
use keepsake_keys::VaultSecret;
use keepsake_vault::{
    Password,
    password::MachineSecret,
    vault::{Open, Vault},
};

/// Opens a vault by its id.
///
/// # Errors
/// [`Code::VaultNotFound`], [`Code::MasterKeyWrong`], [`Code::VaultDamaged`], or the store's failure.
pub async fn open(context: &Context, storage: &Storage, vault: VaultId) -> Result<Vault<Open>> {
    Ok(open_with_secret(context, storage, vault).await?.0)
}

/// Opens a vault with whichever of its keyring entries fits: a birth that two writers raced for leaves more than one.
pub(crate) async fn open_with_secret(
    context: &Context,
    storage: &Storage,
    vault: VaultId,
) -> Result<(Vault<Open>, VaultSecret)> {
    let candidates = storage.keyring().open_all(vault).await.map_err(key_error)?;
    let mut last = candidates.refused.into_iter().next().map(|(_, error)| key_error(error));
    for entry in candidates.opened {
        match Vault::open(storage.vault(vault), &password(&entry.secret)?, &context.cancel).await {
            Ok(vault) => return Ok((vault, entry.secret)),
            Err(error @ keepsake_vault::Error::WrongKey { .. }) => {
                last = Some(vault_error("the vault does not open", error));
            }
            Err(error) => return Err(vault_error("the vault does not open", error)),
        }
    }
    Err(last.unwrap_or_else(|| Error::new(Code::VaultNotFound, format!("there is no vault {vault}"))))
}

pub(super) fn password(secret: &VaultSecret) -> Result<Password> {
    MachineSecret::parse(&secret.expose())
        .map(Password::Machine)
        .map_err(|error| Error::because(Code::VaultDamaged, "the vault's secret has no proper form", error))
}

/// A vault's failure under the code that a user can look up.
pub(crate) fn vault_error(what: &str, error: keepsake_vault::Error) -> Error {
    use keepsake_vault::Error as Vault;
    let code = match error {
        Vault::Store(error) => return failed(what, error),
        Vault::Cancelled => Code::Interrupted,
        Vault::NoVault { .. } => Code::VaultNotFound,
        Vault::WrongKey { .. } => Code::MasterKeyWrong,
        Vault::NotKept { .. } => Code::StorageFailed,
        _ => Code::VaultDamaged,
    };
    Error::because(code, what, error)
}
