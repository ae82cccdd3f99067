//! The commands, mappings and grants of the documentation work as they are printed.

use crate::{
    app::{State, files, tables},
    world::World,
};
use keepsake_testkit::{
    planner::{self, Spec},
    postgres::Server,
};
use serde_json::Value;
use std::{fs, path::Path};
use tokio_postgres::Client;

/// The fenced blocks of a page, with their languages.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page)).unwrap();
    let mut found = Vec::new();
    for (n, part) in text.split("\n```").enumerate() {
        if n % 2 == 1 {
            let (language, block) = part.split_once('\n').unwrap();
            found.push((language.to_owned(), format!("{block}\n")));
        }
    }
    found
}

/// A planner with its photos, and the environment that the pages of the manual speak of.
async fn manual(pages_env: &str) -> (Server, World, Client) {
    let server = Server::start();
    let dsn = server.create_database("planner").await;
    let client = server.connect("planner").await;
    let world = World::new();
    planner::install(&client).await.unwrap();
    planner::generate(&client, &Spec::small(), Some(&world.path("uploads"))).await.unwrap();
    fs::write(world.path("env"), format!("export {pages_env}='{dsn}'\n")).unwrap();
    (server, world, client)
}

#[tokio::test]
async fn the_commands_of_the_mapping_page_work() {
    let (_server, world, _client) = manual("PLANNER").await;
    let wedding = Spec::small().wedding_id(0).to_string();
    let program = Path::new(env!("CARGO_BIN_EXE_keepsake")).parent().unwrap().display().to_string();
    let mut ran = 0;
    for (language, block) in blocks("mapping.md") {
        if language != "sh" {
            continue;
        }
        ran += 1;
        let script =
            format!(". {}; cd {}\nset -eu\n{block}", world.path("env").display(), world.folder.path().display());
        let mut shell = std::process::Command::new("sh");
        let path = format!("{program}:{}", std::env::var("PATH").unwrap());
        shell
            .args(["-c", &script])
            .env("PATH", path)
            .env("KEEPSAKE_HOME", world.home())
            .env("HOME", world.folder.path());
        shell.env("KEEPSAKE_STORAGE", world.storage()).env("WEDDING", &wedding).stdin(std::process::Stdio::null());
        let done = shell.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{block}\n{said}\n{}", String::from_utf8_lossy(&done.stdout));
    }
    assert!(ran >= 3, "only {ran} blocks");
}

#[tokio::test]
async fn the_examples_of_the_mapping_page_fit_the_planner() {
    let (server, world, _client) = manual("PLANNER").await;
    let parts: Vec<String> =
        blocks("mapping.md").into_iter().filter(|(language, _)| language == "toml").map(|(_, block)| block).collect();
    // All examples together are one mapping.
    let mapping = parts.concat().replace("file:///srv/uploads", &format!("file://{}", world.path("uploads").display()));
    fs::write(world.path("whole.toml"), &mapping).unwrap();
    let wedding = Spec::small().wedding_id(0).to_string();
    let (dsn, storage) = (server.dsn("planner"), world.storage());
    let place = world.path("whole.toml");
    let words =
        ["backup", "wedding", &wedding, "--source", &dsn, "--storage", &storage, "--mapping", place.to_str().unwrap()];
    let done = world.json(words);
    let done = done.get("weddings").map_or(done.clone(), |all| all[0].clone());
    assert_eq!(done["result"], "stored", "{done}");
    let missing: Vec<&Value> =
        done["issues"].as_array().unwrap().iter().filter(|issue| issue["code"] == "file-missing").collect();
    assert!(missing.is_empty(), "{missing:?}");
    let preview =
        ["restore", "wedding", &wedding, "--target", &dsn, "--storage", &storage, "--mode", "exact", "--dry-run"];
    assert_eq!(world.json(preview)["refusals"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn the_grants_of_the_security_page_are_enough() {
    let (server, world, client) = manual("PLANNER").await;
    let grants: Vec<String> =
        blocks("security.md").into_iter().filter(|(language, _)| language == "sql").map(|(_, sql)| sql).collect();
    client.batch_execute(&grants.concat()).await.unwrap();
    let (spec, storage, uploads) = (Spec::small(), world.storage(), world.path("uploads"));
    let wedding = spec.wedding_id(0).to_string();
    let backup = server.dsn_as("keepsake_backup", "planner");
    let restore = server.dsn_as("keepsake_restore", "planner");
    let files = ["--files-root", uploads.to_str().unwrap()];
    let words = ["backup", "wedding", &wedding, "--source", &backup, "--storage", &storage];
    assert_eq!(world.json(words.into_iter().chain(files))["result"], "stored");
    assert_eq!(world.json(["backup", "database", "--source", &backup, "--storage", &storage])["result"], "stored");
    let before = State { tables: tables(&client).await, files: self::files(&uploads) };
    planner::damage(&client, spec.wedding_id(0), Some(&uploads)).await.unwrap();
    let mut damaged = tables(&client).await;
    let words =
        ["restore", "wedding", &wedding, "--target", &restore, "--storage", &storage, "--mode", "exact", "--yes"];
    world.json(words.into_iter().chain(files));
    let mut after = State { tables: tables(&client).await, files: self::files(&uploads) };
    // What was told to other systems when the damage was done stays told, and the restore told them nothing.
    assert_eq!(after.tables.remove("public.outbox"), damaged.remove("public.outbox"));
    let mut expected = before;
    expected.tables.remove("public.outbox");
    for (table, rows) in &expected.tables {
        assert_eq!(after.tables.get(table), Some(rows), "{table}");
    }
    assert!(after.files == expected.files);
    // And the role that backs up cannot write.
    let refused = keepsake_testkit::postgres::connect(&backup).await.batch_execute("DELETE FROM guests").await;
    assert!(refused.is_err());
}
