//! What happens by itself: weddings are looked for, captured when they are due, and confirmed when nothing changed.

use crate::support::{World, limits};
use keepsake_app::{
    scheduler::{self, Pace},
    service::Service,
    wedding,
};
use keepsake_catalog::{points::Point, weddings};
use keepsake_domain::{
    Frequency, WeddingId,
    execution::{ExecutionType, Outcome, State},
    wedding::{Settings, Thresholds},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A scheduler that runs, with short patience.
pub struct Scheduling {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Scheduling {
    pub fn of(service: &Service) -> Self {
        let pace = Pace {
            tick: Duration::from_millis(100),
            sync_every: Duration::from_secs(1),
            weekend_every: Duration::from_millis(300),
            sweep_every: Duration::from_millis(500),
        };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(scheduler::run(service.clone(), pace, shutdown.clone()));
        Self { shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    async fn die(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl World {
    pub async fn sql(&self, statement: &str) {
        self.server.connect("catalog").await.batch_execute(statement).await.unwrap();
    }

    /// Makes every wedding due.
    pub async fn all_due(&self) {
        self.sql("UPDATE keepsake.weddings SET next_run_at = now()").await;
    }

    /// Waits until no wedding and no configuration is due and nothing is at work.
    pub async fn until_quiet(&self) {
        let busy = "SELECT (SELECT count(*) FROM keepsake.weddings WHERE next_run_at <= now() AND vanished_at IS NULL) \
                    + (SELECT count(*) FROM keepsake.backup_configurations WHERE next_run_at <= now() AND enabled) \
                    + (SELECT count(*) FROM keepsake.backup_jobs WHERE state IN ('queued', 'leased'))";
        let owner = self.server.connect("catalog").await;
        for _ in 0..600 {
            if owner.query_one(busy, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never came to rest: {:#?}", self.executions().await);
    }

    pub async fn points_by_wedding(&self) -> BTreeMap<WeddingId, Vec<Point>> {
        let mut all: BTreeMap<WeddingId, Vec<Point>> = BTreeMap::new();
        for point in self.points().await {
            all.entry(point.wedding.unwrap()).or_default().push(point);
        }
        all
    }

    async fn known(&self, id: WeddingId) -> weddings::Wedding {
        wedding::get(&self.service, &self.admin(), id).await.unwrap()
    }

    async fn in_real_time(&self, id: WeddingId) {
        let settings = Settings { frequency_override: Some(Frequency::RealTime), ..Settings::default() };
        wedding::set_settings(&self.service, &self.restorer(), id, 0, settings, &Thresholds::default()).await.unwrap();
    }
}

#[tokio::test]
async fn s11_due_weddings_of_a_source_are_captured_in_one_pass_and_confirmed_while_nothing_changes() {
    let world = World::new().await;
    let (worker, scheduling) = (world.work(limits()), Scheduling::of(&world.service));
    world.until_quiet().await;
    let first = world.points_by_wedding().await;
    assert_eq!(first.len(), world.weddings.len(), "each has a point");
    let executions = world.executions().await;
    let [pass] = &executions[..] else { panic!("one pass: {executions:#?}") };
    assert_eq!((pass.execution_type, pass.state, pass.wedding), (ExecutionType::Scheduled, State::Completed, None));
    assert_eq!(pass.figures["weddings_stored"], world.weddings.len());

    let rename = "UPDATE guests SET first_name = first_name || ' II' WHERE id = (SELECT id FROM guests WHERE wedding_id = $1::text::uuid LIMIT 1)";
    let changed = &world.weddings[0];
    assert_eq!(world.planner.execute(rename, &[&changed.external_id]).await.unwrap(), 1);
    let before: Vec<_> = first.values().map(|points| (points[0].id, points[0].confirmed_at)).collect();
    world.all_due().await;
    world.until_quiet().await;
    scheduling.stop().await;
    worker.stop().await;
    for (id, points) in world.points_by_wedding().await {
        assert_eq!(points.len(), if id == changed.id { 2 } else { 1 }, "only what changed is stored");
        let oldest = points.last().unwrap();
        let (_, confirmed_at) = before.iter().find(|(point, _)| *point == oldest.id).unwrap();
        if id == changed.id {
            assert_eq!(oldest.confirmed_at, *confirmed_at, "it is not confirmed beyond the change");
        } else {
            assert!(oldest.confirmed_at > *confirmed_at, "it is confirmed");
            assert_eq!(world.known(id).await.confirmed_at, Some(oldest.confirmed_at));
        }
        assert!(world.known(id).await.next_run_at.unwrap() > oldest.captured_at);
    }
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn s11_in_real_time_weddings_are_confirmed_without_being_read_while_nothing_is_written_to_their_source() {
    let world = World::new().await;
    for wedding in &world.weddings {
        world.in_real_time(wedding.id).await;
    }
    // What this session wrote is counted from now on.
    world.planner.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    world.planner.batch_execute("SELECT 1").await.unwrap();
    let (worker, scheduling) = (world.work(limits()), Scheduling::of(&world.service));
    world.until_quiet().await;
    let first = world.points_by_wedding().await;
    // Nobody can read guests any more.
    let locker = world.server.connect("planner").await;
    locker.batch_execute("BEGIN; LOCK TABLE guests IN ACCESS EXCLUSIVE MODE").await.unwrap();
    world.all_due().await;
    world.until_quiet().await;
    let second = world.executions().await.pop().unwrap();
    assert_eq!((second.state, second.result), (State::Completed, Some(Outcome::Unchanged)), "{second:#?}");
    assert_eq!(second.figures["weddings_unchanged"], world.weddings.len());
    drop(locker);
    // After an hour they are read, whatever the server counts.
    world
        .sql("UPDATE keepsake.sources SET hints = jsonb_set(hints, '{read_at}', to_jsonb(now() - interval '1 hour'))")
        .await;
    world.planner.batch_execute("SET track_counts = off").await.unwrap();
    let rename = "UPDATE guests SET first_name = first_name || ' II' WHERE wedding_id = $1::text::uuid";
    world.planner.execute(rename, &[&world.weddings[0].external_id]).await.unwrap();
    world.all_due().await;
    world.until_quiet().await;
    scheduling.stop().await;
    worker.stop().await;
    let counts: Vec<usize> = world.points_by_wedding().await.values().map(Vec::len).collect();
    assert_eq!(counts.iter().sum::<usize>(), first.len() + 1, "{counts:?}");
}

#[tokio::test]
async fn a_wedding_that_is_gone_does_not_keep_the_others_from_being_captured() {
    let world = World::new().await;
    let gone = &world.weddings[0];
    let delete = format!("DELETE FROM weddings WHERE id = '{}'", gone.external_id);
    world.planner.batch_execute("SET session_replication_role = replica").await.unwrap();
    world.planner.batch_execute(&delete).await.unwrap();
    let (worker, scheduling) = (world.work(limits()), Scheduling::of(&world.service));
    world.until_quiet().await;
    for _ in 0..200 {
        if world.known(gone.id).await.vanished_at.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scheduling.stop().await;
    worker.stop().await;
    assert!(world.known(gone.id).await.vanished_at.is_some(), "a look at the source finds it gone");
    let points = world.points_by_wedding().await;
    assert_eq!(points.len(), world.weddings.len() - 1);
    assert!(!points.contains_key(&gone.id));
}

#[tokio::test]
async fn another_node_schedules_when_the_one_that_did_is_killed() {
    let world = World::new().await;
    let worker = world.work(limits());
    let (first, second) = (Scheduling::of(&world.service), Scheduling::of(&world.service));
    world.until_quiet().await;
    let leaders = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keepsake leader'";
    let owner = world.server.connect("catalog").await;
    assert_eq!(owner.query_one(leaders, &[]).await.unwrap().get::<_, i64>(0), 1, "one leads");
    first.die().await;
    world.all_due().await;
    world.until_quiet().await;
    second.stop().await;
    worker.stop().await;
    assert_eq!(world.executions().await.len(), 2, "each run was scheduled once");
}

#[tokio::test]
async fn passes_that_changed_nothing_are_swept_after_a_day_and_no_others() {
    let world = World::new().await;
    let (worker, scheduling) = (world.work(limits()), Scheduling::of(&world.service));
    world.until_quiet().await;
    world.all_due().await;
    world.until_quiet().await;
    assert_eq!(world.executions().await.len(), 2);
    world.sql("UPDATE keepsake.backup_executions SET ended_at = ended_at - interval '25 hours'").await;
    for _ in 0..100 {
        if world.executions().await.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scheduling.stop().await;
    worker.stop().await;
    let left = world.executions().await;
    assert_eq!(left.iter().map(|one| one.result).collect::<Vec<_>>(), [Some(Outcome::Stored)]);
}
