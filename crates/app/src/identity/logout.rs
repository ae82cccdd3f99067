//! The end of a session.

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::sessions;
use keepsake_domain::permission::{Action, Relation};

/// Ends the caller's session: its access tokens and its refresh token work no more.
///
/// # Errors
/// [`Code::Forbidden`] for programs: their tokens are revoked by an admin.
pub async fn logout(service: &Service, caller: &Caller) -> Result<()> {
    let subject = caller.session.map_or_else(String::new, |session| format!("session {session}"));
    let work = async {
        let session = caller.session.ok_or_else(|| Error::new(Code::Unauthenticated, "this is no session"))?;
        let mut tx = service.begin(caller).await?;
        sessions::revoke(&mut tx, session, service.context.clock.now()).await.map_err(catalog::failed)?;
        tx.commit().await.map_err(catalog::failed)
    };
    service.act(caller, Action::Logout, Relation::Collection, &subject, None, work).await
}
