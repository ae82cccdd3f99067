//! Credentials of sources and targets: sealed for their row when they come in, opened when something connects.

use super::connect_error;
use crate::{
    error::{Code, Error, Result},
    service::Service,
};
use keepsake_catalog::sources::Source;
use keepsake_domain::OrganisationId;
use keepsake_keys::{Place, SealError};
use keepsake_postgres::connect::Dsn;
use rand::rngs::SysRng;
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A secret on its way in. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// What is inside.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The keys of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Which key it is; no secret by itself, and not shown either.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
}

impl Keys {
    /// The text that is sealed: a line each.
    pub(crate) fn written(&self) -> Result<Secret> {
        let (id, key) = (self.access_key_id.expose(), self.secret_access_key.expose());
        let is_key = |text: &str| (1..=1024).contains(&text.len()) && text.chars().all(|char| char.is_ascii_graphic());
        if is_key(id) && is_key(key) {
            Ok(Secret::from(format!("{id}\n{key}")))
        } else {
            Err(Error::new(Code::Invalid, "/credentials: keys are printable ASCII without spaces"))
        }
    }

    /// From the text that was sealed.
    pub(crate) fn read(text: &[u8]) -> Result<Self> {
        let unreadable = || Error::new(Code::CatalogFailed, "sealed keys of a store cannot be read: set them again");
        let text = std::str::from_utf8(text).map_err(|_| unreadable())?;
        let (id, key) = text.split_once('\n').ok_or_else(unreadable)?;
        Ok(Self { access_key_id: Secret::from(id.to_owned()), secret_access_key: Secret::from(key.to_owned()) })
    }
}

/// Which of a source's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reads only.
    Capture,
    /// Writes, for restores.
    Restore,
}

impl Purpose {
    const fn column(self) -> &'static str {
        match self {
            Self::Capture => "capture_credential",
            Self::Restore => "restore_credential",
        }
    }

    /// Where a source's credential lies.
    pub(crate) const fn place(self, organisation: OrganisationId, row: Uuid) -> Place<'static> {
        Place { organisation: *organisation.as_uuid(), table: "sources", row, column: self.column() }
    }
}

/// Seals a secret for its place.
pub(crate) fn seal(service: &Service, place: Place<'_>, secret: &Secret) -> Result<Vec<u8>> {
    service.context.master.seal(place, secret.0.as_bytes(), &mut SysRng).map_err(seal_error)
}

/// Opens a sealed secret.
pub(crate) fn unseal(service: &Service, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    service.context.master.unseal(place, sealed).map_err(seal_error)
}

fn seal_error(error: SealError) -> Error {
    let code = match error {
        SealError::Random => Code::HomeFailed,
        SealError::Closed => Code::MasterKeyWrong,
    };
    Error::because(code, "a credential cannot be used", error)
}

/// Where a source's database is, and how to get in. Unless the operator set the source up, its hosts are looked up now, and
/// sessions and child programs go to the addresses that were found to be public (S29).
///
/// # Errors
/// [`Code::Invalid`] if the source has no such credential; [`Code::MasterKeyWrong`]; [`Code::Forbidden`] for a host that is not
/// public; [`Code::DatabaseUnreachable`].
pub async fn dsn(service: &Service, source: &Source, purpose: Purpose) -> Result<Dsn> {
    let sealed = match purpose {
        Purpose::Capture => source.capture_credential.as_ref(),
        Purpose::Restore => source.restore_credential.as_ref(),
    };
    let sealed = sealed.ok_or_else(|| {
        Error::new(Code::Invalid, format!("the source has no {}: set one", purpose.column().replace('_', " ")))
    })?;
    let text = unseal(service, purpose.place(source.organisation, *source.id.as_uuid()), sealed)?;
    let text = std::str::from_utf8(&text)
        .map_err(|_| Error::new(Code::CatalogFailed, "a sealed connection string cannot be read: set it again"))?;
    if source.by_operator {
        return Dsn::written(text).map_err(connect_error);
    }
    Dsn::remote(text).map_err(connect_error)?.pinned().await.map_err(connect_error)
}
