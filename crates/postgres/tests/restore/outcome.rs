//! Commits whose answer never comes: what became of them is found out, or said to be unknown, and never guessed.

use crate::{
    app::{App, Kept, exact, side},
    gate::{Commit, Gate},
};
use keepsake_postgres::{
    connect::{self, Dsn, Purpose, Session},
    restore::{ApplyOptions, Error, Proof, ReplicaRole, Request, apply, plan},
    schema,
};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const DAMAGE: &str = "DELETE FROM guests WHERE id IN (13, 14)";
const GUESTS: &str = "SELECT count(*) FROM guests WHERE wedding_id = 1";

/// A restore whose COMMIT has come to the gate and no further, or whose answer has.
struct Held {
    app: App,
    source: Kept,
    gate: Gate,
    cancel: CancellationToken,
    running: tokio::task::JoinHandle<(Result<Proof, Error>, Session)>,
}

impl Held {
    async fn at(
        commit: Commit,
        app: App,
        request: Request,
        change: impl FnOnce(&mut ApplyOptions<'_>) + Send + 'static,
    ) -> Self {
        let source = app.capture(1).await;
        app.sql(DAMAGE).await;
        let gate = Gate::before(app.server.socket(), commit);
        let dsn = Dsn::resolve(&gate.dsn(app.role.unwrap_or("postgres")), &|_| None).unwrap();
        let mut session = connect::connect(&dsn, Purpose::Restore).await.unwrap();
        let (mapping, kept, cancel) = (app.mapping.clone(), source.clone(), CancellationToken::new());
        let token = cancel.clone();
        let running = tokio::spawn(async move {
            let schema = schema::read(&session.client).await.unwrap();
            let role = ReplicaRole::Auto;
            let plan = plan(&mut session, &schema, &mapping, &kept, &request, None, role).await.unwrap();
            let mut options = ApplyOptions::new("op", &token);
            change(&mut options);
            let result = apply(&mut session, &schema, &mapping, &kept, &plan, &options).await;
            (result, session)
        });
        gate.reached().await;
        Self { app, source, gate, cancel, running }
    }

    /// Lets the commit's fate take its course and returns what the restore says then.
    async fn end(&mut self) -> (Result<Proof, Error>, Session) {
        self.gate.go_on();
        tokio::time::timeout(Duration::from_secs(30), &mut self.running).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_to_have_taken_effect() {
    for fate in [Commit::AnswerLost, Commit::AnswerIs("FATAL", "57P01"), Commit::AnswerIs("ERROR", "08P01")] {
        let mut held = Held::at(fate, App::start().await, exact(1), |_| {}).await;
        let (result, session) = held.end().await;
        let proof = result.unwrap();
        assert!(proof.equals_capture() && proof.changed() > 0, "{fate:?}");
        assert_eq!(held.app.value(GUESTS).await, "4", "{fate:?}");
        // What the caller goes on with is a session that works.
        let row = session.client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), session.backend_pid);
    }
}

#[tokio::test]
async fn a_side_copy_whose_commit_is_not_answered_is_found_too() {
    let mut held = Held::at(Commit::AnswerLost, App::start().await, side(1, "before"), |_| {}).await;
    assert!(held.end().await.0.unwrap().equals_capture());
    assert_eq!(held.app.value("SELECT count(*) FROM before.guests").await, "4");
}

#[tokio::test]
async fn a_commit_that_never_reached_the_server_has_changed_nothing_and_the_restore_can_be_repeated() {
    for fate in [Commit::Lost, Commit::LostAndAnswerIs("FATAL", "57P01"), Commit::LostAndAnswerIs("ERROR", "23505")] {
        let mut held = Held::at(fate, App::start().await, exact(1), |options| options.attempts = 1).await;
        let (result, _) = held.end().await;
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Database { what, .. } if what == "committing"), "{fate:?}: {error:?}");
        assert!(error.to_string().ends_with("Nothing in the live database was changed"), "{error}");
        assert_eq!(held.app.value(GUESTS).await, "2", "{fate:?}");
        assert!(held.app.restore(&held.source, &exact(1)).await.unwrap().1.equals_capture());
    }
}

#[tokio::test]
async fn a_server_that_crashes_before_the_commit_never_lends_the_transaction_id_to_others() {
    let mut held = Held::at(Commit::Lost, App::start().await, exact(1), |_| {}).await;
    let running = "SELECT max(backend_xid::text::bigint) FROM pg_stat_activity WHERE backend_xid IS NOT NULL";
    let transaction: u64 = held.app.value(running).await.parse().unwrap();
    held.app.server.cluster().crash().unwrap();
    held.app.server.cluster().start(&[("fsync", "off")]).unwrap();
    held.app.client = held.app.server.connect("app").await;
    // Transactions of others commit, with the ids that come next after the recovery.
    let mut given = 0;
    while given < transaction {
        given = held.app.value("SELECT pg_current_xact_id()").await.parse().unwrap();
    }
    let (result, _) = held.end().await;
    assert!(matches!(&result, Err(Error::Database { what, .. }) if what == "committing"), "{result:?}");
    assert_eq!(held.app.value(GUESTS).await, "2");
    assert!(held.app.restore(&held.source, &exact(1)).await.unwrap().1.equals_capture());
}

#[tokio::test]
async fn a_server_that_crashes_after_the_commit_is_waited_for_and_says_that_it_took_effect() {
    let mut held = Held::at(Commit::AnswerLost, App::start().await, exact(1), |_| {}).await;
    held.app.server.cluster().crash().unwrap();
    held.gate.go_on();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!held.running.is_finished(), "the server is down and cannot have been asked");
    held.app.server.cluster().start(&[("fsync", "off")]).unwrap();
    assert!(held.end().await.0.unwrap().equals_capture());
    held.app.client = held.app.server.connect("app").await;
    assert_eq!(held.app.value(GUESTS).await, "4");
}

#[tokio::test]
async fn a_commit_that_still_waits_for_a_standby_is_waited_for() {
    let app = App::start().await;
    app.sql("SET synchronous_commit = local").await;
    app.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    app.sql("SELECT pg_reload_conf()").await;
    let mut held = Held::at(Commit::Unheard, app, exact(1), |_| {}).await;
    held.gate.go_on();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!held.running.is_finished(), "the transaction is in progress");
    held.app.sql("ALTER SYSTEM RESET synchronous_standby_names").await;
    held.app.sql("SELECT pg_reload_conf()").await;
    assert!(held.end().await.0.unwrap().equals_capture());
    assert_eq!(held.app.value(GUESTS).await, "4");
}

#[tokio::test]
async fn where_nobody_ever_answers_the_outcome_is_unknown() {
    let mut held = Held::at(Commit::AnswerLost, App::start().await, exact(1), |options| {
        options.outcome_within = Duration::from_millis(400);
    })
    .await;
    held.gate.close();
    let began = Instant::now();
    let (result, _) = held.end().await;
    let Err(Error::CommitUnknown { transaction, .. }) = result else { panic!("{result:?}") };
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // What the message says to ask for is the truth.
    let status = format!("SELECT pg_xact_status('{transaction}')");
    assert_eq!(held.app.value(&status).await, "committed");
}

#[tokio::test]
async fn a_silent_connection_is_given_up_and_the_outcome_asked_for_elsewhere() {
    let mut held = Held::at(Commit::Silent, App::start().await, exact(1), |options| {
        options.statement_timeout = Duration::from_secs(2);
    })
    .await;
    assert!(held.end().await.0.unwrap().equals_capture());
}

#[tokio::test]
async fn cancelling_ends_the_wait_for_a_silent_server_but_not_before_it_was_asked() {
    let mut held = Held::at(Commit::Silent, App::start().await, exact(1), |_| {}).await;
    held.cancel.cancel();
    assert!(held.end().await.0.unwrap().equals_capture(), "committed, whatever was wished afterwards");

    let mut held = Held::at(Commit::Silent, App::start().await, exact(1), |_| {}).await;
    held.gate.close();
    held.cancel.cancel();
    let (result, _) = held.end().await;
    assert!(matches!(result, Err(Error::CommitUnknown { .. })), "{result:?}");
}

#[tokio::test]
async fn another_server_behind_the_same_address_is_not_believed() {
    let mut held = Held::at(Commit::AnswerLost, App::start().await, exact(1), |options| {
        options.outcome_within = Duration::from_secs(2);
    })
    .await;
    let cluster = held.app.server.cluster();
    cluster.stop().unwrap();
    // Recovery that ends by promotion starts a new timeline, as a failover does.
    std::fs::write(cluster.data().join("recovery.signal"), "").unwrap();
    cluster.programs().give(&cluster.data().join("recovery.signal")).unwrap();
    cluster.start(&[("fsync", "off"), ("restore_command", "false")]).unwrap();
    held.app.client = held.app.server.connect("app").await;
    while held.app.value("SELECT pg_is_in_recovery()").await == "true" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(held.app.value("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)").await, "00000002");
    let (result, _) = held.end().await;
    assert!(matches!(result, Err(Error::CommitUnknown { .. })), "{result:?}");
}

#[tokio::test]
async fn without_a_witness_a_restore_works_and_a_lost_answer_stays_unknown() {
    let app = App::start().await.with_ordinary_role().await;
    app.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public").await;
    let mut held = Held::at(Commit::AnswerLost, app, exact(1), |_| {}).await;
    let began = Instant::now();
    let (result, _) = held.end().await;
    assert!(matches!(result, Err(Error::CommitUnknown { .. })), "{result:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "there is nothing to wait for");
    held.app.sql(DAMAGE).await;
    assert!(held.app.restore(&held.source, &exact(1)).await.unwrap().1.equals_capture());
}
