//! Checks of recovery points, up to a rehearsed restore.

use crate::executions::ExecutionError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How closely a point is looked at; a later word includes those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// What it is made of is listed, and of the right size.
    Manifest,
    /// The objects that it is in have the hashes that they are named by.
    #[default]
    Hashes,
    /// Everything in it is decrypted and compared.
    ReadAll,
    /// It is restored into a scratch database, read back and compared.
    ScratchRestore,
}

/// Where a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointCheckState {
    /// It waits for a worker.
    Initializing,
    /// It is made.
    Verifying,
    /// It was made; `passed` says how it went.
    Completed,
    /// It could not be made.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// A check to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheck {
    /// Of this point.
    pub recovery_point_id: Uuid,
    /// How closely; `hashes` if it is left out.
    #[serde(default)]
    pub level: CheckLevel,
}

/// A rehearsal to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRehearsal {
    /// Of this point, which must be of a wedding.
    pub recovery_point_id: Uuid,
}

/// A check that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StartedCheck {
    /// The check to watch; `Location` leads to it.
    pub check_id: Uuid,
}

/// Something that is wrong with a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckFinding {
    /// Stable code.
    #[schema(example = "rows-differ")]
    pub code: String,
    /// The table, file or vault.
    pub subject: String,
    /// In words.
    pub message: String,
}

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CheckFigures {
    /// Packs of the vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packs: Option<u64>,
    /// Bytes read from the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<u64>,
    /// Of a rehearsal: milliseconds from nothing to a scratch database with the wedding in it, compared. The measured RTO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rto_ms: Option<u64>,
    /// Tables loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<u64>,
    /// Rows loaded and compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Files read whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// References followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<u64>,
}

/// A check of a recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// The point.
    pub recovery_point_id: Uuid,
    /// The wedding, if the point is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding_id: Option<Uuid>,
    /// How closely.
    pub level: CheckLevel,
    /// Where it is.
    pub state: PointCheckState,
    /// Nothing is wrong; known once it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// What is wrong.
    pub findings: Vec<CheckFinding>,
    /// What was looked at.
    pub figures: CheckFigures,
    /// Why it could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
    /// Who asked; absent for the Saturday protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Uuid>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}
