-- Words of the application as types.
CREATE TYPE public.plan AS ENUM ('starter', 'studio', 'agency');
CREATE TYPE public.member_role AS ENUM ('owner', 'planner', 'assistant');
CREATE TYPE public.wedding_status AS ENUM ('enquiry', 'planning', 'confirmed', 'completed', 'cancelled');
CREATE TYPE public.party_side AS ENUM ('partner_one', 'partner_two', 'both');
CREATE TYPE public.answer AS ENUM ('pending', 'accepted', 'declined', 'maybe');
CREATE TYPE public.meal AS ENUM ('meat', 'fish', 'vegetarian', 'vegan', 'children');
CREATE TYPE public.event_kind AS ENUM ('rehearsal', 'ceremony', 'reception', 'party', 'brunch');
CREATE TYPE public.task_status AS ENUM ('open', 'doing', 'done', 'dropped');
CREATE TYPE public.vendor_category AS ENUM
    ('caterer', 'florist', 'photographer', 'band', 'dj', 'baker', 'stylist', 'transport', 'rentals', 'officiant');
CREATE TYPE public.booking_status AS ENUM ('requested', 'offered', 'booked', 'paid', 'cancelled');
CREATE TYPE public.document_kind AS ENUM ('contract', 'invoice', 'floor_plan', 'licence', 'other');
CREATE TYPE public.payment_method AS ENUM ('card', 'transfer', 'cash');

CREATE DOMAIN public.email_address AS text CHECK (VALUE ~ '^[^@\s]+@[^@\s]+$' AND length(VALUE) <= 254);
CREATE DOMAIN public.currency_code AS text CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN public.money_amount AS numeric(12, 2) CHECK (VALUE >= 0);
