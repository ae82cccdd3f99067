//! Capturing weddings: what is in a capture, and that it is what the database holds.

#[path = "registry/folder.rs"]
mod folder;
mod registry;
#[path = "registry/sample.rs"]
mod sample;

use keepsake_postgres::capture::{Manifest, Options, RowHasher};
use keepsake_testkit::postgres::Server;
use registry::capture_with;
use sample::{capture, mapping};
use std::process::Command;

fn rows<'a>(
    captured: &'a keepsake_postgres::capture::Captured,
    table: &str,
) -> &'a keepsake_postgres::capture::TableEntry {
    captured.manifest.tables.iter().find(|entry| entry.name.to_string() == table).expect("the table is captured")
}

#[tokio::test]
async fn a_capture_holds_every_row_the_wedding_owns_and_nothing_else() {
    let (server, dsn) = sample::install().await;
    let (captured, kept) = capture(&dsn, &["1"]).await.unwrap().remove(0);
    let counts: Vec<(String, u64)> =
        captured.manifest.tables.iter().map(|table| (table.name.to_string(), table.rows)).collect();
    for (table, count) in [
        ("public.weddings", 1),
        ("public.guests", 3),
        ("public.seats", 3),
        ("public.events", 2),
        ("public.bookings", 2),
        ("public.photos", 2),
        ("public.messages", 4),
        (r#""Odd.Schema"."Notes ""quoted""""#, 3),
    ] {
        assert!(counts.contains(&(table.to_owned(), count)), "{table} {count}: {counts:?}");
    }
    assert_eq!(captured.manifest.tables[0].name.to_string(), "public.weddings");
    assert!(
        !rows(&captured, "public.weddings").columns.contains(&"label".to_owned()),
        "generated columns are left out"
    );
    let client = server.connect("postgres").await;
    client.batch_execute("SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET search_path = ''").await.unwrap();
    let live = client.copy_out("COPY (SELECT id, wedding_id, full_name, email, answer, tags, extra, plus_one_of, seen, ratio, blob, span FROM public.guests WHERE wedding_id = 1 ORDER BY id) TO STDOUT").await.unwrap();
    let lines: Vec<bytes::Bytes> = futures::TryStreamExt::try_collect(live).await.unwrap();
    assert_eq!(kept.text("rows/public.guests.copy").as_bytes(), lines.concat());
    let mut hasher = RowHasher::new();
    lines.iter().for_each(|line| hasher.add(&line[..line.len() - 1]));
    assert_eq!(rows(&captured, "public.guests").hash, hasher.hex(), "the hash can be taken again from live rows");
    let facts = &captured.manifest.wedding;
    assert_eq!((facts.name.as_deref(), facts.date.as_deref()), (Some("Wedding 1"), Some("2026-06-06")));
    assert_eq!((facts.guest_count, facts.budget.as_deref()), (Some(3), Some("$1,234.50")));
    assert!(captured.manifest.lsn.is_some());
    let stored = Manifest::parse(kept.text("manifest.json").as_bytes()).unwrap();
    assert_eq!(stored, captured.manifest);
}

#[tokio::test]
async fn the_same_rows_give_the_same_bytes() {
    let (server, dsn) = sample::install().await;
    let (one, first) = capture(&dsn, &["1"]).await.unwrap().remove(0);
    let client = server.connect("postgres").await;
    for sql in ["UPDATE guests SET full_name = full_name", "VACUUM FULL guests", "ANALYZE"] {
        client.batch_execute(sql).await.unwrap();
    }
    let (two, second) = capture(&dsn, &["1"]).await.unwrap().remove(0);
    assert_eq!(one.manifest.scope_hash, two.manifest.scope_hash);
    for path in first.paths().iter().filter(|path| !matches!(path.as_str(), "manifest.json" | "RESTORE.md")) {
        assert_eq!(first.text(path), second.text(path), "{path}");
    }
}

#[tokio::test]
async fn s11_many_weddings_in_one_pass_are_the_same_as_one_by_one() {
    let (_server, dsn) = sample::install().await;
    let ids = ["1", "2", "3", "5"];
    let together = capture(&dsn, &ids).await.unwrap();
    assert_eq!(together.len(), 4);
    for (captured, kept) in &together {
        let (alone, kept_alone) = capture(&dsn, &[&captured.id]).await.unwrap().remove(0);
        assert_eq!(captured.manifest.scope_hash, alone.manifest.scope_hash);
        assert_eq!(kept.paths(), kept_alone.paths());
        for path in kept.paths().iter().filter(|path| !matches!(path.as_str(), "manifest.json" | "RESTORE.md")) {
            assert_eq!(kept.text(path), kept_alone.text(path), "{path}");
        }
        assert_eq!(captured.score, alone.score);
    }
}

#[tokio::test]
async fn s05_shared_rows_are_references_and_identities_never_more_than_their_key() {
    let (_server, dsn) = sample::install().await;
    let (captured, kept) = capture(&dsn, &["1"]).await.unwrap().remove(0);
    let reference =
        |name: &str| captured.manifest.references.iter().find(|entry| entry.name.to_string() == name).unwrap();
    let users = reference("auth.users");
    assert_eq!((users.columns.as_slice(), users.identity, users.rows), (["id".to_owned()].as_slice(), true, 1));
    assert_eq!(kept.text(&users.path), "00000000-0000-0000-0000-000000000001\n");
    let directory = reference("public.directory");
    assert_eq!(directory.columns, ["id", "name", "phone", "email"]);
    assert_eq!(kept.text(&directory.path), "1\tFlowers & Co\t+44 1\t\\N\n2\tDJ Nobody\t\\N\t\n");
    for path in kept.paths() {
        let text = kept.text(&path);
        assert!(
            !text.contains("secret hash") && !text.contains("anna@example.org") && !text.contains("0.3\n"),
            "{path}"
        );
    }
    assert!(
        captured.manifest.references.iter().all(|entry| entry.name.to_string() != "public.guests"),
        "its own guests"
    );
    let (other, kept) = capture(&dsn, &["2"]).await.unwrap().remove(0);
    let foreign = other.manifest.references.iter().find(|entry| entry.name.to_string() == "public.guests").unwrap();
    assert_eq!(foreign.columns, ["id"], "a guest of another wedding is a key and nothing else");
    assert_eq!(kept.text(&foreign.path), "1\n");
}

#[tokio::test]
async fn references_that_lead_nowhere_are_an_issue() {
    let (server, dsn) = sample::install().await;
    let client = server.connect("postgres").await;
    client.batch_execute(r#"UPDATE guests SET extra = '{"vendor": "99"}' WHERE id = 1; UPDATE guests SET extra = '{"vendor": "no number"}' WHERE id = 2"#).await.unwrap();
    let (captured, _) = capture(&dsn, &["1"]).await.unwrap().remove(0);
    let issue = captured.manifest.issues.iter().find(|issue| issue.code == "reference-dangling").unwrap();
    assert_eq!(
        (issue.subject.as_str(), issue.message.as_str()),
        ("public.directory", "2 rows that are referred to do not exist")
    );
    assert!(captured.score.total < 100);
}

#[tokio::test]
async fn the_score_sees_what_is_wrong() {
    let (server, dsn) = sample::install().await;
    server
        .connect("postgres")
        .await
        .batch_execute("UPDATE guests SET full_name = ' ', email = NULL WHERE id = 1")
        .await
        .unwrap();
    let (captured, _) = capture(&dsn, &["1"]).await.unwrap().remove(0);
    let codes: Vec<&str> =
        captured.score.parts.iter().flat_map(|part| &part.issues).map(|issue| issue.code.as_str()).collect();
    for code in
        ["guest-without-name", "guest-without-contact", "event-without-time", "vendor-without-contact", "file-missing"]
    {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    let vendors = &captured.score.parts[2];
    assert_eq!(vendors.issues[0].count, 1, "the vendor with a phone in the directory can be reached");
    let keys = captured.manifest.issues.iter().find(|issue| issue.code == "key-repeated").unwrap();
    assert!(keys.message.starts_with("1 rows"), "{}", keys.message);
}

#[tokio::test]
async fn an_empty_wedding_and_one_with_ten_thousand_guests() {
    let (server, dsn) = sample::install().await;
    let client = server.connect("postgres").await;
    client.batch_execute("INSERT INTO guests (wedding_id, full_name) SELECT 5, repeat('é', 20000 / 2) FROM generate_series(1, 5); INSERT INTO guests (wedding_id, full_name) SELECT 5, 'Guest ' || i FROM generate_series(1, 9995) i; DELETE FROM seats WHERE guest_id IN (SELECT id FROM guests WHERE wedding_id = 4); UPDATE guests SET plus_one_of = NULL; DELETE FROM guests WHERE wedding_id = 4").await.unwrap();
    let captured = capture(&dsn, &["4", "5"]).await.unwrap();
    let (empty, kept) = &captured[0];
    assert_eq!(rows(empty, "public.guests").rows, 0);
    assert_eq!(kept.text("rows/public.guests.copy"), "");
    let (full, kept) = &captured[1];
    assert_eq!(rows(full, "public.guests").rows, 10_000);
    assert_eq!(kept.text("rows/public.guests.copy").lines().count(), 10_000);
}

#[tokio::test]
async fn restore_md_works_with_psql_alone() {
    let (server, source) = sample::install().await;
    let (captured, kept) = capture(&source, &["1"]).await.unwrap().remove(0);
    let folder = tempfile::tempdir().unwrap();
    folder::write(&kept, folder.path());
    let run = |database: &str, script: &str| {
        let mut psql = Command::new("sh");
        psql.arg("-c").arg(script).current_dir(folder.path());
        for (name, value) in source.with_database(database).for_child() {
            psql.env(name, value);
        }
        let done = psql.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    // The commands as a reader finds them.
    let guide = kept.text("RESTORE.md");
    let blocks: Vec<&str> =
        guide.split("```").skip(1).step_by(2).map(|block| block.trim_start_matches("sh\n")).collect();
    run("postgres", blocks[0]);
    let recaptured = hash_of(&server, "wedding", "public", "guests", &rows(&captured, "public.guests").columns).await;
    assert_eq!(recaptured, rows(&captured, "public.guests").hash);
    let notes = rows(&captured, r#""Odd.Schema"."Notes ""quoted""""#);
    assert_eq!(hash_of(&server, "wedding", "Odd.Schema", "Notes \"quoted\"", &notes.columns).await, notes.hash);

    let client = server.connect("postgres").await;
    client.batch_execute("SET session_replication_role = replica; DELETE FROM weddings WHERE id = 1; DELETE FROM seats WHERE guest_id < 4; DELETE FROM guests WHERE wedding_id = 1; DELETE FROM events WHERE wedding_id = 1; DELETE FROM bookings WHERE wedding_id = 1; DELETE FROM photos WHERE wedding_id = 1; DELETE FROM messages WHERE wedding_id = 1; DELETE FROM \"Odd.Schema\".\"Notes \"\"quoted\"\"\"").await.unwrap();
    run("postgres", &blocks[1].replace("DATABASE", "postgres"));
    let (again, _) = capture(&source, &["1"]).await.unwrap().remove(0);
    assert_eq!(again.manifest.scope_hash, captured.manifest.scope_hash);
}

async fn hash_of(server: &Server, database: &str, schema: &str, table: &str, columns: &[String]) -> String {
    let client = server.connect(database).await;
    client.batch_execute("SET TimeZone = 'UTC'; SET extra_float_digits = 3").await.expect("rows");
    let quoted: Vec<String> = columns.iter().map(|name| keepsake_postgres::schema::quote_ident(name)).collect();
    let name = keepsake_postgres::schema::TableName::new(schema, table).sql();
    let copy = client.copy_out(&format!("COPY {name} ({}) TO STDOUT", quoted.join(", "))).await.expect("rows");
    let lines: Vec<bytes::Bytes> = futures::TryStreamExt::try_collect(copy).await.expect("rows");
    let mut hasher = RowHasher::new();
    lines.iter().for_each(|line| hasher.add(line.strip_suffix(b"\n").expect("a line")));
    hasher.hex()
}

#[tokio::test]
async fn every_document_is_there_and_the_mapping_can_be_read_back() {
    let (_server, dsn) = sample::install().await;
    let (_, kept) = capture_with(&dsn, &mapping(), &["2"], None, Options::default()).await.unwrap().remove(0);
    let paths = kept.paths();
    for path in [
        "RESTORE.md",
        "manifest.json",
        "schema/load.sql",
        "schema/mapping.toml",
        "schema/schema.json",
        "schema/tables.sql",
    ] {
        assert!(paths.iter().any(|found| found == path), "{path}");
    }
    let stored = keepsake_postgres::mapping::Mapping::parse(&kept.text("schema/mapping.toml")).unwrap();
    assert_eq!(stored, mapping());
    let schema: keepsake_postgres::schema::Schema = serde_json::from_str(&kept.text("schema/schema.json")).unwrap();
    assert!(stored.bind(&schema).is_ok(), "the stored mapping fits the stored schema");
    assert!(schema.tables.keys().all(|name| name.schema != "pg_catalog"));
}

#[tokio::test]
async fn composite_references_and_ids_of_unusual_types() {
    let server = keepsake_testkit::postgres::Server::start();
    let client = server.connect("postgres").await;
    let sql = r#"
        CREATE TABLE venues (country text, no int, title text, PRIMARY KEY (country, no));
        CREATE TABLE weddings (code numeric(8,2) PRIMARY KEY, country text, venue int, FOREIGN KEY (country, venue) REFERENCES venues);
        CREATE TABLE guests (wedding numeric(8,2) REFERENCES weddings, n int, PRIMARY KEY (wedding, n));
        INSERT INTO venues VALUES ('uk', 1, 'Barn'), ('uk', 2, 'Hall'), ('it', 1, 'Villa');
        INSERT INTO weddings VALUES (7, 'uk', 2), (8, 'it', 1), (9, 'it', NULL);
        INSERT INTO guests VALUES (7, 1), (7, 2), (9, 1);"#;
    client.batch_execute(sql).await.unwrap();
    let edge = |from: &str, columns: &str, to: &str, to_columns: &str, decision: &str| {
        format!(
            "[[edge]]\nfrom = \"public.{from}\"\ncolumns = [{columns}]\nto = \"public.{to}\"\nto_columns = [{to_columns}]\ndecision = \"{decision}\"\n"
        )
    };
    let text = format!(
        "version = 1\n[wedding]\ntable = \"public.weddings\"\nid = \"code\"\n[[table]]\nname = \"public.guests\"\ngroup = \"guests\"\n{}{}[rules]\ndisplay = {{ \"public.venues\" = [\"title\"] }}\n",
        edge("guests", "\"wedding\"", "weddings", "\"code\"", "owns"),
        edge("weddings", "\"country\", \"venue\"", "venues", "\"country\", \"no\"", "refers"),
    );
    let mapping = keepsake_postgres::mapping::Mapping::parse(&text).unwrap();
    let dsn = registry::dsn(&server.dsn("postgres"));
    let captured = capture_with(&dsn, &mapping, &["7", "8.00", "9.0"], None, Options::default()).await.unwrap();
    assert_eq!(captured[0].0.manifest.wedding.id, "7.00");
    assert_eq!(captured[0].1.text("references/public.venues.copy"), "uk\t2\tHall\n");
    assert_eq!(captured[1].1.text("references/public.venues.copy"), "it\t1\tVilla\n");
    assert!(captured[2].0.manifest.references.is_empty());
    let error = capture_with(&dsn, &mapping, &["seven"], None, Options::default()).await.unwrap_err();
    assert!(error.to_string().contains("no wedding seven"), "{error}");
}
