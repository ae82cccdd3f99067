//! People: made, changed and let go by the admins of their own organisation.

use crate::support::{PASSWORD, World};
use keepsake_app::{
    Code,
    identity::{Secret, users},
    service::Caller,
};
use keepsake_domain::{
    UserId,
    permission::{Actor, Role},
};
use uuid::Uuid;

fn new_user(email: &str, role: Role) -> users::NewUser {
    users::NewUser {
        organisation_id: None,
        email: Secret::new(email),
        display_name: "Mia".to_owned(),
        role,
        password: Secret::new(PASSWORD),
    }
}

fn change_to(email: &str, role: Role) -> users::Change {
    users::Change { email: Secret::new(email), display_name: String::new(), role, disabled: false, password: None }
}

async fn admin(world: &World, organisation: keepsake_domain::OrganisationId, email: &str) -> (UserId, Caller) {
    let user = world.user(Some(organisation), email, Role::Admin).await;
    (user.id, world.caller(&world.log_in(email).await).await)
}

#[tokio::test]
async fn an_admin_makes_users_of_their_own_organisation_and_nobody_else_does() {
    let world = World::new().await;
    let (_, anna) = admin(&world, world.a, "anna@example.org").await;
    let mia = users::create(&world.service, &anna, &new_user("Mia@example.org", Role::Member)).await.unwrap();
    assert_eq!((mia.organisation_id, mia.email.as_str()), (world.a, "mia@example.org"));
    assert!(!mia.emergency_authorised && !mia.mfa_enrolled);
    let member = world.caller(&world.log_in("mia@example.org").await).await;
    assert_eq!(member.organisation(), Some(world.a));

    let code = |error: keepsake_app::Error| error.code();
    let by_member = users::create(&world.service, &member, &new_user("x@example.org", Role::Admin)).await;
    assert_eq!(by_member.map_err(code).unwrap_err(), Code::Forbidden);
    let elsewhere = users::NewUser { organisation_id: Some(world.b), ..new_user("x@example.org", Role::Admin) };
    let planted = users::create(&world.service, &anna, &elsewhere).await;
    assert_eq!(planted.map_err(code).unwrap_err(), Code::NotFound);
    let bad = [
        new_user("no address", Role::Member),
        users::NewUser { password: Secret::new("short"), ..new_user("x@example.org", Role::Member) },
    ];
    for new in bad {
        assert_eq!(users::create(&world.service, &anna, &new).await.map_err(code).unwrap_err(), Code::Invalid);
    }
    let taken = users::create(&world.service, &anna, &new_user("MIA@example.org", Role::Member)).await;
    assert_eq!(taken.map_err(code).unwrap_err(), Code::Exists);
    let created = world.recorded("user_create").await;
    assert!(created.contains(&("outcome".to_owned(), format!("user {}", mia.id), "done".to_owned())), "{created:?}");
}

#[tokio::test]
async fn another_organisations_admin_sees_and_changes_nobody() {
    let world = World::new().await;
    let (anna_id, anna) = admin(&world, world.a, "anna@example.org").await;
    let (_, bert) = admin(&world, world.b, "bert@example.org").await;
    let listed = users::list(&world.service, &bert, 50, None).await.unwrap().items;
    assert!(listed.iter().all(|user| user.organisation_id == world.b), "{listed:?}");
    assert_eq!(users::get(&world.service, &anna, anna_id).await.unwrap().id, anna_id);
    for id in [anna_id, UserId::from_uuid(Uuid::from_u128(7))] {
        let change = change_to("stolen@example.org", Role::Member);
        let refusals = [
            users::get(&world.service, &bert, id).await.unwrap_err(),
            users::change(&world.service, &bert, id, &change).await.unwrap_err(),
            users::disable(&world.service, &bert, id).await.unwrap_err(),
            users::authorise_emergency(&world.service, &bert, id, true).await.unwrap_err(),
        ];
        for refusal in refusals {
            assert_eq!(
                (refusal.code(), refusal.chain().as_str()),
                (Code::NotFound, "there is nothing of that id"),
                "one answer for what is another's and what is not there"
            );
        }
    }
    assert_eq!(users::get(&world.service, &anna, anna_id).await.unwrap().email, "anna@example.org");
    // The operator's admins reach everybody.
    world.user(None, "olga@example.org", Role::Admin).await;
    let olga = world.caller(&world.log_in("olga@example.org").await).await;
    assert_eq!(users::get(&world.service, &olga, anna_id).await.unwrap().id, anna_id);
    assert_eq!(users::list(&world.service, &olga, 50, None).await.unwrap().items.len(), 3);
    let nobody = users::disable(&world.service, &olga, UserId::from_uuid(Uuid::from_u128(7))).await;
    assert_eq!(nobody.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_organisation_keeps_an_admin() {
    let world = World::new().await;
    let (anna_id, anna) = admin(&world, world.a, "anna@example.org").await;
    let last = users::disable(&world.service, &anna, anna_id).await.unwrap_err();
    assert_eq!(last.code(), Code::Invalid);
    let demoted = users::change(&world.service, &anna, anna_id, &change_to("anna@example.org", Role::Member)).await;
    assert_eq!(demoted.unwrap_err().code(), Code::Invalid);
    let (max_id, max) = admin(&world, world.a, "max@example.org").await;
    // Both at once: one of them stays.
    let (one, two) =
        futures::join!(users::disable(&world.service, &anna, max_id), users::disable(&world.service, &max, anna_id));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn s31_the_emergency_flag_is_granted_with_a_second_factor_only() {
    let world = World::new().await;
    let (_, _) = admin(&world, world.a, "anna@example.org").await;
    let mia = world.user(Some(world.a), "mia@example.org", Role::Member).await;
    let session = world.log_in("anna@example.org").await;
    let plain = world.caller(&session).await;
    let refused = users::authorise_emergency(&world.service, &plain, mia.id, true).await.unwrap_err();
    assert_eq!(refused.code(), Code::MfaRequired);
    let (_, _, fresh) = world.enrol(&session).await;
    assert!(users::authorise_emergency(&world.service, &fresh, mia.id, true).await.unwrap().emergency_authorised);
    let member = world.caller(&world.log_in("mia@example.org").await).await;
    assert!(matches!(member.actor, Actor::Person(person) if person.emergency_authorised));
    // Taken away, it is gone at the next call, in the same session.
    let session = world.log_in("mia@example.org").await;
    users::authorise_emergency(&world.service, &fresh, mia.id, false).await.unwrap();
    assert!(matches!(world.caller(&session).await.actor, Actor::Person(person) if !person.emergency_authorised));
    // Being changed does not grant it.
    let changed = users::change(&world.service, &fresh, mia.id, &change_to("mia@example.org", Role::Member)).await;
    assert!(!changed.unwrap().emergency_authorised);
    let recorded = world.recorded("emergency_authorise").await;
    assert_eq!(recorded.iter().filter(|row| row.0 == "refusal" && row.2 == "mfa-required").count(), 1);
    assert!(recorded.iter().any(|row| row.1 == format!("user {} withdrawn", mia.id)), "{recorded:?}");
}
