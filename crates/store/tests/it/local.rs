//! What a folder adds: plain files that stock restic reads, no trace of unfinished ones, honest errors.

use crate::suite::{content, key, listed};
use futures::TryStreamExt;
use keepsake_store::{DynStore, Error, Local};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::Arc,
};

fn store(root: &Path) -> DynStore {
    Arc::new(Local::new(root).unwrap())
}

#[tokio::test]
async fn objects_are_private_plain_files_in_folders_made_when_needed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("vault");
    let store = store(&root);
    assert!(listed(&store, None).await.is_empty());
    assert!(!root.try_exists().unwrap(), "reading makes no folder");
    store.put(&key("data/4f/4f12"), content(10, 1).into()).await.unwrap();
    assert_eq!(fs::read(root.join("data/4f/4f12")).unwrap(), content(10, 1));
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data/4f/4f12"), mode("data/4f"), mode("")), (0o600, 0o700, 0o700));
    let names: Vec<_> = fs::read_dir(root.join("data/4f")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["4f12"], "no other file is left");
}

#[tokio::test]
async fn a_folder_that_was_removed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.put(&key("data/4f/1"), vec![1].into()).await.unwrap();
    assert_eq!(store.list_folders(None).await.unwrap(), [key("data")]);
    store.delete(&key("data/4f/1")).await.unwrap();
    assert!(store.list_folders(None).await.unwrap().is_empty(), "a folder without objects is none");
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    store.put(&key("data/4f/1"), vec![2].into()).await.unwrap();
    assert_eq!(&store.get(&key("data/4f/1")).await.unwrap()[..], [2]);
}

#[tokio::test]
async fn foreign_things_in_the_folder_do_not_break_listings() {
    let folder = tempfile::tempdir().unwrap();
    let (root, elsewhere) = (folder.path().join("vault"), folder.path().join("elsewhere"));
    let store = store(&root);
    store.put(&key("data/1"), vec![1].into()).await.unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("moved"), [1]).unwrap();
    symlink(&elsewhere, root.join("linked")).unwrap();
    symlink("/nowhere/at/all", root.join("dangling")).unwrap();
    fs::write(root.join("data/.keepsake-unfinished-1-2"), [1]).unwrap();
    fs::write(root.join("line\nbreak"), [1]).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let found = listed(&store, None).await;
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["data/1", "linked/moved"]);
    assert_eq!(store.list_folders(None).await.unwrap(), [key("data"), key("linked")]);
    let unfinished = store.put(&key("data/.keepsake-unfinished-9"), vec![1].into()).await;
    assert!(matches!(unfinished, Err(Error::Invalid { .. })), "a name that would never be listed is refused");
}

#[tokio::test]
async fn a_loop_of_links_is_an_error_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    symlink(folder.path(), folder.path().join("self")).unwrap();
    assert!(store.list(None).try_collect::<Vec<_>>().await.is_err());
    assert!(store.list_folders(None).await.is_err());
}

#[tokio::test]
async fn an_object_in_the_place_of_a_folder_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.put(&key("a"), vec![1].into()).await.unwrap();
    let below = store.put(&key("a/b"), vec![1].into()).await;
    assert!(matches!(below, Err(Error::Permanent { .. })), "{below:?}");
    store.put(&key("c/d"), vec![1].into()).await.unwrap();
    assert!(matches!(store.put(&key("c"), vec![1].into()).await, Err(Error::AlreadyExists { .. })));
    store.delete(&key("c")).await.unwrap();
    assert_eq!(&store.get(&key("c/d")).await.unwrap()[..], [1], "a folder is not deleted as an object");
    let long = store.put(&key(&"x".repeat(300)), vec![1].into()).await;
    assert!(matches!(long, Err(Error::Permanent { .. })), "{long:?}");
}

#[tokio::test]
async fn an_object_that_shrinks_while_it_streams_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.put(&key("a"), content(9 << 20, 1).into()).await.unwrap();
    let (_, stream) = store.get_stream(&key("a")).await.unwrap();
    fs::OpenOptions::new().write(true).open(folder.path().join("a")).unwrap().set_len(100).unwrap();
    assert!(matches!(stream.try_collect::<Vec<_>>().await, Err(Error::ShortRead { .. })));
}

#[tokio::test]
async fn a_huge_object_is_not_read_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    fs::File::create(folder.path().join("huge")).unwrap().set_len(3 << 30).unwrap();
    assert!(matches!(store.get(&key("huge")).await, Err(Error::TooLarge { .. })));
    assert_eq!(store.get_range(&key("huge"), (3 << 30) - 5..3 << 30).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_stream_that_is_dropped_early_ends_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.put(&key("a"), content(9 << 20, 1).into()).await.unwrap();
    drop(store.get_stream(&key("a")).await.unwrap());
    drop(store.list(None));
    // The runtime waits for its blocking threads when it ends: a reader that stayed would hang this test.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_is_given_up_leaves_the_whole_object_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for number in 0..40u64 {
        let (store, key) = (Arc::clone(&store), key(&format!("data/{number}")));
        let task = tokio::spawn(async move { store.put(&key, content(100_000, number).into()).await });
        if number % 3 != 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
    }
    // Writers on the blocking pool finish by themselves.
    for number in 0..40u64 {
        match store.get(&key(&format!("data/{number}"))).await {
            Ok(bytes) => assert_eq!(bytes, content(100_000, number)),
            Err(error) => assert!(error.is_not_found(), "{error:?}"),
        }
    }
}
