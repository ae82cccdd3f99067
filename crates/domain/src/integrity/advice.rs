//! What a person could do about an issue, by its code: also for issues that were stored with a point long ago.

/// The recommendation for an issue's code, in words; `None` for a code that this version does not know.
pub fn recommendation(code: &str) -> Option<&'static str> {
    Some(match code {
        "guest-count" => {
            "Compare the guest list with the stated number of guests: rows may have been lost, or the number is old."
        }
        "guest-without-name" => "Give every guest a name: a guest list without names cannot seat anyone.",
        "guest-without-contact" => {
            "Add an e-mail, phone or address to guests that have none, or they cannot be reached on a change."
        }
        "timeline-missing" => "Enter the timeline of the day, or find out where it went.",
        "event-without-time" => "Give every item of the timeline a time.",
        "event-outside-dates" => "Check the dates of events that lie far from the wedding's day.",
        "vendor-without-contact" => {
            "Add a phone number or e-mail to booked vendors that have none: on the day they must be reached."
        }
        "file-missing" => {
            "Find the files that rows name and the store does not have; a backup cannot bring back what was never there."
        }
        "file-unreadable" => "Let the backup read all files (rights, storage errors): this capture is incomplete.",
        "file-changed" => "Back up again: files changed while they were read.",
        "reference-dangling" => "Repair rows that refer to others that are not there.",
        _ => return None,
    })
}
