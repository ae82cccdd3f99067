//! A PostgreSQL of its own, made for one rehearsal and thrown away with everything in it.
//!
//! It holds personal data for as long as it lives: its folder is in the installation's home, which others cannot read, its socket is
//! the only way in, and it is removed when it is dropped. What a killed process left is removed by the next rehearsal.

use crate::{
    context::Context,
    error::{Code, Error, Result},
    service::catalog::make_reachable,
};
use keepsake_postgres::{
    cluster::{self, Cluster, Programs},
    connect::Dsn,
};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Commits need not survive: what is here is thrown away.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("max_connections", "10"),
    ("shared_buffers", "32MB"),
    ("log_min_messages", "fatal"),
    ("log_min_error_statement", "panic"),
    ("log_parameter_max_length_on_error", "0"),
    ("unix_socket_permissions", "0700"),
];
const FOLDER: &str = "scratch";

/// A running scratch server.
#[derive(Debug)]
pub(crate) struct Scratch {
    cluster: Option<Cluster>,
    folder: PathBuf,
    /// Held while it is in use: a folder whose lock is free is a dead process's.
    _lock: File,
}

impl Scratch {
    /// Makes and starts one.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] by cause.
    pub(crate) async fn start(context: &Context) -> Result<Self> {
        let above = context.home.folder().join(FOLDER);
        let name = context.new_id()?.to_string();
        let started = tokio::task::spawn_blocking(move || Self::make(&above, &name)).await;
        started.map_err(|error| Error::because(Code::HomeFailed, "a scratch server could not be started", error))?
    }

    fn make(above: &Path, name: &str) -> Result<Self> {
        let programs = Programs::find().map_err(failed)?;
        make_reachable(above, &programs)?;
        sweep(above, &programs);
        let folder = above.join(name);
        fs::create_dir(&folder).map_err(|error| io_failed(&folder, error))?;
        let lock = locked(&folder).map_err(|error| io_failed(&folder, error))?;
        let mut scratch = Self { cluster: None, folder, _lock: lock };
        let mut cluster = Cluster::create(&programs, &scratch.folder.join("server")).map_err(failed)?;
        cluster.start(SETTINGS).map_err(failed)?;
        scratch.cluster = Some(cluster);
        Ok(scratch)
    }

    /// Where its database is, which is empty at first.
    ///
    /// # Errors
    /// [`Code::HomeFailed`].
    pub(crate) fn dsn(&self) -> Result<Dsn> {
        let gone = || Error::new(Code::HomeFailed, "the scratch server is gone");
        let text = self.cluster.as_ref().ok_or_else(gone)?.dsn("postgres");
        Dsn::written(&text)
            .map_err(|error| Error::because(Code::HomeFailed, "the scratch server has no address", error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Stopped first: it would write into a folder that is going.
        drop(self.cluster.take());
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "a scratch folder could not be removed");
        }
    }
}

/// Removes what dead processes left, servers too.
fn sweep(above: &Path, programs: &Programs) {
    let Ok(entries) = fs::read_dir(above) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let Ok(_dead) = locked(&folder) else { continue };
        if let Ok(mut cluster) = Cluster::at(programs, &folder.join("server"))
            && cluster.adopt()
            && let Err(error) = cluster.crash()
        {
            tracing::warn!(%error, folder = %folder.display(), "a scratch server that was left behind does not stop");
            continue;
        }
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "a scratch folder could not be removed");
        }
    }
}

fn locked(folder: &Path) -> std::io::Result<File> {
    let file = File::create(folder.join("lock"))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

fn failed(error: cluster::Error) -> Error {
    Error::because(Code::HomeFailed, "a scratch server could not be started", error)
}

fn io_failed(path: &Path, error: std::io::Error) -> Error {
    Error::because(Code::HomeFailed, format!("cannot use {}", path.display()), error)
}
