//! A password from a person: typed twice at the terminal, which does not show it, or the first line of a file.
//!
//! Never an argument: every user of the machine can see those.

use keepsake_app::{Code, Error, Result, identity::Secret};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::Path,
};
use tokio_util::sync::CancellationToken;

/// More than any password: a file that is something else is not read whole.
const LONGEST_LINE_BYTES: u64 = 4096;

/// Reads a new password from `file` (`-` is standard input), or asks for it at the terminal.
///
/// # Errors
/// [`Code::Invalid`] if there is none; [`Code::Interrupted`] if the user stops it.
pub async fn read(file: Option<&Path>, cancel: &CancellationToken) -> Result<Secret> {
    match file {
        Some(path) if path == Path::new("-") => first_line(io::stdin().lock(), "standard input"),
        Some(path) => {
            let named = path.display().to_string();
            let file = File::open(path)
                .map_err(|error| Error::because(Code::FilesFailed, format!("cannot read {named}"), error))?;
            first_line(BufReader::new(file), &named)
        }
        None => ask(cancel, ask_twice).await,
    }
}

/// Reads a secret that is known already from `file` (`-` is standard input), or asks for it once at the terminal.
///
/// # Errors
/// [`Code::Invalid`] if there is none; [`Code::Interrupted`] if the user stops it.
pub async fn existing(file: Option<&Path>, question: &'static str, cancel: &CancellationToken) -> Result<Secret> {
    match file {
        Some(_) => read(file, cancel).await,
        None => ask(cancel, move |terminal| ask_once(terminal, question)).await,
    }
}

fn first_line(from: impl BufRead, named: &str) -> Result<Secret> {
    let mut line = String::new();
    from.take(LONGEST_LINE_BYTES)
        .read_line(&mut line)
        .map_err(|error| Error::because(Code::FilesFailed, format!("cannot read a password from {named}"), error))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    match password.is_empty() {
        true => Err(Error::new(Code::Invalid, format!("{named} begins with no password"))),
        false => Ok(Secret::new(password)),
    }
}

async fn ask(
    cancel: &CancellationToken,
    questions: impl FnOnce(&File) -> Result<Secret> + Send + 'static,
) -> Result<Secret> {
    let quiet = Quiet::begin()?;
    let terminal = quiet.terminal.try_clone().map_err(no_terminal)?;
    let typed = tokio::task::spawn_blocking(move || questions(&terminal));
    tokio::select! {
        // The terminal shows again what is typed, whichever way this ends.
        () = cancel.cancelled() => Err(Error::new(Code::Interrupted, "stopped on request")),
        typed = typed => typed.map_err(|error| Error::because(Code::Invalid, "the terminal was lost", error))?,
    }
}

fn ask_once(mut terminal: &File, question: &str) -> Result<Secret> {
    write!(terminal, "{question}").map_err(no_terminal)?;
    let line = first_line(BufReader::new(terminal), "the terminal");
    // The Enter that was typed is not shown either.
    writeln!(terminal).map_err(no_terminal)?;
    line
}

fn ask_twice(terminal: &File) -> Result<Secret> {
    let (first, second) = (ask_once(terminal, "Password: ")?, ask_once(terminal, "The same again: ")?);
    match first == second {
        true => Ok(first),
        false => Err(Error::new(Code::Invalid, "these were two different passwords")),
    }
}

/// A terminal that does not show what is typed, until this value goes.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn begin() -> Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
        let before = tcgetattr(&terminal).map_err(no_terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &quiet).map_err(no_terminal)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _gone = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn no_terminal(error: impl Into<io::Error>) -> Error {
    Error::because(
        Code::Invalid,
        "there is no terminal to ask for a password at: give it with --password-file",
        error.into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_with_its_spaces_and_without_its_end() {
        let read = |text: &str| first_line(text.as_bytes(), "it").map(|secret| secret.expose().to_owned());
        assert_eq!(read(" correct horse \nsecond line").unwrap(), " correct horse ");
        assert_eq!(read("correct horse\r\n").unwrap(), "correct horse");
        assert_eq!(read("correct horse").unwrap(), "correct horse");
        for nothing in ["", "\n", "\r\nlater"] {
            assert_eq!(read(nothing).unwrap_err().code(), Code::Invalid);
        }
    }
}
