-- What is protected, where copies go, and the weddings that were found.

CREATE TABLE keepsake.storage_targets (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    tier text NOT NULL CHECK (tier IN ('local', 'cloud_primary', 'cloud_secondary', 'offsite')),
    -- A storage URL without secrets.
    url text NOT NULL,
    credentials_sealed bytea,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE UNIQUE INDEX storage_targets_name ON keepsake.storage_targets (organisation_id, name) WHERE deleted_at IS NULL;
CALL keepsake.protect('keepsake.storage_targets');
-- The operator's targets are there for everybody to use, and for the operator to change.
CREATE POLICY use ON keepsake.storage_targets FOR SELECT TO keepsake_app
    USING ((SELECT keepsake.role()) IS NOT NULL
           AND (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                OR organisation_id = (SELECT keepsake.operator_organisation())));
CREATE POLICY create_own ON keepsake.storage_targets FOR INSERT TO keepsake_app
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
CREATE POLICY change_own ON keepsake.storage_targets FOR UPDATE TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT ON keepsake.storage_targets TO keepsake_app;
GRANT UPDATE (name, tier, credentials_sealed, version, deleted_at) ON keepsake.storage_targets TO keepsake_app;

CREATE TABLE keepsake.sources (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    kind text NOT NULL CHECK (kind IN ('database', 'bucket', 'directory')),
    -- What people see of where it is: never a secret.
    location text NOT NULL,
    capture_credential_sealed bytea,
    restore_credential_sealed bytea,
    -- Where the files are that rows name, if the mapping does not say.
    files_root text,
    mapping text,
    mapping_version bigint NOT NULL DEFAULT 0,
    -- What stays the same when the server moves; vaults are found by it.
    identity text,
    -- Whose weddings are whose, by the value of the mapping's organisation column: {"value": organisation_id}.
    assignments jsonb NOT NULL DEFAULT '{}',
    -- The operator set it: it may be a socket, a path of the host, or in a private network (S29).
    by_operator boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    synced_at timestamptz,
    sync_error text,
    -- The server's own count of changes when its weddings were last captured, and when they were last looked at row by row (S11).
    hints jsonb,
    deleted_at timestamptz,
    UNIQUE (organisation_id, id)
);
CREATE UNIQUE INDEX sources_name ON keepsake.sources (organisation_id, name) WHERE deleted_at IS NULL;
CALL keepsake.protect('keepsake.sources');
CREATE POLICY reach ON keepsake.sources TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT, UPDATE ON keepsake.sources TO keepsake_app;

CREATE TABLE keepsake.weddings (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    source_id uuid NOT NULL REFERENCES keepsake.sources (id),
    -- Its id in the source. By code points, so that a sync can walk it beside the source's own rows in one order everywhere.
    external_id text COLLATE "C" NOT NULL,
    -- What the rules ask: dates, zone, counts (domain::wedding::Facts). No names.
    facts jsonb NOT NULL,
    first_day date,
    -- What the rules answered last (domain::protection::Protection).
    protection jsonb NOT NULL,
    criticality text NOT NULL CHECK (criticality IN ('critical', 'high', 'medium', 'low')),
    vault_id uuid,
    -- When a sync last found something new about it; while it has not vanished, it was there at its source's synced_at.
    seen_at timestamptz NOT NULL,
    -- Its row is gone from the source (S14).
    vanished_at timestamptz,
    next_run_at timestamptz,
    last_point_at timestamptz,
    confirmed_at timestamptz,
    integrity_score smallint CHECK (integrity_score BETWEEN 0 AND 100),
    UNIQUE (source_id, external_id),
    UNIQUE (organisation_id, id)
);
-- The list is in the order of days, those without one last.
CREATE INDEX weddings_day ON keepsake.weddings (organisation_id, coalesce(first_day, '9999-12-31'::date), id);
CREATE INDEX weddings_due ON keepsake.weddings (next_run_at) WHERE vanished_at IS NULL;

CREATE TABLE keepsake.wedding_members (
    organisation_id uuid NOT NULL,
    wedding_id uuid NOT NULL,
    user_id uuid NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (wedding_id, user_id),
    FOREIGN KEY (organisation_id, wedding_id) REFERENCES keepsake.weddings (organisation_id, id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES keepsake.users (organisation_id, id)
);
CREATE INDEX wedding_members_user ON keepsake.wedding_members (user_id);
CALL keepsake.protect('keepsake.wedding_members');
CREATE POLICY reach ON keepsake.wedding_members TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR user_id = (SELECT keepsake.actor())))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND (SELECT keepsake.sees_every_wedding()));
GRANT SELECT, INSERT, DELETE ON keepsake.wedding_members TO keepsake_app;

-- The weddings that a member may see.
CREATE FUNCTION keepsake.own_weddings() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(wedding_id), '{}') FROM keepsake.wedding_members
    WHERE user_id = (keepsake.context() ->> 'actor')::uuid
      AND organisation_id = (keepsake.context() ->> 'organisation')::uuid
$$;
REVOKE ALL ON FUNCTION keepsake.own_weddings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keepsake.own_weddings() TO keepsake_app;

CALL keepsake.protect('keepsake.weddings');
CREATE POLICY reach ON keepsake.weddings TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND (SELECT keepsake.sees_every_wedding()));
GRANT SELECT, INSERT, UPDATE ON keepsake.weddings TO keepsake_app;

CREATE TABLE keepsake.wedding_backup_settings (
    wedding_id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    settings jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL,
    FOREIGN KEY (organisation_id, wedding_id) REFERENCES keepsake.weddings (organisation_id, id)
);
CALL keepsake.protect('keepsake.wedding_backup_settings');
CREATE POLICY reach ON keepsake.wedding_backup_settings TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])));
GRANT SELECT, INSERT, UPDATE ON keepsake.wedding_backup_settings TO keepsake_app;
