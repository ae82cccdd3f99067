//! Points whose time is over go, and what must never go stays.

use crate::{
    schedule::Scheduling,
    support::{World, limits},
};
use keepsake_app::{
    execution::What,
    operation::{self, Destination, Initiate, Request, Which},
    policy::{self, Change},
};
use keepsake_domain::{
    PointId,
    restore::{ConflictRule, Mode, Scope},
    retention::{ApprovalReason, Policy},
};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

impl World {
    /// A point of the first wedding, and copies of it in the catalog: `count` from `age` days ago on, which were promised `kept` days.
    async fn age(&self, count: i32, age: i32, kept: i32, grade: &str) -> BTreeSet<PointId> {
        let owner = self.server.connect("catalog").await;
        let copies = "INSERT INTO keepsake.backup_snapshots (id, organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind,
                 captured_at, confirmed_at, incomplete, verified_at, verification, summary, raw_bytes, stored_bytes, retention_class,
                 grade, keep_until, created_at)
             SELECT gen_random_uuid(), organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind, old.at, old.at, false,
                 old.at, 'read', summary, 1, 1, 'low', $4::text, old.at + make_interval(days => $3), old.at
             FROM (SELECT * FROM keepsake.backup_snapshots WHERE execution_id IS NOT NULL ORDER BY captured_at LIMIT 1) AS point,
                 generate_series(1, $1::int) AS n, LATERAL (SELECT now() - make_interval(days => $2, mins => n) AS at) AS old
             RETURNING id";
        let rows = owner.query(copies, &[&count, &age, &kept, &grade]).await.unwrap();
        rows.iter().map(|row| PointId::from_uuid(row.get::<_, Uuid>(0))).collect()
    }

    async fn left(&self) -> BTreeSet<PointId> {
        self.points().await.iter().map(|point| point.id).collect()
    }

    /// Expiry has looked several times.
    async fn expire(&self) {
        self.sql("UPDATE keepsake.weddings SET next_run_at = now() + interval '10 days'").await;
        let scheduling = Scheduling::of(&self.service);
        tokio::time::sleep(Duration::from_secs(2)).await;
        scheduling.stop().await;
    }

    async fn one_point(&self) -> PointId {
        let worker = self.work(limits());
        let done = self.until_completed(self.start(What::Wedding(self.weddings[0].id), false).await).await;
        worker.stop().await;
        done.point.unwrap()
    }
}

#[tokio::test]
async fn s25_points_expire_when_their_time_is_over_but_never_the_last_clean_one_nor_one_in_use() {
    let world = World::new().await;
    let newest = world.one_point().await;
    let promised = world.age(50, 40, 90, "quarter_hour").await;
    let over = world.age(3, 60, 30, "quarter_hour").await;
    let minutes = world.age(40, 2, 1, "minute").await;
    // The newest of all is past its time, too.
    world
        .sql("SET session_replication_role = replica; UPDATE keepsake.backup_snapshots SET keep_until = now() - interval '1 hour' WHERE execution_id IS NOT NULL")
        .await;
    let used = *over.first().unwrap();
    let restore = Initiate {
        wedding: world.weddings[0].id,
        which: Which::Point(used),
        request: Request {
            groups: Scope::whole(),
            target: Destination::Live,
            mode: Mode::Revert,
            conflicts: ConflictRule::Leave,
            validate_only: true,
            preview_hash: None,
        },
        reason: "a look".to_owned(),
    };
    operation::initiate(&world.service, &world.restorer(), &restore).await.unwrap();
    world.expire().await;
    let mut expected = promised.clone();
    expected.extend([newest, used]);
    let left = world.left().await;
    assert_eq!(left.intersection(&over).collect::<Vec<_>>(), [&used], "what is in use stays, the others go");
    assert!(left.is_disjoint(&minutes), "minute points go after their day");
    assert_eq!(left, expected);
    let owner = world.server.connect("catalog").await;
    let kept = "SELECT count(*) FROM keepsake.backup_snapshots WHERE expired_at IS NOT NULL";
    assert_eq!(owner.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 42, "rows stay, marked");
}

#[tokio::test]
async fn s25_a_cleanup_that_would_remove_much_waits_and_a_preview_says_so() {
    let world = World::new().await;
    world.one_point().await;
    world.age(10, 40, 90, "quarter_hour").await;
    let over = world.age(5, 60, 30, "quarter_hour").await;
    let minutes = world.age(4, 2, 1, "minute").await;
    let new = policy::New { organisation: None, name: "days".to_owned(), rules: Policy::default() };
    let made = policy::create(&world.service, &world.admin(), new).await.unwrap();
    let shorter = Policy { critical_days: 100, high_days: 90, ..Policy::default() };
    let change = Change { version: 1, name: "days".to_owned(), rules: shorter };
    let shown = policy::preview(&world.service, &world.admin(), made.id, &change).await.unwrap();
    assert!(shown.weaker && shown.configurations == 0);
    assert_eq!((shown.expiring.expire.len(), shown.expiring.waiting), (4, 5));
    assert_eq!(shown.expiring.approval, [ApprovalReason::ManyPoints]);
    world.expire().await;
    let left = world.left().await;
    assert!(left.is_superset(&over), "more than a tenth of them waits");
    assert!(left.is_disjoint(&minutes), "minute points do not wait with them");
    // A change of policy deletes nothing.
    policy::replace(&world.service, &world.restorer(), made.id, change).await.unwrap();
    world.expire().await;
    assert_eq!(world.left().await, left);
}
