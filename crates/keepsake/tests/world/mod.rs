//! A place to use `keepsake` as a person would: a home, a storage folder, and the built program.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod planner;

use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    /// Exit status; minus the signal if one ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// The JSON object on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}\n{}", self.stdout, self.stderr))
    }

    /// The run, if it ended with `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The code of the error that was reported.
    #[track_caller]
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("no error code: {}", self.stdout)).to_owned()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(1000)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A home and a storage folder.
#[derive(Debug)]
pub struct World {
    /// The folder of everything.
    pub folder: TempDir,
}

impl World {
    /// A fresh place, without a master key.
    pub fn empty() -> Self {
        Self { folder: tempfile::Builder::new().prefix("ks-e2e-").tempdir_in("/tmp").unwrap() }
    }

    /// A place after `keepsake init`.
    pub fn new() -> Self {
        let world = Self::empty();
        world.run(["init", "--storage", &world.storage()]).expect(0);
        world
    }

    /// The storage URL.
    pub fn storage(&self) -> String {
        format!("file://{}", self.storage_folder().display())
    }

    /// The folder behind it.
    pub fn storage_folder(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A path below the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with this home, nothing inherited that could change what it does.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keepsake"));
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("KEEPSAKE_HOME", self.home());
        command.env("HOME", self.folder.path());
        for name in ["LLVM_PROFILE_FILE", "KEEPSAKE_TOOLS"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs it to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs it with `--json` to its end and expects success.
    #[track_caller]
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(arguments);
        command.arg("--json");
        Run::from(command.output().unwrap()).expect(0).json()
    }

    /// Runs it with `--json` to its end.
    pub fn run_json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.command(arguments);
        command.arg("--json");
        command.output().unwrap().into()
    }

    /// Starts it with `--json`, to be waited for with [`finished`].
    pub fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Child {
        let mut command = self.command(arguments);
        command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The ids of the points that are listed, newest first.
    pub fn points(&self, more: &[&str]) -> Vec<String> {
        let listed = self.json(["points", "--storage", &self.storage()].iter().chain(more));
        let id = |point: &Value| point["id"].as_str().unwrap().to_owned();
        listed["points"].as_array().unwrap().iter().map(id).collect()
    }

    /// Checks every byte of every vault.
    #[track_caller]
    pub fn verify(&self) {
        self.run(["verify", "--storage", &self.storage(), "--level", "all"]).expect(0);
    }

    /// The vaults that have a folder in the storage.
    pub fn vault_folders(&self) -> Vec<PathBuf> {
        let folder = self.storage_folder().join("vaults");
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    /// The environment with which stock restic opens a vault.
    pub fn restic_secret(&self, vault: &str) -> Vec<(String, String)> {
        let file = self.path(&format!("secret-{vault}"));
        if !file.is_file() {
            let args = ["keys", "export-restic", "--storage", &self.storage(), "--vault", vault, "--output"];
            let args: Vec<&OsStr> = args.iter().map(OsStr::new).chain([file.as_os_str()]).collect();
            self.run(args).expect(0);
        }
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// Runs stock restic on a vault.
    pub fn restic(&self, program: &Path, vault: &str, arguments: &[&str]) -> Run {
        let mut command = Command::new(program);
        command.args(["--no-cache", "--no-lock"]).args(arguments).envs(self.restic_secret(vault));
        command.stdin(Stdio::null()).output().unwrap().into()
    }
}

/// What a started program left, once it has ended.
pub fn finished(child: Child) -> Run {
    child.wait_with_output().unwrap().into()
}

/// Sends a signal by its name to a program that was started.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
