//! Who may do what: one table of actions and grants (api.md, roles), and the one function that reads it.
//!
//! Use cases ask here, and the catalog's row-level security decides again by its own rules. Authentication, the freshness of a
//! second factor, and whose a thing is, are found out elsewhere and come in as facts.

mod actor;
mod table;

pub use actor::{Actor, Person, Relation, Role, Scope, Service};
pub use table::{Action, Grant, Rule};

use table::Sight;

/// The answer to "may they".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// Nobody is logged in: 401.
    Unauthenticated,
    /// Yes, once a second factor was given just now: 401 with the step-up challenge.
    NeedsMfa,
    /// No, and they may know that the thing is there: 403.
    Forbidden,
    /// No, and they may not know that it is there: 404.
    Hidden,
}

impl Verdict {
    /// The HTTP status of a refusal; `None` for a yes.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Allowed => None,
            Self::Unauthenticated | Self::NeedsMfa => Some(401),
            Self::Forbidden => Some(403),
            Self::Hidden => Some(404),
        }
    }
}

/// Decides. `relation` is that of the actor to the thing that the action is about.
pub fn decide(actor: &Actor, action: Action, relation: Relation) -> Verdict {
    let rule = action.rule();
    if rule.grants.contains(&Grant::Public) {
        return Verdict::Allowed;
    }
    if *actor == Actor::Anonymous {
        return Verdict::Unauthenticated;
    }
    if !is_granted(actor, &rule, relation) {
        return refusal(actor, &rule, relation);
    }
    match actor {
        Actor::Person(person) if rule.mfa && !person.mfa_fresh => Verdict::NeedsMfa,
        _ => Verdict::Allowed,
    }
}

/// What a refused actor learns: of a list or of making something new, that it is not for them; of a thing that they may read, the
/// same; of any other thing, nothing.
fn refusal(actor: &Actor, rule: &Rule, relation: Relation) -> Verdict {
    let readable = |read: Action| is_granted(actor, &read.rule(), relation);
    match (relation, rule.sight) {
        (Relation::Collection, _) => Verdict::Forbidden,
        (_, Sight::Of(read)) if readable(read) => Verdict::Forbidden,
        _ => Verdict::Hidden,
    }
}

fn is_granted(actor: &Actor, rule: &Rule, relation: Relation) -> bool {
    rule.grants.iter().any(|grant| match actor {
        Actor::Anonymous => *grant == Grant::Public,
        Actor::Person(person) => grants_person(*grant, person, relation, rule.sight),
        Actor::Service(service) => grants_service(*grant, service, relation),
    })
}

fn grants_person(grant: Grant, person: &Person, relation: Relation, sight: Sight) -> bool {
    if relation == Relation::Foreign && !person.is_operator_admin() {
        return false;
    }
    let is_admin = person.role == Role::Admin;
    let is_member = person.role == Role::Member;
    let own = match relation {
        Relation::Own | Relation::Started => true,
        // A list shows each member their own; anything else must say whose it is about.
        Relation::Collection => sight == Sight::List,
        Relation::Organisation | Relation::Foreign => false,
    };
    match grant {
        Grant::Public | Grant::Anyone | Grant::Person => true,
        Grant::Member => is_member || is_admin,
        Grant::Mine => is_admin || (is_member && own),
        Grant::Starter => relation == Relation::Started && person.role != Role::Auditor,
        Grant::Emergency => person.emergency_authorised && (is_admin || (is_member && own)),
        Grant::Admin => is_admin,
        Grant::Auditor => person.role == Role::Auditor,
        Grant::Operator => person.is_operator_admin(),
        Grant::Service(_) | Grant::OperatorService(_) => false,
    }
}

fn grants_service(grant: Grant, service: &Service, relation: Relation) -> bool {
    relation != Relation::Foreign
        && match grant {
            Grant::Public | Grant::Anyone => true,
            Grant::Service(scope) => service.scopes.contains(&scope),
            Grant::OperatorService(scope) => service.operator && service.scopes.contains(&scope),
            Grant::Person
            | Grant::Member
            | Grant::Mine
            | Grant::Starter
            | Grant::Emergency
            | Grant::Admin
            | Grant::Auditor
            | Grant::Operator => false,
        }
}

#[cfg(test)]
mod tests;
