//! The frame of a use case: decided, put on record, done, put on record.

use super::{Caller, Service, catalog};
use crate::error::{Code, Error, Result};
use keepsake_catalog::audit::{self, Entry, Stage};
use keepsake_domain::{
    OrganisationId,
    permission::{Action, Relation, Verdict, decide},
};
use std::future::Future;

impl Service {
    /// Does `work` if the caller may: refused acts are on record, and so are the intent and the outcome of others. `subject`
    /// is what it acts on, as kinds and ids; `owner` is the organisation whose log it belongs in, the caller's if `None`.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], [`Code::MfaRequired`], [`Code::Forbidden`], [`Code::NotFound`]; [`Code::CatalogFailed`] if the
    /// intent cannot be recorded, and then nothing is done; else those of the work.
    pub async fn act<T>(
        &self,
        caller: &Caller,
        action: Action,
        relation: Relation,
        subject: &str,
        owner: Option<OrganisationId>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.allow(caller, action, relation, subject, owner).await?;
        self.record(caller, Stage::Intent, action, subject, owner, "intended").await?;
        let result = Box::pin(work).await;
        let outcome = result.as_ref().map_or_else(|error| error.code().name(), |_| "done");
        if let Err(lost) = self.record(caller, Stage::Outcome, action, subject, owner, outcome).await {
            // The act is done: its outcome cannot be refused any more, only reported.
            tracing::error!(error = %lost.chain(), action = action.name(), "the outcome could not be put on record");
        }
        result
    }

    /// Decides, and puts a refusal on record.
    ///
    /// # Errors
    /// As [`act`](Self::act).
    pub async fn allow(
        &self,
        caller: &Caller,
        action: Action,
        relation: Relation,
        subject: &str,
        owner: Option<OrganisationId>,
    ) -> Result<()> {
        let (code, message) = match decide(&caller.actor, action, relation) {
            Verdict::Allowed => return Ok(()),
            Verdict::Unauthenticated => return Err(Error::new(Code::Unauthenticated, "nobody is logged in")),
            Verdict::NeedsMfa => (Code::MfaRequired, "this takes a second factor given just now"),
            Verdict::Forbidden => (Code::Forbidden, "this is not for your role"),
            Verdict::Hidden => (Code::NotFound, "there is nothing of that id"),
        };
        self.record(caller, Stage::Refusal, action, subject, owner, code.name()).await?;
        Err(Error::new(code, message))
    }

    /// Adds one row to the audit log, in a transaction of its own.
    ///
    /// # Errors
    /// [`Code::CatalogFailed`].
    pub async fn record(
        &self,
        caller: &Caller,
        stage: Stage,
        action: Action,
        subject: &str,
        owner: Option<OrganisationId>,
        outcome: &str,
    ) -> Result<()> {
        // What nobody's organisation did is the operator's business.
        let mut tx = self.begin(caller).await?;
        let organisation = match owner.filter(|_| caller.scope.operator).or(caller.organisation()) {
            Some(organisation) => organisation,
            None => keepsake_catalog::organisations::operator(&mut tx).await.map_err(catalog::failed)?,
        };
        let entry = Entry {
            id: self.context.new_id()?,
            organisation,
            at: self.context.clock.now(),
            stage,
            action: action.name(),
            subject,
            outcome,
        };
        audit::record(&mut tx, &entry).await.map_err(catalog::failed)?;
        tx.commit().await.map_err(catalog::failed)
    }
}
