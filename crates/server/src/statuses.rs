//! Status, kept for a moment: dashboards ask all the time, and what they are told may be two seconds old. Each organisation and role has its own;
//! members, who see only their own weddings, are always answered anew.

use keepsake_app::{
    Result,
    service::Caller,
    status::{self, Status},
};
use keepsake_domain::{
    OrganisationId,
    permission::{Actor, Role},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How old a kept answer may be.
const KEPT: Duration = Duration::from_secs(2);
/// Answers kept at most; beyond it, all are forgotten.
const KEPT_MAX: usize = 2000;

/// Who is told the same.
type Audience = (Option<OrganisationId>, bool);

/// Answers of the last moments.
#[derive(Debug, Default)]
pub struct Statuses(Mutex<HashMap<Audience, (Instant, Status)>>);

impl Statuses {
    /// How it stands, for the caller.
    ///
    /// # Errors
    /// Those of the use case.
    pub async fn of(&self, service: &keepsake_app::service::Service, caller: &Caller) -> Result<Status> {
        let shared = match &caller.actor {
            Actor::Person(person) => person.role != Role::Member,
            // What a program may is asked each time.
            Actor::Service(_) | Actor::Anonymous => false,
        };
        let audience = (caller.organisation(), caller.scope.operator);
        if shared && let Some(kept) = self.kept(audience) {
            return Ok(kept);
        }
        let status = status::status(service, caller).await?;
        if shared {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= KEPT_MAX {
                all.clear();
            }
            all.insert(audience, (Instant::now(), status.clone()));
        }
        Ok(status)
    }

    fn kept(&self, audience: Audience) -> Option<Status> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&audience).filter(|(at, _)| at.elapsed() < KEPT).map(|(_, status)| status.clone())
    }
}
