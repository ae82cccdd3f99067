//! Requests to receivers that tenants named (safety rule S29).
//!
//! A host is looked up by the guard, each address is judged, and the connection goes to a judged address. Redirects are not followed, no
//! proxy is asked, what is answered beyond its head is not read.

use crate::error::{Code, Error, Result};
use keepsake_domain::{egress, notification::Trouble};
use reqwest::{
    Url,
    dns::{Name, Resolve, Resolving},
    header::{HeaderMap, RETRY_AFTER},
    redirect, retry,
};
use std::{fmt, net::SocketAddr, time::Duration};
use url::Host;

/// No receiver puts the next attempt off by more.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    /// Why it was no success.
    pub(super) trouble: Option<Trouble>,
    /// How long the receiver wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    pub(super) const fn none(trouble: Trouble) -> Self {
        Self { status: None, trouble: Some(trouble), retry_after: None }
    }
}

/// Sends requests to addresses that may be reached, and to no others.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    allow_private: bool,
}

impl Client {
    /// A client whose requests take `timeout` at most. With `allow_private`, addresses of this machine and its networks are reached,
    /// too, and TLS is not insisted on.
    pub(super) fn new(allow_private: bool, timeout: Duration) -> Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent("keepsake")
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .dns_resolver(Guard { allow_private })
            .build()
            .map_err(|error| Error::because(Code::HomeFailed, "webhooks cannot be sent from this machine", error))?;
        Ok(Self { http, allow_private })
    }

    /// Posts `body`.
    pub(super) async fn post(&self, url: &str, headers: HeaderMap, body: String) -> Answer {
        let Ok(url) = Url::parse(url) else { return Answer::none(Trouble::Unreachable) };
        if let Some(trouble) = self.refusal(&url) {
            return Answer::none(trouble);
        }
        match self.http.post(url).headers(headers).body(body).send().await {
            Ok(response) => {
                let status = response.status();
                let trouble = match status.as_u16() {
                    200..=299 => None,
                    300..=399 => Some(Trouble::Redirected),
                    410 => Some(Trouble::Gone),
                    _ => Some(Trouble::Refused),
                };
                Answer { status: Some(status.as_u16()), trouble, retry_after: retry_after(response.headers()) }
            }
            Err(error) if is_not_public(&error) => Answer::none(Trouble::AddressNotPublic),
            Err(error) if error.is_timeout() => Answer::none(Trouble::TimedOut),
            Err(_) => Answer::none(Trouble::Unreachable),
        }
    }

    /// What can be said without looking anything up. An address in the URL is never looked up, so it is judged here.
    fn refusal(&self, url: &Url) -> Option<Trouble> {
        if self.allow_private {
            return None;
        }
        let is_public = match url.host() {
            Some(Host::Ipv4(address)) => egress::is_public(address.into()),
            Some(Host::Ipv6(address)) => egress::is_public(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if !is_public {
            return Some(Trouble::AddressNotPublic);
        }
        (url.scheme() != "https").then_some(Trouble::TlsRequired)
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// Looks hosts up, and lets no connection to one be made that has an address within.
#[derive(Debug, Clone, Copy)]
struct Guard {
    allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !allow_private && !found.iter().all(|address| egress::is_public(address.ip())) {
                return Err(NotPublic.into());
            }
            let addresses: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// A host has an address that is not of the public Internet.
#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host is not on the public Internet")
    }
}

impl std::error::Error for NotPublic {}

fn is_not_public(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn trouble(url: &str) -> Option<Trouble> {
        let client = Client::new(false, Duration::from_secs(5)).unwrap();
        client.post(url, HeaderMap::new(), String::new()).await.trouble
    }

    #[tokio::test]
    async fn s29_nothing_within_is_asked_however_it_is_named() {
        for url in [
            "https://127.0.0.1:1/",
            "https://[::1]:1/",
            "https://2130706433:1/",
            "https://0x7f.1:1/",
            "https://0/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::ffff:10.0.0.1]/",
            "https://localhost:1/",
            "https://LOCALHOST:1/",
        ] {
            assert_eq!(trouble(url).await, Some(Trouble::AddressNotPublic), "{url}");
        }
    }

    #[tokio::test]
    async fn s29_what_goes_over_the_internet_goes_over_tls() {
        assert_eq!(trouble("http://192.88.98.1/").await, Some(Trouble::TlsRequired));
        assert_eq!(trouble("http://hooks.example/").await, Some(Trouble::TlsRequired));
    }
}
