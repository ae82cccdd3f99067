//! A platform like Supabase.

use super::{Foreign, Root};

/// `auth.users` and `storage.objects` of the platform, policies on `auth.uid()`, and roles without superuser rights.
pub const SUPABASE: Foreign = Foreign {
    name: "supabase",
    sql: include_str!("sql/supabase.sql"),
    root: Root {
        table: "public.weddings",
        id: "id",
        name: "name",
        date: "wedding_date",
        time_zone: "timezone",
        guest_count: "guest_count",
        budget: "budget",
        organisation: "supplier_id",
        status: "status",
    },
    // md5('wedding1') and so on, as UUIDs.
    weddings: &[
        "a563f661-624c-facb-d4bf-63e3daaca44f",
        "dd409da9-271b-e7fd-f124-26a53110a311",
        "add8eb10-2e31-d761-8599-dcf52faae04a",
        "7f5ca8a1-1b7e-2eeb-83c0-c04bc847fada",
    ],
    owned: &[
        ("public.wedding_members", "other"),
        ("public.guest_groups", "guests"),
        ("public.guests", "guests"),
        ("public.rsvps", "guests"),
        ("public.timeline_events", "timeline"),
        ("public.wedding_vendors", "vendors"),
        ("public.wedding_photos", "photos"),
        ("public.budget_items", "budget"),
    ],
    shared: &["auth.users", "public.suppliers", "storage.objects"],
    apart: &["auth.sessions", "public.profiles", "storage.buckets"],
    files: &[("public.wedding_photos", "storage_path")],
    for_a_person: &[
        "where the bucket `media` is",
        "whether the rows of storage.objects are restored by the storage service (they are, so: referred to)",
    ],
    damage: "
        DELETE FROM public.guests WHERE wedding_id = md5('wedding1')::uuid AND right(email, 13) = '2@example.net';
        DELETE FROM public.guests WHERE wedding_id = md5('wedding1')::uuid AND email LIKE 'g1%';
        UPDATE public.timeline_events SET sort_order = 9 - sort_order, title = 'TBC' WHERE wedding_id = md5('wedding1')::uuid;
        DELETE FROM public.wedding_photos WHERE wedding_id = md5('wedding1')::uuid AND storage_path LIKE '%/2.jpg';",
    count: "
        SELECT (SELECT count(*) FROM public.weddings WHERE id = w) + (SELECT count(*) FROM public.wedding_members WHERE wedding_id = w)
            + (SELECT count(*) FROM public.guest_groups WHERE wedding_id = w) + (SELECT count(*) FROM public.guests WHERE wedding_id = w)
            + (SELECT count(*) FROM public.rsvps r JOIN public.guests g ON g.id = r.guest_id WHERE g.wedding_id = w)
            + (SELECT count(*) FROM public.timeline_events WHERE wedding_id = w)
            + (SELECT count(*) FROM public.wedding_vendors WHERE wedding_id = w)
            + (SELECT count(*) FROM public.wedding_photos WHERE wedding_id = w)
            + (SELECT count(*) FROM public.budget_items WHERE wedding_id = w)
        FROM (SELECT md5('wedding1')::uuid AS w) id",
    reader: Some("backup_reader"),
    writer: Some("restore_writer"),
};
