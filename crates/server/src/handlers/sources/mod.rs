//! Sources, and their mappings.

pub mod change;
pub mod create;
pub mod delete;
pub mod get;
pub mod inspect;
pub mod list;
pub mod mapping;
pub mod set_mapping;
pub mod sync;

use super::targets::keys;
use crate::{
    failure::{Failure, Result},
    words::Same as _,
};
use keepsake_api::{
    Secret,
    sources::{Source, SourceKind},
    targets::StoreKeys,
};
use keepsake_app::source::{self, Address};
use keepsake_domain::OrganisationId;
use std::collections::BTreeMap;
use uuid::Uuid;

fn shown(source: source::Shown) -> Source {
    Source {
        id: *source.id.as_uuid(),
        organisation_id: *source.organisation.as_uuid(),
        name: source.name,
        kind: source.kind.same(),
        location: source.location,
        has_restore_credential: source.has_restore_credential,
        files_root: source.files_root,
        identity: source.identity,
        assignments: source.assignments.into_iter().map(|(value, id)| (value, *id.as_uuid())).collect(),
        mapping_version: source.mapping_version,
        version: source.version,
        created_at: source.created_at,
        synced_at: source.synced_at,
        sync_error: source.sync_error,
    }
}

fn assignments(assignments: BTreeMap<String, Uuid>) -> BTreeMap<String, OrganisationId> {
    assignments.into_iter().map(|(value, id)| (value, OrganisationId::from_uuid(id))).collect()
}

/// Where a source is and what opens it, as a body says it: each kind of source takes fields of its own.
struct Given {
    capture_credential: Option<Secret>,
    restore_credential: Option<Secret>,
    location: Option<String>,
    credentials: Option<StoreKeys>,
}

impl Given {
    const fn is_empty(&self) -> bool {
        self.capture_credential.is_none()
            && self.restore_credential.is_none()
            && self.location.is_none()
            && self.credentials.is_none()
    }

    fn address(self, kind: SourceKind) -> Result<Address> {
        let database = kind == SourceKind::Database;
        let strange = [
            ("/capture_credential", !database && self.capture_credential.is_some()),
            ("/restore_credential", !database && self.restore_credential.is_some()),
            ("/location", database && self.location.is_some()),
            ("/credentials", kind != SourceKind::Bucket && self.credentials.is_some()),
        ];
        if let Some((pointer, _)) = strange.into_iter().find(|(_, given)| *given) {
            return Err(Failure::invalid_at(pointer, "a source of this kind does not have it: leave it out"));
        }
        let secret = |secret: &Secret| source::Secret::from(secret.expose().to_owned());
        let url = self.location.ok_or_else(|| Failure::invalid_at("/location", "say where it is"));
        Ok(match kind {
            SourceKind::Database => {
                let capture = self.capture_credential.as_ref().map(secret);
                let missing =
                    || Failure::invalid_at("/capture_credential", "give the connection string of a role that reads");
                Address::Database {
                    capture: capture.ok_or_else(missing)?,
                    restore: self.restore_credential.as_ref().map(secret),
                }
            }
            SourceKind::Bucket => Address::Bucket { url: url?, keys: self.credentials.as_ref().map(keys) },
            SourceKind::Directory => Address::Directory { url: url? },
        })
    }
}
