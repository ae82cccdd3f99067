//! The system configuration: every number by which the installation protects weddings, set by the operator, versioned by the catalog.

use crate::{
    saturday::Rules,
    suspect,
    wedding::{DateRules, InvalidThresholds, Thresholds, WeddingType},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The system configuration. What is left out has the default of product.md.
///
/// Deserialising does not judge: call [`SystemConfig::faults`] before it is put to use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemConfig {
    /// Classes, frequencies and risks (B1, B2, B3).
    pub thresholds: Thresholds,
    /// The Saturday protocol (B4).
    pub saturday: Rules,
    /// What looks like damage (A11).
    pub suspect: suspect::Thresholds,
}

impl SystemConfig {
    /// Every fault, with a JSON pointer below the configuration; none if it can be put to use.
    pub fn faults(&self) -> Vec<InvalidThresholds> {
        let fault = |pointer: &str, message: String| InvalidThresholds { pointer: pointer.to_owned(), message };
        let mut faults = Vec::new();
        for found in self.thresholds.validate().err().unwrap_or_default() {
            faults.push(fault(&format!("/thresholds{}", found.pointer), found.message));
        }
        if let Err(error) = self.saturday.validate() {
            faults.push(fault("/saturday", error.to_string()));
        }
        let shares = [
            ("/suspect/group_loss_percent", self.suspect.group_loss_percent),
            ("/suspect/burst_percent", self.suspect.burst_percent),
            ("/suspect/rewritten_percent", self.suspect.rewritten_percent),
            ("/suspect/files_vanished_percent", self.suspect.files_vanished_percent),
        ];
        for (pointer, share) in shares {
            if !(1..=100).contains(&share) {
                faults.push(fault(pointer, "a share is 1 to 100 per cent".to_owned()));
            }
        }
        faults
    }

    /// Whether any wedding could be protected less than by `other`: such a change takes a fresh second factor (product.md E4).
    pub fn is_weaker_than(&self, other: &Self) -> bool {
        self.dates_are_weaker(other) || self.risks_are_weaker(other) || self.weekends_are_weaker(other) || {
            let less_sensitive = |mine: u64, theirs: u64| mine > theirs;
            let (mine, theirs) = (&self.suspect, &other.suspect);
            [
                (mine.group_loss_percent.into(), theirs.group_loss_percent.into()),
                (mine.group_loss_rows, theirs.group_loss_rows),
                (mine.group_vanished_rows, theirs.group_vanished_rows),
                (mine.burst_percent.into(), theirs.burst_percent.into()),
                (mine.burst_rows, theirs.burst_rows),
                (mine.rewritten_percent.into(), theirs.rewritten_percent.into()),
                (mine.rewritten_rows, theirs.rewritten_rows),
                (mine.score_drop.into(), theirs.score_drop.into()),
                (mine.files_vanished_percent.into(), theirs.files_vanished_percent.into()),
                (mine.files_vanished, theirs.files_vanished),
                (mine.packed_rise_permille.into(), theirs.packed_rise_permille.into()),
                (mine.packed_permille.into(), theirs.packed_permille.into()),
            ]
            .into_iter()
            .any(|(mine, theirs)| less_sensitive(mine, theirs))
        }
    }

    fn dates_are_weaker(&self, other: &Self) -> bool {
        let types: BTreeSet<&WeddingType> =
            self.thresholds.wedding_types.keys().chain(other.thresholds.wedding_types.keys()).collect();
        let all = std::iter::once(None).chain(types.into_iter().map(Some));
        all.into_iter().any(|kind| shorter(self.thresholds.dates_for(kind), other.thresholds.dates_for(kind)))
    }

    fn risks_are_weaker(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.thresholds.risk, &other.thresholds.risk);
        let rates_fell = theirs
            .gbp_millionths
            .iter()
            .any(|(currency, rate)| mine.gbp_millionths.get(currency).is_none_or(|mine| mine < rate));
        self.thresholds.promoting_risks > other.thresholds.promoting_risks
            || mine.guests_over > theirs.guests_over
            || mine.budget_over_gbp > theirs.budget_over_gbp
            || mine.booked_vendors > theirs.booked_vendors
            || mine.overlapping_vendor_slots > theirs.overlapping_vendor_slots
            || mine.changed_rows_7_days > theirs.changed_rows_7_days
            || !mine.weekend.is_superset(&theirs.weekend)
            || rates_fell
    }

    fn weekends_are_weaker(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.saturday, &other.saturday);
        mine.due_days_before < theirs.due_days_before
            || mine.prepare_days_before > theirs.prepare_days_before
            || mine.weekend_days_before < theirs.weekend_days_before
            || mine.weekend_days_after < theirs.weekend_days_after
            || mine.grace_seconds > theirs.grace_seconds
    }
}

/// Whether any distance is shorter.
fn shorter(mine: &DateRules, theirs: &DateRules) -> bool {
    let distances = |rules: &DateRules| {
        [
            rules.critical_days_before,
            rules.high_days_before,
            rules.medium_days_before,
            rules.critical_days_after,
            rules.high_days_after,
            rules.medium_days_after,
            rules.high_priority_days_before,
            rules.high_priority_days_after,
            rules.hourly_days_before,
            rules.daily_days_before,
            rules.daily_days_after,
        ]
    };
    distances(mine).into_iter().zip(distances(theirs)).any(|(mine, theirs)| mine < theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wedding::Weekday;

    fn changed(change: impl FnOnce(&mut SystemConfig)) -> SystemConfig {
        let mut config = SystemConfig::default();
        change(&mut config);
        config
    }

    #[test]
    fn the_defaults_are_without_fault_and_survive_their_own_text() {
        let config = SystemConfig::default();
        assert_eq!(config.faults(), []);
        assert_eq!(serde_json::from_str::<SystemConfig>("{}").unwrap(), config);
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SystemConfig>(&text).unwrap(), config);
        assert!(serde_json::from_str::<SystemConfig>(r#"{"treshold": 1}"#).is_err());
    }

    #[test]
    fn every_fault_is_named_at_its_place() {
        let config = changed(|config| {
            config.thresholds.promoting_risks = 0;
            config.saturday.prepare_days_before = 1;
            config.suspect.burst_percent = 0;
        });
        let places: Vec<String> = config.faults().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(places, ["/thresholds/promoting_risks", "/saturday", "/suspect/burst_percent"]);
    }

    #[test]
    fn what_protects_less_is_weaker_and_what_protects_more_is_not() {
        let was = SystemConfig::default();
        let weaker = [
            changed(|config| config.thresholds.dates.hourly_days_before = 29),
            changed(|config| config.thresholds.risk.guests_over = 201),
            changed(|config| config.thresholds.risk.weekend.retain(|day| *day != Weekday::Sunday)),
            changed(|config| config.thresholds.promoting_risks = 3),
            changed(|config| config.saturday.grace_seconds = 7200),
            changed(|config| config.suspect.score_drop = 30),
            changed(|config| {
                let dates = DateRules { critical_days_after: 1, ..DateRules::default() };
                config.thresholds.wedding_types.insert("elopement".parse().unwrap(), dates);
            }),
        ];
        for config in weaker {
            assert!(config.is_weaker_than(&was), "{config:?}");
            assert!(!was.is_weaker_than(&config), "{config:?}");
        }
        assert!(!was.is_weaker_than(&was));
    }
}
