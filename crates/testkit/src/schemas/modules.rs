//! An events platform in modules.

use super::{Foreign, Root};

/// Several schemas, bigint identities, a root called `core.events`, a second reference to the root that does not own, and
/// comments that hang on anything without a foreign key.
pub const MODULES: Foreign = Foreign {
    name: "modules",
    sql: include_str!("sql/modules.sql"),
    root: Root {
        table: "core.events",
        id: "id",
        name: "title",
        date: "event_date",
        time_zone: "venue_timezone",
        guest_count: "expected_guests",
        budget: "budget_cents",
        organisation: "company_id",
        status: "state",
    },
    weddings: &["1", "2", "3", "4"],
    owned: &[
        ("core.invoices", "budget"),
        ("core.invoice_lines", "budget"),
        ("crm.event_vendors", "vendors"),
        ("planning.guests", "guests"),
        ("planning.guest_meals", "guests"),
        ("planning.tables", "guests"),
        ("planning.seatings", "guests"),
        ("planning.schedule_items", "timeline"),
        ("planning.todos", "timeline"),
        ("media.galleries", "photos"),
        ("media.images", "photos"),
        ("media.contracts", "documents"),
    ],
    shared: &["core.companies", "core.staff", "crm.clients", "crm.vendors"],
    apart: &["crm.client_notes"],
    files: &[("media.images", "file_path"), ("media.images", "thumbnails"), ("media.contracts", "file_path")],
    for_a_person: &[
        "planning.guests.copied_from_event_id refers (it is nullable and set null), planning.guests.event_id owns",
        "core.comments belong to events where commentable_type = 'Event': a virtual edge",
        "budget_cents is in cents",
    ],
    damage: "
        DELETE FROM planning.guests WHERE event_id = 1 AND id % 6 IN (1, 2);
        UPDATE planning.schedule_items SET what = 'TBC', starts_at = starts_at + interval '5 hours' WHERE event_id = 1;
        DELETE FROM media.images WHERE gallery_id = (SELECT min(id) FROM media.galleries WHERE event_id = 1);",
    count: "
        SELECT (SELECT count(*) FROM core.events WHERE id = 1) + (SELECT count(*) FROM core.invoices WHERE event_id = 1)
            + (SELECT count(*) FROM core.invoice_lines l JOIN core.invoices i ON i.id = l.invoice_id WHERE event_id = 1)
            + (SELECT count(*) FROM crm.event_vendors WHERE event_id = 1) + (SELECT count(*) FROM planning.guests WHERE event_id = 1)
            + (SELECT count(*) FROM planning.guest_meals m JOIN planning.guests g ON g.id = m.guest_id WHERE event_id = 1)
            + (SELECT count(*) FROM planning.tables WHERE event_id = 1)
            + (SELECT count(*) FROM planning.seatings s JOIN planning.tables t ON t.id = s.table_id WHERE event_id = 1)
            + (SELECT count(*) FROM planning.schedule_items WHERE event_id = 1) + (SELECT count(*) FROM planning.todos WHERE event_id = 1)
            + (SELECT count(*) FROM media.galleries WHERE event_id = 1)
            + (SELECT count(*) FROM media.images i JOIN media.galleries g ON g.id = i.gallery_id WHERE event_id = 1)
            + (SELECT count(*) FROM media.contracts WHERE event_id = 1)",
    reader: None,
    writer: None,
};
