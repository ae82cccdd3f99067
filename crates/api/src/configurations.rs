//! Configurations: what is to be backed up, when, to where, and for how long.

use crate::{
    Problem,
    executions::Execution,
    targets::StorageTier,
    weddings::{CaptureFrequency, WeddingClass},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How a backup is made. All of them restore alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupType {
    /// Everything is read, stored and verified, changed or not.
    Full,
    /// What is as in its newest point is confirmed and not stored again.
    Incremental,
    /// Some groups only. Not yet: 422.
    Selective,
    /// As full, before everything else, and only when somebody asks.
    Emergency,
}

/// What of a source is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The whole database.
    Database,
    /// One wedding.
    Wedding,
    /// The weddings of the source, or those of some classes.
    WeddingsByRule,
    /// The whole bucket. Not yet: 422.
    Bucket,
    /// The whole folder.
    Directory,
}

/// Whether content is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Where that pays.
    #[default]
    Auto,
    /// Never. Not yet: 422.
    Off,
    /// As small as can be. Not yet: 422.
    Max,
}

/// What is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationScope {
    /// What of the source.
    pub kind: ScopeKind,
    /// Of `wedding`: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding_id: Option<Uuid>,
    /// Of `weddings_by_rule`: weddings of these classes only, as they are when it runs; all of them if it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criticality: Vec<WeddingClass>,
}

/// When it runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationSchedule {
    /// By what.
    pub kind: ScheduleKind,
    /// Of `cron`: minute, hour, day of month, month, day of week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "30 2 * * *")]
    pub expression: Option<String>,
    /// Of `cron`: where that time is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/London")]
    pub time_zone: Option<String>,
    /// Of `interval`: from one start to the next, 60 to 2678400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// By what a schedule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// The calendar.
    Cron,
    /// A pause.
    Interval,
}

/// Windows of its runs, in seconds: 60 to 604800. What is left out follows from how often it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationWindows {
    /// A run that has not started so long after it was due lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within_seconds: Option<u32>,
    /// A run that has not ended so long after its start window is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_within_seconds: Option<u32>,
    /// A run without progress for so long is stopped, and tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_seconds: Option<u32>,
}

/// A place for copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoragePlace {
    /// Which copy: as the target is registered.
    pub tier: StorageTier,
    /// The target.
    pub target_id: Uuid,
}

/// What is to be told of its runs, to those who are to hear of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunNotifications {
    /// Runs that ended well.
    pub on_success: bool,
    /// Runs that did not.
    pub on_failure: bool,
}

impl Default for RunNotifications {
    fn default() -> Self {
        Self { on_success: false, on_failure: true }
    }
}

const fn yes() -> bool {
    true
}

/// A configuration to be made, or what one is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConfiguration {
    /// For whom; whose source it is if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<Uuid>,
    /// What people call it.
    #[schema(example = "weddings each night", min_length = 1, max_length = 200)]
    pub name: String,
    /// How backups are made.
    pub backup_type: BackupType,
    /// Of what.
    pub source_id: Uuid,
    /// What of it.
    pub scope: ConfigurationScope,
    /// How often: the short way to write a schedule. Weddings are captured by their day with or without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<CaptureFrequency>,
    /// When. A frequency or a schedule, not both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ConfigurationSchedule>,
    /// Windows of its runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<ConfigurationWindows>,
    /// For how long points are kept; the usual days if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_policy_id: Option<Uuid>,
    /// Where to. One, for now.
    #[schema(min_items = 1, max_items = 1)]
    pub storage_targets: Vec<StoragePlace>,
    /// Whether content is compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Backups are always encrypted: `false` is refused.
    #[serde(default = "yes")]
    pub encryption: bool,
    /// Its runs are at least as urgent as those of a critical wedding.
    #[serde(default)]
    pub is_wedding_critical: bool,
    /// What is to be told of its runs.
    #[serde(default)]
    pub notifications: RunNotifications,
    /// It runs.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Configuration {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// What people call it.
    pub name: String,
    /// How backups are made.
    pub backup_type: BackupType,
    /// Of what.
    pub source_id: Uuid,
    /// What of it.
    pub scope: ConfigurationScope,
    /// How often, if it goes by a frequency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<CaptureFrequency>,
    /// When, if it goes by a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ConfigurationSchedule>,
    /// Windows that somebody chose.
    pub windows: ConfigurationWindows,
    /// For how long points are kept; the usual days if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_policy_id: Option<Uuid>,
    /// Where to.
    pub storage_targets: Vec<StoragePlace>,
    /// Whether content is compressed.
    pub compression: Compression,
    /// Always.
    pub encryption: bool,
    /// The master key that wraps the keys of its backups.
    pub encryption_key_id: String,
    /// Its runs are at least as urgent as those of a critical wedding.
    pub is_wedding_critical: bool,
    /// What is to be told of its runs.
    pub notifications: RunNotifications,
    /// It runs.
    pub enabled: bool,
    /// The user or token that made it.
    pub created_by: Uuid,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// Counts changes: the `ETag`.
    pub version: i64,
    /// When it runs next by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<Timestamp>,
    /// When it last ran by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at: Option<Timestamp>,
    /// Its newest execution. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution: Option<Execution>,
    /// How often what it is about is captured in the end, and why. Not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<EffectiveFrequency>,
}

/// How often something is captured in the end: by its own schedule, and by the days of its weddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectiveFrequency {
    /// As a word; absent if it is rarer than weekly, or never by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<CaptureFrequency>,
    /// At most so much time of changes is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_seconds: Option<i64>,
    /// The reasons in words, a sentence each.
    pub explanation: Vec<String>,
}

/// Which configurations, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationQuery {
    /// Of this source.
    #[param(required = false)]
    pub source: Option<Uuid>,
    /// With a scope of this kind.
    #[param(required = false, inline)]
    pub scope: Option<ScopeKind>,
    /// Marked as critical, or not.
    #[param(required = false)]
    pub wedding_critical: Option<bool>,
    /// Switched on, or off.
    #[param(required = false)]
    pub enabled: Option<bool>,
    /// How many, at most: 50 if it is left out, never more than 200.
    #[param(required = false, example = 50)]
    pub page_size: Option<u16>,
    /// Where the page begins: `next_page_token` of the one before.
    #[param(required = false)]
    pub page_token: Option<String>,
}

/// A page of configurations, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationList {
    /// The configurations.
    pub items: Vec<Configuration>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What a deletion does with executions that are under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeleteConfigurationQuery {
    /// They are cancelled. Else they are in the way: 409.
    #[param(required = false)]
    #[serde(default)]
    pub cancel_running: bool,
}

/// Configurations to be made at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkConfigurations {
    /// All of them or none. Else each by itself.
    #[serde(default)]
    pub atomic: bool,
    /// The configurations.
    #[schema(min_items = 1, max_items = 500)]
    pub items: Vec<NewConfiguration>,
}

/// What came of making several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkResult {
    /// So many were made.
    pub created: u64,
    /// What came of each, in the order of the request.
    pub items: Vec<BulkItem>,
}

/// What came of one of several: it is there, or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkItem {
    /// Its status, as if it had been made alone: 201, or that of the problem.
    #[schema(example = 201)]
    pub status: u16,
    /// Its id, if it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Why it was not; pointers lead into the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// For what templates are filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TemplateQuery {
    /// This source; the newest database with a mapping if it is left out.
    #[param(required = false)]
    pub source_id: Option<Uuid>,
    /// This target; where the source's points go if it is left out.
    #[param(required = false)]
    pub target_id: Option<Uuid>,
}

/// A usual configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationTemplate {
    /// Which.
    #[schema(example = "nightly-weddings")]
    pub id: String,
    /// What it is for.
    pub description: String,
    /// What it lacks: a source or a target to be registered first.
    pub missing: Vec<String>,
    /// A body to make it with, unless it lacks something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<NewConfiguration>,
}

/// The templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateList {
    /// They.
    pub items: Vec<ConfigurationTemplate>,
}

/// How something was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Pass,
    /// A run works, with something to know.
    Warn,
    /// A run would fail.
    Fail,
}

/// One check of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationCheck {
    /// What was looked at.
    #[schema(example = "connection")]
    pub name: String,
    /// How it is.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// The code of what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What a test of a configuration found. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationTest {
    /// The worst of the checks.
    pub state: CheckState,
    /// In the order in which a run would meet them.
    pub checks: Vec<ConfigurationCheck>,
    /// What a run is expected to come to, as far as the checks got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<RunEstimate>,
}

/// What a run is expected to come to, by what a sample took: an order of magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunEstimate {
    /// Bytes read, before compression and deduplication, without files.
    pub raw_bytes: u64,
    /// How long it takes.
    pub duration_ms: u64,
}
