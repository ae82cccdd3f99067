//! The sample application installs, fills, breaks and is edited as its users expect.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, like tests")]

use keepsake_testkit::{
    planner::{self, Size, Spec},
    postgres::{Server, connect},
};
use std::collections::HashSet;
use tokio_postgres::Client;

async fn filled(server: &Server, spec: &Spec) -> Client {
    server.create_database("planner").await;
    let client = server.connect("planner").await;
    planner::install(&client).await.unwrap();
    planner::generate(&client, spec, None).await.unwrap();
    client
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn the_rows_keep_every_rule_of_the_schema() {
    let server = Server::start();
    let client = filled(&server, &Spec { first: Some(Size { guests: 30, photos: 9 }), ..Spec::small() }).await;
    assert_eq!(count(&client, "SELECT count(*) FROM weddings").await, 8);
    assert_eq!(count(&client, "SELECT count(*) FROM guests").await, 30 + 7 * 12);
    assert_eq!(count(&client, "SELECT count(*) FROM photos").await, 9 + 7 * 4);
    // The load bypassed the foreign keys: have PostgreSQL check each of them, and the row checks, now.
    client
        .batch_execute(
            "DO $$ DECLARE item record; BEGIN
                 FOR item IN SELECT conrelid::regclass AS owner, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
                             WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conparentid = 0 LOOP
                     EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', item.owner, item.conname);
                     EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', item.owner, item.conname, item.definition);
                 END LOOP;
             END $$",
        )
        .await
        .unwrap();
    assert_eq!(count(&client, "SELECT count(*) FROM events WHERE ends_at <= starts_at").await, 0);
    // New rows get fresh ids.
    client.batch_execute("INSERT INTO tasks (wedding_id, title) SELECT id, 'x' FROM weddings").await.unwrap();
    assert!(count(&client, "SELECT count(*) FROM activity_2025").await > 0);
    assert!(count(&client, "SELECT count(*) FROM activity_2026").await > 0);
    assert!(count(&client, "SELECT count(*) FROM guests WHERE dietary_notes ~ E'\\n'").await > 0);
    assert!(count(&client, "SELECT count(*) FROM guests WHERE dietary_notes LIKE '%\\\\menus\\\\%'").await > 0);
    for trigger in [
        "INSERT INTO events (wedding_id, kind, name, starts_at, ends_at) SELECT id, 'party', 'x', now(), now() FROM weddings",
        "INSERT INTO guests (wedding_id, first_name, last_name, email) SELECT id, 'a', 'b', 'no address' FROM weddings",
    ] {
        assert!(client.batch_execute(trigger).await.is_err(), "{trigger}");
    }
}

#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let server = Server::start();
    server.create_database("planner").await;
    let client = server.connect("planner").await;
    planner::install(&client).await.unwrap();
    let bare = client
        .query(
            "SELECT conrelid::regclass::text || '.' || conname FROM pg_constraint c
             WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND NOT EXISTS (
                 SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
                 AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)",
            &[],
        )
        .await
        .unwrap();
    let names: Vec<String> = bare.iter().map(|row| row.get(0)).collect();
    assert!(names.is_empty(), "{names:?}");
}

#[tokio::test]
async fn the_seed_decides_everything_and_weddings_are_told_apart() {
    let server = Server::start();
    let client = filled(&server, &Spec::small()).await;
    let all = planner::fingerprint(&client, &[]).await.unwrap();
    let wedding = Spec::small().wedding_id(2);
    let (of, others) = (
        planner::fingerprint_of(&client, wedding).await.unwrap(),
        planner::fingerprint(&client, &[wedding]).await.unwrap(),
    );
    assert_eq!(of.rows() + others.rows(), all.rows());
    assert_eq!((of.rows_of("weddings"), of.rows_of("guests")), (1, 12));

    server.create_database("again").await;
    let again = server.connect("again").await;
    planner::install(&again).await.unwrap();
    planner::generate(&again, &Spec::small(), None).await.unwrap();
    assert_eq!(planner::fingerprint(&again, &[]).await.unwrap(), all);
    assert_eq!(planner::fingerprint_of(&again, wedding).await.unwrap().to_string(), of.to_string());
}

#[tokio::test]
async fn damage_hits_one_wedding_and_edits_hit_the_others() {
    let server = Server::start();
    let client = filled(&server, &Spec::small()).await;
    let wedding = Spec::small().wedding_id(0);
    let (of, others) = (
        planner::fingerprint_of(&client, wedding).await.unwrap(),
        planner::fingerprint(&client, &[wedding]).await.unwrap(),
    );
    let damage = planner::damage(&client, wedding, None).await.unwrap();
    assert_eq!((damage.guests, damage.timeline_items, damage.photos, damage.files), (5, 16, 2, 0));
    assert_eq!(planner::fingerprint(&client, &[wedding]).await.unwrap().differences(&others), Vec::<String>::new());
    let after = planner::fingerprint_of(&client, wedding).await.unwrap();
    let tables: HashSet<String> =
        of.differences(&after).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    for table in ["guests", "timeline_items", "photos", "rsvps", "outbox"] {
        assert!(tables.contains(table), "{table}: {tables:?}");
    }

    let edits = planner::edit_others(&client, wedding, 1).await.unwrap();
    assert_eq!((edits.weddings.len(), edits.len(), edits.lost(&client).await.unwrap()), (4, 20, 0));
    assert!(!edits.weddings.contains(&wedding));
    assert_eq!(planner::fingerprint_of(&client, wedding).await.unwrap(), after);
    let apart = [edits.weddings.as_slice(), &[wedding]].concat();
    let before_and_after = planner::fingerprint(&client, &apart).await.unwrap();
    planner::edit_others(&client, wedding, 1).await.unwrap();
    assert_eq!(planner::fingerprint(&client, &apart).await.unwrap(), before_and_after);
    client.execute("UPDATE guests SET dietary_notes = NULL WHERE id = $1", &[&edits.notes[0].0]).await.unwrap();
    assert!(edits.lost(&client).await.unwrap() > 0);
}

#[tokio::test]
async fn row_level_security_shows_an_organisation_its_own_weddings() {
    let server = Server::start();
    let admin = filled(&server, &Spec::small()).await;
    let app = connect(&server.dsn_as("planner_app", "planner")).await;
    for table in ["weddings", "guests", "rsvps", "seats", "photos", "payments"] {
        assert_eq!(count(&app, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    let organisation: uuid::Uuid =
        admin.query_one("SELECT organisation_id FROM weddings ORDER BY slug LIMIT 1", &[]).await.unwrap().get(0);
    app.batch_execute(&format!("SET app.organisation_id = '{organisation}'")).await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM weddings").await, 3);
    assert_eq!(count(&app, "SELECT count(*) FROM guests").await, 36);
    let backup = connect(&server.dsn_as("planner_backup", "planner")).await;
    assert_eq!(count(&backup, "SELECT count(*) FROM weddings").await, 8);
}

#[tokio::test]
async fn files_are_where_the_rows_say() {
    let server = Server::start();
    server.create_database("planner").await;
    let client = server.connect("planner").await;
    planner::install(&client).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let made = planner::generate(&client, &Spec::small(), Some(root.path())).await.unwrap();
    assert_eq!(made.files, 8 * (4 + 4));
    let mut contents = HashSet::new();
    for row in client.query("SELECT storage_path, size_bytes FROM photos", &[]).await.unwrap() {
        let content = std::fs::read(root.path().join(row.get::<_, String>(0))).unwrap();
        assert_eq!(content.len() as i64, row.get::<_, i64>(1));
        assert_eq!(&content[..2], [0xff, 0xd8]);
        contents.insert(content);
    }
    assert_eq!(contents.len(), 32, "no two photos are the same file");
    for row in client.query("SELECT storage_path FROM documents", &[]).await.unwrap() {
        assert!(std::fs::read(root.path().join(row.get::<_, String>(0))).unwrap().starts_with(b"%PDF-1.4"));
    }
    let damage = planner::damage(&client, made.weddings[0], Some(root.path())).await.unwrap();
    assert_eq!((damage.photos, damage.files), (2, 2));
}

#[tokio::test]
async fn a_second_load_fails_and_leaves_everything_as_it_was() {
    let server = Server::start();
    let client = filled(&server, &Spec::small()).await;
    let before = planner::fingerprint(&client, &[]).await.unwrap();
    let error = planner::generate(&client, &Spec::small(), None).await.unwrap_err();
    assert!(error.to_string().contains("loading organisations"), "{error}");
    assert_eq!(planner::fingerprint(&client, &[]).await.unwrap(), before);
    // Triggers and keys work again.
    assert!(client.batch_execute("UPDATE guests SET household_id = -1").await.is_err());
}
