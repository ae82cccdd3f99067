//! Ids of weddings as people write them, into the form in which the database writes them.

use super::{Error, Result};
use crate::{
    connect::{ServerError, Session},
    mapping::Bound,
    schema::quote_ident,
};
use std::collections::HashMap;
use tokio_postgres::types::Type;

/// Ids asked for, without repetitions, and the same as the database writes them.
///
/// # Errors
/// [`Error::UnknownWedding`] for a text that is no value of the id's type, [`Error::Read`] if the database cannot be asked.
pub(super) async fn canonical(
    session: &Session,
    bound: &Bound,
    asked: &[String],
) -> Result<(Vec<String>, Vec<String>)> {
    let kind = bound.root().comparison(&bound.root_id);
    let kind = kind.as_ref().map_or("text", |kind| kind.sql());
    let known = is_known(kind);
    let stored = if known { HashMap::new() } else { stored(session, bound, kind, asked).await? };
    let (mut kept, mut canonical) = (Vec::new(), Vec::new());
    let mut unknown = Vec::new();
    for id in asked {
        let written = if known { written(id, kind) } else { stored.get(id).cloned() };
        match written {
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

/// Types whose text form is known here; of others (numeric, citext, an extension's) only the database knows what is equal.
fn is_known(kind: &str) -> bool {
    matches!(kind, "smallint" | "integer" | "bigint" | "uuid" | "text")
}

async fn stored(session: &Session, bound: &Bound, kind: &str, asked: &[String]) -> Result<HashMap<String, String>> {
    let root = bound.root();
    let id = quote_ident(&bound.root_id);
    let sql = format!("SELECT r.{id}::text FROM {} r WHERE r.{id} = $1::text::{kind}", root.from_sql());
    let mut found = HashMap::new();
    for asked in asked.iter().filter(|asked| !asked.contains('\0')) {
        let row = session.client.query_typed_opt(&sql, &[(asked, Type::TEXT)]).await.map_err(ServerError::from);
        match row {
            Ok(Some(row)) => {
                found.insert(asked.clone(), row.get(0));
            }
            Ok(None) => {}
            // Not even a value of the type: no such wedding. The transaction is lost, and with it the capture.
            Err(source) if source.code().is_some_and(|code| code.code().starts_with("22")) => {
                let ids = vec![asked.chars().take(80).collect()];
                return Err(Error::UnknownWedding { ids, table: root.name.clone() });
            }
            Err(source) => return Err(Error::read("the ids of the weddings", source)),
        }
    }
    Ok(found)
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
