//! The decision in words.

use super::Case;
use crate::{
    criticality::Criticality,
    frequency::Frequency,
    phase::Phase,
    priority::Priority,
    risk::Assessment,
    wedding::{Proximity, Status},
};

/// What a decision was made of.
pub(super) struct Reasons<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) assessment: &'a Assessment,
    pub(super) phase: Phase,
    pub(super) by_date: Frequency,
    pub(super) by_rule: Frequency,
}

impl Reasons<'_> {
    /// A sentence for each step, in the order in which a person would ask.
    pub(super) fn sentences(&self, criticality: Criticality, frequency: Frequency, priority: Priority) -> Vec<String> {
        let mut sentences = vec![self.date()];
        sentences.extend(self.vanished());
        sentences.push(self.criticality(criticality));
        sentences.extend(self.period());
        sentences.extend(self.risks());
        sentences.extend(self.assessment.not_judged.iter().cloned());
        sentences.push(self.frequency(frequency));
        sentences.push(format!("Its scheduled jobs have priority {priority} of 10."));
        sentences
    }

    fn date(&self) -> String {
        let Some(days) = self.case.days else {
            return match self.case.facts.days {
                Some(_) => "The wedding was called off, so it is treated like one without a date.".to_owned(),
                None => "The wedding has no date yet.".to_owned(),
            };
        };
        let zone = self.case.zone;
        let (first, last) = (days.first(), days.last());
        match self.case.proximity {
            Proximity::Before(count) => format!("The wedding begins in {} ({first}, {zone}).", count_days(count)),
            Proximity::After(count) => format!("The wedding ended {} ago ({last}, {zone}).", count_days(count)),
            Proximity::During | Proximity::Undated => format!("The wedding is today ({first} to {last}, {zone})."),
        }
    }

    fn vanished(&self) -> Option<String> {
        (self.case.facts.status == Status::Vanished).then(|| {
            "It is no longer in its source: nothing is lowered until it is back or its removal is confirmed.".to_owned()
        })
    }

    fn criticality(&self, criticality: Criticality) -> String {
        let by_date = Criticality::at(self.case.proximity, self.case.rules);
        let why = match (by_date.reach(self.case.rules), self.case.proximity) {
            (_, Proximity::Undated) => "because it has no date".to_owned(),
            (Some((before, _)), Proximity::Before(_)) => {
                format!("because it is at most {} away", count_days(before.into()))
            }
            (Some((_, after)), Proximity::After(_)) => {
                format!("because it was at most {} ago", count_days(after.into()))
            }
            (None, Proximity::Before(_)) => "because it is far ahead".to_owned(),
            (None, Proximity::After(_)) => "because it is long past".to_owned(),
            (_, Proximity::During) => "because it is now".to_owned(),
        };
        match self.case.settings.criticality_override {
            Some(_) => format!("Its criticality was set to {criticality} by hand; it would be {by_date}, {why}."),
            None => format!("Its criticality is {criticality}, {why}."),
        }
    }

    fn period(&self) -> Option<String> {
        (self.phase == Phase::HighPriority).then(|| {
            let reach = self.case.reach;
            let (before, after) = (count_days(reach.days_before.into()), count_days(reach.days_after.into()));
            format!("It is in its high-priority period, from {before} before to {after} after.")
        })
    }

    fn risks(&self) -> impl Iterator<Item = String> {
        let risks = self.assessment.risks.iter();
        risks.map(|risk| format!("Risk factor: {} (threshold: {}).", risk.evidence, risk.threshold))
    }

    fn frequency(&self, frequency: Frequency) -> String {
        let (by_date, by_rule) = (self.by_date, self.by_rule);
        let count = self.assessment.risks.len();
        let why = if by_rule > by_date {
            let least = self.case.thresholds.promoting_risks;
            format!("{by_date} by its date, promoted to {by_rule} by {count} risk factors ({least} or more promote)")
        } else {
            format!("{by_date} by its date")
        };
        let loss = time(frequency.rpo().as_secs());
        match self.case.settings.frequency_override {
            Some(_) => {
                let less = if frequency < by_rule { ", less often than its rule" } else { "" };
                format!(
                    "Its frequency was set to {frequency} by hand{less} (which says: {why}); at most {loss} of changes may be lost."
                )
            }
            None => format!("It is captured {why}; at most {loss} of changes may be lost."),
        }
    }
}

fn count_days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn time(seconds: i64) -> &'static str {
    match seconds {
        ..=60 => "60 seconds",
        61..=3600 => "1 hour",
        3601..=86_400 => "24 hours",
        _ => "7 days",
    }
}
