//! Retention policies: for how long points are kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Days by the highest class that a point ever had: 30 to 366, and no fewer for a higher class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRules {
    /// Of critical points.
    #[schema(example = 365, minimum = 30, maximum = 366)]
    pub critical_days: u16,
    /// Of high ones.
    #[schema(example = 180, minimum = 30, maximum = 366)]
    pub high_days: u16,
    /// Of medium ones.
    #[schema(example = 90, minimum = 30, maximum = 366)]
    pub medium_days: u16,
    /// Of low ones.
    #[schema(example = 30, minimum = 30, maximum = 366)]
    pub low_days: u16,
}

/// A policy to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRetentionPolicy {
    /// For whom; the caller's organisation if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<Uuid>,
    /// What people call it.
    #[schema(example = "a year", min_length = 1, max_length = 200)]
    pub name: String,
    /// The days.
    pub rules: RetentionRules,
}

/// What a policy is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicyChange {
    /// What people call it.
    #[schema(example = "a year", min_length = 1, max_length = 200)]
    pub name: String,
    /// The days.
    pub rules: RetentionRules,
}

/// Whether a change is made, or only shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RetentionChangeQuery {
    /// Only says what the change would do.
    #[param(required = false)]
    #[serde(default)]
    pub validate_only: bool,
}

/// A retention policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionPolicy {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// What people call it.
    pub name: String,
    /// The days.
    pub rules: RetentionRules,
    /// Counts changes: the `ETag`.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A page of policies, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionPolicyList {
    /// The policies.
    pub items: Vec<RetentionPolicy>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Why points that are past their time wait for a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryApproval {
    /// More than a tenth of the organisation's points would go at once.
    ManyPoints,
    /// One of them is younger than 7 days.
    YoungPoints,
}

/// What a change of a policy would do: points keep what they were promised, so the change itself deletes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionPreview {
    /// It promises less for some class: it takes a second factor.
    pub weaker: bool,
    /// So many configurations that are switched on name the policy.
    pub configurations: u64,
    /// Points that the change deletes: none, ever.
    pub points_deleted_by_change: u64,
    /// Points of the organisation that the next expiry removes, with or without the change: their time is over.
    pub points_expiring: u64,
    /// Points whose time is over that wait for a person's word.
    pub points_waiting: u64,
    /// Why they wait.
    pub approval: Vec<ExpiryApproval>,
    /// What follows, in words.
    pub explanation: Vec<String>,
}
