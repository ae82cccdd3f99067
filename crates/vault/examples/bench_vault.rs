//! Measures the engine by itself: `bench_vault backup STORE PATH`, `bench_vault stream STORE NAME < file`,
//! `bench_vault many STORES COUNT PATH`, `bench_vault restore STORE TO`, `bench_vault dump STORE PATH > file`.
//!
//! STORE is a folder; a vault is made in it if there is none. The password is `RESTIC_PASSWORD`, so that stock restic
//! can open the result; give it 64 hexadecimal digits, as real vaults have, or key derivation counts too. Prints one JSON object; `rss_mib` is the peak resident memory of the process.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people and scripts")]

use bytes::Bytes;
use keepsake_domain::{Clock, SystemClock};
use keepsake_store::{DynStore, Local};
use keepsake_vault::{
    Password, Vault,
    backup::{BackupOptions, Committed, FileMeta, SnapshotSpec},
    config::{self, CreateSpec},
    engine::{Engine, EngineConfig},
    password::{HumanPassword, MachineSecret},
    restore::RestoreOptions,
    time::Time,
    vault::Indexed,
};
use rand::{SeedableRng, rngs::StdRng};
use std::{error::Error, io::Read, os::unix::ffi::OsStrExt, path::Path, sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let what = words.first().copied().unwrap_or_default();
    let engine = Engine::new(config())?;
    let started = Instant::now();
    let bytes = match *words.as_slice() {
        ["backup", store, path] => backup(&engine, store, path).await?.stats.bytes_raw,
        ["stream", store, name] => stream(&engine, store, name).await?.stats.bytes_raw,
        ["many", stores, count, path] => many(&engine, stores, count.parse()?, path).await?,
        ["restore", store, to] => restore(&engine, store, to).await?,
        ["dump", store, path] => dump(&engine, store, path).await?,
        _ => return Err("usage: bench_vault backup|stream|many|restore|dump ...".into()),
    };
    let seconds = started.elapsed().as_secs_f64();
    let mib = bytes as f64 / 1_048_576.0;
    let speed = mib / seconds;
    let budget = engine.peak_bytes() >> 20;
    let line = format!(
        r#"{{"what":"{}","seconds":{seconds:.3},"mib":{mib:.1},"mib_per_second":{speed:.0},"rss_mib":{},"budget_peak_mib":{budget}}}"#,
        what,
        peak_resident_mib(),
    );
    // The dump's bytes go to standard output.
    if what == "dump" {
        eprintln!("{line}")
    } else {
        println!("{line}")
    }
    Ok(())
}

fn config() -> EngineConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mut config = EngineConfig::default();
    config.memory_bytes = number("BENCH_MEMORY_MIB").map_or(config.memory_bytes, |mib| mib << 20);
    config.cpu_threads = number("BENCH_THREADS").and_then(|n| usize::try_from(n).ok()).unwrap_or(config.cpu_threads);
    config
}

async fn open(store: &str) -> Outcome<Vault<Indexed>> {
    let folder = std::path::absolute(store)?;
    let store: DynStore = Arc::new(Local::new(&folder)?);
    let text = std::env::var("RESTIC_PASSWORD")?;
    // As in the service, where each vault has a machine secret: a person's password costs 32 MiB to derive from.
    let password = match MachineSecret::parse(&text) {
        Ok(secret) => Password::from(secret),
        Err(_) => Password::from(HumanPassword::new(text)?),
    };
    let cancel = CancellationToken::new();
    let vault = if folder.join("config").try_exists()? {
        Vault::open(store, &password, &cancel).await?
    } else {
        let spec = CreateSpec {
            kind: config::Kind::Files,
            name: "bench".to_owned(),
            source: "bench".to_owned(),
            wedding: None,
            chunker: None,
        };
        let mut random = StdRng::from_rng(&mut rand::rng());
        Vault::create(store, &password, spec, &mut random, &SystemClock, &cancel).await?
    };
    Ok(vault.load_index(&cancel).await?)
}

async fn options(vault: &Vault<Indexed>) -> Outcome<BackupOptions> {
    let snapshots = vault.snapshots(&CancellationToken::new()).await?.snapshots;
    let parent = snapshots.iter().max_by_key(|(_, snapshot)| snapshot.time.moment()).map(|(id, _)| *id);
    Ok(BackupOptions { parent, ..BackupOptions::default() })
}

fn spec(path: &str) -> SnapshotSpec {
    SnapshotSpec {
        time: Time::utc(SystemClock.now()),
        hostname: "bench".to_owned(),
        username: "bench".to_owned(),
        tags: Vec::new(),
        paths: vec![path.to_owned()],
        original: None,
    }
}

async fn backup(engine: &Engine, store: &str, path: &str) -> Outcome<Committed> {
    let vault = open(store).await?;
    let backup = vault.backup(engine, options(&vault).await?)?;
    let local = std::path::absolute(path)?;
    backup.add_path(&local, local.as_os_str().as_bytes()).await?;
    let committed = backup.commit(|_| spec(path)).await?;
    eprintln!("{:?} {:?}", committed.result, committed.stats);
    Ok(committed)
}

async fn stream(engine: &Engine, store: &str, name: &str) -> Outcome<Committed> {
    let vault = open(store).await?;
    let backup = vault.backup(engine, options(&vault).await?)?;
    let mut file = backup.file(name, FileMeta::default())?;
    let (send, pieces) = flume::bounded::<Bytes>(8);
    let reader = std::thread::spawn(move || -> std::io::Result<()> {
        let mut input = std::io::stdin().lock();
        loop {
            let mut piece = vec![0; 256 << 10];
            let got = input.read(&mut piece)?;
            piece.truncate(got);
            if got == 0 || send.send(piece.into()).is_err() {
                return Ok(());
            }
        }
    });
    while let Ok(piece) = pieces.recv_async().await {
        file.write(piece).await?;
    }
    reader.join().map_err(|_| "the reader panicked")??;
    file.finish().await?;
    let committed = backup.commit(|_| spec(name)).await?;
    eprintln!("{:?}", committed.stats);
    Ok(committed)
}

async fn many(engine: &Engine, stores: &str, count: usize, path: &str) -> Outcome<u64> {
    let mut running = tokio::task::JoinSet::new();
    for number in 0..count {
        let (engine, path) = (engine.clone(), path.to_owned());
        let store = Path::new(stores).join(number.to_string()).display().to_string();
        running.spawn(async move { backup(&engine, &store, &path).await.map(|committed| committed.stats.bytes_raw) });
    }
    let mut bytes = 0;
    while let Some(done) = running.join_next().await {
        bytes += done??;
    }
    Ok(bytes)
}

async fn newest(vault: &Vault<Indexed>) -> Outcome<keepsake_vault::snapshot::Snapshot> {
    let snapshots = vault.snapshots(&CancellationToken::new()).await?.snapshots;
    let newest = snapshots.into_iter().max_by_key(|(_, snapshot)| snapshot.time.moment());
    Ok(newest.ok_or("the vault has no snapshot")?.1)
}

async fn restore(engine: &Engine, store: &str, to: &str) -> Outcome<u64> {
    let vault = open(store).await?;
    let snapshot = newest(&vault).await?;
    let report = vault.restore(engine, &snapshot, RestoreOptions::new(to)).await?;
    if let Some((path, failure)) = report.failed().next() {
        return Err(format!("{}: {failure}", path.display()).into());
    }
    Ok(report.bytes_restored)
}

async fn dump(engine: &Engine, store: &str, path: &str) -> Outcome<u64> {
    let vault = open(store).await?;
    let snapshot = newest(&vault).await?;
    let mut output = tokio::fs::OpenOptions::new().write(true).open("/dev/stdout").await?;
    Ok(vault.dump(engine, &snapshot, path, &mut output, &CancellationToken::new()).await?)
}

fn peak_resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
