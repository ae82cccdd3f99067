//! Recovery operations: restores of weddings that are asked for, previewed, watched, stopped and undone.

use crate::{executions::ExecutionError, executions::Progress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where an operation is. It goes forward only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Accepted; it waits for a worker.
    Initializing,
    /// The point is opened and the plan made.
    Preparing,
    /// The plan and its hash are there. A preview ends here.
    Previewed,
    /// The present state is saved, then files and rows are put back.
    Recovering,
    /// The result is proven, before it is committed.
    Verifying,
    /// Committed.
    Completed,
    /// It ended, and live is as it was.
    Failed,
    /// It was stopped before the commit, and live is as it was.
    Cancelled,
    /// It was completed, and a later operation put back what it replaced.
    Undone,
}

/// How much of a wedding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryScope {
    /// All of it.
    #[default]
    WeddingOnly,
    /// The groups that are named.
    Selective,
}

/// A named set of a wedding's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeddingGroup {
    /// The wedding's own row.
    Wedding,
    /// Guests.
    Guests,
    /// The timeline.
    Timeline,
    /// Vendors.
    Vendors,
    /// Photos.
    Photos,
    /// Documents.
    Documents,
    /// The budget.
    Budget,
    /// Everything else.
    Other,
}

/// Where a restore goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryTarget {
    /// The live tables.
    #[default]
    Live,
    /// A schema that is made beside them, to look at.
    SideSchema,
}

/// How far live is made equal to the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryMode {
    /// Put back what is missing; leave everything that is there.
    Merge,
    /// As `merge`, and set what was changed to what it was.
    Revert,
    /// As `revert`, and remove what came since.
    Exact,
}

/// What happens to a row that is not this wedding's alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictHandling {
    /// It is listed, and stays as it is.
    #[default]
    Leave,
    /// It is taken back where the database allows it.
    Take,
    /// The whole restore is refused.
    Fail,
}

/// A restore to be done, or only to be previewed (`validate_only=true`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecovery {
    /// The wedding.
    pub wedding_id: Uuid,
    /// From this point. Left out, from the newest clean one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point_id: Option<Uuid>,
    /// From the newest clean point that was captured then or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_time: Option<Timestamp>,
    /// How much of it.
    #[serde(default)]
    pub scope: RecoveryScope,
    /// Which groups, for `selective`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<WeddingGroup>,
    /// Where to.
    #[serde(default)]
    pub target: RecoveryTarget,
    /// The name of the new schema, for `side_schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "wedding_on_friday", min_length = 1, max_length = 63)]
    pub side_schema: Option<String>,
    /// How far; `merge` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RecoveryMode>,
    /// What happens to rows that are not this wedding's alone.
    #[serde(default)]
    pub conflicts: ConflictHandling,
    /// Do exactly what the preview of this hash showed: if live has changed since, nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 64, max_length = 64)]
    pub preview_hash: Option<String>,
    /// Why, for those who read it later. No personal data.
    #[schema(example = "guests were deleted by mistake", min_length = 1, max_length = 1000)]
    pub reason: String,
}

/// Whether only the preview is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ValidateQuery {
    /// Full checks, and what would happen; nothing is changed.
    #[param(required = false)]
    #[serde(default)]
    pub validate_only: bool,
}

/// A restore without a preview: the newest clean point of a wedding back into live, with the present state saved first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmergencyRestore {
    /// The wedding.
    pub wedding_id: Uuid,
    /// From this point, whatever it looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point_id: Option<Uuid>,
    /// From the newest clean point that was captured then or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_time: Option<Timestamp>,
    /// How much of it.
    #[serde(default)]
    pub scope: RecoveryScope,
    /// Which groups, for `selective`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<WeddingGroup>,
    /// How far; `revert` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RecoveryMode>,
    /// Why, for those who read it later. No personal data.
    #[schema(example = "the guest list is empty", min_length = 1, max_length = 1000)]
    pub reason: String,
}

/// An undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUndo {
    /// Why, for those who read it later. No personal data.
    #[schema(example = "it was the wrong wedding", min_length = 1, max_length = 1000)]
    pub reason: String,
}

/// An operation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StartedOperation {
    /// The operation to watch; `Location` leads to it.
    pub operation_id: Uuid,
}

/// What came of stopping one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelledOperation {
    /// Which.
    pub operation_id: Uuid,
    /// It has ended (200). Else its worker has been told (202): before the commit it rolls back, after it the operation completes.
    pub ended: bool,
}

/// A point that an emergency restore could take (`candidates` of the problem `choose-point`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointCandidate {
    /// The point: name it as `recovery_point_id`.
    pub recovery_point_id: Uuid,
    /// It holds the state of this time.
    pub captured_at: Timestamp,
    /// It is the newest that does not look like damage.
    pub is_last_clean: bool,
    /// Something could not be read.
    pub incomplete: bool,
    /// Why it looks like damage, in words.
    pub suspect_reasons: Vec<String>,
    /// Rows by group.
    pub rows: BTreeMap<String, u64>,
}

/// Which operations, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OperationQuery {
    /// In this state.
    #[param(required = false, inline)]
    pub state: Option<OperationState>,
    /// Of this wedding.
    #[param(required = false)]
    pub wedding: Option<Uuid>,
    /// From this point.
    #[param(required = false)]
    pub recovery_point: Option<Uuid>,
    /// Asked for then or later.
    #[param(required = false)]
    pub since: Option<Timestamp>,
    /// How many, at most: 50 if it is left out, never more than 200.
    #[param(required = false, example = 50)]
    pub page_size: Option<u16>,
    /// Where the page begins: `next_page_token` of the one before.
    #[param(required = false)]
    pub page_token: Option<String>,
}

/// What would happen, or did, to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TableChange {
    /// The table.
    #[schema(example = "public.guests")]
    pub name: String,
    /// Its group.
    #[schema(example = "guests")]
    pub group: String,
    /// Rows in the point.
    pub captured: u64,
    /// Rows that come back.
    pub insert: u64,
    /// Rows set to what they were.
    pub update: u64,
    /// Rows removed.
    pub delete: u64,
    /// Rows that are as captured.
    pub same: u64,
    /// Rows that differ and stay, because of the mode.
    pub left: u64,
    /// Rows that are not this wedding's alone and stay.
    pub conflict: u64,
}

/// What would happen, by counts. The whole plan, with keys and downstream effects, is in `preview` of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PlanSummary {
    /// By table.
    pub tables: Vec<TableChange>,
    /// Why it cannot be done, each with what to do; empty if it can.
    pub refusals: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A recovery operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its id: an undo is asked for by it.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// Where it is.
    pub state: OperationState,
    /// The source that it goes to.
    pub source_id: Uuid,
    /// The wedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding_id: Option<Uuid>,
    /// The point that is restored.
    pub recovery_point_id: Uuid,
    /// The operation that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Uuid>,
    /// Which groups; empty for all.
    pub groups: Vec<WeddingGroup>,
    /// Where it goes.
    pub target: RecoveryTarget,
    /// How far.
    pub mode: RecoveryMode,
    /// Only the preview was wanted.
    pub validate_only: bool,
    /// It was asked for as an emergency.
    pub is_emergency: bool,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub requested_by: Uuid,
    /// The hash of the plan, once there is one. Give it to do exactly that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_hash: Option<String>,
    /// The plan by counts, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
    /// How far it is.
    pub progress: Progress,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended; a preview, when it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// A recovery operation with its whole plan and its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationDetail {
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// The whole plan: tables with the keys of the rows concerned, files, conflicts, downstream effects (docs/format/operation.md). Keys and
    /// names of columns only, no other values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub preview: Option<serde_json::Value>,
    /// What was proven before the commit, and what was done to files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub proof: Option<serde_json::Value>,
}

/// A page of operations, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationList {
    /// The operations.
    pub items: Vec<Operation>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
