//! Composite keys and circles.

use super::{Foreign, Root};

/// Every key begins with the tenant, the root is called `celebrations` and is named by a reference, and two circles of
/// foreign keys (one without any nullable column) hold only by deferred constraints.
pub const COMPOSITE: Foreign = Foreign {
    name: "composite",
    sql: include_str!("sql/composite.sql"),
    root: Root {
        table: "public.celebrations",
        id: "reference",
        name: "couple",
        date: "marriage_date",
        time_zone: "tz",
        guest_count: "headcount",
        budget: "total_budget",
        organisation: "tenant_id",
        status: "phase",
    },
    weddings: &["T1-1", "T1-2", "T1-3", "T2-1", "T2-2", "T2-3"],
    owned: &[
        ("public.invitees", "guests"),
        ("public.seating_plans", "guests"),
        ("public.seats", "guests"),
        ("public.programme", "timeline"),
        ("public.engagements", "vendors"),
        ("public.pictures", "photos"),
    ],
    shared: &["public.tenants", "public.suppliers"],
    apart: &[],
    files: &[("public.pictures", "file_name")],
    for_a_person: &["that people name a celebration by its reference, since its key has two columns"],
    damage: "
        DELETE FROM invitees WHERE (tenant_id, wedding_no) = (1, 1) AND invitee_no IN (4, 5, 8);
        UPDATE programme SET what = 'TBC', at_time = at_time - interval '5 hours' WHERE (tenant_id, wedding_no) = (1, 1);
        DELETE FROM pictures WHERE (tenant_id, wedding_no, picture_no) = (1, 1, 2);",
    count: "
        SELECT (SELECT count(*) FROM celebrations WHERE (tenant_id, wedding_no) = (1, 1))
            + (SELECT count(*) FROM invitees WHERE (tenant_id, wedding_no) = (1, 1))
            + (SELECT count(*) FROM seating_plans WHERE (tenant_id, wedding_no) = (1, 1))
            + (SELECT count(*) FROM seats WHERE (tenant_id, wedding_no) = (1, 1))
            + (SELECT count(*) FROM programme WHERE (tenant_id, wedding_no) = (1, 1))
            + (SELECT count(*) FROM engagements WHERE (tenant_id, wedding_no) = (1, 1))
            + (SELECT count(*) FROM pictures WHERE (tenant_id, wedding_no) = (1, 1))",
    reader: None,
    writer: None,
};
