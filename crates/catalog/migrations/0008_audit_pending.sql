-- Audit rows that are not in the tree yet. A trigger puts each row here in its own transaction, so that the sequencer finds what is
-- new without looking through the log, also what was committed late; the number is a rough order of writing and has gaps. Whoever
-- writes waits for nobody: there is no key that two could want, and no reference to check.
CREATE TABLE keepsake.audit_pending (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audit_id uuid NOT NULL
);

CALL keepsake.protect('keepsake.audit_pending');
CREATE POLICY service_itself ON keepsake.audit_pending TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system') WITH CHECK ((SELECT keepsake.role()) = 'system');
-- Put in by the trigger alone; taken out by the sequencer.
GRANT SELECT, DELETE ON keepsake.audit_pending TO keepsake_app;

CREATE FUNCTION keepsake.await_sequencing() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO keepsake.audit_pending (audit_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION keepsake.await_sequencing() FROM PUBLIC;
CREATE TRIGGER await_sequencing AFTER INSERT ON keepsake.audit_log
    FOR EACH ROW EXECUTE FUNCTION keepsake.await_sequencing();

-- What was recorded before there was a sequencer.
INSERT INTO keepsake.audit_pending (audit_id) SELECT id FROM keepsake.audit_log ORDER BY at, id;

-- The right edge of the tree at each checkpoint (a hash for each binary one of the size): the next one is made from it and from
-- the leaves since then. No checkpoint was made before this file.
ALTER TABLE keepsake.audit_checkpoints ADD COLUMN frontier bytea NOT NULL CHECK (length(frontier) % 32 = 0);
