//! What every use case is given: who acts, with which keys and clock, how it is stopped, and where it is put on record.

use crate::{
    error::{Code, Error, Result},
    home::Home,
    journal::{Act, Journal},
};
use keepsake_domain::{Clock, OperationId, PointId, id::uuid_v7};
use keepsake_keys::MasterKey;
use keepsake_vault::engine::{Engine, Progress};
use rand::{TryRng, rngs::SysRng};
use std::{future::Future, sync::Arc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The context of a use case. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The installation's folder.
    pub home: Home,
    /// The key that wraps all others.
    pub master: MasterKey,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Threads, memory and transfers that all jobs share.
    pub engine: Engine,
    /// Fires when the user wants it to stop.
    pub cancel: CancellationToken,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// Who acts: the user of this machine.
    pub actor: String,
    /// The organisation for whom. One, until there is a catalog.
    pub organisation: String,
}

impl Context {
    /// Does `work` between two lines of the journal: the intent, which must be on disk first, and the outcome.
    ///
    /// # Errors
    /// Those of the work; [`Code::HomeFailed`] if the intent cannot be recorded, and then nothing is done.
    pub async fn recorded<T>(&self, action: &str, subject: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let journal = Journal::at(self.home.journal(), &self.master.journal_signing());
        let request = self.random_uuid()?.to_string();
        let act = |outcome: &str| Act {
            actor: self.actor.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            request: request.clone(),
            outcome: outcome.to_owned(),
        };
        journal.append(self.clock.now(), act("intent"))?;
        let result = Box::pin(work).await;
        let outcome = result.as_ref().map_or_else(|error| error.code().name(), |_| "done");
        if let Err(lost) = journal.append(self.clock.now(), act(outcome)) {
            // The act is done: its outcome cannot be refused any more, only reported.
            tracing::error!(error = %lost.chain(), action, "the outcome could not be put on record");
        }
        result
    }

    /// An id for a new point.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] if the system gives no random bytes.
    pub fn new_point(&self) -> Result<PointId> {
        Ok(PointId::from_uuid(self.random_uuid()?))
    }

    /// An id for a new operation.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] if the system gives no random bytes.
    pub fn new_operation(&self) -> Result<OperationId> {
        Ok(OperationId::from_uuid(self.random_uuid()?))
    }

    /// An id for anything else: UUIDv7.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] if the system gives no random bytes.
    pub fn new_id(&self) -> Result<Uuid> {
        self.random_uuid()
    }

    fn random_uuid(&self) -> Result<Uuid> {
        let mut random = [0; 10];
        SysRng
            .try_fill_bytes(&mut random)
            .map_err(|error| Error::because(Code::HomeFailed, "the system gave no random bytes", error))?;
        Ok(uuid_v7(self.clock.now(), random))
    }

    /// Fails if the user has asked to stop.
    ///
    /// # Errors
    /// [`Code::Interrupted`].
    pub fn still_wanted(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::new(Code::Interrupted, "stopped on request")) } else { Ok(()) }
    }
}
