//! Bringing the schema up to date, and making the login roles of an installation.
//!
//! Migrations go forward only and an applied file never changes (sqlx compares checksums). Several nodes may start at once:
//! sqlx holds an advisory lock while it migrates.

use crate::{Error, Result};
use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The oldest server that runs the catalog, as `server_version_num` has it.
const OLDEST_SERVER: i32 = 150_000;

/// The names of the login roles of this installation. Roles belong to the whole server, so the database is in them.
pub(crate) struct Logins {
    pub(crate) app: String,
    pub(crate) worker: String,
}

/// Connects as the owner and brings everything up to date.
pub(crate) async fn prepare(owner: &PgConnectOptions, passwords: &[String; 2]) -> Result<(PgConnection, Logins)> {
    let mut connection = PgConnection::connect_with(owner).await?;
    let server = sqlx::query_scalar!("SELECT current_setting('server_version_num')::integer AS \"number!\"")
        .fetch_one(&mut connection)
        .await?;
    if server < OLDEST_SERVER {
        return Err(Error::OldServer { version: format!("{}.{}", server / 10_000, server % 10_000) });
    }
    MIGRATIONS.run(&mut connection).await.map_err(Error::Migrate)?;
    // The installation begins with its operator; the first admin is one of theirs.
    sqlx::query!(
        "INSERT INTO keepsake.organisations (id, name, kind, created_at) VALUES (gen_random_uuid(), 'Operator', 'operator', now())
         ON CONFLICT (kind) WHERE kind = 'operator' DO NOTHING"
    )
    .execute(&mut connection)
    .await?;
    let logins = logins(&mut connection, passwords).await?;
    Ok((connection, logins))
}

async fn logins(owner: &mut PgConnection, passwords: &[String; 2]) -> Result<Logins> {
    let database = sqlx::query!(
        "SELECT oid::text AS \"oid!\", datname::text AS \"name!\" FROM pg_catalog.pg_database WHERE datname = current_database()"
    )
    .fetch_one(&mut *owner)
    .await?;
    let logins =
        Logins { app: format!("keepsake_app_{}", database.oid), worker: format!("keepsake_worker_{}", database.oid) };
    let [app_password, worker_password] = passwords;
    for (login, group, password) in
        [(&logins.app, "keepsake_app", app_password), (&logins.worker, "keepsake_worker", worker_password)]
    {
        // Statements that take no parameters; format() quotes.
        let statements = sqlx::query_scalar!(
            r#"SELECT array[
                CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1::text) THEN format('ALTER ROLE %I LOGIN', $1)
                     ELSE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', $1) END,
                format('ALTER ROLE %I PASSWORD %L', $1, $2::text),
                format('GRANT %I TO %I', $3::text, $1),
                format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $4::text),
                format('GRANT CONNECT ON DATABASE %I TO %I', $4, $1)
            ] AS "statements!""#,
            login as &str,
            password as &str,
            group,
            database.name
        )
        .fetch_one(&mut *owner)
        .await?;
        let mut transaction = owner.begin().await?;
        // Two nodes that start together would change one role at once.
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('keepsake logins'))").execute(&mut *transaction).await?;
        for statement in statements {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *transaction).await.map_err(rights)?;
        }
        transaction.commit().await?;
    }
    Ok(logins)
}

fn rights(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) if database.code().as_deref() == Some("42501") => {
            Error::OwnerRights { what: "make the roles that the service logs in as", grant: "CREATEROLE" }
        }
        _ => error.into(),
    }
}
