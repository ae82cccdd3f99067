-- The record of every act (E6). Rows are added and never changed; a Merkle tree over them (RFC 6962) is signed from time to time,
-- so that whoever changes, removes or inserts a row with the owner's rights is found out.

CREATE TABLE keepsake.audit_log (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    at timestamptz NOT NULL,
    -- Intent before the act, outcome after it, with one request id; a refusal and a read are one row.
    stage text NOT NULL CHECK (stage IN ('intent', 'outcome', 'refusal', 'read')),
    request_id uuid NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'token', 'worker', 'system', 'anonymous')),
    actor_id uuid,
    action text NOT NULL,
    -- Ids only: no names, no contents (the log is kept longer than people may be).
    subject text NOT NULL,
    outcome text NOT NULL,
    -- The leaf as it was hashed: canonical JSON of the columns above.
    leaf bytea NOT NULL
);
CREATE INDEX audit_log_organisation ON keepsake.audit_log (organisation_id, at DESC, id DESC);
CREATE INDEX audit_log_request ON keepsake.audit_log (request_id);

-- The order of leaves in the tree, given by one sequencer at a time after rows are committed: writers never wait for each other.
CREATE TABLE keepsake.audit_tree (
    index bigint PRIMARY KEY CHECK (index >= 0),
    audit_id uuid NOT NULL UNIQUE REFERENCES keepsake.audit_log (id),
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32)
);

CREATE TABLE keepsake.audit_checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    -- The signed note: origin, size, root, signatures (C2SP tlog-checkpoint).
    note text NOT NULL,
    at timestamptz NOT NULL
);

CALL keepsake.protect('keepsake.audit_log');
CREATE POLICY read ON keepsake.audit_log FOR SELECT TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND (SELECT keepsake.role()) IN ('admin', 'auditor', 'system', 'worker'));
CREATE POLICY write ON keepsake.audit_log FOR INSERT TO keepsake_app
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
CALL keepsake.protect('keepsake.audit_tree');
CREATE POLICY service_itself ON keepsake.audit_tree TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system') WITH CHECK ((SELECT keepsake.role()) = 'system');
CALL keepsake.protect('keepsake.audit_checkpoints');
CREATE POLICY service_itself ON keepsake.audit_checkpoints TO keepsake_app
    USING ((SELECT keepsake.role()) IS NOT NULL) WITH CHECK ((SELECT keepsake.role()) = 'system');
GRANT SELECT, INSERT ON keepsake.audit_log, keepsake.audit_tree, keepsake.audit_checkpoints TO keepsake_app;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY array['audit_log', 'audit_tree', 'audit_checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON keepsake.%I
                        FOR EACH ROW EXECUTE FUNCTION keepsake.refuse_change()', kept);
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON keepsake.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION keepsake.refuse_change()', kept);
    END LOOP;
END
$$;

-- The system configuration, every version of it, with who changed it and why.
CREATE TABLE keepsake.backup_system_config (
    version bigint PRIMARY KEY CHECK (version > 0),
    document jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid,
    reason text NOT NULL
);
CALL keepsake.protect('keepsake.backup_system_config');
CREATE POLICY read ON keepsake.backup_system_config FOR SELECT TO keepsake_app USING ((SELECT keepsake.role()) IS NOT NULL);
CREATE POLICY write ON keepsake.backup_system_config FOR INSERT TO keepsake_app WITH CHECK ((SELECT keepsake.is_operator()));
GRANT SELECT, INSERT ON keepsake.backup_system_config TO keepsake_app;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON keepsake.backup_system_config
    FOR EACH ROW EXECUTE FUNCTION keepsake.refuse_change();
