//! Putting data back: one wedding into a live database, a whole database into an empty one, files into a folder; and
//! undoing a restore.
//!
//! A restore of a wedding is prepared (which point, which mapping, what would happen), shown, and applied. Applying saves
//! the present state first, puts files back before the rows that name them, and deletes files only after the commit.

mod aftermath;
mod apply;
mod database;
mod files;
mod place;
mod prepare;
mod save;
mod turn;
mod undo;
mod unfinished;

pub use aftermath::{Aftermath, aftermath};
pub use apply::{Restored, apply, apply_as};
pub use database::{RestoredDatabase, database};
pub use files::{RestoredFiles, files};
pub use prepare::{Asked, Prepared, prepare};
pub use undo::{Undo, prepare_undo};

use crate::{
    error::{Code, Error},
    source,
};
use keepsake_postgres::restore;

/// A row restore's failure under the code that a user can look up.
pub(crate) fn restore_error(error: restore::Error) -> Error {
    use restore::Error as Restore;
    let code = match &error {
        Restore::Refused(_)
        | Restore::Conflicts { .. }
        | Restore::TooLarge { .. }
        | Restore::SchemaExists(_)
        | Restore::NeedsReplicaRole(_)
        | Restore::OtherWedding { .. } => Code::RestoreRefused,
        Restore::PlanChanged { .. } => Code::PreviewChanged,
        Restore::Busy { .. } => Code::RestoreBusy,
        Restore::RowSecurity(_) => Code::DatabaseRights,
        Restore::Database { source, .. } => match source.code.as_deref() {
            // INSUFFICIENT_PRIVILEGE.
            Some("42501") => Code::DatabaseRights,
            // The server went down, or there was no answer at all.
            Some(code) if code.starts_with("57P") || code.starts_with("08") => Code::DatabaseUnreachable,
            None => Code::DatabaseUnreachable,
            Some(_) => Code::RestoreFailed,
        },
        Restore::CommitUnknown { .. } => Code::RestoreUncertain,
        Restore::Source { .. } | Restore::MissingFile(_) | Restore::Corrupt { .. } => Code::VaultDamaged,
        Restore::Cancelled => Code::Interrupted,
        _ => Code::RestoreFailed,
    };
    Error::because(code, "the wedding was not restored", error)
}

/// Reading the catalog failed.
pub(crate) fn schema_error(error: keepsake_postgres::schema::Error) -> Error {
    Error::because(Code::DatabaseUnreachable, "the database's catalog could not be read", error)
}

pub(crate) use source::open as open_session;
