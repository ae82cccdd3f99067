//! What every store must do, whatever it is made of.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::join_all};
use keepsake_store::{DynStore, Error, Key, Payload};
use std::{collections::BTreeSet, sync::Arc};

pub fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// Bytes that differ from place to place.
pub fn content(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

pub async fn listed(store: &DynStore, prefix: Option<&str>) -> BTreeSet<String> {
    let prefix = prefix.map(key);
    store.list(prefix.as_ref()).map(|meta| meta.unwrap().key.to_string()).collect().await
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(ToString::to_string).collect()
}

/// Runs all of it on an empty store that enforces creates, and leaves it empty.
pub async fn conforms(store: &DynStore) {
    overwrites_nothing(store).await;
    conforms_but_for_creates(store).await;
}

/// All but the exclusiveness of creates.
pub async fn conforms_but_for_creates(store: &DynStore) {
    assert!(listed(store, None).await.is_empty(), "the suite needs an empty store");
    returns_what_was_put(store).await;
    reads_exact_ranges(store).await;
    says_what_is_missing(store).await;
    lists_what_is_there(store).await;
    takes_unusual_names(store).await;
    deletes_once_and_for_all(store).await;
    assert!(listed(store, None).await.is_empty(), "the suite cleans up");
}

async fn returns_what_was_put(store: &DynStore) {
    let many: Vec<Bytes> = (0..700u64).map(|n| content((n as usize * 37) % 400, n)).collect();
    let whole = Bytes::from(many.concat());
    let cases: [(&str, Payload, Bytes); 5] = [
        ("put/empty", Payload::default(), Bytes::new()),
        ("put/empty-piece", Bytes::new().into(), Bytes::new()),
        ("put/one", vec![7].into(), Bytes::from_static(&[7])),
        ("put/pieces", many.into(), whole),
        ("put/large", content(3 << 20, 5).into(), content(3 << 20, 5)),
    ];
    for (name, payload, expected) in cases {
        let key = key(name);
        store.put(&key, payload).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), expected, "{name}");
        let head = store.head(&key).await.unwrap();
        assert_eq!((&head.key, head.size_bytes), (&key, expected.len() as u64));
        assert!(head.modified > "2020-01-01T00:00:00Z".parse().unwrap());
        let (meta, stream) = store.get_stream(&key).await.unwrap();
        assert_eq!((&meta.key, meta.size_bytes), (&key, expected.len() as u64));
        let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), expected, "{name}");
        store.delete(&key).await.unwrap();
    }
}

async fn reads_exact_ranges(store: &DynStore) {
    let (key, all) = (key("range/object"), content(10_000, 1));
    store.put(&key, all.clone().into()).await.unwrap();
    for range in [0..10_000, 0..1, 9_999..10_000, 1_234..5_678, 0..0, 500..500, 10_000..10_000] {
        let expected = all.slice(range.start as usize..range.end as usize);
        assert_eq!(store.get_range(&key, range.clone()).await.unwrap(), expected, "{range:?}");
    }
    for range in [0..10_001, 9_999..10_001, 10_000..10_001, 20_000..20_010, 0..u64::MAX] {
        let answer = store.get_range(&key, range.clone()).await;
        assert!(matches!(answer, Err(Error::ShortRead { .. })), "{range:?}: {answer:?}");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    let backwards = store.get_range(&key, 5..4).await;
    assert!(matches!(backwards, Err(Error::Invalid { .. })), "{backwards:?}");
    store.delete(&key).await.unwrap();
}

async fn says_what_is_missing(store: &DynStore) {
    store.put(&key("there/below"), vec![1].into()).await.unwrap();
    // "there" is a folder where there are folders: still no object.
    for name in ["missing", "a/b/c", "there", "there/below/deeper"] {
        let key = key(name);
        assert!(store.get(&key).await.unwrap_err().is_not_found(), "{name}");
        assert!(store.get_range(&key, 0..1).await.unwrap_err().is_not_found(), "{name}");
        assert!(store.get_range(&key, 0..0).await.unwrap_err().is_not_found(), "{name}");
        assert!(store.get_stream(&key).await.err().unwrap().is_not_found(), "{name}");
        assert!(store.head(&key).await.unwrap_err().is_not_found(), "{name}");
    }
    store.delete(&key("there/below")).await.unwrap();
}

async fn lists_what_is_there(store: &DynStore) {
    let names = ["a/1", "a/2", "a/b/3", "a/b/c/4", "ab/5", "a0", "z"];
    for name in names {
        store.put(&key(name), vec![1, 2].into()).await.unwrap();
    }
    assert_eq!(listed(store, None).await, set(&names));
    assert_eq!(listed(store, Some("a")).await, set(&["a/1", "a/2", "a/b/3", "a/b/c/4"]));
    assert_eq!(listed(store, Some("a/b")).await, set(&["a/b/3", "a/b/c/4"]));
    assert_eq!(listed(store, Some("z")).await, set(&[]), "an object is not below itself");
    assert_eq!(listed(store, Some("none/such")).await, set(&[]));
    let sizes: Vec<u64> = store.list(Some(&key("ab"))).map_ok(|meta| meta.size_bytes).try_collect().await.unwrap();
    assert_eq!(sizes, [2]);

    let folders = async |prefix: Option<&str>| -> BTreeSet<String> {
        let found = store.list_folders(prefix.map(key).as_ref()).await.unwrap();
        found.iter().map(Key::to_string).collect()
    };
    // Services may still name the folders of deleted objects.
    assert!(folders(None).await.is_superset(&set(&["a", "ab"])) && !folders(None).await.contains("z"));
    assert_eq!(folders(Some("a")).await, set(&["b"]));
    assert_eq!(folders(Some("ab")).await, set(&[]));
    assert_eq!(folders(Some("none")).await, set(&[]));
    for name in names {
        store.delete(&key(name)).await.unwrap();
    }
}

async fn takes_unusual_names(store: &DynStore) {
    let long = format!("names/{}", "x".repeat(255));
    let names = [
        "names/with space",
        "names/ünïcode-名",
        "names/plus+percent%2Fhash#quote'\"",
        "names/~tilde$!()",
        ".hidden/.x",
        &long,
    ];
    for (number, name) in names.iter().enumerate() {
        let bytes = content(20, number as u64);
        store.put(&key(name), bytes.clone().into()).await.unwrap();
        assert_eq!(store.get(&key(name)).await.unwrap(), bytes, "{name}");
    }
    assert_eq!(listed(store, None).await, set(&names));
    for name in names {
        store.delete(&key(name)).await.unwrap();
    }
}

async fn deletes_once_and_for_all(store: &DynStore) {
    let key = key("gone/soon");
    store.delete(&key).await.unwrap();
    store.put(&key, vec![1].into()).await.unwrap();
    store.delete(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    assert!(store.get(&key).await.unwrap_err().is_not_found());
    store.put(&key, vec![2].into()).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), Bytes::from_static(&[2]), "the name can be used again");
    store.delete(&key).await.unwrap();
}

async fn overwrites_nothing(store: &DynStore) {
    let first = key("create/once");
    store.put(&first, vec![1].into()).await.unwrap();
    let again = store.put(&first, vec![2].into()).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(store.get(&first).await.unwrap(), Bytes::from_static(&[1]), "the first content stays");
    store.delete(&first).await.unwrap();

    let raced = key("create/raced");
    let tries = (0..8u64).map(|number| {
        let (store, raced) = (Arc::clone(store), raced.clone());
        async move { (number, store.put(&raced, content(5_000, number).into()).await) }
    });
    let answers = join_all(tries.map(tokio::spawn)).await;
    let mut won = Vec::new();
    for answer in answers {
        match answer.unwrap() {
            (number, Ok(())) => won.push(number),
            (_, Err(Error::AlreadyExists { .. })) => {}
            (_, Err(error)) => panic!("{error:?}"),
        }
    }
    assert_eq!(won.len(), 1, "exactly one of eight writers created the object");
    assert_eq!(store.get(&raced).await.unwrap(), content(5_000, won[0]));
    store.delete(&raced).await.unwrap();
}
