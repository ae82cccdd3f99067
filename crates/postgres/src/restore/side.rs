//! A copy beside live: a schema of its own with the captured rows, to look at and to copy from by hand. It has the columns
//! and keys of the capture, no foreign keys, defaults or triggers, and reading or dropping it concerns nobody.

use super::{
    Error, Request,
    apply::ApplyOptions,
    files::FilePlan,
    outcome::{self, Witness},
    plan::{Downstream, Plan, TablePlan, VERSION, WritePath},
    prepare,
    proof::{Proof, TableProof},
    read::{captured_rows, captured_schema, copy},
    row::Line,
    stage::fill,
    sum::Sum,
};
use crate::{
    capture::{Manifest, Source, TableEntry},
    connect::Session,
    schema::{Schema, TableName, quote_ident},
};
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use tokio_postgres::{Transaction, types::Type};

/// Longest name of a schema or table: PostgreSQL cuts longer ones silently.
const MAX_NAME_BYTES: usize = 63;

/// Plans a side copy: every captured row of the scope is inserted, nothing else happens.
pub(crate) async fn plan(session: &Session, manifest: &Manifest, request: &Request, name: &str) -> Result<Plan, Error> {
    let mut refusals = Vec::new();
    let reserved = name.starts_with("pg_") || name == "information_schema" || name == "public";
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('\0') || reserved {
        refusals.push(format!("`{name}` cannot name a side schema: use up to 63 bytes that do not begin with pg_"));
    } else if exists(session, name).await? {
        refusals.push(Error::SchemaExists(name.to_owned()).to_string());
    }
    let in_scope: Vec<&TableEntry> = in_scope(manifest, request).collect();
    let tables = in_scope.iter().map(|entry| TablePlan {
        name: entry.name.clone(),
        group: entry.group,
        captured: entry.rows,
        insert: entry.rows,
        update: 0,
        moved: 0,
        taken: 0,
        delete: 0,
        same: 0,
        left: 0,
        conflict: 0,
        drift: super::drift::Drift::default(),
        rows: Vec::new(),
        rows_not_listed: entry.rows,
    });
    Ok(Plan {
        version: VERSION,
        request: request.clone(),
        captured_at: manifest.captured_at,
        preview_hash: hash(name, &in_scope),
        root_exists: true,
        path: WritePath::Side,
        tables: tables.collect(),
        files: FilePlan::default(),
        refusals,
        downstream: Downstream::default(),
        assumed_edges: Vec::new(),
        warnings: Vec::new(),
    })
}

fn in_scope<'m>(manifest: &'m Manifest, request: &Request) -> impl Iterator<Item = &'m TableEntry> {
    let scope = request.scope.clone();
    manifest.tables.iter().filter(move |entry| scope.contains(entry.group))
}

fn hash(name: &str, tables: &[&TableEntry]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"keepsake side copy 1\0");
    context.update(name.as_bytes());
    for entry in tables {
        context.update(format!("\0{}\0{}\0{}", entry.name, entry.rows, entry.hash).as_bytes());
    }
    hex::encode(context.finish())
}

async fn exists(session: &Session, name: &str) -> Result<bool, Error> {
    let query = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1::text)";
    let row = session.client.query_typed_one(query, &[(&name, Type::TEXT)]).await;
    Ok(row.map_err(Error::database("looking for the side schema"))?.get(0))
}

/// Makes and fills the side schema in one transaction, and proves each table against its hash in the capture.
pub(crate) async fn apply(
    session: &mut Session,
    schema: &Schema,
    source: &dyn Source,
    manifest: &Manifest,
    plan: &Plan,
    name: &str,
    options: &ApplyOptions<'_>,
) -> Result<Proof, Error> {
    let entries: Vec<&TableEntry> = in_scope(manifest, &plan.request).collect();
    let now = hash(name, &entries);
    if let Some(pinned) = options.pinned_hash.filter(|pinned| *pinned != now) {
        return Err(Error::PlanChanged { pinned: pinned.to_owned(), now });
    }
    let captured = captured_schema(source).await?;
    let dsn = session.dsn().clone();
    let tx = session.client.transaction().await.map_err(Error::database("beginning the side copy"))?;
    let work = async {
        prepare::settings(&tx, options.lock_timeout, options.statement_timeout).await?;
        let create = tx.batch_execute(&format!("CREATE SCHEMA {}", quote_ident(name))).await;
        create.map_err(|source| match source.code() {
            Some(code) if code.code() == "42P06" => Error::SchemaExists(name.to_owned()),
            _ => Error::database(format!("creating the schema {name}"))(source),
        })?;
        let mut tables = Vec::new();
        for (table, entry) in names(&entries).into_iter().zip(&entries) {
            let target = TableName::new(name, table);
            tables.push(
                one(&tx, schema, captured.as_ref(), source, entry, &target, plan.request.limits.held_bytes).await?,
            );
        }
        let id = "SELECT pg_current_xact_id()::text::int8";
        let id = tx.query_typed_one(id, &[]).await.map_err(Error::database("ending the side copy"))?;
        let transaction = u64::try_from(id.get::<_, i64>(0)).unwrap_or_default();
        Ok((tables, transaction, Witness::call(&dsn, transaction).await))
    };
    let (tables, transaction, witness) = tokio::select! {
        () = options.cancel.cancelled() => return Err(Error::Cancelled),
        done = work => done?,
    };
    let answer = outcome::commit(tx, transaction, options).await;
    witness.settle(session, answer, options).await?;
    Ok(Proof {
        preview_hash: now,
        path: WritePath::Side,
        transaction,
        attempts: 1,
        difference_saved: false,
        altered_by_triggers: Vec::new(),
        tables,
        sequences: Vec::new(),
    })
}

/// Names in the side schema: the table's own, with its schema in front where two would be alike.
fn names(entries: &[&TableEntry]) -> Vec<String> {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    entries.iter().for_each(|entry| *used.entry(entry.name.table.as_str()).or_default() += 1);
    let unique = |entry: &&&TableEntry| used.get(entry.name.table.as_str()) == Some(&1);
    let full = |entry: &TableEntry| format!("{}.{}", entry.name.schema, entry.name.table);
    entries.iter().map(|entry| if unique(&entry) { entry.name.table.clone() } else { full(entry) }).collect()
}

async fn one(
    tx: &Transaction<'_>,
    schema: &Schema,
    captured: Option<&Schema>,
    source: &dyn Source,
    entry: &TableEntry,
    target: &TableName,
    held_bytes: u64,
) -> Result<TableProof, Error> {
    let what = || Error::database(format!("filling {target}"));
    let types = types(tx, schema, captured, entry).await?;
    let columns: Vec<String> =
        entry.columns.iter().zip(&types).map(|(name, kind)| format!("{} {kind}", quote_ident(name))).collect();
    let create = format!("CREATE TABLE {} ({})", target.sql(), columns.join(", "));
    tx.batch_execute(&create).await.map_err(what())?;
    let (mut lines, mut held): (Vec<Line>, u64) = (Vec::new(), 0);
    captured_rows(source, &entry.path, entry.columns.len(), |line| {
        held += line.bytes().len() as u64;
        if held > held_bytes {
            return Err(Error::TooLarge { table: entry.name.clone(), limit_bytes: held_bytes });
        }
        lines.push(line);
        Ok(())
    })
    .await?;
    fill(tx, &target.sql(), lines.into_iter()).await?;
    add_key(tx, entry, target).await?;
    let mut sum = Sum::default();
    let names: Vec<String> = entry.columns.iter().map(|name| quote_ident(name)).collect();
    copy(tx, "proving the side copy", &format!("SELECT {} FROM {}", names.join(", "), target.sql()), |line| {
        sum.add(&line);
        Ok(())
    })
    .await?;
    let (hash, rows) = (sum.hex(), sum.rows);
    if rows != entry.rows || hash != entry.hash {
        return Err(Error::ProofFailed(vec![format!("{target}: its content is not that of the capture")]));
    }
    Ok(TableProof {
        name: target.clone(),
        inserted: rows,
        updated: 0,
        deleted: 0,
        rows,
        hash,
        equals_capture: true,
        references: 0,
        altered: false,
    })
}

/// Adds the primary key, unless equal rows make the captured key none.
async fn add_key(tx: &Transaction<'_>, entry: &TableEntry, target: &TableName) -> Result<(), Error> {
    let what = || Error::database(format!("adding the key of {target}"));
    let key: Vec<String> = entry.key.iter().map(|name| quote_ident(name)).collect();
    if key.is_empty() {
        return Ok(());
    }
    tx.batch_execute("SAVEPOINT keepsake_key").await.map_err(what())?;
    let add = format!("ALTER TABLE {} ADD PRIMARY KEY ({})", target.sql(), key.join(", "));
    match tx.batch_execute(&add).await.map_err(what()) {
        Err(error) if error.sql_state() == Some("23505") => {
            tx.batch_execute("ROLLBACK TO SAVEPOINT keepsake_key").await.map_err(what())
        }
        other => other,
    }
}

/// The captured types of the columns; those that this database does not have become text.
async fn types(
    tx: &Transaction<'_>,
    schema: &Schema,
    captured: Option<&Schema>,
    entry: &TableEntry,
) -> Result<Vec<String>, Error> {
    let of = |schema: &Schema, name: &String| Some(schema.tables.get(&entry.name)?.column(name)?.type_name.clone());
    let wanted: Vec<String> = entry
        .columns
        .iter()
        .map(|name| captured.and_then(|captured| of(captured, name)).or_else(|| of(schema, name)))
        .map(|found| found.unwrap_or_else(|| "text".to_owned()))
        .collect();
    let query = "SELECT CASE WHEN to_regtype(name) IS NULL THEN 'text' ELSE name END FROM unnest($1) WITH ORDINALITY u(name, n) \
                 ORDER BY n";
    let rows =
        tx.query_typed(query, &[(&wanted, Type::TEXT_ARRAY)]).await.map_err(Error::database("checking types"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
