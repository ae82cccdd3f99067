//! How it stands, for whoever looks (product.md G2): numbers, weddings to look at, and what to do about them in words.

use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{Role, status};
use keepsake_domain::permission::{Action, Relation};

pub use keepsake_catalog::status::{AtRisk, Done, Trouble, Usage, Weddings, Work};

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When this was so.
    pub at: Timestamp,
    /// In a word.
    pub health: Health,
    /// The weddings.
    pub weddings: Weddings,
    /// What was done today and in the six days before.
    pub this_week: Done,
    /// In the seven days before these.
    pub last_week: Done,
    /// What is under way, and what came of restores.
    pub work: Work,
    /// Weddings that somebody should look at.
    pub at_risk: Vec<AtRisk>,
    /// Sources that cannot be looked at, or have no mapping. Members are not told.
    pub troubles: Vec<Trouble>,
    /// What is stored. Members are not told.
    pub usage: Option<Usage>,
    /// What to do, most urgent first.
    pub recommendations: Vec<String>,
}

/// How it stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing needs anybody.
    Good,
    /// Something should be looked at soon.
    Degraded,
    /// Weddings whose day is near are not protected as they should be.
    Critical,
}

/// Weddings to look at that are named.
const AT_RISK_MAX: u16 = 20;
const TROUBLES_MAX: u16 = 20;
/// Success of executions that is aimed at, in thousandths (product.md G2).
const SUCCESS_AIM_PERMILLE: u64 = 990;

/// Share of executions that succeeded, in thousandths; `None` if there were none. What was cancelled counts for neither.
pub fn success_permille(done: &Done) -> Option<u64> {
    let all = done.completed + done.failed;
    (done.completed * 1000).checked_div(all)
}

/// How it stands, within what the caller may see.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden); else by cause.
pub async fn status(service: &Service, caller: &Caller) -> Result<Status> {
    service.allow(caller, Action::StatusRead, Relation::Collection, "status", None).await?;
    let now = service.context.clock.now();
    let mut tx = service.begin(caller).await?;
    let weddings = status::weddings(&mut tx, now).await.map_err(failed)?;
    let this_week = status::done(&mut tx, now, 6, -1).await.map_err(failed)?;
    let last_week = status::done(&mut tx, now, 13, 6).await.map_err(failed)?;
    let work = status::work(&mut tx, now).await.map_err(failed)?;
    let at_risk = status::at_risk(&mut tx, now, AT_RISK_MAX).await.map_err(failed)?;
    let (troubles, usage, has_target) = match caller.scope.role {
        Role::Member => (Vec::new(), None, true),
        _ => {
            let troubles = status::troubles(&mut tx, TROUBLES_MAX).await.map_err(failed)?;
            let (usage, has_target) = status::usage(&mut tx).await.map_err(failed)?;
            (troubles, Some(usage), has_target)
        }
    };
    let recommendations = recommend(&weddings, &this_week, &work, &troubles, has_target);
    let health = health(&at_risk, &recommendations);
    Ok(Status { at: now, health, weddings, this_week, last_week, work, at_risk, troubles, usage, recommendations })
}

fn health(at_risk: &[AtRisk], recommendations: &[String]) -> Health {
    let unprotected = |wedding: &AtRisk| {
        wedding.criticality == keepsake_domain::Criticality::Critical && (wedding.without_point || wedding.behind)
    };
    match (at_risk.iter().any(unprotected), recommendations.is_empty()) {
        (true, _) => Health::Critical,
        (false, false) => Health::Degraded,
        (false, true) => Health::Good,
    }
}

fn recommend(weddings: &Weddings, week: &Done, work: &Work, troubles: &[Trouble], has_target: bool) -> Vec<String> {
    let mut said = Vec::new();
    if !has_target {
        said.push(
            "There is no storage target: nothing can be backed up. Set one up (POST /api/backup/storage/targets)."
                .to_owned(),
        );
    }
    let uncovered = weddings.upcoming.saturating_sub(weddings.upcoming_covered);
    if uncovered > 0 {
        said.push(format!(
            "{uncovered} of {} weddings in the next 30 days have no clean point that is as new as it should be: look at those named at \\
             risk, and back them up now (POST /api/backup/execute).",
            weddings.upcoming
        ));
    }
    if weddings.unclean > 0 {
        said.push(format!(
            "The newest point of {} weddings looks like damage or is not whole: compare it with the one before, and restore if data are \\
             gone.",
            weddings.unclean
        ));
    }
    for trouble in troubles {
        said.push(match (trouble.unmapped, trouble.synced_at) {
            (true, _) => format!("The source {} has no mapping: inspect it, and set what is proposed.", trouble.name),
            (false, Some(at)) => format!(
                "The source {} was last looked at with success at {at:.0}: its sync_error says why it cannot be now.",
                trouble.name
            ),
            (false, None) => {
                format!("The source {} was never looked at with success: its sync_error says why.", trouble.name)
            }
        });
    }
    if weddings.vanished > 0 {
        said.push(format!(
            "{} weddings are gone from their sources: if nobody removed them on purpose, restore them. Their points are kept.",
            weddings.vanished
        ));
    }
    if let Some(permille) = success_permille(week).filter(|permille| *permille < SUCCESS_AIM_PERMILLE) {
        said.push(format!(
            "{}.{} % of the backups of this week succeeded, and 99 % should: look at those that failed \\
             (GET /api/backup/executions?state=failed).",
            permille / 10,
            permille % 10
        ));
    }
    if work.restores_failed > 0 {
        said.push(format!(
            "{} restores failed in the last 90 days: look at why (GET /api/backup/recovery/operations?state=failed).",
            work.restores_failed
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_what_to_do_and_nothing_is_said_when_nothing_is() {
        let weddings = Weddings { total: 9, upcoming: 3, upcoming_covered: 3, ..Weddings::default() };
        let week = Done { completed: 995, failed: 5, cancelled: 40, duration_ms: 0 };
        assert_eq!(recommend(&weddings, &week, &Work::default(), &[], true), Vec::<String>::new());
        assert_eq!(health(&[], &[]), Health::Good);
        let weddings = Weddings { upcoming_covered: 1, unclean: 2, vanished: 1, ..weddings };
        let week = Done { failed: 50, ..week };
        let work = Work { restores_failed: 1, ..Work::default() };
        let said = recommend(&weddings, &week, &work, &[], false);
        let heads: Vec<&str> = said.iter().filter_map(|text| text.split(' ').next()).collect();
        assert_eq!(heads, ["There", "2", "The", "1", "95.2", "1"], "{said:#?}");
    }

    #[test]
    fn a_critical_wedding_without_a_point_makes_it_critical() {
        let wedding = AtRisk {
            id: keepsake_domain::WeddingId::from_uuid(uuid::Uuid::nil()),
            criticality: keepsake_domain::Criticality::Critical,
            first_day: None,
            without_point: true,
            behind: false,
            unclean: false,
            integrity_score: None,
        };
        assert_eq!(health(std::slice::from_ref(&wedding), &[]), Health::Critical);
        let unclean = AtRisk { without_point: false, unclean: true, ..wedding };
        assert_eq!(health(&[unclean], &["look".to_owned()]), Health::Degraded);
    }

    #[test]
    fn success_counts_what_was_tried() {
        assert_eq!(success_permille(&Done::default()), None);
        assert_eq!(success_permille(&Done { completed: 3, failed: 1, cancelled: 9, duration_ms: 0 }), Some(750));
    }
}
