//! Bounded samples: the first rows of each table that matters, counted in the server. No value comes back except words that
//! tell types, keys of JSON objects, and the scheme and host that all URLs of a column share.

use super::{
    Options,
    evidence::{ColumnSample, Evidence},
    files,
    names::points_at,
    report::Report,
    virtuals::kind_column,
};
use crate::{
    mapping::{Bound, Edge},
    ownership,
    schema::{Column, Schema, Table, TableKind, TableName, comparison, quote_ident},
};
use std::collections::BTreeSet;
use tokio_postgres::{
    Row, Transaction,
    types::{ToSql, Type},
};

/// Rows of a table whose owners are looked up.
const DISPUTED_ROWS: u32 = 200;
/// Columns sampled of one table at most.
const COLUMNS_MAX: usize = 60;
/// Endings of the files that wedding applications keep.
const ENDINGS: &str = r"\.(jpe?g|png|gif|webp|heic|heif|avif|svg|tiff?|bmp|dng|mp4|mov|avi|mkv|webm|m4a|mp3|wav|pdf|docx?|xlsx?|pptx?|od[tsp]|pages|rtf|txt|csv|zip|ics|eml)([?#].*)?$";

const RIGHTS: &str = r"
SELECT n.nspname::text, c.relname::text,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid), current_user::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Samples what a first proposal, made by names, leaves open.
pub async fn gather(
    transaction: &Transaction<'_>,
    schema: &Schema,
    first: &Report,
    options: &Options,
) -> Result<Evidence, tokio_postgres::Error> {
    let mut sampler =
        Sampler { transaction, limit: options.sample_rows, left: options.samples_max, evidence: Evidence::default() };
    for row in transaction.query_typed(RIGHTS, &[]).await? {
        let name = TableName::new(row.get::<_, &str>(0), row.get::<_, &str>(1));
        sampler.evidence.role = Some(row.get(4));
        if !row.get::<_, bool>(2) {
            sampler.evidence.unreadable.insert(name);
        } else if row.get::<_, bool>(3) {
            sampler.evidence.filtered.insert(name);
        }
    }
    let touched: BTreeSet<&TableName> = first.mapping.edges.iter().flat_map(|edge| [&edge.from, &edge.to]).collect();
    for table in touched.iter().filter_map(|name| schema.tables.get(*name)) {
        sampler.columns(schema, table).await?;
    }
    for table in schema.tables.values() {
        if super::system(&table.name) || matches!(table.kind, TableKind::Partition { .. }) {
            continue;
        }
        for column in &table.columns {
            if matches!(column.base_type.as_str(), "json" | "jsonb") {
                sampler.json_keys(table, column).await?;
            } else if let Some(kind) = points_at(&column.name).and_then(|pointed| kind_column(table, &pointed)) {
                sampler.kinds(table, kind).await?;
            }
        }
    }
    for edge in first.mapping.edges.iter().filter(|edge| edge.is_virtual && edge.only_where.is_none()) {
        sampler.found(schema, edge).await?;
    }
    Ok(sampler.evidence)
}

/// Looks up the owners of sampled rows, in tables where keys alone leave doubt: several owning edges, or only optional ones.
pub async fn dispute(
    transaction: &Transaction<'_>,
    bound: &Bound,
    evidence: Evidence,
    options: &Options,
) -> Result<Evidence, tokio_postgres::Error> {
    let mut sampler = Sampler { transaction, limit: DISPUTED_ROWS, left: options.samples_max, evidence };
    for table in bound.tables.iter().filter(|t| t.owning.len() > 1 || t.owning.iter().any(|edge| edge.nullable)) {
        let Ok(owners) = ownership::owners_of(bound, &table.name) else { continue };
        let keys: Vec<String> = table.key.iter().map(|key| format!("t.{}::text", quote_ident(key))).collect();
        let sample = format!("SELECT {} FROM {} t LIMIT {DISPUTED_ROWS}", keys.join(", "), table.from_sql());
        let Some(rows) = sampler.ask(&table.name, &sample, &[]).await? else { continue };
        let columns: Vec<Vec<String>> =
            (0..keys.len()).map(|n| rows.iter().map(|row| row.get::<_, String>(n)).collect()).collect();
        let params: Vec<(&(dyn ToSql + Sync), Type)> =
            columns.iter().map(|column| (column as &(dyn ToSql + Sync), Type::TEXT_ARRAY)).collect();
        let Some(found) = sampler.ask(&table.name, &owners, &params).await? else { continue };
        let count = |test: fn(usize) -> bool| {
            let hits = found.iter().filter(|row| test(row.get::<_, Vec<String>>(2).len())).count();
            u64::try_from(hits).unwrap_or(u64::MAX)
        };
        let counts = (count(|_| true), count(|owners| owners == 0), count(|owners| owners > 1));
        sampler.evidence.disputed.insert(table.name.clone(), counts);
    }
    Ok(sampler.evidence)
}

struct Sampler<'a> {
    transaction: &'a Transaction<'a>,
    limit: u32,
    left: usize,
    evidence: Evidence,
}

impl Sampler<'_> {
    /// Runs one sample in a savepoint: a failure is remembered and costs nothing else.
    async fn ask(
        &mut self,
        table: &TableName,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Vec<Row>>, tokio_postgres::Error> {
        if self.left == 0 || self.evidence.unreadable.contains(table) {
            return Ok(None);
        }
        self.left -= 1;
        self.transaction.batch_execute("SAVEPOINT keepsake_sample").await?;
        match self.transaction.query_typed(sql, params).await {
            Ok(rows) => {
                self.transaction.batch_execute("RELEASE keepsake_sample").await?;
                Ok(Some(rows))
            }
            Err(error) if error.as_db_error().is_some() => {
                self.transaction.batch_execute("ROLLBACK TO keepsake_sample; RELEASE keepsake_sample").await?;
                self.evidence.failed.insert(table.clone());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn rows_of(&self, table: &Table, columns: &str) -> String {
        let only = if matches!(table.kind, TableKind::Partitioned { .. }) { "" } else { "ONLY " };
        format!("(SELECT {columns} FROM {only}{} t LIMIT {})", table.name.sql(), self.limit)
    }

    /// Counts of the columns that reference, or may name files.
    async fn columns(&mut self, schema: &Schema, table: &Table) -> Result<(), tokio_postgres::Error> {
        let keys: BTreeSet<&String> =
            schema.foreign_keys_of(&table.name).filter_map(|key| key.from_columns.first()).collect();
        let wanted: Vec<&Column> = table
            .columns
            .iter()
            .filter(|column| {
                keys.contains(&column.name) || (files::textual(column) && files::name_points(table, column) > 0)
            })
            .take(COLUMNS_MAX)
            .collect();
        let (mut inner, mut outer) = (vec!["1".to_owned()], vec!["count(*)".to_owned()]);
        for (n, column) in wanted.iter().enumerate() {
            let value = format!("t.{}", quote_ident(&column.name));
            inner.push(if column.category == 'A' {
                format!("({value})[1]::text AS c{n}")
            } else {
                format!("{value}::text AS c{n}")
            });
            outer.push(format!(
                "count(c{n}), count(DISTINCT c{n}), count(*) FILTER (WHERE c{n} ~* '{ENDINGS}'), \
                 count(*) FILTER (WHERE c{n} ~ '/'), count(*) FILTER (WHERE c{n} ~* '^[a-z0-9]+://'), \
                 CASE WHEN count(DISTINCT coalesce(substring(c{n} from '^[A-Za-z0-9]+://[^/?#@]+/'), '')) FILTER (WHERE c{n} IS NOT NULL) = 1 \
                 THEN min(substring(c{n} from '^[A-Za-z0-9]+://[^/?#@]+/')) END"
            ));
        }
        let sql = format!("SELECT {} FROM {} s", outer.join(", "), self.rows_of(table, &inner.join(", ")));
        let Some(rows) = self.ask(&table.name, &sql, &[]).await? else { return Ok(()) };
        let Some(row) = rows.first() else { return Ok(()) };
        let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
        self.evidence.rows.insert(table.name.clone(), count(0));
        for (n, column) in wanted.iter().enumerate() {
            let at = 1 + n * 6;
            let sample = ColumnSample {
                filled: count(at),
                distinct: count(at + 1),
                like_files: count(at + 2),
                slashes: count(at + 3),
                urls: count(at + 4),
                prefix: row.get(at + 5),
            };
            self.evidence.columns.insert((table.name.clone(), column.name.clone()), sample);
        }
        Ok(())
    }

    async fn kinds(&mut self, table: &Table, kind: &Column) -> Result<(), tokio_postgres::Error> {
        let inner = self.rows_of(table, &format!("t.{}::text AS k", quote_ident(&kind.name)));
        let sql = format!(r"SELECT DISTINCT k FROM {inner} s WHERE k ~ '^[A-Za-z_][A-Za-z_:.\\/]{{0,59}}$' LIMIT 20");
        if let Some(rows) = self.ask(&table.name, &sql, &[]).await? {
            let words = rows.iter().map(|row| row.get(0)).collect();
            self.evidence.kinds.insert((table.name.clone(), kind.name.clone()), words);
        }
        Ok(())
    }

    async fn json_keys(&mut self, table: &Table, column: &Column) -> Result<(), tokio_postgres::Error> {
        let inner = self.rows_of(table, &format!("t.{}::jsonb AS v", quote_ident(&column.name)));
        let sql = format!(
            "SELECT DISTINCT k FROM {inner} s, LATERAL jsonb_object_keys(CASE WHEN jsonb_typeof(v) = 'object' THEN v ELSE '{{}}' END) k \
             WHERE k ~ '^[A-Za-z_]{{1,60}}$' AND k ~* 'id$' LIMIT 20"
        );
        if let Some(rows) = self.ask(&table.name, &sql, &[]).await? {
            let keys = rows.iter().map(|row| row.get(0)).collect();
            self.evidence.json_keys.insert((table.name.clone(), column.name.clone()), keys);
        }
        Ok(())
    }

    /// How many values of an undeclared reference exist where it seems to point.
    async fn found(&mut self, schema: &Schema, edge: &Edge) -> Result<(), tokio_postgres::Error> {
        let (Some(from), Some(to)) = (schema.tables.get(&edge.from), schema.tables.get(&edge.to)) else {
            return Ok(());
        };
        let (Some(near), Some(far)) = (
            edge.columns.first().and_then(|name| from.column(name)),
            edge.to_columns.first().and_then(|name| to.column(name)),
        ) else {
            return Ok(());
        };
        let text = if comparison(near).joins(&comparison(far)) { "" } else { "::text" };
        let inner = self.rows_of(from, &format!("t.{} AS v", quote_ident(&near.name)));
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM {} p WHERE p.{}{text} = s.v{text})) \
             FROM (SELECT DISTINCT v FROM {inner} r WHERE v IS NOT NULL) s",
            to.name.sql(),
            quote_ident(&far.name),
        );
        if let Some(rows) = self.ask(&edge.from, &sql, &[]).await?
            && let Some(row) = rows.first()
        {
            let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
            let key = (edge.from.clone(), near.name.clone(), edge.to.clone());
            self.evidence.found.insert(key, (count(0), count(1)));
        }
        Ok(())
    }
}
