//! Credentials that the machine offers, from services of ours in their place: asked as they want to be asked, asked again
//! before they expire, and never printed. Web identity needs an encrypted service and is tested through the program
//! (`crates/keepsake/tests/machine.rs`); the container address that is a path only stands for one that no test can have
//! (169.254.170.2).

use crate::suite::key;
use keepsake_domain::{Clock, SystemClock};
use keepsake_store::{Environment, Error, Options, open, retry::Policy};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// What a service was asked, each with its head.
type Asked = Arc<Mutex<Vec<String>>>;

/// A service that answers by `answer`, which is given the head of a request and how many there were before.
async fn service(answer: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|part| part == b"\r\n\r\n") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap();
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&part[..read]);
            }
            let head = String::from_utf8_lossy(&request).into_owned();
            let before = log.lock().unwrap().len();
            let (status, body) = answer(&head, before);
            log.lock().unwrap().push(head);
            let headers = "Last-Modified: Sat, 06 Jun 2026 12:00:00 GMT\r\nETag: \"e\"\r\nConnection: close";
            let length = body.len();
            let text = format!("HTTP/1.1 {status} told so\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    });
    (endpoint, asked)
}

/// A bucket that has every object, and keeps what it was asked.
async fn bucket() -> (String, Asked) {
    let (endpoint, asked) = service(|_, _| (200, "x".to_owned())).await;
    (format!("s3://weddings?endpoint={endpoint}&region=eu-1"), asked)
}

/// The number of a set of credentials is in each of its parts, so that parts of two sets are noticed.
fn credentials(number: usize, lasts: Duration) -> String {
    let expires = SystemClock.now() + lasts;
    format!(
        r#"{{"Code":"Success","AccessKeyId":"ASIA{number}","SecretAccessKey":"machine-secret{number}","Token":"machine-token{number}","Expiration":"{expires:.0}"}}"#
    )
}

fn options(variables: &[(&str, &str)]) -> Options {
    let retry = Policy { attempts_max: 1, ..Policy::default() };
    Options { environment: Environment::of(variables.iter().copied()), retry, ..Options::default() }
}

fn signed_with(asked: &Asked) -> Vec<String> {
    let id = |head: &String| {
        let number = head.split("Credential=ASIA").nth(1).unwrap().split('/').next().unwrap().to_owned();
        assert!(head.contains(&format!("x-amz-security-token: machine-token{number}\r\n")), "{head}");
        assert!(!head.contains("machine-secret"), "{head}");
        number
    };
    asked.lock().unwrap().iter().map(id).collect()
}

/// Instance metadata as Amazon's answers: a session is opened first, then the role is asked for, then its credentials.
async fn metadata(lasts: Duration) -> (String, Asked) {
    service(move |head, before| {
        let path = head.split(' ').nth(1).unwrap();
        let session = head.contains("x-aws-ec2-metadata-token: session-token\r\n");
        match (head.split(' ').next().unwrap(), path) {
            ("PUT", "/latest/api/token") => (200, "session-token".to_owned()),
            ("GET", "/latest/meta-data/iam/security-credentials/") if session => (200, "backup-role".to_owned()),
            ("GET", "/latest/meta-data/iam/security-credentials/backup-role") if session => {
                (200, credentials(before / 3, lasts))
            }
            _ => (401, "no session".to_owned()),
        }
    })
    .await
}

#[tokio::test]
async fn the_role_of_an_instance_is_used_and_asked_for_once_while_it_lasts() {
    let (url, asked) = bucket().await;
    let (endpoint, metadata) = metadata(Duration::from_secs(3600)).await;
    // With the slash that people write.
    let options = options(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("{endpoint}/"))]);
    let store = open(&url, &options).unwrap();
    for _ in 0..3 {
        store.head(&key("a")).await.unwrap();
    }
    assert_eq!(signed_with(&asked), ["0", "0", "0"]);
    assert_eq!(metadata.lock().unwrap().len(), 3);
    let printed = format!("{store:?} {options:?} {}", store.location());
    assert!(!printed.contains("machine-") && !printed.contains("session-token"), "{printed}");
}

#[tokio::test]
async fn credentials_that_are_about_to_expire_are_fetched_anew() {
    let (url, asked) = bucket().await;
    let (endpoint, metadata) = metadata(Duration::from_secs(30)).await;
    let store = open(&url, &options(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)])).unwrap();
    store.head(&key("a")).await.unwrap();
    // Not in the same instant: the client does not ask a service that is slow to renew over and over.
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.head(&key("a")).await.unwrap();
    assert_eq!(signed_with(&asked), ["0", "1"]);
    assert_eq!(metadata.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn a_container_shows_its_token_and_renews_both() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "pod-token-1").unwrap();
    let (url, asked) = bucket().await;
    let (endpoint, provider) = service(|_, before| (200, credentials(before, Duration::from_secs(30)))).await;
    let options = options(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{endpoint}/v1/credentials")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ]);
    let store = open(&url, &options).unwrap();
    store.head(&key("a")).await.unwrap();
    std::fs::write(&token, "pod-token-2").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.head(&key("a")).await.unwrap();
    assert_eq!(signed_with(&asked), ["0", "1"]);
    let heads = provider.lock().unwrap().join("\n");
    assert!(heads.starts_with("GET /v1/credentials "), "{heads}");
    let shown: Vec<&str> = heads.lines().filter_map(|line| line.strip_prefix("authorization: ")).collect();
    assert_eq!(shown, ["pod-token-1", "pod-token-2"]);
    let printed = format!("{store:?} {options:?}");
    assert!(!printed.contains("machine-") && !printed.contains("pod-token"), "{printed}");
}

#[tokio::test]
async fn a_machine_that_refuses_or_talks_nonsense_is_an_error_that_says_what_to_set_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "pod-token").unwrap();
    let (url, asked) = bucket().await;
    let secret = r#"{"AccessKeyId":"ASIA0","SecretAccessKey":"machine-secret","Token":7}"#;
    for (status, body, why) in [
        (403, "pod-token is not known", "HTTP 403"),
        (200, secret, "no answer that could be used"),
        (500, "machine-secret", "HTTP 500"),
    ] {
        let (endpoint, provider) = service(move |_, _| (status, body.to_owned())).await;
        let options = options(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
        ]);
        let error = open(&url, &options).unwrap().head(&key("a")).await.unwrap_err();
        let Error::AccessDenied { source, .. } = &error else { panic!("{error:?}") };
        let said = source.to_string();
        assert!(said.contains("AWS_SECRET_ACCESS_KEY") && said.contains("FULL_URI") && said.contains(why), "{said}");
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("machine-secret") && !printed.contains("pod-token"), "{printed}");
        assert_eq!(provider.lock().unwrap().len(), 3, "services of the machine are busy at times");
    }
    assert!(asked.lock().unwrap().is_empty(), "nothing is sent without credentials");
}

#[tokio::test]
async fn a_machine_that_has_nothing_to_offer_says_who_was_asked_and_why_it_failed() {
    let (url, _) = bucket().await;
    let failure = async |variables: &[(&str, &str)]| {
        let error = open(&url, &options(variables)).unwrap().head(&key("a")).await.unwrap_err();
        let Error::AccessDenied { source, .. } = &error else { panic!("{error:?}") };
        source.to_string()
    };
    let nobody = failure(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")]).await;
    assert!(nobody.contains("instance metadata") && nobody.contains("cannot be reached"), "{nobody}");
    let no_token = failure(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token"),
    ])
    .await;
    assert!(no_token.contains("cannot read /nowhere/token"), "{no_token}");
    let no_identity = failure(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"), ("AWS_ROLE_ARN", "r")]).await;
    assert!(no_identity.contains("web identity") && no_identity.contains("/nowhere/token"), "{no_identity}");
}

#[test]
fn half_of_a_pair_is_refused_before_other_credentials_are_taken() {
    for (one, other) in [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ] {
        let refused = open("s3://weddings", &options(&[(one, "/x")])).unwrap_err().to_string();
        assert!(refused.contains(one) && refused.contains(other), "{refused}");
    }
}

#[tokio::test]
async fn a_web_identity_is_shown_to_an_encrypted_service_only() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "identity-token").unwrap();
    let (url, _) = bucket().await;
    let (endpoint, sts) = service(|_, _| (200, String::new())).await;
    let options = options(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/backup"),
        ("AWS_ENDPOINT_URL_STS", &endpoint),
    ]);
    let error = open(&url, &options).unwrap().head(&key("a")).await.unwrap_err();
    assert!(matches!(error, Error::AccessDenied { .. }), "{error:?}");
    assert!(sts.lock().unwrap().is_empty());
    assert!(!format!("{error} {error:?}").contains("identity-token"), "{error:?}");
}
