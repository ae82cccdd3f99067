//! Sources: who may register what, how they change and go, and their mapping.

use crate::support::{PASSWORD, World, log};
use keepsake_app::{
    Code,
    source::{self, Address, Change, New, Secret},
};
use keepsake_domain::SourceId;
use std::collections::BTreeMap;
use uuid::Uuid;

fn at(new: New, dsn: &str) -> New {
    New { address: Address::Database { capture: Secret::from(dsn.to_owned()), restore: None }, ..new }
}

#[tokio::test]
async fn a_source_is_registered_inspected_mapped_and_shown_without_its_credentials() {
    let world = World::new().await;
    let source = source::create(&world.service, &world.operator(), world.planner_source()).await.unwrap();
    assert_eq!((source.organisation, source.location.as_str()), (world.a, "localhost/planner"));
    let admin = world.admin(world.a);
    let proposal = source::inspect(&world.service, &admin, source.id).await.unwrap();
    assert!(proposal.mapping.contains("public.weddings"), "{}", proposal.mapping);
    let none = source::mapping(&world.service, &admin, source.id).await.unwrap_err();
    assert_eq!(none.code(), Code::NotFound);
    assert_eq!(source::set_mapping(&world.service, &admin, source.id, 0, proposal.mapping.clone()).await.unwrap(), 1);
    let mapped = source::mapping(&world.service, &admin, source.id).await.unwrap();
    assert_eq!((mapped.version, mapped.text), (1, proposal.mapping.clone()));
    let stale = source::set_mapping(&world.service, &admin, source.id, 0, proposal.mapping).await.unwrap_err();
    assert_eq!(stale.code(), Code::Stale);
    let shown = source::get(&world.service, &admin, source.id).await.unwrap();
    assert_eq!(shown.mapping_version, 1);
    assert!(!format!("{shown:?}").contains(PASSWORD));
    let page = source::list(&world.service, &admin, 50, None).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    let log = log(&world).await;
    assert!(log.contains(&"intent host_source_create intended".to_owned()), "{log:?}");
    assert!(log.contains(&"outcome mapping_replace stale".to_owned()), "{log:?}");
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_or_reaches_the_host_is_refused_with_its_line() {
    let world = World::new().await;
    let source = source::create(&world.service, &world.operator(), world.planner_source()).await.unwrap();
    let admin = world.admin(world.a);
    let good = source::inspect(&world.service, &admin, source.id).await.unwrap().mapping;
    let line_of = |text: &str, what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
    let set = async |text: String| source::set_mapping(&world.service, &admin, source.id, 0, text).await.unwrap_err();

    let broken = good.replacen("date = \"wedding_date\"", "date = \"wedding_day\"", 1);
    let error = set(broken.clone()).await;
    assert_eq!(error.code(), Code::MappingMismatch);
    assert!(error.chain().contains(&format!("line {}", line_of(&broken, "wedding_day"))), "{}", error.chain());

    let unknown = good.replacen("[wedding]", "[wedding]\ncolour = \"red\"", 1);
    let error = set(unknown.clone()).await;
    assert_eq!(error.code(), Code::MappingInvalid);
    assert!(error.chain().contains(&format!("line {}", line_of(&unknown, "colour"))), "{}", error.chain());

    let host = good.replacen("[[file]]", "[[file]]\nlocation = \"file:///etc\"", 1);
    let error = set(host.clone()).await;
    assert_eq!(error.code(), Code::MappingInvalid);
    assert!(error.chain().contains(&format!("line {}", line_of(&host, "file:///etc"))), "{}", error.chain());
    source::set_mapping(&world.service, &world.operator(), source.id, 0, host.clone()).await.unwrap();
    // What the operator set may stay, and go nowhere else.
    source::set_mapping(&world.service, &admin, source.id, 1, format!("{host}\n# reviewed\n")).await.unwrap();
    let elsewhere = host.replace("file:///etc", "file:///root");
    let error = source::set_mapping(&world.service, &admin, source.id, 2, elsewhere).await.unwrap_err();
    assert_eq!(error.code(), Code::MappingInvalid);
}

#[tokio::test]
async fn s29_a_supplier_reaches_neither_the_host_nor_its_networks() {
    let world = World::new().await;
    let admin = world.admin(world.a);
    let socket = world.dsn();
    for (dsn, code) in [
        (socket.as_str(), Code::Forbidden),
        ("postgres:///planner?user=u&host=%2Ftmp", Code::Forbidden),
        ("host=db.example,/tmp user=u dbname=d", Code::Forbidden),
        ("user=u dbname=d", Code::Forbidden),
        ("host=@abstract user=u dbname=d", Code::Forbidden),
        ("postgres://u@db.example/d?passfile=/etc/passwd", Code::Forbidden),
        ("postgres://u@db.example/d?sslcert=/a&sslkey=/b", Code::Forbidden),
        ("postgres://u@db.example/d?sslrootcert=/etc/passwd", Code::Forbidden),
        ("service=production user=u", Code::Forbidden),
        ("postgres://u@db.example/d?passfile=/no/such/file", Code::Forbidden),
        ("env:PATH", Code::DsnInvalid),
        ("file:/etc/passwd", Code::DsnInvalid),
    ] {
        let new = at(world.planner_source(), dsn);
        let error = source::create(&world.service, &admin, new).await.unwrap_err();
        assert_eq!(error.code(), code, "{dsn}: {}", error.chain());
        assert!(!error.chain().contains(PASSWORD), "{}", error.chain());
        assert!(!error.chain().contains("/etc"), "it tells nothing of the host: {}", error.chain());
    }
    assert!(log(&world).await.contains(&"refusal host_source_create forbidden".to_owned()));
    let root = New { files_root: Some("/etc".to_owned()), ..at(world.planner_source(), "postgres://u@db.example/d") };
    assert_eq!(source::create(&world.service, &admin, root).await.unwrap_err().code(), Code::Forbidden);
    let mine = BTreeMap::from([("x".to_owned(), world.b)]);
    let assigned = New { assignments: mine, ..at(world.planner_source(), "postgres://u@db.example/d") };
    assert_eq!(source::create(&world.service, &admin, assigned).await.unwrap_err().code(), Code::Forbidden);
    let folder = New { address: Address::Directory { url: "file:///etc".to_owned() }, ..world.planner_source() };
    assert_eq!(source::create(&world.service, &admin, folder).await.unwrap_err().code(), Code::Forbidden);
    let ambient = Address::Bucket { url: "s3://photos".to_owned(), keys: None };
    let bucket = New { address: ambient, ..world.planner_source() };
    assert_eq!(source::create(&world.service, &admin, bucket).await.unwrap_err().code(), Code::Forbidden);

    // Names are judged by where they lead, when something connects.
    for (n, host) in
        ["localhost", "127.0.0.1", "169.254.169.254", "[::1]", "10.0.0.1", "[::ffff:127.0.0.1]"].into_iter().enumerate()
    {
        let new = New {
            name: format!("inside {n}"),
            ..at(world.planner_source(), &format!("postgres://u:{PASSWORD}@{host}/d"))
        };
        let source = source::create(&world.service, &admin, new).await.unwrap();
        let error = source::inspect(&world.service, &admin, source.id).await.unwrap_err();
        assert_eq!(error.code(), Code::Forbidden, "{host}: {}", error.chain());
        assert!(error.chain().contains("not on the public Internet"), "{}", error.chain());
    }
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_read_and_keeps_what_it_does_not_name() {
    let world = World::new().await;
    let source = world.mapped().await;
    let admin = world.admin(world.a);
    let rename = |version, name: &str| Change {
        version,
        name: name.to_owned(),
        address: None,
        files_root: None,
        identity: None,
        assignments: BTreeMap::new(),
    };
    let changed = source::change(&world.service, &admin, source.id, rename(1, "weddings")).await.unwrap();
    assert_eq!((changed.version, changed.name.as_str()), (2, "weddings"));
    let stale = source::change(&world.service, &admin, source.id, rename(1, "other")).await.unwrap_err();
    assert_eq!(stale.code(), Code::Stale);
    assert_eq!(world.sync(source.id).await.found, 8, "the credential is still there");
    // Who may not reach a socket may not move a source to one.
    let address = Some(Address::Database { capture: Secret::from(world.dsn()), restore: None });
    let moved = source::change(&world.service, &admin, source.id, Change { address, ..rename(2, "weddings") }).await;
    assert_eq!(moved.unwrap_err().code(), Code::Forbidden);
    // And once a supplier wrote the address, it is judged as theirs.
    let address =
        Some(Address::Database { capture: Secret::from("postgres://u@127.0.0.1/d".to_owned()), restore: None });
    source::change(&world.service, &admin, source.id, Change { address, ..rename(2, "weddings") }).await.unwrap();
    let error = source::inspect(&world.service, &admin, source.id).await.unwrap_err();
    assert_eq!(error.code(), Code::Forbidden);
}

#[tokio::test]
async fn a_source_goes_once_nothing_backs_it_up_and_its_name_is_free_again() {
    let world = World::new().await;
    let source = world.mapped().await;
    world.sync(source.id).await;
    let admin = world.admin(world.a);
    let configure = "INSERT INTO keepsake.storage_targets (id, organisation_id, name, tier, url, created_at) VALUES ($2, $1, 't', 'local', 's3://t', now())";
    let target = Uuid::from_u128(0x77);
    world.owner.execute(configure, &[world.a.as_uuid(), &target]).await.unwrap();
    let configure = "INSERT INTO keepsake.backup_configurations (id, organisation_id, name, source_id, document, scope, backup_type, \
                     is_wedding_critical, enabled, storage_target_id, created_by, created_at) \
                     VALUES ($2, $1, 'c', $3, '{}', 'database', 'full', false, true, $2, $2, now())";
    world.owner.execute(configure, &[world.a.as_uuid(), &target, source.id.as_uuid()]).await.unwrap();
    let used = source::delete(&world.service, &admin, source.id, 1).await.unwrap_err();
    assert_eq!(used.code(), Code::InUse);
    world.owner.batch_execute("UPDATE keepsake.backup_configurations SET deleted_at = now()").await.unwrap();
    assert_eq!(source::delete(&world.service, &admin, source.id, 9).await.unwrap_err().code(), Code::Stale);
    source::delete(&world.service, &admin, source.id, 1).await.unwrap();
    assert_eq!(source::get(&world.service, &admin, source.id).await.unwrap_err().code(), Code::NotFound);
    let left = "SELECT count(*) FROM keepsake.sources WHERE capture_credential_sealed IS NOT NULL";
    assert_eq!(world.owner.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    let planned = "SELECT count(*), count(next_run_at) FROM keepsake.weddings";
    let row = world.owner.query_one(planned, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (8, 0), "weddings stay, and are no longer planned");
    source::create(&world.service, &world.operator(), world.planner_source()).await.unwrap();
}

#[tokio::test]
async fn another_organisation_and_a_member_find_no_source() {
    let world = World::new().await;
    let source = world.mapped().await;
    for (caller, whole) in [(world.admin(world.b), Code::NotFound), (world.member(), Code::NotFound)] {
        let refused = [
            source::get(&world.service, &caller, source.id).await.unwrap_err().code(),
            source::inspect(&world.service, &caller, source.id).await.unwrap_err().code(),
            source::mapping(&world.service, &caller, source.id).await.unwrap_err().code(),
            source::set_mapping(&world.service, &caller, source.id, 1, String::new()).await.unwrap_err().code(),
            source::delete(&world.service, &caller, source.id, 1).await.unwrap_err().code(),
        ];
        assert_eq!(refused, [whole; 5]);
    }
    assert_eq!(source::list(&world.service, &world.admin(world.b), 50, None).await.unwrap().items, []);
    let listed = source::list(&world.service, &world.member(), 50, None).await.unwrap_err();
    assert_eq!(listed.code(), Code::Forbidden);
    let for_others = New { organisation: Some(world.a), ..at(world.planner_source(), "postgres://u@db.example/d") };
    let error = source::create(&world.service, &world.admin(world.b), for_others).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    let nowhere = SourceId::from_uuid(Uuid::from_u128(1));
    let error = source::get(&world.service, &world.operator(), nowhere).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}
