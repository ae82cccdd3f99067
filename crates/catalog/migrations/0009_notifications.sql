-- What happened, who wants to know, and what became of telling them.

-- The outbox. A row is written in the transaction that makes it so: what was rolled back is never told.
CREATE TABLE keepsake.notifications (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    wedding_id uuid,
    kind text NOT NULL CHECK (length(kind) <= 100),
    -- Emergency contacts hear of it, too.
    is_emergency boolean NOT NULL,
    -- The CloudEvent as it is signed and sent, to the byte: ids, counts and words, no personal data.
    body text NOT NULL CHECK (octet_length(body) <= 20000),
    created_at timestamptz NOT NULL,
    -- Since when it has its deliveries.
    fanned_out_at timestamptz,
    UNIQUE (organisation_id, id)
);
CREATE INDEX notifications_outbox ON keepsake.notifications (created_at, id) WHERE fanned_out_at IS NULL;
CREATE INDEX notifications_age ON keepsake.notifications (created_at);
CALL keepsake.protect('keepsake.notifications');
-- Whoever may make it so may say so, and sees nothing of what else was said.
CREATE POLICY write ON keepsake.notifications FOR INSERT TO keepsake_app
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])));
CREATE POLICY read ON keepsake.notifications FOR SELECT TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND (SELECT keepsake.role()) IN ('admin', 'auditor', 'system'));
CREATE POLICY dispatch ON keepsake.notifications FOR UPDATE TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system') WITH CHECK ((SELECT keepsake.role()) = 'system');
CREATE POLICY sweep ON keepsake.notifications FOR DELETE TO keepsake_app USING ((SELECT keepsake.role()) = 'system');
GRANT SELECT, INSERT, DELETE ON keepsake.notifications TO keepsake_app;
GRANT UPDATE (fanned_out_at) ON keepsake.notifications TO keepsake_app;

CREATE TABLE keepsake.webhook_endpoints (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    url text NOT NULL CHECK (length(url) <= 2000),
    -- What it wants to hear of; everything if empty.
    kinds text[] NOT NULL,
    signature text NOT NULL CHECK (signature IN ('hmac_sha256', 'ed25519')),
    -- What deliveries are signed with, and what they were signed with until the last rotation: both count until `previous_until`.
    secret_sealed bytea,
    public_key text,
    previous_secret_sealed bytea,
    previous_public_key text,
    previous_until timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    disabled_because text CHECK (disabled_because IN ('gone', 'by_hand')),
    deleted_at timestamptz,
    UNIQUE (organisation_id, id),
    CHECK ((disabled_at IS NULL) = (disabled_because IS NULL)),
    CHECK (secret_sealed IS NOT NULL OR deleted_at IS NOT NULL)
);
CREATE UNIQUE INDEX webhook_endpoints_name ON keepsake.webhook_endpoints (organisation_id, name) WHERE deleted_at IS NULL;
CALL keepsake.protect('keepsake.webhook_endpoints');
CREATE POLICY reach ON keepsake.webhook_endpoints TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND (SELECT keepsake.role()) IN ('admin', 'auditor', 'system'))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND (SELECT keepsake.role()) IN ('admin', 'system'));
GRANT SELECT, INSERT ON keepsake.webhook_endpoints TO keepsake_app;
GRANT UPDATE (name, url, kinds, secret_sealed, public_key, previous_secret_sealed, previous_public_key, previous_until, version,
    disabled_at, disabled_because, deleted_at) ON keepsake.webhook_endpoints TO keepsake_app;

CREATE TABLE keepsake.webhook_deliveries (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    -- A person had it sent once more.
    is_replay boolean NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts integer NOT NULL DEFAULT 0,
    attempts_max integer NOT NULL CHECK (attempts_max > 0),
    due_at timestamptz NOT NULL,
    -- Somebody is sending it, until then at most.
    leased_until timestamptz,
    -- What came of each attempt: at, status, duration_ms, trouble.
    log jsonb NOT NULL DEFAULT '[]',
    trouble text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK ((state = 'waiting') = (ended_at IS NULL)),
    FOREIGN KEY (organisation_id, endpoint_id) REFERENCES keepsake.webhook_endpoints (organisation_id, id),
    FOREIGN KEY (organisation_id, notification_id) REFERENCES keepsake.notifications (organisation_id, id)
);
-- One delivery of each event to each webhook, but for those that a person asks for.
CREATE UNIQUE INDEX webhook_deliveries_once ON keepsake.webhook_deliveries (notification_id, endpoint_id) WHERE NOT is_replay;
CREATE INDEX webhook_deliveries_waiting ON keepsake.webhook_deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_list ON keepsake.webhook_deliveries (endpoint_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_ended ON keepsake.webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX webhook_deliveries_notification ON keepsake.webhook_deliveries (notification_id);
CALL keepsake.protect('keepsake.webhook_deliveries');
CREATE POLICY reach ON keepsake.webhook_deliveries TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND (SELECT keepsake.role()) IN ('admin', 'auditor', 'system'))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND (SELECT keepsake.role()) IN ('admin', 'system'));
CREATE POLICY swept ON keepsake.webhook_deliveries AS RESTRICTIVE FOR DELETE TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system');
GRANT SELECT, INSERT, DELETE ON keepsake.webhook_deliveries TO keepsake_app;
GRANT UPDATE (state, attempts, due_at, leased_until, log, trouble, ended_at) ON keepsake.webhook_deliveries TO keepsake_app;

-- People who are told in an emergency of one wedding, and need not be users: a planner's deputy, a venue.
CREATE TABLE keepsake.emergency_contacts (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    wedding_id uuid NOT NULL,
    email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    name text NOT NULL CHECK (length(name) <= 200),
    -- What they are to the wedding, in words.
    part text NOT NULL CHECK (length(part) <= 200),
    place smallint NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (wedding_id, email),
    FOREIGN KEY (organisation_id, wedding_id) REFERENCES keepsake.weddings (organisation_id, id)
);
CALL keepsake.protect('keepsake.emergency_contacts');
CREATE POLICY reach ON keepsake.emergency_contacts TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])));
GRANT SELECT, INSERT, DELETE ON keepsake.emergency_contacts TO keepsake_app;
GRANT UPDATE (name, part, place) ON keepsake.emergency_contacts TO keepsake_app;

-- Mails on their way. The address is looked up when one is sent, and is nowhere here.
CREATE TABLE keepsake.mail_deliveries (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    user_id uuid,
    contact_id uuid,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    leased_until timestamptz,
    trouble text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK ((user_id IS NULL) <> (contact_id IS NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL)),
    FOREIGN KEY (organisation_id, notification_id) REFERENCES keepsake.notifications (organisation_id, id)
);
CREATE UNIQUE INDEX mail_deliveries_once ON keepsake.mail_deliveries (notification_id, coalesce(user_id, contact_id));
CREATE INDEX mail_deliveries_waiting ON keepsake.mail_deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX mail_deliveries_ended ON keepsake.mail_deliveries (ended_at) WHERE ended_at IS NOT NULL;
CALL keepsake.protect('keepsake.mail_deliveries');
CREATE POLICY read ON keepsake.mail_deliveries FOR SELECT TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND (SELECT keepsake.role()) IN ('admin', 'auditor', 'system'));
CREATE POLICY service_itself ON keepsake.mail_deliveries TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system') WITH CHECK ((SELECT keepsake.role()) = 'system');
GRANT SELECT, INSERT, DELETE ON keepsake.mail_deliveries TO keepsake_app;
GRANT UPDATE (state, attempts, due_at, leased_until, trouble, ended_at) ON keepsake.mail_deliveries TO keepsake_app;

-- Since when people know that a source cannot be looked at: they are told once, until a look succeeds.
ALTER TABLE keepsake.sources ADD COLUMN overdue_told_at timestamptz;
