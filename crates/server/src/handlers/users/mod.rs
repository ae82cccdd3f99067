//! The people of an organisation.

pub mod authorise_emergency;
pub mod change;
pub mod create;
pub mod disable;
pub mod get;
pub mod list;

use keepsake_api::users::{User, UserRole};
use keepsake_app::identity::users;
use keepsake_domain::permission::Role;

fn user(user: users::User) -> User {
    User {
        id: *user.id.as_uuid(),
        organisation_id: *user.organisation_id.as_uuid(),
        email: user.email,
        display_name: user.display_name,
        role: role(user.role),
        emergency_authorised: user.emergency_authorised,
        mfa_enrolled: user.mfa_enrolled,
        disabled_at: user.disabled_at,
        created_at: user.created_at,
    }
}

pub(super) fn role(role: Role) -> UserRole {
    match role {
        Role::Member => UserRole::Member,
        Role::Admin => UserRole::Admin,
        Role::Auditor => UserRole::Auditor,
    }
}

fn asked_role(role: UserRole) -> Role {
    match role {
        UserRole::Member => Role::Member,
        UserRole::Admin => Role::Admin,
        UserRole::Auditor => Role::Auditor,
    }
}
