//! Who called, once they are known: for the rules, and for the catalog.

use jiff::Timestamp;
use keepsake_catalog::{self as catalog, Scope};
use keepsake_domain::{
    OrganisationId, RequestId, SessionId, TokenId, UserId,
    permission::{Actor, Person, Relation, Role, Service},
};

/// Who calls a use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// For the permission table.
    pub actor: Actor,
    /// For the catalog.
    pub scope: Scope,
    /// The session of a person who logged in.
    pub session: Option<SessionId>,
    /// When they gave their second factor, while that is fresh.
    pub mfa_at: Option<Timestamp>,
}

impl Caller {
    /// Nobody who is known yet: may do what everybody may, and nothing else. The service looks around for them.
    pub const fn anonymous(request: RequestId) -> Self {
        Self { actor: Actor::Anonymous, scope: Scope::system(request), session: None, mfa_at: None }
    }

    /// Whoever has the master key and is at this machine: they need no login, for nothing could be kept from them.
    pub const fn machine(request: RequestId) -> Self {
        let person = Person { role: Role::Admin, operator: true, emergency_authorised: false, mfa_fresh: true };
        Self { actor: Actor::Person(person), scope: Scope::system(request), session: None, mfa_at: None }
    }

    /// A user who logged in.
    pub fn person(user: UserId, organisation: OrganisationId, person: Person, request: RequestId) -> Self {
        let role = match person.role {
            Role::Member => catalog::Role::Member,
            Role::Admin => catalog::Role::Admin,
            Role::Auditor => catalog::Role::Auditor,
        };
        let scope = Scope {
            organisation: Some(organisation),
            actor: catalog::Actor::User(user),
            role,
            operator: person.is_operator_admin(),
            request,
        };
        Self { actor: Actor::Person(person), scope, session: None, mfa_at: None }
    }

    /// A program with a token.
    pub fn program(token: TokenId, organisation: OrganisationId, service: Service, request: RequestId) -> Self {
        let scope = Scope {
            organisation: Some(organisation),
            actor: catalog::Actor::Token(token),
            role: catalog::Role::Service,
            operator: service.operator,
            request,
        };
        Self { actor: Actor::Service(service), scope, session: None, mfa_at: None }
    }

    /// The same, in the session that their access token is of.
    pub const fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// What a thing of `owner` is to them, if it belongs to no wedding.
    pub fn relation_to(&self, owner: OrganisationId) -> Relation {
        if self.organisation() == Some(owner) { Relation::Organisation } else { Relation::Foreign }
    }

    /// What making something for `owner` is to them.
    pub fn relation_to_new(&self, owner: OrganisationId) -> Relation {
        if self.organisation() == Some(owner) { Relation::Collection } else { Relation::Foreign }
    }

    /// The organisation that they belong to.
    pub const fn organisation(&self) -> Option<OrganisationId> {
        self.scope.organisation
    }
}
