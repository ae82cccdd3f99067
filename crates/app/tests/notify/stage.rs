//! What the tests of notifications have beside the world: a second supplier, dispatchers, webhooks.

use crate::{receiver::Receiver, support::World};
use keepsake_app::{
    notification::{self, Dispatcher, Event, Pace, Settings},
    service::{Caller, Service},
    webhook::{self, Made, New},
};
use keepsake_catalog::{Scope, Tx, organisations, webhooks::Delivery};
use keepsake_domain::{
    OrganisationId, RequestId, UserId, WebhookId,
    backoff::Backoff,
    notification::{Signature, State},
    permission::{Person, Role},
};
use std::time::Duration;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A dispatcher that runs.
pub struct Telling {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Telling {
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

/// Short patience, and this machine's addresses.
pub fn settings() -> Settings {
    let pace = Pace {
        tick: Duration::from_millis(50),
        timeout: Duration::from_secs(1),
        lease: Duration::from_secs(3),
        retries: Backoff { first_ms: 50, cap_ms: 100, most_attempts: 3 },
        watch_every: Duration::from_millis(100),
        ..Pace::default()
    };
    Settings { allow_private: true, smtp: None, pace }
}

pub fn other_organisation() -> OrganisationId {
    OrganisationId::from_uuid(Uuid::from_u128(0xb0))
}

fn id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

pub fn tell_as(service: &Service, settings: Settings) -> Telling {
    let shutdown = CancellationToken::new();
    let dispatcher = Dispatcher::new(service.clone(), settings).unwrap();
    let task = tokio::spawn(dispatcher.run(shutdown.clone()));
    Telling { shutdown, task }
}

impl World {
    pub fn tell(&self) -> Telling {
        tell_as(&self.service, settings())
    }

    pub async fn system(&self) -> Tx {
        let scope = Scope::system(RequestId::from_uuid(Uuid::from_u128(0xeeee)));
        self.service.catalog.begin(&scope).await.unwrap()
    }

    /// A second supplier; its admin.
    pub async fn other_admin(&self) -> Caller {
        let now = self.service.context.clock.now();
        let mut tx = self.system().await;
        organisations::add_supplier(&mut tx, other_organisation(), "Other", now).await.unwrap();
        tx.commit().await.unwrap();
        let request = RequestId::from_uuid(Uuid::from_u128(0xeeee));
        Caller::person(id(0xb1), other_organisation(), Person::new(Role::Admin), request)
    }

    /// A webhook of the supplier that hears of everything.
    pub async fn webhook(&self, receiver: &Receiver) -> Made {
        self.webhook_with(&self.admin(), receiver, |_| {}).await
    }

    pub async fn webhook_with(&self, caller: &Caller, receiver: &Receiver, set: impl FnOnce(&mut New)) -> Made {
        let mut new = New {
            organisation: None,
            name: format!("port {}", receiver.port),
            url: receiver.url(),
            kinds: Vec::new(),
            signature: Signature::Hmac,
        };
        set(&mut new);
        webhook::create(&self.service, caller, new).await.unwrap()
    }

    /// Says that something happened to the supplier, which nothing has to be done for.
    pub async fn happen(&self) {
        let mut tx = self.system().await;
        self.happen_in(&mut tx).await;
        tx.commit().await.unwrap();
    }

    pub async fn happen_in(&self, tx: &mut Tx) {
        let event = Event::WeddingVanished(&self.weddings[0]);
        notification::enqueue(tx, &event, self.service.context.clock.now()).await.unwrap();
    }

    pub async fn deliveries(&self, webhook: WebhookId) -> Vec<Delivery> {
        let listed = webhook::deliveries(&self.service, &self.admin(), webhook, None, 200, None).await;
        let mut deliveries = listed.unwrap().items;
        deliveries.reverse();
        deliveries
    }

    /// The deliveries, once there are so many and none waits.
    pub async fn until_delivered(&self, webhook: WebhookId, count: usize) -> Vec<Delivery> {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let deliveries = self.deliveries(webhook).await;
            if deliveries.len() >= count && deliveries.iter().all(|delivery| delivery.state != State::Waiting) {
                return deliveries;
            }
            assert!(Instant::now() < patience, "never ended: {deliveries:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the outbox is empty and nothing is on its way.
    pub async fn until_told(&self) {
        let waiting = "SELECT (SELECT count(*) FROM keepsake.notifications WHERE fanned_out_at IS NULL) \
                       + (SELECT count(*) FROM keepsake.webhook_deliveries WHERE state = 'waiting') \
                       + (SELECT count(*) FROM keepsake.mail_deliveries WHERE state = 'waiting')";
        let owner = self.server.connect("catalog").await;
        for _ in 0..600 {
            if owner.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not everything was told");
    }

    pub async fn sql(&self, statement: &str) {
        self.server.connect("catalog").await.batch_execute(statement).await.unwrap();
    }

    pub async fn count(&self, table: &str) -> i64 {
        let count = format!("SELECT count(*) FROM keepsake.{table}");
        self.server.connect("catalog").await.query_one(&count, &[]).await.unwrap().get(0)
    }
}
