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
use serde_json::Value;
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

/// How U+0000 is written in JSON, and the only way.
const NUL: &[u8] = br"\u0000";

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        // serde would take a list for what it describes, the fields in their order.
        return Err(unusable(String::new(), "send a JSON object"));
    }
    if let Some(pointer) = nul(body) {
        return Err(unusable(pointer, "it holds the character U+0000, which cannot be stored"));
    }
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

fn unusable(pointer: String, message: &str) -> Failure {
    let fault = Fault { pointer, code: "invalid".to_owned(), message: message.to_owned() };
    Failure::invalid("the body cannot be used", vec![fault])
}

/// Where a text of the body holds U+0000. PostgreSQL keeps none, and would say so only after half the work.
fn nul(body: &[u8]) -> Option<String> {
    if !body.windows(NUL.len()).any(|part| part == NUL) {
        return None;
    }
    // The backslash may be escaped itself: only reading tells. What is no JSON is refused elsewhere.
    nul_in(&serde_json::from_slice(body).ok()?)
}

fn nul_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some(format!("/{index}{}", nul_in(item)?)))
        }
        // A name that holds it is no place that could be named.
        Value::Object(fields) => fields.iter().find_map(|(name, field)| match name.contains('\0') {
            true => Some(String::new()),
            false => Some(format!("/{}{}", escaped(name), nul_in(field)?)),
        }),
        _ => None,
    }
}

/// A name in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
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
            Segment::Map { key } => escaped(key),
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
    fn a_text_that_cannot_be_stored_is_refused_at_its_place() {
        let (pointer, message) = fault(r#"{"list": [{"a/b": 1}, {"c\u0000": 2}]}"#);
        assert_eq!((pointer.as_str(), message.contains("U+0000")), ("/list/1", true), "{message}");
        let (pointer, message) = fault(r#"{"list": [], "note/s": ["x", "a\u0000b"]}"#);
        assert_eq!((pointer.as_str(), message.contains("U+0000")), ("/note~1s/1", true), "{message}");
        // What only looks like it is a backslash and a word.
        assert!(parse::<Body>(br#"{"list": [{"\\u0000": 1}]}"#).is_ok());
    }

    #[test]
    fn a_list_is_no_object() {
        for body in [r#"[[{"a": 1}]]"#, "", "null", "\"text\""] {
            assert_eq!(fault(body), (String::new(), "send a JSON object".to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_by_line_and_column() {
        assert!(fault("{").1.contains("line 1"));
        assert!(fault(r#"{"list": []} more"#).1.contains("line 1"));
    }
}
