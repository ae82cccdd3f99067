//! Restoring a whole database into an empty one, proven table by table.

use crate::{
    backup::{database_error, load, options_of},
    bridge::FromVault,
    context::Context,
    error::{Code, Error, Result},
    points::{self, Wanted},
    storage::Storage,
    vaults,
};
use keepsake_domain::{PointId, VaultId, point::Kind as PointKind};
use keepsake_postgres::{connect::Dsn, database};
use keepsake_vault::config::Kind;
use serde::Serialize;
use std::sync::Arc;

/// What came of it.
#[derive(Debug, Serialize)]
pub struct RestoredDatabase {
    /// The point that was restored.
    pub point: PointId,
    /// How long it took, the comparison included.
    pub duration_ms: u64,
    /// Proof, table by table.
    pub report: database::Report,
}

/// Restores a database.
///
/// # Errors
/// [`Code::TargetNotEmpty`] and [`Code::RestoreRefused`] before anything is touched; else by cause.
pub async fn database(
    context: &Context,
    storage: &Storage,
    wanted: Wanted,
    vault: Option<VaultId>,
    target: &Dsn,
) -> Result<RestoredDatabase> {
    let point =
        points::choose(context, storage, wanted, vault, "a database", |vault| vault.kind == Kind::Database).await?;
    // A point or a vault that was named is taken as it is.
    if point.kind != PointKind::Database {
        let message = format!("point {} is of {}, which is no whole database", point.id, point.name);
        return Err(Error::new(Code::RestoreRefused, message));
    }
    let subject = format!("vault {} point {}", point.vault, point.id);
    context
        .recorded("restore database", &subject, async {
            let began = context.clock.now();
            let opened = vaults::open(context, storage, point.vault).await?;
            let vault = Arc::new(load(context, opened).await?);
            let source = Arc::new(FromVault {
                vault,
                engine: context.engine.clone(),
                snapshot: point.document.clone(),
                cancel: context.cancel.clone(),
            });
            let report = database::restore(target, source, options_of(context))
                .await
                .map_err(|error| database_error("the database was not restored", error))?;
            let duration = context.clock.now().duration_since(began);
            Ok(RestoredDatabase {
                point: point.id,
                duration_ms: u64::try_from(duration.as_millis()).unwrap_or(0),
                report,
            })
        })
        .await
}
