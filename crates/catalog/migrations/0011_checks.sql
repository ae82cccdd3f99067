-- Checks of recovery points: how closely, what was found, and how long a restore took where it was rehearsed.

CREATE TABLE keepsake.point_checks (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    job_id uuid NOT NULL REFERENCES keepsake.backup_jobs (id),
    point_id uuid NOT NULL REFERENCES keepsake.backup_snapshots (id),
    source_id uuid REFERENCES keepsake.sources (id),
    wedding_id uuid,
    level text NOT NULL CHECK (level IN ('manifest', 'hashes', 'read_all', 'scratch_restore')),
    state text NOT NULL DEFAULT 'initializing' CHECK (state IN ('initializing', 'verifying', 'completed', 'failed', 'cancelled')),
    -- Nothing was found wrong; known once it is completed.
    passed boolean,
    findings jsonb NOT NULL DEFAULT '[]',
    -- What was read and loaded, and the measured rto_ms.
    figures jsonb NOT NULL DEFAULT '{}',
    error jsonb,
    -- Nobody: the Saturday protocol.
    requested_by uuid,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    CHECK ((state = 'completed') = (passed IS NOT NULL)),
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX point_checks_job ON keepsake.point_checks (job_id);
CREATE INDEX point_checks_list ON keepsake.point_checks (organisation_id, created_at DESC, id DESC);
CREATE INDEX point_checks_point ON keepsake.point_checks (point_id, created_at DESC);
CALL keepsake.protect('keepsake.point_checks');
CREATE POLICY reach ON keepsake.point_checks TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND (SELECT keepsake.sees_every_wedding()));
GRANT SELECT, INSERT ON keepsake.point_checks TO keepsake_app;
GRANT UPDATE (state, passed, findings, figures, error, started_at, ended_at) ON keepsake.point_checks TO keepsake_app;

-- The Saturday protocol: when the newest full backup was captured that was read whole, and the newest whose restore was rehearsed.
ALTER TABLE keepsake.weddings ADD COLUMN full_backup_at timestamptz;
ALTER TABLE keepsake.weddings ADD COLUMN rehearsed_backup_at timestamptz;
CREATE INDEX weddings_weekend ON keepsake.weddings (first_day) WHERE vanished_at IS NULL AND first_day IS NOT NULL;
