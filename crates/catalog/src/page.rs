//! Lists in pages, newest first: a page says where the next one begins.

use crate::{Error, Result};
use jiff::Timestamp;
use uuid::Uuid;

/// Where a page begins: after the row of this time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the last row of the page before.
    pub at: Timestamp,
    /// Its id.
    pub id: Uuid,
}

impl Cursor {
    /// The text of a page token.
    pub fn encode(&self) -> String {
        format!("{:x}.{}", self.at.as_microsecond(), self.id.simple())
    }

    /// A page token read back.
    ///
    /// # Errors
    /// [`Error::Row`] if it is none.
    pub fn decode(token: &str) -> Result<Self> {
        let bad = || Error::row("page token");
        let (at, id) = token.split_once('.').ok_or_else(bad)?;
        let at = i64::from_str_radix(at, 16).map_err(|_| bad())?;
        Ok(Self {
            at: Timestamp::from_microsecond(at).map_err(|_| bad())?,
            id: Uuid::try_parse(id).map_err(|_| bad())?,
        })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page of at most `size` rows from up to one more than that.
    pub(crate) fn cut(mut items: Vec<T>, size: usize, cursor: impl Fn(&T) -> Cursor) -> Self {
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_the_cursor_it_was() {
        let cursor = Cursor { at: "2026-06-06T12:00:00.123456Z".parse().unwrap(), id: Uuid::from_u128(7) };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        for nonsense in ["", ".", "zz.1", "1", "1.not-an-id"] {
            assert!(Cursor::decode(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_page_says_where_the_next_begins_only_if_there_is_one() {
        let cursor = |n: &i64| Cursor { at: Timestamp::from_second(*n).unwrap(), id: Uuid::from_u128(1) };
        assert_eq!(Page::cut(vec![3, 2, 1], 2, cursor).next, Some(cursor(&2)));
        assert_eq!(Page::cut(vec![3, 2], 2, cursor).next, None);
        assert_eq!(Page::cut(Vec::new(), 2, cursor).next, None);
    }
}
