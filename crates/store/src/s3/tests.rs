//! Against a server of ours that misbehaves as told; the suite on a real one is in `tests/it`.

use super::*;
use crate::{
    Environment,
    retry::{Policy, Retrying},
};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Answers requests with the given texts in turn, the last one for ever, and keeps what was asked.
async fn server(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap();
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&part[..read]);
            }
            log.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            let answer = &answers[number.min(answers.len() - 1)];
            number += 1;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (endpoint, asked)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

fn failed(status: &str, code: &str) -> String {
    let body = format!(
        "<Error><Code>{code}</Code><Message>told so</Message><AWSAccessKeyId>AKIATEST</AWSAccessKeyId></Error>"
    );
    answer(status, "", &body)
}

fn object(status: &str, headers: &str, body: &str) -> String {
    let all = format!("Last-Modified: Sat, 06 Jun 2026 12:00:00 GMT\r\nETag: \"e\"\r\n{headers}");
    answer(status, &all, body)
}

fn options<const N: usize>(variables: [(&str, &str); N]) -> Options {
    Options { environment: Environment::of(variables), ..Options::default() }
}

fn keys() -> Options {
    options([("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_SESSION_TOKEN", "token3")])
}

fn bucket(endpoint: &str, options: &Options) -> S3 {
    match format!("s3://weddings?endpoint={endpoint}&region=eu-1").parse().unwrap() {
        crate::Location::S3(place) => open(&place, options).unwrap(),
        other => panic!("{other}"),
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[tokio::test]
async fn answers_of_a_server_become_errors_of_the_port() {
    type Check = fn(&Error) -> bool;
    let cases: [(&str, &str, Check); 9] = [
        ("503 Slow Down", "SlowDown", Error::is_transient),
        ("500 Internal", "InternalError", Error::is_transient),
        ("409 Conflict", "ConditionalRequestConflict", Error::is_transient),
        ("412 Precondition Failed", "PreconditionFailed", |error| matches!(error, Error::AlreadyExists { .. })),
        ("403 Forbidden", "SignatureDoesNotMatch", |error| matches!(error, Error::AccessDenied { .. })),
        ("507 Insufficient Storage", "", |error| matches!(error, Error::NoSpace { .. })),
        ("404 Not Found", "NoSuchBucket", |error| matches!(error, Error::Permanent { .. })),
        ("400 Bad Request", "InvalidArgument", |error| matches!(error, Error::Permanent { .. })),
        ("400 Bad Request", "RequestTimeout", Error::is_transient),
    ];
    for (status, code, expected) in cases {
        let (endpoint, _) = server(vec![failed(status, code)]).await;
        let error = bucket(&endpoint, &keys()).put(&key("a"), vec![1].into()).await.unwrap_err();
        assert!(expected(&error), "{status} {code}: {error:?}");
        let printed = format!("{error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(!printed.contains("AKIATEST"), "{printed}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_hangs_up_may_come_back() {
    let gone = bucket("http://127.0.0.1:1", &keys());
    assert!(gone.head(&key("a")).await.unwrap_err().is_transient());
    assert!(gone.list(None).next().await.unwrap().unwrap_err().is_transient());
    let (endpoint, _) = server(vec![String::new()]).await;
    let error = bucket(&endpoint, &keys()).put(&key("a"), vec![1].into()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn a_cut_body_is_an_error_that_a_retry_mends() {
    let cut = object("200 OK", "", "0123456789").replace("Content-Length: 10", "Content-Length: 20");
    let whole = object("200 OK", "", "01234567890123456789");
    let (endpoint, _) = server(vec![cut.clone()]).await;
    let store = bucket(&endpoint, &keys());
    let error = store.get(&key("a")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let (_, stream) = store.get_stream(&key("a")).await.unwrap();
    assert!(stream.try_collect::<Vec<_>>().await.unwrap_err().is_transient());

    let (endpoint, _) = server(vec![cut, whole]).await;
    let policy = Policy { pause_first: Duration::from_millis(1), ..Policy::default() };
    let store = Retrying::new(Arc::new(bucket(&endpoint, &keys())), policy);
    assert_eq!(store.get(&key("a")).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_not_believed() {
    let (endpoint, _) = server(vec![object("200 OK", "", "0123456789")]).await;
    assert!(bucket(&endpoint, &keys()).get_range(&key("a"), 2..4).await.is_err());
    let other = object("206 Partial Content", "Content-Range: bytes 0-1/10\r\n", "01");
    let (endpoint, _) = server(vec![other]).await;
    assert!(bucket(&endpoint, &keys()).get_range(&key("a"), 2..4).await.is_err());
}

#[tokio::test]
async fn a_put_is_signed_conditional_and_carries_its_checksum() {
    let (endpoint, asked) = server(vec![answer("200 OK", "ETag: \"e\"\r\n", "")]).await;
    bucket(&endpoint, &keys()).put(&key("data/a b"), vec![Bytes::from("ab"), Bytes::from("c")].into()).await.unwrap();
    let asked = asked.lock().unwrap().join("").to_lowercase();
    assert!(asked.starts_with("put /weddings/data/a%20b http/1.1"), "{asked}");
    for header in [
        "if-none-match: *",
        "authorization: aws4-hmac-sha256 credential=akiatest/",
        "x-amz-security-token: token3",
        "/eu-1/s3/",
    ] {
        assert!(asked.contains(header), "{header} in {asked}");
    }
    assert!(asked.contains("x-amz-checksum-sha256: ungwv48bz+pbqudexa4ii7adyaowf3qctbd"), "SHA-256 of abc in {asked}");
    assert!(!asked.contains("hunter2"));
}

#[tokio::test]
async fn listings_are_followed_over_pages_and_foreign_names_left_out() {
    let page = |names: &[&str], more: &str| {
        let entry = |name: &&str| {
            format!(
                "<Contents><Key>{name}</Key><LastModified>2026-06-06T12:00:00Z</LastModified><ETag>e</ETag><Size>5</Size></Contents>"
            )
        };
        let entries: String = names.iter().map(entry).collect();
        answer("200 OK", "", &format!("<ListBucketResult>{more}{entries}</ListBucketResult>"))
    };
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>";
    let (endpoint, asked) = server(vec![page(&["a/1", "a/2"], more), page(&["a/3", "a/folder/"], "")]).await;
    let found: Vec<ObjectMeta> = bucket(&endpoint, &keys()).list(Some(&key("a"))).try_collect().await.unwrap();
    let names: Vec<&str> = found.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(names[..3], ["a/1", "a/2", "a/3"]);
    assert_eq!((found[0].size_bytes, found[0].modified), (5, "2026-06-06T12:00:00Z".parse().unwrap()));
    let asked = asked.lock().unwrap();
    assert!(asked.len() == 2 && asked[0].contains("prefix=a%2F") && asked[1].contains("continuation-token=next"));
}

#[tokio::test]
async fn features_need_no_rights_beyond_the_objects() {
    let put = answer("200 OK", "ETag: \"e\"\r\n", "");
    let head = object("200 OK", "", "");
    let removed = answer("204 No Content", "", "");
    let refused = failed("403 Forbidden", "AccessDenied");
    let (endpoint, _) = server(vec![put.clone(), head, removed.clone(), refused.clone()]).await;
    assert_eq!(bucket(&endpoint, &keys()).features(&key("p")).await.unwrap(), Features::default());
    // A version in the answer to a put tells of versioning that may not be read; its removal is refused and only logged.
    let versioned = answer("200 OK", "ETag: \"e\"\r\nx-amz-version-id: v1\r\n", "");
    let in_class = object("200 OK", "x-amz-storage-class: STANDARD_IA\r\n", "");
    let (endpoint, _) = server(vec![versioned, in_class, removed, refused]).await;
    let expected = Features { versioning: true, storage_class: true, object_lock: false };
    assert_eq!(bucket(&endpoint, &keys()).features(&key("p")).await.unwrap(), expected);
}

#[tokio::test]
async fn features_that_a_service_does_not_know_are_lacking_and_trouble_is_an_error() {
    let refused = failed("400 Bad Request", "InvalidStorageClass");
    let removed = answer("204 No Content", "", "");
    let (endpoint, _) =
        server(vec![refused.clone(), removed.clone(), failed("501 Not Implemented", "NotImplemented")]).await;
    assert_eq!(bucket(&endpoint, &keys()).features(&key("p")).await.unwrap(), Features::default());
    let (endpoint, _) = server(vec![refused, removed, failed("503 Slow Down", "SlowDown")]).await;
    assert!(bucket(&endpoint, &keys()).features(&key("p")).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn the_machines_own_credentials_are_used_or_their_absence_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "pod-token").unwrap();
    let credentials = answer(
        "200 OK",
        "",
        r#"{"AccessKeyId":"ASIAPOD","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
    );
    let (provider, _) = server(vec![credentials]).await;
    let (endpoint, asked) = server(vec![object("200 OK", "", "x")]).await;
    let of_container = |uri: &str| {
        options([
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
        ])
    };
    bucket(&endpoint, &of_container(&provider)).head(&key("a")).await.unwrap();
    assert!(asked.lock().unwrap()[0].contains("Credential=ASIAPOD/"));

    let nothing_there = bucket(&endpoint, &of_container("http://127.0.0.1:1/none"));
    let error = nothing_there.head(&key("a")).await.unwrap_err();
    let Error::AccessDenied { source, .. } = &error else { panic!("{error:?}") };
    assert!(format!("{source}").contains("AWS_SECRET_ACCESS_KEY"), "{source}");
}

#[test]
fn the_region_comes_from_the_url_the_environment_or_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    std::fs::write(folder.path().join(".aws/config"), "[profile p]\nregion = of-profile\n").unwrap();
    let home = ("HOME", folder.path().to_str().unwrap());
    let region = |url: &str, variables: &[(&str, &str)]| {
        let crate::Location::S3(place) = url.parse().unwrap() else { panic!("an S3 location") };
        credentials::region(&place, &Environment::of(variables.iter().copied())).unwrap()
    };
    let plain = "s3://weddings";
    assert_eq!(region("s3://weddings?region=of-url", &[("AWS_REGION", "of-env")]), "of-url");
    assert_eq!(region(plain, &[("AWS_REGION", "of-env"), home]), "of-env");
    assert_eq!(region(plain, &[("AWS_DEFAULT_REGION", "of-default")]), "of-default");
    assert_eq!(region(plain, &[home, ("AWS_PROFILE", "p")]), "of-profile");
    assert_eq!(region(plain, &[home]), "us-east-1");
}

fn foreign(endpoint: &str) -> Bucket {
    let options = Options { retry: Policy { pause_first: Duration::from_millis(1), ..Policy::default() }, ..keys() };
    match format!("s3://weddings/in?endpoint={endpoint}&region=eu-1").parse().unwrap() {
        crate::Location::S3(place) => Bucket::open(&place, &options).unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_bucket_of_others_is_listed_page_by_page_and_read_by_the_exact_key() {
    let entry = |key: &str| {
        format!("<Contents><Key>{key}</Key><Size>3</Size><LastModified>2026-06-06T12:00:00Z</LastModified></Contents>")
    };
    let first = format!(
        "<R><IsTruncated>true</IsTruncated><NextContinuationToken>t=1/2</NextContinuationToken><EncodingType>url</EncodingType>{}</R>",
        entry("in/a%2F%2Fb")
    );
    let second =
        format!("<R><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>{}</R>", entry("in/folder/"));
    let (endpoint, asked) = server(vec![
        answer("200 OK", "", &first),
        failed("503 Slow Down", "SlowDown"),
        answer("200 OK", "", &second),
        answer("200 OK", "x-amz-meta-couple: N & P\r\nContent-Type: image/jpeg\r\n", "abc"),
    ])
    .await;
    let bucket = foreign(&endpoint);
    let listed: Vec<String> = bucket.list().map(|object| object.unwrap().key).collect().await;
    assert_eq!(listed, ["in/a//b", "in/folder/"]);
    let mut object = bucket.read("in/a//b").await.unwrap();
    assert_eq!(object.bytes.next().await.unwrap().unwrap(), "abc");
    assert!(object.bytes.next().await.is_none());
    assert_eq!(object.content_type.as_deref(), Some("image/jpeg"));
    assert_eq!(object.metadata, [("couple".to_owned(), "N & P".to_owned())]);
    let asked = asked.lock().unwrap();
    let lines: Vec<&str> = asked.iter().filter_map(|request| request.lines().next()).collect();
    assert_eq!(
        lines,
        [
            "GET /weddings/?encoding-type=url&list-type=2&prefix=in%2F HTTP/1.1",
            "GET /weddings/?continuation-token=t%3D1%2F2&encoding-type=url&list-type=2&prefix=in%2F HTTP/1.1",
            "GET /weddings/?continuation-token=t%3D1%2F2&encoding-type=url&list-type=2&prefix=in%2F HTTP/1.1",
            "GET /weddings/in/a//b HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn an_object_of_others_that_breaks_off_goes_on_where_it_broke_if_it_is_still_the_same() {
    let cut = object("200 OK", "", "01234").replace("Content-Length: 5", "Content-Length: 10");
    let rest = object("206 Partial Content", "", "56789");
    let (endpoint, asked) = server(vec![cut.clone(), rest]).await;
    let opened = foreign(&endpoint).read("in/x").await.unwrap();
    let read: Vec<Bytes> = opened.bytes.map(|piece| piece.unwrap()).collect().await;
    assert_eq!(read.concat(), b"0123456789");
    let again = asked.lock().unwrap().get(1).unwrap().to_lowercase();
    assert!(again.contains("range: bytes=5-") && again.contains("if-match: \"e\""), "{again}");

    for other in [failed("412 Precondition Failed", "PreconditionFailed"), object("200 OK", "", "another")] {
        let (endpoint, _) = server(vec![cut.clone(), other]).await;
        let opened = foreign(&endpoint).read("in/x").await.unwrap();
        let last = opened.bytes.collect::<Vec<_>>().await.pop().unwrap();
        assert!(format!("{:?}", last.unwrap_err()).contains("replaced"));
    }
}

#[tokio::test]
async fn a_key_that_no_request_can_name_is_refused_before_anything_is_asked() {
    let (endpoint, asked) = server(vec![object("200 OK", "", "somebody else's")]).await;
    for key in ["in/../../other/secret", "in/./x", ".."] {
        assert!(foreign(&endpoint).read(key).await.is_err(), "{key}");
    }
    assert!(asked.lock().unwrap().is_empty());
}
