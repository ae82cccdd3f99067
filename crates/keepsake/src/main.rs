//! `keepsake`: the one program. It parses arguments, prepares the context, calls one use case, and says what came of it.

mod cli;
mod commands;
mod output;
mod password;
mod progress;
mod remote;

use clap::Parser;
use cli::Cli;
use keepsake_app::Code;
use output::Output;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let output = Output::new(cli.json, cli.quiet);
    start_log(matches!(cli.command, cli::Command::Serve(_)));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.warn(&format!("the system refused threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let cancel = CancellationToken::new();
    let result = runtime.block_on(async {
        tokio::spawn(stop_on_signal(output, cancel.clone()));
        Box::pin(commands::run(cli, output, cancel)).await
    });
    // A thread blocked in a system call must not keep a finished program alive.
    runtime.shutdown_background();
    match result {
        Ok(status) => status,
        Err(error) => ExitCode::from(output.failure(&error)),
    }
}

/// The log, on standard error: lines for people, or one JSON object a line for whoever collects those of a service.
fn start_log(service: bool) {
    let usual = if service { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("KEEPSAKE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if service { log.json().flatten_event(true).with_span_list(false).init() } else { log.init() }
}

/// Words that make no command, or help that was asked for. Scripts that wanted JSON get their one object all the same.
fn misused(error: &clap::Error) -> ExitCode {
    // Nobody is there to be told that standard error is gone.
    let _lost = error.print();
    if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
        let said = error.render().to_string();
        let message = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Output::new(true, false).failure_object(Code::Usage, message);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The first signal asks for a clean stop, the second ends at once.
async fn stop_on_signal(output: Output, cancel: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for round in 0.. {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if round > 0 {
            std::process::exit(130);
        }
        cancel.cancel();
        output.note("stopping; press Ctrl-C again to end at once");
    }
}
