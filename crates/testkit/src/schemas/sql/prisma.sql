-- An application whose schema Prisma migrates: quoted camelCase names, text ids made by the application, many-to-many
-- relations in tables that nobody named.
CREATE TYPE "WeddingStatus" AS ENUM ('PLANNING', 'CONFIRMED', 'COMPLETED', 'CANCELLED');
CREATE TYPE "RsvpStatus" AS ENUM ('PENDING', 'YES', 'NO');
CREATE TABLE "_prisma_migrations" (
    id varchar(36) PRIMARY KEY,
    checksum varchar(64) NOT NULL,
    migration_name varchar(255) NOT NULL,
    finished_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0
);
CREATE TABLE "Organization" ("id" text PRIMARY KEY, "name" text NOT NULL, "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "User" (
    "id" text PRIMARY KEY,
    "email" text NOT NULL,
    "passwordHash" text NOT NULL,
    "organizationId" text NOT NULL REFERENCES "Organization" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "User_email_key" ON "User" ("email");
CREATE INDEX "User_organizationId_idx" ON "User" ("organizationId");
CREATE TABLE "Wedding" (
    "id" text PRIMARY KEY,
    "organizationId" text NOT NULL REFERENCES "Organization" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "plannerId" text REFERENCES "User" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    "coupleName" text NOT NULL,
    "weddingDate" timestamp(3),
    "timeZone" text NOT NULL DEFAULT 'UTC',
    "guestCount" integer NOT NULL DEFAULT 0,
    "totalBudget" double precision,
    "status" "WeddingStatus" NOT NULL DEFAULT 'PLANNING',
    "updatedAt" timestamp(3) NOT NULL
);
CREATE INDEX "Wedding_organizationId_idx" ON "Wedding" ("organizationId");
CREATE INDEX "Wedding_plannerId_idx" ON "Wedding" ("plannerId");
CREATE TABLE "Guest" (
    "id" text PRIMARY KEY,
    "weddingId" text NOT NULL REFERENCES "Wedding" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "plusOneOfId" text REFERENCES "Guest" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    "firstName" text NOT NULL,
    "lastName" text NOT NULL,
    "rsvpStatus" "RsvpStatus" NOT NULL DEFAULT 'PENDING',
    "dietaryNotes" text,
    "extra" jsonb
);
CREATE INDEX "Guest_weddingId_idx" ON "Guest" ("weddingId");
CREATE UNIQUE INDEX "Guest_plusOneOfId_key" ON "Guest" ("plusOneOfId");
CREATE TABLE "Table" (
    "id" text PRIMARY KEY,
    "weddingId" text NOT NULL REFERENCES "Wedding" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "label" text NOT NULL
);
CREATE UNIQUE INDEX "Table_weddingId_label_key" ON "Table" ("weddingId", "label");
CREATE TABLE "Tag" (
    "id" serial PRIMARY KEY,
    "organizationId" text NOT NULL REFERENCES "Organization" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "name" text NOT NULL
);
CREATE INDEX "Tag_organizationId_idx" ON "Tag" ("organizationId");
-- Many-to-many: A is the model that comes first in the alphabet. No primary key, as older versions make them.
CREATE TABLE "_GuestToTable" (
    "A" text NOT NULL REFERENCES "Guest" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "B" text NOT NULL REFERENCES "Table" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "_GuestToTable_AB_unique" ON "_GuestToTable" ("A", "B");
CREATE INDEX "_GuestToTable_B_index" ON "_GuestToTable" ("B");
CREATE TABLE "_GuestToTag" (
    "A" text NOT NULL REFERENCES "Guest" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "B" integer NOT NULL REFERENCES "Tag" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "_GuestToTag_AB_unique" ON "_GuestToTag" ("A", "B");
CREATE INDEX "_GuestToTag_B_index" ON "_GuestToTag" ("B");
CREATE TABLE "ScheduleItem" (
    "id" text PRIMARY KEY,
    "weddingId" text NOT NULL REFERENCES "Wedding" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "title" text NOT NULL,
    "startTime" timestamp(3) NOT NULL,
    "order" integer NOT NULL
);
CREATE INDEX "ScheduleItem_weddingId_idx" ON "ScheduleItem" ("weddingId");
CREATE TABLE "Vendor" (
    "id" text PRIMARY KEY,
    "organizationId" text REFERENCES "Organization" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    "businessName" text NOT NULL,
    "phone" text
);
CREATE INDEX "Vendor_organizationId_idx" ON "Vendor" ("organizationId");
CREATE TABLE "VendorBooking" (
    "weddingId" text NOT NULL REFERENCES "Wedding" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "vendorId" text NOT NULL REFERENCES "Vendor" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "price" numeric(65, 30) NOT NULL,
    PRIMARY KEY ("weddingId", "vendorId")
);
CREATE INDEX "VendorBooking_vendorId_idx" ON "VendorBooking" ("vendorId");
CREATE TABLE "Photo" (
    "id" text PRIMARY KEY,
    "weddingId" text NOT NULL REFERENCES "Wedding" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "imageUrl" text NOT NULL,
    "tags" text[]
);
-- The foreign key of photos has no index here: inspection must name it.
CREATE TABLE "Expense" (
    "id" text PRIMARY KEY,
    "weddingId" text NOT NULL REFERENCES "Wedding" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "category" text NOT NULL,
    "amount" numeric(65, 30) NOT NULL
);
CREATE INDEX "Expense_weddingId_idx" ON "Expense" ("weddingId");

INSERT INTO "_prisma_migrations" (id, checksum, migration_name) VALUES (gen_random_uuid(), md5('1'), '20250101000000_init');
CREATE FUNCTION pg_temp.cuid(kind text, number integer) RETURNS text LANGUAGE sql AS $$ SELECT 'c' || left(md5(kind || number), 24) $$;
INSERT INTO "Organization" SELECT pg_temp.cuid('org', n), 'Studio ' || n FROM generate_series(1, 2) n;
INSERT INTO "User" SELECT pg_temp.cuid('user', n), 'planner' || n || '@studio.example', 'hash', pg_temp.cuid('org', n % 2 + 1)
    FROM generate_series(1, 4) n;
INSERT INTO "Wedding" SELECT pg_temp.cuid('wedding', n), pg_temp.cuid('org', n % 2 + 1), pg_temp.cuid('user', n), 'Ana & "Bo" ' || n,
        timestamp '2026-07-04 15:00' + n * interval '7 days', 'America/New_York', 15, 20000.5 + n, 'CONFIRMED', '2026-01-01 10:00'
    FROM generate_series(1, 3) n;
INSERT INTO "Guest" SELECT pg_temp.cuid('guest', w * 100 + g), pg_temp.cuid('wedding', w),
        CASE WHEN g % 5 = 0 THEN pg_temp.cuid('guest', w * 100 + g - 1) END, 'First ' || g, E'L\\ast\n' || g, 'YES', 'no ''nuts''', '{"vip": true}'
    FROM generate_series(1, 3) w, generate_series(1, 15) g;
INSERT INTO "Table" SELECT pg_temp.cuid('table', w * 10 + t), pg_temp.cuid('wedding', w), 'Table ' || t
    FROM generate_series(1, 3) w, generate_series(1, 3) t;
INSERT INTO "Tag" ("organizationId", "name") SELECT pg_temp.cuid('org', n % 2 + 1), 'tag ' || n FROM generate_series(1, 4) n;
INSERT INTO "_GuestToTable" SELECT pg_temp.cuid('guest', w * 100 + g), pg_temp.cuid('table', w * 10 + g % 3 + 1)
    FROM generate_series(1, 3) w, generate_series(1, 15) g;
INSERT INTO "_GuestToTag" SELECT pg_temp.cuid('guest', w * 100 + g), g % 4 + 1 FROM generate_series(1, 3) w, generate_series(1, 15) g;
INSERT INTO "ScheduleItem" SELECT pg_temp.cuid('item', w * 10 + s), pg_temp.cuid('wedding', w), 'Item ' || s,
        timestamp '2026-07-04 09:00' + s * interval '45 minutes', s
    FROM generate_series(1, 3) w, generate_series(1, 8) s;
INSERT INTO "Vendor" SELECT pg_temp.cuid('vendor', n), CASE WHEN n > 2 THEN pg_temp.cuid('org', 1) END, 'Vendor ' || n, '+1 555 01' || n
    FROM generate_series(1, 6) n;
INSERT INTO "VendorBooking" SELECT pg_temp.cuid('wedding', w), pg_temp.cuid('vendor', v), v * 99.99
    FROM generate_series(1, 3) w, generate_series(1, 4) v;
INSERT INTO "Photo" SELECT pg_temp.cuid('photo', w * 10 + p), pg_temp.cuid('wedding', w),
        format('https://cdn.example.com/uploads/%s/%s.jpg', w, p), '{dance,family}'
    FROM generate_series(1, 3) w, generate_series(1, 4) p;
INSERT INTO "Expense" SELECT pg_temp.cuid('expense', w * 10 + e), pg_temp.cuid('wedding', w), 'Category ' || e, e * 10.25
    FROM generate_series(1, 3) w, generate_series(1, 5) e;
