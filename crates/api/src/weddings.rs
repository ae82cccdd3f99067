//! Weddings: how each is protected and why, and what people decided by hand.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How much hangs on a wedding now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeddingClass {
    /// Far ahead, or long past.
    Low,
    /// Within months, or without a date.
    Medium,
    /// Within weeks.
    High,
    /// Within days.
    Critical,
}

/// How often a wedding is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureFrequency {
    /// Once a week.
    Weekly,
    /// Once a day.
    Daily,
    /// Once an hour.
    Hourly,
    /// All the time: at most 60 seconds are lost.
    RealTime,
}

/// Where in its life a wedding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeddingPhase {
    /// No date is known, or it was called off.
    Undated,
    /// Ahead of the high-priority period.
    Before,
    /// The days around the wedding.
    HighPriority,
    /// Past the high-priority period.
    After,
}

/// Whether a wedding is still to be, as far as its source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeddingStatus {
    /// In the source, and not called off.
    Active,
    /// In the source, and called off.
    Cancelled,
    /// No longer in the source: possibly damage.
    Vanished,
}

/// What makes a wedding more likely to change or to be missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskFactor {
    /// Many guests.
    Guests,
    /// A high budget.
    Budget,
    /// One of its days is a weekend day.
    Weekend,
    /// Many booked vendors, or bookings that overlap.
    Vendors,
    /// Many rows changed lately.
    ActivePlanning,
}

/// Which weddings, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WeddingQuery {
    /// Of this class only.
    #[param(required = false, inline)]
    pub criticality: Option<WeddingClass>,
    /// Only those that are gone from their source (`true`), or are there (`false`).
    #[param(required = false)]
    pub vanished: Option<bool>,
    /// Only those with this id in their source; several sources may have one.
    #[param(required = false)]
    pub external_id: Option<String>,
    /// How many, at most: 50 if it is left out, never more than 200.
    #[param(required = false, example = 50)]
    pub page_size: Option<u16>,
    /// Where the page begins: `next_page_token` of the one before.
    #[param(required = false)]
    pub page_token: Option<String>,
}

/// A wedding, and how it is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wedding {
    /// Its id here.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// Where it was found.
    pub source_id: Uuid,
    /// Its id there.
    pub external_id: String,
    /// Whether it is still to be.
    pub status: WeddingStatus,
    /// Its first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Date>,
    /// Its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// The venue's time zone, if the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/London")]
    pub time_zone: Option<String>,
    /// How much hangs on it.
    pub criticality: WeddingClass,
    /// Where in its life it is.
    pub phase: WeddingPhase,
    /// How often it is captured.
    pub frequency: CaptureFrequency,
    /// How much time of changes may be lost.
    pub rpo_seconds: i64,
    /// Its vault, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_id: Option<Uuid>,
    /// When a sync last found something new about it.
    pub seen_at: Timestamp,
    /// Since when it is gone from its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanished_at: Option<Timestamp>,
    /// When it is to be captured next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<Timestamp>,
    /// When its newest recovery point was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_point_at: Option<Timestamp>,
    /// Until when that point is known to hold everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// How whole its data were in that point, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity_score: Option<u8>,
}

/// A page of weddings in the order of their days, those without one last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingList {
    /// The weddings.
    pub items: Vec<Wedding>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A risk factor that is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingRisk {
    /// Which.
    pub factor: RiskFactor,
    /// What was found.
    #[schema(example = "240 guests")]
    pub evidence: String,
    /// What it was compared with.
    #[schema(example = "more than 200")]
    pub threshold: String,
}

/// A span of time, its end excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeSpan {
    /// The first moment in it.
    pub from: Timestamp,
    /// The first moment past it.
    pub until: Timestamp,
}

/// How a wedding is protected now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeddingCriticality {
    /// Which wedding.
    pub wedding_id: Uuid,
    /// How much hangs on it.
    pub criticality: WeddingClass,
    /// The risk factors that are present.
    pub risk_factors: Vec<WeddingRisk>,
    /// Where in its life it is.
    pub phase: WeddingPhase,
    /// Days of the venue until the first day; 0 on its days, negative since the last, absent without a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_until: Option<i64>,
    /// The high-priority period, if there is a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_priority_period: Option<TimeSpan>,
    /// How often it is captured.
    pub frequency: CaptureFrequency,
    /// How much time of changes may be lost.
    pub rpo_seconds: i64,
    /// How urgent its scheduled jobs are, 1 to 10.
    pub priority: u8,
    /// When it is to be captured next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<Timestamp>,
    /// When the passing of time alone may change this. Absent without a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The reasons in words, a sentence each.
    pub explanation: Vec<String>,
}

/// What people decided about a wedding by hand. What is left out is left to the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupSettings {
    /// Capture it this often, whatever the date says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_override: Option<CaptureFrequency>,
    /// Treat it as this critical, whatever the date says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality_override: Option<WeddingClass>,
    /// Days before the first day at which the high-priority period begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 7, maximum = 366)]
    pub high_priority_days_before: Option<u16>,
    /// Days after the last day at which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, maximum = 366)]
    pub high_priority_days_after: Option<u16>,
    /// A kind of wedding that the installation has date rules for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "destination")]
    pub wedding_type: Option<String>,
    /// The venue's time zone, where the source does not state it or is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/London")]
    pub time_zone: Option<String>,
}

/// The users who see a wedding as their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeddingMembers {
    /// Their ids; at most 200.
    #[schema(max_items = 200)]
    pub members: Vec<Uuid>,
}
