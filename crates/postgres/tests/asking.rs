//! What is asked and said before anything is made: whether weddings exist, and the words of conflicts and refusals.

mod registry;
#[path = "registry/sample.rs"]
mod sample;

use keepsake_postgres::{
    capture::{self, Error},
    connect::{Purpose, connect},
    database,
    restore::ConflictKind,
    schema::TableName,
};
use registry::dsn;
use sample::mapping;

fn ids(list: &[&str]) -> Vec<String> {
    list.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn ids_are_found_as_the_database_writes_them_and_unknown_ones_are_named() {
    let (_server, source) = sample::install().await;
    let session = connect(&source, Purpose::Inspect).await.unwrap();
    let found = capture::find(&session, &mapping(), &ids(&["2", "01", "1", " 2 "])).await.unwrap();
    assert_eq!(found, ["2", "1"], "each once, in the order asked for");
    let error =
        capture::find(&session, &mapping(), &ids(&["1", "77", "no number", "99999999999999999999"])).await.unwrap_err();
    let Error::UnknownWedding { ids, table } = &error else { panic!("{error:?}") };
    assert_eq!(ids, &["77", "no number", "99999999999999999999"]);
    assert_eq!(table.to_string(), "public.weddings");
}

#[tokio::test]
async fn a_root_without_its_column_or_without_rights_is_told_at_once() {
    let (server, source) = sample::install().await;
    let session = connect(&source, Purpose::Inspect).await.unwrap();
    let mut other = mapping();
    other.wedding.id = "number".to_owned();
    let error = capture::find(&session, &other, &ids(&["1"])).await.unwrap_err();
    assert!(matches!(&error, Error::Mapping { problems } if problems[0].contains("number")), "{error}");
    let admin = server.connect("postgres").await;
    admin.batch_execute("CREATE ROLE reader LOGIN").await.unwrap();
    let session = connect(&dsn(&server.dsn_as("reader", "postgres")), Purpose::Inspect).await.unwrap();
    let error = capture::find(&session, &mapping(), &ids(&["1"])).await.unwrap_err();
    assert!(matches!(&error, Error::Privilege { grant, .. } if grant.contains("weddings")), "{error:?}");
    admin
        .batch_execute(
            "GRANT SELECT ON weddings TO reader; ALTER TABLE weddings ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON weddings USING (id = 1)",
        )
        .await
        .unwrap();
    let error = capture::find(&session, &mapping(), &ids(&["1"])).await.unwrap_err();
    assert!(matches!(&error, Error::RowSecurity { role, .. } if role.contains("reader")), "{error:?}");
}

#[test]
fn every_conflict_has_its_own_words() {
    let table = TableName::new("public", "guests");
    let kinds = [
        ConflictKind::OwnedElsewhere,
        ConflictKind::Shared { owners: 3 },
        ConflictKind::OwnedByNobody,
        ConflictKind::Referenced { by: table.clone(), rows: 4 },
        ConflictKind::UniqueTaken { index: "guests_email".to_owned() },
        ConflictKind::ParentMissing { table: table.clone() },
        ConflictKind::ParentElsewhere { table },
    ];
    let mut words: Vec<String> = kinds.iter().map(ConflictKind::describe).collect();
    assert!(
        words[1].contains('3') && words[3].contains("4 rows of public.guests") && words[4].contains("guests_email")
    );
    assert!(words[5].contains("public.guests") && words[6].contains("public.guests"));
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), kinds.len());
}

#[test]
fn s12_what_is_refused_and_what_may_be_tried_again_are_told_apart() {
    let refused = database::Error::NotEmpty { found: vec!["public.guests".to_owned()], unfinished: true };
    assert!(refused.refused() && !refused.retryable());
    assert!(refused.to_string().contains("drop the database"), "{refused}");
    assert!(database::Error::Unsettled.retryable() && !database::Error::Unsettled.refused());
    let shown = format!("{:?}", database::Options { jobs: 7, ..database::Options::default() });
    assert!(shown.contains("jobs: 7"), "{shown}");
}
