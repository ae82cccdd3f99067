//! Identifiers. Each kind of thing has its own type, so that a vault id can never be passed where a point id is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A text that is no valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} id: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct ParseIdError {
    kind: &'static str,
    text: String,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to name such a thing.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| ParseIdError { kind: $kind, text: text.chars().take(80).collect() })
            }
        }
    };
}

uuid_id!(
    /// A recovery point: UUIDv7, carried by the snapshot as a tag, so that re-keying and rewriting a vault keep it.
    PointId,
    "point"
);
uuid_id!(
    /// A vault. Derived from what it protects by a keyed hash, so that it is found without listing.
    VaultId,
    "vault"
);
uuid_id!(
    /// One restore or undo: UUIDv7, names the pre-recovery snapshot that undoes it.
    OperationId,
    "operation"
);
uuid_id!(
    /// A check of a recovery point.
    CheckId,
    "check"
);
uuid_id!(
    /// A wedding as the catalog knows it: UUIDv7, whatever its source uses for a key.
    WeddingId,
    "wedding"
);

uuid_id!(
    /// Something that was told: an event of the outbox, and the id by which receivers know it again.
    NotificationId,
    "notification"
);
uuid_id!(
    /// Where an organisation wants to be told: a webhook.
    WebhookId,
    "webhook"
);
uuid_id!(
    /// One notification on its way to one receiver.
    DeliveryId,
    "delivery"
);
uuid_id!(
    /// Somebody who is told in an emergency, and need not be a user.
    ContactId,
    "contact"
);

uuid_id!(
    /// A tenant: the operator of the installation or one of its suppliers.
    OrganisationId,
    "organisation"
);
uuid_id!(
    /// A person who logs in.
    UserId,
    "user"
);
uuid_id!(
    /// A token by which a program acts.
    TokenId,
    "token"
);
uuid_id!(
    /// What began with a login: the family of refresh tokens that replace each other.
    SessionId,
    "session"
);
uuid_id!(
    /// A protected database, bucket or directory.
    SourceId,
    "source"
);
uuid_id!(
    /// A storage target.
    TargetId,
    "storage target"
);
uuid_id!(
    /// A configuration: what to back up, when, to where.
    ConfigurationId,
    "configuration"
);
uuid_id!(
    /// A retention policy.
    PolicyId,
    "retention policy"
);
uuid_id!(
    /// A unit of work that must happen.
    JobId,
    "job"
);
uuid_id!(
    /// One attempt at a backup.
    ExecutionId,
    "execution"
);
uuid_id!(
    /// A running process of the service.
    ProcessId,
    "process"
);
uuid_id!(
    /// The hold of one worker on one job: new with each claim.
    LeaseId,
    "lease"
);
uuid_id!(
    /// One request or act: ties answers, log lines and audit rows together.
    RequestId,
    "request"
);

/// A UUIDv7 for `now` with the given random bits.
pub fn uuid_v7(now: jiff::Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_as_text_and_refuse_nonsense() {
        let id = PointId::from_uuid(uuid_v7("2026-06-06T12:00:00Z".parse().unwrap(), [7; 10]));
        assert_eq!(id.to_string().parse::<PointId>().unwrap(), id);
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert!("latest".parse::<PointId>().unwrap_err().to_string().contains("no point id"));
    }

    #[test]
    fn v7_ids_sort_by_time() {
        let early = uuid_v7("2026-06-06T12:00:00Z".parse().unwrap(), [255; 10]);
        let late = uuid_v7("2026-06-06T12:00:01Z".parse().unwrap(), [0; 10]);
        assert!(early < late);
    }
}
