//! Taking a key, or learning what became of its request.

use super::{ALIVE, Claim, KEPT, Key};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::idempotency::{self, Age};
use keepsake_domain::permission::{Action, Relation, Verdict, decide};

/// Takes the key for the caller. `call` is the method and the pattern of the path, as the permission table has them.
///
/// # Errors
/// Those of the call itself, if the caller may not make it any more; [`Code::CatalogFailed`].
pub async fn claim(
    service: &Service,
    caller: &Caller,
    call: &str,
    key: &Key,
    request_sha256: &[u8; 32],
) -> Result<Claim> {
    still_allowed(caller, call)?;
    let now = service.context.clock.now();
    let age = Age { kept_since: now - KEPT, alive_since: now - ALIVE };
    let mut tx = service.begin(caller).await?;
    let claim = idempotency::claim(&mut tx, key, request_sha256, now, age).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(claim)
}

/// Whether the call may be the caller's at all, on a thing of theirs. What it is about was decided when it was answered.
fn still_allowed(caller: &Caller, call: &str) -> Result<()> {
    let own = [Relation::Collection, Relation::Own, Relation::Started, Relation::Organisation];
    let verdicts = Action::of_call(call).flat_map(|action| own.map(|relation| decide(&caller.actor, action, relation)));
    let mut needs_mfa = false;
    for verdict in verdicts {
        match verdict {
            Verdict::Allowed => return Ok(()),
            Verdict::NeedsMfa => needs_mfa = true,
            Verdict::Unauthenticated | Verdict::Forbidden | Verdict::Hidden => {}
        }
    }
    match needs_mfa {
        true => Err(Error::new(Code::MfaRequired, "this takes a second factor given just now")),
        false => Err(Error::new(Code::Forbidden, "this is not for your role")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepsake_domain::{
        OrganisationId, RequestId, UserId,
        permission::{Person, Role},
    };
    use uuid::Uuid;

    fn person(person: Person) -> Caller {
        let id = Uuid::from_u128(1);
        Caller::person(UserId::from_uuid(id), OrganisationId::from_uuid(id), person, RequestId::from_uuid(id))
    }

    #[test]
    fn s33_a_right_that_was_lost_closes_the_stored_answer() {
        let code = |caller: &Caller, call| still_allowed(caller, call).err().map(|error| error.code());
        let admin = person(Person { mfa_fresh: true, ..Person::new(Role::Admin) });
        let stale = person(Person::new(Role::Admin));
        let auditor = person(Person::new(Role::Auditor));
        assert_eq!(code(&admin, "POST /api/sources"), None);
        assert_eq!(code(&auditor, "POST /api/sources"), Some(Code::Forbidden));
        assert_eq!(code(&admin, "POST /api/backup/recovery/initiate"), None);
        assert_eq!(code(&stale, "POST /api/backup/recovery/initiate"), Some(Code::MfaRequired));
        assert_eq!(code(&admin, "POST /api/unknown"), Some(Code::Forbidden));
    }
}
