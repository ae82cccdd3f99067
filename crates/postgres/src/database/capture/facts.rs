//! Facts of the database itself and of the cluster around it, which the definitions leave out.

use super::super::{Database, Error, Privilege, Result, Setting};
use crate::connect::Session;

/// The database's own properties.
pub(super) async fn database(session: &Session) -> Result<Database> {
    let what = "read the database's properties";
    let sql = "SELECT datname::text, pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, \
                      shobj_description(oid, 'pg_database'), datacl IS NOT NULL, \
                      EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public') \
               FROM pg_database WHERE datname = current_database()";
    let row = session.client.query_one(sql, &[]).await.map_err(Error::server(what))?;
    let changed: bool = row.try_get(5).map_err(Error::server(what))?;
    let bad = |error| Error::server(what)(error);
    Ok(Database {
        name: row.try_get(0).map_err(bad)?,
        encoding: row.try_get(1).map_err(bad)?,
        collate: row.try_get(2).map_err(bad)?,
        ctype: row.try_get(3).map_err(bad)?,
        comment: row.try_get(4).map_err(bad)?,
        settings: settings(session).await?,
        privileges: if changed { Some(privileges(session).await?) } else { None },
        public_schema: row.try_get(6).map_err(bad)?,
    })
}

async fn settings(session: &Session) -> Result<Vec<Setting>> {
    let what = "read the database's settings";
    let sql = "SELECT r.rolname::text, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) \
               FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
               LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) c \
               WHERE d.datname = current_database() ORDER BY 1 NULLS FIRST, 2";
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    let setting = |row: &tokio_postgres::Row| {
        Ok(Setting { role: row.try_get(0)?, name: row.try_get(1)?, value: row.try_get(2)? })
    };
    rows.iter().map(|row| setting(row).map_err(Error::server(what))).collect()
}

async fn privileges(session: &Session) -> Result<Vec<Privilege>> {
    let what = "read the database's privileges";
    let sql = "SELECT r.rolname::text, a.privilege_type::text, a.is_grantable \
               FROM pg_database d CROSS JOIN aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
               WHERE d.datname = current_database() ORDER BY 1 NULLS FIRST, 2";
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    let privilege = |row: &tokio_postgres::Row| {
        Ok(Privilege { role: row.try_get(0)?, privilege: row.try_get(1)?, grantable: row.try_get(2)? })
    };
    rows.iter().map(|row| privilege(row).map_err(Error::server(what))).collect()
}

/// Roles that a restore needs. Those that the server was initialised with leave no trace in `pg_shdepend`, so owners and
/// privileges of the commonest objects are read as well.
pub(super) async fn roles(session: &Session) -> Result<Vec<String>> {
    names(session, "read the roles that own objects", ROLES).await
}

/// Roles that policies and user mappings name.
pub(super) async fn needed_roles(session: &Session) -> Result<Vec<String>> {
    names(session, "read the roles of policies", NEEDED_ROLES).await
}

async fn names(session: &Session, what: &str, sql: &str) -> Result<Vec<String>> {
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    rows.iter().map(|row| row.try_get(0).map_err(Error::server(what))).collect()
}

const NEEDED_ROLES: &str = "
SELECT r.rolname::text FROM pg_roles r
WHERE r.oid IN (SELECT unnest(polroles) FROM pg_policy UNION SELECT umuser FROM pg_user_mappings) ORDER BY 1";

const ROLES: &str = "
WITH mine AS (SELECT oid, datacl, datdba FROM pg_database WHERE datname = current_database()),
used (oid) AS (
  SELECT refobjid FROM pg_shdepend, mine WHERE refclassid = 'pg_authid'::regclass AND dbid = mine.oid
  UNION SELECT relowner FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'
  UNION SELECT nspowner FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
  UNION SELECT proowner FROM pg_proc WHERE oid >= 16384
  UNION SELECT typowner FROM pg_type WHERE oid >= 16384 AND typtype <> 'c' AND typcategory <> 'A'
  UNION SELECT lomowner FROM pg_largeobject_metadata
  UNION SELECT (aclexplode(relacl)).grantee FROM pg_class WHERE oid >= 16384 AND relacl IS NOT NULL
  UNION SELECT (aclexplode(nspacl)).grantee FROM pg_namespace WHERE nspacl IS NOT NULL AND nspname !~ '^pg_'
        AND nspname <> 'information_schema'
  UNION SELECT (aclexplode(proacl)).grantee FROM pg_proc WHERE oid >= 16384 AND proacl IS NOT NULL
  UNION SELECT setrole FROM pg_db_role_setting s, mine WHERE s.setdatabase = mine.oid)
SELECT r.rolname::text FROM used JOIN pg_roles r USING (oid) ORDER BY 1";

/// Subscriptions of this database: oid and name.
pub(super) async fn subscriptions(session: &Session) -> Result<Vec<(u32, String)>> {
    let what = "list the subscriptions";
    let sql = "SELECT s.oid, s.subname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid \
               WHERE d.datname = current_database() ORDER BY 2";
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    let pair = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(|row| pair(row).map_err(Error::server(what))).collect()
}

/// User mappings whose options this role may not see, so that `pg_dump` writes them without: how many.
pub(super) async fn hidden_user_mappings(session: &Session) -> Result<i64> {
    if session.superuser {
        return Ok(0);
    }
    let sql = "SELECT count(*) FROM pg_user_mappings WHERE umoptions IS NULL";
    let what = "read the user mappings";
    let row = session.client.query_one(sql, &[]).await.map_err(Error::server(what))?;
    row.try_get(0).map_err(Error::server(what))
}
