-- An application on a platform like Supabase: identities and objects in schemas of the platform, policies on auth.uid().
DO $$
DECLARE
    role record;
BEGIN
    FOR role IN SELECT * FROM (VALUES
        ('anon', 'NOLOGIN'), ('authenticated', 'NOLOGIN'), ('service_role', 'NOLOGIN BYPASSRLS'),
        ('authenticator', 'LOGIN NOINHERIT'), ('backup_reader', 'LOGIN BYPASSRLS'), ('restore_writer', 'LOGIN BYPASSRLS')
    ) AS roles (name, options) LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role.name) THEN
            EXECUTE format('CREATE ROLE %I %s', role.name, role.options);
        END IF;
    END LOOP;
END $$;
GRANT anon, authenticated, service_role TO authenticator;

CREATE SCHEMA auth;
CREATE TABLE auth.users (
    id uuid PRIMARY KEY,
    email varchar(255) UNIQUE,
    encrypted_password varchar(255),
    raw_user_meta_data jsonb,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE auth.sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    created_at timestamptz DEFAULT now()
);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid $$;

CREATE SCHEMA storage;
CREATE TABLE storage.buckets (id text PRIMARY KEY, name text NOT NULL UNIQUE, public boolean DEFAULT false);
CREATE TABLE storage.objects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    bucket_id text REFERENCES storage.buckets,
    name text,
    owner uuid REFERENCES auth.users,
    metadata jsonb,
    created_at timestamptz DEFAULT now(),
    path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED,
    UNIQUE (bucket_id, name)
);

CREATE TYPE public.rsvp_status AS ENUM ('pending', 'attending', 'declined');
CREATE TABLE public.profiles (
    id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE,
    display_name text NOT NULL,
    avatar_url text
);
CREATE TABLE public.suppliers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    contact_email text,
    owner_id uuid REFERENCES auth.users ON DELETE SET NULL
);
CREATE TABLE public.weddings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    supplier_id uuid REFERENCES public.suppliers ON DELETE SET NULL,
    created_by uuid NOT NULL REFERENCES auth.users,
    name text NOT NULL,
    wedding_date date,
    timezone text NOT NULL DEFAULT 'Europe/London',
    guest_count integer,
    budget numeric(12, 2),
    currency char(3) NOT NULL DEFAULT 'GBP',
    status text NOT NULL DEFAULT 'planning' CHECK (status IN ('planning', 'confirmed', 'done', 'cancelled')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.wedding_members (
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    role text NOT NULL DEFAULT 'planner',
    PRIMARY KEY (wedding_id, user_id)
);
CREATE INDEX ON public.wedding_members (user_id);
CREATE TABLE public.guest_groups (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    name text NOT NULL
);
CREATE INDEX ON public.guest_groups (wedding_id);
CREATE TABLE public.guests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    group_id uuid REFERENCES public.guest_groups ON DELETE SET NULL,
    user_id uuid REFERENCES auth.users ON DELETE SET NULL,
    name text NOT NULL,
    email text,
    dietary text[] NOT NULL DEFAULT '{}',
    UNIQUE (wedding_id, email)
);
CREATE INDEX ON public.guests (group_id);
CREATE INDEX ON public.guests (user_id);
CREATE TABLE public.rsvps (
    guest_id uuid PRIMARY KEY REFERENCES public.guests ON DELETE CASCADE,
    status public.rsvp_status NOT NULL DEFAULT 'pending',
    message text,
    responded_at timestamptz
);
CREATE TABLE public.timeline_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    title text NOT NULL,
    start_time timestamptz NOT NULL,
    sort_order integer NOT NULL
);
CREATE INDEX ON public.timeline_events (wedding_id);
CREATE TABLE public.wedding_vendors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    supplier_id uuid NOT NULL REFERENCES public.suppliers,
    price numeric(10, 2)
);
CREATE INDEX ON public.wedding_vendors (wedding_id);
CREATE INDEX ON public.wedding_vendors (supplier_id);
CREATE TABLE public.wedding_photos (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    object_id uuid REFERENCES storage.objects ON DELETE SET NULL,
    storage_path text NOT NULL,
    uploaded_by uuid REFERENCES auth.users ON DELETE SET NULL
);
CREATE INDEX ON public.wedding_photos (wedding_id);
CREATE INDEX ON public.wedding_photos (object_id);
CREATE INDEX ON public.wedding_photos (uploaded_by);
CREATE TABLE public.budget_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wedding_id uuid NOT NULL REFERENCES public.weddings ON DELETE CASCADE,
    label text NOT NULL,
    amount numeric(10, 2) NOT NULL
);
CREATE INDEX ON public.budget_items (wedding_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['profiles', 'suppliers', 'weddings', 'wedding_members', 'guest_groups', 'guests', 'rsvps',
        'timeline_events', 'wedding_vendors', 'wedding_photos', 'budget_items'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['guest_groups', 'guests', 'timeline_events', 'wedding_vendors', 'wedding_photos', 'budget_items'] LOOP
        EXECUTE format('CREATE POLICY members ON public.%I TO authenticated USING (wedding_id IN
            (SELECT m.wedding_id FROM public.wedding_members m WHERE m.user_id = auth.uid()))', name);
    END LOOP;
END $$;
CREATE POLICY self ON public.profiles TO authenticated USING (id = auth.uid());
CREATE POLICY everybody ON public.suppliers FOR SELECT TO authenticated, anon USING (true);
CREATE POLICY self ON public.wedding_members TO authenticated USING (user_id = auth.uid());
CREATE POLICY members ON public.weddings TO authenticated
    USING (id IN (SELECT wedding_id FROM public.wedding_members WHERE user_id = auth.uid()));
CREATE POLICY members ON public.rsvps TO authenticated USING (guest_id IN (SELECT id FROM public.guests));

GRANT USAGE ON SCHEMA public, auth, storage TO anon, authenticated, service_role, backup_reader, restore_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO authenticated, service_role, restore_writer;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO authenticated, service_role, restore_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA public, storage, auth TO backup_reader, restore_writer;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO backup_reader;
-- A lock on a shared parent needs more than SELECT; PostgreSQL asks for UPDATE on at least one column.
GRANT UPDATE (id) ON auth.users, storage.objects TO restore_writer;

CREATE FUNCTION pg_temp.id(kind text, number integer) RETURNS uuid LANGUAGE sql AS $$ SELECT md5(kind || number)::uuid $$;
INSERT INTO auth.users SELECT pg_temp.id('user', n), 'user' || n || '@example.com', 'secret-hash-' || n, '{"provider": "email"}'
    FROM generate_series(1, 9) n;
INSERT INTO auth.sessions (user_id) SELECT id FROM auth.users;
INSERT INTO storage.buckets VALUES ('media', 'media', false);
INSERT INTO public.profiles SELECT id, initcap(split_part(email, '@', 1)) FROM auth.users;
INSERT INTO public.suppliers SELECT pg_temp.id('supplier', n), 'Supplier ' || n, 'hello@supplier' || n || '.example', pg_temp.id('user', n)
    FROM generate_series(1, 5) n;
INSERT INTO public.weddings SELECT pg_temp.id('wedding', n), pg_temp.id('supplier', n % 2 + 1), pg_temp.id('user', n),
        'Wedding of ' || n || ' & O''Hara', date '2026-06-06' + n * 20, 'Europe/Lisbon', 20, 12000 + n, 'EUR', 'confirmed'
    FROM generate_series(1, 4) n;
INSERT INTO public.wedding_members SELECT pg_temp.id('wedding', w), pg_temp.id('user', u)
    FROM generate_series(1, 4) w, generate_series(1, 3) u;
INSERT INTO public.guest_groups SELECT pg_temp.id('group', w * 10 + g), pg_temp.id('wedding', w), 'Group ' || g
    FROM generate_series(1, 4) w, generate_series(1, 3) g;
INSERT INTO public.guests SELECT pg_temp.id('guest', w * 100 + g), pg_temp.id('wedding', w), pg_temp.id('group', w * 10 + g % 3 + 1),
        CASE WHEN g <= 2 THEN pg_temp.id('user', g) END, 'Guest ' || g || E' "Zoë"\nof ' || w, 'g' || g || '@example.net', '{vegan,"no nuts"}'
    FROM generate_series(1, 4) w, generate_series(1, 20) g;
INSERT INTO public.rsvps SELECT id, 'attending', E'See you\\there', '2026-02-01 10:00Z' FROM public.guests;
INSERT INTO public.timeline_events SELECT pg_temp.id('event', w * 100 + e), pg_temp.id('wedding', w), 'Item ' || e,
        timestamptz '2026-06-06 10:00Z' + e * interval '1 hour', e
    FROM generate_series(1, 4) w, generate_series(1, 8) e;
INSERT INTO public.wedding_vendors SELECT pg_temp.id('booking', w * 10 + v), pg_temp.id('wedding', w), pg_temp.id('supplier', v), 500 * v
    FROM generate_series(1, 4) w, generate_series(1, 3) v;
INSERT INTO storage.objects (id, bucket_id, name, owner, metadata)
    SELECT pg_temp.id('object', w * 10 + p), 'media', format('weddings/%s/%s.jpg', w, p), pg_temp.id('user', w), '{"mimetype": "image/jpeg"}'
    FROM generate_series(1, 4) w, generate_series(1, 5) p;
INSERT INTO public.wedding_photos SELECT pg_temp.id('photo', w * 10 + p), pg_temp.id('wedding', w), pg_temp.id('object', w * 10 + p),
        format('weddings/%s/%s.jpg', w, p), pg_temp.id('user', w)
    FROM generate_series(1, 4) w, generate_series(1, 5) p;
INSERT INTO public.budget_items (wedding_id, label, amount) SELECT pg_temp.id('wedding', w), 'Line ' || b, 100 * b
    FROM generate_series(1, 4) w, generate_series(1, 6) b;
