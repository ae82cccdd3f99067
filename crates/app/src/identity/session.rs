//! What a login, a refresh or a step-up hands out.

use super::{Secret, access};
use crate::{error::Result, service::Service};
use jiff::Timestamp;
use keepsake_catalog::sessions::Given;
use keepsake_domain::{OrganisationId, SessionId, UserId, permission::Role};
use serde::Serialize;

/// An access token.
#[derive(Debug, Clone, Serialize)]
pub struct Access {
    /// Goes into the `Authorization` header of each call, after `Bearer`.
    pub access_token: Secret,
    /// Until when it works.
    pub access_expires_at: Timestamp,
    /// When the second factor in it was given, if one was.
    pub mfa_at: Option<Timestamp>,
}

/// A session: an access token, and the refresh token for the next one.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// The access token.
    #[serde(flatten)]
    pub access: Access,
    /// Works once, for a refresh.
    pub refresh_token: Secret,
    /// When the session ends, however often it is refreshed.
    pub session_expires_at: Timestamp,
    /// Who logged in.
    pub user_id: UserId,
    /// Theirs.
    pub organisation_id: OrganisationId,
    /// What they are in it.
    pub role: Role,
    /// They have a second factor; without one, what takes it is closed to them.
    pub mfa_enrolled: bool,
}

impl Access {
    pub(super) fn sign(
        service: &Service,
        user: UserId,
        organisation: OrganisationId,
        role: Role,
        session: SessionId,
        mfa: Option<Given>,
    ) -> Result<Self> {
        let now = service.context.clock.now();
        let (access_token, access_expires_at) =
            access::sign(&service.context.master, user, organisation, role, session, mfa, now)?;
        Ok(Self { access_token, access_expires_at, mfa_at: mfa.map(|given| given.at) })
    }
}
