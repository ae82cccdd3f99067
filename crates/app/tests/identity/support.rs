//! An installation with two suppliers, on a clock that the tests set.

use jiff::{SignedDuration, Timestamp};
use keepsake_app::{
    Context, Home,
    identity::{self, Login, Secret, Session, factor, users},
    service::{self, Caller, Service},
};
use keepsake_catalog::organisations;
use keepsake_domain::{
    Clock as _, OrganisationId, RequestId,
    clock::FixedClock,
    permission::{Actor, Role},
};
use keepsake_keys::{MasterKey, SysRng};
use keepsake_testkit::postgres::Server;
use keepsake_vault::engine::{Engine, EngineConfig, Progress};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use totp_rs::{Builder, Totp};

pub const PASSWORD: &str = "correct horse battery";
/// On a Saturday in June, at the begin of a time step.
const NOW: &str = "2026-06-06T12:00:00Z";

pub struct World {
    pub service: Service,
    pub clock: Arc<FixedClock>,
    /// Two suppliers.
    pub a: OrganisationId,
    pub b: OrganisationId,
    pub owner: tokio_postgres::Client,
    server: Server,
    _home: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let server = Server::start();
        server.create_database("catalog").await;
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
        let context = Context {
            home: Home::resolve(Some(home.path()), &|_| None).unwrap(),
            master: MasterKey::create(&home.path().join("master.key"), &mut SysRng).unwrap(),
            clock: Arc::clone(&clock) as Arc<dyn keepsake_domain::Clock>,
            engine: Engine::new(EngineConfig::default()).unwrap(),
            cancel: CancellationToken::new(),
            progress: Arc::new(Progress::default()),
            actor: "test".to_owned(),
            organisation: "local".to_owned(),
        };
        let service = open(&server, context).await;
        let supplier = || OrganisationId::from_uuid(service.context.new_id().unwrap());
        let (a, b) = (supplier(), supplier());
        let mut tx = service.begin(&Caller::machine(request(&service))).await.unwrap();
        for (id, name) in [(a, "Supplier A"), (b, "Supplier B")] {
            organisations::add_supplier(&mut tx, id, name, clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let owner = server.connect("catalog").await;
        Self { service, clock, a, b, owner, server, _home: home }
    }

    /// Another node of the same installation.
    pub async fn another_node(&self) -> Service {
        open(&self.server, self.service.context.clone()).await
    }

    pub fn pass(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
    }

    pub fn request(&self) -> RequestId {
        request(&self.service)
    }

    pub fn machine(&self) -> Caller {
        Caller::machine(self.request())
    }

    /// Makes a user at the machine, with the password of all of them. No organisation: the operator's.
    pub async fn user(&self, organisation: Option<OrganisationId>, email: &str, role: Role) -> users::User {
        let new = users::NewUser {
            organisation_id: organisation,
            email: Secret::new(email),
            display_name: "Somebody".to_owned(),
            role,
            password: Secret::new(PASSWORD),
        };
        users::create(&self.service, &self.machine(), &new).await.unwrap()
    }

    pub async fn log_in(&self, email: &str) -> Session {
        self.try_log_in(email, PASSWORD).await.unwrap()
    }

    pub async fn try_log_in(&self, email: &str, password: &str) -> keepsake_app::Result<Session> {
        log_in_at(&self.service, email, password).await
    }

    pub async fn caller(&self, session: &Session) -> Caller {
        self.authenticate(session.access.access_token.expose()).await.unwrap()
    }

    pub async fn authenticate(&self, bearer: &str) -> keepsake_app::Result<Caller> {
        identity::authenticate(&self.service, bearer, self.request()).await
    }

    pub async fn refresh(&self, session: &Session) -> keepsake_app::Result<Session> {
        identity::refresh(&self.service, session.refresh_token.expose(), self.request()).await
    }

    /// Gives a user a second factor: the authenticator, the recovery codes, and a caller who has just given it.
    pub async fn enrol(&self, session: &Session) -> (Totp, Vec<Secret>, Caller) {
        let caller = self.caller(session).await;
        let enrolled = factor::enroll(&self.service, &caller, &Secret::new(PASSWORD)).await.unwrap();
        let app = authenticator(&enrolled);
        let confirmed = factor::confirm(&self.service, &caller, &self.code(&app)).await.unwrap();
        let fresh = self.authenticate(confirmed.access.access_token.expose()).await.unwrap();
        (app, confirmed.recovery_codes, fresh)
    }

    /// What the authenticator shows now.
    pub fn code(&self, app: &Totp) -> Secret {
        Secret::new(app.generate(u64::try_from(self.clock.now().as_second()).unwrap()).to_string())
    }

    /// Rows of the audit log of an action, in the order in which they came: stage, subject, outcome. Ids of one moment of a
    /// fixed clock have no order; rows that are never changed lie as they were added.
    pub async fn recorded(&self, action: &str) -> Vec<(String, String, String)> {
        let rows = "SELECT stage, subject, outcome FROM keepsake.audit_log WHERE action = $1 ORDER BY ctid";
        let rows = self.owner.query(rows, &[&action]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// Every row of the identity tables and the audit log, as text.
    pub async fn dump(&self) -> String {
        let mut dump = String::new();
        for table in ["users", "credentials", "sessions", "api_tokens", "login_failures", "audit_log"] {
            let rows = format!("SELECT coalesce(string_agg(t::text, E'\n'), '') FROM keepsake.{table} AS t");
            dump.push_str(&self.owner.query_one(&rows, &[]).await.unwrap().get::<_, String>(0));
        }
        dump
    }
}

pub async fn log_in_at(node: &Service, email: &str, password: &str) -> keepsake_app::Result<Session> {
    let login = Login { email: Secret::new(email), password: Secret::new(password) };
    identity::login(node, &login, request(node)).await
}

pub fn authenticator(enrolled: &factor::Enrolled) -> Totp {
    let secret = totp_rs::Secret::try_from_base32(enrolled.secret.expose()).unwrap();
    Builder::new().with_secret(secret).build().unwrap()
}

pub fn is_fresh(caller: &Caller) -> bool {
    matches!(&caller.actor, Actor::Person(person) if person.mfa_fresh)
}

pub fn later(world: &World, time: SignedDuration) -> Timestamp {
    world.clock.now() + time
}

fn request(service: &Service) -> RequestId {
    RequestId::from_uuid(service.context.new_id().unwrap())
}

async fn open(server: &Server, context: Context) -> Service {
    let url = format!("postgres://postgres@localhost/catalog?host={}", server.socket().display());
    let (catalog, _) = service::catalog::open(&context, Some(&url), "test", &["api".to_owned()]).await.unwrap();
    Service { context, catalog }
}
