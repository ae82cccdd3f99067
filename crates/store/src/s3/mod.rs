//! S3 and compatible services, over `object_store`.
//!
//! Repeating failed calls is left to [`Retrying`](crate::decorate::retry::Retrying): the client's own retries are off, since it
//! cannot tell that "exists already" after a lost answer may be our own object. Objects are sent in one part with their
//! SHA-256, so that the service refuses what was damaged on the way and can attest later what it holds (safety rule S27).

mod bucket;
mod credentials;
mod failure;
mod features;
mod profile;
mod signed;

pub use bucket::{Bucket, BucketObject, OpenObject};

use crate::{
    Error, Key, ObjectMeta, Options, Payload, Result, Store,
    location::S3Location,
    port::{Features, WHOLE_OBJECT_MAX_BYTES, range_len},
};
use bytes::Bytes;
use failure::error;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, Checksum},
    path::Path,
};
use std::{ops::Range, time::Duration};

/// The longest object that the service takes in one part.
const OBJECT_MAX_BYTES: u64 = 5 << 30;
/// A connection that takes longer is given up.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// A request that takes longer is given up: above what a pack of 128 MiB needs at the slowest rate that is waited for.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// A bucket.
#[derive(Debug)]
pub struct S3 {
    client: AmazonS3,
    place: S3Location,
    region: String,
    http: ClientOptions,
}

/// The bucket of `place`, without its prefix.
///
/// # Errors
/// [`Error::Invalid`] if credentials or settings are incomplete.
pub(crate) fn open(place: &S3Location, options: &Options) -> Result<S3> {
    let region = credentials::region(place, &options.environment)?;
    let allow_http = place.endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http");
    let http = ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(CONNECT_TIME_MAX)
        .with_timeout(REQUEST_TIME_MAX);
    let builder = AmazonS3Builder::new()
        .with_bucket_name(&place.bucket)
        .with_region(&region)
        .with_endpoint(if place.path_style { place.service(&region) } else { place.bucket_url(&region) })
        .with_virtual_hosted_style_request(!place.path_style)
        .with_client_options(http.clone())
        .with_checksum_algorithm(Checksum::SHA256)
        .with_disable_bulk_delete(true)
        .with_retry(no_retries());
    let client = credentials::with_credentials(builder, &region, options)?
        .build()
        .map_err(|error| Error::Invalid { reason: format!("the S3 settings cannot be used: {error}") })?;
    Ok(S3 { client, place: S3Location { prefix: None, ..place.clone() }, region, http })
}

/// The client must not repeat anything by itself, see the module.
fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: REQUEST_TIME_MAX }
}

fn path(key: &Key) -> Result<Path> {
    Path::parse(key.as_str())
        .map_err(|source| Error::Invalid { reason: format!("{key} cannot name an object of S3: {source}") })
}

/// `None` for names that we cannot hold; they are not ours.
fn meta(found: object_store::ObjectMeta) -> Result<Option<ObjectMeta>> {
    let Ok(key) = Key::parse(found.location.as_ref()) else {
        tracing::warn!("an object whose name no key can have was left out of a listing");
        return Ok(None);
    };
    let time = found.last_modified;
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0);
    let modified = jiff::Timestamp::new(time.timestamp(), nanos)
        .map_err(|source| Error::Permanent { key: key.to_string(), source: source.into() })?;
    Ok(Some(ObjectMeta { key, size_bytes: found.size, modified, etag: found.e_tag, version: found.version }))
}

fn meta_of(key: &Key, found: object_store::ObjectMeta) -> Result<ObjectMeta> {
    Ok(ObjectMeta { key: key.clone(), ..meta(found)?.ok_or_else(|| Error::not_found(key))? })
}

fn short(key: &Key, got: u64, expected: u64) -> Error {
    Error::ShortRead { key: key.to_string(), got, expected }
}

impl S3 {
    async fn open_range(&self, key: &Key, range: Option<Range<u64>>) -> Result<object_store::GetResult> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        self.client.get_opts(&path(key)?, options).await.map_err(|source| error(key.as_str(), source))
    }
}

#[async_trait::async_trait]
impl Store for S3 {
    fn location(&self) -> String {
        self.place.to_string()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        if payload.len_bytes() > OBJECT_MAX_BYTES {
            return Err(Error::TooLarge { key: key.to_string(), size_bytes: payload.len_bytes() });
        }
        let pieces: PutPayload = payload.into_pieces().into_iter().collect();
        let sent = self.client.put_opts(&path(key)?, pieces, PutMode::Create.into()).await;
        sent.map(drop).map_err(|source| error(key.as_str(), source))
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        let answer = self.open_range(key, None).await?;
        let expected = answer.meta.size;
        if expected > WHOLE_OBJECT_MAX_BYTES {
            return Err(Error::TooLarge { key: key.to_string(), size_bytes: expected });
        }
        let bytes = answer.bytes().await.map_err(|source| error(key.as_str(), source))?;
        if bytes.len() as u64 == expected { Ok(bytes) } else { Err(short(key, bytes.len() as u64, expected)) }
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        let expected = range_len(key, &range)?;
        if expected == 0 {
            // HTTP cannot ask for nothing.
            let size = self.head(key).await?.size_bytes;
            return if range.end <= size { Ok(Bytes::new()) } else { Err(short(key, 0, 0)) };
        }
        let answer = match self.open_range(key, Some(range)).await {
            Err(error) if failure::is_beyond_the_end(&error) => return Err(short(key, 0, expected)),
            answer => answer?,
        };
        let offered = answer.range.end.saturating_sub(answer.range.start);
        if offered != expected {
            return Err(short(key, offered, expected));
        }
        let bytes = answer.bytes().await.map_err(|source| error(key.as_str(), source))?;
        if bytes.len() as u64 == expected { Ok(bytes) } else { Err(short(key, bytes.len() as u64, expected)) }
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let answer = self.open_range(key, None).await?;
        let meta = meta_of(key, answer.meta.clone())?;
        let (name, expected, mut got) = (key.clone(), meta.size_bytes, 0);
        let pieces = answer.into_stream().map(Some).chain(stream::iter([None])).filter_map(move |piece| {
            let item = match piece {
                Some(Ok(bytes)) => {
                    got += bytes.len() as u64;
                    Some(Ok(bytes))
                }
                Some(Err(source)) => Some(Err(error(name.as_str(), source))),
                None if got < expected => Some(Err(short(&name, got, expected))),
                None => None,
            };
            futures::future::ready(item)
        });
        Ok((meta, pieces.boxed()))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let found = self.client.head(&path(key)?).await.map_err(|source| error(key.as_str(), source))?;
        meta_of(key, found)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let shown = prefix.map_or_else(|| "*".to_owned(), Key::to_string);
        let start = match prefix.map(path).transpose() {
            Ok(start) => start,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let listing = self.client.list(start.as_ref()).map_err(move |source| error(&shown, source));
        listing.try_filter_map(|found| futures::future::ready(meta(found))).boxed()
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        let shown = prefix.map_or("*", Key::as_str);
        let start = prefix.map(path).transpose()?;
        let found = self.client.list_with_delimiter(start.as_ref()).await.map_err(|source| error(shown, source))?;
        let names = found.common_prefixes.iter().filter_map(Path::filename).filter_map(|name| Key::parse(name).ok());
        Ok(names.collect())
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        match self.client.delete(&path(key)?).await.map_err(|source| error(key.as_str(), source)) {
            Err(Error::NotFound { .. }) => Ok(()),
            done => done,
        }
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        features::find(self, scratch).await
    }
}

#[cfg(test)]
mod tests;
