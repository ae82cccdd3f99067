//! Ids of weddings as people write them, into the form in which the database writes them.

use super::{Error, Result};
use crate::mapping::Bound;

/// Ids asked for, without repetitions, and the same as the database writes them.
///
/// # Errors
/// [`Error::UnknownWedding`] for a text that is no value of the id's type.
pub(super) fn canonical(bound: &Bound, asked: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let kind = bound.root().comparison(&bound.root_id);
    let kind = kind.as_ref().map_or("text", |kind| kind.sql());
    let (mut kept, mut canonical) = (Vec::new(), Vec::new());
    let mut unknown = Vec::new();
    for id in asked {
        match written(id, kind) {
            Some(written) if canonical.contains(&written) => {}
            Some(written) => {
                kept.push(id.clone());
                canonical.push(written);
            }
            None => unknown.push(id.chars().take(80).collect()),
        }
    }
    if unknown.is_empty() && !kept.is_empty() {
        Ok((kept, canonical))
    } else {
        Err(Error::UnknownWedding { ids: unknown, table: bound.root().name.clone() })
    }
}

fn written(id: &str, kind: &str) -> Option<String> {
    match kind {
        "smallint" => id.trim().parse::<i16>().ok().map(|id| id.to_string()),
        "integer" => id.trim().parse::<i32>().ok().map(|id| id.to_string()),
        "bigint" => id.trim().parse::<i64>().ok().map(|id| id.to_string()),
        "uuid" => uuid::Uuid::try_parse(id.trim()).ok().map(|id| id.to_string()),
        _ => (!id.contains('\0')).then(|| id.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn ids_read_as_their_type_and_come_back_as_the_database_writes_them() {
        assert_eq!(written(" 007 ", "bigint").unwrap(), "7");
        assert_eq!(written("99999999999", "integer"), None);
        let uuid = "01890A5D-AC96-774B-BCCE-B302099A8057";
        assert_eq!(written(uuid, "uuid").unwrap(), uuid.to_lowercase());
        assert_eq!(written("x", "uuid"), None);
        assert_eq!(written(" O'Hara ", "text").unwrap(), " O'Hara ");
        assert_eq!(written("a\0", "text"), None);
    }
}
