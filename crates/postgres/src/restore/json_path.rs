//! JSON paths of virtual edges, such as `data->>'guest_id'` or `data->'links'->>'guest'`: parsed strictly, since they
//! become SQL, and evaluated on captured rows as PostgreSQL evaluates them on live ones.

use crate::schema::quote_literal;

/// Deepest path that is accepted.
const MAX_STEPS: usize = 16;

/// The steps below a column; the last one yields text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<String>);

impl JsonPath {
    /// Splits `column->'a'->>'b'` into the column's name and its path. `None` for anything else.
    pub fn parse(text: &str) -> Option<(String, Self)> {
        let at = text.find("->")?;
        let (column, mut rest) = text.split_at(at);
        let column = column.trim();
        let column = match column.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => column.to_owned(),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let last = rest.starts_with("->>");
            let after = rest.strip_prefix("->>").or_else(|| rest.strip_prefix("->"))?.trim_start();
            let (step, tail) = quoted(after)?;
            steps.push(step);
            rest = tail.trim_start();
            if last != rest.is_empty() || steps.len() > MAX_STEPS {
                return None;
            }
        }
        (!column.is_empty() && !steps.is_empty()).then_some((column, Self(steps)))
    }

    /// The path over a column's SQL.
    pub fn sql(&self, column: &str) -> String {
        let last = self.0.len().saturating_sub(1);
        let mut sql = format!("({column}");
        for (index, step) in self.0.iter().enumerate() {
            sql.push_str(if index == last { "->>" } else { "->" });
            sql.push_str(quote_literal(step).trim_start());
        }
        sql.push(')');
        sql
    }

    /// The text at the path in a JSON document, `None` where SQL gives NULL.
    pub fn evaluate(&self, json: &str) -> Option<String> {
        let document: serde_json::Value = serde_json::from_str(json).ok()?;
        let mut value = &document;
        for step in &self.0 {
            value = value.as_object()?.get(step)?;
        }
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// A single-quoted text with doubled quotes inside, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut step = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        step.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                step.push('\'');
                rest = more;
            }
            None => return Some((step, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_parse_to_sql_and_evaluate_alike() {
        let (column, path) = JsonPath::parse("data->'links'->>'o''guest'").unwrap();
        assert_eq!((column.as_str(), path.sql("t.\"data\"").as_str()), ("data", "(t.\"data\"->'links'->>'o''guest')"));
        assert_eq!(path.evaluate(r#"{"links":{"o'guest":"7"}}"#).as_deref(), Some("7"));
        assert_eq!(path.evaluate(r#"{"links":{"o'guest":7}}"#).as_deref(), Some("7"));
        for none in [r#"{"links":{"o'guest":null}}"#, r#"{"links":[]}"#, "{}", "no json"] {
            assert_eq!(path.evaluate(none), None);
        }
    }

    #[test]
    fn anything_that_is_no_path_is_refused() {
        for bad in ["data", "data->'a'", "data->>a", "data->>'a'->>'b'", "data->>'a'; drop table x", "->>'a'", "data->>'a"] {
            assert_eq!(JsonPath::parse(bad), None, "{bad}");
        }
    }
}
