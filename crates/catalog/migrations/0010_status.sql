-- What status asks all the time, counted as it happens: nobody scans a million executions to say how last week was.

CREATE TABLE keepsake.execution_days (
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    -- In UTC.
    day date NOT NULL,
    completed bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    -- Of those completed, from a worker's beginning to the end.
    duration_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, day)
);
CALL keepsake.protect('keepsake.execution_days');
CREATE POLICY reach ON keepsake.execution_days FOR SELECT TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]) AND (SELECT keepsake.sees_every_wedding()));
GRANT SELECT ON keepsake.execution_days TO keepsake_app;

CREATE FUNCTION keepsake.count_execution() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO keepsake.execution_days AS known (organisation_id, day, completed, failed, cancelled, duration_ms)
    VALUES (NEW.organisation_id, (NEW.ended_at AT TIME ZONE 'UTC')::date, (NEW.state = 'completed')::integer,
            (NEW.state = 'failed')::integer, (NEW.state = 'cancelled')::integer,
            CASE NEW.state WHEN 'completed'
                THEN greatest(0, extract(epoch FROM NEW.ended_at - coalesce(NEW.started_at, NEW.ended_at)) * 1000)::bigint ELSE 0 END)
    ON CONFLICT (organisation_id, day) DO UPDATE
    SET completed = known.completed + excluded.completed, failed = known.failed + excluded.failed,
        cancelled = known.cancelled + excluded.cancelled, duration_ms = known.duration_ms + excluded.duration_ms;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION keepsake.count_execution() FROM PUBLIC;
CREATE TRIGGER counted AFTER UPDATE OF ended_at ON keepsake.backup_executions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION keepsake.count_execution();

CREATE TABLE keepsake.organisation_usage (
    organisation_id uuid PRIMARY KEY REFERENCES keepsake.organisations (id),
    points bigint NOT NULL DEFAULT 0,
    -- Of the points that are listed: as captured, and what they added to the store when they were made.
    raw_bytes bigint NOT NULL DEFAULT 0,
    stored_bytes bigint NOT NULL DEFAULT 0
);
CALL keepsake.protect('keepsake.organisation_usage');
CREATE POLICY reach ON keepsake.organisation_usage FOR SELECT TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]) AND (SELECT keepsake.sees_every_wedding()));
GRANT SELECT ON keepsake.organisation_usage TO keepsake_app;

CREATE FUNCTION keepsake.count_point() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO keepsake.organisation_usage AS known (organisation_id, points, raw_bytes, stored_bytes)
    VALUES (NEW.organisation_id, sign, sign * NEW.raw_bytes, sign * NEW.stored_bytes)
    ON CONFLICT (organisation_id) DO UPDATE
    SET points = known.points + excluded.points, raw_bytes = known.raw_bytes + excluded.raw_bytes,
        stored_bytes = known.stored_bytes + excluded.stored_bytes;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION keepsake.count_point() FROM PUBLIC;
CREATE TRIGGER counted AFTER INSERT ON keepsake.backup_snapshots FOR EACH ROW EXECUTE FUNCTION keepsake.count_point();
CREATE TRIGGER counted_out AFTER UPDATE OF expired_at ON keepsake.backup_snapshots
    FOR EACH ROW WHEN (OLD.expired_at IS NULL AND NEW.expired_at IS NOT NULL) EXECUTE FUNCTION keepsake.count_point();

-- What status asks of each wedding, beside the documents.
ALTER TABLE keepsake.weddings ADD COLUMN rpo_seconds integer NOT NULL
    GENERATED ALWAYS AS (coalesce((protection ->> 'rpo_seconds')::integer, 86400)) STORED;
-- Its newest point looks like damage, or is not whole.
ALTER TABLE keepsake.weddings ADD COLUMN newest_unclean boolean NOT NULL DEFAULT false;
CREATE INDEX weddings_status ON keepsake.weddings
    (organisation_id, criticality, first_day, confirmed_at, rpo_seconds, last_point_at, newest_unclean, integrity_score, id)
    WHERE vanished_at IS NULL;
