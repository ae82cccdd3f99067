//! What comes last: sequences, settings of the database, statistics that need the indexes, remarks.

use super::super::{Database, Error, Manifest, Ownership, Privilege, Result, Sequence, Setting};
use crate::{
    capture::Issue,
    connect::Session,
    schema::{TableName, quote_ident, quote_literal},
};

/// Sequences set by one statement.
const AT_A_TIME: usize = 200;

/// Settings whose value is a list of names, stored ready quoted: quoting it again would make one name of it.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Sets all sequences and reads them back.
pub(super) async fn sequences(session: &Session, all: &[Sequence]) -> Result<()> {
    let what = "set the sequences";
    for some in all.chunks(AT_A_TIME) {
        let set: Vec<String> = some
            .iter()
            .map(|s| format!("setval({}, {}, {})", quote_literal(&s.name.sql()), s.last_value, s.is_called))
            .collect();
        let sql = format!("SELECT {}", set.join(", "));
        session.client.batch_execute(&sql).await.map_err(Error::server(what))?;
        let read: Vec<String> = some
            .iter()
            .map(|s| {
                let (value, called) = (s.last_value, s.is_called);
                format!("SELECT last_value = {value} AND is_called = {called} AS same FROM {}", s.name.sql())
            })
            .collect();
        let sql = format!("SELECT bool_and(same) FROM ({}) s", read.join(" UNION ALL "));
        let row = session.client.query_one(&sql, &[]).await.map_err(Error::server(what))?;
        if !row.try_get::<_, bool>(0).map_err(Error::server(what))? {
            let (table, rows) = ("a sequence".to_owned(), u64::try_from(some.len()).unwrap_or(0));
            return Err(Error::Mismatch { table, expected_rows: rows, found_rows: rows });
        }
    }
    Ok(())
}

/// Gathers statistics of what only now has something to gather of: indexes on expressions, extended statistics,
/// materialized views.
pub(super) async fn statistics(session: &Session) -> Result<()> {
    let what = "find what still lacks statistics";
    let sql = "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.oid >= 16384 AND n.nspname !~ '^pg_' AND (c.relkind = 'm' AND c.relispopulated \
                     OR c.oid IN (SELECT indrelid FROM pg_index WHERE indexprs IS NOT NULL) \
                     OR c.oid IN (SELECT stxrelid FROM pg_statistic_ext))";
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    for row in &rows {
        let read = || Ok(TableName { schema: row.try_get(0)?, table: row.try_get(1)? });
        super::tables::analyze(session, &read().map_err(Error::server(what))?).await?;
    }
    Ok(())
}

/// Gives the database its comment, settings and privileges; what this role may not do is named instead.
pub(super) async fn properties(session: &Session, wanted: &Database, ownership: Ownership) -> Result<Vec<Issue>> {
    let what = "read the target's name";
    let row = session.client.query_one("SELECT current_database()::text", &[]).await.map_err(Error::server(what))?;
    let name: String = row.try_get(0).map_err(Error::server(what))?;
    let database = format!("DATABASE {}", quote_ident(&name));
    let mut statements = Vec::new();
    if let Some(comment) = &wanted.comment {
        statements.push(("comment".to_owned(), format!("COMMENT ON {database} IS {}", quote_literal(comment))));
    }
    for setting in &wanted.settings {
        if setting.role.is_none() || ownership == Ownership::Keep {
            statements.push((format!("setting {}", setting.name), set(setting, &database)));
        }
    }
    if let (Some(privileges), Ownership::Keep) = (&wanted.privileges, ownership) {
        let mut sql = format!("REVOKE ALL ON {database} FROM PUBLIC;");
        for privilege in privileges {
            sql.push_str(&grant(privilege, &database));
        }
        statements.push(("privileges".to_owned(), sql));
    }
    let mut notes = Vec::new();
    for (subject, sql) in statements {
        if let Err(error) = session.client.batch_execute(&sql).await {
            let error = crate::connect::ServerError::from(error);
            if error.connection_lost() {
                return Err(Error::from_server("set the database's properties".to_owned(), error));
            }
            notes.push(Issue {
                code: "database-property".to_owned(),
                subject,
                message: format!("of the database itself could not be set: {error}"),
            });
        }
    }
    Ok(notes)
}

fn set(setting: &Setting, database: &str) -> String {
    let whose = match &setting.role {
        Some(role) => format!("ROLE {} IN {database}", quote_ident(role)),
        None => database.to_owned(),
    };
    let value = match LISTS.contains(&setting.name.to_lowercase().as_str()) {
        true if !setting.value.is_empty() => setting.value.clone(),
        _ => quote_literal(&setting.value),
    };
    let name: Vec<String> = setting.name.split('.').map(quote_ident).collect();
    format!("ALTER {whose} SET {} TO {value}", name.join("."))
}

/// `GRANT`, with its semicolon.
pub(super) fn grant(privilege: &Privilege, on: &str) -> String {
    // The word comes from the capture's file: nothing but letters can be a privilege.
    let word: String = privilege.privilege.chars().filter(|c| c.is_ascii_alphabetic()).collect();
    let role = privilege.role.as_deref().map_or("PUBLIC".to_owned(), quote_ident);
    let option = if privilege.grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {word} ON {on} TO {role}{option};")
}

/// What is not as it was in the source, by design.
pub(super) fn remarks(manifest: &Manifest, ownership: Ownership) -> Vec<Issue> {
    let remark = |code: &str, subject: String, message: &str| Issue {
        code: code.to_owned(),
        subject,
        message: message.to_owned(),
    };
    let mut notes: Vec<Issue> = manifest.issues.iter().filter(|issue| issue.code == "not-carried").cloned().collect();
    for name in &manifest.subscriptions {
        let text = "restored without connecting: check its slot at the publisher, then ALTER SUBSCRIPTION ... ENABLE";
        notes.push(remark("subscription", name.clone(), text));
    }
    for name in &manifest.materialized_views {
        notes.push(remark("materialized-view", name.to_string(), "filled anew if it was filled, not compared"));
    }
    if ownership == Ownership::Skip {
        let text = "everything belongs to the restoring role; privileges were left out";
        notes.push(remark("ownership", manifest.database.name.clone(), text));
    }
    notes
}
