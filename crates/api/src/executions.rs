//! Executions: backups that are asked for, watched, stopped and tried again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where an execution is. It goes forward only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionState {
    /// Accepted; it waits for a worker.
    Initializing,
    /// A worker connects and looks.
    Preparing,
    /// Rows and files are read and stored.
    BackingUp,
    /// What was stored is looked at.
    Verifying,
    /// There is a recovery point, or there was nothing new.
    Completed,
    /// It ended without a point.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// Why an execution was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionKind {
    /// By a schedule.
    Scheduled,
    /// Somebody asked.
    Manual,
    /// Somebody asked for it before everything else.
    Emergency,
    /// Another attempt.
    Retry,
}

/// What a completed execution left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionResult {
    /// A new point.
    Stored,
    /// Nothing had changed: the point before holds for longer.
    Unchanged,
    /// A new point from which something is missing that could not be read.
    Incomplete,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskedKind {
    /// In its turn.
    #[default]
    Manual,
    /// Before everything else. Joins one of the same that is under way.
    Emergency,
}

/// What is to be backed up now: what a configuration says, a wedding, or a source; one of the three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExecution {
    /// What this says, to where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_id: Option<Uuid>,
    /// One wedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding_id: Option<Uuid>,
    /// A whole database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Uuid>,
    /// How urgently.
    #[serde(default)]
    pub execution_type: AskedKind,
    /// Why, for those who read it later. No personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "before the seating plan is redone", max_length = 1000)]
    pub reason: Option<String>,
    /// Where to; not with a configuration. Left out, it goes where its points are, else to the first of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<Uuid>,
}

/// A backup that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StartedExecution {
    /// The execution to watch; `Location` leads to it.
    pub execution_id: Uuid,
    /// An emergency backup of the same, or a run of the same configuration, was under way already, and this is it.
    pub joined: bool,
}

/// What came of stopping one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelledExecution {
    /// Which.
    pub execution_id: Uuid,
    /// It has ended (200). Else its worker has been told, and ends it within seconds (202), unless it is through before.
    pub ended: bool,
}

/// Which executions, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExecutionQuery {
    /// In this state.
    #[param(required = false, inline)]
    pub state: Option<ExecutionState>,
    /// Of this type.
    #[param(required = false, inline)]
    #[serde(rename = "type")]
    pub kind: Option<ExecutionKind>,
    /// Of this wedding.
    #[param(required = false)]
    pub wedding: Option<Uuid>,
    /// Of this configuration.
    #[param(required = false)]
    pub configuration: Option<Uuid>,
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

/// How far it is. What is not known yet is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Progress {
    /// Of all that is to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub percent: Option<u64>,
    /// Bytes read.
    pub bytes_done: u64,
    /// Bytes to be read, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
    /// Tables or files read.
    pub items_done: u64,
    /// Seconds until it is through, as far as one can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// When its worker last said that it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<Timestamp>,
}

/// What was looked at after it was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Verification {
    /// How closely: `listed` or `read`.
    #[schema(example = "read")]
    pub depth: String,
    /// Packs of this backup.
    pub packs: u64,
    /// Older packs that it needs: seen, and not read back.
    pub older_packs: u64,
    /// Bytes read back.
    pub read_bytes: u64,
}

/// Something that was noticed on the way: not an error, but not nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionIssue {
    /// Stable code.
    #[schema(example = "file-missing")]
    pub code: String,
    /// In words.
    pub message: String,
}

/// What it measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Figures {
    /// Bytes captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_bytes: Option<u64>,
    /// Of these, bytes that no earlier point held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_bytes: Option<u64>,
    /// Bytes added to the store, compressed and encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// Files in the point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Of a pass over several weddings: how many have a new point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weddings_stored: Option<u64>,
    /// How many were as in the point that they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weddings_unchanged: Option<u64>,
    /// How many are not in the source any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weddings_missing: Option<u64>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What was looked at after it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// What was noticed on the way.
    pub issues: Vec<ExecutionIssue>,
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionError {
    /// Stable name of the kind.
    #[schema(example = "database-unreachable")]
    pub code: String,
    /// Page of this kind, on this server, if it has one.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/problems/database-unreachable")]
    pub kind: Option<String>,
    /// What kind of problem it is.
    pub title: String,
    /// What happened. What storage says of itself is for the operator only; others see the title again.
    pub detail: String,
    /// What to do next.
    pub remediation: String,
}

/// A backup: one attempt at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// The job that it is an attempt at.
    pub job_id: Uuid,
    /// Which attempt, from 1.
    pub attempt: i32,
    /// The configuration that wanted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_id: Option<Uuid>,
    /// What is backed up.
    pub source_id: Uuid,
    /// The wedding, if it is not the whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding_id: Option<Uuid>,
    /// Where to.
    pub target_id: Uuid,
    /// Why it was started.
    pub execution_type: ExecutionKind,
    /// Where it is.
    pub state: ExecutionState,
    /// What it left, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ExecutionResult>,
    /// Why somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The user or token that asked; absent if a schedule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Uuid>,
    /// How far it is.
    pub progress: Progress,
    /// What it measured.
    pub figures: Figures,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
    /// The recovery point that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point_id: Option<Uuid>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// A page of executions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionList {
    /// The executions.
    pub items: Vec<Execution>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// How far an execution is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionProgress {
    /// Which.
    pub execution_id: Uuid,
    /// Where it is.
    pub state: ExecutionState,
    /// How far.
    pub progress: Progress,
}
