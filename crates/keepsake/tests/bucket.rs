//! Buckets through the front door, on a real S3 server: vaults in one, photos of weddings in another, and buckets that are
//! backed up whole, whatever their keys.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking, like tests")]

mod world;

use keepsake_store::{DynStore, Environment, Key, Options};
use keepsake_testkit::{
    planner::{self, Spec},
    postgres,
    s3::{self, SECRET_ACCESS_KEY},
    tools,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::Arc,
};
use world::{Run, World};

/// The program with the credentials of the server in its environment, and nowhere else.
fn run(world: &World, server: &s3::Server, words: &[&str]) -> Run {
    let done: Run = world.command(words).envs(server.credentials()).output().unwrap().into();
    assert!(
        !done.stdout.contains(SECRET_ACCESS_KEY) && !done.stderr.contains(SECRET_ACCESS_KEY),
        "a secret was printed"
    );
    done
}

#[track_caller]
fn json(world: &World, server: &s3::Server, words: &[&str]) -> Value {
    run(world, server, &words.iter().copied().chain(["--json"]).collect::<Vec<_>>()).expect(0).json()
}

fn store(server: &s3::Server, url: &str) -> DynStore {
    let options = Options { environment: Environment::of(server.credentials()), ..Options::default() };
    keepsake_store::open(url, &options).unwrap()
}

/// Puts every file below a folder into a bucket.
async fn upload(folder: &Path, store: &DynStore) {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = Key::parse(path.strip_prefix(folder).unwrap().to_str().unwrap()).unwrap();
                store.put(&key, fs::read(path).unwrap().into()).await.unwrap();
            }
        }
    }
}

/// Every object with its content.
async fn objects(store: &DynStore) -> BTreeMap<String, Vec<u8>> {
    let listed: Vec<_> = futures::TryStreamExt::try_collect(store.list(None)).await.unwrap();
    let mut all = BTreeMap::new();
    for object in listed {
        all.insert(object.key.to_string(), store.get(&object.key).await.unwrap().to_vec());
    }
    all
}

#[tokio::test]
async fn a_wedding_with_its_photos_in_a_bucket_survives() {
    let server = s3::Server::start();
    server.create_bucket("media");
    let database = postgres::Server::start();
    let dsn = database.create_database("planner").await;
    let client = database.connect("planner").await;
    let world = World::empty();
    planner::install(&client).await.unwrap();
    let spec = Spec { weddings: 3, ..Spec::small() };
    planner::generate(&client, &spec, Some(&world.path("uploads"))).await.unwrap();
    let (media, media_url) = (store(&server, &server.bucket_url("media", "in")), server.bucket_url("media", "in"));
    upload(&world.path("uploads"), &media).await;
    let storage = server.url("backups");
    let wedding = spec.wedding_id(0).to_string();

    json(&world, &server, &["init", "--storage", &storage]);
    let mapping = world.path("mapping.toml");
    let mapping = mapping.to_str().unwrap();
    json(&world, &server, &["inspect", "--source", &dsn, "--output", mapping]);
    let text = fs::read_to_string(mapping).unwrap();
    let text = text.replace("# location = \"file:///srv/photos\"", &format!("location = \"{media_url}\""));
    fs::write(mapping, text).unwrap();
    let words = ["backup", "wedding", &wedding, "--source", &dsn, "--storage", &storage, "--mapping", mapping];
    let done = json(&world, &server, &words);
    assert_eq!((&done["result"], &done["verification"]["depth"]), (&"stored".into(), &"read".into()), "{done}");
    assert!(!done["issues"].to_string().contains("file-"), "{done}");

    let (rows, files) = (planner::fingerprint(&client, &[]).await.unwrap(), objects(&media).await);
    planner::damage(&client, spec.wedding_id(0), Some(&world.path("uploads"))).await.unwrap();
    let photo = files.keys().find(|key| key.starts_with(&format!("photos/{wedding}"))).unwrap();
    let other = files.keys().rfind(|key| key.starts_with(&format!("photos/{wedding}"))).unwrap();
    media.delete(&Key::parse(photo).unwrap()).await.unwrap();
    media.delete(&Key::parse(other).unwrap()).await.unwrap();
    media.put(&Key::parse(other).unwrap(), b"scrambled".to_vec().into()).await.unwrap();
    let damaged = (planner::fingerprint(&client, &[]).await.unwrap(), objects(&media).await);

    let words = ["restore", "wedding", &wedding, "--target", &dsn, "--storage", &storage, "--mode", "exact", "--yes"];
    let restored = json(&world, &server, &words);
    let now = planner::fingerprint(&client, &[]).await.unwrap();
    let told = |differences: Vec<String>| {
        differences.into_iter().filter(|what| !what.starts_with("outbox")).collect::<Vec<_>>()
    };
    assert_eq!(told(now.differences(&rows)), Vec::<String>::new());
    assert!(objects(&media).await == files, "the photos are back in the bucket");
    let operation = restored["operation"].as_str().unwrap();
    json(&world, &server, &["undo", operation, "--target", &dsn, "--storage", &storage, "--yes"]);
    let now = planner::fingerprint(&client, &[]).await.unwrap();
    assert_eq!(told(now.differences(&damaged.0)), Vec::<String>::new());
    let now = objects(&media).await;
    let differs = |key: &&String| now.get(*key) != damaged.1.get(*key);
    let different: Vec<&String> = now.keys().chain(damaged.1.keys()).filter(differs).collect();
    assert!(different.is_empty(), "the bucket is not as it was before the restore: {different:?}");
}

/// Keys that no folder can hold as they are, as far as the server takes them, and ordinary ones.
const KEYS: [(&str, &str); 6] = [
    ("in/plain/one%20%C3%BC.jpg", "one"),
    ("in/both", "a file"),
    ("in/both/below", "and a folder"),
    ("in/folder/", ""),
    ("in/line%0Aend", "a newline is a legal name"),
    ("out/of/the/prefix", "not asked for"),
];

#[tokio::test]
async fn a_bucket_is_backed_up_into_another_and_comes_back_with_every_key() {
    let server = s3::Server::start();
    server.create_bucket("media");
    for (key, content) in KEYS {
        let headers = ["content-type: image/jpeg", "x-amz-meta-couple: Ada and Grace"];
        server.request("PUT", &format!("media/{key}"), &headers, content);
    }
    let world = World::empty();
    let (storage, source) = (server.url("backups"), server.bucket_url("media", "in"));
    json(&world, &server, &["init", "--storage", &storage]);
    let backup = ["backup", "files", &source, "--storage", &storage, "--name", "media"];
    let done = json(&world, &server, &backup);
    assert_eq!((&done["result"], done["issues"].as_array().unwrap().len()), (&"stored".into(), 0), "{done}");
    let vault = done["vault"].as_str().unwrap();

    let vaults = json(&world, &server, &["vaults", "--storage", &storage]);
    assert_eq!((&vaults["vaults"][0]["id"], &vaults["vaults"][0]["points"]), (&done["vault"], &1.into()));
    let points = json(&world, &server, &["points", "--storage", &storage]);
    assert_eq!(points["points"][0]["id"], done["point"]);
    run(&world, &server, &["verify", "--storage", &storage, "--level", "all"]).expect(0);

    let out = world.path("out");
    json(
        &world,
        &server,
        &["restore", "files", "--name", "media", "--storage", &storage, "--to", out.to_str().unwrap()],
    );
    let root = out.join("media/in");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("plain/one ü.jpg"), "one");
    assert_eq!(read("both/below"), "and a folder");
    assert_eq!(read("line\nend"), "a newline is a legal name");
    let kept = kept(&root);
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["in/both", "in/folder/"]);
    assert_eq!(kept["in/both"], b"a file");

    // Stock restic opens it where it is, and sees what the bucket says of an object.
    let secret = world.path("secret");
    run(
        &world,
        &server,
        &["keys", "export-restic", "--storage", &storage, "--vault", vault, "--output", secret.to_str().unwrap()],
    )
    .expect(0);
    let secret = fs::read_to_string(secret).unwrap();
    assert!(secret.contains(&format!("RESTIC_REPOSITORY=s3:{}/", server.endpoint())), "the repository is named");
    let restic = |words: &[&str]| -> Run {
        let mut command = Command::new(tools::restic());
        command.args(["--no-cache", "--no-lock"]).args(words).envs(server.credentials());
        command.envs(secret.lines().filter_map(|line| line.split_once('='))).output().unwrap().into()
    };
    restic(&["check", "--read-data"]).expect(0);
    assert_eq!(restic(&["dump", "latest", "/media/in/both/below"]).expect(0).stdout, "and a folder");
    let id = restic(&["ls", "latest", "--json"]).expect(0).stdout;
    assert!(id.contains("one ü.jpg"), "{id}");

    // Without credentials, and with wrong ones, it says so and prints none.
    let none: Run = world.command(["points", "--storage", &storage, "--json"]).output().unwrap().into();
    assert_eq!(none.expect(1).error_code(), "storage-failed");
}

/// What the manifest of keys says is kept, with its content.
fn kept(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = root.join(".keepsake-keys");
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["version"], &manifest["bucket"]), (&1.into(), &"media".into()));
    let entry = |entry: &Value| {
        let file = fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
        assert_eq!(entry["size_bytes"], file.len());
        (entry["key"].as_str().unwrap().to_owned(), file)
    };
    manifest["objects"].as_array().unwrap().iter().map(entry).collect()
}

/// A service that takes any key, as several do and SeaweedFS does not: lists and serves, read only, unsigned.
fn any_key_server(objects: Vec<(String, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let objects = Arc::new(objects);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, objects) = (stream.unwrap(), Arc::clone(&objects));
            std::thread::spawn(move || {
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(0) | Err(_) => return,
                        Ok(read) => request.extend_from_slice(&part[..read]),
                    }
                }
                let text = String::from_utf8(request).unwrap();
                let target = text.split(' ').nth(1).unwrap();
                let listing = || -> String {
                    let entry = |(key, content): &(String, &str)| {
                        let key = key.replace('%', "%25");
                        format!(
                            "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2026-06-06T12:00:00Z</LastModified></Contents>",
                            content.len()
                        )
                    };
                    let all: String = objects.iter().map(entry).collect();
                    format!("<R><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>{all}</R>")
                };
                let found =
                    objects.iter().find(|(key, _)| target == format!("/media/{key}")).map(|(_, content)| *content);
                let (status, body) = match found {
                    _ if target.starts_with("/media/?") => ("200 OK", listing()),
                    Some(content) => ("200 OK", content.to_owned()),
                    None => ("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
                };
                let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _client_may_be_gone = stream.write_all(format!("{head}{body}").as_bytes());
            });
        }
    });
    endpoint
}

#[test]
fn keys_that_are_no_paths_are_kept_by_a_manifest() {
    let long = format!("deep/{}", "x".repeat(300));
    let names = ["a//b", "/leading", "folder//", "same", "same/below", ".keepsake-keys/manifest.json", &long, "plain"];
    let objects = names.iter().map(|name| ((*name).to_owned(), "content")).collect();
    let endpoint = any_key_server(objects);
    let world = World::new();
    let (storage, source) = (world.storage(), format!("s3://media?endpoint={endpoint}"));
    let run = |words: &[&str]| -> Run {
        let mut command = world.command(words);
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any").output().unwrap().into()
    };
    let done = run(&["backup", "files", &source, "--storage", &storage, "--name", "media", "--json"]).expect(0).json();
    assert_eq!((&done["result"], done["issues"].as_array().unwrap().len()), (&"stored".into(), 0), "{done}");
    let out = world.path("out");
    run(&["restore", "files", "--name", "media", "--storage", &storage, "--to", out.to_str().unwrap()]).expect(0);
    let root = out.join("media");
    assert_eq!(fs::read_to_string(root.join("plain")).unwrap(), "content");
    assert_eq!(fs::read_to_string(root.join("same/below")).unwrap(), "content");
    let kept = kept(&root);
    let mut expected = vec!["a//b", "/leading", "folder//", "same", ".keepsake-keys/manifest.json", &long];
    expected.sort_unstable();
    assert_eq!(kept.keys().collect::<Vec<_>>(), expected);
    assert!(kept.values().all(|content| content == b"content"));
}

#[test]
fn s13_an_object_that_cannot_be_asked_for_makes_the_point_incomplete() {
    let endpoint =
        any_key_server(vec![("a/../../other/secret".to_owned(), "content"), ("plain".to_owned(), "content")]);
    let world = World::new();
    let source = format!("s3://media?endpoint={endpoint}");
    let mut command =
        world.command(["backup", "files", &source, "--storage", &world.storage(), "--name", "m", "--json"]);
    let done: Run =
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any").output().unwrap().into();
    let done = done.expect(0).json();
    assert_eq!(
        (&done["result"], &done["issues"][0]["code"]),
        (&"incomplete".into(), &"object-unreadable".into()),
        "{done}"
    );
}
