//! Rows of the catalog and filters of its lists, as use cases give and take them, for those who show them.

pub use keepsake_catalog::{
    contacts::Contact,
    executions::{Execution, Filter as ExecutionFilter},
    operations::{Filter as OperationFilter, Operation},
    organisations::{Kind as OrganisationKind, Organisation},
    points::{Filter as PointFilter, Point},
    settings::Versioned as VersionedSettings,
    sources::Kind as SourceKind,
    webhooks::{Attempt, Because, Delivery},
    weddings::{Filter as WeddingFilter, Wedding},
};
