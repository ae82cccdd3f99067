//! `keepsake completions`.

use crate::{cli::Cli, output::Output};
use clap::CommandFactory;

pub fn run(output: Output, shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keepsake", &mut script);
    let script = serde_json::json!({ "shell": shell.to_string(), "script": String::from_utf8_lossy(&script) });
    output.result(&script, |script| script["script"].as_str().unwrap_or_default().to_owned());
}
