//! What the program says, and where: results on standard output, everything else on standard error.

use keepsake_app::{Class, Code, Error};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// The two streams and how much is wanted on them.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// `json`: one object on standard output; `quiet`: no notes and no progress.
    pub const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether a person sees progress as bars: standard error is a terminal and nobody asked for quiet.
    pub fn shows_bars(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether notes and progress lines are wanted.
    pub const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether somebody can be asked: both ends of the conversation are a terminal.
    pub fn can_ask(self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// A remark on the way.
    pub fn note(self, text: &str) {
        if !self.quiet {
            self.stderr(text);
        }
    }

    /// Something that the user must see, whatever was asked.
    pub fn warn(self, text: &str) {
        self.stderr(&format!("warning: {text}"));
    }

    /// The result: `value` as JSON, or the text for people.
    pub fn result<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        let shown = if self.json { serde_json::to_string(value).unwrap_or_default() } else { text(value) };
        self.stdout(&shown);
    }

    /// Raw text on standard output.
    pub fn stdout(self, text: &str) {
        let mut out = io::stdout().lock();
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = write!(out, "{text}{newline}").and_then(|()| out.flush());
        if written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            // Nobody reads any more: as other programs, end without a word.
            std::process::exit(0);
        }
    }

    fn stderr(self, text: &str) {
        // There is no further place to report a failing standard error to.
        let _lost = writeln!(io::stderr().lock(), "{text}");
    }

    /// A failure, on both streams where scripts read one of them; returns the exit status.
    pub fn failure(self, error: &Error) -> u8 {
        let code = error.code();
        let message = error.chain();
        self.stderr(&format!("error: {message}\n  what to do: {}\n  code: {}", code.remedy(), code.name()));
        if self.json {
            self.failure_object(code, &message);
        }
        status(error)
    }

    /// A failure as scripts read it.
    pub fn failure_object(self, code: Code, message: &str) {
        let object = serde_json::json!({ "error": {
            "code": code.name(), "message": message, "remediation": code.remedy(), "retry": code.may_retry(),
        }});
        self.stdout(&object.to_string());
    }

    /// Ends a command whose result is printed already and says that something is wrong: the reason on standard error only.
    pub fn found_wrong(self, error: &Error) -> std::process::ExitCode {
        self.stderr(&format!("error: {}\n  what to do: {}", error.chain(), error.code().remedy()));
        std::process::ExitCode::from(status(error))
    }

    /// Asks a question that yes or no answers; `false` without a terminal.
    pub fn confirm(self, question: &str) -> bool {
        if !self.can_ask() {
            return false;
        }
        let answer = self.ask(&format!("{question} [y/N] "));
        matches!(answer.as_deref().map(str::trim), Some("y" | "Y" | "yes"))
    }

    /// Asks for a line; `None` at the end of input.
    pub fn ask(self, question: &str) -> Option<String> {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question}").and_then(|()| stderr.flush()).ok()?;
        let mut line = String::new();
        (io::stdin().read_line(&mut line).ok()? > 0).then(|| line.trim().to_owned())
    }
}

/// The exit status of a failure.
fn status(error: &Error) -> u8 {
    match error.code().class() {
        Class::Failed => 1,
        Class::Usage => 2,
        Class::Refused => 3,
        Class::Interrupted => 130,
    }
}

/// Bytes for people: `1.5 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = count as f64;
    let mut unit = "B";
    for next in UNITS.into_iter().skip(1) {
        if scaled < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{count} B") } else { format!("{scaled:.1} {unit}") }
}

/// Rows of cells as left-aligned columns under a head.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count()))))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let text = table(&["id", "name"], &[vec!["1".into(), "Åse".into()], vec!["22".into(), String::new()]]);
        assert_eq!(text, "id  name\n1   Åse\n22\n");
    }
}
