-- Restores. An operation moves along its states only, and none is ever removed (E5).

CREATE TABLE keepsake.recovery_operations (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    job_id uuid REFERENCES keepsake.backup_jobs (id),
    source_id uuid NOT NULL REFERENCES keepsake.sources (id),
    wedding_id uuid,
    point_id uuid NOT NULL REFERENCES keepsake.backup_snapshots (id),
    -- The operation that this one undoes.
    undoes uuid REFERENCES keepsake.recovery_operations (id),
    state text NOT NULL DEFAULT 'initializing' CHECK (state IN ('initializing', 'preparing', 'previewed', 'recovering',
        'verifying', 'completed', 'failed', 'cancelled', 'undone')),
    -- scope, groups, target, mode, conflicts, validate_only, preview_hash
    request jsonb NOT NULL,
    reason text NOT NULL CHECK (length(reason) <= 1000),
    is_emergency boolean NOT NULL DEFAULT false,
    requested_by uuid NOT NULL,
    mfa_at timestamptz,
    preview jsonb,
    preview_hash text,
    proof jsonb,
    error jsonb,
    progress jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    UNIQUE (organisation_id, id)
);
CREATE INDEX recovery_operations_list ON keepsake.recovery_operations (organisation_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX recovery_operations_job ON keepsake.recovery_operations (job_id);
CREATE INDEX recovery_operations_active ON keepsake.recovery_operations (organisation_id, id) WHERE ended_at IS NULL;
CREATE INDEX recovery_operations_wedding ON keepsake.recovery_operations (wedding_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX recovery_operations_one_undo ON keepsake.recovery_operations (undoes)
    WHERE undoes IS NOT NULL AND state NOT IN ('failed', 'cancelled');
CALL keepsake.protect('keepsake.recovery_operations');
CREATE POLICY reach ON keepsake.recovery_operations TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND ((SELECT keepsake.sees_every_wedding()) OR wedding_id = ANY ((SELECT keepsake.own_weddings())::uuid[])));
GRANT SELECT, INSERT ON keepsake.recovery_operations TO keepsake_app;
GRANT UPDATE (job_id, state, preview, preview_hash, proof, error, progress, started_at, ended_at) ON keepsake.recovery_operations TO keepsake_app;

CREATE FUNCTION keepsake.operation_moves() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT (CASE OLD.state
        WHEN 'initializing' THEN NEW.state IN ('preparing', 'failed', 'cancelled')
        WHEN 'preparing' THEN NEW.state IN ('previewed', 'failed', 'cancelled')
        WHEN 'previewed' THEN NEW.state IN ('recovering', 'failed', 'cancelled')
        WHEN 'recovering' THEN NEW.state IN ('verifying', 'failed', 'cancelled')
        WHEN 'verifying' THEN NEW.state IN ('completed', 'failed', 'cancelled')
        WHEN 'completed' THEN NEW.state = 'undone'
        ELSE false
    END) THEN
        RAISE check_violation USING MESSAGE = format('an operation cannot go from %s to %s', OLD.state, NEW.state);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER moves BEFORE UPDATE ON keepsake.recovery_operations FOR EACH ROW EXECUTE FUNCTION keepsake.operation_moves();
CREATE TRIGGER kept BEFORE DELETE ON keepsake.recovery_operations FOR EACH ROW EXECUTE FUNCTION keepsake.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON keepsake.recovery_operations
    FOR EACH STATEMENT EXECUTE FUNCTION keepsake.refuse_change();
