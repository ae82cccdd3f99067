-- Triggers: one that stamps, one that tells other systems, one that refuses bad data.
CREATE FUNCTION public.stamp_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON public.weddings FOR EACH ROW EXECUTE FUNCTION public.stamp_update();
CREATE TRIGGER stamp BEFORE UPDATE ON public.guests FOR EACH ROW EXECUTE FUNCTION public.stamp_update();
CREATE TRIGGER stamp BEFORE UPDATE ON public.timeline_items FOR EACH ROW EXECUTE FUNCTION public.stamp_update();
CREATE TRIGGER stamp BEFORE UPDATE ON public.tasks FOR EACH ROW EXECUTE FUNCTION public.stamp_update();

CREATE FUNCTION public.tell_guest_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed public.guests := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    INSERT INTO public.outbox (topic, payload) VALUES
        ('guest.' || lower(TG_OP), jsonb_build_object('guest_id', changed.id, 'wedding_id', changed.wedding_id));
    PERFORM pg_notify('guests', changed.wedding_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON public.guests
    FOR EACH ROW EXECUTE FUNCTION public.tell_guest_change();

CREATE FUNCTION public.refuse_backward_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ends_at <= NEW.starts_at THEN
        RAISE EXCEPTION 'an event ends after it starts' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_backward BEFORE INSERT OR UPDATE ON public.events
    FOR EACH ROW EXECUTE FUNCTION public.refuse_backward_event();

-- Row-level security: a session sees the organisation that it names, and nothing without one.
CREATE FUNCTION public.session_organisation() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('app.organisation_id', true), '')::uuid $$;

ALTER TABLE public.organisations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.organisations USING (id = public.session_organisation());
ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.profiles USING (organisation_id = public.session_organisation());
ALTER TABLE public.weddings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.weddings USING (organisation_id = public.session_organisation())
    WITH CHECK (organisation_id = public.session_organisation());

DO $$
DECLARE
    name text;
    of_wedding constant text := 'wedding_id IN (SELECT id FROM public.weddings)';
BEGIN
    FOREACH name IN ARRAY ARRAY['households', 'guests', 'events', 'dining_tables', 'documents', 'vendor_bookings', 'contacts',
        'timeline_items', 'tasks', 'albums', 'photos', 'budget_items', 'messages', 'activity'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON public.%I USING (%s) WITH CHECK (%s)', name, of_wedding, of_wedding);
    END LOOP;
    -- Tables without a wedding of their own follow the row that they hang on.
    FOREACH name IN ARRAY ARRAY['rsvps:guest_id:guests', 'seats:guest_id:guests', 'photo_guests:photo_id:photos',
        'payments:budget_item_id:budget_items'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', split_part(name, ':', 1));
        EXECUTE format('CREATE POLICY own ON public.%I USING (%I IN (SELECT id FROM public.%I))',
            split_part(name, ':', 1), split_part(name, ':', 2), split_part(name, ':', 3));
    END LOOP;
END $$;

-- The role of the application, and one that may read everything for backups. Roles are shared by all databases of a server.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'planner_app') THEN CREATE ROLE planner_app LOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'planner_backup') THEN CREATE ROLE planner_backup LOGIN BYPASSRLS; END IF;
END $$;
GRANT USAGE ON SCHEMA public TO planner_app, planner_backup;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO planner_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO planner_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO planner_backup;
