-- People and programs, and how they prove who they are. Secrets are sealed by the service or stored as hashes only (S30).

CREATE TABLE keepsake.users (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    display_name text NOT NULL CHECK (length(display_name) <= 200),
    role text NOT NULL CHECK (role IN ('member', 'admin', 'auditor')),
    emergency_authorised boolean NOT NULL DEFAULT false,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    UNIQUE (organisation_id, id)
);
-- A login names an e-mail address and nothing else, so it names one user of the installation.
CREATE UNIQUE INDEX users_email ON keepsake.users (email);
CALL keepsake.protect('keepsake.users');
CREATE POLICY reach ON keepsake.users TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT ON keepsake.users TO keepsake_app;
GRANT UPDATE (email, display_name, role, emergency_authorised, disabled_at) ON keepsake.users TO keepsake_app;

CREATE TABLE keepsake.credentials (
    user_id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    password_phc text,
    password_changed_at timestamptz,
    totp_sealed bytea,
    totp_confirmed_at timestamptz,
    -- Enrolled and not yet confirmed by a code: until then the one above goes on.
    totp_pending_sealed bytea,
    -- The last time step that was accepted: a code works once (S31).
    totp_last_step bigint,
    recovery_codes_sha256 bytea[] NOT NULL DEFAULT '{}',
    FOREIGN KEY (organisation_id, user_id) REFERENCES keepsake.users (organisation_id, id)
);
CALL keepsake.protect('keepsake.credentials');
CREATE POLICY reach ON keepsake.credentials TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT, UPDATE ON keepsake.credentials TO keepsake_app;

-- One row for each refresh token. A token that was replaced and comes again was stolen: its whole family ends.
CREATE TABLE keepsake.sessions (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    family uuid NOT NULL,
    refresh_sha256 bytea NOT NULL UNIQUE CHECK (length(refresh_sha256) = 32),
    -- When the second factor was given, which is what freshness counts from (S31).
    mfa_at timestamptz,
    -- Which factor it was.
    mfa_method text CHECK (mfa_method IN ('totp', 'recovery_code')),
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    replaced_at timestamptz,
    revoked_at timestamptz,
    FOREIGN KEY (organisation_id, user_id) REFERENCES keepsake.users (organisation_id, id)
);
CREATE INDEX sessions_family ON keepsake.sessions (family);
CREATE INDEX sessions_user ON keepsake.sessions (organisation_id, user_id);
CALL keepsake.protect('keepsake.sessions');
CREATE POLICY reach ON keepsake.sessions TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT, DELETE ON keepsake.sessions TO keepsake_app;
GRANT UPDATE (mfa_at, mfa_method, replaced_at, revoked_at) ON keepsake.sessions TO keepsake_app;

CREATE TABLE keepsake.api_tokens (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    created_by uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    scopes text[] NOT NULL,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    FOREIGN KEY (organisation_id, created_by) REFERENCES keepsake.users (organisation_id, id)
);
CREATE INDEX api_tokens_organisation ON keepsake.api_tokens (organisation_id, created_at);
CALL keepsake.protect('keepsake.api_tokens');
CREATE POLICY reach ON keepsake.api_tokens TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[]));
GRANT SELECT, INSERT ON keepsake.api_tokens TO keepsake_app;
GRANT UPDATE (last_used_at, revoked_at) ON keepsake.api_tokens TO keepsake_app;

-- Failed proofs of identity, counted over all nodes. `subject` is a hash: an address that nobody has leaves no trace.
CREATE TABLE keepsake.login_failures (
    subject bytea NOT NULL CHECK (length(subject) = 32),
    failed_at timestamptz NOT NULL
);
CREATE INDEX login_failures_subject ON keepsake.login_failures (subject, failed_at);
CALL keepsake.protect('keepsake.login_failures');
-- Of no tenant: only the service itself, before it knows who is there, sees it.
CREATE POLICY service_itself ON keepsake.login_failures TO keepsake_app
    USING ((SELECT keepsake.role()) = 'system') WITH CHECK ((SELECT keepsake.role()) = 'system');
GRANT SELECT, INSERT, DELETE ON keepsake.login_failures TO keepsake_app;

-- Answers to requests that carry an Idempotency-Key (S33).
CREATE TABLE keepsake.idempotency_keys (
    organisation_id uuid NOT NULL REFERENCES keepsake.organisations (id),
    actor_id uuid NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_sha256 bytea NOT NULL CHECK (length(request_sha256) = 32),
    -- NULL while the first request is at work.
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, actor_id, method, path, key)
);
CREATE INDEX idempotency_keys_age ON keepsake.idempotency_keys (created_at);
CALL keepsake.protect('keepsake.idempotency_keys');
CREATE POLICY own ON keepsake.idempotency_keys TO keepsake_app
    USING (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
           AND (actor_id = (SELECT keepsake.actor()) OR (SELECT keepsake.role()) = 'system'))
    WITH CHECK (organisation_id = ANY ((SELECT keepsake.organisations_in_reach())::uuid[])
                AND actor_id = (SELECT keepsake.actor()));
GRANT SELECT, INSERT, DELETE ON keepsake.idempotency_keys TO keepsake_app;
GRANT UPDATE (status, headers, body) ON keepsake.idempotency_keys TO keepsake_app;
