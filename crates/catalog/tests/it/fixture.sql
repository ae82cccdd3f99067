-- The operator, two suppliers, and for each supplier one row in every tenant table. Ids end in what they are; the rest is
-- the organisation: ...a0 and ...b0.
CREATE FUNCTION pg_temp.id(organisation text, what int) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$ SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(what), 10, '0') || organisation)::uuid $$;
UPDATE keepsake.organisations SET id = pg_temp.id('f0', 0) WHERE kind = 'operator';
INSERT INTO keepsake.organisations (id, name, kind, created_at) VALUES
    (pg_temp.id('a0', 0), 'Supplier A', 'supplier', now()),
    (pg_temp.id('b0', 0), 'Supplier B', 'supplier', now());
INSERT INTO keepsake.storage_targets (id, organisation_id, name, tier, url, created_at)
    VALUES (pg_temp.id('f0', 3), pg_temp.id('f0', 0), 'lent', 'local', 'file:///srv', now());
DO $$
DECLARE
    o text;
    org uuid;
BEGIN
    FOREACH o IN ARRAY array['a0', 'b0'] LOOP
        org := pg_temp.id(o, 0);
        INSERT INTO keepsake.users (id, organisation_id, email, display_name, role, created_at) VALUES
            (pg_temp.id(o, 1), org, 'admin@' || o || '.example', 'Admin', 'admin', now()),
            (pg_temp.id(o, 2), org, 'member@' || o || '.example', 'Member', 'member', now());
        INSERT INTO keepsake.credentials (user_id, organisation_id) VALUES (pg_temp.id(o, 1), org);
        INSERT INTO keepsake.sessions (id, organisation_id, user_id, family, refresh_sha256, issued_at, expires_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 1), pg_temp.id(o, 1), sha256(o::bytea), now(), now());
        INSERT INTO keepsake.api_tokens (id, organisation_id, created_by, name, scopes, token_sha256, created_at, expires_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 1), 't', '{read}', sha256(o::bytea), now(), now());
        INSERT INTO keepsake.idempotency_keys (organisation_id, actor_id, method, path, key, request_sha256, created_at)
            VALUES (org, pg_temp.id(o, 1), 'POST', '/', 'k', sha256(''), now());
        INSERT INTO keepsake.audit_log (id, organisation_id, at, stage, request_id, actor_kind, action, subject, outcome, leaf)
            VALUES (pg_temp.id(o, 1), org, now(), 'intent', pg_temp.id(o, 1), 'system', 'test', '', 'intended', '{}');
        INSERT INTO keepsake.storage_targets (id, organisation_id, name, tier, url, created_at)
            VALUES (pg_temp.id(o, 3), org, 'own', 'cloud_primary', 's3://b', now());
        INSERT INTO keepsake.sources (id, organisation_id, name, kind, location, created_at)
            VALUES (pg_temp.id(o, 4), org, 'planner', 'database', 'db.example/planner', now());
        INSERT INTO keepsake.weddings (id, organisation_id, source_id, external_id, facts, protection, criticality, seen_at) VALUES
            (pg_temp.id(o, 5), org, pg_temp.id(o, 4), '1', '{}', '{}', 'low', now()),
            (pg_temp.id(o, 6), org, pg_temp.id(o, 4), '2', '{}', '{}', 'low', now());
        INSERT INTO keepsake.wedding_members (organisation_id, wedding_id, user_id, added_at)
            VALUES (org, pg_temp.id(o, 5), pg_temp.id(o, 2), now());
        INSERT INTO keepsake.wedding_backup_settings (wedding_id, organisation_id, settings, changed_at)
            VALUES (pg_temp.id(o, 5), org, '{}', now());
        INSERT INTO keepsake.retention_policies (id, organisation_id, name, rules, created_at)
            VALUES (pg_temp.id(o, 1), org, 'p', '{}', now());
        INSERT INTO keepsake.backup_configurations (id, organisation_id, name, source_id, document, scope, backup_type,
                is_wedding_critical, enabled, storage_target_id, created_by, created_at)
            VALUES (pg_temp.id(o, 1), org, 'c', pg_temp.id(o, 4), '{}', 'database', 'full', false, true, pg_temp.id(o, 3),
                pg_temp.id(o, 1), now());
        INSERT INTO keepsake.backup_jobs (id, organisation_id, kind, state, priority, source_id, wedding_id, payload, run_after, created_at, ended_at)
            VALUES (pg_temp.id(o, 1), org, 'backup', 'done', 4, pg_temp.id(o, 4), pg_temp.id(o, 5), '{}', now(), now(), now());
        INSERT INTO keepsake.backup_executions (id, organisation_id, job_id, source_id, wedding_id, storage_target_id, execution_type, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 1), pg_temp.id(o, 4), pg_temp.id(o, 5), pg_temp.id(o, 3), 'manual', now());
        INSERT INTO keepsake.backup_snapshots (id, organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind, captured_at,
                confirmed_at, incomplete, summary, raw_bytes, stored_bytes, retention_class, grade, keep_until, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 4), pg_temp.id(o, 5), pg_temp.id(o, 1), pg_temp.id(o, 3), 'wedding', now(),
                now(), false, '{}', 1, 1, 'low', 'quarter_hour', now(), now());
        INSERT INTO keepsake.execution_days (organisation_id, day, completed) VALUES (org, current_date, 1);
        INSERT INTO keepsake.point_checks (id, organisation_id, job_id, point_id, source_id, wedding_id, level, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 1), pg_temp.id(o, 1), pg_temp.id(o, 4), pg_temp.id(o, 5), 'hashes', now());
        INSERT INTO keepsake.recovery_operations (id, organisation_id, source_id, wedding_id, point_id, request, reason, requested_by, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 4), pg_temp.id(o, 5), pg_temp.id(o, 1), '{}', 'test', pg_temp.id(o, 1), now());
        INSERT INTO keepsake.notifications (id, organisation_id, wedding_id, kind, is_emergency, body, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 5), 'keepsake.webhook.test.v1', false, '{}', now());
        INSERT INTO keepsake.webhook_endpoints (id, organisation_id, name, url, kinds, signature, secret_sealed, created_at)
            VALUES (pg_temp.id(o, 1), org, 'hook', 'https://' || o || '.example/', '{}', 'hmac_sha256', 'sealed', now());
        INSERT INTO keepsake.webhook_deliveries (id, organisation_id, endpoint_id, notification_id, is_replay, attempts_max, due_at, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 1), pg_temp.id(o, 1), false, 1, now(), now());
        INSERT INTO keepsake.emergency_contacts (id, organisation_id, wedding_id, email, name, part, place, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 5), 'contact@' || o || '.example', '', '', 1, now());
        INSERT INTO keepsake.mail_deliveries (id, organisation_id, notification_id, user_id, due_at, created_at)
            VALUES (pg_temp.id(o, 1), org, pg_temp.id(o, 1), pg_temp.id(o, 1), now(), now());
    END LOOP;
END
$$;
