//! Injected trouble is what was ordered, and the same each time.

use crate::suite::{content, key, listed};
use bytes::Bytes;
use futures::TryStreamExt;
use keepsake_store::{
    DynStore, Error, Memory, Operation,
    fault::{Fault, Faulty, Rule, When},
};
use std::{sync::Arc, time::Duration};

fn faulty(rules: Vec<Rule>) -> (Arc<Faulty>, DynStore) {
    let faulty = Faulty::new(Arc::new(Memory::new()), 7, rules);
    (Arc::clone(&faulty), faulty)
}

async fn with_object(fault: Fault) -> (Arc<Faulty>, DynStore) {
    let (faulty, store) = faulty(Vec::new());
    store.put(&key("data/a"), content(1_000, 1).into()).await.unwrap();
    faulty.set_rules(vec![Rule::any(When::Always, fault)]);
    (faulty, store)
}

#[tokio::test]
async fn errors_come_instead_of_the_call() {
    type Check = fn(&Error) -> bool;
    let cases: [(Fault, Check); 4] = [
        (Fault::Transient, Error::is_transient),
        (Fault::Permanent, |error| matches!(error, Error::Permanent { .. })),
        (Fault::Denied, |error| matches!(error, Error::AccessDenied { .. })),
        (Fault::NoSpace, |error| matches!(error, Error::NoSpace { .. })),
    ];
    for (fault, expected) in cases {
        let (faulty, store) = with_object(fault).await;
        let (a, b) = (key("data/a"), key("data/b"));
        assert!(expected(&store.put(&b, vec![1].into()).await.unwrap_err()));
        assert!(expected(&store.get(&a).await.unwrap_err()));
        assert!(expected(&store.get_range(&a, 0..1).await.unwrap_err()));
        assert!(expected(&store.get_stream(&a).await.err().unwrap()));
        assert!(expected(&store.head(&a).await.unwrap_err()));
        assert!(expected(&store.list_folders(None).await.unwrap_err()));
        assert!(expected(&store.delete(&a).await.unwrap_err()));
        assert!(expected(&store.list(None).try_collect::<Vec<_>>().await.unwrap_err()));
        assert_eq!(faulty.injected(), 8);
        faulty.set_rules(Vec::new());
        assert_eq!(listed(&store, None).await.len(), 1, "nothing was done");
    }
}

#[tokio::test]
async fn the_nth_matching_call_alone_is_hit_or_all_from_it_on() {
    let nth = Rule::on(Operation::Put, When::Nth(2), Fault::Transient).for_key("data/");
    let (faulty, store) = faulty(vec![nth]);
    for (name, fails) in [("data/1", false), ("index/1", false), ("data/2", true), ("data/3", false)] {
        assert_eq!(store.put(&key(name), vec![1].into()).await.is_err(), fails, "{name}");
    }
    assert_eq!(faulty.calls()[2], (Operation::Put, Some(key("data/2"))));
    faulty.set_rules(vec![Rule::any(When::From(2), Fault::Permanent)]);
    assert!(store.head(&key("data/1")).await.is_ok());
    assert!(store.head(&key("data/1")).await.is_err());
    assert!(store.get(&key("data/1")).await.is_err());
}

#[tokio::test]
async fn a_lost_answer_hides_work_that_was_done() {
    let (faulty, store) = faulty(vec![Rule::any(When::Always, Fault::LostAnswer)]);
    assert!(store.put(&key("a"), vec![1].into()).await.unwrap_err().is_transient());
    assert!(store.get(&key("a")).await.unwrap_err().is_transient());
    assert!(store.list(None).try_collect::<Vec<_>>().await.unwrap_err().is_transient());
    faulty.set_rules(Vec::new());
    assert_eq!(&store.get(&key("a")).await.unwrap()[..], [1]);
}

#[tokio::test]
async fn reads_are_cut_or_changed_silently_or_with_an_error() {
    let all = content(1_000, 1);
    let joined = async |store: &DynStore| -> keepsake_store::Result<Bytes> {
        let (_, stream) = store.get_stream(&key("data/a")).await?;
        Ok(stream.try_collect::<Vec<Bytes>>().await?.concat().into())
    };
    let (_, store) = with_object(Fault::Truncate).await;
    assert_eq!(store.get(&key("data/a")).await.unwrap(), all.slice(..500));
    assert_eq!(store.get_range(&key("data/a"), 0..100).await.unwrap().len(), 50);
    assert_eq!(joined(&store).await.unwrap(), all.slice(..500));

    let (_, store) = with_object(Fault::ShortRead).await;
    assert!(matches!(store.get(&key("data/a")).await, Err(Error::ShortRead { got: 500, expected: 1_000, .. })));
    assert!(matches!(joined(&store).await, Err(Error::ShortRead { .. })));

    let (_, store) = with_object(Fault::FlipBit).await;
    for read in [store.get(&key("data/a")).await.unwrap(), joined(&store).await.unwrap()] {
        let wrong_bits: u32 = read.iter().zip(&all).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!((read.len(), wrong_bits), (1_000, 1));
    }
}

#[tokio::test]
async fn writes_are_damaged_and_called_done() {
    for (fault, length) in [(Fault::Truncate, 500), (Fault::FlipBit, 1_000)] {
        let (faulty, store) = faulty(vec![Rule::on(Operation::Put, When::Always, fault)]);
        store.put(&key("a"), vec![content(400, 1), content(600, 2)].into()).await.unwrap();
        faulty.set_rules(Vec::new());
        let stored = store.get(&key("a")).await.unwrap();
        assert_eq!(stored.len(), length);
        assert_ne!(&stored[..], &[content(400, 1), content(600, 2)].concat()[..]);
    }
}

#[tokio::test]
async fn listings_lose_objects_and_folders() {
    let (faulty, store) = faulty(Vec::new());
    for number in 0..10 {
        store.put(&key(&format!("{number}/x")), vec![1].into()).await.unwrap();
    }
    faulty.set_rules(vec![Rule::any(When::Always, Fault::LoseListing(5))]);
    assert_eq!(listed(&store, None).await.len(), 8);
    assert_eq!(store.list_folders(None).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_full_disk_stays_full() {
    let (faulty, store) = faulty(Vec::new());
    faulty.set_space_left(Some(150));
    store.put(&key("a"), vec![0; 100].into()).await.unwrap();
    assert!(matches!(store.put(&key("b"), vec![0; 51].into()).await, Err(Error::NoSpace { .. })));
    assert!(matches!(store.put(&key("c"), vec![0; 1].into()).await, Err(Error::NoSpace { .. })));
    assert_eq!(store.get(&key("a")).await.unwrap().len(), 100, "what is there can be read");
    faulty.set_space_left(None);
    store.put(&key("b"), vec![0; 51].into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn slowness_and_time_outs_take_their_time() {
    let start = tokio::time::Instant::now();
    let (_, store) = with_object(Fault::Slow(Duration::from_secs(3))).await;
    store.get(&key("data/a")).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 3);
    let (_, store) = with_object(Fault::Timeout(Duration::from_secs(60))).await;
    assert!(store.get(&key("data/a")).await.unwrap_err().is_transient());
    assert_eq!(start.elapsed().as_secs(), 63);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let run = async || {
        let (_, store) = faulty(vec![Rule::any(When::Chance(0.3), Fault::Transient)]);
        let mut failed = Vec::new();
        for number in 0..100 {
            failed.push(store.put(&key(&format!("{number}")), vec![1].into()).await.is_err());
        }
        failed
    };
    let (first, second) = (run().await, run().await);
    assert_eq!(first, second);
    assert!((15..45).contains(&first.iter().filter(|failed| **failed).count()));
}
