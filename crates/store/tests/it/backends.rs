//! The suite on each backend and decorator of this machine (S3 in `s3.rs`).

use crate::suite::{conforms, conforms_but_for_creates, key, listed};
use keepsake_domain::clock::FixedClock;
use keepsake_store::{
    DynStore, Environment, Error, Local, Memory, Operation, Options, Store, fault::Faulty, limit, limit::Limited,
    lying::Lying, metrics::Metered, open, prefix::Prefix, retry::Policy, retry::Retrying,
};
use std::sync::Arc;

fn memory() -> DynStore {
    Arc::new(Memory::new())
}

#[tokio::test]
async fn memory_conforms() {
    conforms(&memory()).await;
    conforms(&open("memory:", &Options::default()).unwrap()).await;
}

#[tokio::test]
async fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let store: DynStore = Arc::new(Local::new(folder.path().join("not/made/yet")).unwrap());
    conforms(&store).await;
}

#[tokio::test]
async fn an_opened_folder_conforms_with_limits() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/b%20c", folder.path().display());
    let limits = limit::Limits { calls_max: Some(2), ..limit::Limits::default() };
    let store = open(&url, &Options { limits, ..Options::default() }).unwrap();
    assert_eq!(store.location(), url);
    conforms(&store).await;
}

#[tokio::test]
async fn every_decorator_conforms() {
    let limits =
        limit::Limits { calls_max: Some(3), upload_bytes_per_s: Some(1 << 34), download_bytes_per_s: Some(1 << 34) };
    let prefixed = memory();
    let stores: [DynStore; 5] = [
        Arc::new(Retrying::new(memory(), Policy::default())),
        Arc::new(Limited::new(memory(), limits)),
        Arc::new(Metered::new(memory())),
        Arc::new(Prefix::new(Arc::clone(&prefixed), key("deep/down"))),
        Faulty::new(memory(), 1, Vec::new()),
    ];
    prefixed.put(&key("deep/downer"), vec![1].into()).await.unwrap();
    for store in stores {
        conforms(&store).await;
    }
    assert_eq!(listed(&prefixed, None).await.len(), 1, "what is beside a prefix is not seen and not touched");
}

#[tokio::test]
async fn the_lying_fake_conforms_but_for_creates() {
    let store: DynStore = Arc::new(Lying::new(memory()));
    conforms_but_for_creates(&store).await;
    store.put(&key("a"), vec![1].into()).await.unwrap();
    store.put(&key("a"), vec![2].into()).await.unwrap();
    assert_eq!(&store.get(&key("a")).await.unwrap()[..], [2], "it overwrites and says nothing");
}

#[tokio::test]
async fn a_prefix_shows_in_the_location() {
    let local: DynStore = Arc::new(Local::new("/srv/back ups").unwrap());
    assert_eq!(Prefix::new(local, key("vaults/1")).location(), "file:///srv/back%20ups/vaults/1");
    let environment = Environment::of([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
    let options = Options { environment, ..Options::default() };
    let bucket = open("s3://weddings/p/q?endpoint=https://nas:9000", &options).unwrap();
    assert_eq!(bucket.location(), "s3://weddings/p/q?endpoint=https%3A%2F%2Fnas%3A9000");
}

#[tokio::test]
async fn memory_takes_its_times_from_the_clock() {
    let clock = Arc::new(FixedClock::new("2026-06-06T12:00:00Z".parse().unwrap()));
    let store = Memory::with_clock(clock);
    let store = Arc::new(store);
    let shared: DynStore = Arc::clone(&store) as DynStore;
    shared.put(&key("a"), vec![1, 2, 3].into()).await.unwrap();
    assert_eq!(shared.head(&key("a")).await.unwrap().modified, "2026-06-06T12:00:00Z".parse().unwrap());
    store.overwrite(&key("a"), vec![9].into());
    assert_eq!(&shared.get(&key("a")).await.unwrap()[..], [9]);
    assert_eq!(store.stored_bytes(), 1);
}

#[tokio::test]
async fn metrics_count_what_was_asked() {
    let faulty = Faulty::new(memory(), 1, Vec::new());
    let metered = Metered::new(Arc::clone(&faulty) as DynStore);
    let counts = metered.counts();
    assert!(counts.snapshot().is_empty());
    let store: DynStore = Arc::new(metered);
    store.put(&key("a"), vec![0; 100].into()).await.unwrap();
    store.get(&key("a")).await.unwrap();
    store.get(&key("a")).await.unwrap();
    store.get_range(&key("a"), 10..30).await.unwrap();
    assert!(store.get(&key("missing")).await.is_err());
    faulty.set_rules(vec![keepsake_store::fault::Rule::any(
        keepsake_store::fault::When::Always,
        keepsake_store::fault::Fault::Denied,
    )]);
    assert!(matches!(store.head(&key("a")).await, Err(Error::AccessDenied { .. })));
    let numbers = counts.snapshot();
    let get = &numbers[&Operation::Get];
    assert_eq!((get.calls, get.errors, get.bytes), (3, 0, 200), "a missing object is an answer, not an error");
    assert_eq!(get.latency_buckets.iter().sum::<u64>(), 3);
    assert_eq!(numbers[&Operation::Put].bytes, 100);
    assert_eq!(numbers[&Operation::GetRange].bytes, 20);
    assert_eq!((numbers[&Operation::Head].calls, numbers[&Operation::Head].errors), (1, 1));
    assert!(!numbers.contains_key(&Operation::Delete));
    assert_eq!(Operation::GetRange.to_string(), "get_range");
}

#[test]
fn locations_that_cannot_be_opened_are_refused() {
    let refusal = |url: &str| open(url, &Options::default()).err().unwrap().to_string();
    assert!(refusal("/srv").contains("file:///srv"));
    assert!(refusal("gs://bucket").contains("later version"));
    assert!(Local::new("relative").is_err());
}
