//! The one decision about a wedding: how critical it is, how often it is captured, how urgent that is, and why
//! (product.md B1, B2, B3).
//!
//! A pure function of facts, settings, thresholds and the time. What follows from it (jobs, retention, alarms) is the
//! service's. The explanation names nobody: it is made of dates, counts, amounts and places on a map of time zones.

mod explain;

use crate::{
    criticality::Criticality,
    frequency::Frequency,
    phase::{Period, Phase, Reach},
    priority::Priority,
    risk::{self, Risk},
    wedding::{DateRules, Days, Facts, Proximity, Settings, Status, Thresholds, Zone},
};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// How a wedding is protected now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Its class.
    pub criticality: Criticality,
    /// The risk factors that are present.
    pub risks: Vec<Risk>,
    /// Where in its life it is.
    pub phase: Phase,
    /// Calendar days of the venue until the first day; 0 on its days, negative since the last, absent without a date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days_until: Option<i64>,
    /// The high-priority period, if there is a date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub high_priority_period: Option<Period>,
    /// How often it is captured: the effective frequency.
    pub frequency: Frequency,
    /// How much time of changes may be lost, in seconds.
    pub rpo_seconds: i64,
    /// How urgent its scheduled jobs are.
    pub priority: Priority,
    /// When the passing of time alone may change this: the venue's next midnight. Absent without a date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_until: Option<Timestamp>,
    /// The reasons in words, a sentence each.
    pub explanation: Vec<String>,
}

impl Protection {
    /// Decides.
    pub fn decide(facts: &Facts, settings: &Settings, thresholds: &Thresholds, now: Timestamp) -> Self {
        let case = Case::new(facts, settings, thresholds, now);
        let assessment = risk::assess(facts, &thresholds.risk);
        let phase = Phase::at(case.proximity, case.reach);
        let criticality = settings.criticality_override.unwrap_or(Criticality::at(case.proximity, case.rules));

        let by_date = Frequency::at(case.proximity, phase, case.rules);
        let risky = assessment.risks.len() >= usize::from(thresholds.promoting_risks);
        let by_rule = if risky { by_date.promoted() } else { by_date };
        let frequency = settings.frequency_override.unwrap_or(by_rule);
        let priority = Priority::scheduled(criticality, phase);

        let explanation = explain::Reasons { case: &case, assessment: &assessment, phase, by_date, by_rule };
        Self {
            explanation: explanation.sentences(criticality, frequency, priority),
            criticality,
            risks: assessment.risks,
            phase,
            days_until: case.proximity.days_until(),
            high_priority_period: case.days.map(|days| Period::high_priority(&days, case.reach, case.zone)),
            frequency,
            rpo_seconds: frequency.rpo().as_secs(),
            priority,
            valid_until: case.days.map(|_| case.zone.start_of(case.zone.date_at(now).saturating_add(1.day()))),
        }
    }

    /// How much time of changes may be lost.
    pub const fn rpo(&self) -> SignedDuration {
        self.frequency.rpo()
    }

    /// Whether this protects less than `other`: a change of settings that leads here needs fresh MFA (product.md E4).
    pub fn is_weaker_than(&self, other: &Self) -> bool {
        self.criticality < other.criticality || self.frequency < other.frequency || self.priority < other.priority
    }
}

/// One wedding at one time, with what its settings make of the facts.
struct Case<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    thresholds: &'a Thresholds,
    rules: &'a DateRules,
    zone: &'a Zone,
    reach: Reach,
    days: Option<Days>,
    proximity: Proximity,
}

impl<'a> Case<'a> {
    fn new(facts: &'a Facts, settings: &'a Settings, thresholds: &'a Thresholds, now: Timestamp) -> Self {
        let rules = thresholds.dates_for(settings.wedding_type.as_ref());
        let zone = zone(facts, settings, thresholds);
        let days = plannable_days(facts);
        Self {
            facts,
            settings,
            thresholds,
            rules,
            zone,
            reach: Reach {
                days_before: settings.high_priority_days_before.unwrap_or(rules.high_priority_days_before),
                days_after: settings.high_priority_days_after.unwrap_or(rules.high_priority_days_after),
            },
            days,
            proximity: days.map_or(Proximity::Undated, |days| days.proximity(zone.date_at(now))),
        }
    }
}

/// The zone whose midnights count: set by hand, else the source's, else the installation's.
pub fn zone<'a>(facts: &'a Facts, settings: &'a Settings, thresholds: &'a Thresholds) -> &'a Zone {
    settings.time_zone.as_ref().or(facts.time_zone.as_ref()).unwrap_or(&thresholds.time_zone)
}

/// The days to plan for: none once a wedding is called off. A vanished one keeps its days, because vanishing may be damage (S14).
pub fn plannable_days(facts: &Facts) -> Option<Days> {
    facts.days.filter(|_| facts.status != Status::Cancelled)
}

#[cfg(test)]
mod tests;
