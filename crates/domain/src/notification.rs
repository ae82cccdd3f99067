//! What people and programs are told of, how it is signed, and how long it is tried (product.md G1).
//!
//! Words only: what an event says is put together by the use cases, and sent by their dispatcher.

use crate::{backoff::Backoff, word::words};

words! {
    /// What happened: `type` of a CloudEvent. A later version of one that says something else gets another number.
    Kind {
        /// A backup failed and is not tried again.
        BackupFailed = "keepsake.backup.failed.v1",
        /// Somebody asked for an emergency backup.
        EmergencyStarted = "keepsake.backup.emergency_started.v1",
        /// An emergency backup is there.
        EmergencyCompleted = "keepsake.backup.emergency_completed.v1",
        /// A new point looks like damage, in a way that the one before it did not.
        PointSuspect = "keepsake.point.suspect.v1",
        /// A wedding was restored.
        RestoreCompleted = "keepsake.restore.completed.v1",
        /// A restore or an undo failed.
        RestoreFailed = "keepsake.restore.failed.v1",
        /// What a restore replaced is back.
        RestoreUndone = "keepsake.restore.undone.v1",
        /// A source could not be looked at for an hour.
        SourceUnreachable = "keepsake.source.unreachable.v1",
        /// A wedding is gone from its source.
        WeddingVanished = "keepsake.wedding.vanished.v1",
        /// Many weddings are gone from a source at once.
        WeddingsVanished = "keepsake.source.weddings_vanished.v1",
        /// A webhook was disabled because its receiver said that it is gone.
        WebhookDisabled = "keepsake.webhook.disabled.v1",
        /// Somebody tries a webhook out.
        WebhookTest = "keepsake.webhook.test.v1",
    }
}

words! {
    /// How deliveries to a webhook are signed (Standard Webhooks).
    Signature {
        /// `v1`: HMAC-SHA-256 with a secret that both sides know.
        Hmac = "hmac_sha256",
        /// `v1a`: Ed25519, whose private key never leaves the service.
        Ed25519 = "ed25519",
    }
}

words! {
    /// Where a delivery is.
    State {
        /// It is to be sent, for the first time or again.
        Waiting = "waiting",
        /// The receiver took it.
        Delivered = "delivered",
        /// It is not tried any more.
        GivenUp = "given_up",
    }
}

words! {
    /// Why a delivery did not succeed.
    Trouble {
        /// The receiver's address is not on the public Internet, and this installation allows no others (S29).
        AddressNotPublic = "address_not_public",
        /// The URL is one without TLS, and this installation allows none.
        TlsRequired = "tls_required",
        /// No such host, no connection, no trust in its certificate, or the connection broke.
        Unreachable = "unreachable",
        /// No answer in time.
        TimedOut = "timed_out",
        /// The answer leads elsewhere, and is not followed.
        Redirected = "redirected",
        /// The answer is an error.
        Refused = "refused",
        /// The receiver said that it is gone for good.
        Gone = "gone",
        /// The webhook was disabled or deleted before it was delivered.
        Disabled = "disabled",
        /// The person has no address here any more.
        RecipientGone = "recipient_gone",
        /// The signing secret could not be opened.
        SecretUnreadable = "secret_unreadable",
    }
}

/// When a delivery that failed is tried again: after seconds at first, after half a day at last, for about three days.
pub const RETRIES: Backoff = Backoff { first_ms: 10_000, cap_ms: 12 * 3_600_000, most_attempts: 20 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Spread, backoff::Retry};
    use jiff::SignedDuration;
    use uuid::Uuid;

    #[test]
    fn deliveries_are_tried_for_days_and_not_for_weeks() {
        for id in 0..200 {
            let spread = Spread::of(&Uuid::from_u128(id));
            let mut total = SignedDuration::ZERO;
            for failed in 1.. {
                match RETRIES.after(failed, spread) {
                    Retry::After(pause) => total += pause,
                    Retry::Dead => break,
                }
            }
            assert!((48..96).contains(&total.as_hours()), "{total}");
        }
    }
}
