//! The table: each action with the calls that it covers, and to whom it is granted.
//!
//! A call can have several actions, where it depends on the request which rights it takes: replacing a policy by a weaker one takes
//! more than replacing it. Deciding which action a request is, is the use case's part.

use super::Scope;
use crate::word::words;

/// Somebody to whom an action is granted. An admin may do what a member may, on all weddings of the organisation; an operator's
/// admin may do what an admin may, in all organisations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Everybody, logged in or not.
    Public,
    /// Everybody who is logged in, programs too.
    Anyone,
    /// Every user who is logged in.
    Person,
    /// M: every member.
    Member,
    /// M (own): members, on weddings of their own.
    Mine,
    /// Whoever started it.
    Starter,
    /// E: users with the emergency flag: members on weddings of their own, admins on all.
    Emergency,
    /// A.
    Admin,
    /// U.
    Auditor,
    /// O.
    Operator,
    /// S, with this scope.
    Service(Scope),
    /// S with this scope, if the token is of the operator's organisation.
    OperatorService(Scope),
}

/// What is known of a thing by those who may not do this with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing of its own: reading one thing, or making one.
    Plain,
    /// As `Plain`, and the calls include a list, in which everybody finds what they may read.
    List,
    /// Whoever may do that other action, a read, knows that the thing is there.
    Of(Action),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// To whom it is granted.
    pub grants: &'static [Grant],
    /// The calls that it covers, as in api.md.
    pub calls: &'static [&'static str],
    /// It takes a second factor given within the last 300 s (S31). Never granted to a token.
    pub mfa: bool,
    pub(super) sight: Sight,
}

impl Rule {
    const fn new(sight: Sight) -> Self {
        Self { grants: &[], calls: &[], mfa: false, sight }
    }

    const fn mfa(mut self) -> Self {
        self.mfa = true;
        self
    }

    const fn with(mut self, grants: &'static [Grant], calls: &'static [&'static str]) -> Self {
        self.grants = grants;
        self.calls = calls;
        self
    }
}

const fn plain() -> Rule {
    Rule::new(Sight::Plain)
}

const fn list() -> Rule {
    Rule::new(Sight::List)
}

const fn on(read: Action) -> Rule {
    Rule::new(Sight::Of(read))
}

/// A row a line: `Action = "word", kind, [grants], [calls];`. A macro, so that the enum and the table cannot differ.
macro_rules! table {
    ($($action:ident = $word:literal, $kind:expr, [$($grant:expr),+], [$($call:literal),+];)+) => {
        words! {
            /// Something that can be asked of the service.
            Action { $($(#[doc = concat!("`", $call, "`")])+ $action = $word,)+ }
        }

        impl Action {
            /// Its row.
            pub const fn rule(self) -> Rule {
                use Action::*;
                use Grant::*;
                use Scope::*;
                match self {
                    $(Self::$action => $kind.with(&[$($grant),+], &[$($call),+]),)+
                }
            }
        }
    };
}

table! {
    // 1. Configurations
    ConfigurationCreate = "configuration_create", plain(), [Admin, Service(Configure)],
        ["POST /api/backup/configurations"];
    ConfigurationBulkCreate = "configuration_bulk_create", plain(), [Admin, Service(Configure)],
        ["POST /api/backup/configurations/bulk-create"];
    ConfigurationRead = "configuration_read", list(), [Member, Auditor, Admin, Service(Read)],
        ["GET /api/backup/configurations", "GET /api/backup/configurations/{id}"];
    ConfigurationReplace = "configuration_replace", on(ConfigurationRead), [Admin, Service(Configure)],
        ["PUT /api/backup/configurations/{id}"];
    // A new one that keeps points for less than usual weakens, too.
    ConfigurationWeaken = "configuration_weaken", on(ConfigurationRead).mfa(), [Admin],
        ["PUT /api/backup/configurations/{id}", "POST /api/backup/configurations", "POST /api/backup/configurations/bulk-create",
         "POST /api/backup/configurations/{id}/undelete"];
    ConfigurationDelete = "configuration_delete", on(ConfigurationRead), [Admin],
        ["DELETE /api/backup/configurations/{id}"];
    ConfigurationUndelete = "configuration_undelete", on(ConfigurationRead), [Admin],
        ["POST /api/backup/configurations/{id}/undelete"];
    ConfigurationTest = "configuration_test", on(ConfigurationRead), [Admin, Service(Configure)],
        ["POST /api/backup/configurations/{id}/test"];
    TemplateRead = "template_read", list(), [Member, Auditor, Admin, Service(Read)],
        ["GET /api/backup/configurations/templates"];

    // 2. Executions and monitoring
    WeddingBackup = "wedding_backup", on(WeddingRead), [Mine, Admin, Service(Execute)],
        ["POST /api/backup/execute"];
    ConfigurationBackup = "configuration_backup", on(ConfigurationRead), [Admin, Service(Execute)],
        ["POST /api/backup/execute"];
    SourceBackup = "source_backup", on(SourceRead), [Admin, Service(Execute)],
        ["POST /api/backup/execute"];
    ExecutionRead = "execution_read", list(), [Mine, Auditor, Admin, Service(Read)],
        ["GET /api/backup/executions", "GET /api/backup/executions/{id}", "GET /api/backup/progress/{execution_id}"];
    ManualExecutionCancel = "manual_execution_cancel", on(ExecutionRead), [Mine, Admin, Service(Execute)],
        ["POST /api/backup/executions/{id}/cancel"];
    ExecutionCancel = "execution_cancel", on(ExecutionRead), [Admin, Service(Execute)],
        ["POST /api/backup/executions/{id}/cancel"];
    ExecutionRetry = "execution_retry", on(ExecutionRead), [Admin, Service(Execute)],
        ["POST /api/backup/executions/{id}/retry"];
    StatusRead = "status_read", list(), [Member, Auditor, Admin, Service(Read)],
        ["GET /api/backup/status"];
    MonitoringWatch = "monitoring_watch", list(), [Member, Auditor, Admin, Service(Read)],
        ["WS /api/backup/monitoring", "GET /api/backup/monitoring/events"];

    // 3. Recovery
    PointRead = "point_read", list(), [Mine, Auditor, Admin, Service(Read)],
        ["GET /api/backup/recovery-points", "GET /api/backup/recovery-points/{id}", "GET /api/backup/recovery/checks/{id}"];
    RecoveryRequestCreate = "recovery_request_create", on(WeddingRead), [Mine, Admin],
        ["POST /api/backup/recovery/requests"];
    RecoveryRequestRead = "recovery_request_read", list(), [Mine, Auditor, Admin],
        ["GET /api/backup/recovery/requests", "GET /api/backup/recovery/requests/{id}"];
    RecoveryRequestApprove = "recovery_request_approve", on(RecoveryRequestRead).mfa(), [Admin],
        ["POST /api/backup/recovery/requests/{id}/approve"];
    RecoveryInitiate = "recovery_initiate", on(PointRead).mfa(), [Emergency, Admin],
        ["POST /api/backup/recovery/initiate"];
    OperationRead = "operation_read", list(), [Mine, Auditor, Admin],
        ["GET /api/backup/recovery/operations", "GET /api/backup/recovery/operations/{id}"];
    OperationCancel = "operation_cancel", on(OperationRead), [Starter, Admin],
        ["POST /api/backup/recovery/operations/{id}/cancel"];
    OperationUndo = "operation_undo", on(OperationRead).mfa(), [Emergency, Admin],
        ["POST /api/backup/recovery/operations/{id}/undo"];
    PointValidate = "point_validate", on(PointRead), [Admin, Service(Verify)],
        ["POST /api/backup/recovery/validate"];
    PointRehearse = "point_rehearse", on(PointRead), [Admin, Service(Verify)],
        ["POST /api/backup/recovery/test"];
    EmergencyRestore = "emergency_restore", on(WeddingRead).mfa(), [Emergency],
        ["POST /api/backup/emergency-restore"];

    // 5. Storage targets and retention policies. A target is an organisation's own, remote one, or one of the operator's
    // that is lent to organisations; only the latter may be a folder of the host (S29).
    PolicyRead = "policy_read", list(), [Auditor, Admin],
        ["GET /api/backup/retention/policies", "GET /api/backup/retention/policies/{id}"];
    PolicyCreate = "policy_create", plain(), [Admin],
        ["POST /api/backup/retention/policies"];
    PolicyReplace = "policy_replace", on(PolicyRead), [Admin],
        ["PUT /api/backup/retention/policies/{id}"];
    PolicyWeaken = "policy_weaken", on(PolicyRead).mfa(), [Admin],
        ["PUT /api/backup/retention/policies/{id}"];
    TargetRead = "target_read", list(), [Auditor, Admin],
        ["GET /api/backup/storage/targets", "GET /api/backup/storage/targets/{id}"];
    TargetCreate = "target_create", plain(), [Admin],
        ["POST /api/backup/storage/targets"];
    TargetReplace = "target_replace", on(TargetRead), [Admin],
        ["PUT /api/backup/storage/targets/{id}"];
    TargetDelete = "target_delete", on(TargetRead).mfa(), [Admin],
        ["DELETE /api/backup/storage/targets/{id}"];
    TargetTest = "target_test", on(TargetRead), [Admin],
        ["POST /api/backup/storage/targets/{id}/test"];
    LentTargetCreate = "lent_target_create", plain(), [Operator],
        ["POST /api/backup/storage/targets"];
    LentTargetReplace = "lent_target_replace", on(TargetRead), [Operator],
        ["PUT /api/backup/storage/targets/{id}"];
    LentTargetDelete = "lent_target_delete", on(TargetRead).mfa(), [Operator],
        ["DELETE /api/backup/storage/targets/{id}"];
    LentTargetTest = "lent_target_test", on(TargetRead), [Operator],
        ["POST /api/backup/storage/targets/{id}/test"];

    // 7. Weddings, sources, organisations
    WeddingRead = "wedding_read", list(), [Mine, Auditor, Admin, Service(Read)],
        ["GET /api/weddings", "GET /api/weddings/{id}", "GET /api/weddings/{id}/criticality",
         "GET /api/weddings/{id}/integrity", "GET /api/weddings/{id}/timeline", "GET /api/weddings/{id}/backup-settings"];
    WeddingSettingsReplace = "wedding_settings_replace", on(WeddingRead), [Admin],
        ["PUT /api/weddings/{id}/backup-settings"];
    WeddingSettingsWeaken = "wedding_settings_weaken", on(WeddingRead).mfa(), [Admin],
        ["PUT /api/weddings/{id}/backup-settings"];
    WeddingMembersRead = "wedding_members_read", on(WeddingRead), [Auditor, Admin],
        ["GET /api/weddings/{id}/members"];
    WeddingMembersReplace = "wedding_members_replace", on(WeddingRead), [Admin],
        ["PUT /api/weddings/{id}/members"];
    ContactsRead = "contacts_read", on(WeddingRead), [Mine, Auditor, Admin],
        ["GET /api/weddings/{id}/contacts"];
    ContactsReplace = "contacts_replace", on(WeddingRead), [Mine, Admin],
        ["PUT /api/weddings/{id}/contacts"];
    SourceRead = "source_read", list(), [Auditor, Admin],
        ["GET /api/sources", "GET /api/sources/{id}", "GET /api/sources/{id}/mapping"];
    SourceCreate = "source_create", plain(), [Admin],
        ["POST /api/sources"];
    SourceReplace = "source_replace", on(SourceRead), [Admin],
        ["PUT /api/sources/{id}"];
    SourceDelete = "source_delete", on(SourceRead), [Admin],
        ["DELETE /api/sources/{id}"];
    HostSourceCreate = "host_source_create", plain(), [Operator],
        ["POST /api/sources"];
    HostSourceReplace = "host_source_replace", on(SourceRead), [Operator],
        ["PUT /api/sources/{id}"];
    SourceInspect = "source_inspect", on(SourceRead), [Admin],
        ["POST /api/sources/{id}/inspect"];
    MappingReplace = "mapping_replace", on(SourceRead), [Admin],
        ["PUT /api/sources/{id}/mapping"];
    SourceSync = "source_sync", on(SourceRead), [Admin, Service(Execute)],
        ["POST /api/sources/{id}/sync"];
    OrganisationRead = "organisation_read", list(), [Operator],
        ["GET /api/organisations", "GET /api/organisations/{id}"];
    OrganisationCreate = "organisation_create", plain(), [Operator],
        ["POST /api/organisations"];
    OrganisationReplace = "organisation_replace", on(OrganisationRead), [Operator],
        ["PUT /api/organisations/{id}"];
    OrganisationDelete = "organisation_delete", on(OrganisationRead), [Operator],
        ["DELETE /api/organisations/{id}"];
    SystemConfigRead = "system_config_read", list(), [Operator],
        ["GET /api/system-config", "GET /api/system-config/history"];
    SystemConfigReplace = "system_config_replace", on(SystemConfigRead), [Operator],
        ["PUT /api/system-config"];
    SystemConfigWeaken = "system_config_weaken", on(SystemConfigRead).mfa(), [Operator],
        ["PUT /api/system-config"];
    WebhookRead = "webhook_read", list(), [Auditor, Admin],
        ["GET /api/webhooks", "GET /api/webhooks/{id}", "GET /api/webhooks/{id}/deliveries"];
    WebhookCreate = "webhook_create", plain(), [Admin],
        ["POST /api/webhooks"];
    WebhookReplace = "webhook_replace", on(WebhookRead), [Admin],
        ["PUT /api/webhooks/{id}"];
    WebhookDelete = "webhook_delete", on(WebhookRead), [Admin],
        ["DELETE /api/webhooks/{id}"];
    WebhookTest = "webhook_test", on(WebhookRead), [Admin],
        ["POST /api/webhooks/{id}/test"];
    DeliveryReplay = "delivery_replay", on(WebhookRead), [Admin],
        ["POST /api/webhooks/{id}/deliveries/{delivery_id}/replay"];

    // 8. Identity. A first factor is enrolled without a second; another one only with it (S31).
    Login = "login", plain(), [Public],
        ["POST /api/auth/login", "POST /api/auth/refresh"];
    Logout = "logout", plain(), [Person],
        ["POST /api/auth/logout"];
    WhoAmI = "who_am_i", plain(), [Anyone],
        ["GET /api/auth/me"];
    FirstFactorEnroll = "first_factor_enroll", plain(), [Person],
        ["POST /api/auth/mfa/totp/enroll", "POST /api/auth/mfa/totp/confirm"];
    FactorReplace = "factor_replace", plain().mfa(), [Person],
        ["POST /api/auth/mfa/totp/enroll", "POST /api/auth/mfa/totp/confirm"];
    StepUp = "step_up", plain(), [Person],
        ["POST /api/auth/mfa/verify"];
    TokenRead = "token_read", list(), [Auditor, Admin],
        ["GET /api/auth/tokens", "GET /api/auth/tokens/{id}"];
    TokenCreate = "token_create", plain().mfa(), [Admin],
        ["POST /api/auth/tokens"];
    TokenReplace = "token_replace", on(TokenRead).mfa(), [Admin],
        ["PUT /api/auth/tokens/{id}"];
    TokenDelete = "token_delete", on(TokenRead), [Admin],
        ["DELETE /api/auth/tokens/{id}"];
    UserRead = "user_read", list(), [Auditor, Admin],
        ["GET /api/users", "GET /api/users/{id}"];
    UserCreate = "user_create", plain(), [Admin],
        ["POST /api/users"];
    UserReplace = "user_replace", on(UserRead), [Admin],
        ["PUT /api/users/{id}"];
    UserDelete = "user_delete", on(UserRead), [Admin],
        ["DELETE /api/users/{id}"];
    EmergencyAuthorise = "emergency_authorise", on(UserRead).mfa(), [Admin],
        ["PUT /api/users/{id}/emergency-authorisation"];

    // 9. Operations
    HealthRead = "health_read", plain(), [Public],
        ["GET /healthz", "GET /readyz"];
    MetricsRead = "metrics_read", plain(), [Operator, OperatorService(Metrics)],
        ["GET /metrics"];
    DocumentationRead = "documentation_read", plain(), [Public],
        ["GET /api/openapi.json", "GET /api/docs"];
}

impl Action {
    /// The actions that a call may be; none for a call that the table does not know.
    pub fn of_call<'a>(call: &'a str) -> impl Iterator<Item = Self> + 'a {
        Self::ALL.iter().copied().filter(move |action| action.rule().calls.contains(&call))
    }
}
