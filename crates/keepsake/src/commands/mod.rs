//! One file a command: it calls a use case and shows what came of it.

mod admin;
mod audit;
mod backup;
mod completions;
mod demo;
mod doctor;
mod init;
mod inspect;
mod keys;
mod points;
mod preview;
mod restore;
mod serve;
mod undo;
mod vaults;
mod verify;

use crate::{
    cli::{Cli, Command},
    output::Output,
    remote,
};
pub use inspect::write_new;
use keepsake_app::{Code, Context, Error, Home, Result, install};
use keepsake_domain::SystemClock;
use keepsake_keys::MasterKey;
use keepsake_vault::engine::{Engine, EngineConfig, Progress};
use std::{process::ExitCode, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What a command is given: where it may speak, and how to get a context.
pub struct Surroundings {
    /// The two streams.
    pub output: Output,
    /// The installation's folder.
    pub home: Home,
    cancel: CancellationToken,
    memory_bytes: u64,
}

impl Surroundings {
    /// The context of a use case, with the installation's master key.
    ///
    /// # Errors
    /// [`Code::MasterKeyMissing`], [`Code::MasterKeyUnsafe`].
    pub fn context(&self) -> Result<Context> {
        self.context_with(install::load_master_key(&self.home)?)
    }

    /// The context of a use case with a given master key.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] if the system refuses threads.
    pub fn context_with(&self, master: MasterKey) -> Result<Context> {
        let config = EngineConfig { memory_bytes: self.memory_bytes, ..EngineConfig::default() };
        let engine =
            Engine::new(config).map_err(|error| Error::because(Code::HomeFailed, "the engine did not start", error))?;
        Ok(Context {
            home: self.home.clone(),
            master,
            clock: Arc::new(SystemClock),
            engine,
            cancel: self.cancel.clone(),
            progress: Arc::new(Progress::default()),
            actor: std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()),
            organisation: "local".to_owned(),
        })
    }
}

/// Runs one command.
///
/// # Errors
/// Those of its use case.
pub async fn run(cli: Cli, output: Output, cancel: CancellationToken) -> Result<ExitCode> {
    let home = Home::resolve(cli.home.as_deref(), &|name| std::env::var_os(name))?;
    if let Some(url) = cli.server.clone() {
        return remote::run(cli, &url, output, &home, cancel).await;
    }
    let surroundings = Surroundings { output, home, cancel, memory_bytes: u64::from(cli.memory_mib) << 20 };
    match cli.command {
        Command::Init(storage) => init::run(&surroundings, &storage).await?,
        Command::Backup(asked) => backup::run(&surroundings, &asked).await?,
        Command::Vaults(storage) => vaults::run(&surroundings, &storage).await?,
        Command::Points(points) => points::run(&surroundings, &points).await?,
        Command::Admin(asked) => admin::run(&surroundings, &asked).await?,
        Command::Keys(keys) => keys::run(&surroundings, &keys).await?,
        Command::Inspect(asked) => inspect::run(&surroundings, &asked).await?,
        Command::Restore(asked) => Box::pin(restore::run(&surroundings, asked)).await?,
        Command::Undo(asked) => Box::pin(undo::run(&surroundings, &asked)).await?,
        Command::Verify(asked) => return verify::run(&surroundings, &asked).await,
        Command::Audit(asked) => return Box::pin(audit::run(&surroundings, &asked)).await,
        Command::Doctor(asked) => return doctor::run(&surroundings, &asked).await,
        Command::Serve(asked) => serve::run(&surroundings, &asked).await?,
        Command::Demo(asked) => demo::run(output, &asked).await?,
        Command::Completions { shell } => completions::run(output, shell),
        Command::Login(_) | Command::Logout => {
            return Err(Error::new(Code::Usage, "name the service with --server or KEEPSAKE_SERVER"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
