//! One restore of a wedding at a time on one machine: files have no transaction, so two that write the same ones at once
//! could each set back what the other needs. Between machines the rows' advisory lock decides, as it does for rows here.

use crate::{
    context::Context,
    error::{Code, Error, Result},
    home::private_folder,
};
use keepsake_domain::VaultId;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    time::Duration,
};

/// Longest wait for another restore of the same wedding.
const WAIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Held while files and rows of one wedding are restored; the system takes it from a process that dies.
#[derive(Debug)]
pub(super) struct Turn {
    _locked: File,
}

impl Turn {
    /// Waits until nobody else on this machine restores the wedding of this vault.
    pub(super) async fn take(context: &Context, vault: VaultId) -> Result<Self> {
        let folder = context.home.folder().join("locks");
        private_folder(&folder)?;
        let path = folder.join(vault.to_string());
        let failed =
            |error: std::io::Error| Error::because(Code::HomeFailed, format!("cannot lock {}", path.display()), error);
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
        let mut waited = Duration::ZERO;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _locked: file }),
                Err(rustix::io::Errno::WOULDBLOCK) if waited < WAIT => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(Error::new(Code::RestoreBusy, "another restore of this wedding is under way here"));
                }
                Err(error) => return Err(failed(error.into())),
            }
            context.still_wanted()?;
            tokio::time::sleep(PAUSE).await;
            waited += PAUSE;
        }
    }
}
