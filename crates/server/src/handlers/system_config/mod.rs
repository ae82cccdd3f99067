//! The system configuration.

pub mod get;
pub mod history;
pub mod replace;

use keepsake_api::system_config::SystemConfiguration;
use keepsake_app::service::rows::SystemConfigVersion;
use keepsake_domain::system::SystemConfig;

fn shown(version: Option<SystemConfigVersion>) -> SystemConfiguration {
    let document = |config: &SystemConfig| serde_json::to_value(config).unwrap_or_default();
    match version {
        None => SystemConfiguration {
            version: 0,
            document: document(&SystemConfig::default()),
            changed_at: None,
            changed_by: None,
            reason: None,
        },
        Some(version) => SystemConfiguration {
            version: version.version,
            document: document(&version.config),
            changed_at: Some(version.changed_at),
            changed_by: version.changed_by.map(|id| *id.as_uuid()),
            reason: Some(version.reason),
        },
    }
}
