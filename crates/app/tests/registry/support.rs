//! A service with two suppliers, the sample application as a database to protect, and callers of every kind.

use jiff::Timestamp;
use keepsake_app::{
    Context, Home,
    service::{Caller, Service},
    source::{self, Address, New, Secret, Shown},
};
use keepsake_catalog::{Catalog, Scope, Settings, organisations};
use keepsake_domain::{
    OrganisationId, ProcessId, RequestId, SourceId, UserId,
    clock::FixedClock,
    permission::{Person, Role},
    wedding::Thresholds,
};
use keepsake_keys::{MasterKey, SysRng};
use keepsake_testkit::{
    planner::{self, Spec},
    postgres::Server,
};
use keepsake_vault::engine::{Engine, EngineConfig, Progress};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// In every connection string of the tests; must be found nowhere.
pub const PASSWORD: &str = "zX8-forget-me-not-Qw4";
/// What the clock says first.
pub const NOW: &str = "2026-03-02T12:00:00Z";

pub struct World {
    pub server: Server,
    pub service: Service,
    pub clock: Arc<FixedClock>,
    /// Superuser of the planner's database.
    pub planner: tokio_postgres::Client,
    /// Owner of the catalog.
    pub owner: tokio_postgres::Client,
    pub operator: OrganisationId,
    pub a: OrganisationId,
    pub b: OrganisationId,
    pub folder: tempfile::TempDir,
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn request() -> RequestId {
    RequestId::from_uuid(id(0xeeee))
}

impl World {
    pub async fn new() -> Self {
        let server = Server::start();
        server.create_database("catalog").await;
        server.create_database("planner").await;
        let planner = server.connect("planner").await;
        planner::install(&planner).await.unwrap();
        planner::generate(&planner, &Spec::small(), None).await.unwrap();
        let settings = Settings {
            owner_url: format!("postgres://postgres@localhost/catalog?host={}", server.socket().display()),
            passwords: ["app password".to_owned(), "worker's password".to_owned()],
            connections: 8,
            process: ProcessId::from_uuid(id(1)),
            node: "test".to_owned(),
            roles: vec!["api".to_owned()],
        };
        let catalog = Catalog::open(&settings).await.unwrap();
        let owner = server.connect("catalog").await;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
        let context = Context {
            home: Home::resolve(Some(folder.path()), &|_| None).unwrap(),
            master: MasterKey::create(&folder.path().join("master.key"), &mut SysRng).unwrap(),
            clock: Arc::clone(&clock) as _,
            engine: Engine::new(EngineConfig { memory_bytes: 16 << 20, ..EngineConfig::default() }).unwrap(),
            cancel: CancellationToken::new(),
            progress: Arc::new(Progress::default()),
            actor: "test".to_owned(),
            organisation: "local".to_owned(),
        };
        let (a, b) = (OrganisationId::from_uuid(id(0xa0)), OrganisationId::from_uuid(id(0xb0)));
        let mut tx = catalog.begin(&Scope::system(request())).await.unwrap();
        let operator = organisations::operator(&mut tx).await.unwrap();
        let now: Timestamp = NOW.parse().unwrap();
        organisations::add_supplier(&mut tx, a, "Supplier A", now).await.unwrap();
        organisations::add_supplier(&mut tx, b, "Supplier B", now).await.unwrap();
        tx.commit().await.unwrap();
        let add_user = "INSERT INTO keepsake.users (id, organisation_id, email, display_name, role, created_at) \
                        VALUES ($1, $2, $3, '', $4, now())";
        for (number, organisation, role) in
            [(0xa1, a, "admin"), (0xa2, a, "member"), (0xb1, b, "admin"), (0xb2, b, "member")]
        {
            let email = format!("{number:x}@example.org");
            owner.execute(add_user, &[&id(number), organisation.as_uuid(), &email, &role]).await.unwrap();
        }
        let service = Service { context, catalog };
        Self { server, service, clock, planner, owner, operator, a, b, folder }
    }

    fn person(number: u128, organisation: OrganisationId, person: Person) -> Caller {
        Caller::person(UserId::from_uuid(id(number)), organisation, person, request())
    }

    pub fn operator(&self) -> Caller {
        Self::person(0xf1, self.operator, Person { operator: true, mfa_fresh: true, ..Person::new(Role::Admin) })
    }

    pub fn admin(&self, organisation: OrganisationId) -> Caller {
        let number = if organisation == self.a { 0xa1 } else { 0xb1 };
        Self::person(number, organisation, Person::new(Role::Admin))
    }

    pub fn fresh_admin(&self, organisation: OrganisationId) -> Caller {
        Self::person(0xa1, organisation, Person { mfa_fresh: true, ..Person::new(Role::Admin) })
    }

    pub fn member(&self) -> Caller {
        Self::person(0xa2, self.a, Person::new(Role::Member))
    }

    /// The connection string of a role that reads everything, with the password to look for.
    pub fn dsn(&self) -> String {
        format!("{} password={PASSWORD}", self.server.dsn_as("planner_backup", "planner"))
    }

    /// What registers the planner for supplier A.
    pub fn planner_source(&self) -> New {
        New {
            organisation: Some(self.a),
            name: "planner".to_owned(),
            address: Address::Database { capture: Secret::from(self.dsn()), restore: None },
            files_root: None,
            identity: None,
            assignments: std::collections::BTreeMap::new(),
        }
    }

    /// The planner registered by the operator for supplier A, and mapped as inspection proposes.
    pub async fn mapped(&self) -> Shown {
        let source = source::create(&self.service, &self.operator(), self.planner_source()).await.unwrap();
        self.map(source.id).await;
        source
    }

    pub async fn map(&self, id: SourceId) {
        let admin = self.operator();
        let proposal = source::inspect(&self.service, &admin, id).await.unwrap();
        assert_eq!(source::set_mapping(&self.service, &admin, id, 0, proposal.mapping).await.unwrap(), 1);
    }

    pub async fn sync(&self, id: SourceId) -> source::Synced {
        source::sync(&self.service, &self.operator(), id, &Thresholds::default()).await.unwrap()
    }

    pub fn now(&self) -> Timestamp {
        use keepsake_domain::Clock as _;
        self.clock.now()
    }
}

/// The words of the audit log, in order.
pub async fn log(world: &World) -> Vec<String> {
    let rows =
        world.owner.query("SELECT stage || ' ' || action || ' ' || outcome FROM keepsake.audit_log ORDER BY id", &[]);
    rows.await.unwrap().iter().map(|row| row.get(0)).collect()
}
