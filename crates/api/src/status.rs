//! How it stands, and a wedding's past.

use crate::{
    executions::{ExecutionKind, ExecutionState},
    operations::OperationState,
    points::PointIntegrity,
    weddings::WeddingClass,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How it stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverallHealth {
    /// Nothing needs anybody.
    Good,
    /// Something should be looked at soon.
    Degraded,
    /// A critical wedding has no point, or none that is as new as it should be.
    Critical,
}

/// The weddings that are in their sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingCounts {
    /// All of them.
    pub total: u64,
    /// Of the class critical.
    pub critical: u64,
    /// Of the class high.
    pub high: u64,
    /// Of the class medium.
    pub medium: u64,
    /// Of the class low.
    pub low: u64,
    /// Gone from their sources; not in `total`.
    pub vanished: u64,
    /// Without any point.
    pub without_point: u64,
    /// Whose newest point is older than it should be.
    pub behind: u64,
    /// Whose newest point looks like damage or is not whole.
    pub unclean: u64,
    /// Mean integrity score of those that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub integrity_mean: Option<u8>,
}

/// Weddings whose day is in the next 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// All of them.
    pub weddings: u64,
    /// With a clean point that is as new as it should be.
    pub covered: u64,
}

/// What was done in seven days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Week {
    /// Executions that were completed.
    pub completed: u64,
    /// That failed.
    pub failed: u64,
    /// That were cancelled.
    pub cancelled: u64,
    /// Of those completed or failed, the share that was completed: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// Mean of those completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms_mean: Option<u64>,
}

/// Backups of this week beside those of the week before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackupStatus {
    /// That wait for a worker.
    pub waiting: u64,
    /// At work.
    pub running: u64,
    /// Today and the six days before.
    pub this_week: Week,
    /// The seven days before these.
    pub last_week: Week,
}

/// Restores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryStatus {
    /// That have not ended.
    pub active: u64,
    /// Completed in 90 days.
    pub completed: u64,
    /// Failed in 90 days.
    pub failed: u64,
    /// The share that was completed: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// Mean time from asking to the end, of those completed: the measured RTO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_ms_mean: Option<u64>,
}

/// How recovery point objectives are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RpoStatus {
    /// Weddings whose newest point is as new as it should be.
    pub met: u64,
    /// Those whose is not, or that have none.
    pub missed: u64,
    /// The share that is met: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

/// What is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StorageUse {
    /// Recovery points that are listed.
    pub points: u64,
    /// Bytes captured in all of them.
    pub raw_bytes: u64,
    /// Bytes that they added to the store.
    pub stored_bytes: u64,
}

/// A wedding that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingAtRisk {
    /// The wedding.
    pub wedding_id: Uuid,
    /// Its class.
    pub criticality: WeddingClass,
    /// Its first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub first_day: Option<Date>,
    /// It has no point.
    pub without_point: bool,
    /// Its newest point is older than it should be.
    pub behind: bool,
    /// Its newest point looks like damage or is not whole.
    pub unclean: bool,
    /// How whole its data were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub integrity_score: Option<u8>,
}

/// How it stands, within what the caller may see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// When this was so.
    pub at: Timestamp,
    /// In a word.
    pub health: OverallHealth,
    /// The weddings.
    pub weddings: WeddingCounts,
    /// Weddings whose day is near.
    pub upcoming: Coverage,
    /// How recovery point objectives are kept.
    pub rpo: RpoStatus,
    /// Backups.
    pub backups: BackupStatus,
    /// Restores.
    pub recovery: RecoveryStatus,
    /// What is stored; members are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageUse>,
    /// Critical and high weddings that somebody should look at, the most urgent first; 20 at most.
    pub at_risk: Vec<WeddingAtRisk>,
    /// What to do, the most urgent first.
    pub recommendations: Vec<String>,
}

/// How whole a wedding's data are, as its newest point found them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingIntegrity {
    /// The wedding.
    pub wedding_id: Uuid,
    /// The point that was looked at; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point_id: Option<Uuid>,
    /// It holds the state of this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<Timestamp>,
    /// The score with its parts, and what could be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<PointIntegrity>,
}

/// A point on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelinePoint {
    /// The point.
    pub recovery_point_id: Uuid,
    /// It holds the state of this time.
    pub captured_at: Timestamp,
    /// Until then nothing had changed.
    pub confirmed_at: Timestamp,
    /// It looks like damage.
    pub suspect: bool,
    /// Something could not be read.
    pub incomplete: bool,
    /// How whole the data were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub integrity_score: Option<u8>,
}

/// A backup on the timeline that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineBackup {
    /// The execution.
    pub execution_id: Uuid,
    /// Why it was started.
    pub execution_type: ExecutionKind,
    /// Where it is.
    pub state: ExecutionState,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// A restore on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineRestore {
    /// The operation.
    pub operation_id: Uuid,
    /// Where it is.
    pub state: OperationState,
    /// The point that was restored.
    pub recovery_point_id: Uuid,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// A wedding's past, for drawing: each newest first, 200 at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingTimeline {
    /// The wedding.
    pub wedding_id: Uuid,
    /// Its points.
    pub points: Vec<TimelinePoint>,
    /// Backups of its own.
    pub backups: Vec<TimelineBackup>,
    /// Restores.
    pub restores: Vec<TimelineRestore>,
}
