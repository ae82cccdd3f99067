//! The loop of the node that dispatches: events get their deliveries, what is due is sent.
//!
//! A bounded number is sent at once, and not more than a few of one receiver's, so that one that is slow or gone holds up nobody else.
//! When the node is lost, another takes over within seconds; what it was sending is sent again once its leases have run out.

use super::{Smtp, client::Client, fan_out, mail, post, sweep, system, watch};
use crate::{
    error::Result,
    service::{Service, catalog::failed},
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::{Leadership, mails, webhooks};
use keepsake_domain::{backoff::Backoff, notification::RETRIES};
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// The lock of the one that dispatches.
const LOCK: &str = "keepsake notifications";

/// How often the dispatcher looks, how much it sends at once, and its patience.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From one look at the outbox to the next.
    pub tick: Duration,
    /// A receiver answers within this time, or failed to.
    pub timeout: Duration,
    /// For how long a delivery is this node's; longer than `timeout`.
    pub lease: Duration,
    /// Deliveries to webhooks at once.
    pub posts: u16,
    /// Of these, to one webhook.
    pub posts_each: u16,
    /// Mails at once.
    pub mails: u16,
    /// When deliveries that failed are tried again.
    pub retries: Backoff,
    /// From one look for sources that could not be looked at to the next.
    pub watch_every: Duration,
    /// From one sweep to the next.
    pub sweep_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(1),
            timeout: Duration::from_secs(20),
            lease: Duration::from_secs(60),
            posts: 32,
            posts_each: 4,
            mails: 4,
            retries: RETRIES,
            watch_every: Duration::from_secs(60),
            sweep_every: Duration::from_secs(3600),
        }
    }
}

/// How an installation tells.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Webhooks may lead to this machine and its networks, and need no TLS.
    pub allow_private: bool,
    /// How mails are sent; none are without it.
    pub smtp: Option<Smtp>,
    /// How often, how much and how patiently.
    pub pace: Pace,
}

/// Tells what happened, on the node that leads in it.
#[derive(Debug)]
pub struct Dispatcher {
    service: Service,
    client: Client,
    smtp: Option<Smtp>,
    pace: Pace,
}

/// What is being sent. Dropped, it is cut off, and sent again by whoever comes after.
#[derive(Default)]
struct Sending {
    posts: JoinSet<()>,
    mails: JoinSet<()>,
}

impl Dispatcher {
    /// A dispatcher of this node.
    ///
    /// # Errors
    /// [`Code::HomeFailed`](crate::Code::HomeFailed) if the machine has no certificates to trust.
    pub fn new(service: Service, settings: Settings) -> Result<Self> {
        let Settings { allow_private, smtp, pace } = settings;
        Ok(Self { service, client: Client::new(allow_private, pace.timeout)?, smtp, pace })
    }

    /// Dispatches while this node leads, until `shutdown` fires and what is under way has ended.
    pub async fn run(self, shutdown: CancellationToken) {
        if self.smtp.is_none() {
            tracing::warn!("no SMTP server is set: nobody is told by e-mail, webhooks are served");
        }
        while !shutdown.is_cancelled() {
            match self.service.catalog.lead(LOCK).await {
                Ok(Some(leadership)) => self.lead(leadership, &shutdown).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the catalog cannot be asked who dispatches notifications"),
            }
            pause(&shutdown, self.pace.tick).await;
        }
    }

    async fn lead(&self, mut leadership: Leadership, shutdown: &CancellationToken) {
        tracing::info!("this node dispatches notifications");
        let began = Instant::now();
        let (mut watch_at, mut sweep_at) = (began, began);
        let mut sending = Sending::default();
        while !shutdown.is_cancelled() {
            if let Err(error) = leadership.check().await {
                tracing::warn!(%error, "the dispatcher's session is lost: another node may dispatch");
                break;
            }
            if Instant::now() >= watch_at {
                said(watch::sources(&self.service, began.elapsed()).await, "sources could not be watched");
                watch_at = Instant::now() + self.pace.watch_every;
            }
            said(self.step(&mut sending).await, "notifications could not be dispatched");
            if Instant::now() >= sweep_at {
                said(sweep::sweep(&self.service).await, "old deliveries could not be swept");
                sweep_at = Instant::now() + self.pace.sweep_every;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(_) = sending.posts.join_next(), if !sending.posts.is_empty() => {}
                Some(_) = sending.mails.join_next(), if !sending.mails.is_empty() => {}
                () = tokio::time::sleep(self.pace.tick) => {}
            }
        }
        // Each has its time limit.
        while sending.posts.join_next().await.is_some() {}
        while sending.mails.join_next().await.is_some() {}
        leadership.resign().await;
    }

    async fn step(&self, sending: &mut Sending) -> Result<()> {
        let attempts_max = i32::try_from(self.pace.retries.most_attempts).unwrap_or(i32::MAX);
        while fan_out::fan_out(&self.service, self.smtp.is_some(), attempts_max).await? > 0 {}
        while sending.posts.try_join_next().is_some() {}
        while sending.mails.try_join_next().is_some() {}
        let slots = free(self.pace.posts, sending.posts.len());
        if slots > 0 {
            let (now, until) = self.lease();
            let mut tx = system(&self.service).await?;
            let claimed = webhooks::claim(&mut tx, slots, self.pace.posts_each, now, until).await.map_err(failed)?;
            tx.commit().await.map_err(failed)?;
            for claimed in claimed {
                sending.posts.spawn(post::post(self.service.clone(), self.client.clone(), self.pace, claimed));
            }
        }
        let slots = free(self.pace.mails, sending.mails.len());
        if let (Some(smtp), 1..) = (&self.smtp, slots) {
            let (now, until) = self.lease();
            let mut tx = system(&self.service).await?;
            let claimed = mails::claim(&mut tx, slots, now, until).await.map_err(failed)?;
            tx.commit().await.map_err(failed)?;
            for claimed in claimed {
                sending.mails.spawn(mail::mail(self.service.clone(), smtp.clone(), self.pace, claimed));
            }
        }
        Ok(())
    }

    /// Now, and until when what is claimed now is this node's.
    fn lease(&self) -> (Timestamp, Timestamp) {
        let now = self.service.context.clock.now();
        let lease = SignedDuration::try_from(self.pace.lease).unwrap_or(SignedDuration::MAX);
        (now, now.saturating_add(lease).unwrap_or(Timestamp::MAX))
    }
}

fn free(slots: u16, taken: usize) -> u16 {
    slots.saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX))
}

/// The next round tries again.
fn said(done: Result<()>, what: &str) {
    if let Err(error) = done {
        tracing::warn!(error = %error.chain(), "{what}");
    }
}

async fn pause(shutdown: &CancellationToken, time: Duration) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
