//! Sources as they are shown.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Cursor, Page,
    sources::{self, Assignments, Kind, Source},
};
use keepsake_domain::{
    OrganisationId, SourceId,
    permission::{Action, Relation},
};

/// A source without its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Host and database, or a storage URL.
    pub location: String,
    /// Whether restores can connect.
    pub has_restore_credential: bool,
    /// Where the files are that rows name.
    pub files_root: Option<String>,
    /// What stays the same when the server moves.
    pub identity: Option<String>,
    /// Whose weddings are whose.
    pub assignments: Assignments,
    /// 0 without a mapping.
    pub mapping_version: i64,
    /// Counts changes of all else.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// When weddings were last looked for with success.
    pub synced_at: Option<Timestamp>,
    /// Why the last look failed.
    pub sync_error: Option<String>,
}

impl From<Source> for Shown {
    fn from(source: Source) -> Self {
        Self {
            id: source.id,
            organisation: source.organisation,
            name: source.name,
            kind: source.kind,
            location: source.location,
            has_restore_credential: source.restore_credential.is_some(),
            files_root: source.files_root,
            identity: source.identity,
            assignments: source.assignments,
            mapping_version: source.mapping_version,
            version: source.version,
            created_at: source.created_at,
            synced_at: source.synced_at,
            sync_error: source.sync_error,
        }
    }
}

/// The sources in reach, newest first.
///
/// # Errors
/// By cause.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<Shown>> {
    service.allow(caller, Action::SourceRead, Relation::Collection, "sources", None).await?;
    let page = sources::list(&mut service.begin(caller).await?, size, after).await.map_err(failed)?;
    Ok(Page { items: page.items.into_iter().map(Shown::from).collect(), next: page.next })
}

/// One source.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: SourceId) -> Result<Shown> {
    let source = find(service, caller, Action::SourceRead, id).await?;
    let relation = caller.relation_to(source.organisation);
    service.allow(caller, Action::SourceRead, relation, &subject(id), Some(source.organisation)).await?;
    Ok(source.into())
}
