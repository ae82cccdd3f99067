//! A target's store is opened.

use super::{Reach, check_url, place};
use crate::{
    error::{Code, Error, Result},
    service::Service,
    source::{Keys, unseal},
    storage::Storage,
};
use keepsake_catalog::targets::Target;
use keepsake_domain::egress;
use keepsake_store::{Environment, Location, Options};
use std::sync::Arc;

/// Opens a target's store with its own keys. Only one of the operator (`lent`) may use the machine's instead, be a folder, or
/// lie in a private network.
///
/// # Errors
/// [`Code::Forbidden`], [`Code::StorageInvalid`], [`Code::StorageFailed`], [`Code::MasterKeyWrong`].
pub async fn open(service: &Service, target: &Target, lent: bool) -> Result<Storage> {
    let keys = match &target.credentials {
        Some(sealed) => Some(Keys::read(&unseal(service, place(target.organisation, target.id), sealed)?)?),
        None => None,
    };
    if !lent {
        if keys.is_none() || check_url(&target.url)? != Reach::Remote {
            return Err(Error::new(Code::Forbidden, "this target is the operator's to set up"));
        }
        refuse_private(&target.url).await?;
    }
    let environment = match &keys {
        Some(keys) => Environment::of([
            ("AWS_ACCESS_KEY_ID", keys.access_key_id.expose()),
            ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.expose()),
        ]),
        None => Environment::from_process(),
    };
    let clock = Arc::clone(&service.context.clock);
    let options = Options { environment, machine_credentials: keys.is_none(), clock, ..Options::default() };
    Storage::open_with(&service.context, &target.url, &options)
}

/// Looks an endpoint's host up and refuses one that is not public. The store's client looks it up again when it connects.
async fn refuse_private(url: &str) -> Result<()> {
    let Ok(Location::S3(bucket)) = url.parse::<Location>() else { return Ok(()) };
    let Some(endpoint) = bucket.endpoint else { return Ok(()) };
    let (Some(host), Some(port)) = (endpoint.host_str(), endpoint.port_or_known_default()) else { return Ok(()) };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| Error::because(Code::StorageFailed, "the endpoint's host cannot be looked up", error))?;
    if found.into_iter().all(|address| egress::is_public(address.ip())) {
        return Ok(());
    }
    let message = "the endpoint is not on the public Internet: the operator of this installation can set up targets on its own networks";
    Err(Error::new(Code::Forbidden, message))
}
