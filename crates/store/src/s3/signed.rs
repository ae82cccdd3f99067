//! Signed requests that `object_store` has no call for.

use super::{
    S3,
    failure::{Answer, error},
};
use crate::{Error, Key, Result};
use futures::StreamExt;
use object_store::{
    aws::AwsAuthorizer,
    client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, HttpResponse, ReqwestConnector},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the characters that signatures leave as they are.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// As [`STRICT`], and the slashes between segments.
const SEGMENTS: &AsciiSet = &STRICT.remove(b'/');
/// Answers to these requests are short.
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// One signed connection to a bucket.
pub(super) struct Requests<'a> {
    store: &'a S3,
    http: HttpClient,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) storage_class: Option<String>,
    pub(super) body: String,
}

impl Reply {
    /// The error that this is.
    pub(super) fn into_error(self, key: &str) -> Error {
        Answer::new(self.status, &self.body).into_error(key)
    }
}

impl<'a> Requests<'a> {
    pub(super) fn new(store: &'a S3) -> Result<Self> {
        let http = ReqwestConnector::default().connect(&store.http).map_err(|source| error("*", source))?;
        Ok(Self { store, http })
    }

    /// Sends `method` to an object or the bucket itself, with `query` of names and values.
    pub(super) async fn send(&self, method: &str, key: Option<&Key>, query: &[(&str, &str)]) -> Result<Reply> {
        let key = key.map(Key::as_str);
        let response = self.request(method, key, query, &[]).await?;
        read_whole(response, key.unwrap_or("*"), ANSWER_MAX_BYTES).await
    }

    /// Sends `method` to an object, whatever its name, or the bucket itself. The answer is not looked at.
    pub(super) async fn request(
        &self,
        method: &str,
        key: Option<&str>,
        query: &[(&str, &str)],
        headers: &[(&'static str, &str)],
    ) -> Result<HttpResponse> {
        let shown = key.unwrap_or("*");
        let invalid = |reason: String| Error::Invalid { reason };
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method.parse().map_err(|_| invalid(format!("{method} is no HTTP method")))?;
        for (name, value) in headers {
            let value = value.parse().map_err(|_| invalid(format!("{name} cannot have that value")))?;
            request.headers_mut().insert(*name, value);
        }
        *request.uri_mut() =
            self.url(key, query).parse().map_err(|_| invalid("the endpoint makes no URL".to_owned()))?;
        let credentials =
            self.store.client.credentials().get_credential().await.map_err(|source| error(shown, source))?;
        AwsAuthorizer::new(&credentials, "s3", &self.store.region)
            .try_authorize(&mut request, None)
            .map_err(|source| error(shown, source))?;
        self.http
            .execute(request)
            .await
            .map_err(|source| Error::Transient { key: shown.to_owned(), source: source.into() })
    }

    fn url(&self, key: Option<&str>, query: &[(&str, &str)]) -> String {
        let mut url = self.store.place.bucket_url(&self.store.region);
        url.push('/');
        if let Some(key) = key {
            url.extend(utf8_percent_encode(key, SEGMENTS));
        }
        for (position, (name, value)) in query.iter().enumerate() {
            url.push(if position == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, STRICT));
        }
        url
    }
}

/// The whole of an answer that is no longer than `bytes_max`.
pub(super) async fn read_whole(response: HttpResponse, key: &str, bytes_max: usize) -> Result<Reply> {
    let status = response.status().as_u16();
    let storage_class =
        response.headers().get("x-amz-storage-class").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    let mut pieces = response.into_body().bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|source| Error::Transient { key: key.to_owned(), source: source.into() })?;
        if body.len() + piece.len() > bytes_max {
            return Err(Error::Invalid { reason: "the service sent an answer that is far too long".to_owned() });
        }
        body.extend_from_slice(&piece);
    }
    Ok(Reply { status, storage_class, body: String::from_utf8_lossy(&body).into_owned() })
}
