//! A target is known by what it does.

use crate::suite::listed;
use keepsake_store::{
    Capabilities, DynStore, Error, Local, Memory, Operation,
    fault::{Fault, Faulty, Rule, When},
    lying::Lying,
    prefix::Prefix,
    probe,
};
use std::sync::Arc;

fn memory() -> DynStore {
    Arc::new(Memory::new())
}

#[tokio::test]
async fn s15_stores_that_refuse_to_overwrite_are_told_from_those_that_only_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let honest: [DynStore; 2] = [memory(), Arc::new(Local::new(folder.path()).unwrap())];
    for store in honest {
        let found = probe(&store).await.unwrap();
        assert_eq!(found, Capabilities { conditional_create: true, ..Capabilities::default() });
        assert!(listed(&store, None).await.is_empty(), "the probe cleans up");
    }
    let lying: DynStore = Arc::new(Lying::new(memory()));
    assert!(!probe(&lying).await.unwrap().conditional_create);
    assert!(listed(&lying, None).await.is_empty());
}

#[tokio::test]
async fn the_probe_works_below_a_prefix_and_twice() {
    let store: DynStore = Arc::new(Prefix::new(memory(), crate::suite::key("p")));
    assert!(probe(&store).await.unwrap().conditional_create);
    assert!(probe(&store).await.unwrap().conditional_create);
}

#[tokio::test]
async fn a_probe_that_fails_says_why_and_leaves_nothing() {
    for (operation, nth) in [(Operation::Put, 1), (Operation::Get, 1), (Operation::Put, 2), (Operation::Get, 2)] {
        let faulty = Faulty::new(memory(), 1, vec![Rule::on(operation, When::Nth(nth), Fault::Denied)]);
        let store: DynStore = faulty;
        assert!(matches!(probe(&store).await, Err(Error::AccessDenied { .. })), "{operation} {nth}");
        assert!(listed(&store, None).await.is_empty());
    }
    // A target from which nothing can be deleted is no target for a vault that may have to be erased.
    let faulty = Faulty::new(memory(), 1, vec![Rule::on(Operation::Delete, When::Always, Fault::Denied)]);
    let store: DynStore = faulty;
    assert!(matches!(probe(&store).await, Err(Error::AccessDenied { .. })));
}

#[tokio::test]
async fn a_target_that_returns_other_bytes_than_it_got_fails_the_probe() {
    for fault in [Fault::Truncate, Fault::FlipBit] {
        let faulty = Faulty::new(memory(), 1, vec![Rule::on(Operation::Get, When::Nth(1), fault)]);
        let store: DynStore = faulty;
        assert!(probe(&store).await.is_err());
    }
}
