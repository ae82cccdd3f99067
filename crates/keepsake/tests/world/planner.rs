//! The sample application on a server of its own, with its photos and a place for backups.

use super::{Run, World, files_below};
use keepsake_testkit::{
    planner::{self, Damage, Fingerprint, Spec},
    postgres::Server,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};
use tokio_postgres::Client;
use uuid::Uuid;

/// The application, and Keepsake beside it.
pub struct Planner {
    /// Home and storage.
    pub world: World,
    /// Its server.
    pub server: Server,
    /// A superuser's connection.
    pub client: Client,
    /// The wedding that things happen to.
    pub wedding: Uuid,
    /// All weddings.
    pub weddings: Vec<Uuid>,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The wedding's rows.
    pub wedding: Fingerprint,
    /// Everybody else's rows.
    pub others: Fingerprint,
    /// Every file.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Seen {
    /// What differs, in words. The application's queue of mails is none of a wedding's data: what was sent is not unsent.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = self.wedding.differences(&now.wedding);
        found.retain(|text| !text.starts_with("outbox:"));
        found.extend(self.others.differences(&now.others).into_iter().map(|text| format!("others: {text}")));
        for path in self.files.keys().chain(now.files.keys()) {
            let (before, after) = (self.files.get(path), now.files.get(path));
            if before != after {
                found.push(format!("{}: {:?}, then {:?}", path.display(), before.map(Vec::len), after.map(Vec::len)));
            }
        }
        found.dedup();
        found
    }
}

impl Planner {
    /// A few small weddings.
    pub async fn new() -> Self {
        Self::of(&Spec::small()).await
    }

    /// As many weddings as `spec` says.
    pub async fn of(spec: &Spec) -> Self {
        let world = World::new();
        let server = Server::start();
        server.create_database("planner").await;
        let client = server.connect("planner").await;
        planner::install(&client).await.unwrap();
        let photos = world.path("photos");
        fs::create_dir(&photos).unwrap();
        let made = planner::generate(&client, spec, Some(&photos)).await.unwrap();
        Self { world, server, client, wedding: made.weddings[0], weddings: made.weddings }
    }

    /// Its connection string.
    pub fn dsn(&self) -> String {
        self.server.dsn("planner")
    }

    /// Where its photos are.
    pub fn photos(&self) -> PathBuf {
        self.world.path("photos")
    }

    /// The arguments of a backup of the wedding.
    pub fn backup_arguments(&self) -> Vec<String> {
        self.arguments(&["backup", "wedding", &self.wedding.to_string(), "--source", &self.dsn()])
    }

    /// The arguments of a restore of the wedding.
    pub fn restore_arguments(&self, more: &[&str]) -> Vec<String> {
        let mut all = self.arguments(&["restore", "wedding", &self.wedding.to_string(), "--target", &self.dsn()]);
        all.extend(more.iter().map(|word| (*word).to_owned()));
        all
    }

    /// The arguments of an undo.
    pub fn undo_arguments(&self, operation: &str) -> Vec<String> {
        self.arguments(&["undo", operation, "--target", &self.dsn(), "--yes"])
    }

    fn arguments(&self, words: &[&str]) -> Vec<String> {
        let place = ["--files-root".to_owned(), self.photos().display().to_string(), "--storage".to_owned()];
        words.iter().map(|word| (*word).to_owned()).chain(place).chain([self.world.storage()]).collect()
    }

    /// Backs the wedding up.
    #[track_caller]
    pub fn backup(&self) -> Value {
        self.world.json(self.backup_arguments())
    }

    /// Restores the wedding, to its end.
    pub fn restore(&self, more: &[&str]) -> Run {
        self.world.run_json(self.restore_arguments(more))
    }

    /// Restores the wedding exactly, and expects that to work; the operation and what was printed.
    #[track_caller]
    pub fn restore_exact(&self) -> (String, Value) {
        let done = self.restore(&["--mode", "exact", "--yes"]).expect(0).json();
        (done["operation"].as_str().unwrap().to_owned(), done)
    }

    /// Undoes an operation; the operation that this is.
    #[track_caller]
    pub fn undo(&self, operation: &str) -> String {
        let done = self.world.json(self.undo_arguments(operation));
        done["operation"].as_str().unwrap().to_owned()
    }

    /// Damages the wedding and its files.
    pub async fn damage(&self) -> Damage {
        planner::damage(&self.client, self.wedding, Some(&self.photos())).await.unwrap()
    }

    /// Everything as it is now.
    pub async fn see(&self) -> Seen {
        let files = files_below(&self.photos()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap()));
        Seen { files: files.collect(), ..self.see_rows().await }
    }

    /// As [`see`](Self::see), without the files.
    pub async fn see_rows(&self) -> Seen {
        Seen {
            wedding: planner::fingerprint_of(&self.client, self.wedding).await.unwrap(),
            others: planner::fingerprint(&self.client, &[self.wedding]).await.unwrap(),
            files: BTreeMap::new(),
        }
    }

    /// Fails unless everything is as it was.
    pub async fn expect_as(&self, before: &Seen) {
        let differences = before.differences(&self.see().await);
        assert!(differences.is_empty(), "{differences:#?}");
    }

    /// One number.
    pub async fn count(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// Waits until a session of Keepsake waits for a lock in the database.
    pub async fn until_blocked(&self) {
        let blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'planner' AND wait_event_type = 'Lock'";
        for _ in 0..1000 {
            if self.count(blocked).await > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nothing waited for the lock");
    }

    /// A restore that has saved the present state and put its files, and now waits for a row that somebody else has locked.
    pub async fn stuck(&self) -> (Child, Client) {
        let holder = self.server.connect("planner").await;
        let lock = format!("BEGIN; SELECT 1 FROM timeline_items WHERE wedding_id = '{}' FOR UPDATE", self.wedding);
        holder.batch_execute(&lock).await.unwrap();
        let running = self.world.start(self.restore_arguments(&["--mode", "exact", "--yes"]));
        self.until_blocked().await;
        (running, holder)
    }

    /// A restore whose rows are committed, and that will not hear of it: the server waits for a standby that never comes.
    pub async fn stuck_in_its_commit(&self) -> Child {
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
        self.execute("SELECT pg_reload_conf()").await;
        let running = self.world.start(self.restore_arguments(&["--mode", "exact", "--yes"]));
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        let began = Instant::now();
        while self.count(waiting).await == 0 {
            assert!(began.elapsed().as_secs() < 30, "nothing was committed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running
    }

    /// Waits until the server has noticed that a client is gone; only the planner's own connection is left.
    pub async fn until_alone(&self) {
        let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'planner' AND backend_type = 'client backend' AND \
                    pid <> pg_backend_pid()";
        for _ in 0..500 {
            if self.count(left).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server still serves a client that was killed");
    }

    /// The operation that saved a state last.
    pub fn last_operation(&self) -> String {
        let points = self.world.json(["points", "--all", "--storage", &self.world.storage()]);
        let saved = points["points"].as_array().unwrap().iter().find_map(|point| point["operation"].as_str());
        saved.expect("a restore saved the state before it").to_owned()
    }
}
