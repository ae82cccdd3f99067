//! The sample planner, whose schema was proposed by inspection, and how long things take.

use crate::app::{Kept, capture_of, leak};
use keepsake_domain::restore::Mode;
use keepsake_postgres::{
    connect::{self, Dsn, Purpose},
    inspect,
    mapping::Mapping,
    restore::{self, ApplyOptions, FileAction, Plan, Probe, Proof, Request},
    schema::{self, Schema},
};
use keepsake_testkit::{
    planner::{self, Spec},
    postgres::Server,
};
use std::time::Duration;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct Planner {
    _server: Server,
    client: Client,
    dsn: Dsn,
    mapping: Mapping,
    schema: Schema,
}

impl Planner {
    async fn start(spec: &Spec) -> Self {
        let server = Server::start();
        let url = server.create_database("planner").await;
        let mut client = server.connect("planner").await;
        planner::install(&client).await.unwrap();
        planner::generate(&client, spec, None).await.unwrap();
        client.batch_execute("ANALYZE").await.unwrap();
        let mapping = inspect::inspect(&mut client, &inspect::Options::default()).await.unwrap().report.mapping;
        let schema = schema::read(&client).await.unwrap();
        let dsn = Dsn::resolve(&url, &|_| None).unwrap();
        Self { _server: server, client, dsn, mapping, schema }
    }

    async fn restore(&self, source: &Kept, request: &Request) -> (Plan, Proof) {
        let mut session = connect::connect(&self.dsn, Purpose::Restore).await.unwrap();
        let cancel = CancellationToken::new();
        let plan = restore::plan(&mut session, &self.schema, &self.mapping, source, request, None, Default::default())
            .await
            .unwrap();
        let options = ApplyOptions { pinned_hash: Some(leak(&plan.preview_hash)), ..ApplyOptions::new("op", &cancel) };
        let proof = restore::apply(&mut session, &self.schema, &self.mapping, source, &plan, &options).await.unwrap();
        (plan, proof)
    }
}

fn exact(wedding: Uuid) -> Request {
    Request { mode: Mode::Exact, ..Request::whole(wedding.to_string()) }
}

#[tokio::test]
async fn a_damaged_wedding_comes_back_while_others_are_edited() {
    let spec = Spec::small();
    let planner = Planner::start(&spec).await;
    let wedding = spec.wedding_id(1);
    let before = planner::fingerprint_of(&planner.client, wedding).await.unwrap();
    let source = capture_of(&planner.dsn, &planner.mapping, &wedding.to_string()).await;
    planner::damage(&planner.client, wedding, None).await.unwrap();
    let others = planner::fingerprint(&planner.client, &[wedding]).await.unwrap();
    let (plan, proof) = planner.restore(&source, &exact(wedding)).await;
    assert!(proof.equals_capture(), "{:?}", plan.tables);
    assert_eq!(
        planner::fingerprint(&planner.client, &[wedding]).await.unwrap().differences(&others),
        Vec::<String>::new()
    );
    let captured = |differences: Vec<String>| {
        let known = |table: &str| {
            planner.mapping.tables.iter().any(|owned| table.starts_with(&format!("{}:", owned.name.table)))
        };
        differences.into_iter().filter(|table| known(table)).collect::<Vec<_>>()
    };
    let now = planner::fingerprint_of(&planner.client, wedding).await.unwrap();
    assert_eq!(captured(now.differences(&before)), Vec::<String>::new());
    // Edits of others beside a second accident are neither lost nor touched.
    planner::damage(&planner.client, wedding, None).await.unwrap();
    let edits = planner::edit_others(&planner.client, wedding, 3);
    let request = exact(wedding);
    let ((_, proof), edits) = tokio::join!(planner.restore(&source, &request), edits);
    assert!(proof.equals_capture());
    assert_eq!(edits.unwrap().lost(&planner.client).await.unwrap(), 0);
}

#[tokio::test]
async fn only_indexes_are_used_however_small_the_tables_are() {
    let spec = Spec::small();
    let planner = Planner::start(&spec).await;
    let wedding = spec.wedding_id(1);
    let source = capture_of(&planner.dsn, &planner.mapping, &wedding.to_string()).await;
    planner::damage(&planner.client, wedding, None).await.unwrap();
    let scans = async || {
        // Statistics of a session arrive when it ends.
        tokio::time::sleep(Duration::from_millis(300)).await;
        planner.client.batch_execute("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()").await.unwrap();
        let sql =
            "SELECT relname::text, seq_scan, idx_scan FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY 1";
        let rows = planner.client.query(sql, &[]).await.unwrap();
        let by_index: i64 = rows.iter().filter_map(|row| row.get::<_, Option<i64>>(2)).sum();
        (rows.iter().map(|row| (row.get::<_, String>(0), row.get::<_, i64>(1))).collect::<Vec<_>>(), by_index)
    };
    let before = scans().await;
    let (_, proof) = planner.restore(&source, &exact(wedding)).await;
    assert!(proof.changed() > 5);
    let after = scans().await;
    assert!(after.1 > before.1 + 20, "the restore's own statistics have not arrived: {} {}", before.1, after.1);
    assert_eq!(after.0, before.0);
}

/// Live files as the test says.
struct Live(Vec<(&'static str, &'static str)>);

#[async_trait::async_trait]
impl Probe for Live {
    async fn probe(
        &self,
        _store: &str,
        path: &str,
    ) -> Result<Option<(u64, String)>, keepsake_postgres::capture::PortError> {
        Ok(self.0.iter().find(|(name, _)| *name == path).map(|(_, sha256)| (1, (*sha256).to_owned())))
    }
}

#[tokio::test]
async fn s06_files_are_in_the_plan_and_in_the_hash() {
    let spec = Spec::small();
    let planner = Planner::start(&spec).await;
    let wedding = spec.wedding_id(1);
    let source = capture_of(&planner.dsn, &planner.mapping, &wedding.to_string()).await;
    let mut manifest = source.manifest();
    assert!(manifest.files.len() >= 3, "{:?}", manifest.files);
    manifest.files.truncate(3);
    for (number, file) in manifest.files.iter_mut().enumerate() {
        file.state = keepsake_postgres::capture::FileState::Captured;
        file.sha256 = Some(format!("hash{number}"));
    }
    let paths: Vec<&'static str> = manifest.files.iter().map(|file| leak(&file.path)).collect();
    source.put("manifest.json", serde_json::to_vec(&manifest).unwrap());
    planner
        .client
        .execute("INSERT INTO photos SELECT (jsonb_populate_record(p, '{\"id\": \"00000000-0000-0000-0000-00000000abcd\", \"storage_path\": \"new/one.jpg\"}')).* FROM photos p WHERE wedding_id = $1 LIMIT 1", &[&wedding])
        .await
        .unwrap();
    let plan = async |mode: Mode, live: Live| {
        let mut session = connect::connect(&planner.dsn, Purpose::Restore).await.unwrap();
        let request = Request { mode, ..exact(wedding) };
        restore::plan(
            &mut session,
            &planner.schema,
            &planner.mapping,
            &source,
            &request,
            Some(&live),
            Default::default(),
        )
        .await
        .unwrap()
    };
    let live = || Live(vec![(paths[0], "hash0"), (paths[1], "other"), ("new/one.jpg", "new")]);
    let exact = plan(Mode::Exact, live()).await;
    let action =
        |plan: &Plan, path: &str| plan.files.entries.iter().find(|file| file.path == path).map(|file| file.action);
    assert_eq!(action(&exact, paths[0]), Some(FileAction::Same));
    assert_eq!(action(&exact, paths[1]), Some(FileAction::Replace));
    assert_eq!(action(&exact, paths[2]), Some(FileAction::Put));
    assert_eq!(action(&exact, "new/one.jpg"), Some(FileAction::Delete));
    let merge = plan(Mode::Merge, live()).await;
    assert_eq!(action(&merge, paths[1]), Some(FileAction::Leave));
    assert_eq!(action(&merge, "new/one.jpg"), None);
    let changed = plan(Mode::Exact, Live(vec![(paths[0], "hash0"), (paths[1], "third"), ("new/one.jpg", "new")])).await;
    assert_ne!(changed.preview_hash, exact.preview_hash);
    assert_eq!(plan(Mode::Exact, live()).await.preview_hash, exact.preview_hash);
}
