//! The commands over `--server`: asked of a service by its HTTP API, watched until they end, and shown as those on this machine are.
//!
//! Nothing is decided here: what a command means is what the API says (`docs/api.md`), and what it answers is typed by `keepsake-api`. A
//! wedding goes by its id in its own database, a source by its name or id. Commands that look after a machine have no meaning here.

mod backup;
mod client;
mod find;
mod inspect;
mod login;
mod points;
mod restore;
mod session;
mod verify;
mod watch;

use crate::{
    cli::{Cli, Command},
    output::Output,
};
use client::Server;
use keepsake_app::{Code, Error, Home, Result};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// What a command over the service is given.
struct Asking {
    output: Output,
    server: Server,
    cancel: CancellationToken,
}

/// Runs one command at the service at `url`.
///
/// # Errors
/// [`Code::Usage`] for commands that only work on a machine itself, [`Code::ServerUnreachable`], [`Code::Unauthenticated`]; else what the
/// service says.
pub async fn run(cli: Cli, url: &str, output: Output, home: &Home, cancel: CancellationToken) -> Result<ExitCode> {
    let server = Server::at(url, home)?;
    let asking = Asking { output, server, cancel };
    match cli.command {
        Command::Login(asked) => login::login(&asking, &asked).await?,
        Command::Logout => login::logout(&asking).await?,
        Command::Inspect(asked) => inspect::run(&asking, &asked).await?,
        Command::Backup(asked) => backup::run(&asking, &asked).await?,
        Command::Points(asked) => points::run(&asking, &asked).await?,
        Command::Restore(asked) => restore::run(&asking, &asked).await?,
        Command::Undo(asked) => restore::undo(&asking, &asked).await?,
        Command::Verify(asked) => return verify::run(&asking, &asked).await,
        Command::Completions { .. }
        | Command::Init(_)
        | Command::Vaults(_)
        | Command::Keys(_)
        | Command::Admin(_)
        | Command::Audit(_)
        | Command::Doctor(_)
        | Command::Serve(_)
        | Command::Demo(_) => {
            let text = "this command works on a machine itself and cannot be asked of a service: run it there, without --server and KEEPSAKE_SERVER";
            return Err(Error::new(Code::Usage, text));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses an option that only means something without a service.
fn only_here(given: bool, option: &str) -> Result<()> {
    match given {
        true => Err(Error::new(
            Code::Usage,
            format!("{option} has no meaning with --server: the service knows it by its sources"),
        )),
        false => Ok(()),
    }
}
