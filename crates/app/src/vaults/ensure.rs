//! The vault for something to be protected: opened, or brought into being (safety rule S15).

use super::open::{open, vault_error};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    install::key_error,
    storage::Storage,
};
use keepsake_domain::VaultId;
use keepsake_keys::{Binding, Subject, VaultSecret};
use keepsake_vault::{
    config::{CreateSpec, Kind},
    vault::{Open, Vault},
};
use rand::rngs::{StdRng, SysRng};

/// What a vault is made for.
#[derive(Debug, Clone)]
pub struct Birth<'a> {
    /// What it protects: decides its id.
    pub subject: Subject<'a>,
    /// What people call it. Encrypted inside the vault.
    pub name: String,
}

/// Opens the vault of `birth`, creating it if there is none.
///
/// Every step is create-only, and what was written is read back before the first pack. Two writers that create the same vault
/// at once each leave a keyring entry; the `config` that came first decides which secret is right, and both go on with that one.
///
/// # Errors
/// [`Code::StorageUnsafe`] if the store does not enforce create-only puts; else by cause.
pub async fn ensure(context: &Context, storage: &Storage, birth: &Birth<'_>) -> Result<(VaultId, Vault<Open>)> {
    let id = context.master.vault_id(&birth.subject);
    match open(context, storage, id).await {
        Ok(vault) => return Ok((id, vault)),
        Err(error) if error.code() == Code::VaultNotFound => {}
        Err(error) => return Err(error),
    }
    if !storage.capabilities().await?.conditional_create {
        return Err(Error::new(
            Code::StorageUnsafe,
            format!(
                "{} overwrites objects that exist, so two writers could destroy each other's vault",
                storage.location()
            ),
        ));
    }
    let secret = secret_for(context, storage, id).await?;
    let password = super::open::password(&secret)?;
    let mut random: StdRng = rand::make_rng();
    let created =
        Vault::create(storage.vault(id), &password, spec(birth), &mut random, &*context.clock, &context.cancel).await;
    match created {
        Ok(vault) => Ok((id, vault)),
        // Somebody else was faster: theirs is the vault.
        Err(keepsake_vault::Error::AlreadyExists { .. }) => Ok((id, open(context, storage, id).await?)),
        Err(error) => Err(vault_error("could not create the vault", error)),
    }
}

/// A secret that is in the keyring: that of an earlier birth which was cut short, or a new one.
async fn secret_for(context: &Context, storage: &Storage, vault: VaultId) -> Result<VaultSecret> {
    match storage.keyring().load(vault).await {
        Ok(opened) => return Ok(opened.secret),
        Err(keepsake_keys::Error::MissingEntry { .. } | keepsake_keys::Error::AmbiguousEntry { .. }) => {}
        Err(error) => return Err(key_error(error)),
    }
    let secret = VaultSecret::generate(&mut SysRng).map_err(key_error)?;
    let binding = Binding { vault, generation: 1, organisation: context.organisation.clone() };
    storage.keyring().add(&binding, &secret, context.clock.now(), &mut SysRng).await.map_err(key_error)?;
    Ok(secret)
}

fn spec(birth: &Birth<'_>) -> CreateSpec {
    let (kind, source, wedding) = match birth.subject {
        Subject::Wedding { source, wedding } => (Kind::Wedding, source, Some(wedding.to_owned())),
        Subject::Database { source } => (Kind::Database, source, None),
        Subject::Files { name } => (Kind::Files, name, None),
    };
    CreateSpec { kind, name: birth.name.clone(), source: source.to_owned(), wedding, chunker: None }
}
