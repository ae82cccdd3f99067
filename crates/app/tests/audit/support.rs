//! A service with an empty log, and the owner of its database, who respects nothing.

use keepsake_app::{
    Context, Home,
    audit::{self, Finding, Kind, Report},
    service::{Caller, Service},
};
use keepsake_catalog::{Catalog, Settings, audit::Stage};
use keepsake_domain::{Clock, ProcessId, RequestId, clock::FixedClock, permission::Action};
use keepsake_keys::{MasterKey, SysRng};
use keepsake_testkit::postgres::Server;
use keepsake_vault::engine::{Engine, EngineConfig, Progress};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub struct World {
    pub server: Server,
    pub service: Service,
    pub clock: Arc<FixedClock>,
    /// With the rights of the database's owner and without its triggers.
    pub owner: tokio_postgres::Client,
    _folder: tempfile::TempDir,
}

fn settings(server: &Server, process: u128) -> Settings {
    Settings {
        owner_url: format!("postgres://postgres@localhost/catalog?host={}", server.socket().display()),
        passwords: ["app password".to_owned(), "worker's password".to_owned()],
        connections: 16,
        process: ProcessId::from_uuid(Uuid::from_u128(process)),
        node: "test".to_owned(),
        roles: vec!["api".to_owned()],
    }
}

impl World {
    pub async fn new() -> Self {
        let server = Server::start();
        server.create_database("catalog").await;
        let catalog = Catalog::open(&settings(&server, 1)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        // Finer than columns are: a leaf must be what can be made again from them.
        let clock = Arc::new(FixedClock::new("2026-03-02T12:00:00.123456789Z".parse().unwrap()));
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
        let owner = server.connect("catalog").await;
        owner.batch_execute("SET session_replication_role = replica").await.unwrap();
        Self { server, service: Service { context, catalog }, clock, owner, _folder: folder }
    }

    /// A service of another node.
    pub async fn elsewhere(&self) -> Service {
        let catalog = Catalog::open(&settings(&self.server, 2)).await.unwrap();
        Service { catalog, ..self.service.clone() }
    }

    pub fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now() + time);
    }

    /// Records an act of the service, as every use case does.
    pub async fn record(&self, subject: &str) {
        record(&self.service, subject).await;
    }

    /// Gives all rows their places and signs for them.
    pub async fn settle(&self) {
        audit::settle(&self.service, Duration::ZERO).await.unwrap();
    }

    /// Twenty rows with a checkpoint after every fifth, an hour apart; the ids of the rows in the order of the tree.
    pub async fn history(&self) -> Vec<Uuid> {
        for number in 0..20 {
            self.record(&format!("wedding {number}")).await;
            if number % 5 == 4 {
                self.settle().await;
                self.pass(Duration::from_secs(3600));
            }
        }
        let report = self.verify().await;
        assert!(report.good, "{report:#?}");
        assert_eq!((report.rows, report.waiting, report.checkpoints), (20, 0, 4));
        self.order().await
    }

    /// The rows of the tree, in its order.
    pub async fn order(&self) -> Vec<Uuid> {
        let order = "SELECT audit_id FROM keepsake.audit_tree ORDER BY index";
        self.owner.query(order, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub async fn verify(&self) -> Report {
        audit::verify(&self.service, None).await.unwrap()
    }

    /// What a check finds, in the order in which it finds it.
    pub async fn found(&self) -> Vec<(Kind, Option<Uuid>, Option<u64>)> {
        let report = self.verify().await;
        assert_eq!(report.good, report.findings.is_empty());
        assert_eq!(audit::failure(&report).is_none(), report.good);
        report.findings.iter().map(|Finding { kind, row, index, .. }| (*kind, *row, *index)).collect()
    }

    /// As the owner.
    pub async fn tamper(&self, statement: &str) {
        let touched = self.owner.execute(statement, &[]).await.unwrap();
        assert!(touched > 0, "nothing touched by {statement}");
    }
}

pub async fn record(service: &Service, subject: &str) {
    let caller = Caller::machine(RequestId::from_uuid(Uuid::from_u128(0xeeee)));
    service.record(&caller, Stage::Intent, Action::UserCreate, subject, None, "intended").await.unwrap();
}
