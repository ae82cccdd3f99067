//! Who acts, and whose the thing is that they act on.

use crate::word::words;
use std::collections::BTreeSet;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody who is known.
    Anonymous,
    /// A user who logged in.
    Person(Person),
    /// A program with an API token. It never has a second factor.
    Service(Service),
}

/// A user who logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Their role in their organisation.
    pub role: Role,
    /// Their organisation is the operator's.
    pub operator: bool,
    /// They may run an emergency restore. Means nothing for an auditor, who changes nothing.
    pub emergency_authorised: bool,
    /// They gave a second factor within the last 300 s (S31).
    pub mfa_fresh: bool,
}

impl Person {
    /// A user with this role of a supplier, without flags.
    pub const fn new(role: Role) -> Self {
        Self { role, operator: false, emergency_authorised: false, mfa_fresh: false }
    }

    /// Whether they administer the whole installation.
    pub fn is_operator_admin(&self) -> bool {
        self.operator && self.role == Role::Admin
    }
}

/// A program with an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The token is of the operator's organisation.
    pub operator: bool,
    /// What the token is for.
    pub scopes: BTreeSet<Scope>,
}

words! {
    /// What a user is in their organisation.
    Role {
        /// A supplier or planner, with weddings of their own.
        Member = "member",
        /// Runs the organisation.
        Admin = "admin",
        /// Reads all of the organisation, changes nothing.
        Auditor = "auditor",
    }
}

words! {
    /// What an API token is for. A token may have several.
    Scope {
        /// Read configurations, executions, points, weddings and status.
        Read = "read",
        /// Create, replace and test configurations.
        Configure = "configure",
        /// Start, cancel and retry backups, and sync sources.
        Execute = "execute",
        /// Verify points and rehearse restores.
        Verify = "verify",
        /// Read metrics of the installation; works for tokens of the operator only.
        Metrics = "metrics",
    }
}

/// How the thing acted on relates to the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// No one thing: a list, or something new that belongs to no wedding.
    Collection,
    /// A wedding that the member is assigned to, or something of such a wedding.
    Own,
    /// An operation that the actor started, on a wedding of their own.
    Started,
    /// Anything else of the actor's organisation, or lent to it by the operator.
    Organisation,
    /// Of another organisation.
    Foreign,
}

impl Relation {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Collection, Self::Own, Self::Started, Self::Organisation, Self::Foreign];
}
