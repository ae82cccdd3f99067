//! A running service, and requests to it.

use crate::world::{Run, World, finished, signal};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A service that was started and serves.
pub struct Service {
    child: Option<Child>,
    /// What it said when it began to serve.
    pub said: Value,
    /// From the command to the first word.
    pub start: Duration,
    log: PathBuf,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

impl Service {
    /// Starts it with further arguments, on any free port.
    pub fn start(world: &World, more: &[&str]) -> Self {
        Self::start_in(world, more, &[])
    }

    /// The same, with these variables in its environment.
    pub fn start_in(world: &World, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = world.path("serve.log");
        let began = Instant::now();
        let mut command = world.command(["serve", "--json", "--listen", "127.0.0.1:0"].iter().chain(more));
        command.envs(environment.iter().copied());
        Self::launched(command, began, log)
    }

    fn launched(mut command: Command, began: Instant, log: PathBuf) -> Self {
        let to = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(to).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let start = began.elapsed();
        let said = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("it did not start: {line}{}", std::fs::read_to_string(&log).unwrap()));
        Self { child: Some(child), said, start, log }
    }

    pub fn url(&self) -> &str {
        self.said["url"].as_str().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A request by curl.
    pub fn curl(&self, path: &str, arguments: &[&str]) -> Answer {
        curl(&format!("{}{path}", self.url()), arguments)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.curl(path, &[])
    }

    /// Ends it by a signal, and waits.
    pub fn end(mut self, name: &str) -> Run {
        let child = self.child.take().unwrap();
        signal(&child, name);
        finished(child)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Cleanly, or its PostgreSQL would outlive the test.
            signal(&child, "TERM");
            let _ended = child.wait();
        }
    }
}

/// A request by curl.
pub fn curl(url: &str, arguments: &[&str]) -> Answer {
    let output =
        Command::new("curl").args(["-sS", "-i", "--max-time", "30"]).args(arguments).arg(url).output().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut head, mut body) = text.split_once("\r\n\r\n").unwrap();
    if head.contains(" 100 ") {
        (head, body) = body.split_once("\r\n\r\n").unwrap();
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
