//! Storage targets: who may register what, and that a test really uses the store.

use crate::support::World;
use keepsake_app::{
    Code,
    source::{Keys, Secret},
    target::{self, New},
};
use keepsake_domain::tier::Tier;
use std::fs;

fn keys() -> Option<Keys> {
    let secret = |text: &str| Secret::from(text.to_owned());
    Some(Keys { access_key_id: secret("AKIA-of-the-test"), secret_access_key: secret("very-secret-key-7") })
}

fn folder(world: &World) -> New {
    let url = format!("file://{}", world.folder.path().join("copies").display());
    New { organisation: None, name: "disk".to_owned(), tier: Tier::Local, url, keys: None }
}

#[tokio::test]
async fn a_lent_folder_is_tested_by_using_it_and_shown_to_suppliers_without_its_path() {
    let world = World::new().await;
    let operator = world.operator();
    fs::create_dir(world.folder.path().join("copies")).unwrap();
    let made = target::create(&world.service, &operator, folder(&world)).await.unwrap();
    assert!(made.lent);
    let found = target::test(&world.service, &operator, made.id).await.unwrap();
    assert!(found.conditional_create);
    let admin = world.admin(world.a);
    let shown = target::get(&world.service, &admin, made.id).await.unwrap();
    assert_eq!((shown.url.as_str(), shown.lent), ("file:", true));
    assert_eq!(target::list(&world.service, &admin, 50, None).await.unwrap().items, [shown]);
    let refused = target::test(&world.service, &admin, made.id).await.unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden);
    // A store that does not work fails the test.
    fs::remove_dir_all(world.folder.path().join("copies")).unwrap();
    fs::write(world.folder.path().join("copies"), "a file").unwrap();
    let error = target::test(&world.service, &operator, made.id).await.unwrap_err();
    assert!(matches!(error.code(), Code::StorageFailed | Code::StorageInvalid), "{}", error.chain());
}

#[tokio::test]
async fn s29_a_suppliers_target_is_a_remote_store_with_its_own_keys() {
    let world = World::new().await;
    let admin = world.admin(world.a);
    let new = |url: &str, keys| New {
        organisation: None,
        name: url.to_owned(),
        tier: Tier::CloudPrimary,
        url: url.to_owned(),
        keys,
    };
    for (url, keys, code) in [
        ("file:///srv/copies", None, Code::Forbidden),
        ("memory:", None, Code::StorageInvalid),
        ("s3://copies?endpoint=http://127.0.0.1:9000", keys(), Code::Forbidden),
        ("s3://copies?endpoint=http://10.0.0.1&allow_http=true", keys(), Code::Forbidden),
        ("s3://copies", None, Code::Invalid),
        ("s3://id:key@copies", keys(), Code::StorageInvalid),
    ] {
        let error = target::create(&world.service, &admin, new(url, keys)).await.unwrap_err();
        assert_eq!(error.code(), code, "{url}: {}", error.chain());
    }
    let folder_for_a = New { organisation: Some(world.a), ..folder(&world) };
    let error = target::create(&world.service, &world.operator(), folder_for_a).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid, "folders are lent, not given");
    for (n, host) in ["127.0.0.1:9", "localhost", "169.254.169.254", "[::1]"].into_iter().enumerate() {
        let made = New { name: format!("inside {n}"), ..new(&format!("s3://copies?endpoint=https://{host}"), keys()) };
        let made = target::create(&world.service, &admin, made).await.unwrap();
        let error = target::test(&world.service, &admin, made.id).await.unwrap_err();
        assert_eq!(error.code(), Code::Forbidden, "{host}: {}", error.chain());
        assert_eq!(
            target::get(&world.service, &world.admin(world.b), made.id).await.unwrap_err().code(),
            Code::NotFound
        );
    }
}

#[tokio::test]
async fn names_of_an_organisation_are_its_own() {
    let world = World::new().await;
    let new = || New {
        organisation: None,
        name: "copies".to_owned(),
        tier: Tier::Offsite,
        url: "s3://copies".to_owned(),
        keys: keys(),
    };
    target::create(&world.service, &world.admin(world.a), new()).await.unwrap();
    let again = target::create(&world.service, &world.admin(world.a), new()).await.unwrap_err();
    assert_eq!(again.code(), Code::Exists);
    target::create(&world.service, &world.admin(world.b), new()).await.unwrap();
}
