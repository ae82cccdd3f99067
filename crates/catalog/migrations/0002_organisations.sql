-- Tenants. One operator, who runs the installation, and any number of suppliers.

CREATE TABLE keepsake.organisations (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    kind text NOT NULL CHECK (kind IN ('operator', 'supplier')),
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE UNIQUE INDEX organisations_one_operator ON keepsake.organisations (kind) WHERE kind = 'operator';

-- The organisations that a context may act for. An array, so that policies can use indexes on organisation_id.
CREATE FUNCTION keepsake.organisations_in_reach() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN keepsake.context() IS NULL THEN '{}'::uuid[]
        WHEN (keepsake.context() ->> 'operator')::boolean THEN (SELECT coalesce(array_agg(id), '{}') FROM keepsake.organisations)
        ELSE array[(keepsake.context() ->> 'organisation')::uuid]
    END
$$;
REVOKE ALL ON FUNCTION keepsake.organisations_in_reach() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keepsake.organisations_in_reach() TO keepsake_app, keepsake_worker;

CREATE FUNCTION keepsake.operator_organisation() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT id FROM keepsake.organisations WHERE kind = 'operator' $$;
REVOKE ALL ON FUNCTION keepsake.operator_organisation() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keepsake.operator_organisation() TO keepsake_app, keepsake_worker;

CALL keepsake.protect('keepsake.organisations');
CREATE POLICY reach ON keepsake.organisations FOR SELECT TO keepsake_app
    USING (id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
CREATE POLICY operator_creates ON keepsake.organisations FOR INSERT TO keepsake_app
    WITH CHECK ((SELECT keepsake.is_operator()) AND kind = 'supplier');
CREATE POLICY operator_changes ON keepsake.organisations FOR UPDATE TO keepsake_app
    USING ((SELECT keepsake.is_operator())) WITH CHECK ((SELECT keepsake.is_operator()));
GRANT SELECT, INSERT ON keepsake.organisations TO keepsake_app;
GRANT UPDATE (name, deleted_at) ON keepsake.organisations TO keepsake_app;
