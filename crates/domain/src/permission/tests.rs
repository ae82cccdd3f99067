use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Every call of sections 1, 2, 3, 5 (targets, policies), 7, 8 and 9 of the contract, written down a second time.
const CONTRACT: &str = "
POST /api/backup/configurations
GET /api/backup/configurations
GET /api/backup/configurations/{id}
PUT /api/backup/configurations/{id}
DELETE /api/backup/configurations/{id}
POST /api/backup/configurations/{id}/undelete
POST /api/backup/configurations/{id}/test
POST /api/backup/configurations/bulk-create
GET /api/backup/configurations/templates
POST /api/backup/execute
GET /api/backup/executions
GET /api/backup/executions/{id}
POST /api/backup/executions/{id}/cancel
POST /api/backup/executions/{id}/retry
GET /api/backup/status
GET /api/backup/progress/{execution_id}
WS /api/backup/monitoring
GET /api/backup/monitoring/events
GET /api/backup/recovery-points
GET /api/backup/recovery-points/{id}
GET /api/backup/recovery/checks/{id}
POST /api/backup/recovery/requests
GET /api/backup/recovery/requests
GET /api/backup/recovery/requests/{id}
POST /api/backup/recovery/requests/{id}/approve
POST /api/backup/recovery/initiate
GET /api/backup/recovery/operations
GET /api/backup/recovery/operations/{id}
POST /api/backup/recovery/operations/{id}/cancel
POST /api/backup/recovery/operations/{id}/undo
POST /api/backup/recovery/validate
POST /api/backup/recovery/test
POST /api/backup/emergency-restore
GET /api/backup/retention/policies
GET /api/backup/retention/policies/{id}
POST /api/backup/retention/policies
PUT /api/backup/retention/policies/{id}
GET /api/backup/storage/targets
GET /api/backup/storage/targets/{id}
POST /api/backup/storage/targets
PUT /api/backup/storage/targets/{id}
DELETE /api/backup/storage/targets/{id}
POST /api/backup/storage/targets/{id}/test
GET /api/weddings
GET /api/weddings/{id}
GET /api/weddings/{id}/criticality
GET /api/weddings/{id}/integrity
GET /api/weddings/{id}/timeline
GET /api/weddings/{id}/backup-settings
PUT /api/weddings/{id}/backup-settings
GET /api/weddings/{id}/members
PUT /api/weddings/{id}/members
GET /api/weddings/{id}/contacts
PUT /api/weddings/{id}/contacts
GET /api/sources
GET /api/sources/{id}
POST /api/sources
PUT /api/sources/{id}
DELETE /api/sources/{id}
POST /api/sources/{id}/inspect
GET /api/sources/{id}/mapping
PUT /api/sources/{id}/mapping
POST /api/sources/{id}/sync
GET /api/organisations
GET /api/organisations/{id}
POST /api/organisations
PUT /api/organisations/{id}
DELETE /api/organisations/{id}
GET /api/system-config
PUT /api/system-config
GET /api/system-config/history
GET /api/webhooks
GET /api/webhooks/{id}
POST /api/webhooks
PUT /api/webhooks/{id}
DELETE /api/webhooks/{id}
POST /api/webhooks/{id}/test
GET /api/webhooks/{id}/deliveries
POST /api/webhooks/{id}/deliveries/{delivery_id}/replay
POST /api/auth/login
POST /api/auth/refresh
POST /api/auth/logout
GET /api/auth/me
POST /api/auth/mfa/totp/enroll
POST /api/auth/mfa/totp/confirm
POST /api/auth/mfa/verify
GET /api/auth/tokens
GET /api/auth/tokens/{id}
POST /api/auth/tokens
PUT /api/auth/tokens/{id}
DELETE /api/auth/tokens/{id}
GET /api/users
GET /api/users/{id}
POST /api/users
PUT /api/users/{id}
DELETE /api/users/{id}
PUT /api/users/{id}/emergency-authorisation
GET /healthz
GET /readyz
GET /metrics
GET /api/openapi.json
GET /api/docs
";

/// Every action that the contract marks +mfa or that weakens protection (product.md E4), and no other.
const WITH_MFA: [Action; 14] = [
    Action::ConfigurationWeaken,
    Action::RecoveryRequestApprove,
    Action::RecoveryInitiate,
    Action::OperationUndo,
    Action::EmergencyRestore,
    Action::PolicyWeaken,
    Action::TargetDelete,
    Action::LentTargetDelete,
    Action::WeddingSettingsWeaken,
    Action::SystemConfigWeaken,
    Action::FactorReplace,
    Action::TokenCreate,
    Action::TokenReplace,
    Action::EmergencyAuthorise,
];

fn person(role: Role) -> Actor {
    Actor::Person(Person { mfa_fresh: true, ..Person::new(role) })
}

fn emergency(role: Role) -> Actor {
    Actor::Person(Person { mfa_fresh: true, emergency_authorised: true, ..Person::new(role) })
}

fn operator() -> Actor {
    Actor::Person(Person { mfa_fresh: true, operator: true, ..Person::new(Role::Admin) })
}

fn service(scopes: impl IntoIterator<Item = Scope>) -> Actor {
    Actor::Service(Service { operator: false, scopes: scopes.into_iter().collect() })
}

fn everybody() -> Vec<Actor> {
    let mut actors = vec![Actor::Anonymous];
    for role in Role::ALL.iter().copied() {
        for bits in 0..8 {
            let (operator, emergency_authorised, mfa_fresh) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
            actors.push(Actor::Person(Person { role, operator, emergency_authorised, mfa_fresh }));
        }
    }
    for scope in Scope::ALL.iter().copied() {
        actors.extend(
            [false, true].map(|operator| Actor::Service(Service { operator, scopes: BTreeSet::from([scope]) })),
        );
    }
    actors.push(service(Scope::ALL.iter().copied()));
    actors
}

#[test]
fn the_table_covers_every_call_of_the_contract_and_no_other() {
    let contract: BTreeSet<&str> = CONTRACT.lines().filter(|line| !line.is_empty()).collect();
    let table: BTreeSet<&str> = Action::ALL.iter().flat_map(|action| action.rule().calls.iter().copied()).collect();
    assert_eq!(contract.difference(&table).collect::<Vec<_>>(), Vec::<&&str>::new(), "missing from the table");
    assert_eq!(table.difference(&contract).collect::<Vec<_>>(), Vec::<&&str>::new(), "unknown to the contract");
    assert!(contract.iter().all(|call| Action::of_call(call).next().is_some()));
    assert_eq!(Action::of_call("GET /api/elsewhere").next(), None);
    let cancel: Vec<Action> = Action::of_call("POST /api/backup/executions/{id}/cancel").collect();
    assert_eq!(cancel, [Action::ManualExecutionCancel, Action::ExecutionCancel]);
}

#[test]
fn a_second_factor_is_needed_exactly_where_the_contract_says_and_no_token_replaces_it() {
    let with_mfa: Vec<Action> = Action::ALL.iter().copied().filter(|action| action.rule().mfa).collect();
    assert_eq!(with_mfa, WITH_MFA);
    for action in WITH_MFA {
        let tokens = |grant: &Grant| matches!(grant, Grant::Service(_) | Grant::OperatorService(_) | Grant::Anyone);
        assert!(!action.rule().grants.iter().any(tokens), "{action}");
        for relation in Relation::ALL {
            let all = service(Scope::ALL.iter().copied());
            assert!(matches!(decide(&all, action, relation), Verdict::Forbidden | Verdict::Hidden), "{action}");
        }
    }
    let stale = Actor::Person(Person::new(Role::Admin));
    assert_eq!(decide(&stale, Action::RecoveryInitiate, Relation::Organisation), Verdict::NeedsMfa);
    assert_eq!(decide(&person(Role::Admin), Action::RecoveryInitiate, Relation::Organisation), Verdict::Allowed);
}

#[test]
fn a_member_may_with_their_own_weddings_and_finds_no_others() {
    let member = person(Role::Member);
    for action in [Action::WeddingBackup, Action::ExecutionRead, Action::PointRead, Action::RecoveryRequestCreate] {
        assert_eq!(decide(&member, action, Relation::Own), Verdict::Allowed, "{action}");
        assert_eq!(decide(&member, action, Relation::Organisation), Verdict::Hidden, "{action}");
        assert_eq!(decide(&member, action, Relation::Foreign), Verdict::Hidden, "{action}");
        assert_eq!(decide(&person(Role::Admin), action, Relation::Organisation), Verdict::Allowed, "{action}");
    }
    // They see it, and may not do that with it.
    for action in
        [Action::ExecutionCancel, Action::ExecutionRetry, Action::PointRehearse, Action::WeddingSettingsReplace]
    {
        assert_eq!(decide(&member, action, Relation::Own), Verdict::Forbidden, "{action}");
        assert_eq!(decide(&member, action, Relation::Organisation), Verdict::Hidden, "{action}");
    }
    assert_eq!(decide(&member, Action::ManualExecutionCancel, Relation::Own), Verdict::Allowed);
    assert_eq!(decide(&member, Action::PointRead, Relation::Collection), Verdict::Allowed, "a list of their own");
    assert_eq!(decide(&member, Action::WeddingBackup, Relation::Collection), Verdict::Forbidden, "whose is not said");
    assert_eq!(decide(&member, Action::UserRead, Relation::Collection), Verdict::Forbidden);
    assert_eq!(decide(&member, Action::UserRead, Relation::Organisation), Verdict::Hidden);
}

#[test]
fn an_emergency_restore_takes_the_flag_even_of_an_admin() {
    let restore = |actor: &Actor, relation| decide(actor, Action::EmergencyRestore, relation);
    assert_eq!(restore(&emergency(Role::Member), Relation::Own), Verdict::Allowed);
    assert_eq!(restore(&emergency(Role::Member), Relation::Organisation), Verdict::Hidden);
    assert_eq!(restore(&person(Role::Member), Relation::Own), Verdict::Forbidden);
    assert_eq!(restore(&person(Role::Admin), Relation::Organisation), Verdict::Forbidden);
    assert_eq!(restore(&emergency(Role::Admin), Relation::Organisation), Verdict::Allowed);
    assert_eq!(restore(&emergency(Role::Auditor), Relation::Organisation), Verdict::Forbidden);
    assert_eq!(restore(&operator(), Relation::Foreign), Verdict::Forbidden);
    let stale = Actor::Person(Person { emergency_authorised: true, ..Person::new(Role::Member) });
    assert_eq!(restore(&stale, Relation::Own), Verdict::NeedsMfa);
    assert_eq!(decide(&emergency(Role::Member), Action::OperationUndo, Relation::Started), Verdict::Allowed);
}

#[test]
fn whoever_started_an_operation_may_cancel_it() {
    let cancel = |actor: &Actor, relation| decide(actor, Action::OperationCancel, relation);
    assert_eq!(cancel(&emergency(Role::Member), Relation::Started), Verdict::Allowed);
    assert_eq!(cancel(&emergency(Role::Member), Relation::Own), Verdict::Forbidden);
    assert_eq!(cancel(&person(Role::Admin), Relation::Organisation), Verdict::Allowed);
    assert_eq!(cancel(&person(Role::Auditor), Relation::Started), Verdict::Forbidden);
}

#[test]
fn tokens_do_what_their_scopes_say() {
    let allowed = |scope, action, relation| decide(&service([scope]), action, relation) == Verdict::Allowed;
    assert!(allowed(Scope::Read, Action::PointRead, Relation::Organisation));
    assert!(!allowed(Scope::Execute, Action::PointRead, Relation::Organisation));
    assert!(allowed(Scope::Execute, Action::WeddingBackup, Relation::Organisation));
    assert!(!allowed(Scope::Read, Action::WeddingBackup, Relation::Organisation));
    assert!(allowed(Scope::Verify, Action::PointRehearse, Relation::Organisation));
    assert!(allowed(Scope::Configure, Action::ConfigurationCreate, Relation::Collection));
    assert!(!allowed(Scope::Read, Action::PointRead, Relation::Foreign));
    assert!(!allowed(Scope::Metrics, Action::MetricsRead, Relation::Collection), "metrics are the operator's");
    let scopes = BTreeSet::from([Scope::Metrics]);
    let operators = Actor::Service(Service { operator: true, scopes });
    assert_eq!(decide(&operators, Action::MetricsRead, Relation::Collection), Verdict::Allowed);
    assert_eq!(decide(&operators, Action::WhoAmI, Relation::Collection), Verdict::Allowed);
    assert_eq!(decide(&operators, Action::StepUp, Relation::Collection), Verdict::Forbidden);
}

#[test]
fn s29_what_reaches_the_host_is_the_operators() {
    let host = [
        Action::HostSourceCreate,
        Action::HostSourceReplace,
        Action::LentTargetCreate,
        Action::LentTargetReplace,
        Action::LentTargetDelete,
        Action::LentTargetTest,
        Action::SystemConfigReplace,
        Action::OrganisationCreate,
    ];
    for action in host {
        assert_ne!(decide(&emergency(Role::Admin), action, Relation::Organisation), Verdict::Allowed, "{action}");
        assert_eq!(decide(&operator(), action, Relation::Organisation), Verdict::Allowed, "{action}");
    }
    let admin = person(Role::Admin);
    assert_eq!(decide(&admin, Action::LentTargetReplace, Relation::Organisation), Verdict::Forbidden);
    assert_eq!(decide(&admin, Action::LentTargetCreate, Relation::Collection), Verdict::Forbidden);
}

#[test]
fn an_auditor_reads_everything_of_their_organisation_and_changes_nothing() {
    for action in Action::ALL.iter().copied() {
        let rule = action.rule();
        let reads = rule.calls.iter().all(|call| call.starts_with("GET ") || call.starts_with("WS "));
        let personal = rule.grants.iter().any(|grant| matches!(grant, Grant::Public | Grant::Anyone | Grant::Person));
        let operators = rule.grants.contains(&Grant::Operator);
        let allowed = decide(&emergency(Role::Auditor), action, Relation::Organisation) == Verdict::Allowed;
        assert_eq!(allowed, personal || (reads && !operators), "{action}");
    }
}

#[test]
fn refusals_have_their_status() {
    let of = [Verdict::Unauthenticated, Verdict::NeedsMfa, Verdict::Forbidden, Verdict::Hidden].map(Verdict::status);
    assert_eq!(of, [Some(401), Some(401), Some(403), Some(404)]);
    assert_eq!(Verdict::Allowed.status(), None);
}

/// Rules that hold for everybody, everything and every relation: the whole table, not samples.
#[test]
fn the_whole_table_keeps_its_promises() {
    for actor in everybody() {
        for action in Action::ALL.iter().copied() {
            let rule = action.rule();
            let public = rule.grants.contains(&Grant::Public);
            for relation in Relation::ALL {
                let verdict = decide(&actor, action, relation);
                let about = format!("{actor:?} {action} {relation:?}: {verdict:?}");
                match &actor {
                    Actor::Anonymous => {
                        assert_eq!(
                            verdict,
                            if public { Verdict::Allowed } else { Verdict::Unauthenticated },
                            "{about}"
                        );
                    }
                    Actor::Service(_) => assert_ne!(verdict, Verdict::NeedsMfa, "{about}"),
                    Actor::Person(person) => {
                        assert!(verdict != Verdict::NeedsMfa || (rule.mfa && !person.mfa_fresh), "{about}");
                        assert!(verdict != Verdict::Allowed || !rule.mfa || person.mfa_fresh, "{about}");
                    }
                }
                let unknown = actor == Actor::Anonymous && !public;
                assert_eq!(verdict == Verdict::Unauthenticated, unknown, "{about}");
                let everywhere = matches!(&actor, Actor::Person(person) if person.is_operator_admin());
                if relation == Relation::Foreign && !public && !everywhere && actor != Actor::Anonymous {
                    assert_eq!(verdict, Verdict::Hidden, "{about}");
                }
                if relation == Relation::Collection {
                    assert_ne!(verdict, Verdict::Hidden, "{about}");
                }
            }
        }
    }
}

proptest! {
    /// What a member may, an admin may; what an admin may here, an operator's admin may anywhere.
    #[test]
    fn admins_imply_members_and_operators_imply_admins(action in proptest::sample::select(Action::ALL), relation in 0..4_usize, flag: bool) {
        let relation = Relation::ALL[relation];
        let of = |role, operator| Actor::Person(Person { role, operator, emergency_authorised: flag, mfa_fresh: true });
        let allowed = |actor: &Actor, relation| decide(actor, action, relation) == Verdict::Allowed;
        if allowed(&of(Role::Member, false), relation) {
            prop_assert!(allowed(&of(Role::Admin, false), relation));
        }
        if allowed(&of(Role::Admin, false), Relation::Organisation) {
            prop_assert!(allowed(&of(Role::Admin, true), Relation::Foreign));
        }
    }
}
