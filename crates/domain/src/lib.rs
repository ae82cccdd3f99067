//! The words of Keepsake as types: ids, time, groups of a wedding's data, what a restore may do, and how whole a
//! wedding's data is.
//!
//! Pure rules and types only: no I/O, no async runtime, no database client, so that every rule can be property-tested
//! and every other crate may depend on this one. Storage lives in `keepsake-store`, encryption in `keepsake-vault` and
//! `keepsake-keys`, PostgreSQL in `keepsake-postgres`; the use cases that join them live in `keepsake-app`.

pub mod backoff;
pub mod check;
pub mod clock;
pub mod configuration;
pub mod criticality;
pub mod egress;
pub mod execution;
pub mod frequency;
pub mod group;
pub mod id;
pub mod integrity;
pub mod job;
pub mod merkle;
pub mod notification;
pub mod operation;
pub mod permission;
pub mod phase;
pub mod point;
pub mod priority;
pub mod protection;
pub mod restore;
pub mod retention;
pub mod risk;
pub mod saturday;
pub mod schedule;
pub mod spread;
pub mod suspect;
pub mod system;
pub mod tier;
pub mod wedding;
pub mod word;

pub use clock::{Clock, SystemClock};
pub use criticality::Criticality;
pub use frequency::Frequency;
pub use group::Group;
pub use id::{
    CheckId, ConfigurationId, ContactId, DeliveryId, ExecutionId, JobId, LeaseId, NotificationId, OperationId,
    OrganisationId, PointId, PolicyId, ProcessId, RequestId, SessionId, SourceId, TargetId, TokenId, UserId, VaultId,
    WebhookId, WeddingId,
};
pub use phase::Phase;
pub use priority::Priority;
pub use protection::Protection;
pub use spread::Spread;
