//! The local journal: what was intended and what came of it, appended and signed, so that restores without a catalog are
//! still on record (safety rule S9).
//!
//! One JSON object a line. Each carries the hash of the line before it and a MAC under a key derived from the master key,
//! so a line that was changed, removed from the middle or added by somebody else is found. Cutting off the end is not
//! found here; the catalog's audit log, which imports the journal, sees to that.

use crate::{
    error::{Code, Error, Result},
    home::private_folder,
};
use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What is put on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who: the user of the machine, or the authenticated actor.
    pub actor: String,
    /// What: `restore wedding`, `backup database`, `keys export-restic` ...
    pub action: String,
    /// On what: ids only, never names or contents.
    pub subject: String,
    /// Ties intent and outcome together.
    pub request: String,
    /// `intent`, `done`, or the code of the failure.
    pub outcome: String,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    sequence: u64,
    time: Timestamp,
    previous: String,
    act: Act,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    mac: String,
}

/// The journal of one installation.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    key: hmac::Key,
}

const LINE_BYTES_MAX: u64 = 64 * 1024;

impl Journal {
    /// The journal in `path`, signed with `key`.
    pub fn at(path: PathBuf, key: &[u8; 32]) -> Self {
        Self { path, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Appends an act; on disk when it returns.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] if it cannot be written: the act must then not happen.
    pub fn append(&self, time: Timestamp, act: Act) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::because(Code::HomeFailed, format!("cannot write the journal {}", self.path.display()), error)
        };
        if let Some(folder) = self.path.parent() {
            private_folder(folder)?;
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path).map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let last = last_line(&mut file).map_err(failed)?;
        let (sequence, torn) = match &last {
            None => (1, false),
            Some(text) => match serde_json::from_str::<Line>(text) {
                Ok(line) => (line.sequence + 1, !text.ends_with('\n')),
                // A power cut in the middle of a line: it stays as evidence, the next begins on its own line.
                Err(_) => (u64::MAX, true),
            },
        };
        let sequence = if sequence == u64::MAX { self.count()? + 1 } else { sequence };
        let previous = last.as_deref().map(|text| hash(text.trim_end_matches('\n'))).unwrap_or_default();
        let mut line = Line { sequence, time, previous, act, mac: String::new() };
        line.mac = self.mac(&line)?;
        let mut text = if torn { "\n".to_owned() } else { String::new() };
        text.push_str(&encode(&line)?);
        text.push('\n');
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    fn count(&self) -> Result<u64> {
        Ok(self.lines()?.len() as u64)
    }

    fn lines(&self) -> Result<Vec<String>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(Error::because(Code::HomeFailed, format!("cannot read {}", self.path.display()), error));
            }
        };
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Reads every act back and proves the chain.
    ///
    /// # Errors
    /// [`Code::VerifyFailed`] with the number of the first line that does not fit.
    pub fn verify(&self) -> Result<Vec<Act>> {
        let mut acts = Vec::new();
        let mut previous = String::new();
        for (index, text) in self.lines()?.iter().enumerate() {
            let broken = || Error::new(Code::VerifyFailed, format!("line {} of the journal was altered", index + 1));
            let line: Line = serde_json::from_str(text).map_err(|_| broken())?;
            let unsigned = Line { mac: String::new(), ..line.clone() };
            let mac = hex::decode(&line.mac).map_err(|_| broken())?;
            hmac::verify(&self.key, encode(&unsigned)?.as_bytes(), &mac).map_err(|_| broken())?;
            if line.previous != previous {
                return Err(broken());
            }
            previous = hash(text);
            acts.push(line.act);
        }
        Ok(acts)
    }

    fn mac(&self, line: &Line) -> Result<String> {
        Ok(hex::encode(hmac::sign(&self.key, encode(line)?.as_bytes())))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn encode(line: &Line) -> Result<String> {
    serde_json::to_string(line).map_err(|error| Error::because(Code::HomeFailed, "cannot write the journal", error))
}

fn hash(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// The last line with its line break, if the file has one.
fn last_line(file: &mut File) -> std::io::Result<Option<String>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE_BYTES_MAX)))?;
    let mut reader = BufReader::new(&*file);
    let mut last = None;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        last = Some(String::from_utf8_lossy(&line).into_owned());
        line.clear();
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(subject: &str) -> Act {
        Act {
            actor: "root".into(),
            action: "restore wedding".into(),
            subject: subject.into(),
            request: "r".into(),
            outcome: "intent".into(),
        }
    }

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path().join("home/journal.jsonl"), &[7; 32]);
        for subject in ["a", "b", "c"] {
            journal.append("2026-06-06T12:00:00Z".parse().unwrap(), act(subject)).unwrap();
        }
        (folder, journal)
    }

    #[test]
    fn s09_acts_are_read_back_in_order_and_proven() {
        let (_folder, journal) = journal();
        let subjects: Vec<String> = journal.verify().unwrap().into_iter().map(|act| act.subject).collect();
        assert_eq!(subjects, ["a", "b", "c"]);
    }

    #[test]
    fn s09_a_changed_or_removed_line_is_found() {
        let (_folder, journal) = journal();
        let text = fs::read_to_string(journal.path()).unwrap();
        fs::write(journal.path(), text.replace("\"subject\":\"b\"", "\"subject\":\"x\"")).unwrap();
        assert!(journal.verify().unwrap_err().to_string().contains("line 2"));
        let without: Vec<&str> = text.lines().enumerate().filter(|(index, _)| *index != 1).map(|(_, l)| l).collect();
        fs::write(journal.path(), without.join("\n")).unwrap();
        assert!(journal.verify().unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn s09_another_key_proves_nothing() {
        let (_folder, journal) = journal();
        assert!(Journal::at(journal.path().to_owned(), &[8; 32]).verify().is_err());
    }

    #[test]
    fn s09_a_line_torn_by_a_power_cut_does_not_stop_the_next() {
        let (_folder, journal) = journal();
        let text = fs::read_to_string(journal.path()).unwrap();
        fs::write(journal.path(), &text[..text.len() - 20]).unwrap();
        journal.append("2026-06-06T12:00:01Z".parse().unwrap(), act("d")).unwrap();
        assert!(journal.verify().unwrap_err().to_string().contains("line 3"));
        assert!(fs::read_to_string(journal.path()).unwrap().lines().last().unwrap().contains("\"subject\":\"d\""));
    }
}
