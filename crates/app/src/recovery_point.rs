//! Recovery points as the catalog lists them, for callers of the service. [`crate::points`] reads them from the vaults
//! themselves, without a catalog.

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page, Role,
    points::{self, Filter, Point},
};
use keepsake_domain::{
    PointId,
    permission::{Action, Relation},
};

/// The points that the caller may see, newest first; states saved before restores only if their kind is asked for (S8).
///
/// # Errors
/// [`Code::Forbidden`]; else by cause.
pub async fn list(
    service: &Service,
    caller: &Caller,
    filter: Filter,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Point>> {
    service.allow(caller, Action::PointRead, Relation::Collection, "points", None).await?;
    points::list(&mut service.begin(caller).await?, filter, size, after).await.map_err(failed)
}

/// One point.
///
/// # Errors
/// [`Code::NotFound`]; else by cause.
pub async fn get(service: &Service, caller: &Caller, id: PointId) -> Result<Point> {
    let (point, relation) = find(service, caller, Action::PointRead, id).await?;
    service.allow(caller, Action::PointRead, relation, &format!("point {id}"), Some(point.organisation)).await?;
    Ok(point)
}

/// The point of that id, for an act on it, with what it is to the caller: what is not there, or not for them, is put on record
/// as a refusal.
pub(crate) async fn find(service: &Service, caller: &Caller, action: Action, id: PointId) -> Result<(Point, Relation)> {
    let found = points::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(point) = found {
        // The catalog shows members those of their own weddings only.
        let own = caller.scope.role == Role::Member;
        let relation = if own { Relation::Own } else { caller.relation_to(point.organisation) };
        return Ok((point, relation));
    }
    service.allow(caller, action, Relation::Foreign, &format!("point {id}"), None).await?;
    Err(Error::new(Code::NotFound, "there is no point of that id"))
}
