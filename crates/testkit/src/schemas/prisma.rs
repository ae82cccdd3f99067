//! A schema that Prisma migrates.

use super::{Foreign, Root};

/// Quoted camelCase names, text ids, and many-to-many tables with columns `A` and `B` and no primary key.
pub const PRISMA: Foreign = Foreign {
    name: "prisma",
    sql: include_str!("sql/prisma.sql"),
    root: Root {
        table: "public.Wedding",
        id: "id",
        name: "coupleName",
        date: "weddingDate",
        time_zone: "timeZone",
        guest_count: "guestCount",
        budget: "totalBudget",
        organisation: "organizationId",
        status: "status",
    },
    // 'c' and the first 24 digits of md5('wedding1') and so on.
    weddings: &["ca563f661624cfacbd4bf63e3", "cdd409da9271be7fdf12426a5", "cadd8eb102e31d7618599dcf5"],
    owned: &[
        ("public.Guest", "guests"),
        ("public.Table", "guests"),
        ("public._GuestToTable", "guests"),
        ("public._GuestToTag", "guests"),
        ("public.ScheduleItem", "timeline"),
        ("public.VendorBooking", "vendors"),
        ("public.Photo", "photos"),
        ("public.Expense", "budget"),
    ],
    shared: &["public.Organization", "public.User", "public.Vendor", "public.Tag"],
    apart: &["public._prisma_migrations"],
    files: &[("public.Photo", "imageUrl")],
    for_a_person: &[
        "that https://cdn.example.com/uploads/ is the prefix of the photos' store",
        "CREATE INDEX for the foreign key \"Photo\".\"weddingId\", which is missing on purpose",
    ],
    damage: "
        DELETE FROM \"Guest\" WHERE \"weddingId\" = 'c' || left(md5('wedding1'), 24) AND \"firstName\" IN ('First 2', 'First 4', 'First 5');
        UPDATE \"ScheduleItem\" SET \"title\" = 'TBC', \"order\" = 9 - \"order\" WHERE \"weddingId\" = 'c' || left(md5('wedding1'), 24);
        DELETE FROM \"Photo\" WHERE \"weddingId\" = 'c' || left(md5('wedding1'), 24) AND \"imageUrl\" LIKE '%/2.jpg';",
    count: "
        SELECT (SELECT count(*) FROM \"Wedding\" WHERE id = w) + (SELECT count(*) FROM \"Guest\" WHERE \"weddingId\" = w)
            + (SELECT count(*) FROM \"Table\" WHERE \"weddingId\" = w)
            + (SELECT count(*) FROM \"_GuestToTable\" j JOIN \"Guest\" g ON g.id = j.\"A\" WHERE g.\"weddingId\" = w)
            + (SELECT count(*) FROM \"_GuestToTag\" j JOIN \"Guest\" g ON g.id = j.\"A\" WHERE g.\"weddingId\" = w)
            + (SELECT count(*) FROM \"ScheduleItem\" WHERE \"weddingId\" = w)
            + (SELECT count(*) FROM \"VendorBooking\" WHERE \"weddingId\" = w)
            + (SELECT count(*) FROM \"Photo\" WHERE \"weddingId\" = w) + (SELECT count(*) FROM \"Expense\" WHERE \"weddingId\" = w)
        FROM (SELECT 'c' || left(md5('wedding1'), 24) AS w) id",
    reader: None,
    writer: None,
};
