//! Which points of an organisation are past what they were promised, and whether they may go without a person's word (S25).

use crate::{error::Result, service::catalog::failed};
use jiff::Timestamp;
use keepsake_catalog::{Tx, expiry};
use keepsake_domain::{
    OrganisationId, PointId,
    retention::{self, ApprovalReason, Candidate, Decision, Gate, Grade},
};

/// What is to become of an organisation's points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// These go.
    pub expire: Vec<PointId>,
    /// So many are past their time and wait for a person's word.
    pub waiting: u64,
    /// Why they wait.
    pub approval: Vec<ApprovalReason>,
}

/// Decides for all points of an organisation. Minute points, whose promise is a day, go whatever the others wait for.
pub(crate) async fn decide(tx: &mut Tx, organisation: OrganisationId, now: Timestamp) -> Result<Decided> {
    let (vaults, others) = expiry::candidates(tx, organisation, now).await.map_err(failed)?;
    let mut weighed = Vec::new();
    for candidates in vaults.values() {
        // Nothing is known to be gone for good yet: a wedding that vanished may be damage, and what was backed up of a source that was
        // taken out of use stays.
        let decisions = retention::expire(candidates, true, now);
        weighed.extend(candidates.iter().zip(decisions).map(|(candidate, (_, decision))| (candidate, decision)));
    }
    let goes = |decision: &Decision| *decision == Decision::Expire;
    let each = weighed.iter().map(|(candidate, decision)| (*candidate, goes(decision)));
    let approval = Gate::default().weigh(each, others, now).approval;
    let going = weighed.iter().filter(|(_, decision)| goes(decision)).map(|(candidate, _)| *candidate);
    let (now, waiting): (Vec<&Candidate>, Vec<&Candidate>) =
        going.partition(|candidate| approval.is_empty() || candidate.promise.grade == Grade::Minute);
    Ok(Decided {
        expire: now.into_iter().map(|candidate| candidate.point.id).collect(),
        waiting: waiting.len() as u64,
        approval,
    })
}
