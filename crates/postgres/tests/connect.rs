//! Connecting: what a person writes, what a session is set to, and what is refused.

mod pooler;

use futures::StreamExt;
use keepsake_postgres::connect::{CHILD_UNSET, Dsn, Error, Purpose, SslMode, Verdict, connect, watch};
use keepsake_testkit::postgres::Server;
use pooler::Pooler;
use std::{collections::HashMap, ffi::OsString, fs, os::unix::fs::PermissionsExt, time::Duration};
use tokio::time::Instant;

fn resolve(spec: &str, env: &[(&str, &str)]) -> Result<Dsn, Error> {
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    Dsn::resolve(spec, &|name| env.get(name).map(OsString::from))
}

fn child(dsn: &Dsn) -> HashMap<&'static str, String> {
    dsn.for_child().into_iter().map(|(name, value)| (name, value.into_string().expect("UTF-8"))).collect()
}

#[test]
fn the_string_comes_before_the_environment() {
    let env = [
        ("PGHOST", "ambient"),
        ("PGPORT", "6000"),
        ("PGPASSWORD", "hidden"),
        ("USER", "me"),
        ("PGHOSTADDR", "9.9.9.9"),
    ];
    let dsn = resolve("postgresql://anna@localhost/weddings", &env).unwrap();
    let child = child(&dsn);
    assert_eq!((child["PGHOST"].as_str(), child["PGPORT"].as_str()), ("localhost", "6000"));
    assert_eq!((child["PGUSER"].as_str(), child["PGPASSWORD"].as_str()), ("anna", "hidden"));
    assert!(!child.contains_key("PGHOSTADDR"), "an ambient address must not redirect a written host");
    assert!(child.keys().all(|name| CHILD_UNSET.contains(name)));
    assert!(dsn.warnings().is_empty());
}

#[tokio::test]
async fn s29_a_pinned_string_leads_to_the_judged_addresses_and_nothing_is_looked_up_again() {
    let dsn = Dsn::remote("postgres://anna:secret@8.8.8.8,[2606:4700::1111]:6000/weddings?sslrootcert=system").unwrap();
    assert_eq!(dsn.location(), "8.8.8.8,[2606:4700::1111]:6000/weddings");
    assert_eq!(dsn.ssl_mode(), SslMode::VerifyFull);
    let pinned = child(&dsn.pinned().await.unwrap());
    assert_eq!(pinned["PGHOSTADDR"], "8.8.8.8,2606:4700::1111");
    assert_eq!((pinned["PGHOST"].as_str(), pinned["PGPORT"].as_str()), ("8.8.8.8,2606:4700::1111", "5432,6000"));
    // One that is not public spoils the string, whatever its host is called.
    for inside in ["host=8.8.8.8,127.0.0.1 user=u", "host=db.example hostaddr=10.0.0.1 user=u", "host=localhost user=u"]
    {
        let refused = Dsn::remote(inside).unwrap().pinned().await.unwrap_err();
        assert!(matches!(refused, Error::NotPublic { .. }), "{inside}: {refused}");
    }
    let unknown = Dsn::remote("host=no-such-host.invalid user=u").unwrap().pinned().await.unwrap_err();
    assert!(matches!(unknown, Error::Unresolved { .. }), "{unknown}");
    let misspelt = Dsn::remote("host=db.example user=u pasword=secret").unwrap_err();
    assert!(matches!(&misspelt, Error::Invalid { what } if what.contains("`pasword`") && !what.contains("secret")));
    assert!(matches!(Dsn::remote("user=u"), Err(Error::NotRemote { .. })), "the environment names no host for it");
}

#[test]
fn a_password_never_shows_and_is_warned_about_on_the_command_line() {
    let spec = "postgresql://anna:hunter2@db.example/weddings";
    let dsn = resolve(spec, &[]).unwrap();
    assert!(dsn.warnings()[0].contains("env:NAME"));
    for shown in [format!("{dsn}"), format!("{dsn:?}"), format!("{:?}", dsn.warnings())] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let dsn = resolve("env:SOURCE", &[("SOURCE", spec)]).unwrap();
    assert!(dsn.warnings().is_empty());
    assert_eq!(child(&dsn)["PGPASSWORD"], "hunter2");
    assert!(matches!(resolve("env:NONE", &[]), Err(Error::NoVariable { .. })));
}

#[test]
fn secrets_in_files_must_be_private() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let dsn_file = write("dsn", "host=localhost user=anna password=p1\n", 0o600);
    let dsn = resolve(&format!("file:{}", dsn_file.display()), &[]).unwrap();
    assert_eq!(child(&dsn)["PGPASSWORD"], "p1");
    fs::set_permissions(&dsn_file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(resolve(&format!("file:{}", dsn_file.display()), &[]), Err(Error::Exposed { .. })));

    let env = [("HOME", home.path().to_str().unwrap())];
    write(".pgpass", "db.example:5432:*:anna:p2\n*:*:*:*:p3\n", 0o600);
    let dsn = resolve("host=db.example user=anna dbname=w", &env).unwrap();
    assert_eq!(child(&dsn)["PGPASSWORD"], "p2");
    fs::set_permissions(home.path().join(".pgpass"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(resolve("host=db.example user=anna", &env), Err(Error::Exposed { .. })));
}

#[test]
fn services_fill_in_what_is_not_written() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".pg_service.conf"), "[planner]\nhost=localhost\nport=7000\ndbname=live\nuser=svc\n")
        .unwrap();
    let env = [("HOME", home.path().to_str().unwrap()), ("PGHOST", "ambient"), ("PGUSER", "other")];
    let dsn = resolve("service=planner dbname=copy", &env).unwrap();
    assert_eq!(dsn.to_string(), "database `copy` on localhost:7000 as `svc`");
    assert!(matches!(resolve("service=none", &env), Err(Error::NoService { .. })));
}

#[test]
fn encryption_is_verified_off_loopback_unless_said_otherwise() {
    let mode = |spec: &str| resolve(spec, &[]).unwrap().ssl_mode();
    assert_eq!(mode("host=/tmp user=u"), SslMode::Prefer);
    assert_eq!(mode("host=127.0.0.1 user=u"), SslMode::Prefer);
    assert_eq!(mode("host=::1 user=u"), SslMode::Prefer);
    assert_eq!(mode("host=db.example user=u"), SslMode::VerifyFull);
    assert_eq!(mode("host=localhost,db.example user=u"), SslMode::VerifyFull);
    assert_eq!(mode("host=localhost hostaddr=10.0.0.1 user=u"), SslMode::VerifyFull);
    assert_eq!(mode("host=db.example user=u sslmode=require"), SslMode::Require);
    assert!(!resolve("host=db.example user=u sslmode=disable", &[]).unwrap().warnings().is_empty());
    for bad in ["sslmode=sometimes user=u", "user=u sslcrl=x", "port=0 user=u", "user=u port=1,2 host=a", "host=a"] {
        assert!(matches!(resolve(bad, &[]), Err(Error::Invalid { .. })), "{bad}");
    }
}

#[tokio::test]
async fn s10_every_session_has_pg_dumps_preamble() {
    let server = Server::start();
    let dsn = resolve(&server.dsn("postgres"), &[]).unwrap();
    let other = server.connect("postgres").await;
    let odd = "ALTER DATABASE postgres SET datestyle = 'German'; ALTER DATABASE postgres SET statement_timeout = '7s'";
    other.batch_execute(odd).await.unwrap();
    let session = connect(&dsn, Purpose::Capture).await.unwrap();
    for (name, value) in [
        ("DateStyle", "ISO, YMD"),
        ("IntervalStyle", "postgres"),
        ("extra_float_digits", "3"),
        ("TimeZone", "UTC"),
        ("bytea_output", "hex"),
        ("search_path", ""),
        ("synchronize_seqscans", "off"),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("row_security", "off"),
        ("application_name", "keepsake-capture"),
        ("client_encoding", "UTF8"),
        ("default_transaction_read_only", "on"),
    ] {
        let got: String = session.client.query_one(&format!("SHOW {name}"), &[]).await.unwrap().get(0);
        assert_eq!(got, value, "{name}");
    }
    let pid: i32 = session.client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    assert_eq!(session.backend_pid, pid);
    assert!(session.server_version >= 130_000 && session.superuser && !session.standby);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server = Server::start();
    let dsn = resolve(&server.dsn("nowhere"), &[]).unwrap();
    let error = connect(&dsn, Purpose::Inspect).await.unwrap_err();
    assert!(error.to_string().contains("no database of that name"), "{error}");
    assert!(!error.retryable());
    let dsn = resolve("host=/nonexistent user=u", &[]).unwrap();
    let error = connect(&dsn, Purpose::Inspect).await.unwrap_err();
    assert!(error.retryable() && error.to_string().contains("check the address"), "{error}");
}

#[tokio::test]
async fn s10_a_pooler_in_transaction_mode_is_refused_and_nothing_is_set_in_its_backends() {
    let server = Server::start();
    let pooler = Pooler::start(server.socket(), pooler::Mode::Transaction).await;
    let dsn = resolve(&pooler.dsn(), &[]).unwrap();
    let error = connect(&dsn, Purpose::Capture).await.unwrap_err();
    assert!(matches!(error, Error::Pooler { .. }), "{error}");
    assert!(error.to_string().contains("session-mode"), "{error}");
    let client = keepsake_testkit::postgres::connect(&pooler.dsn()).await;
    let path = pooler::first(&client.simple_query("SHOW search_path").await.unwrap());
    assert_ne!(path, "", "the application's backend lost its search path");
}

#[tokio::test]
async fn s10_a_pooler_in_session_mode_is_accepted() {
    let server = Server::start();
    let pooler = Pooler::start(server.socket(), pooler::Mode::Session).await;
    let session = connect(&resolve(&pooler.dsn(), &[]).unwrap(), Purpose::Capture).await.unwrap();
    let path = pooler::first(&session.client.simple_query("SHOW search_path").await.unwrap());
    assert_eq!(path, "");
}

#[tokio::test]
async fn a_copy_that_nobody_reads_is_cancelled_and_breaks_its_session() {
    let server = Server::start();
    let session = connect(&resolve(&server.dsn("postgres"), &[]).unwrap(), Purpose::Capture).await.unwrap();
    let pid = session.backend_pid;
    let slow = "COPY (SELECT i, pg_sleep(0.001) FROM generate_series(1, 1000000) i) TO STDOUT";
    let mut copy = session.copy_out(slow).await.unwrap();
    copy.next().await.unwrap().unwrap();
    drop(copy);
    assert!(session.is_broken());
    assert!(matches!(session.copy_out("COPY (SELECT 1) TO STDOUT").await, Err(Error::Broken)));
    let other = server.connect("postgres").await;
    let began = Instant::now();
    loop {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'";
        if other.query_one(sql, &[&pid]).await.unwrap().get::<_, i64>(0) == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(1), "still running");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn s10_the_watchdog_sees_who_waits_for_a_reader() {
    let server = Server::start();
    let other = server.connect("postgres").await;
    other.batch_execute("CREATE TABLE guests (id int); CREATE TABLE free (id int)").await.unwrap();
    let dsn = resolve(&server.dsn("postgres"), &[]).unwrap();
    let session = connect(&dsn, Purpose::Capture).await.unwrap();
    session.client.batch_execute("BEGIN; LOCK TABLE public.guests IN ACCESS SHARE MODE").await.unwrap();
    let pids = [session.backend_pid];
    let calm = tokio::time::timeout(Duration::from_millis(1300), watch(&dsn, &pids, Duration::from_secs(1))).await;
    assert!(calm.is_err(), "nobody waits");
    let ddl = tokio::spawn(async move { other.batch_execute("ALTER TABLE guests ADD COLUMN name text").await });
    let began = Instant::now();
    let verdict = watch(&dsn, &pids, Duration::from_secs(1)).await;
    assert!(matches!(&verdict, Verdict::Yield { table } if table == "public.guests"), "{verdict:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    drop(session);
    ddl.await.unwrap().unwrap();
}

#[tokio::test]
async fn s10_a_watchdog_that_cannot_look_says_so() {
    let dsn = resolve("host=/nonexistent user=u", &[]).unwrap();
    let began = Instant::now();
    let verdict = watch(&dsn, &[1], Duration::from_millis(1200)).await;
    assert!(matches!(verdict, Verdict::Blind(_)), "{verdict:?}");
    assert!(began.elapsed() < Duration::from_secs(3));
}
