//! Inspection of applications that it has never seen, and of odd corners.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use keepsake_postgres::{
    inspect::{self, Inspection, Options},
    mapping::{Decision, Mapping},
    schema::TableName,
};
use keepsake_testkit::{
    planner,
    postgres::{Server, connect},
    schemas::{self, Foreign},
};
use std::collections::{BTreeMap, BTreeSet};

fn name(text: &str) -> TableName {
    text.parse().unwrap()
}

async fn inspected(server: &Server, database: &str) -> Inspection {
    let mut client = server.connect(database).await;
    inspect::inspect(&mut client, &Options::default()).await.unwrap()
}

/// The proposal binds, reads back from its own text, and leaves nothing undecided by silence.
fn sound(inspection: &Inspection) {
    let mapping = &inspection.report.mapping;
    let text = inspection.to_toml();
    assert_eq!(Mapping::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}")), *mapping);
    let bound = mapping.bind(&inspection.schema).unwrap_or_else(|e| panic!("{e:#?}\n{text}"));
    assert!(bound.undecided.is_empty(), "{:?}", bound.undecided);
}

async fn foreign(application: Foreign) -> (Server, Inspection) {
    let server = Server::start();
    server.create_database(application.name).await;
    application.install(&server.connect(application.name).await).await.unwrap();
    let inspection = inspected(&server, application.name).await;
    sound(&inspection);
    let mapping = &inspection.report.mapping;
    let root = &mapping.wedding;
    let want = application.root;
    assert_eq!(root.table, name(want.table));
    let columns = [
        Some(root.id.clone()),
        root.name.clone(),
        root.date.clone(),
        root.time_zone.clone(),
        root.guest_count.clone(),
        root.budget.clone(),
        root.organisation.clone(),
        root.status.clone(),
    ];
    let wanted =
        [want.id, want.name, want.date, want.time_zone, want.guest_count, want.budget, want.organisation, want.status];
    assert_eq!(columns.map(Option::unwrap_or_default), wanted);
    assert!(root.confidence.unwrap() >= 50, "{root:?}");
    for shared in application.shared.iter().chain(application.apart) {
        assert!(!mapping.tables.iter().any(|table| table.name == name(shared)), "{shared} is not owned");
    }
    let files: BTreeSet<(String, &str)> =
        mapping.files.iter().map(|f| (f.table.to_string(), f.column.as_str())).collect();
    assert_eq!(files, application.files.iter().map(|(t, c)| (name(t).to_string(), *c)).collect());
    (server, inspection)
}

fn groups(inspection: &Inspection) -> BTreeMap<String, &'static str> {
    inspection.report.mapping.tables.iter().map(|table| (table.name.to_string(), table.group.name())).collect()
}

fn wanted(application: Foreign) -> BTreeMap<String, &'static str> {
    application.owned.iter().map(|(table, group)| (name(table).to_string(), *group)).collect()
}

fn decisions(inspection: &Inspection) -> BTreeMap<String, Decision> {
    let edges = inspection.report.mapping.edges.iter();
    edges.map(|e| (format!("{}.{}>{}", e.from.table, e.columns.join("+"), e.to.table), e.decision)).collect()
}

#[tokio::test]
async fn a_supabase_like_application_needs_no_edit() {
    let (server, inspection) = foreign(schemas::SUPABASE).await;
    assert_eq!(groups(&inspection), wanted(schemas::SUPABASE));
    assert!(inspection.report.questions.is_empty(), "{:?}", inspection.report.questions);
    let edges = decisions(&inspection);
    assert_eq!(edges["guests.group_id>guest_groups"], Decision::Refers);
    assert_eq!(edges["guests.wedding_id>weddings"], Decision::Owns);
    assert_eq!(edges["wedding_members.user_id>users"], Decision::Refers);
    assert_eq!(edges["weddings.supplier_id>suppliers"], Decision::Refers);
    assert_eq!(inspection.report.mapping.rules.display["public.suppliers"], ["name"]);
    let missing: Vec<_> = inspection.report.missing_indexes.iter().map(|i| i.table.table.as_str()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // A role that sees its own rows only, and one without rights.
    let client = server.connect("supabase").await;
    client.batch_execute("CREATE ROLE app LOGIN IN ROLE authenticated; CREATE ROLE stranger LOGIN").await.unwrap();
    let mut app = connect(&server.dsn_as("app", "supabase")).await;
    let seen = inspect::inspect(&mut app, &Options::default()).await.unwrap();
    assert!(
        seen.report.warnings.iter().any(|w| w.contains("row-level security hides rows of public.guests from app")),
        "{:?}",
        seen.report.warnings
    );
    assert!(seen.report.warnings.iter().any(|w| w.contains("BYPASSRLS")));
    let mut stranger = connect(&server.dsn_as("stranger", "supabase")).await;
    let seen = inspect::inspect(&mut stranger, &Options::default()).await.unwrap();
    assert!(
        seen.report.warnings.iter().any(|w| w.contains("stranger may not read public.weddings")),
        "{:?}",
        seen.report.warnings
    );
    assert_eq!(groups(&seen), wanted(schemas::SUPABASE), "names and keys are enough");
}

#[tokio::test]
async fn a_prisma_like_application_needs_no_edit_and_its_missing_index_is_named() {
    let (server, inspection) = foreign(schemas::PRISMA).await;
    assert_eq!(groups(&inspection), wanted(schemas::PRISMA));
    assert!(inspection.report.questions.is_empty(), "{:?}", inspection.report.questions);
    let photo = &inspection.report.missing_indexes[0];
    assert_eq!(photo.statement, r#"CREATE INDEX CONCURRENTLY ON "public"."Photo" ("weddingId");"#);
    assert!(photo.capture && inspection.report.missing_indexes.len() == 1, "{:?}", inspection.report.missing_indexes);
    server.connect("prisma").await.batch_execute(&photo.statement).await.unwrap();
    assert!(inspected(&server, "prisma").await.report.missing_indexes.is_empty());
    assert_eq!(inspection.report.mapping.files[0].strip_prefix.as_deref(), Some("https://cdn.example.com/"));
    assert_eq!(decisions(&inspection)["Guest.plusOneOfId>Guest"], Decision::Refers);
}

#[tokio::test]
async fn an_application_in_modules_needs_one_answer() {
    let (_server, mut inspection) = foreign(schemas::MODULES).await;
    // Comments hang on events by a type and an id: found, and asked about.
    let mut expected = wanted(schemas::MODULES);
    expected.insert("core.comments".into(), "other");
    assert_eq!(groups(&inspection), expected);
    let edges = decisions(&inspection);
    assert_eq!(edges["guests.copied_from_event_id>events"], Decision::Refers);
    assert_eq!(edges["comments.commentable_id>events"], Decision::AssumedOwns);
    assert_eq!(inspection.report.questions.len(), 1, "{:?}", inspection.report.questions);
    let question = inspection.report.questions[0].clone();
    assert!(question.text.contains("commentable_type = Event"), "{}", question.text);
    inspection.answer(question.edge, Decision::Owns).unwrap();
    assert!(inspection.report.questions.is_empty());
    sound(&inspection);
    // Answered the other way, the table is not part of a wedding.
    let comments = inspection.report.mapping.edges.iter().position(|e| e.is_virtual).unwrap();
    inspection.answer(comments, Decision::Refers).unwrap();
    assert_eq!(groups(&inspection), wanted(schemas::MODULES));
    sound(&inspection);
}

#[tokio::test]
async fn an_application_with_composite_keys_and_circles_needs_no_edit() {
    let (_server, inspection) = foreign(schemas::COMPOSITE).await;
    assert_eq!(groups(&inspection), wanted(schemas::COMPOSITE));
    assert!(inspection.report.questions.is_empty(), "{:?}", inspection.report.questions);
    let edges = decisions(&inspection);
    assert_eq!(edges["celebrations.tenant_id+wedding_no+host_no>invitees"], Decision::Refers);
    assert_eq!(edges["seats.tenant_id+wedding_no+invitee_no>invitees"], Decision::Owns);
    assert_eq!(edges["programme.tenant_id+wedding_no+previous_step_no>programme"], Decision::Refers);
}

#[tokio::test]
async fn the_sample_planner_needs_no_edit() {
    let server = Server::start();
    server.create_database("planner").await;
    let client = server.connect("planner").await;
    planner::install(&client).await.unwrap();
    planner::generate(&client, &planner::Spec::small(), None).await.unwrap();
    let inspection = inspected(&server, "planner").await;
    sound(&inspection);
    let root = &inspection.report.mapping.wedding;
    assert_eq!(root.table, name("public.weddings"));
    assert_eq!(
        (root.name.as_deref(), root.date.as_deref(), root.organisation.as_deref()),
        (Some("title"), Some("wedding_date"), Some("organisation_id"))
    );
    assert_eq!(
        groups(&inspection),
        [
            ("public.activity", "other"),
            ("public.albums", "photos"),
            ("public.budget_items", "budget"),
            ("public.contacts", "vendors"),
            ("public.dining_tables", "guests"),
            ("public.documents", "documents"),
            ("public.events", "timeline"),
            ("public.guests", "guests"),
            ("public.households", "guests"),
            ("public.messages", "other"),
            ("public.payments", "budget"),
            ("public.photo_guests", "guests"),
            ("public.photos", "photos"),
            ("public.rsvps", "guests"),
            ("public.seats", "guests"),
            ("public.tasks", "timeline"),
            ("public.timeline_items", "timeline"),
            ("public.vendor_bookings", "vendors")
        ]
        .map(|(t, g)| (t.to_owned(), g))
        .into()
    );
    let files: Vec<String> =
        inspection.report.mapping.files.iter().map(|f| format!("{}.{}", f.table.table, f.column)).collect();
    assert_eq!(files, ["documents.storage_path", "photos.storage_path"]);
    assert!(inspection.report.questions.is_empty(), "{:?}", inspection.report.questions);
    assert!(inspection.report.confidence >= 80, "{}", inspection.report.confidence);
    let capture: Vec<_> =
        inspection.report.missing_indexes.iter().filter(|i| i.capture).map(|i| &i.statement).collect();
    assert!(capture.is_empty(), "{capture:?}");
}

const ODD: &str = r#"
CREATE SCHEMA "Big Day";
CREATE TABLE public.users (id int PRIMARY KEY, login text, current_wedding int);
CREATE TABLE public.couples (id int PRIMARY KEY, names text);
CREATE TABLE public.couple_contacts (id int PRIMARY KEY, couple_id int NOT NULL REFERENCES public.couples ON DELETE CASCADE, phone text);
CREATE TABLE "Big Day"."Our ""Weddings""" ("Id" int PRIMARY KEY, title text, "theDate" date, couple_id int NOT NULL UNIQUE REFERENCES public.couples, planner int REFERENCES public.users);
ALTER TABLE public.users ADD FOREIGN KEY (current_wedding) REFERENCES "Big Day"."Our ""Weddings""" ON DELETE SET NULL;
CREATE TABLE public.vendors (id int PRIMARY KEY, name text, favourite_of int REFERENCES "Big Day"."Our ""Weddings""");
CREATE TABLE public.bookings (id int PRIMARY KEY, "weddingId" int NOT NULL REFERENCES "Big Day"."Our ""Weddings""", vendor int NOT NULL REFERENCES public.vendors);
CREATE TABLE public.reviews (id int PRIMARY KEY, vendor int NOT NULL REFERENCES public.vendors ON DELETE CASCADE, wedding int REFERENCES "Big Day"."Our ""Weddings""" ON DELETE SET NULL);
CREATE TABLE public.folders (id int PRIMARY KEY, wedding int REFERENCES "Big Day"."Our ""Weddings""", parent int REFERENCES public.folders);
CREATE TABLE public.pages (id int PRIMARY KEY, folder int NOT NULL REFERENCES public.folders, seen_at timestamptz);
CREATE TABLE public.guests (id bigint NOT NULL, day date NOT NULL, wedding int NOT NULL REFERENCES "Big Day"."Our ""Weddings""", PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE public.guests_1 PARTITION OF public.guests DEFAULT;
CREATE TABLE public.gifts (id int PRIMARY KEY, guest_id bigint, wedding_id int, what text);
CREATE TABLE public.messages (id int PRIMARY KEY, data jsonb NOT NULL, body text);
CREATE TABLE public.unrelated (id int PRIMARY KEY, wedding_id int);
CREATE TABLE public.keyless (wedding int NOT NULL REFERENCES "Big Day"."Our ""Weddings""", word text NOT NULL);
CREATE TABLE public.nameless (wedding int REFERENCES "Big Day"."Our ""Weddings""" ON DELETE CASCADE, word text);
CREATE TABLE public.audit_log (id int PRIMARY KEY, wedding int REFERENCES "Big Day"."Our ""Weddings""", what text);
INSERT INTO public.couples SELECT n, 'secret name ' || n FROM generate_series(1, 40) n;
INSERT INTO "Big Day"."Our ""Weddings""" SELECT n, 'secret name', '2026-01-01', n FROM generate_series(1, 40) n;
INSERT INTO public.vendors SELECT n, 'v', CASE WHEN n < 4 THEN n END FROM generate_series(1, 30) n;
INSERT INTO public.bookings SELECT n, n % 40 + 1, n % 5 + 1 FROM generate_series(1, 100) n;
INSERT INTO public.folders SELECT n, CASE WHEN n < 30 THEN n END, CASE WHEN n > 30 THEN n - 30 END FROM generate_series(1, 40) n;
INSERT INTO public.gifts SELECT n, n, n % 40 + 1 FROM generate_series(1, 100) n;
INSERT INTO public.unrelated SELECT n, n + 5000 FROM generate_series(1, 50) n;
INSERT INTO public.messages SELECT n, jsonb_build_object('wedding_id', n), 'secret body' FROM generate_series(1, 20) n;
INSERT INTO public.audit_log SELECT n, n % 40 + 1, 'secret' FROM generate_series(1, 50) n;
"#;

#[tokio::test]
async fn odd_corners_are_judged_by_keys_names_and_samples_without_quoting_data() {
    let server = Server::start();
    server.create_database("odd").await;
    let client = server.connect("odd").await;
    client.batch_execute(ODD).await.unwrap();
    let mut inspection = inspected(&server, "odd").await;
    let text = inspection.to_toml();
    sound(&inspection);
    assert!(!text.contains("secret"), "evidence never quotes data");
    let mapping = &inspection.report.mapping;
    assert_eq!(mapping.wedding.table, TableName::new("Big Day", "Our \"Weddings\""));
    assert_eq!((mapping.wedding.id.as_str(), mapping.wedding.date.as_deref()), ("Id", Some("theDate")));
    let owned: Vec<&str> = mapping.tables.iter().map(|t| t.name.table.as_str()).collect();
    assert_eq!(
        owned,
        [
            "audit_log",
            "bookings",
            "couple_contacts",
            "couples",
            "folders",
            "gifts",
            "guests",
            "keyless",
            "messages",
            "pages"
        ]
    );
    let edges = decisions(&inspection);
    let weddings = "Our \"Weddings\"";
    assert_eq!(edges[&format!("users.current_wedding>{weddings}")], Decision::AssumedRefers);
    assert_eq!(edges[&format!("vendors.favourite_of>{weddings}")], Decision::AssumedRefers, "set in 3 of 30 rows");
    assert_eq!(edges[&format!("reviews.wedding>{weddings}")], Decision::AssumedRefers, "deleted with the vendor");
    assert_eq!(edges[&format!("audit_log.wedding>{weddings}")], Decision::AssumedOwns, "logs are captured, in `other`");
    assert_eq!(edges[&format!("folders.wedding>{weddings}")], Decision::AssumedOwns);
    assert_eq!(edges["folders.parent>folders"], Decision::AssumedOwns, "a tree");
    assert_eq!(edges["pages.folder>folders"], Decision::Owns);
    assert_eq!(
        edges[&format!("gifts.wedding_id>{weddings}")],
        Decision::AssumedOwns,
        "no foreign key, but the values exist"
    );
    assert!(!edges.contains_key(&format!("unrelated.wedding_id>{weddings}")), "the values do not exist");
    assert_eq!(edges[&format!("messages.data->>'wedding_id'>{weddings}")], Decision::AssumedOwns);
    assert_eq!(
        edges[&format!("couples.id>{weddings}")],
        Decision::AssumedOwns,
        "one couple for each wedding: the key points the other way"
    );
    assert_eq!(edges["couple_contacts.couple_id>couples"], Decision::Owns);
    let warned = |word: &str| inspection.report.warnings.iter().any(|w| w.contains(word));
    assert!(
        warned("public.keyless has no primary key") && warned("public.nameless has no primary key and no NOT NULL"),
        "{:?}",
        inspection.report.warnings
    );
    assert!(
        warned("of 40 sampled rows of public.folders, 1 belong to no wedding and 0 to more than one"),
        "{:?}",
        inspection.report.warnings
    );
    assert_eq!(mapping.rules.tables_left_out, [name("public.nameless")]);
    assert_eq!(mapping.tables.iter().find(|t| t.name.table == "keyless").unwrap().key, ["wedding", "word"]);
    let statements: Vec<&str> = inspection.report.missing_indexes.iter().map(|i| i.statement.as_str()).collect();
    assert!(
        statements.contains(&r#"CREATE INDEX ON "public"."guests" ("wedding");"#),
        "partitioned, so not concurrently: {statements:?}"
    );
    assert!(
        statements.contains(&r#"CREATE INDEX CONCURRENTLY ON "public"."messages" (("data"->>'wedding_id'));"#),
        "{statements:?}"
    );
    for index in &inspection.report.missing_indexes {
        client.batch_execute(&index.statement).await.unwrap();
    }
    let again = inspected(&server, "odd").await;
    assert!(again.report.missing_indexes.is_empty(), "{:?}", again.report.missing_indexes);

    // Answers bring tables in and take them out, with all that hangs on them.
    let edge = |i: &Inspection, from: &str| {
        i.report.mapping.edges.iter().position(|e| e.from.table == from && e.decision.assumed()).unwrap()
    };
    let at = edge(&inspection, "reviews");
    inspection.answer(at, Decision::Owns).unwrap();
    let at = edge(&inspection, "couples");
    inspection.answer(at, Decision::Refers).unwrap();
    sound(&inspection);
    let owned: Vec<&str> = inspection.report.mapping.tables.iter().map(|t| t.name.table.as_str()).collect();
    assert!(
        owned.contains(&"reviews") && !owned.contains(&"couples") && !owned.contains(&"couple_contacts"),
        "{owned:?}"
    );
    while let Some(question) = inspection.report.questions.first().cloned() {
        let decided = if question.decision.owns() { Decision::Owns } else { Decision::Refers };
        inspection.answer(question.edge, decided).unwrap();
    }
    sound(&inspection);
}

#[tokio::test]
async fn without_weddings_nothing_is_proposed_and_a_root_can_be_named() {
    let server = Server::start();
    let mut client = server.connect("postgres").await;
    client.batch_execute("CREATE TABLE widgets (id int PRIMARY KEY); CREATE TABLE parts (id int PRIMARY KEY, widget int NOT NULL REFERENCES widgets); CREATE VIEW v AS SELECT 1").await.unwrap();
    let error = inspect::inspect(&mut client, &Options::default()).await.unwrap_err();
    assert!(matches!(error, inspect::Error::NoRoot { tables: 2 }), "{error}");
    let root = |text: &str| Options { root: Some(name(text)), ..Options::default() };
    let inspection = inspect::inspect(&mut client, &root("public.widgets")).await.unwrap();
    sound(&inspection);
    assert_eq!(inspection.report.mapping.tables.len(), 1);
    assert!(matches!(inspect::inspect(&mut client, &root("public.v")).await, Err(inspect::Error::UnfitRoot(_))));
    // The session is as it was.
    let timeout: String = client.query_one("SHOW statement_timeout", &[]).await.unwrap().get(0);
    assert_eq!(timeout, "0");
}

#[tokio::test]
async fn a_table_that_is_locked_costs_a_second_and_a_warning() {
    let server = Server::start();
    let mut client = server.connect("postgres").await;
    client.batch_execute("CREATE TABLE weddings (id int PRIMARY KEY, wedding_date date); CREATE TABLE guests (id int PRIMARY KEY, wedding int NOT NULL REFERENCES weddings)").await.unwrap();
    let other = server.connect("postgres").await;
    other.batch_execute("BEGIN; LOCK TABLE guests").await.unwrap();
    let inspection = inspect::inspect(&mut client, &Options::default()).await.unwrap();
    assert_eq!(inspection.report.mapping.tables.len(), 1);
    assert!(
        inspection.report.warnings.iter().any(|w| w.contains("public.guests could not be sampled")),
        "{:?}",
        inspection.report.warnings
    );
}

#[tokio::test]
async fn a_root_named_by_a_part_of_its_key_alone_is_proposed_with_a_warning() {
    let server = Server::start();
    let mut client = server.connect("postgres").await;
    client.batch_execute("CREATE TABLE weddings (tenant int, no int, wedding_date date, guests int, PRIMARY KEY (tenant, no));
        CREATE TABLE guests (tenant int NOT NULL, no int NOT NULL, id int PRIMARY KEY, FOREIGN KEY (tenant, no) REFERENCES weddings)").await.unwrap();
    let inspection = inspect::inspect(&mut client, &Options::default()).await.unwrap();
    sound(&inspection);
    assert_eq!(inspection.report.mapping.wedding.id, "no");
    assert!(!inspection.report.mapping.bind(&inspection.schema).unwrap().root_id_unique);
    assert!(
        inspection.report.warnings.iter().any(|w| w.contains("not unique by itself")),
        "{:?}",
        inspection.report.warnings
    );
}

/// Comments on guests and events of a wedding, with whatever indexes, and what is found missing on the comments.
async fn missing_on_comments(server: &Server, number: u32, kind: &str, indexes: &str) -> Vec<String> {
    let database = format!("comments{number}");
    server.create_database(&database).await;
    let client = server.connect(&database).await;
    let tables = format!(
        r#"CREATE TABLE weddings (id int PRIMARY KEY, wedding_date date);
        CREATE TABLE guests (id int PRIMARY KEY, wedding_id int NOT NULL REFERENCES weddings);
        CREATE TABLE events (id int PRIMARY KEY, wedding_id int NOT NULL REFERENCES weddings);
        CREATE INDEX ON guests (wedding_id); CREATE INDEX ON events (wedding_id);
        CREATE TYPE subject AS ENUM ('Guest', 'Event');
        CREATE TABLE "All ""Comments""" (id int PRIMARY KEY, "Subject Type" {kind} NOT NULL, "Subject Id" int NOT NULL,
            wedding_id int REFERENCES weddings ON DELETE SET NULL);"#
    );
    client.batch_execute(&tables).await.unwrap();
    client.batch_execute(indexes).await.unwrap();
    let rows = r#"INSERT INTO weddings VALUES (1, '2026-06-06'); INSERT INTO guests VALUES (1, 1), (2, 1); INSERT INTO events VALUES (1, 1);
        INSERT INTO "All ""Comments""" VALUES (1, 'Guest', 1), (2, 'Guest', 2), (3, 'Event', 1)"#;
    client.batch_execute(rows).await.unwrap();
    let inspection = inspected(server, &database).await;
    sound(&inspection);
    let edges = inspection.report.mapping.edges.iter();
    assert_eq!(edges.filter(|edge| edge.only_where.is_some() && edge.decision.owns()).count(), 2);
    let missing = inspection.report.missing_indexes.iter().filter(|index| index.table.table.contains("Comments"));
    missing.map(|index| index.statement.clone()).collect()
}

#[tokio::test]
async fn an_index_counts_if_it_has_every_row_that_the_edge_holds_for() {
    let server = Server::start();
    let subject = r#"CREATE INDEX CONCURRENTLY ON "public"."All ""Comments""" ("Subject Id");"#.to_owned();
    let wedding = r#"CREATE INDEX CONCURRENTLY ON "public"."All ""Comments""" ("wedding_id");"#.to_owned();
    let on = |what: &str| format!(r#"CREATE INDEX ON "All ""Comments""" {what};"#);
    let (guests, events) = (
        on(r#"("Subject Id") WHERE "Subject Type" = 'Guest'"#),
        on(r#"("Subject Id", id) WHERE "Subject Type" = 'Event' AND "Subject Id" IS NOT NULL"#),
    );
    let plain = on("(wedding_id)");
    let other_value = on(r#"("Subject Id") WHERE "Subject Type" = 'guest'"#);
    let second = on(r#"("Subject Type", "Subject Id")"#);
    let computed = on(r#"(abs("Subject Id"))"#) + &on("((wedding_id + 0))");
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("text", &[], &[&subject, &wedding]),
        ("text", &[&plain, &guests, &events], &[]),
        ("varchar(20)", &[&plain, &guests, &events], &[]),
        // An enum is compared as text, which the server does not recognise in such a predicate.
        ("subject", &[&plain, &guests, &events], &[&subject]),
        ("text", &[&plain, &guests], &[&subject]),
        ("text", &[&plain, &events, &other_value], &[&subject]),
        ("text", &[&plain, &second], &[&subject]),
        ("text", &[&computed], &[&subject, &wedding]),
    ];
    for (number, (kind, indexes, expected)) in (0..).zip(cases) {
        let sql = indexes.concat();
        let found = missing_on_comments(&server, number, kind, &sql).await;
        assert_eq!(found, expected, "{kind}: {sql}");
    }
}
