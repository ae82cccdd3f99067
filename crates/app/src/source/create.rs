//! A source is registered.

use super::{
    Shown, connect_error,
    credential::{self, Keys, Purpose, Secret},
    lasting, subject,
};
use crate::{
    error::{Code, Error, Result},
    organisation,
    service::{Caller, Service, catalog::failed},
    target,
};
use keepsake_catalog::sources::{self, Assignments, Kind, Source};
use keepsake_domain::{OrganisationId, SourceId, permission::Action};
use keepsake_postgres::connect::{self, Dsn};
use std::collections::BTreeSet;

/// Where a source is, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A database, by connection strings.
    Database {
        /// For captures: a role that reads.
        capture: Secret,
        /// For restores: a role that writes.
        restore: Option<Secret>,
    },
    /// A bucket, by its storage URL.
    Bucket {
        /// `s3://...`
        url: String,
        /// Of a key that reads. Without them, the service's own are used, which only the operator may.
        keys: Option<Keys>,
    },
    /// A folder of the host, by its URL.
    Directory {
        /// `file:///...`
        url: String,
    },
}

/// A source to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// For whom; the caller's organisation if `None`.
    pub organisation: Option<OrganisationId>,
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Where the files are that rows name, if the mapping does not say.
    pub files_root: Option<String>,
    /// What stays the same when the server moves. Found out from the database if `None`. Counts within the organisation, unless the
    /// operator names it.
    pub identity: Option<String>,
    /// Whose weddings are whose, by the value of the mapping's organisation column.
    pub assignments: Assignments,
}

/// An address that was checked.
pub(super) struct Checked {
    pub kind: Kind,
    pub location: String,
    pub capture: Option<Secret>,
    pub restore: Option<Secret>,
    /// It names something of the machine that connects, or uses what is the operator's.
    pub host: bool,
    /// What exactly, where that can be said to who may not.
    pub refusal: Option<Error>,
}

impl Address {
    /// Judges what was written, without connecting anywhere. What is not from the operator is not even looked at further than
    /// to tell that it is not allowed: a string that names a file would tell whether the file is there.
    pub(super) fn check(&self, operator: bool) -> Result<Checked> {
        let checked =
            |kind, location, host| Checked { kind, location, capture: None, restore: None, host, refusal: None };
        match self {
            Self::Database { capture, restore } => {
                let mut location = None;
                let mut host = false;
                for text in [Some(capture), restore.as_ref()].into_iter().flatten() {
                    let dsn = match Dsn::remote(text.expose()) {
                        Ok(dsn) => dsn,
                        Err(_) if operator => {
                            host = true;
                            Dsn::written(text.expose()).map_err(connect_error)?
                        }
                        Err(error @ connect::Error::NotRemote { .. }) => {
                            let refusal = Some(connect_error(error));
                            return Ok(Checked { refusal, ..checked(Kind::Database, String::new(), true) });
                        }
                        Err(error) => return Err(connect_error(error)),
                    };
                    if *location.get_or_insert_with(|| dsn.location()) != dsn.location() {
                        let message = "/restore_credential: it names another database than the capture credential";
                        return Err(Error::new(Code::Invalid, message));
                    }
                }
                let (capture, restore) = (Some(capture.clone()), restore.clone());
                Ok(Checked { capture, restore, ..checked(Kind::Database, location.unwrap_or_default(), host) })
            }
            Self::Bucket { url, keys } => {
                let host = target::check_url(url)? != target::Reach::Remote || keys.is_none();
                let capture = keys.as_ref().map(Keys::written).transpose()?;
                Ok(Checked { capture, ..checked(Kind::Bucket, url.clone(), host) })
            }
            Self::Directory { url } => match target::check_url(url)? {
                target::Reach::Folder => Ok(checked(Kind::Directory, url.clone(), true)),
                _ => Err(Error::new(Code::Invalid, "/location: a directory is written file:///absolute/folder")),
            },
        }
    }
}

/// Why exactly a caller was refused, where that can be said.
pub(super) fn explained(error: Error, refusal: Option<Error>) -> Error {
    match refusal {
        Some(refusal) if error.code() == Code::Forbidden => refusal,
        _ => error,
    }
}

/// Weddings are assigned to organisations that are there.
pub(super) async fn expect_assigned(service: &Service, caller: &Caller, assignments: &Assignments) -> Result<()> {
    let named: BTreeSet<OrganisationId> = assignments.values().copied().collect();
    organisation::expect(service, caller, "/assignments", &named.into_iter().collect::<Vec<_>>()).await
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(Error::new(Code::Invalid, "/name: use 1 to 200 characters"));
    }
    Ok(())
}

/// Registers a source. Nothing is connected to yet: `inspect` does.
///
/// # Errors
/// [`Code::Invalid`], [`Code::DsnInvalid`], [`Code::StorageInvalid`]; [`Code::Forbidden`] for what is the operator's;
/// [`Code::Exists`]; else by cause.
pub async fn create(service: &Service, caller: &Caller, new: New) -> Result<Shown> {
    let no_one = || Error::new(Code::Invalid, "/organisation_id: say for whom");
    let organisation = new.organisation.or(caller.organisation()).ok_or_else(no_one)?;
    organisation::expect(service, caller, "/organisation_id", &[organisation]).await?;
    expect_assigned(service, caller, &new.assignments).await?;
    check_name(&new.name)?;
    let mut checked = new.address.check(caller.scope.operator)?;
    let refusal = checked.refusal.take();
    let operators = checked.host || new.files_root.is_some() || !new.assignments.is_empty();
    let action = if operators { Action::HostSourceCreate } else { Action::SourceCreate };
    let id = SourceId::from_uuid(service.context.new_id()?);
    let identity = match &new.identity {
        Some(name) => Some(lasting::named(caller, organisation, name, None)?),
        None if checked.kind == Kind::Database => None,
        None => Some(lasting::registered(organisation, id)),
    };
    let work = async {
        let sealed = |purpose: Purpose, secret: &Option<Secret>| {
            let place = purpose.place(organisation, *id.as_uuid());
            secret.as_ref().map(|secret| credential::seal(service, place, secret)).transpose()
        };
        let source = Source {
            id,
            organisation,
            name: new.name.trim().to_owned(),
            kind: checked.kind,
            location: checked.location.clone(),
            capture_credential: sealed(Purpose::Capture, &checked.capture)?,
            restore_credential: sealed(Purpose::Restore, &checked.restore)?,
            files_root: new.files_root.clone(),
            mapping: None,
            mapping_version: 0,
            identity,
            assignments: new.assignments.clone(),
            by_operator: caller.scope.operator,
            version: 1,
            created_at: service.context.clock.now(),
            synced_at: None,
            sync_error: None,
        };
        let mut tx = service.begin(caller).await?;
        sources::add(&mut tx, &source).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Shown::from(source))
    };
    let relation = caller.relation_to_new(organisation);
    let done = service.act(caller, action, relation, &subject(id), Some(organisation), work).await;
    done.map_err(|error| explained(error, refusal))
}
