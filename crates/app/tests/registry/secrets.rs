//! Credentials are in no answer, no error and no dump of the catalog (safety rule S30).

use crate::support::{PASSWORD, World};
use keepsake_app::{
    Code,
    source::{self, Address, CredentialPurpose, Keys, New, Secret},
    target,
};
use keepsake_catalog::{Scope, sources};
use keepsake_domain::tier::Tier;
use keepsake_postgres::cluster::Programs;

const KEY: &str = "a-key-of-a-store-5T";

async fn dump(world: &World) -> String {
    let mut pg_dump = Programs::find().unwrap().command("pg_dump");
    pg_dump.arg("--dbname").arg(world.server.dsn("catalog"));
    let output = tokio::task::spawn_blocking(move || pg_dump.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a secret is in a text, as it is or as PostgreSQL writes bytes.
fn holds(text: &str, secret: &str) -> bool {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    text.contains(secret) || text.contains(&hex)
}

#[tokio::test]
async fn s30_a_credential_is_in_no_answer_no_error_and_no_dump() {
    let world = World::new().await;
    let operator = world.operator();
    let restore = world.dsn().replace("planner_backup", "postgres");
    let address = Address::Database { capture: Secret::from(world.dsn()), restore: Some(Secret::from(restore)) };
    let source = source::create(&world.service, &operator, New { address, ..world.planner_source() }).await.unwrap();
    let keys = Keys { access_key_id: Secret::from("AKIA".to_owned()), secret_access_key: Secret::from(KEY.to_owned()) };
    let new = target::New {
        organisation: None,
        name: "s3".to_owned(),
        tier: Tier::Offsite,
        url: "s3://copies".to_owned(),
        keys: Some(keys),
    };
    let made = format!("{new:?} {:?}", world.planner_source());
    let target = target::create(&world.service, &operator, new).await.unwrap();
    world.map(source.id).await;
    world.sync(source.id).await;
    assert!(source.has_restore_credential);

    // Both credentials open, in their places.
    let mut tx = world.service.catalog.begin(&Scope::system(crate::support::request())).await.unwrap();
    let row = sources::get(&mut tx, source.id).await.unwrap().unwrap();
    drop(tx);
    for (purpose, user) in [(CredentialPurpose::Capture, "planner_backup"), (CredentialPurpose::Restore, "postgres")] {
        assert_eq!(source::dsn(&world.service, &row, purpose).await.unwrap().user(), user);
    }
    let swapped = sources::Source { capture_credential: row.restore_credential.clone(), ..row.clone() };
    let error = source::dsn(&world.service, &swapped, CredentialPurpose::Capture).await.unwrap_err();
    assert_eq!(error.code(), Code::MasterKeyWrong);

    // The server is not there any more: the error says so, and no more.
    let elsewhere = world.dsn().replace("host=", "host=/nonexistent");
    let address = Address::Database { capture: Secret::from(elsewhere), restore: None };
    let lost =
        source::create(&world.service, &operator, New { name: "lost".to_owned(), address, ..world.planner_source() });
    let lost = lost.await.unwrap();
    let unreachable = source::inspect(&world.service, &operator, lost.id).await.unwrap_err();
    assert_eq!(unreachable.code(), Code::DatabaseUnreachable);
    let malformed = format!("postgres://u:{PASSWORD}@db.example:port/d?nonsense={PASSWORD}");
    let address = Address::Database { capture: Secret::from(malformed), restore: None };
    let malformed =
        source::create(&world.service, &operator, New { address, ..world.planner_source() }).await.unwrap_err();

    let answers = format!(
        "{source:?} {target:?} {lost:?} {made} {:?} {:?} {} {} {} {unreachable:?} {malformed:?}",
        source::list(&world.service, &operator, 50, None).await.unwrap(),
        source::mapping(&world.service, &operator, source.id).await.unwrap(),
        unreachable.chain(),
        malformed.chain(),
        error.chain(),
    );
    let dump = dump(&world).await;
    assert!(dump.contains("localhost/planner") && dump.contains("capture_credential_sealed"), "the dump is one");
    for secret in [PASSWORD, KEY] {
        assert!(!holds(&answers, secret), "{secret} in an answer");
        assert!(!holds(&dump, secret), "{secret} in the dump");
    }
}
