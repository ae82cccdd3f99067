//! Checks of points, rehearsed restores, and the Saturday protocol.

use crate::{
    schedule::Scheduling,
    support::{World, limits},
};
use keepsake_app::{Code, check};
use keepsake_catalog::checks::Check;
use keepsake_domain::{
    CheckId, PointId,
    check::{Level, State},
};
use std::{fs, time::Duration};

impl World {
    async fn checked(&self, point: PointId, level: Level) -> Check {
        let id = check::start(&self.service, &self.admin(), point, level).await.unwrap();
        self.until_checked(id).await
    }

    async fn until_checked(&self, id: CheckId) -> Check {
        for _ in 0..1200 {
            let found = check::get(&self.service, &self.admin(), id).await.unwrap();
            if found.ended_at.is_some() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never ended");
    }

    fn scratch_folders(&self) -> usize {
        fs::read_dir(self.service.context.home.folder().join("scratch")).map_or(0, Iterator::count)
    }

    /// Files of the store whose path holds `part`, the largest first.
    fn stored(&self, part: &str) -> Vec<std::path::PathBuf> {
        fn walk(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
            }
        }
        let mut found = Vec::new();
        walk(&self.store(), &mut found);
        found.retain(|path| path.to_str().unwrap().contains(part));
        found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
        found
    }
}

#[tokio::test]
async fn a_point_is_checked_at_every_level_and_its_restore_is_rehearsed_away_from_live() {
    let world = World::new().await;
    let worker = world.work(limits());
    let done = world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let point = done.point.unwrap();
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'planner' AND application_name LIKE 'keepsake%'";
    // Nobody gets through to the planner any more: a check needs nothing of it.
    let held = world.hold_up();
    for level in [Level::Manifest, Level::Hashes, Level::ReadAll, Level::ScratchRestore] {
        let check = world.checked(point, level).await;
        assert_eq!((check.state, check.passed), (State::Completed, Some(true)), "{check:#?}");
        if level == Level::ScratchRestore {
            assert!(
                check.figures["rows"].as_u64() > Some(50) && check.figures["files"].as_u64() > Some(0),
                "{check:#?}"
            );
            assert!(check.figures["references"].as_u64() > Some(20), "{check:#?}");
            assert!(check.figures["rto_ms"].as_u64() > Some(0), "{check:#?}");
        }
    }
    assert_eq!(world.planner.query_one(sessions, &[]).await.unwrap().get::<_, i64>(0), 0);
    drop(held);
    worker.stop().await;
    let known = &world.points().await[0];
    assert_eq!(known.verification.as_deref(), Some("decrypted"));
    assert_eq!(world.scratch_folders(), 0, "nothing is left of it");
}

#[tokio::test]
async fn what_is_wrong_with_a_point_is_found_and_a_rehearsal_fails_with_it() {
    let world = World::new().await;
    let worker = world.work(limits());
    let done = world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let pack = &world.stored("/data/")[0];
    let mut bytes = fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut permissions = fs::metadata(pack).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "the test is its only user")]
    permissions.set_readonly(false);
    fs::set_permissions(pack, permissions).unwrap();
    fs::write(pack, &bytes).unwrap();
    let listed = world.checked(done.point.unwrap(), Level::Manifest).await;
    assert_eq!(listed.passed, Some(true), "all of it is there: {listed:#?}");
    for level in [Level::Hashes, Level::ReadAll, Level::ScratchRestore] {
        let check = world.checked(done.point.unwrap(), level).await;
        assert_eq!((check.state, check.passed), (State::Completed, Some(false)), "{level}: {check:#?}");
        assert!(!check.findings.as_array().unwrap().is_empty());
    }
    worker.stop().await;
}

#[tokio::test]
async fn only_weddings_are_rehearsed_and_members_may_look_but_not_ask() {
    let world = World::new().await;
    let worker = world.work(limits());
    let whole =
        world.until_completed(world.start(keepsake_app::execution::What::Source(world.source), false).await).await;
    let own = world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let refused = check::start(&world.service, &world.admin(), whole.point.unwrap(), Level::ScratchRestore).await;
    assert_eq!(refused.unwrap_err().code(), Code::Invalid);
    assert_eq!(world.checked(whole.point.unwrap(), Level::ReadAll).await.passed, Some(true));
    let member = world.member().await;
    let refused = check::start(&world.service, &member, own.point.unwrap(), Level::Hashes).await.unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden);
    let check = world.checked(own.point.unwrap(), Level::Hashes).await;
    assert_eq!(check::get(&world.service, &member, check.id).await.unwrap().passed, Some(true));
    let other = world.checked(whole.point.unwrap(), Level::Hashes).await;
    assert_eq!(check::get(&world.service, &member, other.id).await.unwrap_err().code(), Code::NotFound);
    worker.stop().await;
}

#[tokio::test]
async fn b4_before_a_weekend_a_wedding_is_backed_up_whole_and_its_restore_rehearsed_by_itself() {
    let world = World::new().await;
    let near = &world.weddings[0];
    // Its day is in two days, and everything is overdue.
    world.planner.batch_execute("UPDATE weddings SET wedding_date = '2040-06-02'").await.unwrap();
    let set = "UPDATE weddings SET wedding_date = current_date + 2 WHERE id = $1::text::uuid";
    world.planner.execute(set, &[&near.external_id]).await.unwrap();
    let (worker, scheduling) = (world.work(limits()), Scheduling::of(&world.service));
    let owner = world.server.connect("catalog").await;
    let prepared =
        "SELECT full_backup_at IS NOT NULL AND rehearsed_backup_at IS NOT NULL FROM keepsake.weddings WHERE id = $1";
    let mut ready = false;
    for _ in 0..600 {
        ready = owner.query_one(prepared, &[near.id.as_uuid()]).await.unwrap().get(0);
        if ready {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ready, "{:#?}", world.executions().await);
    // It is done once.
    let count = "SELECT count(*) FILTER (WHERE level = 'scratch_restore'), count(DISTINCT wedding_id) FROM keepsake.point_checks";
    tokio::time::sleep(Duration::from_secs(1)).await;
    let row = owner.query_one(count, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1), "of the one wedding whose day is near");
    scheduling.stop().await;
    worker.stop().await;
}
