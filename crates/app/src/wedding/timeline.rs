//! A wedding's past, for drawing: its points, what was asked for and failed, and its restores.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    executions::{self, Execution},
    operations::{self, Operation},
    points::{self, Point},
    weddings::Wedding,
};
use keepsake_domain::{WeddingId, permission::Action};

/// What happened to a wedding, each newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The wedding.
    pub wedding: Wedding,
    /// Its points.
    pub points: Vec<Point>,
    /// Executions of its own: those that somebody asked for.
    pub executions: Vec<Execution>,
    /// Restores.
    pub operations: Vec<Operation>,
}

/// The most of each that is shown.
const SHOWN_MAX: u16 = 200;

/// A wedding's past.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn timeline(service: &Service, caller: &Caller, id: WeddingId) -> Result<Timeline> {
    let (wedding, relation) = find(service, caller, Action::WeddingRead, id).await?;
    service.allow(caller, Action::WeddingRead, relation, &subject(id), Some(wedding.organisation)).await?;
    let mut tx = service.begin(caller).await?;
    let of_points = points::Filter { wedding: Some(id), ..points::Filter::default() };
    let points = points::list(&mut tx, of_points, SHOWN_MAX, None).await.map_err(failed)?.items;
    let of_executions = executions::Filter { wedding: Some(id), ..executions::Filter::default() };
    let executions = executions::list(&mut tx, of_executions, SHOWN_MAX, None).await.map_err(failed)?.items;
    let of_operations = operations::Filter { wedding: Some(id), ..operations::Filter::default() };
    let operations = operations::list(&mut tx, of_operations, SHOWN_MAX, None).await.map_err(failed)?.items;
    Ok(Timeline { wedding, points, executions, operations })
}

/// The newest point of a wedding, in which its integrity was judged; `None` before the first.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn integrity(service: &Service, caller: &Caller, id: WeddingId) -> Result<(Wedding, Option<Point>)> {
    let (wedding, relation) = find(service, caller, Action::WeddingRead, id).await?;
    service.allow(caller, Action::WeddingRead, relation, &subject(id), Some(wedding.organisation)).await?;
    let newest = points::newest_of(&mut service.begin(caller).await?, &[id]).await.map_err(failed)?;
    Ok((wedding, newest.into_values().next()))
}
