//! One application with its database and files, and what is done to it.

use crate::world::World;
use keepsake_testkit::{postgres::Server, schemas::Foreign};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use tokio_postgres::Client;

/// What Prisma's application puts before each path of its photos.
const CDN: &str = "https://cdn.example.com/uploads/";

/// One application with its database, its files, and a place to back it up.
pub(crate) struct App {
    pub(crate) app: Foreign,
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) world: World,
}

/// Everything there is: rows of all tables as text, and files.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct State {
    pub(crate) tables: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl App {
    pub(crate) async fn start(app: Foreign) -> Self {
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

    pub(crate) fn dsn(&self) -> String {
        self.server.dsn(self.app.name)
    }

    pub(crate) fn files(&self) -> std::path::PathBuf {
        self.world.path("uploads")
    }

    /// Paths of all files that rows name.
    pub(crate) async fn named_files(&self) -> BTreeSet<String> {
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

    pub(crate) async fn state(&self) -> State {
        State { tables: tables(&self.client).await, files: files(&self.files()) }
    }

    /// Does the fixture's damage, and removes the files that no row names any more.
    pub(crate) async fn damage(&self) {
        let before = self.named_files().await;
        self.client.batch_execute(self.app.damage).await.unwrap();
        let lost: Vec<String> = before.difference(&self.named_files().await).cloned().collect();
        assert!(!lost.is_empty(), "the accident takes files, too");
        for path in lost {
            fs::remove_file(self.files().join(path)).unwrap();
        }
    }

    /// Proposes a mapping, checks it against what the fixture says, makes the edits of a person, and gives its place.
    pub(crate) fn inspect(&self, edits: &[(&str, &str)]) -> String {
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

    pub(crate) fn backup(&self, dsn: &str, mapping: Option<&str>) -> Value {
        let (root, storage) = (self.files(), self.world.storage());
        let mut words = vec!["backup", "wedding", self.app.first(), "--source", dsn, "--storage", &storage];
        words.extend(["--files-root", root.to_str().unwrap()]);
        words.extend(mapping.iter().flat_map(|mapping| ["--mapping", mapping]));
        let done = self.world.json(words);
        let done = done.get("weddings").map_or(done.clone(), |all| all[0].clone());
        assert_eq!((&done["result"], &done["verification"]["depth"]), (&"stored".into(), &"read".into()), "{done}");
        // The fixtures' timelines are not on the days of the weddings; nothing else is odd, and no file is missing.
        let odd: Vec<&Value> =
            done["issues"].as_array().unwrap().iter().filter(|issue| issue["code"] != "event-outside-dates").collect();
        assert!(odd.is_empty(), "{odd:?}");
        done
    }

    /// Restores the first wedding exactly, with the mapping that the point holds.
    pub(crate) fn restore(&self, dsn: &str) -> Value {
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

    pub(crate) fn undo(&self, dsn: &str, done: &Value) -> Value {
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
pub(crate) async fn tables(client: &Client) -> BTreeMap<String, String> {
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

pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
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
pub(crate) async fn survives(it: &App, dsn: &str) {
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
