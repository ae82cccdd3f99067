//! Concurrency and bandwidth stay within what was set.

use crate::suite::{content, key};
use futures::{TryStreamExt, future::join_all};
use keepsake_store::{
    DynStore, Memory, Operation,
    fault::{Fault, Faulty, Rule, When},
    limit::{Limited, Limits},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_limited() {
    let slow = Faulty::new(
        Arc::new(Memory::new()),
        1,
        vec![Rule::on(Operation::Put, When::Always, Fault::Slow(Duration::from_secs(10)))],
    );
    let limits = Limits { calls_max: Some(2), ..Limits::default() };
    assert!(limits.is_any() && !Limits::default().is_any());
    let store = Limited::new(slow, limits);
    let start = Instant::now();
    let puts = (0..6).map(|number| {
        let store: DynStore = Arc::new(store.clone());
        async move { store.put(&key(&format!("{number}")), vec![1].into()).await.unwrap() }
    });
    join_all(puts).await;
    assert_eq!(start.elapsed().as_secs(), 30, "six calls of ten seconds, two at a time, over all clones");
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_a_stream_can_write_through_the_same_store() {
    let limits = Limits { calls_max: Some(1), ..Limits::default() };
    let store: DynStore = Arc::new(Limited::new(Arc::new(Memory::new()), limits));
    store.put(&key("a"), vec![1].into()).await.unwrap();
    let (_, stream) = store.get_stream(&key("a")).await.unwrap();
    let listing = store.list(None);
    store.put(&key("b"), vec![1].into()).await.unwrap();
    assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    assert_eq!(listing.try_collect::<Vec<_>>().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_paced_each_way() {
    let limits = Limits { upload_bytes_per_s: Some(1_000), download_bytes_per_s: Some(500), ..Limits::default() };
    let store: DynStore = Arc::new(Limited::new(Arc::new(Memory::new()), limits));
    let start = Instant::now();
    for number in 0..4 {
        store.put(&key(&format!("{number}")), content(2_500, 1).into()).await.unwrap();
    }
    // The last one begins when the three before it are paid for.
    assert_eq!(start.elapsed().as_millis(), 7_500);
    let start = Instant::now();
    store.get(&key("0")).await.unwrap();
    store.get_range(&key("0"), 0..500).await.unwrap();
    let (_, stream) = store.get_stream(&key("0")).await.unwrap();
    stream.try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 6_000);
}
