//! Rows of the catalog and filters of its lists, as use cases give and take them, for those who show them.

pub use keepsake_catalog::{
    checks::Check,
    configurations::{Configuration, Filter as ConfigurationFilter},
    contacts::Contact,
    executions::{Execution, Filter as ExecutionFilter},
    operations::{Filter as OperationFilter, Operation},
    organisations::{Kind as OrganisationKind, Organisation},
    points::{Filter as PointFilter, Point},
    policies::Policy,
    settings::Versioned as VersionedSettings,
    sources::Kind as SourceKind,
    system_config::Version as SystemConfigVersion,
    webhooks::{Attempt, Because, Delivery},
    weddings::{Filter as WeddingFilter, Wedding},
};
