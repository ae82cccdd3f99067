//! A realistic wedding-planner application: its schema, a generator of its data, and the accidents that happen to it.
//!
//! Organisations share vendors and venues; each wedding has guests in households, answers, seats, a timeline, tasks, booked
//! vendors, photos, documents, a budget, messages and a log. The schema holds what real ones hold: enums, domains, arrays,
//! jsonb, generated and identity columns, composite and circular foreign keys, self references, an exclusion constraint,
//! partitions, row-level security, and triggers that stamp, tell and refuse.
//!
//! The data follow from a seed alone: ids, names and files are the same on every machine. Names hold quotes, notes hold
//! newlines, tabs and backslashes, in several scripts.

mod copy;
mod damage;
mod edit;
mod files;
mod fingerprint;
mod generate;
mod layout;
mod rows;
mod words;

pub use damage::{Damage, damage};
pub use edit::{Edits, edit_others};
pub use fingerprint::{Fingerprint, fingerprint, fingerprint_of};
pub use generate::{Generated, generate};

use std::{io, path::PathBuf};
use tokio_postgres::Client;
use uuid::Uuid;

/// Result of an operation on the sample application.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with the sample application.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL refused something.
    #[error("the sample application's database refused: {what}")]
    Postgres {
        /// What was tried.
        what: String,
        /// What it said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A sample file could not be written or removed.
    #[error("could not handle the sample file {path}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

pub(crate) fn refused(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Error {
    let what = what.into();
    move |source| Error::Postgres { what, source }
}

/// How many guests and photos a wedding has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Guests.
    pub guests: u32,
    /// Photos.
    pub photos: u32,
}

/// How much data to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Organisations; weddings are dealt out to them in turn. At least one.
    pub organisations: u32,
    /// Weddings.
    pub weddings: u32,
    /// Size of each wedding.
    pub each: Size,
    /// Size of the first wedding, where it is to differ.
    pub first: Option<Size>,
    /// Everything follows from it.
    pub seed: u64,
}

impl Spec {
    /// A few small weddings, generated in well under a second: for tests.
    pub const fn small() -> Self {
        Self { organisations: 3, weddings: 8, each: Size { guests: 12, photos: 4 }, first: None, seed: 7 }
    }

    /// Hundreds of weddings of several organisations: for the demo.
    pub const fn demo() -> Self {
        Self {
            organisations: 5,
            weddings: 300,
            each: Size { guests: 120, photos: 4 },
            first: Some(Size { guests: 200, photos: 60 }),
            seed: 2026,
        }
    }

    /// 2,000 weddings with 200 guests, about 1.2 million rows; the first one has 100 photos: for benchmarks.
    pub const fn bench() -> Self {
        Self {
            organisations: 20,
            weddings: 2000,
            each: Size { guests: 200, photos: 6 },
            first: Some(Size { guests: 200, photos: 100 }),
            seed: 1,
        }
    }

    /// The id of wedding `number`, from 0.
    pub fn wedding_id(&self, number: u32) -> Uuid {
        layout::Layout::new(self).wedding(number)
    }
}

/// Creates the application's schema in an empty database, and its roles `planner_app` (under row-level security) and
/// `planner_backup` (reads everything) where the server lacks them.
///
/// # Errors
/// [`Error::Postgres`], such as when the schema is there already or the role may not create roles.
pub async fn install(client: &Client) -> Result<()> {
    let parts = [
        ("types", include_str!("sql/types.sql")),
        ("tables", include_str!("sql/tables.sql")),
        ("indexes", include_str!("sql/indexes.sql")),
        ("behaviour", include_str!("sql/behaviour.sql")),
    ];
    for (name, sql) in parts {
        client.batch_execute(sql).await.map_err(refused(format!("creating its {name}")))?;
    }
    Ok(())
}
