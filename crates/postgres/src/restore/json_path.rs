//! JSON paths of virtual edges, evaluated on captured rows as PostgreSQL evaluates them on live ones.

/// The text at `path` (object keys) in a JSON document, as `->` and `->>` find it; `None` where SQL gives NULL.
pub(crate) fn evaluate(path: &[String], json: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(json).ok()?;
    let mut value = &document;
    for step in path {
        value = value.as_object()?.get(step)?;
    }
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_evaluate_as_in_sql() {
        let path = ["links".to_owned(), "o'guest".to_owned()];
        assert_eq!(evaluate(&path, r#"{"links":{"o'guest":"7"}}"#).as_deref(), Some("7"));
        assert_eq!(evaluate(&path, r#"{"links":{"o'guest":7}}"#).as_deref(), Some("7"));
        for none in [r#"{"links":{"o'guest":null}}"#, r#"{"links":[]}"#, "{}", "no json"] {
            assert_eq!(evaluate(&path, none), None);
        }
    }
}
