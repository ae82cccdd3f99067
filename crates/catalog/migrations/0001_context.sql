-- Who may see what: the roles, and the context of a transaction.
--
-- keepsake_app and keepsake_worker own nothing and bypass nothing. Rows are shown by policies that ask keepsake.context(),
-- and that is set by keepsake.enter() alone: it wants the secret of a registered process and seals what it sets to this
-- backend and this transaction, so that a setting made by hand, kept, or copied from elsewhere shows no rows.

CREATE SCHEMA keepsake;
REVOKE ALL ON SCHEMA keepsake FROM PUBLIC;

DO $$
BEGIN
    -- Roles belong to the whole server: another installation may have made them. They hold rights in this database only.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'keepsake_app') THEN
        CREATE ROLE keepsake_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'keepsake_worker') THEN
        CREATE ROLE keepsake_worker NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA keepsake TO keepsake_app, keepsake_worker;

-- The key that seals contexts. Readable by the owner's functions only.
CREATE TABLE keepsake.context_key (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    key bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO keepsake.context_key (key)
SELECT sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea)) FROM generate_series(1, 4);

-- Processes of the service that may act. Each makes its secret when it starts; only its hash is here.
CREATE TABLE keepsake.processes (
    id uuid PRIMARY KEY,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    node text NOT NULL,
    roles text[] NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION keepsake.context_seal(body text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT encode(sha256(key || sha256(key || convert_to(
        body || '|' || pg_backend_pid() || '|' || extract(epoch FROM transaction_timestamp()), 'UTF8'))), 'hex')
    FROM keepsake.context_key
$$;
REVOKE ALL ON FUNCTION keepsake.context_seal(text) FROM PUBLIC;

-- Sets the context of this transaction. `context`: {"organisation": uuid, "actor": uuid, "role": text, "operator": bool}.
CREATE FUNCTION keepsake.enter(process uuid, secret bytea, context jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM keepsake.processes AS known WHERE known.id = process AND known.secret_sha256 = sha256(secret);
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'this process is not registered with the catalog';
    END IF;
    IF context ->> 'role' IS NULL OR context ->> 'role' NOT IN ('member', 'admin', 'auditor', 'service', 'worker', 'system') THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a context needs a role';
    END IF;
    PERFORM set_config('keepsake.context', keepsake.context_seal(context::text) || context::text, true);
END
$$;
REVOKE ALL ON FUNCTION keepsake.enter(uuid, bytea, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keepsake.enter(uuid, bytea, jsonb) TO keepsake_app, keepsake_worker;

-- The context of this transaction, or nothing.
CREATE FUNCTION keepsake.context() RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- After a transaction that set it locally the setting is '', not NULL.
    sealed text := nullif(current_setting('keepsake.context', true), '');
BEGIN
    IF sealed IS NULL OR left(sealed, 64) <> keepsake.context_seal(substr(sealed, 65)) THEN
        RETURN NULL;
    END IF;
    RETURN substr(sealed, 65)::jsonb;
END
$$;
REVOKE ALL ON FUNCTION keepsake.context() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keepsake.context() TO keepsake_app, keepsake_worker;

-- What policies ask. Each use stands in a sub-select, so that it is evaluated once for a statement and not for each row.
CREATE FUNCTION keepsake.organisation() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT (keepsake.context() ->> 'organisation')::uuid $$;
CREATE FUNCTION keepsake.actor() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT (keepsake.context() ->> 'actor')::uuid $$;
CREATE FUNCTION keepsake.role() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT keepsake.context() ->> 'role' $$;
-- Whether the context is that of the operator's organisation with the right to act on all.
CREATE FUNCTION keepsake.is_operator() RETURNS boolean LANGUAGE sql STABLE
    AS $$ SELECT coalesce((keepsake.context() ->> 'operator')::boolean, false) $$;
-- Members see their own weddings only; everybody else sees all of the organisation.
CREATE FUNCTION keepsake.sees_every_wedding() RETURNS boolean LANGUAGE sql STABLE
    AS $$ SELECT coalesce(keepsake.context() ->> 'role' <> 'member', false) $$;

-- What every tenant table gets: row security that holds for its owner, too, and a way in for the owner's own functions.
CREATE PROCEDURE keepsake.protect(tenant_table regclass) LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER USING (true) WITH CHECK (true)', tenant_table);
END
$$;
REVOKE ALL ON PROCEDURE keepsake.protect(regclass) FROM PUBLIC;

-- For tables whose rows never change or go: the error says what to do instead.
CREATE FUNCTION keepsake.refuse_change() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('rows of %I can be added, not changed or removed', TG_TABLE_NAME);
END
$$;
