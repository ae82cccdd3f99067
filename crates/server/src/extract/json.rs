//! A body of JSON.

use crate::failure::{Failure, Protocol};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use keepsake_api::Fault;
use serde::{Serialize, de::DeserializeOwned};
use serde_path_to_error::{Path, Segment};

/// A body that was read, or one to be written.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(Failure::protocol(Protocol::MediaTypeUnsupported).detail("send Content-Type: application/json"));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::protocol(Protocol::BodyTooLarge),
            _ => Failure::invalid("the body could not be read", Vec::new()),
        })?;
        parse(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut text = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let fault = Fault {
            pointer: pointer(error.path()),
            code: "invalid".to_owned(),
            message: without_place(&error.into_inner()),
        };
        Failure::invalid("the body cannot be used", vec![fault])
    })?;
    text.end().map_err(|error| {
        let fault = Fault { pointer: String::new(), code: "invalid".to_owned(), message: without_place(&error) };
        Failure::invalid("something follows the JSON of the body", vec![fault])
    })?;
    Ok(value)
}

/// serde's words; the line and column only where the text is no JSON, since else the pointer says it better.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.is_data() {
        true => text.rsplit_once(" at line ").map_or(text.clone(), |(words, _)| words.to_owned()),
        false => text,
    }
}

/// A JSON pointer (RFC 6901) to a place that serde names.
fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |mut pointer, segment| {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => return pointer,
        };
        pointer.push('/');
        pointer.push_str(&part);
        pointer
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "list")]
        _list: Vec<BTreeMap<String, u8>>,
    }

    fn fault(body: &str) -> (String, String) {
        let failure = parse::<Body>(body.as_bytes()).unwrap_err();
        let problem = failure.errors().first().unwrap().clone();
        (problem.pointer, problem.message)
    }

    #[test]
    fn a_fault_names_its_place() {
        let (pointer, message) = fault(r#"{"list": [{}, {"a/b~c": "x"}]}"#);
        assert_eq!(pointer, "/list/1/a~1b~0c");
        assert!(message.contains("expected u8") && !message.contains("line"), "{message}");
        let (pointer, message) = fault(r#"{"list": [], "lisp": 1}"#);
        assert_eq!(pointer, "/lisp");
        assert!(message.contains("unknown field"), "{message}");
    }

    #[test]
    fn what_is_no_json_is_told_by_line_and_column() {
        assert!(fault("{").1.contains("line 1"));
        assert!(fault(r#"{"list": []} more"#).1.contains("line 1"));
    }
}
