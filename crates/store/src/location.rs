//! Where a store is: the URL that people write, parsed.
//!
//! A URL names a place and never a secret: credentials in it would end up in process lists, shell histories and logs, so
//! such a URL is refused, without repeating it.

use crate::{Error, Key, Result};
use percent_encoding::percent_decode_str;
use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};
use url::Url;

/// The place of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder: `file:///srv/backups`.
    Local {
        /// Absolute.
        path: PathBuf,
    },
    /// A bucket of S3 or a compatible service, or a prefix in one: `s3://bucket/prefix`.
    S3(S3Location),
    /// Nowhere, for tests: `memory:`.
    Memory,
}

/// A bucket, or a prefix in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// What all names in it start with.
    pub prefix: Option<Key>,
    /// The service, `?endpoint=https://...`; AWS itself if absent.
    pub endpoint: Option<Url>,
    /// `?region=`; from the environment or the profile if absent, else `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket is the first part of the path rather than of the host name: `?path_style=`, by default true
    /// exactly with an endpoint of one's own.
    pub path_style: bool,
    /// Unencrypted HTTP was asked for: `?allow_http=true`. Not needed for the machine itself.
    pub allow_http: bool,
}

const S3_SETTINGS: &str = "endpoint, region, path_style, allow_http";

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once(':') else { return Err(plain_path(text)) };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "memory" => Err(invalid("a store in memory has no name: write memory:")),
            "file" => local(text, rest),
            "s3" => s3(text).map(Self::S3),
            "az" | "azure" | "abfs" => Err(later("Azure Blob Storage")),
            "gs" | "gcs" => Err(later("Google Cloud Storage")),
            "http" | "https" => Err(invalid(
                "a store is not named by its web address: write s3://bucket/prefix?endpoint=https://host for a service compatible with S3",
            )),
            _ if scheme.contains('/') => Err(plain_path(text)),
            _ => Err(invalid("this kind of storage is not known: write file:///folder or s3://bucket/prefix")),
        }
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::Invalid { reason: reason.into() }
}

fn later(service: &str) -> Error {
    invalid(format!(
        "{service} comes in a later version: use file:///folder or s3://bucket/prefix (with endpoint= for services compatible with S3)"
    ))
}

fn plain_path(text: &str) -> Error {
    match Url::from_file_path(text) {
        Ok(url) => invalid(format!("a folder is named by a URL: write {url}")),
        Err(()) => invalid("a folder is named by a URL with its whole path: write file:///absolute/path/to/folder"),
    }
}

fn local(text: &str, rest: &str) -> Result<Location> {
    // `Url` would read file:backups and file://backups as /backups or as a host.
    if !rest.starts_with("///") {
        return Err(invalid("file: needs three slashes and the whole path: write file:///absolute/path/to/folder"));
    }
    let url = Url::parse(text).map_err(|error| invalid(format!("the file URL cannot be read ({error})")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("a file URL takes no settings: write ? as %3F and # as %23 if they belong to the path"));
    }
    let path = url.to_file_path().map_err(|()| invalid("the file URL names no path"))?;
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(invalid("the file URL names no path: nothing is called by %00"));
    }
    Ok(Location::Local { path })
}

fn s3(text: &str) -> Result<S3Location> {
    let url = Url::parse(text).map_err(|error| invalid(format!("the S3 URL cannot be read ({error})")))?;
    refuse_credentials(&url)?;
    if url.port().is_some() {
        return Err(invalid("s3:// is followed by the bucket: name the server as ?endpoint=https://host:port"));
    }
    if url.fragment().is_some() {
        return Err(invalid("an S3 URL has no # part: write it as %23 if it belongs to the prefix"));
    }
    let mut location = S3Location {
        bucket: bucket(url.host_str().unwrap_or_default())?,
        prefix: prefix(url.path())?,
        endpoint: None,
        region: None,
        path_style: false,
        allow_http: false,
    };
    let mut path_style = None;
    for (name, value) in url.query_pairs() {
        match &*name {
            "endpoint" => location.endpoint = Some(endpoint(&value)?),
            "region" => location.region = Some(region(&value)?),
            "path_style" => path_style = Some(flag("path_style", &value)?),
            "allow_http" => location.allow_http = flag("allow_http", &value)?,
            _ if is_secret(&name) => return Err(no_credentials()),
            _ => return Err(invalid(format!("an S3 URL has an unknown setting: known are {S3_SETTINGS}"))),
        }
    }
    location.path_style = path_style.unwrap_or(location.endpoint.is_some());
    if let Some(endpoint) = &location.endpoint
        && endpoint.scheme() == "http"
        && !location.allow_http
        && !is_loopback(endpoint)
    {
        return Err(invalid(
            "the endpoint is not encrypted: use https://, or add &allow_http=true if the network is safe",
        ));
    }
    Ok(location)
}

fn refuse_credentials(url: &Url) -> Result<()> {
    if url.username().is_empty() && url.password().is_none() { Ok(()) } else { Err(no_credentials()) }
}

fn no_credentials() -> Error {
    invalid(
        "credentials do not belong into a storage URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with ~/.aws/credentials",
    )
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "secret", "token", "password", "credential", "signature"].iter().any(|word| name.contains(word))
}

fn bucket(host: &str) -> Result<String> {
    let valid = (3..=255).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if valid { Ok(host.to_owned()) } else { Err(invalid("an S3 URL names a bucket: write s3://bucket/prefix")) }
}

fn prefix(path: &str) -> Result<Option<Key>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(None);
    }
    let decoded =
        percent_decode_str(path).decode_utf8().map_err(|_| invalid("the prefix in the S3 URL is not UTF-8"))?;
    Key::parse(decoded).map(Some).map_err(|error| invalid(format!("the prefix in the S3 URL: {error}")))
}

fn endpoint(value: &str) -> Result<Url> {
    let mut url = Url::parse(value).map_err(|_| invalid("the endpoint is not a URL: write endpoint=https://host"))?;
    refuse_credentials(&url)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(invalid("the endpoint starts with https:// (or http:// on this machine)"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("the endpoint is a host and port, without ? and #"));
    }
    // One service has one spelling, so that locations can be compared.
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn region(value: &str) -> Result<String> {
    let valid = !value.is_empty()
        && value.len() <= 64
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if valid { Ok(value.to_owned()) } else { Err(invalid("the region is a word such as eu-central-1")) }
}

fn flag(name: &str, value: &str) -> Result<bool> {
    match value {
        "" | "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(invalid(format!("{name} is true or false"))),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

impl S3Location {
    /// The root of the service: the endpoint without a slash at its end, or AWS's own for `region`.
    pub(crate) fn service(&self, region: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://s3.{region}.amazonaws.com"),
        }
    }

    /// The bucket's own URL.
    pub(crate) fn bucket_url(&self, region: &str) -> String {
        let service = self.service(region);
        match service.split_once("://") {
            Some((scheme, host)) if !self.path_style => format!("{scheme}://{}.{host}", self.bucket),
            _ => format!("{service}/{}", self.bucket),
        }
    }
}

impl Location {
    /// What stock restic calls this place, for `RESTIC_REPOSITORY`, with `below` a path in it; `None` for memory.
    pub fn restic_repository(&self, below: &Key) -> Option<String> {
        match self {
            Self::Local { path } => Some(path.join(below.as_str()).display().to_string()),
            Self::S3(s3) => {
                let key = s3.prefix.as_ref().map_or_else(|| below.clone(), |prefix| below.under(prefix));
                let service = s3.service(s3.region.as_deref().unwrap_or("us-east-1"));
                Some(format!("s3:{service}/{}/{key}", s3.bucket))
            }
            Self::Memory => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { path } => match Url::from_file_path(path) {
                Ok(url) => write!(f, "{url}"),
                Err(()) => write!(f, "{}", path.display()),
            },
            Self::S3(s3) => write!(f, "{s3}"),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

/// The shortest URL that parses back to the same location.
impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(mut url) = Url::parse(&format!("s3://{}", self.bucket)) else { return Err(fmt::Error) };
        if let Some(prefix) = &self.prefix {
            url.set_path(&prefix.as_str().replace('%', "%25"));
        }
        let mut settings: Vec<(&str, &str)> = Vec::new();
        let endpoint = self.endpoint.as_ref().map(|endpoint| endpoint.as_str().trim_end_matches('/'));
        settings.extend(endpoint.map(|endpoint| ("endpoint", endpoint)));
        settings.extend(self.region.as_deref().map(|region| ("region", region)));
        if self.path_style != self.endpoint.is_some() {
            settings.push(("path_style", if self.path_style { "true" } else { "false" }));
        }
        if self.allow_http {
            settings.push(("allow_http", "true"));
        }
        if !settings.is_empty() {
            url.query_pairs_mut().extend_pairs(settings);
        }
        write!(f, "{url}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Location {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<Location>().unwrap_err().to_string()
    }

    #[test]
    fn a_folder_is_an_absolute_file_url() {
        assert_eq!(parse("file:///srv/back%20ups"), Location::Local { path: "/srv/back ups".into() });
        for other in ["file:srv", "file://srv/backups", "file:/srv"] {
            assert!(refusal(other).contains("file:///absolute"), "{other}");
        }
        assert!(refusal("file:///srv?x=1").contains("no settings"));
        assert!(refusal("file:///srv/back%00ups").contains("%00"));
    }

    #[test]
    fn a_plain_path_is_answered_with_the_url_to_write() {
        assert!(refusal("/srv/back ups").contains("write file:///srv/back%20ups"));
        assert!(refusal("backups").contains("file:///absolute"));
        assert!(refusal("./a:b").contains("file:///absolute"));
    }

    #[test]
    fn a_bucket_has_a_prefix_and_settings() {
        let Location::S3(s3) =
            parse("s3://weddings/a/b%20c/?endpoint=https://s3.example.org:9000/&region=eu-1&allow_http")
        else {
            panic!("an S3 location")
        };
        assert_eq!(s3.bucket, "weddings");
        assert_eq!(s3.prefix, Some(Key::parse("a/b c").unwrap()));
        assert_eq!(s3.region.as_deref(), Some("eu-1"));
        assert!(s3.path_style && s3.allow_http);
        assert_eq!(s3.bucket_url("eu-1"), "https://s3.example.org:9000/weddings");
        let Location::S3(aws) = parse("s3://weddings") else { panic!("an S3 location") };
        assert!(!aws.path_style && aws.prefix.is_none());
        assert_eq!(aws.bucket_url("eu-central-1"), "https://weddings.s3.eu-central-1.amazonaws.com");
        let Location::S3(hosted) = parse("s3://weddings?endpoint=https://h.example&path_style=false") else {
            panic!("an S3 location")
        };
        assert_eq!(hosted.bucket_url("x"), "https://weddings.h.example");
    }

    #[test]
    fn a_location_prints_as_a_url_that_parses_back() {
        for text in [
            "memory:",
            "file:///srv/backups",
            "s3://weddings",
            "s3://weddings/a/b%20c%25d",
            "s3://weddings/p?endpoint=http%3A%2F%2F127.0.0.1%3A8333&region=eu-1",
            "s3://weddings?endpoint=http%3A%2F%2Fnas&path_style=false&allow_http=true",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        let slashed = parse("s3://weddings?endpoint=https://nas/s3//");
        assert_eq!(slashed, parse("s3://weddings?endpoint=https://nas/s3"), "a slash at the end says nothing");
        assert_eq!(parse(&slashed.to_string()), slashed);
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        for text in [
            "s3://AKIA123:hunter2@weddings",
            "s3://weddings?secret_access_key=hunter2",
            "s3://weddings?X-Amz-Signature=hunter2",
            "s3://weddings?endpoint=https://me:hunter2@host",
        ] {
            let message = refusal(text);
            assert!(message.contains("AWS_SECRET_ACCESS_KEY") && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn unencrypted_endpoints_are_for_this_machine_or_on_demand() {
        for fine in ["http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1", "https://far.example"] {
            parse(&format!("s3://weddings?endpoint={fine}"));
        }
        assert!(refusal("s3://weddings?endpoint=http://far.example").contains("allow_http=true"));
        parse("s3://weddings?endpoint=http://far.example&allow_http=true");
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refusal("az://x").contains("later version"));
        assert!(refusal("gs://x").contains("later version"));
        assert!(refusal("ftp://x").contains("not known"));
        assert!(refusal("https://host/bucket").contains("endpoint="));
        assert!(refusal("memory:x").contains("memory:"));
        assert!(refusal("s3://").contains("bucket"));
        assert!(refusal("s3://b").contains("bucket"));
        assert!(refusal("s3://weddings:9000/x").contains("endpoint"));
        assert!(refusal("s3://weddings/a//b").contains("segments"));
        assert!(refusal("s3://weddings/%ff").contains("UTF-8"));
        assert!(refusal("s3://weddings#x").contains("%23"));
        assert!(refusal("s3://weddings?colour=blue").contains("region, path_style"));
        assert!(refusal("s3://weddings?path_style=perhaps").contains("true or false"));
        assert!(refusal("s3://weddings?region=").contains("eu-central-1"));
        assert!(refusal("s3://weddings?endpoint=host").contains("https://"));
        assert!(refusal("s3://weddings?endpoint=ftp://host").contains("https://"));
        assert!(refusal("s3://weddings?endpoint=https://host/?a=b").contains("without ?"));
    }

    #[test]
    fn restic_gets_its_own_name_for_the_place() {
        let below = Key::parse("vaults/1").unwrap();
        assert_eq!(parse("file:///srv").restic_repository(&below).unwrap(), "/srv/vaults/1");
        assert_eq!(
            parse("s3://weddings/p?endpoint=http://127.0.0.1:8333").restic_repository(&below).unwrap(),
            "s3:http://127.0.0.1:8333/weddings/p/vaults/1"
        );
        assert_eq!(
            parse("s3://weddings").restic_repository(&below).unwrap(),
            "s3:https://s3.us-east-1.amazonaws.com/weddings/vaults/1"
        );
        assert_eq!(Location::Memory.restic_repository(&below), None);
    }
}
