//! Recovery points: what can be restored.

use crate::weddings::WeddingClass;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a recovery point is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// A wedding.
    Wedding,
    /// A whole database.
    Database,
    /// Files.
    Files,
    /// The state before a restore. Listed only if this kind is asked for.
    PreRecovery,
}

/// Which points, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PointQuery {
    /// Of this wedding.
    #[param(required = false)]
    pub wedding: Option<Uuid>,
    /// Of this source.
    #[param(required = false)]
    pub source: Option<Uuid>,
    /// Captured then or before.
    #[param(required = false)]
    pub at_or_before: Option<Timestamp>,
    /// Found to be sound (`true`), or not yet (`false`).
    #[param(required = false)]
    pub verified: Option<bool>,
    /// Whole and without suspicion (`true`), or not (`false`).
    #[param(required = false)]
    pub clean: Option<bool>,
    /// Of this kind. Without it, every kind but `pre_recovery`.
    #[param(required = false, inline)]
    pub kind: Option<PointKind>,
    /// How many, at most: 50 if it is left out, never more than 200.
    #[param(required = false, example = 50)]
    pub page_size: Option<u16>,
    /// Where the page begins: `next_page_token` of the one before.
    #[param(required = false)]
    pub page_token: Option<String>,
}

/// One thing that makes a point look like damage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuspectReason {
    /// Stable name of the kind.
    #[schema(example = "group_shrank")]
    pub reason: String,
    /// In which group, for the reasons that are about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "guests")]
    pub group: Option<String>,
    /// In words, with the numbers.
    pub message: String,
}

/// Something that is wrong with the data in a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntegrityIssue {
    /// Stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// How many rows or files it concerns.
    pub count: u64,
}

/// One part of the integrity score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntegrityPart {
    /// Which.
    #[schema(example = "guest_list")]
    pub name: String,
    /// Its share of the whole, per cent.
    pub weight: u8,
    /// 0 to 100; 100 only if nothing is wrong.
    pub score: u8,
    /// What is wrong.
    pub issues: Vec<IntegrityIssue>,
}

/// How whole the data in a point are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointIntegrity {
    /// 0 to 100.
    pub total: u8,
    /// Its parts.
    pub parts: Vec<IntegrityPart>,
    /// What a person could do, most valuable first.
    pub recommendations: Vec<String>,
}

/// A recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryPoint {
    /// Its id, which the snapshot in the vault carries, too.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// What it is of.
    pub kind: PointKind,
    /// What was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Uuid>,
    /// The wedding, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding_id: Option<Uuid>,
    /// The vault that it is in.
    pub vault_id: Uuid,
    /// Where its first copy is.
    pub target_id: Uuid,
    /// The execution that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<Uuid>,
    /// Of a state before a restore: the operation that it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<Uuid>,
    /// It holds the state of this time.
    pub captured_at: Timestamp,
    /// Until then the source was seen to be the same still.
    pub confirmed_at: Timestamp,
    /// Something could not be read. Never chosen by default.
    pub incomplete: bool,
    /// It looks like damage. Never chosen by default.
    pub suspect: bool,
    /// Why it looks like damage.
    pub suspect_reasons: Vec<SuspectReason>,
    /// When it was last found to be sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// How closely: `listed`, `read` or `decrypted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "read")]
    pub verification: Option<String>,
    /// How whole the wedding's data were, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity_score: Option<u8>,
    /// Bytes captured.
    pub raw_bytes: u64,
    /// Bytes added to the store.
    pub stored_bytes: u64,
    /// The highest class that it had.
    pub retention_class: WeddingClass,
    /// It is kept at least until then.
    pub keep_until: Timestamp,
}

/// A recovery point with what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryPointDetail {
    /// The point.
    #[serde(flatten)]
    pub point: RecoveryPoint,
    /// Rows by group, of a wedding.
    pub rows: BTreeMap<String, u64>,
    /// Files that rows name and that are in it, of a wedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// How whole the wedding's data were, and what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<PointIntegrity>,
}

/// A page of recovery points, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryPointList {
    /// The points.
    pub items: Vec<RecoveryPoint>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
