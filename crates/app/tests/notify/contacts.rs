//! Emergency contacts of a wedding.

use crate::support::World;
use keepsake_app::{
    Code,
    wedding::{self, NewContact},
};
use keepsake_catalog::contacts::Contact;

pub fn contact(email: &str, name: &str, part: &str) -> NewContact {
    NewContact { email: email.to_owned(), name: name.to_owned(), part: part.to_owned() }
}

fn texts(contacts: &[Contact]) -> Vec<[&str; 3]> {
    contacts.iter().map(|contact| [&*contact.email, &*contact.name, &*contact.part]).collect()
}

#[tokio::test]
async fn members_keep_the_contacts_of_their_own_weddings_and_see_no_others() {
    let world = World::new().await;
    let (member, own, other) = (world.member().await, world.weddings[0].id, world.weddings[1].id);
    let service = &world.service;
    let given = [contact(" Venue@Example.org ", "The Old Barn", "venue"), contact("aunt@example.org", "", "")];
    let set = wedding::set_contacts(service, &member, own, &given).await.unwrap();
    assert_eq!(texts(&set), [["venue@example.org", "The Old Barn", "venue"], ["aunt@example.org", "", ""]]);
    assert_eq!(wedding::contacts(service, &world.admin(), own).await.unwrap(), set);
    let foreign = wedding::set_contacts(service, &member, other, &given).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    assert_eq!(wedding::contacts(service, &member, other).await.unwrap_err().code(), Code::NotFound);
    let stranger = world.other_admin().await;
    assert_eq!(wedding::contacts(service, &stranger, own).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(wedding::set_contacts(service, &stranger, own, &[]).await.unwrap_err().code(), Code::NotFound);

    // Whoever stays keeps their id, so that a mail to them that waits is not lost.
    let fewer = [contact("AUNT@example.org", "Aunt", "")];
    let kept = wedding::set_contacts(service, &world.admin(), own, &fewer).await.unwrap();
    assert_eq!((texts(&kept), kept[0].id), (vec![["aunt@example.org", "Aunt", ""]], set[1].id));
    assert!(wedding::set_contacts(service, &member, own, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_contact_is_refused_with_its_place() {
    let world = World::new().await;
    let refused = async |given: &[NewContact]| {
        let refused = wedding::set_contacts(&world.service, &world.admin(), world.weddings[0].id, given).await;
        let error = refused.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        error.to_string()
    };
    let good = contact("a@example.org", "", "");
    assert!(refused(&[good.clone(), contact("nobody", "", "")]).await.starts_with("/contacts/1/email: "));
    assert!(refused(&[good.clone(), contact("A@example.org", "", "")]).await.starts_with("/contacts/1/email: "));
    assert!(refused(&[contact("a@example.org", "two\nlines", "")]).await.starts_with("/contacts/0/name: "));
    assert!(refused(&[contact("a@example.org", "", &"x".repeat(201))]).await.starts_with("/contacts/0/part: "));
    let many: Vec<NewContact> = (0..21).map(|n| contact(&format!("{n}@example.org"), "", "")).collect();
    assert!(refused(&many).await.starts_with("/contacts: "));
    assert_eq!(world.count("emergency_contacts").await, 0);
}
