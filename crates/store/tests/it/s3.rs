//! The suite on a real S3 server, and credentials from each place they may be in.

use crate::suite::{conforms, key, listed};
use futures::TryStreamExt;
use keepsake_store::{Capabilities, Environment, Error, Options, open, probe, retry::Policy};
use keepsake_testkit::s3::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server};
use std::fs;

fn options<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Options {
    Options { environment: Environment::of(variables), machine_credentials: false, ..Options::default() }
}

#[tokio::test]
async fn s3_conforms_and_is_probed() {
    let server = Server::start();
    let store = open(&server.url(""), &options(server.credentials())).unwrap();
    conforms(&store).await;
    let plain = probe(&store).await.unwrap();
    let expected = Capabilities { conditional_create: true, storage_class: true, ..Capabilities::default() };
    assert_eq!(plain, expected);
    assert!(listed(&store, None).await.is_empty());

    let below = open(&server.url("deep/wedding%20plans"), &options(server.credentials())).unwrap();
    conforms(&below).await;

    server.create_locked_bucket("locked");
    let locked = open(&server.bucket_url("locked", "p"), &options(server.credentials())).unwrap();
    let found = probe(&locked).await.unwrap();
    assert_eq!(
        found,
        Capabilities { conditional_create: true, storage_class: true, object_lock: true, versioning: true }
    );
    let versions = server.request("GET", "locked?versions=", &[], "");
    assert!(!versions.contains("<VersionId>"), "the probe leaves no version: {versions}");

    let missing = open(&server.bucket_url("missing", ""), &options(server.credentials())).unwrap();
    let put = missing.put(&key("a"), vec![1].into()).await.unwrap_err();
    assert!(matches!(&put, Error::Permanent { source, .. } if source.to_string().contains("NoSuchBucket")), "{put:?}");
}

#[tokio::test]
async fn credentials_come_from_variables_or_a_profile_and_are_never_printed() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let file = format!(
        "[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong-secret\n\n[backup]\naws_access_key_id = {ACCESS_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n"
    );
    fs::write(home.path().join(".aws/credentials"), file).unwrap();
    let home = home.path().to_str().unwrap();
    let no_retry = Policy { attempts_max: 1, ..Policy::default() };
    let works = async |variables: &[(&str, &str)]| {
        let options = Options { retry: no_retry.clone(), ..options(variables.iter().copied()) };
        let store = open(&server.url("x"), &options).unwrap();
        let (head, list) = (store.head(&key("none")).await, store.list(None).try_collect::<Vec<_>>().await);
        let printed = format!("{store:?} {options:?} {head:?} {list:?} {}", store.location());
        assert!(!printed.contains(SECRET_ACCESS_KEY) && !printed.contains("wrong-secret"), "{printed}");
        match list {
            Ok(_) => true,
            Err(Error::AccessDenied { .. }) => false,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert!(works(&server.credentials()).await);
    assert!(works(&[("HOME", home), ("AWS_PROFILE", "backup")]).await);
    assert!(!works(&[("HOME", home)]).await, "the default profile has a wrong key");
    let [id, _] = server.credentials();
    assert!(!works(&[id, ("AWS_SECRET_ACCESS_KEY", "wrong-secret")]).await);

    let refused = |variables: &[(&str, &str)]| {
        open(&server.url(""), &options(variables.iter().copied())).err().unwrap().to_string()
    };
    assert!(refused(&[]).contains("AWS_ACCESS_KEY_ID"));
    assert!(refused(&[id]).contains("set both"));
    assert!(refused(&[("AWS_SECRET_ACCESS_KEY", "x")]).contains("set both"));
    assert!(refused(&[("HOME", home), ("AWS_PROFILE", "other")]).contains("the profile other"));
}
