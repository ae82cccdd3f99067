//! A bucket that others write, read only: every object, whatever its key.
//!
//! [`Store`](crate::Store) speaks of names that are paths, and so does `object_store`: one key such as `a//b` fails its
//! whole listing, and `folder/` is listed as `folder`, which does not exist. What is here lists with percent-encoded keys
//! and asks for each object by exactly the key that was listed.

use super::{
    S3,
    failure::Answer,
    open,
    signed::{Requests, read_whole},
};
use crate::{Error, Options, Result, location::S3Location, retry::Patience};
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use jiff::Timestamp;
use object_store::client::HttpResponse;
use percent_encoding::percent_decode_str;
use std::{collections::VecDeque, sync::Arc};

/// The longest page of a listing: a thousand keys of 1024 bytes, each byte written as three.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// The longest text kept of a refusal.
const REFUSAL_BYTES_MAX: usize = 1 << 20;
/// How the service names what users said of an object.
const USER_METADATA: &str = "x-amz-meta-";

/// A bucket, or what lies below a prefix of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<S3>,
    prefix: String,
    patience: Arc<Patience>,
}

/// An object as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketObject {
    /// Its whole key, prefix included.
    pub key: String,
    /// Its length, as listed.
    pub size_bytes: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

/// An object that is being read.
pub struct OpenObject {
    /// Its length.
    pub size_bytes: u64,
    /// Its content type, if it has one.
    pub content_type: Option<String>,
    /// What users said of it: names in small letters, without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// Its content. Ends with an error if the object broke off, or was replaced meanwhile.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

impl Bucket {
    /// The bucket of `place`, from its prefix on. Nothing is asked of the service yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] if credentials or settings are incomplete.
    pub fn open(place: &S3Location, options: &Options) -> Result<Self> {
        let prefix = place.prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
        let patience = Arc::new(Patience::new(options.retry.clone()));
        Ok(Self { store: Arc::new(open(place, options)?), prefix, patience })
    }

    /// Every object whose key begins with the prefix, as the service orders them.
    pub fn list(&self) -> BoxStream<'static, Result<BucketObject>> {
        let listing = Listing { bucket: self.clone(), page: VecDeque::new(), next: Some(None) };
        stream::unfold(listing, |mut listing| async move { Some((listing.next().await?, listing)) }).boxed()
    }

    /// Opens an object by its whole key. A stream that breaks is taken up again where it broke.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none (any more); [`Error::Permanent`] for keys with segments `.` and `..`, which
    /// the address of a request cannot hold; else by cause.
    pub async fn read(&self, key: &str) -> Result<OpenObject> {
        if key.split('/').any(|segment| matches!(segment, "." | "..")) {
            let reason = "its key has a segment `.` or `..`, which the address of a request cannot hold";
            return Err(Error::Permanent { key: key.to_owned(), source: reason.into() });
        }
        let response = self.patience.repeat(key, 0, || self.get(key, None)).await?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let size_bytes = header("content-length").and_then(|text| text.parse().ok()).ok_or_else(|| {
            let reason = "the service does not say how long the object is";
            Error::Permanent { key: key.to_owned(), source: reason.into() }
        })?;
        let named = response.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix(USER_METADATA)?.to_owned(), value.to_str().ok()?.to_owned()))
        });
        let mut metadata: Vec<(String, String)> = named.collect();
        metadata.sort();
        let (content_type, etag) = (header("content-type"), header("etag"));
        let reading = Reading {
            bucket: self.clone(),
            key: key.to_owned(),
            etag,
            size_bytes,
            source: Some(pieces(key, response)),
            at: 0,
            failures: 0,
        };
        let bytes = stream::unfold(Some(reading), |reading| async move { reading?.next().await }).boxed();
        Ok(OpenObject { size_bytes, content_type, metadata, bytes })
    }

    /// Asks for an object, from a byte on if it is still the one with that tag.
    async fn get(&self, key: &str, from: Option<(u64, &str)>) -> Result<HttpResponse> {
        let range = from.map(|(at, _)| format!("bytes={at}-"));
        let mut headers = Vec::new();
        if let (Some((_, etag)), Some(range)) = (from, &range) {
            headers = vec![("range", range.as_str()), ("if-match", etag)];
        }
        let response = Requests::new(&self.store)?.request("GET", Some(key), &[], &headers).await?;
        let wanted = if from.is_some() { 206 } else { 200 };
        if response.status().as_u16() == wanted {
            return Ok(response);
        }
        let reply = read_whole(response, key, REFUSAL_BYTES_MAX).await?;
        match reply.status {
            412 | 200 => {
                let reason = "the object was replaced while it was read";
                Err(Error::Permanent { key: key.to_owned(), source: reason.into() })
            }
            _ => Err(reply.into_error(key)),
        }
    }

    async fn page(&self, token: Option<&str>) -> Result<Page> {
        let mut query = Vec::new();
        if let Some(token) = token {
            query.push(("continuation-token", token));
        }
        query.extend([("encoding-type", "url"), ("list-type", "2"), ("prefix", self.prefix.as_str())]);
        let response = Requests::new(&self.store)?.request("GET", None, &query, &[]).await?;
        let reply = read_whole(response, "*", PAGE_BYTES_MAX).await?;
        match reply.status {
            200 => Page::parse(&reply.body),
            status => Err(Answer::new(status, &reply.body).into_error("*")),
        }
    }
}

fn pieces(key: &str, response: HttpResponse) -> BoxStream<'static, Result<Bytes>> {
    let key = key.to_owned();
    let broke =
        move |source: object_store::client::HttpError| Error::Transient { key: key.clone(), source: source.into() };
    response.into_body().bytes_stream().map(move |piece| piece.map_err(&broke)).boxed()
}

/// A listing on its way: pages, each asked for when the one before is used up.
struct Listing {
    bucket: Bucket,
    page: VecDeque<BucketObject>,
    /// The token of the next page; `Some(None)` for the first one, `None` when there are no more.
    next: Option<Option<String>>,
}

impl Listing {
    async fn next(&mut self) -> Option<Result<BucketObject>> {
        while self.page.is_empty() {
            let token = self.next.take()?;
            let ask = || self.bucket.page(token.as_deref());
            match self.bucket.patience.repeat("*", 0, ask).await {
                Ok(page) if page.next.is_some() && page.next == token => {
                    let reason = "the service lists the same page again and again";
                    return Some(Err(Error::Permanent { key: "*".to_owned(), source: reason.into() }));
                }
                Ok(page) => (self.page, self.next) = (page.objects.into(), page.next.map(Some)),
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.pop_front().map(Ok)
    }
}

/// An object on its way.
struct Reading {
    bucket: Bucket,
    key: String,
    etag: Option<String>,
    size_bytes: u64,
    source: Option<BoxStream<'static, Result<Bytes>>>,
    at: u64,
    failures: u32,
}

impl Reading {
    /// The next piece and what is left, or the error that ends it.
    async fn next(mut self) -> Option<(Result<Bytes>, Option<Self>)> {
        loop {
            let failed = match self.piece().await {
                Ok(Some(piece)) => {
                    self.at += piece.len() as u64;
                    return Some((Ok(piece), Some(self)));
                }
                Ok(None) if self.at == self.size_bytes => return None,
                Ok(None) => Error::ShortRead { key: self.key.clone(), got: self.at, expected: self.size_bytes },
                Err(error) => error,
            };
            self.source = None;
            self.failures += 1;
            if let Err(error) = self.bucket.patience.pause(self.failures, failed).await {
                return Some((Err(error), None));
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>> {
        if self.source.is_none() {
            let Some(etag) = &self.etag else {
                let reason = "it broke off, and has no tag by which the rest could be asked for";
                return Err(Error::Permanent { key: self.key.clone(), source: reason.into() });
            };
            let call = self.bucket.get(&self.key, Some((self.at, etag)));
            let response = self.bucket.patience.attempt(&self.key, 0, call).await?;
            self.source = Some(pieces(&self.key, response));
        }
        let Some(source) = &mut self.source else { return Ok(None) };
        let call = async { source.next().await.transpose() };
        self.bucket.patience.attempt(&self.key, 0, call).await
    }
}

/// One page of a listing.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    objects: Vec<BucketObject>,
    next: Option<String>,
}

impl Page {
    fn parse(body: &str) -> Result<Self> {
        let broken =
            |what: &str| Error::Permanent { key: "*".to_owned(), source: format!("the listing {what}").into() };
        let encoded = inner(body, "EncodingType").is_some_and(|kind| kind == "url");
        let mut objects = Vec::new();
        for part in body.split("<Contents>").skip(1) {
            let entry = part.split_once("</Contents>").ok_or_else(|| broken("breaks off"))?.0;
            let key = text(inner(entry, "Key").ok_or_else(|| broken("has an object without a key"))?);
            let key = if encoded { decode(&key).ok_or_else(|| broken("has a key that is no UTF-8"))? } else { key };
            let size = inner(entry, "Size").and_then(|size| size.parse().ok());
            let modified = inner(entry, "LastModified").and_then(|time| time.parse().ok());
            let (Some(size_bytes), Some(modified)) = (size, modified) else {
                return Err(broken("has an object without length or time"));
            };
            objects.push(BucketObject { key, size_bytes, modified });
        }
        let truncated = inner(body, "IsTruncated").is_some_and(|value| value == "true");
        let next = inner(body, "NextContinuationToken").map(text);
        match (truncated, next) {
            (true, None) => Err(broken("goes on, but does not say where")),
            (true, next) => Ok(Self { objects, next }),
            (false, _) => Ok(Self { objects, next: None }),
        }
    }
}

/// What is written between the first pair of tags of that name.
fn inner<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let rest = body.split_once(&format!("<{name}>"))?.1;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// Text of an XML element. References that are not known stay as they are.
fn text(xml: &str) -> String {
    let mut parts = xml.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = part.split_once(';').and_then(|(name, rest)| Some((reference(name)?, rest)));
        match known {
            Some((char, rest)) => {
                out.push(char);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

fn reference(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// A key as `encoding-type=url` writes it: percent-encoded, a space as `+`.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_page_is_read_as_it_is() {
        let entry = |key: &str| {
            format!(
                "<Contents><Key>{key}</Key><ETag>&#34;e&#34;</ETag><Size>3</Size><LastModified>2026-06-06T12:00:00.000Z</LastModified></Contents>"
            )
        };
        let page = |encoding: &str, keys: &[&str]| {
            let all: String = keys.iter().map(|key| entry(key)).collect();
            Page::parse(&format!(
                "<ListBucketResult><IsTruncated>false</IsTruncated>{encoding}{all}</ListBucketResult>"
            ))
            .unwrap()
        };
        let keys = |page: Page| page.objects.into_iter().map(|object| object.key).collect::<Vec<_>>();
        let encoded = ["a//b", "folder/", "..%2Fup", "sp+ace%2B%C3%BC", "line%0Aend", "%2525"];
        let read = keys(page("<EncodingType>url</EncodingType>", &encoded));
        assert_eq!(read, ["a//b", "folder/", "../up", "sp ace+ü", "line\nend", "%25"]);
        let plain = keys(page("", &["a+b&amp;c", "x&#xA;y", "odd&;&nope;"]));
        assert_eq!(plain, ["a+b&c", "x\ny", "odd&;&nope;"]);
    }

    #[test]
    fn a_listing_that_cannot_be_whole_is_an_error() {
        for bad in [
            "<IsTruncated>true</IsTruncated>",
            "<Contents><Key>a</Key><Size>1</Size>",
            "<Contents><Key>a</Key><Size>one</Size><LastModified>2026-06-06T12:00:00Z</LastModified></Contents>",
            "<EncodingType>url</EncodingType><Contents><Key>%FF</Key><Size>1</Size><LastModified>2026-06-06T12:00:00Z</LastModified></Contents>",
        ] {
            assert!(Page::parse(bad).is_err(), "{bad}");
        }
        let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>";
        assert_eq!(Page::parse(more).unwrap().next.as_deref(), Some("a&b"));
    }
}
