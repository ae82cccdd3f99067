//! A service with a supplier whose planner is registered, mapped and looked through, and a folder of the operator's to store in.

use keepsake_app::{
    Context, Home, execution,
    execution::{Asked, What},
    recovery_point,
    service::{Caller, Service},
    source::{self, Address, New, Secret},
    target, wedding,
    worker::{Limits, Worker},
};
use keepsake_catalog::{
    Catalog, Scope, Settings, executions,
    executions::Execution,
    organisations,
    points::{self, Point},
    weddings::{self, Wedding},
};
use keepsake_domain::{
    ExecutionId, OrganisationId, ProcessId, RequestId, SourceId, SystemClock, UserId, WeddingId,
    backoff::Backoff,
    execution::State,
    permission::{Actor, Person, Role},
    tier::Tier,
    wedding::Thresholds,
};
use keepsake_keys::{MasterKey, SysRng};
use keepsake_testkit::{
    planner::{self, Spec},
    postgres::Server,
};
use keepsake_vault::engine::{Engine, EngineConfig, Progress};
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub struct World {
    pub server: Server,
    pub service: Service,
    /// Superuser of the planner's database.
    pub planner: tokio_postgres::Client,
    pub source: SourceId,
    /// In the order of their ids in the source.
    pub weddings: Vec<Wedding>,
    /// The operator's admin.
    pub operator: Caller,
    gate: watch::Sender<bool>,
    pub organisation: OrganisationId,
    pub folder: tempfile::TempDir,
}

/// While this lives, nobody gets through to the planner's database.
pub struct HeldUp<'a>(&'a watch::Sender<bool>);

impl Drop for HeldUp<'_> {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// A port that leads to the server's socket, while the gate is open.
async fn gate(socket: PathBuf) -> (u16, watch::Sender<bool>) {
    let (sender, open) = watch::channel(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (mut open, socket) = (open.clone(), socket.clone());
            tokio::spawn(async move {
                if open.wait_for(|open| *open).await.is_ok() {
                    let mut server = UnixStream::connect(socket).await.unwrap();
                    let _until_one_side_ends = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    (port, sender)
}

/// A worker that runs.
pub struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Told to stop, and waited for.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// Gone without a word, as by a kill.
    pub async fn die(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Limits with short patience.
pub fn limits() -> Limits {
    Limits {
        lease: Duration::from_secs(2),
        heartbeat: Duration::from_millis(100),
        poll: Duration::from_millis(500),
        backoff: Backoff { first_ms: 50, cap_ms: 100, most_attempts: 3 },
        ..Limits::default()
    }
}

fn request() -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(0xeeee))
}

fn settings(server: &Server, process: u128) -> Settings {
    Settings {
        owner_url: format!("postgres://postgres@localhost/catalog?host={}", server.socket().display()),
        passwords: ["app password".to_owned(), "worker's password".to_owned()],
        connections: 16,
        process: ProcessId::from_uuid(Uuid::from_u128(process)),
        node: "test".to_owned(),
        roles: vec!["worker".to_owned()],
    }
}

impl World {
    pub async fn new() -> Self {
        let server = Server::start();
        server.create_database("catalog").await;
        server.create_database("planner").await;
        let planner = server.connect("planner").await;
        planner::install(&planner).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir(&photos).unwrap();
        planner::generate(&planner, &Spec::small(), Some(&photos)).await.unwrap();
        let catalog = Catalog::open(&settings(&server, 1)).await.unwrap();
        let context = Context {
            home: Home::resolve(Some(folder.path()), &|_| None).unwrap(),
            master: MasterKey::create(&folder.path().join("master.key"), &mut SysRng).unwrap(),
            clock: Arc::new(SystemClock),
            engine: Engine::new(EngineConfig { memory_bytes: 64 << 20, ..EngineConfig::default() }).unwrap(),
            cancel: CancellationToken::new(),
            progress: Arc::new(Progress::default()),
            actor: "test".to_owned(),
            organisation: "local".to_owned(),
        };
        let service = Service { context, catalog };
        let organisation = OrganisationId::from_uuid(Uuid::from_u128(0xa0));
        let mut tx = service.catalog.begin(&Scope::system(request())).await.unwrap();
        let operator_organisation = organisations::operator(&mut tx).await.unwrap();
        let now = service.context.clock.now();
        organisations::add_supplier(&mut tx, organisation, "Supplier", now).await.unwrap();
        tx.commit().await.unwrap();
        let owner = server.connect("catalog").await;
        let add_user = "INSERT INTO keepsake.users (id, organisation_id, email, display_name, role, created_at) \
                        VALUES ($1, $2, $3, '', $4, now())";
        for (number, role) in [(0xa1_u128, "admin"), (0xa2, "member")] {
            let email = format!("{number:x}@example.org");
            owner.execute(add_user, &[&Uuid::from_u128(number), organisation.as_uuid(), &email, &role]).await.unwrap();
        }
        let person = Person { operator: true, mfa_fresh: true, ..Person::new(Role::Admin) };
        let operator =
            Caller::person(UserId::from_uuid(Uuid::from_u128(0xf1)), operator_organisation, person, request());
        let store = folder.path().join("store");
        fs::create_dir(&store).unwrap();
        let disk = target::New {
            organisation: None,
            name: "disk".to_owned(),
            tier: Tier::Local,
            url: format!("file://{}", store.display()),
            keys: None,
        };
        target::create(&service, &operator, disk).await.unwrap();
        let (port, gate) = gate(server.socket().join(".s.PGSQL.5432")).await;
        let through_gate = |user| format!("host=127.0.0.1 port={port} user={user} dbname=planner connect_timeout=60");
        let new = New {
            organisation: Some(organisation),
            name: "planner".to_owned(),
            address: Address::Database {
                capture: Secret::from(through_gate("planner_backup")),
                restore: Some(Secret::from(through_gate("postgres"))),
            },
            files_root: Some(photos.display().to_string()),
            identity: None,
            assignments: std::collections::BTreeMap::new(),
        };
        let source = source::create(&service, &operator, new).await.unwrap().id;
        let proposal = source::inspect(&service, &operator, source).await.unwrap();
        source::set_mapping(&service, &operator, source, 0, proposal.mapping).await.unwrap();
        source::sync(&service, &operator, source, &Thresholds::default()).await.unwrap();
        let mut world =
            Self { server, service, planner, source, weddings: Vec::new(), operator, gate, organisation, folder };
        let all = wedding::list(&world.service, &world.admin(), weddings::Filter::default(), 50, None).await.unwrap();
        world.weddings = all.items;
        world.weddings.sort_by(|one, two| one.external_id.cmp(&two.external_id));
        world
    }

    pub fn caller(&self, number: u128, role: Role) -> Caller {
        let user = UserId::from_uuid(Uuid::from_u128(number));
        Caller::person(user, self.organisation, Person::new(role), request())
    }

    pub fn admin(&self) -> Caller {
        self.caller(0xa1, Role::Admin)
    }

    /// The admin with the emergency flag, who gave their second factor just now.
    pub fn restorer(&self) -> Caller {
        self.with_second_factor(self.admin(), UserId::from_uuid(Uuid::from_u128(0xa1)))
    }

    /// The same with the emergency flag and a fresh second factor.
    pub fn with_second_factor(&self, caller: Caller, user: UserId) -> Caller {
        let Actor::Person(person) = caller.actor else { panic!("a person") };
        let person = Person { emergency_authorised: true, mfa_fresh: true, ..person };
        let caller = Caller::person(user, self.organisation, person, request());
        Caller { mfa_at: Some(self.service.context.clock.now()), ..caller }
    }

    /// A member, to whom the first wedding is assigned.
    pub async fn member(&self) -> Caller {
        let user = UserId::from_uuid(Uuid::from_u128(0xa2));
        wedding::set_members(&self.service, &self.admin(), self.weddings[0].id, &[user]).await.unwrap();
        self.caller(0xa2, Role::Member)
    }

    /// Where the operator's target is.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// A worker of this node's process.
    pub fn work(&self, limits: Limits) -> Running {
        Self::work_as(self.service.clone(), limits)
    }

    fn work_as(service: Service, limits: Limits) -> Running {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(Worker::run(service, limits, shutdown.clone()));
        Running { shutdown, task }
    }

    /// A worker of another node.
    pub async fn work_elsewhere(&self, process: u128, limits: Limits) -> Running {
        let catalog = self.catalog_of_another_node(process).await;
        Self::work_as(Service { catalog, ..self.service.clone() }, limits)
    }

    /// The catalog, as another node's process has it.
    pub async fn catalog_of_another_node(&self, process: u128) -> Catalog {
        Catalog::open(&settings(&self.server, process)).await.unwrap()
    }

    pub async fn start(&self, what: What, emergency: bool) -> ExecutionId {
        let asked = Asked { what, target: None, emergency, reason: Some("a test".to_owned()) };
        execution::start(&self.service, &self.admin(), &asked).await.unwrap().execution
    }

    pub async fn start_wedding(&self, wedding: WeddingId) -> ExecutionId {
        self.start(What::Wedding(wedding), false).await
    }

    pub async fn get(&self, id: ExecutionId) -> Execution {
        execution::get(&self.service, &self.admin(), id).await.unwrap()
    }

    /// All executions, oldest first.
    pub async fn executions(&self) -> Vec<Execution> {
        let filter = executions::Filter::default();
        let mut all = execution::list(&self.service, &self.admin(), filter, 200, None).await.unwrap().items;
        all.reverse();
        all
    }

    pub async fn points(&self) -> Vec<Point> {
        let filter = points::Filter::default();
        recovery_point::list(&self.service, &self.admin(), filter, 200, None).await.unwrap().items
    }

    /// Waits until an execution is as it is wanted.
    pub async fn until(&self, id: ExecutionId, what: &str, wanted: impl Fn(&Execution) -> bool) -> Execution {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let execution = self.get(id).await;
            if wanted(&execution) {
                return execution;
            }
            assert!(Instant::now() < patience, "never {what}: {execution:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn until_ended(&self, id: ExecutionId) -> Execution {
        self.until(id, "ended", |execution| execution.state.is_terminal()).await
    }

    pub async fn until_begun(&self, id: ExecutionId) -> Execution {
        self.until(id, "begun", |execution| execution.started_at.is_some()).await
    }

    pub async fn until_completed(&self, id: ExecutionId) -> Execution {
        let ended = self.until_ended(id).await;
        assert_eq!(ended.state, State::Completed, "{ended:#?}");
        ended
    }

    /// Keeps whoever connects to the planner's database waiting, until what it returns is dropped.
    pub fn hold_up(&self) -> HeldUp<'_> {
        self.gate.send_replace(false);
        HeldUp(&self.gate)
    }

    /// Whether the planner's database lets anybody in.
    pub async fn open_planner(&self, open: bool) {
        let client = self.server.connect("postgres").await;
        client.batch_execute(&format!("ALTER DATABASE planner ALLOW_CONNECTIONS {open}")).await.unwrap();
    }

    /// The state of an execution's job.
    pub async fn job_state(&self, execution: &Execution) -> String {
        let owner = self.server.connect("catalog").await;
        let state = "SELECT state FROM keepsake.backup_jobs WHERE id = $1";
        owner.query_one(state, &[execution.job.as_uuid()]).await.unwrap().get(0)
    }
}
