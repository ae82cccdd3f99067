//! Checking an installation: programs, keys, permissions, storage, the rights of a role.

use crate::{
    context::Context,
    error::{Code, Error},
    home::Home,
    install, mapping, source,
    storage::Storage,
};
use keepsake_postgres::{cluster::Programs, connect::Purpose};
use serde::Serialize;

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub state: State,
    /// What was found, and what to do about it.
    pub found: String,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Pass,
    /// It works, with something to know.
    Warn,
    /// It does not work.
    Fail,
}

fn check(what: &str, state: State, found: impl Into<String>) -> Check {
    Check { what: what.to_owned(), state, found: found.into() }
}

/// The machine and the master key.
pub fn installation(home: &Home) -> Vec<Check> {
    let key = match install::load_master_key(home) {
        Ok(key) => check("master key", State::Pass, format!("{} (id {})", home.master_key().display(), key.id())),
        Err(error) => check("master key", State::Fail, error.chain()),
    };
    let programs = match Programs::find() {
        Ok(programs) => {
            let bin = programs.path("pg_dump");
            match bin.is_file() {
                true => check("PostgreSQL programs", State::Pass, bin.display().to_string()),
                false => check(
                    "PostgreSQL programs",
                    State::Warn,
                    "pg_dump is missing: `backup database` and `restore database` need it (package postgresql-client)",
                ),
            }
        }
        Err(error) => {
            check("PostgreSQL programs", State::Warn, format!("{error}; only whole databases and the demo need them"))
        }
    };
    vec![key, programs]
}

/// A storage location: writes, reads back, deletes.
pub async fn storage(context: &Context, url: &str) -> Vec<Check> {
    let probed = async { Storage::open(context, url)?.capabilities().await };
    match probed.await {
        Ok(found) => {
            let create = match found.conditional_create {
                true => check("create-only puts", State::Pass, "a second put of one name is refused"),
                false => check(
                    "create-only puts",
                    State::Fail,
                    "the store overwrites objects that exist: vaults cannot be created on it without a catalog",
                ),
            };
            let lock = if found.object_lock { "Object Lock is available" } else { "no Object Lock" };
            vec![
                check("storage", State::Pass, "written, read back and deleted"),
                create,
                check("immutability", State::Pass, lock),
            ]
        }
        Err(error) => vec![check("storage", State::Fail, error.chain())],
    }
}

/// A database and the rights of its role.
pub async fn source(spec: &str, warn: &dyn Fn(&str)) -> Vec<Check> {
    let dsn = match source::resolve(spec, warn) {
        Ok(dsn) => dsn,
        Err(error) => return vec![check("connection string", State::Fail, error.chain())],
    };
    let session = match source::open(&dsn, Purpose::Inspect).await {
        Ok(session) => session,
        Err(error) => return vec![check("connection", State::Fail, error.chain())],
    };
    let version = session.server_version;
    let mut checks =
        vec![check("connection", State::Pass, format!("PostgreSQL {}.{}", version / 10_000, version % 10_000))];
    checks.push(match source::identity(&session, None).await {
        Ok(_) => check("identity", State::Pass, "the cluster says its own id"),
        Err(error) => check("identity", State::Warn, error.chain()),
    });
    drop(session);
    match mapping::propose(&dsn).await {
        Ok(inspection) => {
            let report = &inspection.report;
            checks.push(check(
                "inspection",
                if report.questions.is_empty() { State::Pass } else { State::Warn },
                format!(
                    "weddings are rows of {}; {} % sure, {} open questions",
                    report.mapping.wedding.table,
                    report.confidence,
                    report.questions.len()
                ),
            ));
            checks.extend(report.warnings.iter().map(|warning| check("database", State::Warn, warning)));
            let missing = report.missing_indexes.iter();
            checks.extend(missing.map(|index| check("missing index", State::Warn, &index.statement)));
        }
        Err(error) => checks.push(check("inspection", State::Warn, error.chain())),
    }
    checks
}

/// The error for checks of which one failed.
pub fn failure(checks: &[Check]) -> Option<Error> {
    let failed: Vec<&str> =
        checks.iter().filter(|check| check.state == State::Fail).map(|check| check.what.as_str()).collect();
    (!failed.is_empty()).then(|| Error::new(Code::HomeFailed, format!("not in order: {}", failed.join(", "))))
}
