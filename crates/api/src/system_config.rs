//! The system configuration: every number by which the installation protects weddings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The system configuration as it is, with its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemConfiguration {
    /// Counts changes; 0 while nobody changed the defaults.
    #[schema(minimum = 0)]
    pub version: i64,
    /// The numbers: `thresholds`, `saturday`, `suspect` (docs/protection.md).
    #[schema(value_type = Object)]
    pub document: serde_json::Value,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Timestamp>,
    /// Who changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<Uuid>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A new system configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSystemConfiguration {
    /// The numbers; what is left out has its default.
    #[schema(value_type = Object)]
    pub document: serde_json::Value,
    /// Why it is changed.
    #[schema(example = "planners asked for hourly captures earlier", min_length = 1, max_length = 1000)]
    pub reason: String,
}

/// Which versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SystemConfigurationQuery {
    /// Those before this version.
    #[param(required = false)]
    pub before: Option<i64>,
    /// How many, at most: 50 if it is left out, never more than 200.
    #[param(required = false, example = 50)]
    pub page_size: Option<u16>,
}

/// Versions of the system configuration, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemConfigurationHistory {
    /// The versions.
    pub items: Vec<SystemConfiguration>,
}
