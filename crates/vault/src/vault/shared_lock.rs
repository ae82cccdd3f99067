//! Lock files for vaults that stock restic works in too.
//!
//! Only for targets where `shared_with_restic` is on (safety rule S18): by default nothing in this crate writes below
//! `locks/`. The only thing ever deleted here is this process's own lock file.

use super::Vault;
use crate::{
    error::{Error, Result},
    file,
    id::Id,
    lock::{Lock, REFRESH_EVERY, STALE_AFTER},
    time::Time,
};
use jiff::Timestamp;
use keepsake_domain::Clock;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How to lock.
#[derive(Debug, Clone)]
pub struct SharedLockOptions {
    /// Keep everybody else out, as removing packs needs; a backup shares.
    pub exclusive: bool,
    /// The machine's name, as others will see it.
    pub hostname: String,
    /// The user's name, as others will see it.
    pub username: String,
    /// How long to wait between writing the lock and looking for a rival that wrote at the same time; restic's own 200 ms.
    pub settle: Duration,
    /// How often the lock is written anew.
    pub refresh_every: Duration,
}

impl SharedLockOptions {
    /// restic's timings.
    pub fn new(exclusive: bool, hostname: impl Into<String>, username: impl Into<String>) -> Self {
        Self {
            exclusive,
            hostname: hostname.into(),
            username: username.into(),
            settle: Duration::from_millis(200),
            refresh_every: REFRESH_EVERY,
        }
    }

    fn lock(&self, now: Timestamp) -> Lock {
        Lock {
            time: Time::utc(now),
            exclusive: self.exclusive,
            hostname: self.hostname.clone(),
            username: self.username.clone(),
            pid: std::process::id().into(),
            uid: None,
            gid: None,
        }
    }
}

/// A lock that is held, and written anew in the background. Call [`Self::release`] at the end; a lock that is dropped is
/// removed too, but nobody waits for it.
#[derive(Debug)]
pub struct SharedLock {
    stop: CancellationToken,
    lost: CancellationToken,
    task: Option<JoinHandle<Result<()>>>,
}

impl<S: Clone + Send + Sync + 'static> Vault<S> {
    /// Takes a lock that stock restic respects.
    ///
    /// # Errors
    /// [`Error::Locked`] if a lock that is not stale excludes this one; [`Error::Store`], [`Error::Cancelled`].
    pub async fn lock_shared_with_restic(
        &self,
        options: SharedLockOptions,
        clock: Arc<dyn Clock>,
        cancel: &CancellationToken,
    ) -> Result<SharedLock> {
        self.refuse_locked(None, &options, clock.now(), cancel).await?;
        let written = clock.now();
        let id = self.put_document(file::Kind::Lock, options.lock(written).encode()).await?;
        // Two that look at the same time both see nothing; whoever looks again after writing sees the other.
        let settled = cancel.run_until_cancelled(tokio::time::sleep(options.settle)).await.ok_or(Error::Cancelled);
        let checked = match settled {
            Ok(()) => self.refuse_locked(Some(id), &options, clock.now(), cancel).await,
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            self.store().delete(&file::Kind::Lock.key(&id)).await?;
            return Err(error);
        }
        let (stop, lost) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(refresh(self.clone(), (id, written), options, clock, stop.clone(), lost.clone()));
        Ok(SharedLock { stop, lost, task: Some(task) })
    }

    async fn refuse_locked(
        &self,
        own: Option<Id>,
        options: &SharedLockOptions,
        now: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let locks = self.locks(cancel).await?;
        let rival = locks.iter().find(|found| Some(found.id) != own && found.lock.excludes(options.exclusive, now));
        rival.map_or(Ok(()), |found| Err(Error::Locked { holder: found.lock.to_string() }))
    }
}

/// Writes the lock anew until it is told to stop, then removes it.
async fn refresh<S: Send + Sync>(
    vault: Vault<S>,
    (mut id, mut written): (Id, Timestamp),
    options: SharedLockOptions,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    lost: CancellationToken,
) -> Result<()> {
    // Own lock files that are not needed any more.
    let mut old = Vec::new();
    while stop.run_until_cancelled(tokio::time::sleep(options.refresh_every)).await.is_some() {
        let now = clock.now();
        match vault.put_document(file::Kind::Lock, options.lock(now).encode()).await {
            Ok(next) => {
                old.push(std::mem::replace(&mut id, next));
                written = now;
                // One that stays does no harm before the end, and ending here would let the new one grow stale.
                if let Err(error) = remove(&vault, &mut old).await {
                    tracing::warn!(error = %error, "an old lock file could not be removed");
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "the lock file could not be refreshed");
                // From now on others may take the lock for a leftover.
                if now.duration_since(written) > STALE_AFTER {
                    lost.cancel();
                }
            }
        }
    }
    old.push(id);
    remove(&vault, &mut old).await
}

/// Removes lock files; those that are left after an error could not be.
async fn remove<S>(vault: &Vault<S>, locks: &mut Vec<Id>) -> Result<()> {
    while let Some(id) = locks.last() {
        vault.store().delete(&file::Kind::Lock.key(id)).await?;
        locks.pop();
    }
    Ok(())
}

impl SharedLock {
    /// Cancelled when the lock could not be refreshed for so long that others may ignore it: stop working then.
    pub const fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Removes the lock.
    ///
    /// # Errors
    /// [`Error::Store`] if it cannot be removed; it then counts for half an hour more.
    pub async fn release(mut self) -> Result<()> {
        self.stop.cancel();
        match self.task.take() {
            Some(task) => task.await?,
            None => Ok(()),
        }
    }
}

impl Drop for SharedLock {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
