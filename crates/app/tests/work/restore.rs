//! Restores that the service is asked for: previewed, done, undone, refused.

use crate::support::{World, limits};
use keepsake_app::{
    Code,
    operation::{self, Answer, Cancelled, Candidate, Destination, Emergency, Initiate, Request, Which},
    recovery_point,
    service::Caller,
};
use keepsake_catalog::{operations::Operation, points};
use keepsake_domain::{
    Group, OperationId, UserId,
    operation::State,
    point::Kind,
    restore::{ConflictRule, Mode, Scope},
};
use serde_json::json;

fn request(mode: Mode) -> Request {
    Request {
        groups: Scope::whole(),
        target: Destination::Live,
        mode,
        conflicts: ConflictRule::Leave,
        validate_only: false,
        preview_hash: None,
    }
}

impl World {
    fn asked(&self, request: Request) -> Initiate {
        Initiate { wedding: self.weddings[0].id, which: Which::LastClean, request, reason: "a test".to_owned() }
    }

    async fn initiate(&self, request: Request) -> OperationId {
        operation::initiate(&self.service, &self.restorer(), &self.asked(request)).await.unwrap()
    }

    async fn operation(&self, id: OperationId) -> Operation {
        operation::get(&self.service, &self.restorer(), id).await.unwrap()
    }

    pub async fn until_settled(&self, id: OperationId) -> Operation {
        for _ in 0..1200 {
            let operation = self.operation(id).await;
            if operation.ended_at.is_some() {
                return operation;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("never settled: {:#?}", self.operation(id).await);
    }

    async fn restored(&self, id: OperationId) -> Operation {
        let operation = self.until_settled(id).await;
        assert_eq!(operation.state, State::Completed, "{:#?}", operation.error);
        operation
    }

    /// Guests of the first wedding.
    async fn guests(&self) -> i64 {
        let count = "SELECT count(*) FROM guests WHERE wedding_id = $1::text::uuid";
        self.planner.query_one(count, &[&self.weddings[0].external_id]).await.unwrap().get(0)
    }

    async fn lose_guests(&self) {
        let delete = "DELETE FROM guests WHERE wedding_id = $1::text::uuid";
        assert!(self.planner.execute(delete, &[&self.weddings[0].external_id]).await.unwrap() >= 10);
    }

    async fn undo(&self, id: OperationId) -> OperationId {
        operation::undo(&self.service, &self.restorer(), id, "not that one").await.unwrap()
    }
}

#[tokio::test]
async fn a_wedding_is_previewed_restored_and_undone() {
    let world = World::new().await;
    let worker = world.work(limits());
    let backed = world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let before = world.guests().await;
    world.lose_guests().await;

    let preview = world.initiate(Request { validate_only: true, ..request(Mode::Merge) }).await;
    let preview = world.until_settled(preview).await;
    assert_eq!((preview.state, preview.point), (State::Previewed, backed.point.unwrap()));
    let tables = preview.preview.unwrap()["tables"].clone();
    let guests =
        tables.as_array().unwrap().iter().find(|table| table["name"] == json!("public.guests")).unwrap().clone();
    assert_eq!(guests["insert"], json!(before), "{guests}");
    assert_eq!(world.guests().await, 0, "a preview changes nothing");
    assert!(world.saved_states().await.is_empty(), "and saves nothing");

    let pinned = Request { preview_hash: preview.preview_hash.clone(), ..request(Mode::Merge) };
    let restored = world.restored(world.initiate(pinned).await).await;
    assert_eq!(world.guests().await, before);
    assert_eq!(restored.preview_hash, preview.preview_hash);
    assert_eq!(restored.proof.as_ref().unwrap()["proof"]["preview_hash"], json!(preview.preview_hash));
    let saved = world.saved_states().await;
    assert_eq!(saved.iter().map(|point| point.operation).collect::<Vec<_>>(), [Some(restored.id)]);
    assert!(
        world.points().await.iter().all(|point| point.kind != Kind::PreRecovery),
        "listed only when asked for (S8)"
    );

    let undone = world.restored(world.undo(restored.id).await).await;
    assert_eq!((undone.undoes, world.guests().await), (Some(restored.id), 0));
    assert_eq!(world.operation(restored.id).await.state, State::Undone);
    let twice = operation::undo(&world.service, &world.restorer(), restored.id, "again").await.unwrap_err();
    assert_eq!(twice.code(), Code::Ended);

    // An undo is a restore like any other: it can be undone, too.
    world.restored(world.undo(undone.id).await).await;
    assert_eq!(world.guests().await, before);
    worker.stop().await;
}

#[tokio::test]
async fn a_pinned_preview_that_live_has_left_behind_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    world.lose_guests().await;
    let preview = world.initiate(Request { validate_only: true, ..request(Mode::Revert) }).await;
    let hash = world.until_settled(preview).await.preview_hash;
    let touch = "UPDATE weddings SET guest_count = guest_count + 1 WHERE id = $1::text::uuid";
    world.planner.execute(touch, &[&world.weddings[0].external_id]).await.unwrap();
    let refused = world.initiate(Request { preview_hash: hash, ..request(Mode::Revert) }).await;
    let refused = world.until_settled(refused).await;
    worker.stop().await;
    assert_eq!((refused.state, refused.error.unwrap()["code"].clone()), (State::Failed, json!("preview-changed")));
    assert_eq!(world.guests().await, 0);
    assert!(world.saved_states().await.is_empty());
}

#[tokio::test]
async fn a_restore_takes_a_fresh_second_factor_and_the_right_to_it() {
    let world = World::new().await;
    let worker = world.work(limits());
    for wedding in [0, 1] {
        world.until_completed(world.start_wedding(world.weddings[wedding].id).await).await;
    }
    worker.stop().await;
    let ask = |wedding: usize| Initiate { wedding: world.weddings[wedding].id, ..world.asked(request(Mode::Merge)) };
    let code = async |caller: &Caller, wedding| {
        operation::initiate(&world.service, caller, &ask(wedding)).await.unwrap_err().code()
    };
    assert_eq!(code(&world.admin(), 0).await, Code::MfaRequired);
    let member = world.member().await;
    assert_eq!(code(&member, 0).await, Code::Forbidden);
    let authorised = world.emergency_member().await;
    assert_eq!(code(&authorised, 1).await, Code::NotFound, "not theirs");
    operation::initiate(&world.service, &authorised, &ask(0)).await.unwrap();
}

#[tokio::test]
async fn one_restore_at_a_time_changes_a_wedding_and_one_that_waits_is_cancelled_at_once() {
    let world = World::new().await;
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    worker.stop().await;
    let first = world.initiate(request(Mode::Merge)).await;
    let second = operation::initiate(&world.service, &world.restorer(), &world.asked(request(Mode::Merge))).await;
    assert_eq!(second.unwrap_err().code(), Code::RestoreBusy);
    world.initiate(Request { validate_only: true, ..request(Mode::Merge) }).await;
    let done = operation::cancel(&world.service, &world.restorer(), first).await.unwrap();
    assert_eq!((done, world.operation(first).await.state), (Cancelled::AtOnce, State::Cancelled));
    let ended = operation::cancel(&world.service, &world.restorer(), first).await.unwrap_err();
    assert_eq!(ended.code(), Code::Ended);
    world.initiate(request(Mode::Merge)).await;
}

#[tokio::test]
async fn some_groups_go_into_a_schema_beside_live() {
    let world = World::new().await;
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let before = world.guests().await;
    world.lose_guests().await;
    let beside = Request {
        groups: Scope::groups([Group::Guests]),
        target: Destination::SideSchema("to look at".to_owned()),
        ..request(Mode::Merge)
    };
    let restored = world.restored(world.initiate(beside).await).await;
    worker.stop().await;
    let count = world.planner.query_one("SELECT count(*) FROM \"to look at\".guests", &[]).await.unwrap();
    assert_eq!((count.get::<_, i64>(0), world.guests().await), (before, 0));
    let refused = operation::undo(&world.service, &world.restorer(), restored.id, "no").await.unwrap_err();
    assert_eq!(refused.code(), Code::Ended, "nothing live was changed");
}

#[tokio::test]
async fn s14_an_emergency_restore_takes_the_newest_clean_point_and_asks_when_newer_ones_look_like_damage() {
    let world = World::new().await;
    let worker = world.work(limits());
    let clean = world.until_completed(world.start_wedding(world.weddings[0].id).await).await.point.unwrap();
    let before = world.guests().await;
    world.lose_guests().await;
    let suspect = world.until_completed(world.start_wedding(world.weddings[0].id).await).await.point.unwrap();
    let asked = Emergency {
        wedding: world.weddings[0].id,
        which: None,
        groups: Scope::whole(),
        mode: Mode::Revert,
        reason: "the guests are gone".to_owned(),
    };
    let Answer::Choose(candidates) = operation::emergency(&world.service, &world.restorer(), &asked).await.unwrap()
    else {
        panic!("a suspect point is newer");
    };
    let shown: Vec<_> = candidates.iter().map(|one| (one.point.id, one.is_last_clean)).collect();
    assert_eq!(shown, [(suspect, false), (clean, true)]);
    let guests = |one: &Candidate| one.point.summary["groups"]["guests"]["rows"].as_u64().unwrap();
    assert!(guests(&candidates[0]) < guests(&candidates[1]), "each says how many rows it would bring");
    let named = Emergency { which: Some(Which::Point(clean)), ..asked.clone() };
    let Answer::Started(id) = operation::emergency(&world.service, &world.restorer(), &named).await.unwrap() else {
        panic!("a point is named");
    };
    let restored = world.restored(id).await;
    worker.stop().await;
    assert!(restored.is_emergency && restored.mfa_at.is_some());
    assert_eq!(world.guests().await, before);
}

#[tokio::test]
async fn s33_two_emergency_restores_of_a_wedding_are_accepted_from_one_user_within_an_hour() {
    let world = World::new().await;
    let worker = world.work(limits());
    for wedding in [0, 1] {
        world.until_completed(world.start_wedding(world.weddings[wedding].id).await).await;
    }
    let asked = |wedding: usize| Emergency {
        wedding: world.weddings[wedding].id,
        which: None,
        groups: Scope::whole(),
        mode: Mode::Revert,
        reason: "a test".to_owned(),
    };
    let ask = async |wedding| operation::emergency(&world.service, &world.restorer(), &asked(wedding)).await;
    for _ in 0..2 {
        let Answer::Started(id) = ask(0).await.unwrap() else { panic!("the newest point is clean") };
        world.restored(id).await;
    }
    assert_eq!(ask(0).await.unwrap_err().code(), Code::EmergencyLimit);
    assert!(matches!(ask(1).await.unwrap(), Answer::Started(_)), "another wedding is counted by itself");
    let by_another = operation::emergency(&world.service, &world.emergency_member().await, &asked(0)).await.unwrap();
    assert!(matches!(by_another, Answer::Started(_)), "so is another user");
    worker.stop().await;
}

#[tokio::test]
async fn a_restore_whose_worker_died_before_its_rows_came_is_done_once_more_and_can_be_undone() {
    let world = World::new().await;
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let before = world.guests().await;
    world.lose_guests().await;
    // It saves the present state, and then waits for the wedding's own row.
    let holder = world.server.connect("planner").await;
    let lock = format!("BEGIN; SELECT FROM weddings WHERE id = '{}' FOR UPDATE", world.weddings[0].external_id);
    holder.batch_execute(&lock).await.unwrap();
    let id = world.initiate(request(Mode::Merge)).await;
    world.until_waits_for_a_lock().await;
    assert_eq!(world.operation(id).await.state, State::Recovering);
    worker.die().await;
    drop(holder);
    let second = world.work_elsewhere(2, limits()).await;
    world.restored(id).await;
    assert_eq!(world.guests().await, before);
    world.restored(world.undo(id).await).await;
    assert_eq!(world.guests().await, 0, "the state before the restore, not one in the middle");
    second.stop().await;
}

#[tokio::test]
async fn a_restore_whose_worker_died_after_the_commit_is_found_to_be_completed_and_can_be_undone() {
    let world = World::new().await;
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    let before = world.guests().await;
    world.lose_guests().await;
    // The rows come, and writing down that they did takes for ever.
    let owner = world.server.connect("catalog").await;
    let hang = "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF NEW.state = 'completed' THEN PERFORM pg_sleep(600); END IF; RETURN NEW; END $$; \
                CREATE TRIGGER hang BEFORE UPDATE ON keepsake.recovery_operations FOR EACH ROW EXECUTE FUNCTION hang()";
    owner.batch_execute(hang).await.unwrap();
    let id = world.initiate(request(Mode::Merge)).await;
    for _ in 0..600 {
        if world.guests().await == before {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    worker.die().await;
    let stop = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    owner.query_one(stop, &[]).await.unwrap();
    owner.batch_execute("DROP TRIGGER hang ON keepsake.recovery_operations").await.unwrap();
    assert_ne!(world.operation(id).await.state, State::Completed);
    let second = world.work_elsewhere(2, limits()).await;
    let found = world.restored(id).await;
    assert_eq!(found.proof, Some(json!({"found_restored": true})));
    assert_eq!(world.saved_states().await.len(), 1, "nothing was saved a second time");
    world.restored(world.undo(id).await).await;
    assert_eq!(world.guests().await, 0);
    second.stop().await;
}

#[tokio::test]
async fn a_restore_is_cancelled_before_its_commit_and_live_is_as_it_was() {
    let world = World::new().await;
    let worker = world.work(limits());
    world.until_completed(world.start_wedding(world.weddings[0].id).await).await;
    world.lose_guests().await;
    let holder = world.server.connect("planner").await;
    let lock = format!("BEGIN; SELECT FROM weddings WHERE id = '{}' FOR UPDATE", world.weddings[0].external_id);
    holder.batch_execute(&lock).await.unwrap();
    let id = world.initiate(request(Mode::Merge)).await;
    world.until_waits_for_a_lock().await;
    let done = operation::cancel(&world.service, &world.restorer(), id).await.unwrap();
    assert_eq!(done, Cancelled::Soon);
    let cancelled = world.until_settled(id).await;
    assert_eq!(cancelled.state, State::Cancelled, "{:#?}", cancelled.error);
    drop(holder);
    worker.stop().await;
    assert_eq!(world.guests().await, 0);
}

#[tokio::test]
async fn members_see_operations_on_their_own_weddings_only() {
    let world = World::new().await;
    let worker = world.work(limits());
    for wedding in [0, 1] {
        world.until_completed(world.start_wedding(world.weddings[wedding].id).await).await;
    }
    worker.stop().await;
    let own = world.initiate(request(Mode::Merge)).await;
    let other = Initiate { wedding: world.weddings[1].id, ..world.asked(request(Mode::Merge)) };
    let other = operation::initiate(&world.service, &world.restorer(), &other).await.unwrap();
    let member = world.member().await;
    let seen = operation::list(&world.service, &member, keepsake_catalog::operations::Filter::default(), 9, None).await;
    assert_eq!(seen.unwrap().items.iter().map(|one| one.id).collect::<Vec<_>>(), [own]);
    assert_eq!(operation::get(&world.service, &member, other).await.unwrap_err().code(), Code::NotFound);
    let cancelled = operation::cancel(&world.service, &member, own).await.unwrap_err();
    assert_eq!(cancelled.code(), Code::Forbidden, "they did not start it");
}

impl World {
    /// States saved before restores, as the catalog lists them.
    async fn saved_states(&self) -> Vec<points::Point> {
        let filter = points::Filter { kind: Some(Kind::PreRecovery), ..points::Filter::default() };
        recovery_point::list(&self.service, &self.admin(), filter, 50, None).await.unwrap().items
    }

    /// Waits until a session of Keepsake's waits for a row that somebody else holds.
    async fn until_waits_for_a_lock(&self) {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'planner' AND wait_event_type = 'Lock' \
                     AND application_name LIKE 'keepsake%'";
        for _ in 0..600 {
            if self.planner.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nothing waits for a lock");
    }

    /// A member with the emergency flag and a fresh second factor, to whom the first wedding is assigned.
    async fn emergency_member(&self) -> Caller {
        let member = self.member().await;
        self.with_second_factor(member, UserId::from_uuid(uuid::Uuid::from_u128(0xa2)))
    }
}
