//! Both ways of publishing a file; the rest is tested through the port in `tests/it`.

use super::*;
use futures::{StreamExt, future::join_all};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn both(root: &Path) -> [Local; 2] {
    [Local::new(root.join("nameless")).unwrap(), Local::with_named_files(root.join("named")).unwrap()]
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_writers_wins_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    for store in both(folder.path()) {
        let tries = (0..16u8).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.put(&key("data/a"), vec![number; 50_000].into()).await })
        });
        let answers = join_all(tries).await;
        let won: Vec<usize> = (0..16).filter(|number| answers[*number].as_ref().unwrap().is_ok()).collect();
        assert_eq!(won.len(), 1);
        let others = answers.iter().filter(|answer| matches!(answer, Ok(Err(Error::AlreadyExists { .. }))));
        assert_eq!(others.count(), 15);
        let stored = store.get(&key("data/a")).await.unwrap();
        assert!(stored.len() == 50_000 && stored.iter().all(|byte| usize::from(*byte) == won[0]));
        assert_eq!(files(&store.root().join("data")), ["a"]);
    }
}

#[tokio::test]
async fn pieces_beyond_one_call_to_the_kernel_arrive_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let pieces: Vec<Bytes> = (0..3_000u32).map(|number| Bytes::from(number.to_le_bytes().to_vec())).collect();
    for store in both(folder.path()) {
        store.put(&key("a"), pieces.clone().into()).await.unwrap();
        assert_eq!(store.get(&key("a")).await.unwrap(), pieces.concat());
    }
}

#[tokio::test]
async fn what_a_killed_writer_left_is_not_listed_and_not_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = Local::with_named_files(folder.path()).unwrap();
    let left = folder.path().join(format!("{UNFINISHED}{}-0", std::process::id()));
    fs::write(&left, b"half an obj").unwrap();
    assert_eq!(store.list(None).count().await, 0);
    store.put(&key("a"), vec![1].into()).await.unwrap();
    assert_eq!(files(folder.path()), ["a"]);
}

#[tokio::test]
async fn a_file_system_without_nameless_files_is_recognised() {
    // /proc takes no files at all: both ways are tried, and the second says why.
    let publisher = Publisher::default();
    let refused = publisher.create(&Folders::default(), Path::new("/proc/self/object"), &vec![1].into()).unwrap_err();
    let error = errno::error(&key("object"), refused);
    assert!(!matches!(error, Error::AlreadyExists { .. }), "{error:?}");
}

#[tokio::test]
async fn a_put_that_fails_leaves_nothing_under_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for store in both(folder.path()) {
        store.put(&key("data/first"), vec![1].into()).await.unwrap();
        // The name is too long to be linked, after all bytes were written.
        let name = format!("data/{}", "x".repeat(256));
        assert!(store.put(&key(&name), vec![0; 10_000].into()).await.is_err());
        assert_eq!(files(&store.root().join("data")), ["first"]);
    }
}
