//! A service, and requests to it.

use super::session::Sessions;
use keepsake_api::problem::Problem;
use keepsake_app::{Code, Error, Home, Result, identity::Secret};
use rand::{TryRng as _, rngs::SysRng};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use url::{Host, Url};

/// More than any call takes; long work is watched, not waited for in a request.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The variable with an API token.
const TOKEN: &str = "KEEPSAKE_TOKEN";

/// A service at a URL.
pub struct Server {
    url: Url,
    http: reqwest::Client,
    sessions: Sessions,
    /// An API token, which goes before any session.
    token: Option<Secret>,
}

impl Server {
    /// The service at `url`. Sends nothing yet.
    ///
    /// # Errors
    /// [`Code::Usage`] if it is no URL of a service, or would carry secrets over a network in the clear.
    pub fn at(url: &str, home: &Home) -> Result<Self> {
        let unusable = |why: &str| Error::new(Code::Usage, format!("--server {url}: {why}"));
        let parsed = Url::parse(url).map_err(|_| unusable("write https://host or https://host:port"))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(unusable("log in with `keepsake login`; names and passwords have no place in it"));
        }
        match parsed.scheme() {
            "https" => {}
            "http" if is_loopback(&parsed) => {}
            "http" => return Err(unusable("passwords would cross the network in the clear: use https")),
            _ => return Err(unusable("write https://host or https://host:port")),
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("keepsake/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| Error::because(Code::HomeFailed, "this machine cannot speak to services", error))?;
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty()).map(Secret::new);
        Ok(Self { sessions: Sessions::of(home, &parsed), url: parsed, http, token })
    }

    /// Where what is known of sessions with it is kept.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Asks for something that is there.
    ///
    /// # Errors
    /// What the service says; [`Code::ServerUnreachable`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let mut url = self.place(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(|| self.http.request(Method::GET, url.clone())).await
    }

    /// Asks for something to be done. Sent twice, by whatever chance, it is done once.
    ///
    /// # Errors
    /// What the service says; [`Code::ServerUnreachable`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let (url, key) = (self.place(path)?, new_key()?);
        self.ask(|| self.http.request(Method::POST, url.clone()).header("Idempotency-Key", &key).json(body)).await
    }

    /// Asks as nobody: for a session.
    ///
    /// # Errors
    /// What the service says; [`Code::ServerUnreachable`].
    pub async fn post_unnamed<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let request = self.http.request(Method::POST, self.place(path)?).json(body);
        read(self.send(request).await?).await
    }

    /// Sends a request as whoever is logged in. An answer that is lost on the way is asked for once more.
    async fn ask<T: DeserializeOwned>(&self, request: impl Fn() -> RequestBuilder) -> Result<T> {
        let access = match &self.token {
            Some(token) => token.clone(),
            None => self.sessions.access(self).await?,
        };
        let named = || request().bearer_auth(access.expose());
        let answer = match self.send(named()).await {
            Ok(answer) => answer,
            Err(_) => self.send(named()).await?,
        };
        read(answer).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        request.send().await.map_err(|error| {
            let host = self.url.host_str().unwrap_or_default();
            Error::because(
                Code::ServerUnreachable,
                format!("no answer from the service at {host}"),
                error.without_url(),
            )
        })
    }

    fn place(&self, path: &str) -> Result<Url> {
        let base = self.url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}"))
            .map_err(|error| Error::because(Code::Usage, "no URL of the service", error))
    }
}

/// A name for one request, by which the service knows a repetition.
fn new_key() -> Result<String> {
    let mut random = [0; 16];
    let none = |error| Error::because(Code::HomeFailed, "the system gave no random bytes", error);
    SysRng.try_fill_bytes(&mut random).map_err(none)?;
    Ok(hex::encode(random))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What was answered, or why it was refused.
async fn read<T: DeserializeOwned>(answer: Response) -> Result<T> {
    let status = answer.status();
    let bytes = answer.bytes().await;
    let bytes = bytes.map_err(|error| {
        Error::because(Code::ServerUnreachable, "the answer of the service broke off", error.without_url())
    })?;
    if status.is_success() {
        // No body is as good as an empty object, for whoever wants none.
        let body = if bytes.is_empty() { b"null".as_slice() } else { &bytes };
        let strange = |error| Error::because(Code::ServerFailed, "the answer is none of this version's API", error);
        return serde_json::from_slice(body).map_err(strange);
    }
    Err(match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) => refusal(problem),
        Err(_) if status == StatusCode::BAD_GATEWAY || status == StatusCode::GATEWAY_TIMEOUT => {
            Error::new(Code::ServerUnreachable, format!("the proxy before the service answers {status}"))
        }
        Err(_) => Error::new(Code::ServerFailed, format!("it answers {status}, and not as a Keepsake service does")),
    })
}

/// A problem as an error of this program: under the same code, with what was wrong at which place.
fn refusal(problem: Problem) -> Error {
    let mut text = problem.detail;
    for fault in &problem.errors {
        text.push_str(&format!("; {}: {}", fault.pointer, fault.message));
    }
    for candidate in &problem.candidates {
        let rows: u64 = candidate.rows.values().sum();
        let kind = if candidate.is_last_clean { "clean" } else { "looks like damage" };
        text.push_str(&format!(
            "; point {} of {:.0}: {rows} rows, {kind}",
            candidate.recovery_point_id, candidate.captured_at
        ));
    }
    match Code::named(&problem.code) {
        Some(code) => Error::new(code, text),
        None => Error::new(Code::ServerFailed, format!("{text} ({}, request {})", problem.code, problem.request_id)),
    }
}
