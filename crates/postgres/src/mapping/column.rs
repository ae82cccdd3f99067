//! The near end of an edge: a column, or for virtual edges a path into a JSON column.

use crate::schema::{quote_ident, quote_literal};
use std::{fmt, str::FromStr};

/// Deepest JSON path.
const PATH_MAX: usize = 20;

/// A column, or a path into a JSON one. Written `guest_id` or `data->'guest'->>'id'`; a column whose own name holds `->` or
/// starts with a quote is written in double quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeColumn {
    /// The column.
    pub column: String,
    /// Object keys from the column's value to the text that is meant; empty for the column itself.
    pub path: Vec<String>,
}

impl EdgeColumn {
    /// The expression for SQL, with the table's alias. The same form as people write in an expression index, so that one serves.
    pub fn sql(&self, alias: &str) -> String {
        let mut sql = format!("{alias}.{}", quote_ident(&self.column));
        for (n, key) in self.path.iter().enumerate() {
            let arrow = if n + 1 == self.path.len() { "->>" } else { "->" };
            sql.push_str(arrow);
            sql.push_str(&quote_literal(key));
        }
        if self.path.is_empty() { sql } else { format!("({sql})") }
    }
}

impl fmt::Display for EdgeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.column.contains("->") || self.column.starts_with('"') {
            f.write_str(&quote_ident(&self.column))?;
        } else {
            f.write_str(&self.column)?;
        }
        for (n, key) in self.path.iter().enumerate() {
            let arrow = if n + 1 == self.path.len() { "->>" } else { "->" };
            write!(f, "{arrow}'{}'", key.replace('\'', "''"))?;
        }
        Ok(())
    }
}

/// A text that is neither a column nor a JSON path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a column nor a path such as data->>'guest_id' or data->'guest'->>'id'")]
pub struct InvalidEdgeColumn(String);

impl FromStr for EdgeColumn {
    type Err = InvalidEdgeColumn;

    fn from_str(text: &str) -> Result<Self, InvalidEdgeColumn> {
        parse(text).ok_or_else(|| InvalidEdgeColumn(text.chars().take(200).collect()))
    }
}

fn parse(text: &str) -> Option<EdgeColumn> {
    let (column, mut rest) = match text.strip_prefix('"') {
        Some(quoted) => take_quoted(quoted, '"')?,
        None => {
            let (column, rest) = text.split_at(text.find("->").unwrap_or(text.len()));
            (column.trim_end().to_owned(), rest)
        }
    };
    let mut path = Vec::new();
    let mut ended = false;
    rest = rest.trim();
    while !rest.is_empty() {
        if ended || path.len() == PATH_MAX {
            return None;
        }
        let after = rest.strip_prefix("->")?;
        let after = match after.strip_prefix('>') {
            Some(last) => {
                ended = true;
                last
            }
            None => after,
        };
        let (key, following) = take_quoted(after.trim_start().strip_prefix('\'')?, '\'')?;
        path.push(key);
        rest = following.trim_start();
    }
    (!column.is_empty() && ended != path.is_empty()).then_some(EdgeColumn { column, path })
}

/// What stands before the closing quote, with doubled quotes undone, and what follows it.
fn take_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut taken = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once(quote)?;
        taken.push_str(before);
        match after.strip_prefix(quote) {
            Some(escaped) => {
                taken.push(quote);
                rest = escaped;
            }
            None => return Some((taken, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_and_paths_read_and_quote() {
        let plain: EdgeColumn = "guestId".parse().unwrap();
        assert_eq!(plain.sql("t"), "t.\"guestId\"");
        let path: EdgeColumn = "data -> 'a' ->> 'it''s'".parse().unwrap();
        assert_eq!(path.path, ["a", "it's"]);
        assert_eq!(path.sql("t"), "(t.\"data\"->'a'->>'it''s')");
        for bad in ["", "data->'a'", "->>'a'", "data->>'a'->'b'", "data->>a", "data->>'a", "\"x"] {
            assert!(bad.parse::<EdgeColumn>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn edge_columns_round_trip(column in "[a-z\"' ]{0,6}[a-z>\"-]{1,6}", path in proptest::collection::vec("\\PC{1,8}", 0..4)) {
            let column = EdgeColumn { column, path };
            prop_assert_eq!(column.to_string().parse::<EdgeColumn>().unwrap(), column);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}") {
            let _any = text.parse::<EdgeColumn>();
        }
    }
}
