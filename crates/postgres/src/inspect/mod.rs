//! Proposes a mapping for a schema never seen before: the root, what each of its columns means, what hangs on it, each foreign
//! key as *owns* or *refers* with the reason, groups, and columns that name files.
//!
//! [`inspect`] reads the catalog and bounded samples; the proposal itself is a pure function of both, so that an answer to an
//! open question ([`Inspection::answer`]) gives a new one at once. Names are understood in English. What is not certain is
//! written as `assumed-owns` or `assumed-refers` with its evidence, which counts and never quotes values: no personal data
//! leaves the database. Asking a person, and writing the file, is left to the program.

mod decide;
mod evidence;
mod files;
mod group;
mod indexes;
mod names;
mod propose;
mod report;
mod root;
mod sample;
mod virtuals;

use crate::schema::{self, Schema, TableName};
pub use evidence::{ColumnSample, Evidence};
pub use indexes::MissingIndex;
pub use report::{Inspection, Question, Report};
pub use root::Candidate;
use tokio_postgres::Client;

/// How to inspect.
#[derive(Debug, Clone)]
pub struct Options {
    /// The root, if a person named it.
    pub root: Option<TableName>,
    /// Rows sampled of each table.
    pub sample_rows: u32,
    /// Longest time for one sample, milliseconds; one that takes longer is left out.
    pub sample_timeout_ms: u32,
    /// Tables sampled at most.
    pub samples_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { root: None, sample_rows: 500, sample_timeout_ms: 2_000, samples_max: 300 }
    }
}

/// Why nothing could be proposed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog could not be read.
    #[error(transparent)]
    Schema(#[from] schema::Error),
    /// The session could not be prepared.
    #[error(
        "could not prepare the session for inspecting; check that the connection is up and not a transaction pooler"
    )]
    Session(#[source] tokio_postgres::Error),
    /// No table looks like weddings.
    #[error(
        "no table looks like weddings; write a mapping by hand, or name the root table (looked at {tables} tables)"
    )]
    NoRoot {
        /// How many tables there are.
        tables: usize,
    },
    /// The table named as root does not exist or has no column that could name a wedding.
    #[error("{0} cannot be the root: it does not exist, is a partition, or has neither primary key nor unique column")]
    UnfitRoot(TableName),
}

/// Inspects a database in one read-only transaction of its own.
///
/// # Errors
/// [`Error`]. Samples that the role may not read, or that take too long, are no errors but warnings of the report.
pub async fn inspect(client: &mut Client, options: &Options) -> Result<Inspection, Error> {
    let transaction = client
        .build_transaction()
        .read_only(true)
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .start()
        .await
        .map_err(Error::Session)?;
    let settings = format!(
        "SET LOCAL search_path = ''; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = 1000; \
         SET LOCAL synchronize_seqscans = off",
        options.sample_timeout_ms
    );
    let schema = schema::read(&transaction).await?;
    transaction.batch_execute(&settings).await.map_err(Error::Session)?;
    // Once by names alone, to know what to sample; then with what the samples say.
    let first = propose::propose(&schema, &Evidence::default(), &evidence::Answers::default(), options)?;
    let mut evidence = sample::gather(&transaction, &schema, &first, options).await.map_err(Error::Session)?;
    let second = propose::propose(&schema, &evidence, &evidence::Answers::default(), options)?;
    if let Ok(bound) = second.mapping.bind(&schema) {
        evidence = sample::dispute(&transaction, &bound, evidence, options).await.map_err(Error::Session)?;
    }
    transaction.rollback().await.map_err(Error::Session)?;
    Inspection::new(schema, evidence, options.clone())
}

/// Proposes a mapping by names, types and keys alone.
///
/// # Errors
/// [`Error::NoRoot`] or [`Error::UnfitRoot`].
pub fn by_schema(schema: Schema, options: &Options) -> Result<Inspection, Error> {
    Inspection::new(schema, Evidence::default(), options.clone())
}

/// Schemas and tables of frameworks, services and extensions, which are nobody's wedding.
fn system(table: &TableName) -> bool {
    const SCHEMAS: &[&str] = &[
        "auth",
        "vault",
        "storage",
        "realtime",
        "_realtime",
        "extensions",
        "cron",
        "net",
        "graphql",
        "graphql_public",
        "supabase_migrations",
        "supabase_functions",
        "pgsodium",
        "pgbouncer",
        "pgboss",
        "hdb_catalog",
        "topology",
        "tiger",
        "drizzle",
    ];
    const TABLES: &[&str] = &[
        "_prisma_migrations",
        "schema_migrations",
        "ar_internal_metadata",
        "flyway_schema_history",
        "databasechangelog",
        "databasechangeloglock",
        "alembic_version",
        "django_migrations",
        "spatial_ref_sys",
        "knex_migrations",
        "goose_db_version",
        "__efmigrationshistory",
        "_sqlx_migrations",
        "__drizzle_migrations",
    ];
    SCHEMAS.contains(&table.schema.as_str()) || TABLES.contains(&table.table.to_lowercase().as_str())
}
