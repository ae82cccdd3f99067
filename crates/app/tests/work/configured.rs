//! Configurations: their runs come when they are due, go where they say, and are kept for as long as they say; and weddings that are
//! captured by their day go there, too.

use crate::{
    schedule::Scheduling,
    support::{World, limits},
};
use keepsake_app::{
    Code,
    configuration::{self, Shown},
    execution::{self, Asked, What},
    policy,
    source::{self, Address, New},
    target,
};
use keepsake_catalog::points::Point;
use keepsake_domain::{
    ConfigurationId, PolicyId, SourceId, TargetId,
    configuration::{BackupType, Draft, OwnWindows, Scope, StorageTarget},
    execution::{ExecutionType, Outcome, State},
    point::Kind,
    retention::Policy,
    schedule::{Interval, Schedule},
    tier::Tier,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

const DAYS: Policy = Policy { critical_days: 300, high_days: 200, medium_days: 150, low_days: 100 };

impl World {
    async fn another_target(&self) -> TargetId {
        let folder = self.folder.path().join("another");
        fs::create_dir(&folder).unwrap();
        let url = format!("file://{}", folder.display());
        let new =
            target::New { organisation: None, name: "another".to_owned(), tier: Tier::CloudPrimary, url, keys: None };
        target::create(&self.service, &self.operator, new).await.unwrap().id
    }

    async fn disk(&self) -> TargetId {
        let all = target::list(&self.service, &self.operator, 9, None).await.unwrap().items;
        all.iter().find(|target| target.name == "disk").unwrap().id
    }

    fn draft(&self, target_id: TargetId, scope: Scope) -> Draft {
        Draft {
            name: Some("ours".to_owned()),
            backup_type: Some(BackupType::Incremental),
            source_id: Some(self.source),
            scope: Some(scope),
            storage_targets: Some(vec![StorageTarget { tier: Tier::CloudPrimary, target_id }]),
            ..Draft::default()
        }
    }

    async fn configure(&self, draft: Draft) -> ConfigurationId {
        configuration::create(&self.service, &self.restorer(), draft).await.unwrap().configuration.id
    }

    async fn configuration(&self, id: ConfigurationId) -> Shown {
        configuration::get(&self.service, &self.admin(), id).await.unwrap()
    }

    async fn policy(&self, rules: Policy) -> PolicyId {
        let new = policy::New { organisation: None, name: "our days".to_owned(), rules };
        policy::create(&self.service, &self.admin(), new).await.unwrap().id
    }

    /// Nothing happens by the days of the weddings.
    async fn no_days(&self) {
        self.sql("UPDATE keepsake.weddings SET next_run_at = now() + interval '10 days'").await;
    }

    async fn due(&self) {
        self.sql("UPDATE keepsake.backup_configurations SET next_run_at = now() - interval '3 hours'").await;
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn all() -> Scope {
    Scope::WeddingsByRule { criticality: Vec::new() }
}

fn hourly() -> Option<Schedule> {
    Some(Schedule::Interval { seconds: Interval::try_from(3600).unwrap() })
}

fn kept_days(point: &Point) -> i64 {
    point.keep_until.duration_since(point.created_at).as_hours() / 24
}

#[tokio::test]
async fn a_configuration_whose_time_has_come_runs_once_and_goes_to_its_target() {
    let world = World::new().await;
    world.no_days().await;
    // There are points elsewhere already.
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let target = world.another_target().await;
    let windows =
        OwnWindows { start_within_seconds: Some(600), complete_within_seconds: Some(1200), ..OwnWindows::default() };
    let retention_policy_id = Some(world.policy(DAYS).await);
    let draft = Draft { schedule: hourly(), windows, retention_policy_id, ..world.draft(target, all()) };
    let id = world.configure(draft).await;
    assert!(world.configuration(id).await.configuration.next_run_at.is_some(), "its first run is planned");
    world.due().await;
    let scheduling = Scheduling::of(&world.service);
    world.until_quiet().await;
    let shown = world.configuration(id).await;
    let ran = shown.last_execution.expect("it ran");
    assert_eq!((ran.execution_type, ran.state, ran.target), (ExecutionType::Scheduled, State::Completed, target));
    assert_eq!(ran.figures["weddings_stored"], world.weddings.len(), "that one is elsewhere does not count here");
    let (last, next) = (shown.configuration.last_run_at.unwrap(), shown.configuration.next_run_at.unwrap());
    assert!(next > last && next.duration_since(last).as_secs() <= 3600, "what was missed is caught up once");
    for points in world.points_by_wedding().await.values() {
        assert_eq!(points[0].target, target);
        let expected = DAYS.keep(points[0].retention_class).as_hours() / 24;
        assert_eq!(kept_days(&points[0]), expected);
    }
    let owner = world.server.connect("catalog").await;
    let waits = "SELECT extract(epoch FROM start_before - created_at)::bigint, extract(epoch FROM finish_before - created_at)::bigint \
                 FROM keepsake.backup_jobs WHERE configuration_id = $1";
    let row = owner.query_one(waits, &[id.as_uuid()]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (600, 1800), "its windows are the job's");

    // The next run finds nothing new.
    world.due().await;
    world.until_quiet().await;
    scheduling.stop().await;
    worker.stop().await;
    let ran = world.configuration(id).await.last_execution.unwrap();
    assert_eq!(ran.result, Some(Outcome::Unchanged), "{ran:#?}");
    assert_eq!(ran.figures["weddings_unchanged"], world.weddings.len());
    assert_eq!(world.executions().await.iter().filter(|one| one.configuration == Some(id)).count(), 2);
}

#[tokio::test]
async fn weddings_captured_by_their_day_go_where_the_most_particular_configuration_says_and_are_kept_as_it_says() {
    let world = World::new().await;
    let (other, disk) = (world.another_target().await, world.disk().await);
    let retention_policy_id = Some(world.policy(DAYS).await);
    let everything = Draft { retention_policy_id, ..world.draft(other, all()) };
    assert_eq!(world.configuration(world.configure(everything).await).await.configuration.next_run_at, None);
    let single = &world.weddings[0];
    let one = Draft {
        name: Some("one".to_owned()),
        storage_targets: Some(vec![StorageTarget { tier: Tier::Local, target_id: disk }]),
        ..world.draft(disk, Scope::Wedding { wedding_id: single.id })
    };
    world.configure(one).await;
    let (worker, scheduling) = (world.work(limits()), Scheduling::of(&world.service));
    world.until_quiet().await;
    // A second time, when there are points to go by.
    world.all_due().await;
    world.until_quiet().await;
    scheduling.stop().await;
    worker.stop().await;
    let points = world.points_by_wedding().await;
    assert_eq!(points.len(), world.weddings.len());
    for (wedding, points) in points {
        let [point] = &points[..] else { panic!("one point: {points:#?}") };
        assert_eq!(point.target, if wedding == single.id { disk } else { other });
        assert_eq!(kept_days(point), DAYS.keep(point.retention_class).as_hours() / 24, "no other one says how long");
    }
    assert!(world.executions().await.iter().all(|one| one.configuration.is_none()), "they add no runs");
}

#[tokio::test]
async fn what_is_asked_of_a_configuration_is_done_as_it_says() {
    let world = World::new().await;
    world.no_days().await;
    let target = world.another_target().await;
    let full = Draft { backup_type: Some(BackupType::Full), ..world.draft(target, all()) };
    let full = world.configure(full).await;
    let emergency = Draft {
        name: Some("emergency".to_owned()),
        backup_type: Some(BackupType::Emergency),
        ..world.draft(target, Scope::Wedding { wedding_id: world.weddings[0].id })
    };
    let emergency = world.configure(emergency).await;
    let ask = Asked { what: What::Configuration(full), target: None, emergency: false, reason: None };
    let first = execution::start(&world.service, &world.admin(), &ask).await.unwrap();
    let again = execution::start(&world.service, &world.admin(), &ask).await.unwrap();
    assert_eq!((again.execution, again.joined), (first.execution, true), "one run of a configuration at a time");
    let elsewhere = Asked { target: Some(target), ..ask.clone() };
    let refused = execution::start(&world.service, &world.admin(), &elsewhere).await.unwrap_err();
    assert_eq!(refused.code(), Code::Invalid);
    let refused = execution::start(&world.service, &world.member().await, &ask).await.unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden);
    let worker = world.work(limits());
    let done = world.until_completed(first.execution).await;
    assert_eq!((done.execution_type, done.configuration, done.target), (ExecutionType::Manual, Some(full), target));
    world.until_completed(execution::start(&world.service, &world.admin(), &ask).await.unwrap().execution).await;
    assert!(
        world.points_by_wedding().await.values().all(|points| points.len() == 2),
        "full stores all, changed or not"
    );
    let urgent = world.start(What::Configuration(emergency), false).await;
    let done = world.until_completed(urgent).await;
    worker.stop().await;
    assert_eq!((done.execution_type, done.wedding), (ExecutionType::Emergency, Some(world.weddings[0].id)));
    assert!(done.point.is_some());
}

#[tokio::test]
async fn whole_databases_and_folders_are_backed_up_for_as_long_as_they_are_configured() {
    let world = World::new().await;
    let target = world.another_target().await;
    let retention_policy_id = Some(world.policy(DAYS).await);
    let backup_type = Some(BackupType::Full);
    let draft = Draft { schedule: hourly(), backup_type, retention_policy_id, ..world.draft(target, Scope::Database) };
    let database = world.configure(draft).await;
    let url = format!("file://{}", world.folder.path().join("photos").display());
    let new = New {
        organisation: None,
        name: "photos".to_owned(),
        address: Address::Directory { url },
        files_root: None,
        identity: None,
        assignments: BTreeMap::new(),
    };
    let folder = source::create(&world.service, &world.operator, new).await.unwrap().id;
    let draft = Draft { schedule: hourly(), source_id: Some(folder), ..world.draft(target, Scope::Directory) };
    let made = configuration::create(&world.service, &world.operator, draft).await.unwrap();
    let worker = world.work(limits());
    world.until_completed(world.start(What::Configuration(database), false).await).await;
    let what = What::Configuration(made.configuration.id);
    let ask = Asked { what, target: None, emergency: false, reason: None };
    let started = execution::start(&world.service, &world.operator, &ask).await.unwrap().execution;
    for _ in 0..600 {
        let shown = execution::get(&world.service, &world.operator, started).await.unwrap();
        if shown.state.is_terminal() {
            assert_eq!((shown.state, shown.source), (State::Completed, folder), "{shown:#?}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.stop().await;
    let points = world.points().await;
    let [point] = &points[..] else { panic!("one point of theirs: {points:#?}") };
    assert_eq!((point.kind, kept_days(point)), (Kind::Database, 300));
    let filter = keepsake_catalog::points::Filter { kind: Some(Kind::Files), ..Default::default() };
    let files = keepsake_app::recovery_point::list(&world.service, &world.operator, filter, 9, None).await.unwrap();
    assert_eq!(files.items.iter().map(|point| point.source).collect::<Vec<_>>(), [Some(folder)]);
}

#[tokio::test]
async fn a_run_that_nobody_began_in_time_lapses_and_the_next_one_comes() {
    let world = World::new().await;
    world.no_days().await;
    let target = world.another_target().await;
    let id = world.configure(Draft { schedule: hourly(), ..world.draft(target, all()) }).await;
    world.due().await;
    let scheduling = Scheduling::of(&world.service);
    let run = loop {
        match world.configuration(id).await.last_execution {
            Some(run) => break run,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(world.job_state(&run).await, "queued");
    world.sql("UPDATE keepsake.backup_jobs SET start_before = now() - interval '1 second'").await;
    let lapsed = world.until_ended(run.id).await;
    assert_eq!((lapsed.state, lapsed.started_at), (State::Failed, None));
    assert_eq!(lapsed.error.unwrap()["code"], "window-missed");
    world.due().await;
    let worker = world.work(limits());
    world.until_quiet().await;
    scheduling.stop().await;
    worker.stop().await;
    let next = world.configuration(id).await.last_execution.unwrap();
    assert!(next.id != run.id && next.state == State::Completed, "{next:#?}");
}

#[tokio::test]
async fn a_configuration_is_not_deleted_under_its_run_unless_that_is_cancelled() {
    let world = World::new().await;
    world.no_days().await;
    let target = world.another_target().await;
    let id = world.configure(world.draft(target, all())).await;
    let worker = world.work(limits());
    let held = world.hold_up();
    let run = world.start(What::Configuration(id), false).await;
    world.until_begun(run).await;
    let delete = async |cancel| configuration::delete(&world.service, &world.admin(), id, 1, cancel).await;
    assert_eq!(delete(false).await.unwrap_err().code(), Code::InUse);
    assert_eq!(world.configuration(id).await.configuration.version, 1, "nothing was changed");
    delete(true).await.unwrap();
    let ended = world.until_ended(run).await;
    assert_eq!((ended.state, ended.point), (State::Cancelled, None));
    drop(held);
    worker.stop().await;
    assert!(world.points().await.is_empty());
    let gone = configuration::get(&world.service, &world.admin(), id).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let ask = Asked { what: What::Configuration(id), target: None, emergency: false, reason: None };
    assert_eq!(execution::start(&world.service, &world.admin(), &ask).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_test_tries_everything_and_keeps_nothing() {
    let world = World::new().await;
    let target = world.another_target().await;
    let id = world.configure(world.draft(target, all())).await;
    let tested = configuration::test(&world.service, &world.admin(), id).await.unwrap();
    let states: Vec<_> = tested.checks.iter().map(|check| (check.name, check.state)).collect();
    for name in ["connection", "privileges", "mapping", "sample", "storage"] {
        assert!(states.contains(&(name, configuration::CheckState::Pass)), "{name}: {tested:#?}");
    }
    assert!(tested.estimate.unwrap().raw_bytes > 0);
    assert_eq!(files_below(&world.folder.path().join("another")), [] as [PathBuf; 0]);
    assert!(world.points().await.is_empty() && world.executions().await.is_empty());

    // What is wrong is a check that failed.
    world.planner.batch_execute("REVOKE SELECT ON guests FROM planner_backup").await.unwrap();
    fs::remove_dir_all(world.folder.path().join("another")).unwrap();
    fs::write(world.folder.path().join("another"), "in the way").unwrap();
    let tested = configuration::test(&world.service, &world.admin(), id).await.unwrap();
    let failed: Vec<_> = tested.checks.iter().filter(|check| check.state == configuration::CheckState::Fail).collect();
    assert_eq!(failed.iter().map(|check| check.name).collect::<Vec<_>>(), ["sample", "storage"], "{tested:#?}");
    assert!(failed.iter().all(|check| check.remedy.is_some() && check.code.is_some()));
    assert_eq!(tested.estimate, None);
}

#[tokio::test]
async fn s29_a_configuration_names_only_what_its_organisation_may_use() {
    let world = World::new().await;
    let target = world.another_target().await;
    let foreign = SourceId::from_uuid(uuid::Uuid::from_u128(0xdead));
    let draft = Draft { source_id: Some(foreign), ..world.draft(target, all()) };
    let refused = configuration::create(&world.service, &world.admin(), draft).await.unwrap_err();
    assert!(refused.to_string().starts_with("/source_id"), "{refused}");
    // The operator's configuration has no place in a supplier's source, whole or in part.
    let operator = Draft { organisation_id: world.operator.organisation(), ..world.draft(target, Scope::Database) };
    let draft = Draft { schedule: hourly(), ..operator };
    let refused = configuration::create(&world.service, &world.operator, draft).await.unwrap_err();
    assert!(refused.to_string().starts_with("/scope/kind"), "{refused}");
    let wedding_id = world.weddings[0].id;
    let operator =
        Draft { organisation_id: world.operator.organisation(), ..world.draft(target, Scope::Wedding { wedding_id }) };
    let refused = configuration::create(&world.service, &world.operator, operator).await.unwrap_err();
    assert!(refused.to_string().starts_with("/scope/wedding_id"), "{refused}");
    let theirs = Draft { organisation_id: world.operator.organisation(), ..world.draft(target, all()) };
    let refused = configuration::create(&world.service, &world.admin(), theirs).await.unwrap_err();
    assert!(matches!(refused.code(), Code::NotFound | Code::Forbidden), "{refused}");
}
