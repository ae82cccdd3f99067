//! The queue: order, limits, leases, and what becomes of a dead worker's job.

use crate::support::{World, settings};
use jiff::Timestamp;
use keepsake_catalog::{
    Catalog, Error, Scope,
    queue::{Claimed, Heartbeat, Kind, Lane, Limits, NewJob, Outcome, enqueue, finish, request_cancel},
};
use keepsake_domain::{JobId, OrganisationId, RequestId, SourceId};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);

fn request() -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(1))
}

fn job(number: u128, organisation: OrganisationId, priority: i16) -> NewJob {
    NewJob {
        id: JobId::from_uuid(Uuid::from_u128(0x1000 + number)),
        organisation,
        kind: Kind::Backup,
        priority,
        emergency: false,
        source: None,
        wedding: None,
        configuration: None,
        payload: serde_json::json!({"number": u64::try_from(number).unwrap()}),
        dedup_key: None,
        run_after: Timestamp::UNIX_EPOCH,
        start_before: None,
        finish_before: None,
        attempts_max: 3,
        stall_limit: Duration::from_secs(60),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

async fn put(catalog: &Catalog, jobs: &[NewJob]) -> Vec<bool> {
    let mut tx = catalog.begin(&Scope::system(request())).await.unwrap();
    let mut new = Vec::new();
    for job in jobs {
        new.push(enqueue(&mut tx, job).await.unwrap());
    }
    tx.commit().await.unwrap();
    new
}

async fn claim(catalog: &Catalog, lane: Lane, slots: u16, limits: Limits) -> Vec<Claimed> {
    let mut all = Vec::new();
    loop {
        let left = slots - u16::try_from(all.len()).unwrap();
        let some = catalog.claim(lane, left, limits, LEASE).await.unwrap();
        if some.is_empty() || left == 0 {
            return all;
        }
        all.extend(some);
    }
}

fn numbers(jobs: &[Claimed]) -> Vec<u64> {
    jobs.iter().map(|job| job.payload["number"].as_u64().unwrap()).collect()
}

async fn end(catalog: &Catalog, job: &Claimed, outcome: Outcome) -> Result<bool, Error> {
    let mut tx = catalog.begin(&Scope::worker(job.organisation, request())).await.unwrap();
    let dead = finish(&mut tx, job, &outcome, Timestamp::UNIX_EPOCH).await?;
    tx.commit().await?;
    Ok(dead)
}

#[tokio::test]
async fn the_most_urgent_is_first_and_organisations_take_turns_within_their_limits() {
    let world = World::new().await;
    let mut jobs: Vec<NewJob> = (0..6).map(|n| job(n, world.a, 4)).collect();
    jobs.extend([job(10, world.b, 4), job(11, world.b, 9), job(12, world.b, 2)]);
    put(&world.catalog, &jobs).await;
    let limits = Limits { total: 5, organisation: 3, source: 3 };
    let claimed = claim(&world.catalog, Lane::Ordinary, 50, limits).await;
    assert_eq!(numbers(&claimed).iter().collect::<BTreeSet<_>>(), BTreeSet::from([&0, &1, &2, &10, &11]));
    assert_eq!(numbers(&claimed)[0], 11, "the most urgent of all: {:?}", numbers(&claimed));
    assert!(claim(&world.catalog, Lane::Ordinary, 50, limits).await.is_empty(), "five run, and no more may");
    end(&world.catalog, &claimed[0], Outcome::Done).await.unwrap();
    assert_eq!(numbers(&claim(&world.catalog, Lane::Ordinary, 50, limits).await), [12], "A has its three");
}

#[tokio::test]
async fn emergencies_have_a_lane_of_their_own() {
    let world = World::new().await;
    let emergency = NewJob { emergency: true, priority: 10, ..job(7, world.a, 10) };
    put(&world.catalog, &[job(0, world.a, 4), job(1, world.a, 4), emergency]).await;
    let limits = Limits { total: 1, organisation: 1, source: 3 };
    assert_eq!(numbers(&claim(&world.catalog, Lane::Ordinary, 50, limits).await), [0]);
    assert_eq!(numbers(&claim(&world.catalog, Lane::Emergency, 4, limits).await), [7], "with every slot taken");
}

#[tokio::test]
async fn s11_a_source_has_a_limit_over_all_organisations_and_one_more_for_an_emergency() {
    let world = World::new().await;
    let source = Some(SourceId::from_uuid(Uuid::from_u128(0x4a0)));
    let on = |n, organisation| NewJob { source, ..job(n, organisation, 4) };
    put(&world.catalog, &[on(0, world.a), on(1, world.a), on(2, world.b), on(3, world.b)]).await;
    let limits = Limits { source: 3, ..Limits::default() };
    assert_eq!(claim(&world.catalog, Lane::Ordinary, 50, limits).await.len(), 3);
    put(&world.catalog, &[NewJob { emergency: true, ..on(9, world.b) }]).await;
    assert_eq!(numbers(&claim(&world.catalog, Lane::Emergency, 4, limits).await), [9]);
}

#[tokio::test]
async fn two_nodes_that_claim_at_once_never_get_one_job_twice() {
    let world = World::new().await;
    let other = Catalog::open(&settings(&world.server, 5)).await.unwrap();
    let jobs: Vec<NewJob> = (0..40).map(|n| job(n, if n % 2 == 0 { world.a } else { world.b }, 4)).collect();
    put(&world.catalog, &jobs).await;
    let limits = Limits { total: 100, organisation: 100, source: 100 };
    let (one, two) =
        tokio::join!(claim(&world.catalog, Lane::Ordinary, 40, limits), claim(&other, Lane::Ordinary, 40, limits));
    let mut all = [numbers(&one), numbers(&two)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_job_is_not_enqueued_twice_and_not_before_its_time_or_after_its_window() {
    let world = World::new().await;
    let keyed = |n| NewJob { dedup_key: Some("wedding 1".to_owned()), ..job(n, world.a, 4) };
    assert_eq!(put(&world.catalog, &[keyed(0), keyed(1)]).await, [true, false]);
    let later = NewJob { run_after: Timestamp::MAX, ..job(2, world.a, 9) };
    let late = NewJob { start_before: Some(Timestamp::UNIX_EPOCH), ..job(3, world.a, 9) };
    put(&world.catalog, &[later, late]).await;
    let claimed = claim(&world.catalog, Lane::Ordinary, 50, Limits::default()).await;
    assert_eq!(numbers(&claimed), [0]);
    assert_eq!(put(&world.catalog, &[keyed(4)]).await, [false], "it runs");
    end(&world.catalog, &claimed[0], Outcome::Done).await.unwrap();
    assert_eq!(put(&world.catalog, &[keyed(5)]).await, [true], "it is done");
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_can_neither_renew_nor_end_the_job() {
    let world = World::new().await;
    put(&world.catalog, &[job(0, world.a, 4)]).await;
    let [lost] = &world.catalog.claim(Lane::Ordinary, 1, Limits::default(), Duration::ZERO).await.unwrap()[..] else {
        panic!("one job")
    };
    assert_eq!(world.catalog.heartbeat(lost, true, LEASE).await.unwrap(), Heartbeat::Lost);
    let [reaped] = &world.catalog.reap(Duration::ZERO).await.unwrap()[..] else { panic!("one job") };
    assert!(!reaped.dead && reaped.id == lost.id);
    let [again] = &claim(&world.catalog, Lane::Ordinary, 1, Limits::default()).await[..] else { panic!("again") };
    assert_eq!(again.attempt, 2);
    assert!(matches!(end(&world.catalog, lost, Outcome::Done).await, Err(Error::Conflict)));
    assert_eq!(world.catalog.heartbeat(again, true, LEASE).await.unwrap(), Heartbeat::Held);
    assert!(!end(&world.catalog, again, Outcome::Done).await.unwrap());
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_until_it_is_dead() {
    let world = World::new().await;
    put(&world.catalog, &[job(0, world.a, 4)]).await;
    let error = serde_json::json!({"code": "database-unreachable"});
    for attempt in 1..=3 {
        let [claimed] = &claim(&world.catalog, Lane::Ordinary, 1, Limits::default()).await[..] else {
            panic!("{attempt}")
        };
        let dead = end(&world.catalog, claimed, Outcome::Retry(error.clone(), Timestamp::UNIX_EPOCH)).await.unwrap();
        assert_eq!(dead, attempt == 3);
    }
    assert!(claim(&world.catalog, Lane::Ordinary, 1, Limits::default()).await.is_empty());
}

#[tokio::test]
async fn a_worker_that_dies_again_and_again_makes_the_job_dead() {
    let world = World::new().await;
    put(&world.catalog, &[job(0, world.a, 4)]).await;
    for attempt in 1..=3 {
        let claimed = world.catalog.claim(Lane::Ordinary, 1, Limits::default(), Duration::ZERO).await.unwrap();
        assert_eq!(claimed.len(), 1, "{attempt}");
        let [reaped] = &world.catalog.reap(Duration::ZERO).await.unwrap()[..] else { panic!("{attempt}") };
        assert_eq!(reaped.dead, attempt == 3);
    }
}

#[tokio::test]
async fn a_cancellation_ends_a_waiting_job_at_once_and_reaches_a_running_one_by_its_heartbeat() {
    let world = World::new().await;
    put(&world.catalog, &[job(0, world.a, 9), job(1, world.a, 4)]).await;
    let claimed = world.catalog.claim(Lane::Ordinary, 1, Limits::default(), LEASE).await.unwrap();
    let mut wakeups = world.catalog.wakeups().await.unwrap();
    let mut tx = world.catalog.begin(&Scope::system(request())).await.unwrap();
    let mut answers = Vec::new();
    for number in [0, 1, 2] {
        let id = JobId::from_uuid(Uuid::from_u128(0x1000 + number));
        answers.push(request_cancel(&mut tx, id, Timestamp::UNIX_EPOCH).await.unwrap());
    }
    tx.commit().await.unwrap();
    assert_eq!(answers, [Some(false), Some(true), None]);
    let woken = std::time::Instant::now();
    wakeups.next(Duration::from_secs(20)).await;
    assert!(woken.elapsed() < Duration::from_secs(10), "a cancellation wakes the workers");
    assert_eq!(world.catalog.heartbeat(&claimed[0], false, LEASE).await.unwrap(), Heartbeat::CancelRequested);
    end(&world.catalog, &claimed[0], Outcome::Cancelled).await.unwrap();
    assert!(claim(&world.catalog, Lane::Ordinary, 9, Limits::default()).await.is_empty());
}

#[tokio::test]
async fn a_job_that_is_given_back_was_not_tried() {
    let world = World::new().await;
    put(&world.catalog, &[job(0, world.a, 4)]).await;
    let claimed = world.catalog.claim(Lane::Ordinary, 1, Limits::default(), LEASE).await.unwrap();
    assert!(world.catalog.give_back(&claimed[0]).await.unwrap());
    assert!(!world.catalog.give_back(&claimed[0]).await.unwrap());
    assert_eq!(claim(&world.catalog, Lane::Ordinary, 1, Limits::default()).await[0].attempt, 1);
}
