//! The service: what use cases behind the API are given, and the frame that each runs in.
//!
//! A use case asks [`Service::act`] (or [`Service::allow`], where there is nothing to record) with the action of the permission table, the relation of the
//! caller to the thing, and what it acts on. The frame decides, records a refusal, records the intent before and the outcome
//! after, and only then is the work done. The work opens its own transactions with [`Service::begin`], in the caller's
//! scope, so that the catalog decides once more.

mod caller;
pub mod catalog;
mod frame;
pub(crate) mod kept;
mod ready;
pub mod rows;

pub use caller::Caller;
pub use keepsake_catalog::{Cursor, Page};

use crate::{context::Context, error::Result};
use keepsake_catalog::{Catalog, Tx};

/// A running service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    /// Keys, clock, engine, home.
    pub context: Context,
    /// What the service knows.
    pub catalog: Catalog,
}

impl Service {
    /// Opens a transaction in the caller's scope.
    ///
    /// # Errors
    /// [`Code::CatalogFailed`](crate::Code::CatalogFailed).
    pub async fn begin(&self, caller: &Caller) -> Result<Tx> {
        self.catalog.begin(&caller.scope).await.map_err(catalog::failed)
    }
}
