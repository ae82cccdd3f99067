//! What a storage URL reaches (safety rule S29).

use crate::error::{Code, Error, Result};
use keepsake_store::Location;

/// What a storage URL reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// An object store on the network, over TLS.
    Remote,
    /// An object store that is reached without TLS: on this machine, or on a network that somebody trusts.
    Plain,
    /// A folder of the host.
    Folder,
}

/// Reads a storage URL.
///
/// # Errors
/// [`Code::StorageInvalid`].
pub fn check_url(url: &str) -> Result<Reach> {
    let invalid = |error| Error::because(Code::StorageInvalid, "the storage location cannot be used", error);
    match url.parse::<Location>().map_err(invalid)? {
        Location::Local { .. } => Ok(Reach::Folder),
        Location::S3(bucket) => {
            let plain = bucket.endpoint.is_some_and(|endpoint| endpoint.scheme() != "https");
            Ok(if plain || bucket.allow_http { Reach::Plain } else { Reach::Remote })
        }
        Location::Memory => Err(Error::new(Code::StorageInvalid, "memory keeps nothing: name a folder or a bucket")),
    }
}
