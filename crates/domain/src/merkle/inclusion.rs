//! That a record is in a tree, where, and at which place.

use super::{Hash, split};
use std::ops::Range;

/// Which parts of a tree prove that its leaf at `index` is there: ranges of leaves whose roots are the proof, in its order, from
/// the leaf's sibling up. Together with the leaf they are the whole tree. `None` if there is no such leaf.
pub fn path(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut part = 0..size;
    while part.end - part.start > 1 {
        let middle = part.start + split(part.end - part.start);
        let (inside, beside) = match index < middle {
            true => (part.start..middle, middle..part.end),
            false => (middle..part.end, part.start..middle),
        };
        path.push(beside);
        part = inside;
    }
    path.reverse();
    Some(path)
}

/// The root of the tree of `size` leaves in which `leaf` stands at `index`, if `proof` shows one (RFC 9162, section 2.1.3.2). The
/// caller compares it with a root that it trusts.
pub fn root(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut root = leaf;
    for hash in proof {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            root = Hash::of_node(hash, &root);
            // On the right edge a node without sibling goes up as it is.
            let up = if node == 0 { 0 } else { node.trailing_zeros() };
            (node, last) = (node >> up, last >> up);
        } else {
            root = Hash::of_node(&root, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{leaves, naive_root, roots},
        *,
    };
    use proptest::prelude::*;

    #[test]
    fn every_leaf_of_every_small_tree_is_proven() {
        for size in 1..=70 {
            let all = leaves(size);
            let whole = naive_root(&all);
            for index in 0..size {
                let proof = roots(&all, path(index, size).unwrap());
                assert_eq!(root(all[index as usize], index, size, &proof), Some(whole), "{index} of {size}");
            }
        }
    }

    #[test]
    fn what_is_not_there_has_no_path() {
        assert_eq!(path(0, 0), None);
        assert_eq!(path(7, 7), None);
        assert_eq!(root(Hash::of_leaf(b""), 7, 7, &[]), None);
        assert_eq!(path(0, 1), Some(vec![]));
    }

    proptest! {
        #[test]
        fn a_proof_of_something_else_gives_another_root(
            size in 1..200_u64, at in any::<prop::sample::Index>(), turn in any::<prop::sample::Index>(), how in 0..5_u8,
        ) {
            let all = leaves(size);
            let whole = naive_root(&all);
            let index = at.index(size as usize) as u64;
            let leaf = all[index as usize];
            let mut proof = roots(&all, path(index, size).unwrap());
            let (mut said_leaf, mut said_index, mut said_size) = (leaf, index, size);
            match how {
                0 => said_leaf = Hash::of_leaf(b"another"),
                1 => said_index = turn.index(size as usize) as u64,
                2 => said_size = size + 1 + turn.index(100) as u64,
                3 => proof.push(Hash::of_leaf(b"one more")),
                _ if proof.is_empty() => {}
                _ => { proof.remove(turn.index(proof.len())); }
            }
            let found = root(said_leaf, said_index, said_size, &proof);
            let honest = (said_leaf, said_index) == (leaf, index) && proof.len() == path(index, size).unwrap().len();
            // The same path may fit a tree of another size; the size is signed beside the root.
            prop_assert!(found != Some(whole) || honest, "{how}: {index} of {size} as {said_index} of {said_size}");
        }

        #[test]
        fn a_path_and_its_leaf_are_the_whole_tree(size in 1..u64::MAX / 2, at in any::<u64>()) {
            let index = at % size;
            let mut parts = path(index, size).unwrap();
            parts.push(index..index + 1);
            prop_assert!(parts.len() <= 64);
            parts.sort_by_key(|part| part.start);
            let end = parts.into_iter().try_fold(0, |end, part| (part.start == end).then_some(part.end));
            prop_assert_eq!(end, Some(size));
        }
    }
}
