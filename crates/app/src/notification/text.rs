//! What a mail says: what happened, in a sentence, and the ids by which it is looked at. No personal data beyond the address it goes to.

use jiff::Timestamp;
use keepsake_catalog::mails::Claimed;
use keepsake_domain::notification::Kind;
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use serde_json::Value;
use std::fmt::Write as _;

/// The mail to one recipient; `None` if mail cannot reach the address.
pub(super) fn message(from: &Mailbox, to: &str, claimed: &Claimed, now: Timestamp) -> Option<Message> {
    let to: Address = to.parse().ok()?;
    let (subject, _) = words(claimed.kind);
    // The same in every attempt, so that a mail that came twice is known.
    let id = format!("<{}@{}>", claimed.id, from.email.domain());
    // Other machines do not answer it, nor do people on holiday.
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(format!("Keepsake: {subject}"))
        .date(now.into())
        .message_id(Some(id))
        .raw_header(automatic)
        .header(ContentType::TEXT_PLAIN)
        .body(body(claimed))
        .ok()
}

fn body(claimed: &Claimed) -> String {
    let (_, sentence) = words(claimed.kind);
    let event: Value = serde_json::from_str(&claimed.body).unwrap_or_default();
    let mut text = format!("{sentence}\n\n");
    let mut line = |name: &str, value: Option<&Value>| {
        let value = match value {
            Some(Value::String(value)) => value.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => return,
        };
        // Writing to a text does not fail.
        let _written = writeln!(text, "{name}: {value}");
    };
    line("time", event.get("time"));
    line("look at", event.get("subject"));
    let data = event.get("data").and_then(Value::as_object);
    for (name, value) in data.into_iter().flatten() {
        line(&name.replace('_', " "), Some(value));
    }
    let findings = data.and_then(|data| data.get("findings")).and_then(Value::as_array);
    for finding in findings.into_iter().flatten() {
        line("finding", finding.get("message"));
    }
    text.push_str("\n-- \n");
    text.push_str(match claimed.is_contact {
        true => "You get this as an emergency contact of this wedding. Ask its planner to take you off the list.\n",
        false => "You get this as an admin of the organisation or because the wedding is assigned to you.\n",
    });
    text
}

/// The subject, and a sentence.
const fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::BackupFailed => (
            "a backup failed",
            "A backup failed and is not tried again by itself. Older recovery points are not touched by it.",
        ),
        Kind::EmergencyStarted => ("an emergency backup was started", "Somebody asked for an emergency backup."),
        Kind::EmergencyCompleted => {
            ("an emergency backup is there", "An emergency backup was completed and can be restored.")
        }
        Kind::PointSuspect => (
            "a recovery point looks like damage",
            "What was captured looks as if data had been lost or damaged. The last clean point is kept. If the change was meant, nothing is to \
             be done.",
        ),
        Kind::RestoreCompleted => ("a wedding was restored", "A restore was completed. It can be undone."),
        Kind::RestoreFailed => (
            "a restore failed",
            "A restore or an undo failed. Unless its error is restore-uncertain, nothing was changed by it.",
        ),
        Kind::RestoreUndone => ("a restore was undone", "What a restore had replaced is back."),
        Kind::SourceUnreachable => (
            "a source could not be looked at for an hour",
            "Keepsake could not look at a source for an hour: its weddings may not be backed up at present.",
        ),
        Kind::WeddingVanished => (
            "a wedding is gone from its source",
            "A wedding is not in its source any more. Its recovery points are kept. If it was not deleted on purpose, restore it.",
        ),
        Kind::WeddingsVanished => (
            "many weddings are gone from a source",
            "Many weddings are not in their source any more. Their recovery points are kept. If they were not deleted on purpose, restore them.",
        ),
        Kind::WebhookDisabled => (
            "a webhook was disabled",
            "The receiver of a webhook said that it is gone for good: nothing is sent to it any more.",
        ),
        Kind::WebhookTest => ("a test", "Somebody tried a webhook out."),
    }
}
