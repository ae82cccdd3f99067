//! Logging in, second factors, and who the caller is.

use crate::{Secret, tokens::TokenScope, users::UserRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who wants to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Their address, in upper or lower case.
    #[schema(example = "anna@example.org")]
    pub email: String,
    /// Their password.
    pub password: Secret,
}

/// A session to go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token of the last login or refresh. It works once: one that comes twice ends the session.
    pub refresh_token: Secret,
}

/// A session: an access token, and the refresh token for the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Goes into `Authorization: Bearer` of each request.
    pub access_token: Secret,
    /// Until when it works.
    pub access_expires_at: Timestamp,
    /// When the second factor in it was given; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_at: Option<Timestamp>,
    /// Works once, for a refresh.
    pub refresh_token: Secret,
    /// When the session ends, however often it is refreshed.
    pub session_expires_at: Timestamp,
    /// Who logged in.
    pub user_id: Uuid,
    /// Their organisation.
    pub organisation_id: Uuid,
    /// What they are in it.
    pub role: UserRole,
    /// They have a second factor; without one, what takes it is closed to them.
    pub mfa_enrolled: bool,
}

/// An access token with a second factor in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Access {
    /// Goes into `Authorization: Bearer` of each request.
    pub access_token: Secret,
    /// Until when it works.
    pub access_expires_at: Timestamp,
    /// When the second factor was given. What it opens stays open for 300 s from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_at: Option<Timestamp>,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Me {
    /// A person.
    User(MeUser),
    /// A program.
    Token(MeToken),
}

/// A person who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeUser {
    /// Their id.
    pub id: Uuid,
    /// Their address.
    pub email: String,
    /// What people call them.
    pub display_name: String,
    /// Their organisation.
    pub organisation_id: Uuid,
    /// What people call it.
    pub organisation_name: String,
    /// It runs the installation.
    pub operator: bool,
    /// What they are in it.
    pub role: UserRole,
    /// They may run an emergency restore.
    pub emergency_authorised: bool,
    /// They have a second factor.
    pub mfa_enrolled: bool,
    /// They gave it within the last 300 s.
    pub mfa_fresh: bool,
}

/// A program that calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeToken {
    /// Id of its token.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// For which organisation it acts.
    pub organisation_id: Uuid,
    /// What people call that.
    pub organisation_name: String,
    /// It runs the installation.
    pub operator: bool,
    /// What the token is for.
    pub scopes: Vec<TokenScope>,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// A second factor to be set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollRequest {
    /// The caller's password, once more.
    pub password: Secret,
}

/// What goes into an authenticator app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// `otpauth://...`, to be drawn as a QR code.
    pub url: Secret,
    /// The same secret to be typed, in base32.
    pub secret: Secret,
    /// What the app shows.
    #[schema(example = "Keepsake")]
    pub issuer: String,
}

/// The first code of a new authenticator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// Its six digits.
    pub code: Secret,
}

/// A second factor that counts from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// For when the authenticator is lost; each works once. Shown this once.
    pub recovery_codes: Vec<Secret>,
    /// Goes into `Authorization: Bearer` of each request.
    pub access_token: Secret,
    /// Until when it works.
    pub access_expires_at: Timestamp,
    /// When the second factor was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_at: Option<Timestamp>,
}

/// The second factor, given now: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The authenticator's six digits.
    Code(Secret),
    /// One of the recovery codes.
    RecoveryCode(Secret),
}
