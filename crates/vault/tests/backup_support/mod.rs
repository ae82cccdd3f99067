//! A vault on disk for a test, and small steps that tests repeat.

#![expect(dead_code, reason = "each test binary uses a part")]
#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use keepsake_domain::SystemClock;
use keepsake_store::{
    DynStore, Local,
    fault::{Faulty, Rule},
};
use keepsake_vault::{
    Id, Password, Vault,
    backup::{BackupOptions, Committed, SnapshotSpec},
    config::{self, CreateSpec},
    engine::{Engine, EngineConfig},
    file,
    password::MachineSecret,
    restore::RestoreOptions,
    time::Time,
    vault::Indexed,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::{Arc, OnceLock},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Reproducible noise.
pub fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill(&mut bytes[..]);
    bytes
}

/// One engine for the whole test binary, as in the service.
pub fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| tiny_engine(64 << 20)).clone()
}

pub fn tiny_engine(memory_bytes: u64) -> Engine {
    Engine::new(EngineConfig { cpu_threads: 2, memory_bytes, transfers: 4 }).unwrap()
}

/// A vault in a temporary folder.
pub struct Place {
    pub folder: TempDir,
    pub secret: MachineSecret,
    pub store: DynStore,
}

impl Place {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: DynStore = Arc::new(Local::new(folder.path()).unwrap());
        let mut random = StdRng::from_rng(&mut rand::rng());
        let secret = MachineSecret::generate(&mut random);
        let spec = CreateSpec {
            kind: config::Kind::Files,
            name: "test".to_owned(),
            source: "test".to_owned(),
            wedding: None,
            chunker: None,
        };
        let password = Password::from(secret.clone());
        let cancel = CancellationToken::new();
        Vault::create(Arc::clone(&store), &password, spec, &mut random, &SystemClock, &cancel).await.unwrap();
        Self { folder, secret, store }
    }

    /// The vault, opened afresh.
    pub async fn vault(&self) -> Vault<Indexed> {
        self.vault_on(Arc::clone(&self.store)).await
    }

    pub async fn vault_on(&self, store: DynStore) -> Vault<Indexed> {
        let cancel = CancellationToken::new();
        let vault = Vault::open(store, &Password::from(self.secret.clone()), &cancel).await.unwrap();
        vault.load_index(&cancel).await.unwrap()
    }

    /// The same place behind faults.
    pub fn faulty(&self, seed: u64, rules: Vec<Rule>) -> Arc<Faulty> {
        Faulty::new(Arc::clone(&self.store), seed, rules)
    }

    pub async fn count(&self, kind: file::Kind) -> usize {
        self.vault().await.list(kind, &CancellationToken::new()).await.unwrap().files.len()
    }

    pub async fn snapshots(&self) -> usize {
        self.count(file::Kind::Snapshot).await
    }
}

pub fn spec() -> SnapshotSpec {
    SnapshotSpec {
        time: Time::utc("2026-06-06T12:00:00Z".parse().unwrap()),
        hostname: "test".to_owned(),
        username: "test".to_owned(),
        tags: Vec::new(),
        paths: vec!["/test".to_owned()],
        original: None,
    }
}

pub async fn backup_folder(vault: &Vault<Indexed>, folder: &Path, parent: Option<Id>) -> Committed {
    let backup = vault.backup(&engine(), BackupOptions { parent, ..BackupOptions::default() }).unwrap();
    backup.add_path(folder, folder.as_os_str().as_bytes()).await.unwrap();
    backup.commit(|_| spec()).await.unwrap()
}

/// Restores a snapshot whole into a new folder.
pub async fn restore(vault: &Vault<Indexed>, snapshot: &Id) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    let snapshot = vault.snapshot(snapshot, &CancellationToken::new()).await.unwrap();
    let report = vault.restore(&engine(), &snapshot, RestoreOptions::new(to.path())).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    to
}
