//! `keepsake completions`.

use crate::{cli::Cli, output::Output};
use clap::CommandFactory;

pub fn run(output: Output, shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keepsake", &mut script);
    output.stdout(&String::from_utf8_lossy(&script));
}
