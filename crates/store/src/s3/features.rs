//! What a bucket is set to and what its service takes, found by asking and trying.

use super::{S3, failure::element, path, signed::Requests};
use crate::{Error, Key, Result, Store, port::Features};
use object_store::{Attribute, Attributes, ObjectStore, PutOptions, PutPayload};

/// A class that is not the default, which every provider with classes knows.
const OTHER_CLASS: &str = "STANDARD_IA";
/// Versions of one probe object that are removed; it has two or three.
const VERSIONS_MAX: usize = 100;

/// The features of the bucket of `store`, trying some with the object `scratch`.
pub(super) async fn find(store: &S3, scratch: &Key) -> Result<Features> {
    let requests = Requests::new(store)?;
    let tried = try_class(store, &requests, scratch).await;
    store.delete(scratch).await?;
    let Tried { storage_class, made_version } = tried?;
    let configured = setting(&requests, "versioning", "Status").await?;
    let versioning = made_version || configured.as_deref() == Some("Enabled");
    let lock = setting(&requests, "object-lock", "ObjectLockEnabled").await?;
    if versioning {
        remove_versions(&requests, scratch).await?;
    }
    Ok(Features { object_lock: lock.as_deref() == Some("Enabled"), storage_class, versioning })
}

struct Tried {
    storage_class: bool,
    made_version: bool,
}

/// Writes `scratch` in another class and looks whether it is in that class.
async fn try_class(store: &S3, requests: &Requests<'_>, scratch: &Key) -> Result<Tried> {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::StorageClass, OTHER_CLASS.into());
    let options = PutOptions { attributes, ..PutOptions::default() };
    let content = PutPayload::from_static(b"keepsake probe: storage class");
    let put = store.client.put_opts(&path(scratch)?, content, options).await;
    let made_version = match put {
        Ok(made) => made.version.is_some_and(|version| version != "null"),
        Err(source) => match super::error(scratch.as_str(), source) {
            // Refused: no classes here. Whether there are versions is then told by the settings alone.
            Error::Permanent { .. } => return Ok(Tried { storage_class: false, made_version: false }),
            error => return Err(error),
        },
    };
    let head = requests.send("HEAD", Some(scratch), &[]).await?;
    Ok(Tried { storage_class: head.storage_class.as_deref() == Some(OTHER_CLASS), made_version })
}

/// A setting of the bucket; `None` if it is not set, not known there, or not ours to read.
async fn setting(requests: &Requests<'_>, query: &str, name: &str) -> Result<Option<String>> {
    let reply = requests.send("GET", None, &[(query, "")]).await?;
    match reply.status {
        200 => Ok(element(&reply.body, name)),
        401 | 403 => {
            tracing::warn!(setting = query, "the credentials may not read a setting of the bucket: taken as not set");
            Ok(None)
        }
        400 | 404 | 405 | 501 => Ok(None),
        _ => Err(reply.into_error("*")),
    }
}

/// Removes every version of `key`, markers of deletion too. What is locked stays; it is a few bytes.
async fn remove_versions(requests: &Requests<'_>, key: &Key) -> Result<()> {
    let listed = requests.send("GET", None, &[("prefix", key.as_str()), ("versions", "")]).await?;
    if listed.status != 200 {
        tracing::warn!(status = listed.status, key = %key, "versions of the probe object could not be listed and stay");
        return Ok(());
    }
    for entry in listed.body.split("<VersionId>").skip(1).take(VERSIONS_MAX) {
        let Some((version, _)) = entry.split_once("</VersionId>") else { continue };
        let removed = requests.send("DELETE", Some(key), &[("versionId", version)]).await?;
        if !matches!(removed.status, 200 | 204 | 404) {
            tracing::warn!(status = removed.status, key = %key, "a version of the probe object is locked and stays");
        }
    }
    Ok(())
}
