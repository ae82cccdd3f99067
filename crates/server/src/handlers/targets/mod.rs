//! Storage targets.

pub mod create;
pub mod get;
pub mod list;
pub mod test;

use crate::words::Same as _;
use keepsake_api::targets::{StoreKeys, Target};
use keepsake_app::{
    source::{Keys, Secret},
    target,
};

fn shown(target: target::Shown) -> Target {
    Target {
        id: *target.id.as_uuid(),
        organisation_id: *target.organisation.as_uuid(),
        lent: target.lent,
        name: target.name,
        tier: target.tier.same(),
        url: target.url,
        has_credentials: target.has_credentials,
        version: target.version,
        created_at: target.created_at,
    }
}

/// Keys that came in.
pub(super) fn keys(keys: &StoreKeys) -> Keys {
    Keys {
        access_key_id: Secret::from(keys.access_key_id.expose().to_owned()),
        secret_access_key: Secret::from(keys.secret_access_key.expose().to_owned()),
    }
}
