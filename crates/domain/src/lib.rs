//! The words of Keepsake as types: ids, time, groups of a wedding's data, what a restore may do, and how whole a
//! wedding's data is.
//!
//! Pure rules and types only: no I/O, no async runtime, no database client, so that every rule can be property-tested
//! and every other crate may depend on this one. Storage lives in `keepsake-store`, encryption in `keepsake-vault` and
//! `keepsake-keys`, PostgreSQL in `keepsake-postgres`; the use cases that join them live in `keepsake-app`.

pub mod clock;
pub mod group;
pub mod id;
pub mod integrity;
pub mod point;
pub mod restore;

pub use clock::{Clock, SystemClock};
pub use group::Group;
pub use id::{
    ConfigurationId, ExecutionId, JobId, LeaseId, OperationId, OrganisationId, PointId, PolicyId, ProcessId, RequestId,
    SourceId, TargetId, TokenId, UserId, VaultId, WeddingId,
};
