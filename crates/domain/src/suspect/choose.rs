//! Which point to trust.

use crate::{PointId, point::Listed};

/// The newest point that is whole and does not look like damage: the baseline of the next comparison, pinned while the wedding
/// exists, and what an emergency restore takes.
pub fn last_clean<'a>(points: impl IntoIterator<Item = &'a Listed>) -> Option<&'a Listed> {
    points.into_iter().filter(|point| point.is_clean()).max_by_key(|point| (point.captured_at, point.id))
}

/// What an emergency restore does without a named point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Take this one: the newest there is, and clean.
    Take(PointId),
    /// Ask: there are newer ones that are suspect or incomplete, and only a person knows whether they are wanted.
    Ask {
        /// The last clean one, if there is any.
        clean: Option<PointId>,
        /// Those that are newer than it, newest first.
        newer: Vec<PointId>,
    },
    /// There is no point at all.
    Nothing,
}

/// Chooses among all points of a wedding. States saved before a restore are no candidates (S8).
pub fn for_emergency(points: &[Listed]) -> Choice {
    let clean = last_clean(points);
    let mut newer: Vec<&Listed> = points.iter().filter(|point| point.is_capture()).collect();
    newer.retain(|point| clean.is_none_or(|clean| (point.captured_at, point.id) > (clean.captured_at, clean.id)));
    newer.sort_by_key(|point| std::cmp::Reverse((point.captured_at, point.id)));
    match (clean, newer.is_empty()) {
        (Some(clean), true) => Choice::Take(clean.id),
        (None, true) => Choice::Nothing,
        (clean, false) => {
            Choice::Ask { clean: clean.map(|point| point.id), newer: newer.into_iter().map(|point| point.id).collect() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{Judgement, Kind};
    use jiff::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id(number: u128) -> PointId {
        PointId::from_uuid(Uuid::from_u128(number))
    }

    fn point(number: u128, judgement: Judgement) -> Listed {
        let captured_at = Timestamp::from_second(i64::try_from(number).unwrap()).unwrap();
        Listed { id: id(number), captured_at, kind: Kind::Wedding, incomplete: false, verified: true, judgement }
    }

    #[test]
    fn s14_the_newest_clean_point_is_taken_and_newer_suspect_ones_are_asked_about() {
        use Judgement::{Clean, Cleared, Suspect};
        let points = [point(1, Clean), point(2, Clean)];
        assert_eq!(for_emergency(&points), Choice::Take(id(2)));
        let damaged = [point(4, Suspect), point(1, Clean), point(3, Suspect), point(2, Clean)];
        let expected = Choice::Ask { clean: Some(id(2)), newer: vec![id(4), id(3)] };
        assert_eq!(for_emergency(&damaged), expected);
        let cleared = [point(1, Clean), point(2, Suspect), point(3, Cleared)];
        assert_eq!(for_emergency(&cleared), Choice::Take(id(3)));
        assert_eq!(for_emergency(&[point(1, Suspect)]), Choice::Ask { clean: None, newer: vec![id(1)] });
        assert_eq!(for_emergency(&[]), Choice::Nothing);
    }

    #[test]
    fn s08_a_state_saved_before_a_restore_and_a_partial_capture_are_never_chosen() {
        let mut saved = point(3, Judgement::Clean);
        saved.kind = Kind::PreRecovery;
        let mut partial = point(2, Judgement::Clean);
        partial.incomplete = true;
        assert_eq!(last_clean(&[saved, partial]), None);
        assert_eq!(for_emergency(&[saved]), Choice::Nothing);
        let expected = Choice::Ask { clean: Some(id(1)), newer: vec![id(2)] };
        assert_eq!(for_emergency(&[saved, partial, point(1, Judgement::Clean)]), expected);
    }

    proptest! {
        #[test]
        fn s14_what_is_taken_unasked_is_clean_and_newest(judgements in proptest::collection::vec(0..3_usize, 0..20)) {
            let points: Vec<Listed> =
                (0..).zip(judgements).map(|(number, judgement)| point(number, Judgement::ALL[judgement])).collect();
            match for_emergency(&points) {
                Choice::Take(taken) => prop_assert!(points.last().is_some_and(|point| point.id == taken && point.is_clean())),
                Choice::Ask { clean, newer } => {
                    prop_assert_eq!(clean, last_clean(&points).map(|point| point.id));
                    prop_assert!(newer.iter().all(|newer| clean.is_none_or(|clean| *newer > clean)) && !newer.is_empty());
                }
                Choice::Nothing => prop_assert!(points.is_empty()),
            }
        }
    }
}
