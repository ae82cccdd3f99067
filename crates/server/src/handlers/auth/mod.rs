//! Logging in, second factors, and who the caller is.

pub mod confirm;
pub mod enroll;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod verify;

use crate::handlers::users::role;
use keepsake_api::{
    Secret,
    auth::{Access, Session},
};
use keepsake_app::identity;

/// A secret that goes out.
pub(super) fn shown(secret: &identity::Secret) -> Secret {
    Secret::new(secret.expose())
}

/// A secret that came in.
pub(super) fn given(secret: &Secret) -> identity::Secret {
    identity::Secret::new(secret.expose())
}

fn session(session: identity::Session) -> Session {
    Session {
        access_token: shown(&session.access.access_token),
        access_expires_at: session.access.access_expires_at,
        mfa_at: session.access.mfa_at,
        refresh_token: shown(&session.refresh_token),
        session_expires_at: session.session_expires_at,
        user_id: *session.user_id.as_uuid(),
        organisation_id: *session.organisation_id.as_uuid(),
        role: role(session.role),
        mfa_enrolled: session.mfa_enrolled,
    }
}

fn access(access: &identity::Access) -> Access {
    Access {
        access_token: shown(&access.access_token),
        access_expires_at: access.access_expires_at,
        mfa_at: access.mfa_at,
    }
}
