//! Retention policies.

pub mod create;
pub mod get;
pub mod list;
pub mod replace;

use keepsake_api::policies::{RetentionPolicy, RetentionRules};
use keepsake_app::service::rows;
use keepsake_domain::retention::Policy;

fn shown(policy: rows::Policy) -> RetentionPolicy {
    RetentionPolicy {
        id: *policy.id.as_uuid(),
        organisation_id: *policy.organisation.as_uuid(),
        name: policy.name,
        rules: RetentionRules {
            critical_days: policy.rules.critical_days,
            high_days: policy.rules.high_days,
            medium_days: policy.rules.medium_days,
            low_days: policy.rules.low_days,
        },
        version: policy.version,
        created_at: policy.created_at,
    }
}

const fn rules(rules: RetentionRules) -> Policy {
    Policy {
        critical_days: rules.critical_days,
        high_days: rules.high_days,
        medium_days: rules.medium_days,
        low_days: rules.low_days,
    }
}
