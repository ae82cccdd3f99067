//! The first admin, as whoever installs Keepsake makes them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::postgres::Server;
use std::{fs, io::Write, process::Stdio};
use world::World;

fn place(url: &str) -> World {
    let world = World::new();
    fs::write(world.folder.path().join("catalog.url"), url).unwrap();
    world
}

#[tokio::test]
async fn the_first_admin_is_made_with_a_password_of_their_own_and_never_a_default_one() {
    let server = Server::start();
    server.create_database("catalog").await;
    let world = place(&format!("postgres://postgres@localhost/catalog?host={}", server.socket().display()));
    let url = format!("file:{}", world.folder.path().join("catalog.url").display());
    let password = world.folder.path().join("password");
    fs::write(&password, "correct horse battery\n").unwrap();
    let password = password.display().to_string();
    let create = |email: &str, more: &[&str]| {
        let words = ["admin", "create-user", "--json", "--catalog-url", url.as_str(), "--email", email];
        world.run(words.iter().chain(more))
    };

    let made = create("Anna@Example.org", &["--password-file", password.as_str()]).expect(0).json();
    assert_eq!((made["email"].as_str(), made["role"].as_str()), (Some("anna@example.org"), Some("admin")));
    let again = create("anna@example.org", &["--password-file", password.as_str()]).expect(1);
    assert_eq!(again.error_code(), "exists");

    // Without one, with an empty one, with a short one: nobody is made.
    fs::write(world.folder.path().join("short"), "short\n").unwrap();
    fs::write(world.folder.path().join("empty"), "\n").unwrap();
    for file in ["short", "empty"] {
        let file = world.folder.path().join(file).display().to_string();
        assert_eq!(create("olga@example.org", &["--password-file", &file]).expect(2).error_code(), "invalid");
    }
    let client = server.connect("catalog").await;
    let who = "SELECT u.email, o.kind, c.password_phc FROM keepsake.users AS u JOIN keepsake.credentials AS c ON c.user_id = u.id
               JOIN keepsake.organisations AS o ON o.id = u.organisation_id";
    let rows = client.query(who, &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].get::<_, String>(0).as_str(), rows[0].get::<_, String>(1).as_str()),
        ("anna@example.org", "operator")
    );
    assert!(rows[0].get::<_, String>(2).starts_with("$argon2id$"));
}

#[tokio::test]
async fn a_password_comes_from_standard_input_and_not_from_an_argument() {
    let server = Server::start();
    server.create_database("catalog").await;
    let world = place(&format!("postgres://postgres@localhost/catalog?host={}", server.socket().display()));
    let url = format!("file:{}", world.folder.path().join("catalog.url").display());
    let words = ["admin", "create-user", "--json", "--catalog-url", url.as_str(), "--email", "anna@example.org"];
    let argument = world.run(words.iter().chain(&["--password", "correct horse battery"]));
    assert_eq!(argument.expect(2).error_code(), "usage");

    let mut command = world.command(words.iter().chain(&["--role", "auditor", "--password-file", "-"]));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    let run = world::Run::from(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(run.json()["role"], "auditor");
    assert!(!run.stdout.contains("horse") && !run.stderr.contains("horse"), "{run:?}");
}
