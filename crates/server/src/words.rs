//! Words of the rules and of the catalog as words of the API, one for one. A word that is new on one side does not compile until
//! the other has it, too.

use keepsake_api::{
    checks, configurations, executions, operations, organisations, points, policies, sources, targets, webhooks,
    weddings,
};
use keepsake_app::service::rows;
use keepsake_domain::{
    Criticality, Frequency, Group, Phase, check, configuration, execution, notification, operation, point, restore,
    retention, risk, tier, wedding,
};

/// The same word on the other side.
pub trait Same<T> {
    /// It.
    fn same(self) -> T;
}

/// A pair a line: `domain = api { words };`.
macro_rules! same {
    ($($domain:ty = $api:ty { $($word:ident),+ };)+) => {$(
        impl Same<$api> for $domain {
            fn same(self) -> $api {
                match self { $(Self::$word => <$api>::$word),+ }
            }
        }

        impl Same<$domain> for $api {
            fn same(self) -> $domain {
                match self { $(Self::$word => <$domain>::$word),+ }
            }
        }
    )+};
}

same! {
    tier::Tier = targets::StorageTier { Local, CloudPrimary, CloudSecondary, Offsite };
    rows::SourceKind = sources::SourceKind { Database, Bucket, Directory };
    rows::OrganisationKind = organisations::OrganisationKind { Operator, Supplier };
    Criticality = weddings::WeddingClass { Low, Medium, High, Critical };
    Frequency = weddings::CaptureFrequency { Weekly, Daily, Hourly, RealTime };
    Phase = weddings::WeddingPhase { Undated, Before, HighPriority, After };
    wedding::Status = weddings::WeddingStatus { Active, Cancelled, Vanished };
    risk::Factor = weddings::RiskFactor { Guests, Budget, Weekend, Vendors, ActivePlanning };
    execution::State = executions::ExecutionState {
        Initializing, Preparing, BackingUp, Verifying, Completed, Failed, Cancelled
    };
    execution::ExecutionType = executions::ExecutionKind { Scheduled, Manual, Emergency, Retry };
    execution::Outcome = executions::ExecutionResult { Stored, Unchanged, Incomplete };
    check::Level = checks::CheckLevel { Manifest, Hashes, ReadAll, ScratchRestore };
    check::State = checks::PointCheckState { Initializing, Verifying, Completed, Failed, Cancelled };
    operation::State = operations::OperationState {
        Initializing, Preparing, Previewed, Recovering, Verifying, Completed, Failed, Cancelled, Undone
    };
    restore::Mode = operations::RecoveryMode { Merge, Revert, Exact };
    restore::ConflictRule = operations::ConflictHandling { Leave, Take, Fail };
    Group = operations::WeddingGroup { Wedding, Guests, Timeline, Vendors, Photos, Documents, Budget, Other };
    point::Kind = points::PointKind { Wedding, Database, Files, PreRecovery };
    configuration::BackupType = configurations::BackupType { Full, Incremental, Selective, Emergency };
    configuration::ScopeKind = configurations::ScopeKind { Database, Wedding, WeddingsByRule, Bucket, Directory };
    configuration::Compression = configurations::Compression { Auto, Off, Max };
    keepsake_app::configuration::CheckState = configurations::CheckState { Pass, Warn, Fail };
    retention::ApprovalReason = policies::ExpiryApproval { ManyPoints, YoungPoints };
    notification::Kind = webhooks::EventKind {
        BackupFailed, EmergencyStarted, EmergencyCompleted, PointSuspect, RestoreCompleted, RestoreFailed, RestoreUndone,
        SourceUnreachable, WeddingVanished, WeddingsVanished, WebhookDisabled, WebhookTest
    };
    notification::Signature = webhooks::SignatureScheme { Hmac, Ed25519 };
    notification::State = webhooks::DeliveryState { Waiting, Delivered, GivenUp };
    notification::Trouble = webhooks::DeliveryTrouble {
        AddressNotPublic, TlsRequired, Unreachable, TimedOut, Redirected, Refused, Gone, Disabled, RecipientGone, SecretUnreadable
    };
    rows::Because = webhooks::DisabledBecause { Gone, ByHand };
}
