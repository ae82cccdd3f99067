//! Storage targets: where copies go.

use crate::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Which copy of a vault a target is for, in the order in which copies are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageTier {
    /// A disk nearby.
    Local,
    /// An object store.
    CloudPrimary,
    /// Another, in another region.
    CloudSecondary,
    /// The archive.
    Offsite,
}

/// The keys of an object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreKeys {
    /// Which key it is.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
}

/// A target to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTarget {
    /// Whose it is; the caller's organisation's if it is left out. The operator's are lent to everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<Uuid>,
    /// What people call it.
    #[schema(example = "Frankfurt", min_length = 1, max_length = 200)]
    pub name: String,
    /// Which copy it is for.
    pub tier: StorageTier,
    /// `s3://bucket/prefix?endpoint=https://...`, without secrets; the operator also writes `file:///folder`.
    #[schema(example = "s3://weddings/keepsake?endpoint=https://s3.example.org")]
    pub url: String,
    /// The keys of the store. Only the operator may leave them out, to use the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<StoreKeys>,
}

/// A storage target, without its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// It is the operator's, for everybody to use.
    pub lent: bool,
    /// What people call it.
    pub name: String,
    /// Which copy it is for.
    pub tier: StorageTier,
    /// Where it is. Of a folder others than the operator see `file:` and no more.
    pub url: String,
    /// It has keys of its own.
    pub has_credentials: bool,
    /// Counts changes.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A page of targets, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetList {
    /// The targets.
    pub items: Vec<Target>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What a target was found to do, by trying it: a probe object was written, read back and deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetCapabilities {
    /// A second object of one name is refused and the first stays: vaults can be made here.
    pub conditional_create: bool,
    /// Objects can be locked against deletion.
    pub object_lock: bool,
    /// Storage classes are accepted.
    pub storage_class: bool,
    /// What is deleted or overwritten stays as a version.
    pub versioning: bool,
}
