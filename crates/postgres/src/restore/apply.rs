//! The restore itself: one transaction that locks, plans again, writes, proves and commits, or leaves everything as it was.

use super::{
    Error, Target,
    compute::{Inputs, compute},
    downstream::downstream,
    files::FilePlan,
    frame::Frame,
    hash::preview_hash,
    live::Locks,
    outcome::{self, Witness},
    plan::{Downstream, Plan, WritePath},
    prepare,
    proof::{Proof, TableProof},
    prove, read, sequence, side,
    spool::{self, Spool},
    turn,
    work::Work,
    write,
};
use crate::{
    capture::{Manifest, Source},
    connect::Session,
    mapping::Mapping,
    schema::Schema,
};
use keepsake_domain::restore::ConflictRule;
use std::time::Duration;
use tokio_postgres::{IsolationLevel, Transaction, types::Type};
use tokio_util::sync::CancellationToken;

/// Whether replica role may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplicaRole {
    /// If the role has the right to it.
    #[default]
    Auto,
    /// Never: the server checks foreign keys and user triggers fire.
    Never,
}

/// How a restore is applied.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// Names the operation in the WAL message that marks the restore for logical decoding; an operation id.
    pub operation: &'a str,
    /// The preview that the caller agreed to. If live changed since, the restore is refused.
    pub pinned_hash: Option<&'a str>,
    /// Manifest of the pre-recovery capture. Whatever live has beyond it, seen under the locks, goes to the spool.
    pub saved: Option<&'a Manifest>,
    /// Takes that difference before anything is written.
    pub spool: Option<&'a dyn Spool>,
    /// Must be what the plan was made with.
    pub replica_role: ReplicaRole,
    /// Ends the restore before its commit; everything is rolled back. Later it only shortens the wait for the outcome.
    pub cancel: &'a CancellationToken,
    /// Longest wait for one lock.
    pub lock_timeout: Duration,
    /// Longest statement.
    pub statement_timeout: Duration,
    /// How often to try when locks are held or deadlocks are broken.
    pub attempts: u32,
    /// Told when everything is written, and the proof begins. Called once an attempt.
    pub proving: Option<&'a (dyn Fn() + Send + Sync)>,
    /// How long to ask the server what became of a commit that it did not answer, before that is reported as unknown.
    pub outcome_within: Duration,
}

impl<'a> ApplyOptions<'a> {
    /// Locks waited for 3 s, up to 5 times; statements for 5 minutes; outcomes asked for during 30 s; nothing pinned,
    /// nothing saved.
    pub fn new(operation: &'a str, cancel: &'a CancellationToken) -> Self {
        Self {
            operation,
            pinned_hash: None,
            saved: None,
            spool: None,
            replica_role: ReplicaRole::Auto,
            cancel,
            lock_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(300),
            attempts: 5,
            proving: None,
            outcome_within: Duration::from_secs(30),
        }
    }
}

impl std::fmt::Debug for ApplyOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplyOptions").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Pause before the next attempt, times the attempts made.
const PAUSE: Duration = Duration::from_millis(150);

/// Applies a plan. Files were put back by the caller before, from [`Plan::files`].
///
/// A commit whose answer does not come is asked for in new sessions to where `session` is connected; then `session` is the
/// one that answered.
///
/// # Errors
/// [`Error`] by cause; all but [`Error::CommitUnknown`] mean that live rows are as they were.
pub async fn apply(
    session: &mut Session,
    schema: &Schema,
    mapping: &Mapping,
    source: &dyn Source,
    plan: &Plan,
    options: &ApplyOptions<'_>,
) -> Result<Proof, Error> {
    let manifest = read::manifest(source).await?;
    if !plan.refusals.is_empty() {
        return Err(Error::Refused(plan.refusals.clone()));
    }
    if let Target::SideSchema(name) = &plan.request.target {
        return side::apply(session, schema, source, &manifest, plan, name, options).await;
    }
    let captured = read::captured_schema(source).await?;
    let frame = Frame::new(schema, mapping, &manifest, captured.as_ref(), &plan.request)?;
    let attempt = Attempt { frame: &frame, source, manifest: &manifest, plan, options };
    let mut made = 0;
    loop {
        made += 1;
        match attempt.run(session).await {
            Ok(mut proof) => {
                proof.attempts = made;
                return Ok(proof);
            }
            Err(error) if error.is_contention() && made < options.attempts => {
                tracing::info!(attempt = made, state = error.sql_state(), "rows are locked by others, trying again");
                tokio::select! {
                    () = options.cancel.cancelled() => return Err(Error::Cancelled),
                    () = tokio::time::sleep(PAUSE * made) => {}
                }
            }
            Err(error) if error.is_contention() => {
                let what = match &error {
                    Error::Database { what, .. } => what.clone(),
                    _ => "the wedding".to_owned(),
                };
                return Err(Error::Busy { what, attempts: made, reason: error.to_string() });
            }
            Err(other) => return Err(other),
        }
    }
}

struct Attempt<'a> {
    frame: &'a Frame<'a>,
    source: &'a dyn Source,
    manifest: &'a Manifest,
    plan: &'a Plan,
    options: &'a ApplyOptions<'a>,
}

impl Attempt<'_> {
    async fn run(&self, session: &mut Session) -> Result<Proof, Error> {
        let (canceller, dsn) = (session.canceller(), session.dsn().clone());
        let begun = session.client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start();
        let tx = begun.await.map_err(Error::database("beginning the restore"))?;
        let done = tokio::select! {
            () = self.options.cancel.cancelled() => {
                // The statement under way would hold its locks until its end.
                let _ends_by_itself_otherwise = canceller.cancel().await;
                Err(Error::Cancelled)
            }
            done = Box::pin(async {
                let proof = self.work(&tx).await?;
                let witness = Witness::call(&dsn, proof.transaction).await;
                Ok((proof, witness))
            }) => done,
        };
        match done {
            Ok((proof, witness)) => {
                let answer = outcome::commit(tx, proof.transaction, self.options).await;
                witness.settle(session, answer, self.options).await?;
                Ok(proof)
            }
            Err(error) => {
                // Locks are gone when this returns; a broken connection has rolled back by itself.
                let _rolled_back_either_way = tx.rollback().await;
                Err(error)
            }
        }
    }

    async fn work(&self, tx: &Transaction<'_>) -> Result<Proof, Error> {
        let (frame, plan, options) = (self.frame, self.plan, self.options);
        prepare::settings(tx, options.lock_timeout, options.statement_timeout).await?;
        prepare::refuse_hidden_rows(tx, frame).await?;
        let (path, _) = prepare::write_path(tx, frame, options.replica_role).await?;
        turn::lock(tx, &frame.mapping.wedding.table, &plan.request.wedding).await?;
        let inputs = Inputs {
            tx,
            frame,
            source: self.source,
            manifest: self.manifest,
            request: &plan.request,
            locks: Locks::ForUpdate,
            path,
        };
        let mut work = compute(&inputs).await?;
        let (downstream, refusals) = downstream(tx, frame, &work, path).await?;
        work.refusals.extend(refusals);
        let now = self.check(&work, path, &downstream, &plan.files)?;
        let difference_saved = spool::save_difference(tx, frame, &work, options.saved, options.spool).await?;
        if !work.is_empty() {
            write::write(tx, &mut work, frame, path).await?;
        }
        if let Some(proving) = options.proving {
            proving();
        }
        let tables = prove::prove(&inputs, &work, &downstream).await?;
        let sequences = sequence::advance(tx, frame, &work).await?;
        after_restore(tx, frame, &work).await?;
        let transaction = mark(tx, options.operation).await?;
        Ok(Proof {
            preview_hash: now,
            path,
            transaction,
            attempts: 1,
            difference_saved,
            altered_by_triggers: altered(&tables),
            tables,
            sequences,
        })
    }

    /// The plan under the locks must be one that the caller agreed to, or at least one that can be applied.
    fn check(&self, work: &Work, path: WritePath, downstream: &Downstream, files: &FilePlan) -> Result<String, Error> {
        let now = preview_hash(self.frame, work, &self.plan.request, path, downstream, files)?;
        if let Some(pinned) = self.options.pinned_hash.filter(|pinned| *pinned != now) {
            return Err(Error::PlanChanged { pinned: pinned.to_owned(), now });
        }
        if !work.refusals.is_empty() {
            return Err(Error::Refused(work.refusals.clone()));
        }
        if self.plan.request.conflicts == ConflictRule::Fail && work.conflicts() > 0 {
            return Err(Error::Conflicts { count: work.conflicts() });
        }
        Ok(now)
    }
}

fn altered(tables: &[TableProof]) -> Vec<crate::schema::TableName> {
    tables.iter().filter(|table| table.altered).map(|table| table.name.clone()).collect()
}

/// The mapping's own statements, such as recomputing counters, inside the transaction.
async fn after_restore(tx: &Transaction<'_>, frame: &Frame<'_>, work: &Work) -> Result<(), Error> {
    for (number, sql) in frame.mapping.rules.after_restore.iter().enumerate() {
        let what = format!("running statement {} of rules.after_restore", number + 1);
        let statement = tx.prepare(sql).await.map_err(Error::database(what.clone()))?;
        let id = super::parameter::Text(&work.wedding);
        let given: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
            statement.params().iter().map(|_| &id as _).collect();
        tx.execute(&statement, &given).await.map_err(Error::database(what))?;
    }
    Ok(())
}

/// Marks the restore in the WAL for whoever decodes it, and returns the transaction's id.
async fn mark(tx: &Transaction<'_>, operation: &str) -> Result<u64, Error> {
    let query = "SELECT CASE WHEN has_function_privilege('pg_catalog.pg_logical_emit_message(boolean,text,text)', 'EXECUTE') \
                 THEN pg_logical_emit_message(true, 'keepsake.restore', $1) END, pg_current_xact_id()::text::int8";
    let row = tx.query_typed_one(query, &[(&operation, Type::TEXT)]).await;
    let row = row.map_err(Error::database("marking the restore"))?;
    Ok(u64::try_from(row.get::<_, i64>(1)).unwrap_or_default())
}
