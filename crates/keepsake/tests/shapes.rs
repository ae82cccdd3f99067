//! Applications that the mapping has never seen, each from inspection to undo through the front door; mappings that do
//! not fit; and the commands of docs/mapping.md.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking, like tests")]

mod world;

use keepsake_testkit::{
    planner::{self, Spec},
    postgres::Server,
    schemas::{COMPOSITE, Foreign, MODULES, PRISMA, SUPABASE},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use tokio_postgres::Client;
use world::World;

/// What Prisma's application puts before each path of its photos.
const CDN: &str = "https://cdn.example.com/uploads/";

/// One application with its database, its files, and a place to back it up.
struct App {
    app: Foreign,
    server: Server,
    client: Client,
    world: World,
}

/// Everything there is: rows of all tables as text, and files.
#[derive(Debug, PartialEq, Eq, Clone)]
struct State {
    tables: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl App {
    async fn start(app: Foreign) -> Self {
        let server = Server::start();
        server.create_database(app.name).await;
        let client = server.connect(app.name).await;
        app.install(&client).await.unwrap();
        let world = World::new();
        let it = Self { app, server, client, world };
        for path in it.named_files().await {
            let place = it.files().join(&path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, format!("content of {path}").repeat(50)).unwrap();
        }
        it
    }

    fn dsn(&self) -> String {
        self.server.dsn(self.app.name)
    }

    fn files(&self) -> std::path::PathBuf {
        self.world.path("uploads")
    }

    /// Paths of all files that rows name.
    async fn named_files(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for (table, column) in self.app.files {
            let (schema, table) = table.split_once('.').unwrap();
            let sql = format!("SELECT to_jsonb(t) -> '{column}' FROM \"{schema}\".\"{table}\" t");
            for row in self.client.query(&sql, &[]).await.unwrap() {
                match row.get::<_, Value>(0) {
                    Value::Array(all) => paths.extend(all.iter().map(|path| path.as_str().unwrap().to_owned())),
                    path => drop(paths.insert(path.as_str().unwrap().trim_start_matches(CDN).to_owned())),
                }
            }
        }
        paths
    }

    async fn state(&self) -> State {
        State { tables: tables(&self.client).await, files: files(&self.files()) }
    }

    /// Does the fixture's damage, and removes the files that no row names any more.
    async fn damage(&self) {
        let before = self.named_files().await;
        self.client.batch_execute(self.app.damage).await.unwrap();
        let lost: Vec<String> = before.difference(&self.named_files().await).cloned().collect();
        assert!(!lost.is_empty(), "the accident takes files, too");
        for path in lost {
            fs::remove_file(self.files().join(path)).unwrap();
        }
    }

    /// Proposes a mapping, checks it against what the fixture says, makes the edits of a person, and gives its place.
    fn inspect(&self, edits: &[(&str, &str)]) -> String {
        let place = self.world.path("mapping.toml");
        let place = place.to_str().unwrap();
        let proposed = self.world.json(["inspect", "--source", &self.dsn(), "--output", place]);
        let mapping = &proposed["mapping"];
        assert_eq!(mapping["wedding"]["table"], self.app.root.table);
        assert_eq!(mapping["wedding"]["id"], self.app.root.id);
        let owned: BTreeMap<&str, &str> = mapping["table"]
            .as_array()
            .unwrap()
            .iter()
            .map(|table| (table["name"].as_str().unwrap(), table["group"].as_str().unwrap()))
            .collect();
        for (table, group) in self.app.owned {
            assert_eq!(owned.get(table), Some(group), "{table}");
        }
        let mut text = fs::read_to_string(place).unwrap();
        for (found, wanted) in edits {
            assert_eq!(text.matches(found).count(), 1, "{found} is edited at one place of\n{text}");
            text = text.replace(found, wanted);
        }
        fs::write(place, text).unwrap();
        place.to_owned()
    }

    fn backup(&self, dsn: &str, mapping: Option<&str>) -> Value {
        let (root, storage) = (self.files(), self.world.storage());
        let mut words = vec!["backup", "wedding", self.app.first(), "--source", dsn, "--storage", &storage];
        words.extend(["--files-root", root.to_str().unwrap()]);
        words.extend(mapping.iter().flat_map(|mapping| ["--mapping", mapping]));
        let done = self.world.json(words);
        let done = done.get("weddings").map_or(done.clone(), |all| all[0].clone());
        assert_eq!((&done["result"], &done["verified"]), (&"stored".into(), &true.into()), "{done}");
        // The fixtures' timelines are not on the days of the weddings; nothing else is odd, and no file is missing.
        let odd: Vec<&Value> =
            done["issues"].as_array().unwrap().iter().filter(|issue| issue["code"] != "event-outside-dates").collect();
        assert!(odd.is_empty(), "{odd:?}");
        done
    }

    /// Restores the first wedding exactly, with the mapping that the point holds.
    fn restore(&self, dsn: &str) -> Value {
        let (root, storage) = (self.files(), self.world.storage());
        self.world.json([
            "restore",
            "wedding",
            self.app.first(),
            "--target",
            dsn,
            "--storage",
            &storage,
            "--mode",
            "exact",
            "--yes",
            "--files-root",
            root.to_str().unwrap(),
        ])
    }

    fn undo(&self, dsn: &str, done: &Value) -> Value {
        let (root, storage) = (self.files(), self.world.storage());
        let operation = done["operation"].as_str().unwrap();
        self.world.json([
            "undo",
            operation,
            "--target",
            dsn,
            "--storage",
            &storage,
            "--yes",
            "--files-root",
            root.to_str().unwrap(),
        ])
    }
}

/// Every table of an application with all its rows, sorted, in COPY's format.
async fn tables(client: &Client) -> BTreeMap<String, String> {
    let sql = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')";
    let mut all = BTreeMap::new();
    for row in client.query(sql, &[]).await.unwrap() {
        let table: String = row.get(0);
        let copy = format!("COPY (SELECT * FROM {table} t ORDER BY t::text COLLATE \"C\") TO STDOUT");
        let pieces: Vec<_> = futures::TryStreamExt::try_collect(client.copy_out(&copy).await.unwrap()).await.unwrap();
        all.insert(table, String::from_utf8(pieces.concat()).unwrap());
    }
    all
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Damage, restore, undo, redo: each time everything is as it was, in the wedding and around it.
async fn survives(it: &App, dsn: &str) {
    let before = it.state().await;
    it.damage().await;
    let damaged = it.state().await;
    assert_ne!(before, damaged);
    let restored = it.restore(dsn);
    assert_eq!(it.state().await, before, "restored");
    assert_eq!(restored["undoable"], true);
    let undone = it.undo(dsn, &restored);
    assert_eq!(it.state().await, damaged, "undone");
    it.undo(dsn, &undone);
    assert_eq!(it.state().await, before, "redone");
    let again = it.restore(dsn);
    let changed: u64 = again["proof"]["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| ["inserted", "updated", "deleted"].iter().map(|what| table[what].as_u64().unwrap()).sum::<u64>())
        .sum();
    assert_eq!(changed, 0, "a second restore has nothing to do");
}

#[tokio::test]
async fn a_supabase_like_application_survives() {
    let it = App::start(SUPABASE).await;
    let mapping = it.inspect(&[]);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
    // The whole wedding, by one cascade.
    let before = it.state().await;
    it.client.batch_execute("DELETE FROM weddings WHERE id = md5('wedding1')::uuid").await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

#[tokio::test]
async fn roles_without_superuser_rights_back_up_and_restore_without_a_mapping() {
    let it = App::start(SUPABASE).await;
    let reader = it.server.dsn_as(SUPABASE.reader.unwrap(), SUPABASE.name);
    let writer = it.server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name);
    it.backup(&reader, None);
    it.damage().await;
    let preview = it.world.json([
        "restore",
        "wedding",
        SUPABASE.first(),
        "--target",
        &writer,
        "--storage",
        &it.world.storage(),
        "--mode",
        "exact",
        "--dry-run",
    ]);
    assert_eq!(preview["path"], "checked", "{preview}");
    // Nobody has said where the photos are to go: refused before anything is touched, not half way.
    let (damaged, storage, root) = (it.state().await, it.world.storage(), it.files());
    let words = ["restore", "wedding", SUPABASE.first(), "--storage", &storage, "--mode", "exact", "--yes", "--json"];
    let lost = it.world.run(words.into_iter().chain(["--target", &writer])).expect(3);
    assert_eq!(lost.error_code(), "restore-refused");
    assert!(lost.stderr.contains("--files-root"), "{}", lost.stderr);
    // The reader can see everything and change nothing.
    let there = ["--target", &reader, "--files-root", root.to_str().unwrap()];
    let refused = it.world.run(words.into_iter().chain(there)).expect(1);
    assert_eq!(refused.error_code(), "restore-failed", "{refused:?}");
    assert!(refused.stderr.contains("permission denied"), "{refused:?}");
    assert!(it.state().await == damaged, "rows and files are as they were");

    it.client.batch_execute("ALTER ROLE restore_writer NOBYPASSRLS").await.unwrap();
    let blind = it.world.run([
        "restore",
        "wedding",
        SUPABASE.first(),
        "--target",
        &writer,
        "--storage",
        &it.world.storage(),
        "--yes",
        "--json",
    ]);
    assert_eq!(blind.expect(1).error_code(), "database-rights");
    it.client.batch_execute("ALTER ROLE restore_writer BYPASSRLS").await.unwrap();
}

#[tokio::test]
async fn the_checked_path_brings_a_wedding_back_and_undoes_it() {
    let it = App::start(SUPABASE).await;
    it.backup(&it.server.dsn_as(SUPABASE.reader.unwrap(), SUPABASE.name), None);
    survives(&it, &it.server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name)).await;
}

#[tokio::test]
async fn s05_a_user_who_is_gone_is_not_brought_back() {
    let it = App::start(SUPABASE).await;
    let writer = it.server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name);
    it.backup(&it.dsn(), None);
    it.client
        .batch_execute(
            "DELETE FROM guests WHERE wedding_id = md5('wedding1')::uuid AND user_id = md5('user1')::uuid; \
             UPDATE weddings SET created_by = md5('user9')::uuid WHERE created_by = md5('user1')::uuid; \
             UPDATE storage.objects SET owner = NULL; DELETE FROM auth.users WHERE id = md5('user1')::uuid",
        )
        .await
        .unwrap();
    let storage = it.world.storage();
    let words = ["restore", "wedding", SUPABASE.first(), "--target", &writer, "--storage", &storage];
    it.world.json(words.iter().copied().chain(["--yes", "--files-root", it.files().to_str().unwrap()]));
    let count = |sql: &'static str| async { it.client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) };
    assert_eq!(count("SELECT count(*) FROM auth.users WHERE id = md5('user1')::uuid").await, 0);
    let back = "SELECT count(*) FROM guests WHERE id = md5('guest101')::uuid AND user_id IS NULL";
    assert_eq!(count(back).await, 1, "the guest is back, without the user");
}

#[tokio::test]
async fn a_prisma_like_application_survives() {
    let it = App::start(PRISMA).await;
    let prefix =
        [("strip_prefix = \"https://cdn.example.com/\"", "strip_prefix = \"https://cdn.example.com/uploads/\"")];
    let mapping = it.inspect(&prefix);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
    let before = it.state().await;
    let whole = format!(
        "DELETE FROM \"Guest\" WHERE \"weddingId\" = '{0}'; DELETE FROM \"Wedding\" WHERE id = '{0}'",
        PRISMA.first()
    );
    it.client.batch_execute(&whole).await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

#[tokio::test]
async fn an_application_of_modules_survives() {
    let it = App::start(MODULES).await;
    let mapping = it.inspect(&[("decision = \"assumed-owns\"", "decision = \"owns\"")]);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
}

#[tokio::test]
async fn an_application_of_circles_survives() {
    let it = App::start(COMPOSITE).await;
    let mapping = it.inspect(&[]);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
    let before = it.state().await;
    it.client.batch_execute("BEGIN; DELETE FROM celebrations WHERE reference = 'T1-1'; COMMIT").await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

#[tokio::test]
async fn what_inspection_assumed_is_followed_and_shown() {
    let it = App::start(MODULES).await;
    let printed = it.world.run(["inspect", "--source", &it.dsn()]).expect(0);
    assert!(printed.stdout.contains("decision = \"assumed-owns\""), "{}", printed.stdout);
    it.backup(&it.dsn(), None);
    let shown = it.world.run([
        "restore",
        "wedding",
        MODULES.first(),
        "--target",
        &it.dsn(),
        "--storage",
        &it.world.storage(),
        "--mode",
        "exact",
        "--dry-run",
        "--files-root",
        it.files().to_str().unwrap(),
    ]);
    let shown = shown.expect(0).stdout;
    assert!(shown.contains("nobody has decided yet") && shown.contains("core.comments (commentable_id)"), "{shown}");
    let before = it.state().await;
    it.client.batch_execute("DELETE FROM core.comments WHERE commentable_id = 1").await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

/// The line of a text that holds `part`, from 1.
fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|line| line.contains(part)).unwrap()
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused_with_its_line() {
    let it = App::start(SUPABASE).await;
    let wrong = |edits: &[(&str, &str)], part: &str, status: i32, code: &str| {
        let _gone_or_never_there = fs::remove_file(it.world.path("mapping.toml"));
        let mapping = it.inspect(edits);
        let line = line_of(&fs::read_to_string(&mapping).unwrap(), part);
        let (dsn, storage) = (it.dsn(), it.world.storage());
        let words = ["backup", "wedding", SUPABASE.first(), "--source", &dsn, "--storage", &storage];
        let refused = it.world.run(words.iter().copied().chain(["--mapping", &mapping, "--json"])).expect(status);
        assert_eq!(refused.error_code(), code);
        assert!(refused.stderr.contains(&format!("line {line}, ")), "line {line}: {}", refused.stderr);
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
        // Nothing was made for it.
        assert_eq!(it.world.json(["points", "--storage", &storage])["points"].as_array().unwrap().len(), 0);
    };
    wrong(&[("date = \"wedding_date\"", "date = \"wedding_day\"")], "wedding_day", 3, "mapping-mismatch");
    wrong(&[("id = \"id\"", "id = \"ident\"")], "id = \"ident\"", 3, "mapping-mismatch");
    wrong(
        &[
            ("name = \"public.rsvps\"", "name = \"public.replies\""),
            ("from = \"public.rsvps\"", "from = \"public.replies\""),
        ],
        "public.replies",
        3,
        "mapping-mismatch",
    );
    wrong(&[("name = \"public.rsvps\"", "name = \"public.rsvps\"\ncolour = \"red\"")], "colour", 2, "mapping-invalid");
    wrong(&[("group = \"timeline\"", "group = \"schedule\"")], "schedule", 2, "mapping-invalid");
    wrong(
        &[("name = \"public.rsvps\"", "name = \"public.rsvps\"\nkey = [\"guest_id\", \"guest_id\"]")],
        "key = ",
        2,
        "mapping-invalid",
    );
}

#[tokio::test]
async fn a_table_that_is_gone_since_the_capture_is_named_with_the_line_of_the_stored_mapping() {
    let it = App::start(SUPABASE).await;
    it.backup(&it.dsn(), None);
    it.client.batch_execute("ALTER TABLE rsvps RENAME TO replies").await.unwrap();
    let (dsn, storage) = (it.dsn(), it.world.storage());
    let words = ["restore", "wedding", SUPABASE.first(), "--target", &dsn, "--storage", &storage, "--yes", "--json"];
    let refused = it.world.run(words).expect(3);
    assert_eq!(refused.error_code(), "mapping-mismatch");
    assert!(refused.stderr.contains("line ") && refused.stderr.contains("public.rsvps"), "{}", refused.stderr);
}

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
