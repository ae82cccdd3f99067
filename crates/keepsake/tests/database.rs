//! A whole database through the front door: backed up, restored into an empty one, compared; and how a connection string and
//! its secrets are treated.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::{planner as sample, postgres};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Child,
    time::{Duration, Instant},
};
use world::{Run, World, files_below, finished, planner::Planner};

fn backup_arguments(planner: &Planner, source: &str) -> Vec<String> {
    ["backup", "database", "--source", source, "--storage", &planner.world.storage()].map(str::to_owned).to_vec()
}

fn restore_arguments(planner: &Planner, target: &str) -> Vec<String> {
    ["restore", "database", "--target", target, "--storage", &planner.world.storage()].map(str::to_owned).to_vec()
}

/// What makes two databases alike beyond their rows.
const OBJECTS: &str = "
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT 'table ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || c.relrowsecurity || c.relforcerowsecurity AS line
            FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
        UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'policy ' || polrelid::regclass || ' ' || polname || ' ' || pg_get_expr(polqual, polrelid) FROM pg_policy
        UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'sequence ' || schemaname || '.' || sequencename || ' ' || coalesce(last_value, -1) FROM pg_sequences
        UNION ALL SELECT 'grant ' || relname || ' ' || coalesce(relacl::text, '') FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
    ) all_objects";

async fn objects(client: &tokio_postgres::Client) -> String {
    client.query_one(OBJECTS, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_whole_database_comes_back_into_an_empty_one() {
    let planner = Planner::new().await;
    let backup = planner.world.json(backup_arguments(&planner, &planner.dsn()));
    assert_eq!(backup["result"], "stored", "{backup}");
    assert_eq!(backup["kind"], "database");
    let before = sample::fingerprint(&planner.client, &[]).await.unwrap();
    let target = planner.server.create_database("rebuilt").await;
    let restored = planner.world.json(restore_arguments(&planner, &target));
    assert_eq!(restored["point"], backup["point"]);
    let rebuilt = postgres::connect(&target).await;
    assert_eq!(before.differences(&sample::fingerprint(&rebuilt, &[]).await.unwrap()), Vec::<String>::new());
    similar(&objects(&planner.client).await, &objects(&rebuilt).await);
    planner.world.verify();

    // The rebuilt database works: triggers, sequences and keys.
    let edits = sample::edit_others(&rebuilt, planner.wedding, 1).await.unwrap();
    assert_eq!(edits.lost(&rebuilt).await.unwrap(), 0);
}

#[track_caller]
fn similar(one: &str, two: &str) {
    let (one, two): (Vec<&str>, Vec<&str>) = (one.lines().collect(), two.lines().collect());
    let missing: Vec<_> = one.iter().filter(|line| !two.contains(line)).collect();
    let more: Vec<_> = two.iter().filter(|line| !one.contains(line)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:#?}\nmore: {more:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_empty_is_not_restored_into() {
    let planner = Planner::new().await;
    planner.world.json(backup_arguments(&planner, &planner.dsn()));
    let before = planner.see().await;
    let run = planner.world.run_json(restore_arguments(&planner, &planner.dsn())).expect(3);
    assert_eq!(run.error_code(), "target-not-empty", "{run:?}");
    planner.expect_as(&before).await;

    // One table, one type or one schema is enough to be somebody's.
    for (name, object) in
        [("a", "CREATE TABLE t (x int)"), ("b", "CREATE TYPE c AS ENUM ('x')"), ("c", "CREATE SCHEMA s")]
    {
        let target = planner.server.create_database(name).await;
        let client = postgres::connect(&target).await;
        client.batch_execute(object).await.unwrap();
        let run = planner.world.run_json(restore_arguments(&planner, &target)).expect(3);
        assert_eq!(run.error_code(), "target-not-empty", "{object}: {run:?}");
        let tables = "SELECT count(*) FROM pg_class WHERE relname = 'guests'";
        assert_eq!(client.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_vault_does_not_make_a_database() {
    let planner = Planner::new().await;
    planner.world.json(backup_arguments(&planner, &planner.dsn()));
    let target = planner.server.create_database("rebuilt").await;
    let vault = planner.world.vault_folders().remove(0);
    let mut packs = files_below(&vault.join("data"));
    packs.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let largest = packs.pop().unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&largest, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&largest, bytes).unwrap();
    let run = planner.world.run_json(restore_arguments(&planner, &target)).expect(1);
    assert_eq!(run.error_code(), "vault-damaged", "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_capture_that_is_interrupted_leaves_no_point() {
    let planner = Planner::new().await;
    let locker = planner.server.connect("planner").await;
    locker.batch_execute("BEGIN; LOCK TABLE photos IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let running = planner.world.start(backup_arguments(&planner, &planner.dsn()));
    planner.until_blocked().await;
    world::signal(&running, "INT");
    let began = Instant::now();
    let run = finished(running).expect(130);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(run.error_code(), "interrupted");
    locker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(planner.world.points(&["--all"]).len(), 0);
    planner.world.json(backup_arguments(&planner, &planner.dsn()));
    planner.world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_that_leads_nowhere_says_so_without_repeating_itself() {
    let planner = Planner::new().await;
    let socket = planner.server.socket().display().to_string();
    let unreachable = [
        "postgres://somebody:hunter2secret@127.0.0.1:1/planner".to_owned(),
        format!("host={socket} dbname=nowhere user=postgres password=hunter2secret"),
        format!("host={socket} dbname=planner user=stranger password=hunter2secret"),
        "host=/nowhere dbname=planner user=x password=hunter2secret".to_owned(),
    ];
    for dsn in &unreachable {
        let run = planner.world.run_json(backup_arguments(&planner, dsn)).expect(1);
        assert_eq!(run.error_code(), "database-unreachable", "{run:?}");
        assert!(!format!("{run:?}").contains("hunter2secret"), "{run:?}");
    }
    let unusable = [
        "postgres://somebody:hunter2secret@:port:/x",
        "user=x password=hunter2secret port=many",
        "env:NOT_SET",
        "file:/nowhere/at/all",
    ];
    for dsn in unusable {
        let run = planner.world.run_json(backup_arguments(&planner, dsn)).expect(2);
        assert_eq!(run.error_code(), "dsn-invalid", "{run:?}");
        assert!(!format!("{run:?}").contains("hunter2secret"), "{run:?}");
    }
    assert_eq!(planner.world.vault_folders().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_comes_from_the_environment_or_a_file_or_with_a_warning() {
    let planner = Planner::new().await;
    let dsn = format!("{} password=hunter2secret", planner.dsn());
    let warned = planner.world.run_json(backup_arguments(&planner, &dsn)).expect(0);
    assert!(warned.stderr.contains("warning") && warned.stderr.contains("password"), "{}", warned.stderr);
    assert!(!format!("{warned:?}").contains("hunter2secret"), "{warned:?}");

    let mut command = planner.world.command(backup_arguments(&planner, "env:PLANNER"));
    let named = Run::from(command.arg("--json").env("PLANNER", &dsn).output().unwrap()).expect(0);
    assert!(!named.stderr.contains("warning"), "{}", named.stderr);
    assert_eq!(named.json()["vault"], warned.json()["vault"]);

    let file = planner.world.path("dsn");
    fs::write(&file, format!("{dsn}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let read = planner.world.run_json(backup_arguments(&planner, &format!("file:{}", file.display()))).expect(0);
    assert_eq!(read.json()["vault"], warned.json()["vault"]);
    assert_eq!(planner.world.points(&[]).len(), 3);

    // libpq's own variables fill in what the string leaves out.
    let mut command = planner.world.command(backup_arguments(&planner, "dbname=planner"));
    let ambient =
        command.env("PGHOST", planner.server.socket()).env("PGUSER", "postgres").env("PGPASSWORD", "hunter2secret");
    Run::from(ambient.output().unwrap()).expect(0);
}

/// Everything that other users of the machine can see of running programs, until the child has ended.
fn watched(mut child: Child) -> (Run, String) {
    let mut seen = String::new();
    while child.try_wait().unwrap().is_none() {
        for entry in fs::read_dir("/proc").unwrap() {
            let words = fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
            seen.push_str(&String::from_utf8_lossy(&words).replace('\0', " "));
            seen.push('\n');
        }
    }
    (finished(child), seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_no_secret_is_seen_in_processes_output_or_files() {
    let planner = Planner::new().await;
    let world = &planner.world;
    let password = "correct-horse-d41d8cd98f";
    let dsn = format!("{} password={password}", planner.dsn());
    let start = |arguments: Vec<String>, dsn: &str| {
        let mut command = world.command(arguments);
        command.args(["--json"]).env("DSN", dsn).env("KEEPSAKE_LOG", "trace");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let (backup, backup_seen) = watched(start(backup_arguments(&planner, "env:DSN"), &dsn));
    let backup = backup.expect(0);
    let target = format!("{} password={password}", planner.server.create_database("rebuilt").await);
    let (restore, restore_seen) = watched(start(restore_arguments(&planner, "env:DSN"), &target));
    let restore = restore.expect(0);
    assert!(backup_seen.contains("pg_dump"), "the children were looked at");
    let mut wedding = planner.backup_arguments();
    "env:DSN".clone_into(&mut wedding[4]);
    let (wedding, wedding_seen) = watched(start(wedding, &dsn));
    let wedding = wedding.expect(0);
    planner.damage().await;
    let mut back = planner.restore_arguments(&["--yes"]);
    "env:DSN".clone_into(&mut back[4]);
    let (back, back_seen) = watched(start(back, &dsn));
    let back = back.expect(0);

    let vault = backup.json()["vault"].as_str().unwrap().to_owned();
    let secret = world.restic_secret(&vault);
    let secret = &secret.iter().find(|(name, _)| name == "RESTIC_PASSWORD").unwrap().1;
    fs::remove_file(world.path(&format!("secret-{vault}"))).unwrap();
    let key = fs::read_to_string(world.home().join("master.key")).unwrap();
    let key = key.lines().map(str::trim).max_by_key(|line| line.len()).unwrap();
    assert!(secret.len() > 20 && key.len() > 20);
    let seen = [backup_seen, restore_seen, wedding_seen, back_seen];
    for secret in [password, secret, key] {
        for seen in &seen {
            assert!(!seen.contains(secret), "a command line holds a secret");
        }
        for run in [&backup, &restore, &wedding, &back] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "a secret was printed");
        }
        for path in files_below(&world.home()).into_iter().chain(files_below(&world.storage_folder())) {
            if path.file_name().is_some_and(|name| name == "master.key") {
                continue;
            }
            assert!(!holds(&path, secret), "{} holds a secret", path.display());
        }
    }
}

fn holds(path: &Path, secret: &str) -> bool {
    fs::read(path).unwrap().windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[test]
fn a_point_of_a_database_that_was_never_backed_up_is_not_found() {
    let world = World::new();
    let run = world
        .run_json(["restore", "database", "--target", "host=/nowhere user=x dbname=x", "--storage", &world.storage()])
        .expect(1);
    assert_eq!(run.error_code(), "vault-not-found");
}
