//! The people of an organisation.

use crate::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a user is in their organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// A supplier or planner, with weddings of their own.
    Member,
    /// Runs the organisation.
    Admin,
    /// Reads all of the organisation, changes nothing.
    Auditor,
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Their organisation; the caller's if it is left out. Another one is for the operator's admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<Uuid>,
    /// Their address.
    #[schema(example = "anna@example.org", max_length = 320)]
    pub email: String,
    /// What people call them.
    #[serde(default)]
    #[schema(example = "Anna", max_length = 200)]
    pub display_name: String,
    /// What they are.
    pub role: UserRole,
    /// Their first password. There is no default.
    pub password: Secret,
}

/// What a user is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// Their address.
    #[schema(example = "anna@example.org", max_length = 320)]
    pub email: String,
    /// What people call them.
    #[schema(example = "Anna", max_length = 200)]
    pub display_name: String,
    /// What they are.
    pub role: UserRole,
    /// They cannot log in.
    pub disabled: bool,
    /// A new password; left out, the old one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// Whether a user may run an emergency restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencyAuthorisation {
    /// They may.
    pub authorised: bool,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Their id.
    pub id: Uuid,
    /// Their organisation.
    pub organisation_id: Uuid,
    /// Their address.
    pub email: String,
    /// What people call them.
    pub display_name: String,
    /// What they are in their organisation.
    pub role: UserRole,
    /// They may run an emergency restore.
    pub emergency_authorised: bool,
    /// They have a second factor.
    pub mfa_enrolled: bool,
    /// Since when they cannot log in; absent if they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Since when they are here.
    pub created_at: Timestamp,
}

/// A page of users, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserList {
    /// The users.
    pub items: Vec<User>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
