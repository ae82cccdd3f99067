//! The comparison of a capture with the last clean one before it.

use super::Thresholds;
use crate::{Group, word::words};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a capture found, as far as the comparison needs it. Counts only, no contents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether the wedding's root row was there; for other captures, whether the source was.
    pub root_found: bool,
    /// Rows by group. A group without any may be left out.
    pub groups: BTreeMap<Group, GroupSummary>,
    /// The integrity score, 0 to 100 (product.md B5), if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<u8>,
    /// Files that rows name and that are there.
    pub files_found: u64,
    /// How small the rows' text got by compression, in thousandths of its size, if measured: encrypted text hardly gets smaller.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub packed_permille: Option<u16>,
}

/// Rows of a group, and what became of those of the capture that it is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Rows captured.
    pub rows: u64,
    /// Rows that were there before and are not now, by key, if known. Without it, only the difference of the counts is seen, and
    /// rows that were replaced by others are not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed: Option<u64>,
    /// Rows that are still there with other contents, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changed: Option<u64>,
}

words! {
    /// Why a point is suspect.
    Reason {
        /// The wedding itself is not in its source.
        RootMissing = "root_missing",
        /// A group that had rows has none.
        GroupVanished = "group_vanished",
        /// A group lost many rows.
        GroupShrank = "group_shrank",
        /// Many rows were removed over all groups.
        DeletionBurst = "deletion_burst",
        /// Most rows of a group have other contents.
        GroupRewritten = "group_rewritten",
        /// The integrity score fell.
        ScoreDropped = "score_dropped",
        /// Files that rows name are gone.
        FilesVanished = "files_vanished",
        /// Text became noise, as encryption by somebody else would make it.
        EntropyRose = "entropy_rose",
    }
}

/// One thing that looks like damage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub reason: Reason,
    /// In which group, for the reasons that are about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<Group>,
    /// In words, with the numbers. No personal data.
    pub message: String,
}

/// Compares a capture with the last clean one before it (see [`super::last_clean`]; the one just before may be damaged already, and damage
/// would look normal beside it). `None`: there is none, so only what is wrong by itself is found. Empty: nothing looks like damage.
pub fn compare(before: Option<&Summary>, after: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !after.root_found {
        let message = "The wedding is not in its source any more.".to_owned();
        findings.push(Finding { reason: Reason::RootMissing, group: None, message });
    }
    let Some(before) = before else { return findings };
    for (group, was) in &before.groups {
        let is = after.groups.get(group).copied().unwrap_or_default();
        findings.extend(shrank(*group, *was, is, thresholds));
        findings.extend(rewritten(*group, *was, is, thresholds));
    }
    findings.extend(burst(before, after, thresholds));
    findings.extend(score(before, after, thresholds));
    findings.extend(files(before, after, thresholds));
    findings.extend(entropy(before, after, thresholds));
    findings
}

/// Whether `part` of `whole` is at least this share and at least this many.
fn reaches(part: u64, whole: u64, percent: u8, least: u64) -> bool {
    part > 0 && part >= least && u128::from(part) * 100 >= u128::from(whole) * u128::from(percent)
}

/// Rows lost: by key if the capture knows, else by the counts.
fn lost(was: GroupSummary, is: GroupSummary) -> u64 {
    is.removed.unwrap_or_default().max(was.rows.saturating_sub(is.rows)).min(was.rows)
}

fn shrank(group: Group, was: GroupSummary, is: GroupSummary, thresholds: &Thresholds) -> Option<Finding> {
    if is.rows == 0 && was.rows > 0 && was.rows >= thresholds.group_vanished_rows {
        let message = format!("All {} rows of {group} are gone.", was.rows);
        return Some(Finding { reason: Reason::GroupVanished, group: Some(group), message });
    }
    let lost = lost(was, is);
    reaches(lost, was.rows, thresholds.group_loss_percent, thresholds.group_loss_rows).then(|| Finding {
        reason: Reason::GroupShrank,
        group: Some(group),
        message: format!("{lost} of {} rows of {group} are gone.", was.rows),
    })
}

fn rewritten(group: Group, was: GroupSummary, is: GroupSummary, thresholds: &Thresholds) -> Option<Finding> {
    let changed = is.changed.unwrap_or_default().min(was.rows);
    reaches(changed, was.rows, thresholds.rewritten_percent, thresholds.rewritten_rows).then(|| Finding {
        reason: Reason::GroupRewritten,
        group: Some(group),
        message: format!("{changed} of {} rows of {group} have other contents.", was.rows),
    })
}

fn burst(before: &Summary, after: &Summary, thresholds: &Thresholds) -> Option<Finding> {
    let of = |summary: &Summary, group| summary.groups.get(group).copied().unwrap_or_default();
    let rows = before.groups.values().fold(0_u64, |sum, group| sum.saturating_add(group.rows));
    let lost = before.groups.iter().fold(0_u64, |sum, (group, was)| sum.saturating_add(lost(*was, of(after, group))));
    reaches(lost, rows, thresholds.burst_percent, thresholds.burst_rows).then(|| Finding {
        reason: Reason::DeletionBurst,
        group: None,
        message: format!("{lost} of {rows} rows of the wedding are gone."),
    })
}

fn score(before: &Summary, after: &Summary, thresholds: &Thresholds) -> Option<Finding> {
    let (was, is) = (before.score?, after.score?);
    let drop = was.saturating_sub(is);
    (drop > 0 && drop >= thresholds.score_drop).then(|| Finding {
        reason: Reason::ScoreDropped,
        group: None,
        message: format!("The integrity score fell from {was} to {is}."),
    })
}

fn files(before: &Summary, after: &Summary, thresholds: &Thresholds) -> Option<Finding> {
    let (was, is) = (before.files_found, after.files_found);
    let gone = was.saturating_sub(is);
    reaches(gone, was, thresholds.files_vanished_percent, thresholds.files_vanished).then(|| Finding {
        reason: Reason::FilesVanished,
        group: None,
        message: format!("{gone} of {was} files are gone."),
    })
}

fn entropy(before: &Summary, after: &Summary, thresholds: &Thresholds) -> Option<Finding> {
    let (was, is) = (before.packed_permille?, after.packed_permille?);
    let rise = is.saturating_sub(was);
    (rise > 0 && rise >= thresholds.packed_rise_permille && is >= thresholds.packed_permille).then(|| Finding {
        reason: Reason::EntropyRose,
        group: None,
        message: format!(
            "Text that compressed to {was} thousandths of its size now compresses to {is}: it may be encrypted."
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sound() -> Summary {
        let rows = [(Group::Wedding, 1), (Group::Guests, 200), (Group::Timeline, 30), (Group::Vendors, 8)];
        let of = |rows| GroupSummary { rows, removed: Some(0), changed: Some(0) };
        Summary {
            root_found: true,
            groups: rows.into_iter().map(|(group, rows)| (group, of(rows))).collect(),
            score: Some(95),
            files_found: 100,
            packed_permille: Some(220),
        }
    }

    fn reasons(after: &Summary) -> Vec<Reason> {
        let found = compare(Some(&sound()), after, &Thresholds::default());
        assert!(found.iter().all(|finding| finding.message.ends_with('.')));
        found.into_iter().map(|finding| finding.reason).collect()
    }

    fn with(change: impl FnOnce(&mut Summary)) -> Vec<Reason> {
        let mut after = sound();
        change(&mut after);
        reasons(&after)
    }

    fn rows(summary: &mut Summary, group: Group, rows: u64) {
        summary.groups.get_mut(&group).unwrap().rows = rows;
    }

    #[test]
    fn s14_the_same_again_and_growth_are_no_damage() {
        assert_eq!(reasons(&sound()), []);
        let grown = with(|after| {
            rows(after, Group::Guests, 400);
            after.groups.insert(Group::Budget, GroupSummary { rows: 50, ..GroupSummary::default() });
            after.score = Some(100);
            after.files_found = 300;
            after.packed_permille = Some(100);
        });
        assert_eq!(grown, []);
    }

    #[test]
    fn s14_each_kind_of_damage_has_its_reason() {
        assert_eq!(with(|after| after.root_found = false), [Reason::RootMissing]);
        assert_eq!(with(|after| rows(after, Group::Vendors, 0)), [Reason::GroupVanished]);
        assert_eq!(with(|after| rows(after, Group::Timeline, 20)), [Reason::GroupShrank]);
        assert_eq!(with(|after| rows(after, Group::Guests, 140)), [Reason::GroupShrank, Reason::DeletionBurst]);
        assert_eq!(with(|after| after.score = Some(75)), [Reason::ScoreDropped]);
        assert_eq!(with(|after| after.files_found = 80), [Reason::FilesVanished]);
        assert_eq!(with(|after| after.packed_permille = Some(700)), [Reason::EntropyRose]);
        let rewritten = with(|after| after.groups.get_mut(&Group::Guests).unwrap().changed = Some(160));
        assert_eq!(rewritten, [Reason::GroupRewritten]);
    }

    #[test]
    fn s14_rows_that_were_replaced_are_lost_although_their_number_is_the_same() {
        let replaced = with(|after| after.groups.get_mut(&Group::Guests).unwrap().removed = Some(200));
        assert_eq!(replaced, [Reason::GroupShrank, Reason::DeletionBurst]);
    }

    #[test]
    fn s14_a_burst_over_many_groups_is_found_although_each_lost_little() {
        let mut before = sound();
        let mut after = sound();
        for group in Group::ALL {
            before.groups.insert(group, GroupSummary { rows: 100, ..GroupSummary::default() });
            after.groups.insert(group, GroupSummary { rows: 74, ..GroupSummary::default() });
        }
        let found = compare(Some(&before), &after, &Thresholds::default());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].reason, found[0].group), (Reason::DeletionBurst, None));
        assert_eq!(found[0].message, "208 of 800 rows of the wedding are gone.");
    }

    #[test]
    fn s14_everyday_changes_stay_below_every_threshold() {
        let quiet = with(|after| {
            rows(after, Group::Guests, 170);
            rows(after, Group::Vendors, 5);
            after.groups.get_mut(&Group::Timeline).unwrap().changed = Some(19);
            after.score = Some(76);
            after.files_found = 81;
            after.packed_permille = Some(449);
        });
        assert_eq!(quiet, []);
    }

    #[test]
    fn s14_a_first_capture_is_judged_by_itself() {
        let mut first = Summary::default();
        assert_eq!(compare(None, &first, &Thresholds::default())[0].reason, Reason::RootMissing);
        first.root_found = true;
        assert_eq!(compare(None, &first, &Thresholds::default()), []);
    }

    #[test]
    fn findings_round_trip_in_words_of_the_api() {
        let mut after = sound();
        rows(&mut after, Group::Vendors, 0);
        let found = compare(Some(&sound()), &after, &Thresholds::default());
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(
            json,
            r#"[{"reason":"group_vanished","group":"vendors","message":"All 8 rows of vendors are gone."}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<Finding>>(&json).unwrap(), found);
        let summary: Summary = serde_json::from_str(&serde_json::to_string(&after).unwrap()).unwrap();
        assert_eq!(summary, after);
        assert_eq!(serde_json::from_str::<Thresholds>("{}").unwrap(), Thresholds::default());
    }

    proptest! {
        /// Losing more never looks less like damage, and the same again never looks like damage.
        #[test]
        fn s14_more_damage_never_has_fewer_reasons(
            guests in 0..u64::MAX, lost in 0..500_u64, more in 0..500_u64, files in 0..1000_u64, score in 0..=100_u8,
        ) {
            let mut before = sound();
            rows(&mut before, Group::Guests, guests);
            before.files_found = files;
            before.score = Some(score);
            prop_assert_eq!(compare(Some(&before), &before, &Thresholds::default()), vec![]);
            let damaged = |lost: u64| {
                let mut after = before.clone();
                rows(&mut after, Group::Guests, guests.saturating_sub(lost));
                after.files_found = files.saturating_sub(lost);
                after.score = Some(score.saturating_sub(u8::try_from(lost / 10).unwrap_or(u8::MAX)));
                compare(Some(&before), &after, &Thresholds::default())
            };
            let (less, worse) = (damaged(lost), damaged(lost + more));
            prop_assert!(less.len() <= worse.len(), "{less:?} {worse:?}");
        }
    }
}
