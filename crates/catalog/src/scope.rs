//! For whom a transaction works: what row-level security is asked about.

use keepsake_domain::{OrganisationId, RequestId, TokenId, UserId};
use serde::Serialize;
use uuid::Uuid;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person.
    User(UserId),
    /// A program, by its token.
    Token(TokenId),
    /// A worker, on a job that somebody else wanted.
    Worker,
    /// The service itself: before it knows who is there, and in its own housekeeping.
    System,
}

impl Actor {
    /// The word in the audit log.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::Worker => "worker",
            Self::System => "system",
        }
    }

    /// The id of a person or token.
    pub const fn id(self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(*id.as_uuid()),
            Self::Token(id) => Some(*id.as_uuid()),
            Self::Worker | Self::System => None,
        }
    }
}

/// In which capacity; what the policies of the schema know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees their own weddings.
    Member,
    /// Acts on everything of the organisation.
    Admin,
    /// Reads everything of the organisation.
    Auditor,
    /// A program.
    Service,
    /// A worker that has claimed a job of the organisation.
    Worker,
    /// The service itself.
    System,
}

/// The scope of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The organisation for which it works. `None` for the service itself before it knows: then only rows of no tenant, and
    /// with `operator` all.
    pub organisation: Option<OrganisationId>,
    /// Who acts.
    pub actor: Actor,
    /// In which capacity.
    pub role: Role,
    /// Whether every organisation is in reach: admins of the operator, and the service itself.
    pub operator: bool,
    /// The request or act that this belongs to.
    pub request: RequestId,
}

impl Scope {
    /// The service itself, with every organisation in reach.
    pub const fn system(request: RequestId) -> Self {
        Self { organisation: None, actor: Actor::System, role: Role::System, operator: true, request }
    }

    /// A worker on a job of one organisation.
    pub const fn worker(organisation: OrganisationId, request: RequestId) -> Self {
        Self { organisation: Some(organisation), actor: Actor::Worker, role: Role::Worker, operator: false, request }
    }

    /// What the database is told.
    pub(crate) fn context(&self) -> serde_json::Value {
        serde_json::json!({
            "organisation": self.organisation,
            "actor": self.actor.id(),
            "role": self.role,
            "operator": self.operator,
        })
    }
}
