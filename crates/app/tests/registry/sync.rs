//! Weddings appear, move, are called off, vanish and come back.

use crate::support::{World, request};
use jiff::{Timestamp, civil::Date};
use keepsake_app::{
    Code,
    source::{self, New, Synced},
    wedding,
};
use keepsake_catalog::{
    Scope,
    weddings::{self, Filter, Wedding},
};
use keepsake_domain::{
    Criticality, Frequency, VaultId,
    wedding::{Status, Thresholds},
};
use keepsake_testkit::planner::Spec;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

async fn set(world: &World, number: u32, what: &str) {
    let statement = format!("UPDATE public.weddings SET {what} WHERE id = $1");
    assert_eq!(world.planner.execute(&statement, &[&Spec::small().wedding_id(number)]).await.unwrap(), 1);
}

/// Every wedding that supplier A sees, by its id in the source.
async fn known(world: &World) -> BTreeMap<String, Wedding> {
    let page = wedding::list(&world.service, &world.admin(world.a), Filter::default(), 200, None).await.unwrap();
    page.items.into_iter().map(|wedding| (wedding.external_id.clone(), wedding)).collect()
}

async fn one(world: &World, number: u32) -> Wedding {
    known(world).await[&Spec::small().wedding_id(number).to_string()].clone()
}

/// As if a capture of it had been stored now.
async fn capture(world: &World, wedding: &Wedding) {
    let mut tx = world.service.catalog.begin(&Scope::worker(world.a, request())).await.unwrap();
    let vault = VaultId::from_uuid(Uuid::from_u128(9));
    assert!(weddings::captured(&mut tx, wedding.id, vault, world.now(), Some(97), false).await.unwrap());
    let later: Timestamp = "2026-03-06T00:00:00Z".parse().unwrap();
    assert!(weddings::protect(&mut tx, wedding.id, &wedding.protection, Some(later)).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_wedding_is_found_with_its_facts_and_protection_and_found_again_without_a_write() {
    let world = World::new().await;
    set(&world, 0, "wedding_date = '2026-06-06', time_zone = 'Asia/Kolkata', guest_count = 240, budget = 60000, currency = 'GBP', status = 'planning'").await;
    let source = world.mapped().await;
    assert_eq!(world.sync(source.id).await, Synced { found: 8, new: 8, ..Synced::default() });
    let wedding = one(&world, 0).await;
    assert_eq!(wedding.facts.days.unwrap().first(), "2026-06-06".parse::<Date>().unwrap());
    assert_eq!(wedding.facts.time_zone.as_ref().unwrap().name(), "Asia/Kolkata");
    assert_eq!(wedding.facts.guest_count, Some(240));
    assert_eq!(wedding.facts.budget.unwrap().to_string(), "GBP 60000");
    assert_eq!((wedding.facts.status, wedding.protection.days_until), (Status::Active, Some(96)));
    assert_eq!(wedding.next_run_at, Some(world.now()), "a new one is due at once");
    assert!(!wedding.protection.explanation.is_empty());
    let shown = source::get(&world.service, &world.admin(world.a), source.id).await.unwrap();
    assert_eq!((shown.synced_at, shown.sync_error), (Some(world.now()), None));
    let identity = shown.identity.unwrap();
    assert!(identity.starts_with(&format!("{}/postgres:", world.a)), "{identity}");

    let written = "SELECT max(xmin::text::bigint) FROM keepsake.weddings";
    let before: i64 = world.owner.query_one(written, &[]).await.unwrap().get(0);
    assert_eq!(world.sync(source.id).await, Synced { found: 8, ..Synced::default() });
    assert_eq!(world.owner.query_one(written, &[]).await.unwrap().get::<_, i64>(0), before);
}

#[tokio::test]
async fn a_moved_date_plans_anew_at_once() {
    let world = World::new().await;
    set(&world, 0, "wedding_date = '2026-12-05', guest_count = 10, budget = 10, status = 'planning'").await;
    let source = world.mapped().await;
    world.sync(source.id).await;
    let before = one(&world, 0).await;
    assert_eq!((before.criticality, before.protection.frequency), (Criticality::Low, Frequency::Weekly));
    capture(&world, &before).await;
    set(&world, 0, "wedding_date = '2026-03-05'").await;
    assert_eq!(world.sync(source.id).await, Synced { found: 8, moved: 1, ..Synced::default() });
    let after = one(&world, 0).await;
    assert_eq!((after.criticality, after.protection.frequency), (Criticality::Critical, Frequency::RealTime));
    let wait = after.next_run_at.unwrap().duration_since(world.now());
    assert!(wait.as_secs() <= 60, "{wait}");
    assert_eq!((after.id, after.integrity_score, after.last_point_at), (before.id, Some(97), Some(world.now())));
    // And back: less often, but not forgotten.
    set(&world, 0, "wedding_date = '2026-12-05'").await;
    world.sync(source.id).await;
    let later = one(&world, 0).await.next_run_at.unwrap();
    assert!(later > after.next_run_at.unwrap() && later <= "2026-03-10T00:00:00Z".parse().unwrap(), "{later}");
    // Called off: no day counts any more.
    set(&world, 0, "status = 'cancelled', wedding_date = '2026-03-05'").await;
    assert_eq!(world.sync(source.id).await.cancelled, 1);
    let off = one(&world, 0).await;
    assert_eq!((off.facts.status, off.criticality), (Status::Cancelled, Criticality::Medium));
}

#[tokio::test]
async fn the_days_that_pass_change_the_protection_without_any_change_of_the_source() {
    let world = World::new().await;
    set(&world, 0, "wedding_date = '2026-06-06'").await;
    let source = world.mapped().await;
    world.sync(source.id).await;
    let before = one(&world, 0).await.criticality;
    world.clock.set("2026-06-01T12:00:00Z".parse().unwrap());
    world.sync(source.id).await;
    let after = one(&world, 0).await;
    assert!(before < Criticality::Critical);
    assert_eq!((after.criticality, after.protection.days_until), (Criticality::Critical, Some(5)));
}

#[tokio::test]
async fn s14_a_deleted_wedding_vanishes_keeps_its_protection_and_comes_back() {
    let world = World::new().await;
    set(&world, 3, "wedding_date = '2026-03-05', status = 'planning'").await;
    let source = world.mapped().await;
    world.sync(source.id).await;
    let before = one(&world, 3).await;
    capture(&world, &before).await;
    let id = Spec::small().wedding_id(3);
    world
        .planner
        .batch_execute(&format!(
            "SET session_replication_role = replica; CREATE TABLE kept AS SELECT * FROM public.weddings WHERE id = '{id}'; \
             DELETE FROM public.weddings WHERE id = '{id}'"
        ))
        .await
        .unwrap();
    assert_eq!(world.sync(source.id).await, Synced { found: 7, vanished: 1, ..Synced::default() });
    let gone = one(&world, 3).await;
    assert_eq!((gone.vanished_at, gone.next_run_at), (Some(world.now()), None));
    assert_eq!((gone.facts.status, gone.criticality), (Status::Vanished, Criticality::Critical), "it may be damage");
    assert_eq!(
        (gone.facts.days, gone.vault, gone.last_point_at),
        (before.facts.days, Some(VaultId::from_uuid(Uuid::from_u128(9))), Some(world.now()))
    );
    let vanished = Filter { vanished: Some(true), ..Filter::default() };
    let admin = world.admin(world.a);
    assert_eq!(wedding::list(&world.service, &admin, vanished, 50, None).await.unwrap().items, vec![gone.clone()]);
    world.clock.set("2026-03-03T12:00:00Z".parse().unwrap());
    assert_eq!(world.sync(source.id).await.vanished, 0, "it is told once");
    assert_eq!(one(&world, 3).await.vanished_at, gone.vanished_at);

    world
        .planner
        .batch_execute("INSERT INTO public.weddings SELECT * FROM kept; SET session_replication_role = origin")
        .await
        .unwrap();
    let back = world.sync(source.id).await;
    assert_eq!((back.found, back.returned, back.new), (8, 1, 0));
    let back = one(&world, 3).await;
    assert_eq!((back.id, back.vanished_at, back.facts.status), (before.id, None, Status::Active));
    assert_eq!(back.next_run_at, Some(world.now()), "it is captured at once");
}

#[tokio::test]
async fn a_thousand_weddings_are_walked_in_pages_also_when_most_are_gone() {
    let world = World::new().await;
    let many = "INSERT INTO public.weddings (organisation_id, title, couple_names, slug, wedding_date) \
                SELECT (SELECT min(id::text)::uuid FROM public.organisations), 't', '{a,b}', 'many-' || n, '2026-06-06' FROM generate_series(1, 1200) AS n";
    world.planner.batch_execute(many).await.unwrap();
    let source = world.mapped().await;
    assert_eq!(world.sync(source.id).await, Synced { found: 1208, new: 1208, ..Synced::default() });
    assert_eq!(world.sync(source.id).await, Synced { found: 1208, ..Synced::default() });
    world.planner.batch_execute("DELETE FROM public.weddings WHERE slug LIKE 'many-%'").await.unwrap();
    assert_eq!(world.sync(source.id).await, Synced { found: 8, vanished: 1200, ..Synced::default() });
    world.planner.batch_execute(many).await.unwrap();
    assert_eq!(world.sync(source.id).await, Synced { found: 1208, new: 1200, ..Synced::default() });
}

#[tokio::test]
async fn weddings_go_to_whom_the_operator_assigned_them_and_else_to_the_sources_owner() {
    let world = World::new().await;
    let own: String =
        world.planner.query_one("SELECT min(organisation_id::text) FROM public.weddings", &[]).await.unwrap().get(0);
    let count = "SELECT count(*) FROM public.weddings WHERE organisation_id::text = $1";
    let theirs: i64 = world.planner.query_one(count, &[&own]).await.unwrap().get(0);
    let assignments = BTreeMap::from([(own, world.b)]);
    let new = New { assignments, ..world.planner_source() };
    let source = source::create(&world.service, &world.operator(), new).await.unwrap();
    world.map(source.id).await;
    // Whoever starts it: the assignment is the operator's.
    source::sync(&world.service, &world.admin(world.a), source.id, &Thresholds::default()).await.unwrap();
    let listed = async |organisation| {
        let page =
            wedding::list(&world.service, &world.admin(organisation), Filter::default(), 200, None).await.unwrap();
        page.items.into_iter().map(|wedding| wedding.id).collect::<BTreeSet<_>>()
    };
    let (a, b) = (listed(world.a).await, listed(world.b).await);
    assert_eq!((a.len(), b.len()), (8 - usize::try_from(theirs).unwrap(), usize::try_from(theirs).unwrap()));
    assert!(!a.is_empty() && !b.is_empty() && a.is_disjoint(&b));
}

#[tokio::test]
async fn why_a_sync_failed_is_kept_at_the_source_until_it_works_again() {
    let world = World::new().await;
    let source = source::create(&world.service, &world.operator(), world.planner_source()).await.unwrap();
    let sync = async || source::sync(&world.service, &world.operator(), source.id, &Thresholds::default()).await;
    let error = sync().await.unwrap_err();
    assert!(error.code() == Code::Invalid && error.chain().contains("no mapping yet"), "{}", error.chain());
    world.map(source.id).await;
    world.planner.batch_execute("ALTER TABLE public.weddings RENAME wedding_date TO day").await.unwrap();
    let error = sync().await.unwrap_err();
    assert_eq!(error.code(), Code::MappingMismatch, "{}", error.chain());
    let shown = source::get(&world.service, &world.operator(), source.id).await.unwrap();
    assert!(shown.sync_error.unwrap().contains("wedding_date") && shown.synced_at.is_none());
    world.planner.batch_execute("ALTER TABLE public.weddings RENAME day TO wedding_date; REVOKE SELECT ON public.weddings FROM planner_backup").await.unwrap();
    let error = sync().await.unwrap_err();
    assert_eq!(error.code(), Code::DatabaseRights, "{}", error.chain());
    world
        .planner
        .batch_execute("GRANT SELECT ON public.weddings TO planner_backup; ALTER ROLE planner_backup NOBYPASSRLS")
        .await
        .unwrap();
    let error = sync().await.unwrap_err();
    assert_eq!(error.code(), Code::DatabaseRights, "rows that a policy hides are not gone: {}", error.chain());
    world.planner.batch_execute("ALTER ROLE planner_backup BYPASSRLS").await.unwrap();
    sync().await.unwrap();
    assert_eq!(source::get(&world.service, &world.operator(), source.id).await.unwrap().sync_error, None);
}
