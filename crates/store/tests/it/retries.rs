//! Passing failures are not seen; lasting ones are, at once or in time; and nobody's object is taken for ours.

use crate::suite::{conforms, content, key, listed};
use bytes::Bytes;
use futures::TryStreamExt;
use keepsake_store::{
    DynStore, Error, Memory, Operation,
    fault::{Fault, Faulty, Rule, When},
    lying::Lying,
    retry::{Policy, Retrying},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const POLICY: Policy = Policy {
    attempts_max: 4,
    pause_first: Duration::from_secs(1),
    pause_max: Duration::from_secs(3),
    attempt_time_max: Some(Duration::from_secs(60)),
    rate_min_bytes_per_s: 1_000,
    seed: Some(11),
};

fn retrying(rules: Vec<Rule>) -> (Arc<Faulty>, Arc<Memory>, DynStore) {
    let memory = Arc::new(Memory::new());
    let faulty = Faulty::new(Arc::clone(&memory) as DynStore, 3, rules);
    let store = Arc::new(Retrying::new(Arc::clone(&faulty) as DynStore, POLICY));
    (faulty, memory, store)
}

fn once(operation: Operation, fault: Fault) -> Vec<Rule> {
    vec![Rule::on(operation, When::Nth(1), fault)]
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_now_and_then_conforms() {
    let rules = vec![
        Rule::any(When::Chance(0.1), Fault::Transient),
        Rule::on(Operation::Get, When::Chance(0.1), Fault::LostAnswer),
        Rule::on(Operation::GetStream, When::Chance(0.4), Fault::ShortRead),
        Rule::on(Operation::GetStream, When::Chance(0.4), Fault::Truncate),
        Rule::on(Operation::Put, When::Chance(0.1), Fault::LostAnswer),
        Rule::on(Operation::List, When::Chance(0.2), Fault::ShortRead),
        Rule::any(When::Chance(0.02), Fault::Timeout(Duration::from_secs(100))),
    ];
    let memory = Arc::new(Memory::new());
    let faulty = Faulty::new(memory, 5, rules);
    let policy = Policy { attempts_max: 12, ..POLICY };
    let store: DynStore = Arc::new(Retrying::new(Arc::clone(&faulty) as DynStore, policy));
    conforms(&store).await;
    assert!(faulty.injected() > 20, "{}", faulty.injected());
}

#[tokio::test(start_paused = true)]
async fn lasting_trouble_ends_after_the_last_attempt_and_pauses_stay_bounded() {
    let (faulty, _, store) = retrying(vec![Rule::any(When::Always, Fault::Transient)]);
    let start = Instant::now();
    assert!(store.head(&key("a")).await.unwrap_err().is_transient());
    assert_eq!(faulty.injected(), 4);
    // At most 1 + 2 + 3 seconds, the third pause cut from 4.
    assert!(start.elapsed() <= Duration::from_secs(6) && start.elapsed() > Duration::ZERO, "{:?}", start.elapsed());
    assert!(store.list(None).try_collect::<Vec<_>>().await.is_err());
    assert_eq!(faulty.injected(), 8);
}

#[tokio::test(start_paused = true)]
async fn pauses_differ_by_seed_and_repeat_with_it() {
    let pause = async |seed: u64| {
        let faulty = Faulty::new(Arc::new(Memory::new()), 1, vec![Rule::any(When::Always, Fault::Transient)]);
        let store: DynStore = Arc::new(Retrying::new(faulty, Policy { seed: Some(seed), ..POLICY }));
        let start = Instant::now();
        assert!(store.head(&key("a")).await.is_err());
        start.elapsed()
    };
    assert_eq!(pause(1).await, pause(1).await);
    assert_ne!(pause(1).await, pause(2).await);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_not_repeated() {
    for fault in [Fault::Permanent, Fault::Denied, Fault::NoSpace] {
        let (faulty, _, store) = retrying(vec![Rule::any(When::Always, fault)]);
        assert!(store.put(&key("a"), vec![1].into()).await.is_err());
        assert_eq!(faulty.injected(), 1);
        assert!(store.list(None).try_collect::<Vec<_>>().await.is_err());
        assert_eq!(faulty.injected(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_is_given_up_in_proportion_to_its_size() {
    let (faulty, _, store) = retrying(once(Operation::Put, Fault::Timeout(Duration::from_secs(100_000))));
    let start = Instant::now();
    store.put(&key("a"), vec![0; 30_000].into()).await.unwrap();
    let took = start.elapsed();
    // 60 s, 30 s for 30,000 bytes at 1,000 a second, and a pause of at most one.
    assert!((90..=91).contains(&took.as_secs()), "{took:?}");
    assert_eq!(faulty.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn s15_our_own_object_after_a_lost_answer_is_success() {
    let (_, _, store) = retrying(once(Operation::Put, Fault::LostAnswer));
    store.put(&key("a"), vec![content(10, 1), Bytes::new(), content(20, 2)].into()).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), [content(10, 1), content(20, 2)].concat());
    // The comparison itself may meet passing trouble.
    let mut rules = once(Operation::Put, Fault::LostAnswer);
    rules.extend(once(Operation::Head, Fault::Transient));
    rules.extend(once(Operation::GetRange, Fault::ShortRead));
    let (_, _, store) = retrying(rules);
    store.put(&key("a"), content(10, 1).into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s15_anothers_object_after_a_timeout_is_not_ours() {
    for theirs in [content(10, 2), content(11, 2), Bytes::new()] {
        let (_, memory, store) = retrying(once(Operation::Put, Fault::Transient));
        memory.overwrite(&key("a"), theirs.clone());
        let answer = store.put(&key("a"), content(10, 1).into()).await;
        assert!(matches!(answer, Err(Error::AlreadyExists { .. })), "{answer:?}");
        assert_eq!(store.get(&key("a")).await.unwrap(), theirs);
    }
}

#[tokio::test(start_paused = true)]
async fn s15_an_existing_object_is_an_error_without_a_failure_even_with_our_content() {
    let (_, memory, store) = retrying(Vec::new());
    memory.overwrite(&key("a"), content(10, 1));
    assert!(matches!(store.put(&key("a"), content(10, 1).into()).await, Err(Error::AlreadyExists { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_range_beyond_the_end_is_an_error_at_once() {
    let (faulty, _, store) = retrying(Vec::new());
    store.put(&key("a"), content(10, 1).into()).await.unwrap();
    let start = Instant::now();
    assert!(matches!(store.get_range(&key("a"), 5..11).await, Err(Error::ShortRead { .. })));
    assert_eq!((start.elapsed(), faulty.calls().len()), (Duration::ZERO, 3), "a put, a read, and a look at the length");
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_goes_on_where_it_broke() {
    for fault in [Fault::ShortRead, Fault::Truncate] {
        let (_, _, store) = retrying(once(Operation::GetStream, fault));
        let all = content(1_000_000, 4);
        store.put(&key("a"), all.clone().into()).await.unwrap();
        let (_, stream) = store.get_stream(&key("a")).await.unwrap();
        assert_eq!(stream.try_collect::<Vec<Bytes>>().await.unwrap().concat(), all);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_does_not_go_on_in_another_object() {
    let (_, memory, store) = retrying(once(Operation::GetStream, Fault::ShortRead));
    store.put(&key("a"), content(1_000, 4).into()).await.unwrap();
    let (_, stream) = store.get_stream(&key("a")).await.unwrap();
    memory.overwrite(&key("a"), content(1_000, 5));
    let broken = stream.try_collect::<Vec<Bytes>>().await;
    assert!(matches!(broken, Err(Error::Permanent { .. })), "{broken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_listing_begins_again_and_names_nothing_twice() {
    let (faulty, _, store) = retrying(Vec::new());
    for number in 0..20 {
        store.put(&key(&format!("x/{number}")), vec![1].into()).await.unwrap();
    }
    faulty.set_rules(vec![
        Rule::on(Operation::List, When::Nth(1), Fault::ShortRead),
        Rule::on(Operation::List, When::Nth(2), Fault::ShortRead),
    ]);
    let found: Vec<_> = store.list(Some(&key("x"))).try_collect().await.unwrap();
    assert_eq!(found.len(), 20);
    assert_eq!(listed(&store, None).await.len(), 20);
}

#[tokio::test]
async fn a_lying_store_below_is_not_made_honest() {
    let store: DynStore = Arc::new(Retrying::new(Arc::new(Lying::new(Arc::new(Memory::new()))), Policy::default()));
    store.put(&key("a"), vec![1].into()).await.unwrap();
    store.put(&key("a"), vec![2].into()).await.unwrap();
    assert!(!keepsake_store::probe(&store).await.unwrap().conditional_create);
}
