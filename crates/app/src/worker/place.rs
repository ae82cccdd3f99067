//! From where to where: what a job's ids stand for, looked up when it begins.

use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use keepsake_catalog::{
    Scope, organisations,
    sources::{self, Source},
    targets::{self, Target},
    weddings::{self, Wedding},
};
use keepsake_domain::{RequestId, SourceId, TargetId, WeddingId};

/// The source, the target, and the wedding if it is about one.
pub(super) struct Place {
    pub(super) source: Source,
    pub(super) wedding: Option<Wedding>,
    pub(super) target: Target,
    /// The target is the operator's.
    pub(super) lent: bool,
}

impl Place {
    /// In the service's own scope: a wedding's source can be another organisation's.
    pub(super) async fn find(
        service: &Service,
        source: SourceId,
        target: TargetId,
        wedding: Option<WeddingId>,
    ) -> Result<Self> {
        let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
        let mut tx = service.catalog.begin(&scope).await.map_err(failed)?;
        let gone = |what: &str| Error::new(Code::NotFound, format!("the {what} was deleted since this was asked for"));
        let source = sources::get(&mut tx, source).await.map_err(failed)?.ok_or_else(|| gone("source"))?;
        let target = targets::get(&mut tx, target).await.map_err(failed)?.ok_or_else(|| gone("storage target"))?;
        let wedding = match wedding {
            Some(id) => Some(weddings::get(&mut tx, id).await.map_err(failed)?.ok_or_else(|| gone("wedding"))?),
            None => None,
        };
        let lent = target.organisation == organisations::operator(&mut tx).await.map_err(failed)?;
        Ok(Self { source, wedding, target, lent })
    }
}
