//! A webhook is made.

use super::{Key, Made, Shown, address, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    source::check_name,
};
use keepsake_catalog::webhooks::{self, Endpoint, Keys};
use keepsake_domain::{
    OrganisationId, WebhookId,
    notification::{Kind, Signature},
    permission::Action,
};

/// Webhooks of an organisation, at most: each event goes to all of them.
const MOST: i64 = 20;

/// A webhook to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// For whom; the caller's organisation if `None`.
    pub organisation: Option<OrganisationId>,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What it hears of; everything if empty.
    pub kinds: Vec<Kind>,
    /// How deliveries are signed.
    pub signature: Signature,
}

/// Makes a webhook. Nothing is sent yet: `test` does.
///
/// # Errors
/// [`Code::Invalid`], [`Code::Exists`]; else by cause.
pub async fn create(service: &Service, caller: &Caller, new: New) -> Result<Made> {
    let no_one = || Error::new(Code::Invalid, "/organisation_id: say for whom");
    let organisation = new.organisation.or(caller.organisation()).ok_or_else(no_one)?;
    crate::organisation::expect(service, caller, "/organisation_id", &[organisation]).await?;
    let id = WebhookId::from_uuid(service.context.new_id()?);
    let work = async {
        check_name(&new.name)?;
        let url = address::check(&new.url)?;
        let key = Key::new(new.signature)?;
        let keys =
            Keys { secret: Some(key.seal(service, organisation, id)?), public_key: key.public()?, ..Keys::default() };
        let webhook = Endpoint {
            id,
            organisation,
            name: new.name.trim().to_owned(),
            url,
            kinds: kinds(&new.kinds)?,
            signature: new.signature,
            keys,
            version: 1,
            created_at: service.context.clock.now(),
            disabled: None,
        };
        let mut tx = service.begin(caller).await?;
        if webhooks::count(&mut tx, organisation).await.map_err(failed)? >= MOST {
            return Err(Error::new(Code::Invalid, format!("an organisation has at most {MOST} webhooks")));
        }
        webhooks::create(&mut tx, &webhook).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Made { webhook: Shown::of(webhook, service.context.clock.now()), secret: key.secret() })
    };
    let relation = caller.relation_to_new(organisation);
    service.act(caller, Action::WebhookCreate, relation, &subject(id), Some(organisation), work).await
}

/// Each kind once, in one order. A test is sent to the webhook that is tested, whatever it hears of.
pub(super) fn kinds(asked: &[Kind]) -> Result<Vec<Kind>> {
    if asked.contains(&Kind::WebhookTest) {
        return Err(Error::new(Code::Invalid, "/events: tests come to every webhook that is tested, and to no other"));
    }
    let mut kinds = asked.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}
