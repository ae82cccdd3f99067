-- What is to be backed up, the queue of work, what was attempted, and the recovery points that came of it.

CREATE TABLE keepsake.retention_policies (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    rules jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX retention_policies_name ON keepsake.retention_policies (organisation_id, name);
CALL keepsake.protect('keepsake.retention_policies');
CREATE POLICY reach ON keepsake.retention_policies TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT ON keepsake.retention_policies TO keepsake_app;
GRANT UPDATE (name, rules, version) ON keepsake.retention_policies TO keepsake_app;

CREATE TABLE keepsake.backup_configurations (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    source_id uuid NOT NULL REFERENCES keepsake.sources (id),
    -- The whole of what was accepted (domain::configuration::Document); the columns beside it are what queries ask.
    document jsonb NOT NULL,
    scope text NOT NULL CHECK (scope IN ('database', 'wedding', 'weddings_by_rule', 'bucket', 'directory')),
    backup_type text NOT NULL CHECK (backup_type IN ('full', 'incremental', 'selective', 'emergency')),
    is_wedding_critical boolean NOT NULL,
    enabled boolean NOT NULL,
    retention_policy_id uuid REFERENCES keepsake.retention_policies (id),
    storage_target_id uuid NOT NULL REFERENCES keepsake.storage_targets (id),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    next_run_at timestamptz,
    last_run_at timestamptz,
    deleted_at timestamptz,
    UNIQUE (organisation_id, id)
);
CREATE UNIQUE INDEX backup_configurations_name ON keepsake.backup_configurations (organisation_id, name) WHERE deleted_at IS NULL;
CREATE INDEX backup_configurations_list ON keepsake.backup_configurations (organisation_id, id) WHERE deleted_at IS NULL;
CREATE INDEX backup_configurations_due ON keepsake.backup_configurations (next_run_at) WHERE enabled AND deleted_at IS NULL;
CALL keepsake.protect('keepsake.backup_configurations');
CREATE POLICY reach ON keepsake.backup_configurations TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT, UPDATE ON keepsake.backup_configurations TO keepsake_app;

-- The queue. Written in the transaction of whoever wants the work done; claimed, leased and reaped by workers.
CREATE TABLE keepsake.backup_jobs (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    kind text NOT NULL CHECK (kind IN ('backup', 'restore', 'undo', 'verify', 'sync', 'rehearse')),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'leased', 'done', 'failed', 'dead', 'cancelled')),
    priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
    -- The emergency lane has slots of its own and is never behind other work.
    emergency boolean NOT NULL DEFAULT false,
    source_id uuid REFERENCES keepsake.sources (id),
    wedding_id uuid,
    configuration_id uuid,
    payload jsonb NOT NULL,
    -- While a job with this key is queued or at work, another is not enqueued.
    dedup_key text,
    run_after timestamptz NOT NULL,
    start_before timestamptz,
    finish_before timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    attempts_max integer NOT NULL DEFAULT 5 CHECK (attempts_max > 0),
    -- A run without progress for so long is stopped.
    stall_limit_s integer NOT NULL DEFAULT 600 CHECK (stall_limit_s > 0),
    leased_by uuid REFERENCES keepsake.processes (id),
    -- New for each claim: whoever lost the lease can write nothing any more.
    lease uuid,
    leased_until timestamptz,
    heartbeat_at timestamptz,
    progressed_at timestamptz,
    cancel_requested_at timestamptz,
    error jsonb,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK ((state = 'leased') = (lease IS NOT NULL))
);
CREATE UNIQUE INDEX backup_jobs_dedup ON keepsake.backup_jobs (organisation_id, dedup_key) WHERE state IN ('queued', 'leased');
CREATE INDEX backup_jobs_queue ON keepsake.backup_jobs (organisation_id, emergency DESC, priority DESC, run_after, id) WHERE state = 'queued';
CREATE INDEX backup_jobs_ended ON keepsake.backup_jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX backup_jobs_leased ON keepsake.backup_jobs (leased_until) WHERE state = 'leased';
CREATE INDEX backup_jobs_list ON keepsake.backup_jobs (organisation_id, created_at DESC, id DESC);
CALL keepsake.protect('keepsake.backup_jobs');
CREATE POLICY reach ON keepsake.backup_jobs TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])));
GRANT SELECT, INSERT ON keepsake.backup_jobs TO keepsake_app;
-- A worker ends a job in the transaction that records what came of it, in the scope of the job's organisation.
GRANT UPDATE (state, priority, emergency, run_after, leased_by, lease, leased_until, cancel_requested_at, error, ended_at)
    ON keepsake.backup_jobs TO keepsake_app;
-- Workers see every job, may lease, renew and end one, and see nothing else of any tenant.
CREATE POLICY work ON keepsake.backup_jobs TO keepsake_worker USING (true) WITH CHECK (true);
GRANT SELECT ON keepsake.backup_jobs TO keepsake_worker;
GRANT UPDATE (state, attempts, run_after, leased_by, lease, leased_until, heartbeat_at, progressed_at, cancel_requested_at, error, ended_at)
    ON keepsake.backup_jobs TO keepsake_worker;
GRANT SELECT ON keepsake.processes TO keepsake_worker;
GRANT UPDATE (seen_at) ON keepsake.processes TO keepsake_worker;

-- A new job wakes the workers of every node.
CREATE FUNCTION keepsake.wake_workers() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('keepsake_jobs', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER wake AFTER INSERT ON keepsake.backup_jobs FOR EACH STATEMENT EXECUTE FUNCTION keepsake.wake_workers();
CREATE TRIGGER wake_cancel AFTER UPDATE OF cancel_requested_at ON keepsake.backup_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION keepsake.wake_workers();

-- One attempt at a backup.
CREATE TABLE keepsake.backup_executions (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    job_id uuid NOT NULL REFERENCES keepsake.backup_jobs (id),
    configuration_id uuid,
    source_id uuid NOT NULL REFERENCES keepsake.sources (id),
    wedding_id uuid,
    storage_target_id uuid NOT NULL REFERENCES keepsake.storage_targets (id),
    execution_type text NOT NULL CHECK (execution_type IN ('scheduled', 'manual', 'emergency', 'retry')),
    state text NOT NULL DEFAULT 'initializing'
        CHECK (state IN ('initializing', 'preparing', 'backing_up', 'verifying', 'completed', 'failed', 'cancelled')),
    result text CHECK (result IN ('stored', 'unchanged', 'incomplete')),
    reason text CHECK (length(reason) <= 1000),
    requested_by uuid,
    attempt integer NOT NULL DEFAULT 1,
    -- percent, bytes_done, bytes_total, items_done, eta_seconds, heartbeat_at
    progress jsonb NOT NULL DEFAULT '{}',
    -- estimate, raw, new and stored bytes, duration, verification, warnings
    figures jsonb NOT NULL DEFAULT '{}',
    error jsonb,
    point_id uuid,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    UNIQUE (organisation_id, id)
);
CREATE INDEX backup_executions_list ON keepsake.backup_executions (organisation_id, created_at DESC, id DESC);
CREATE INDEX backup_executions_wedding ON keepsake.backup_executions (wedding_id, created_at DESC, id DESC) WHERE wedding_id IS NOT NULL;
CREATE INDEX backup_executions_configuration ON keepsake.backup_executions (configuration_id, created_at DESC, id DESC)
    WHERE configuration_id IS NOT NULL;
CREATE INDEX backup_executions_job ON keepsake.backup_executions (job_id);
CREATE INDEX backup_executions_active ON keepsake.backup_executions (organisation_id, id) WHERE ended_at IS NULL;
CALL keepsake.protect('keepsake.backup_executions');
CREATE POLICY reach ON keepsake.backup_executions TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])));
GRANT SELECT, INSERT ON keepsake.backup_executions TO keepsake_app;
GRANT UPDATE (state, result, progress, figures, error, point_id, started_at, ended_at) ON keepsake.backup_executions TO keepsake_app;
-- Passes that stored nothing are swept, by the service itself only.
GRANT DELETE ON keepsake.backup_executions, keepsake.backup_jobs TO keepsake_app;
CREATE POLICY swept ON keepsake.backup_executions AS RESTRICTIVE FOR DELETE TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system' AND result = 'unchanged');
CREATE POLICY swept ON keepsake.backup_jobs AS RESTRICTIVE FOR DELETE TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system' AND state = 'done');
CREATE INDEX backup_executions_unchanged ON keepsake.backup_executions (ended_at) WHERE result = 'unchanged';

-- Recovery points.
CREATE TABLE keepsake.backup_snapshots (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    source_id uuid REFERENCES keepsake.sources (id),
    wedding_id uuid,
    vault_id uuid NOT NULL,
    storage_target_id uuid NOT NULL REFERENCES keepsake.storage_targets (id),
    kind text NOT NULL CHECK (kind IN ('wedding', 'database', 'files', 'pre_recovery')),
    execution_id uuid,
    operation_id uuid,
    captured_at timestamptz NOT NULL,
    -- The newest moment at which the source was seen to be the same still.
    confirmed_at timestamptz NOT NULL,
    incomplete boolean NOT NULL,
    -- Why the capture looks like damage; empty for a clean one.
    suspect_reasons jsonb NOT NULL DEFAULT '[]',
    verified_at timestamptz,
    verification text CHECK (verification IN ('listed', 'read', 'decrypted')),
    integrity_score smallint CHECK (integrity_score BETWEEN 0 AND 100),
    -- Counts by group and what else comparisons ask (domain::suspect::Summary), and the issues found.
    summary jsonb NOT NULL,
    raw_bytes bigint NOT NULL CHECK (raw_bytes >= 0),
    stored_bytes bigint NOT NULL CHECK (stored_bytes >= 0),
    retention_class text NOT NULL,
    -- How much of the past it stands for (domain::retention::Grade).
    grade text NOT NULL CHECK (grade IN ('minute', 'quarter_hour', 'weekly')),
    -- The longest promise ever made for it; never shortened by itself (S25).
    keep_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    expired_at timestamptz,
    UNIQUE (organisation_id, id)
);
CREATE INDEX backup_snapshots_list ON keepsake.backup_snapshots (organisation_id, captured_at DESC, id DESC);
CREATE INDEX backup_snapshots_wedding ON keepsake.backup_snapshots (wedding_id, captured_at DESC, id DESC) WHERE wedding_id IS NOT NULL;
CREATE INDEX backup_snapshots_overdue ON keepsake.backup_snapshots (keep_until) WHERE expired_at IS NULL;
CREATE INDEX backup_snapshots_source ON keepsake.backup_snapshots (source_id, kind, captured_at DESC, id DESC);
CALL keepsake.protect('keepsake.backup_snapshots');
CREATE POLICY reach ON keepsake.backup_snapshots TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND (SELECT keepsake.sees_every_wedding()));
GRANT SELECT, INSERT ON keepsake.backup_snapshots TO keepsake_app;
GRANT UPDATE (confirmed_at, suspect_reasons, verified_at, verification, retention_class, grade, keep_until, expired_at)
    ON keepsake.backup_snapshots TO keepsake_app;
CREATE FUNCTION keepsake.keep_promises() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.keep_until < OLD.keep_until THEN
        RAISE check_violation USING MESSAGE = 'a point is kept as long as was promised: keep_until can only grow';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_promises BEFORE UPDATE OF keep_until ON keepsake.backup_snapshots
    FOR EACH ROW EXECUTE FUNCTION keepsake.keep_promises();
