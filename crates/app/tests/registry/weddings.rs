//! Weddings as people see and set them.

use crate::support::World;
use keepsake_app::{Code, wedding};
use keepsake_catalog::weddings::{Filter, Wedding};
use keepsake_domain::{
    Criticality, UserId, WeddingId,
    wedding::{Settings, Thresholds},
};
use uuid::Uuid;

async fn all(world: &World) -> Vec<Wedding> {
    wedding::list(&world.service, &world.admin(world.a), Filter::default(), 200, None).await.unwrap().items
}

async fn synced() -> World {
    let world = World::new().await;
    let dates = "UPDATE public.weddings SET status = 'planning', guest_count = 10, budget = 10, \
                 wedding_date = CASE WHEN id = (SELECT max(id::text)::uuid FROM public.weddings) THEN NULL ELSE date '2027-03-06' - n * 40 END \
                 FROM (SELECT id AS which, row_number() OVER (ORDER BY id)::int AS n FROM public.weddings) AS numbers WHERE which = id";
    world.planner.batch_execute(dates).await.unwrap();
    let source = world.mapped().await;
    world.sync(source.id).await;
    world
}

#[tokio::test]
async fn the_list_is_in_the_order_of_days_in_pages_and_by_class() {
    let world = synced().await;
    let admin = world.admin(world.a);
    let whole = all(&world).await;
    let days: Vec<_> = whole.iter().map(|wedding| wedding.facts.days.map(|days| days.first())).collect();
    assert_eq!(days.len(), 8);
    assert!(days[..7].is_sorted() && days[..7].iter().all(Option::is_some) && days[7].is_none(), "{days:?}");
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = wedding::list(&world.service, &admin, Filter::default(), 3, after).await.unwrap();
        paged.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole);
    for class in Criticality::ALL.iter().copied() {
        let filter = Filter { criticality: Some(class), vanished: Some(false), ..Filter::default() };
        let page = wedding::list(&world.service, &admin, filter, 50, None).await.unwrap();
        let wanted: Vec<Wedding> = whole.iter().filter(|wedding| wedding.criticality == class).cloned().collect();
        assert_eq!(page.items, wanted);
    }
}

#[tokio::test]
async fn a_member_sees_their_own_wedding_only_and_another_organisation_none() {
    let world = synced().await;
    let (admin, member) = (world.admin(world.a), world.member());
    let weddings = all(&world).await;
    let user = UserId::from_uuid(Uuid::from_u128(0xa2));
    let listed = async |caller| wedding::list(&world.service, caller, Filter::default(), 50, None).await.unwrap().items;
    assert_eq!(listed(&member).await, []);
    let set = wedding::set_members(&world.service, &admin, weddings[2].id, &[user]).await.unwrap();
    assert_eq!(set, [user]);
    assert_eq!(listed(&member).await, [weddings[2].clone()]);
    assert_eq!(wedding::get(&world.service, &member, weddings[2].id).await.unwrap(), weddings[2]);
    wedding::settings(&world.service, &member, weddings[2].id).await.unwrap();
    let of_others = wedding::get(&world.service, &member, weddings[1].id).await.unwrap_err();
    assert_eq!(of_others.code(), Code::NotFound);
    let refused = wedding::members(&world.service, &member, weddings[2].id).await.unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden);
    let refused = wedding::set_members(&world.service, &member, weddings[1].id, &[user]).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);

    let other = world.admin(world.b);
    assert_eq!(listed(&other).await, []);
    for id in [weddings[2].id, WeddingId::from_uuid(Uuid::from_u128(3))] {
        assert_eq!(wedding::get(&world.service, &other, id).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(wedding::set_members(&world.service, &other, id, &[]).await.unwrap_err().code(), Code::NotFound);
    }
    let stranger = UserId::from_uuid(Uuid::from_u128(0xb2));
    let error = wedding::set_members(&world.service, &admin, weddings[2].id, &[stranger]).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid, "{}", error.chain());
    assert_eq!(wedding::members(&world.service, &admin, weddings[2].id).await.unwrap(), [user], "nothing was changed");
    assert_eq!(wedding::set_members(&world.service, &admin, weddings[2].id, &[]).await.unwrap(), []);
    assert_eq!(listed(&member).await, []);
}

#[tokio::test]
async fn settings_change_the_protection_at_once_and_weaker_ones_take_a_second_factor() {
    let world = synced().await;
    let (admin, fresh) = (world.admin(world.a), world.fresh_admin(world.a));
    let id = all(&world).await.last().unwrap().id;
    let none = wedding::settings(&world.service, &admin, id).await.unwrap();
    assert_eq!((none.version, none.settings), (0, Settings::default()));
    let thresholds = Thresholds::default();
    let critical = Settings { criticality_override: Some(Criticality::Critical), ..Settings::default() };
    let put = async |caller, version, settings: &Settings| {
        wedding::set_settings(&world.service, caller, id, version, settings.clone(), &thresholds).await
    };
    let (set, wedding) = put(&admin, 0, &critical).await.unwrap();
    assert_eq!((set.version, wedding.criticality), (1, Criticality::Critical));
    assert_eq!(put(&admin, 0, &critical).await.unwrap_err().code(), Code::Stale);
    // A sync keeps to them.
    let source = wedding.source;
    world.clock.set("2026-03-04T12:00:00Z".parse().unwrap());
    world.sync(source).await;
    assert_eq!(wedding::get(&world.service, &admin, id).await.unwrap().criticality, Criticality::Critical);

    let weaker = put(&admin, 1, &Settings::default()).await.unwrap_err();
    assert_eq!(weaker.code(), Code::MfaRequired);
    assert_eq!(wedding::get(&world.service, &admin, id).await.unwrap().criticality, Criticality::Critical);
    let (set, wedding) = put(&fresh, 1, &Settings::default()).await.unwrap();
    assert_eq!((set.version, wedding.criticality), (2, Criticality::Medium));
    let long = Settings { high_priority_days_before: Some(400), ..Settings::default() };
    let error = put(&admin, 2, &long).await.unwrap_err();
    assert!(error.code() == Code::Invalid && error.chain().contains("/high_priority_days_before"), "{}", error.chain());
}
