//! That a later tree is an earlier one with more behind it: nothing changed, nothing removed, nothing put in between.

use super::{Hash, split};
use std::ops::Range;

/// Which parts of a tree of `new` leaves prove that it began as the tree of its first `old` ones: ranges of leaves whose roots are
/// the proof, in its order (RFC 6962, section 2.1.2). `None` unless `0 < old <= new`: of nothing there is nothing to prove.
pub fn path(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old == 0 || old > new {
        return None;
    }
    let mut path = Vec::new();
    let mut part = 0..new;
    // Whether the part of the old tree that is looked at is the old tree itself, whose root the verifier has.
    let mut known = true;
    while part.end != old {
        let middle = part.start + split(part.end - part.start);
        if old <= middle {
            path.push(middle..part.end);
            part.end = middle;
        } else {
            path.push(part.start..middle);
            part.start = middle;
            known = false;
        }
    }
    if !known {
        path.push(part);
    }
    path.reverse();
    Some(path)
}

/// Whether `proof` shows that the tree of `new` leaves with `new_root` began as that of `old` leaves with `old_root` (RFC 9162,
/// section 2.1.4.2).
pub fn holds(old: u64, new: u64, old_root: Hash, new_root: Hash, proof: &[Hash]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let mut rest = proof.iter();
    // A perfect old tree is a node of the new one, and the proof leaves it out.
    let first = if old.is_power_of_two() { Some(&old_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let up = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> up, (new - 1) >> up);
    let (mut before, mut after) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            before = Hash::of_node(hash, &before);
            after = Hash::of_node(hash, &after);
            let up = if node == 0 { 0 } else { node.trailing_zeros() };
            (node, last) = (node >> up, last >> up);
        } else {
            after = Hash::of_node(&after, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && before == old_root && after == new_root
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{leaves, naive_root, roots},
        *,
    };
    use proptest::prelude::*;

    #[test]
    fn every_pair_of_small_trees_is_proven() {
        let all = leaves(66);
        let whole: Vec<Hash> = (0..=66).map(|size| naive_root(&all[..size])).collect();
        for new in 1..=66 {
            for old in 1..=new {
                let proof = roots(&all, path(old, new).unwrap());
                assert!(holds(old, new, whole[old as usize], whole[new as usize], &proof), "{old} to {new}");
            }
        }
    }

    #[test]
    fn a_tree_does_not_shrink_and_nothing_proves_nothing() {
        assert_eq!(path(5, 4), None);
        assert_eq!(path(0, 4), None);
        assert_eq!(path(4, 4), Some(vec![]));
        let root = Hash::of_leaf(b"");
        assert!(!holds(0, 1, root, root, &[]));
        assert!(!holds(2, 1, root, root, &[]));
        assert!(!holds(3, 7, root, root, &[]));
    }

    proptest! {
        #[test]
        fn a_history_that_was_rewritten_has_no_proof(
            old in 1..150_u64, more in 0..50_u64, at in any::<prop::sample::Index>(), cut in any::<bool>(),
        ) {
            let mut all = leaves(old + more);
            let old_root = naive_root(&all[..old as usize]);
            let index = at.index(old as usize);
            if cut {
                all.remove(index);
                all.push(Hash::of_leaf(b"so that nobody counts"));
            } else {
                all[index] = Hash::of_leaf(b"rewritten");
            }
            let proof = roots(&all, path(old, old + more).unwrap());
            prop_assert!(!holds(old, old + more, old_root, naive_root(&all), &proof));
        }

        #[test]
        fn a_spoilt_proof_proves_nothing(
            old in 1..150_u64, more in 1..50_u64, at in any::<prop::sample::Index>(), how in 0..3_u8,
        ) {
            let all = leaves(old + more);
            let mut proof = roots(&all, path(old, old + more).unwrap());
            let at = at.index(proof.len());
            match how {
                0 => proof[at] = Hash::of_leaf(b"spoilt"),
                1 => { proof.remove(at); }
                _ => proof.push(Hash::of_leaf(b"one more")),
            }
            prop_assert!(!holds(old, old + more, naive_root(&all[..old as usize]), naive_root(&all), &proof));
        }
    }
}
