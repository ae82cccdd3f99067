//! An organisation is given another name.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    source::check_name,
};
use keepsake_catalog::organisations::{self, Organisation};
use keepsake_domain::{OrganisationId, permission::Action};

/// Gives an organisation another name.
///
/// # Errors
/// [`Code::Invalid`], [`Code::NotFound`]; else by cause.
pub async fn rename(service: &Service, caller: &Caller, id: OrganisationId, name: &str) -> Result<Organisation> {
    find(service, caller, Action::OrganisationReplace, id).await?;
    let work = async {
        check_name(name)?;
        let mut tx = service.begin(caller).await?;
        let renamed = organisations::rename(&mut tx, id, name.trim()).await.map_err(failed)?;
        let renamed = renamed.ok_or_else(|| Error::new(Code::NotFound, "there is no organisation of that id"))?;
        tx.commit().await.map_err(failed)?;
        Ok(renamed)
    };
    let relation = caller.relation_to(id);
    service.act(caller, Action::OrganisationReplace, relation, &subject(id), Some(id), work).await
}
