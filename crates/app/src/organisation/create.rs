//! A supplier is added.

use super::subject;
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    source::check_name,
};
use keepsake_catalog::organisations::{self, Organisation};
use keepsake_domain::{
    OrganisationId,
    permission::{Action, Relation},
};

/// Adds a supplier, which has nobody and nothing yet.
///
/// # Errors
/// [`Code::Invalid`], [`Code::Forbidden`]; else by cause.
pub async fn create(service: &Service, caller: &Caller, name: &str) -> Result<Organisation> {
    let id = OrganisationId::from_uuid(service.context.new_id()?);
    let work = async {
        check_name(name)?;
        let mut tx = service.begin(caller).await?;
        organisations::add_supplier(&mut tx, id, name.trim(), service.context.clock.now()).await.map_err(failed)?;
        let made = organisations::get(&mut tx, id).await.map_err(failed)?;
        let made = made.ok_or_else(|| Error::new(Code::CatalogFailed, "the organisation could not be read back"))?;
        tx.commit().await.map_err(failed)?;
        Ok(made)
    };
    service.act(caller, Action::OrganisationCreate, Relation::Collection, &subject(id), None, work).await
}
