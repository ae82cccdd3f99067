//! Which group a table belongs to, by the words of its name.

use super::names::table_words;
use crate::schema::TableName;
use keepsake_domain::Group;

const WORDS: &[(Group, &[&str])] = &[
    (
        Group::Guests,
        &[
            "guest",
            "rsvp",
            "invite",
            "invitation",
            "invitee",
            "attendee",
            "attendance",
            "seat",
            "seating",
            "chair",
            "meal",
            "diet",
            "dietary",
            "household",
            "companion",
            "allergy",
            "menu",
            "dish",
            "plusone",
        ],
    ),
    (
        Group::Timeline,
        &[
            "timeline",
            "event",
            "schedule",
            "itinerary",
            "agenda",
            "task",
            "todo",
            "checklist",
            "milestone",
            "ceremony",
            "reception",
            "rehearsal",
            "programme",
            "program",
            "reminder",
            "calendar",
            "appointment",
            "activity",
            "slot",
            "step",
        ],
    ),
    (
        Group::Vendors,
        &[
            "vendor",
            "supplier",
            "provider",
            "caterer",
            "contractor",
            "booking",
            "florist",
            "photographer",
            "quote",
            "venue",
        ],
    ),
    (
        Group::Photos,
        &["photo", "image", "gallery", "album", "picture", "media", "video", "moodboard", "asset", "snapshot"],
    ),
    (Group::Documents, &["document", "doc", "contract", "file", "attachment", "agreement", "upload", "signature"]),
    (
        Group::Budget,
        &[
            "budget",
            "expense",
            "payment",
            "invoice",
            "cost",
            "transaction",
            "deposit",
            "price",
            "installment",
            "instalment",
            "refund",
            "ledger",
        ],
    ),
];

/// Words that decide only if no other does.
const WEAK: &[(Group, &[&str])] =
    &[(Group::Guests, &["table", "party", "response", "answer", "family"]), (Group::Vendors, &["contact", "service"])];

/// Logs are restored with no group but `other`, whatever they log.
const LOGS: &[&str] =
    &["log", "audit", "activity", "history", "outbox", "notification", "session", "webhook", "queue", "job", "version"];

/// The group that a table's name speaks for: the head noun first, then the words before it.
pub fn by_name(table: &TableName) -> Option<Group> {
    let words = table_words(table);
    if words.iter().any(|word| LOGS.contains(&word.as_str())) {
        return Some(Group::Other);
    }
    let of = |list: &[(Group, &[&str])]| {
        words
            .iter()
            .rev()
            .find_map(|word| list.iter().find(|(_, known)| known.contains(&word.as_str())).map(|(group, _)| *group))
    };
    of(WORDS).or_else(|| of(WEAK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_noun_decides() {
        let of = |name: &str| by_name(&TableName::new("public", name));
        assert_eq!(of("vendor_payments"), Some(Group::Budget));
        assert_eq!(of("eventPhotos"), Some(Group::Photos));
        assert_eq!(of("task_comments"), Some(Group::Timeline));
        assert_eq!(of("VendorContact"), Some(Group::Vendors));
        assert_eq!(of("guest_contacts"), Some(Group::Guests));
        assert_eq!(of("seating_tables"), Some(Group::Guests));
        assert_eq!(of("guest_activity_log"), Some(Group::Other));
        assert_eq!(of("widgets"), None);
    }
}
