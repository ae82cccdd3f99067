//! The catalog queries. Each reads one kind of object for all tables at once; names are put together in Rust by object id
//! and attribute number, which is far cheaper than a subquery for each index or key.
//!
//! Columns that newer servers have are reached through `to_jsonb(row)`, so one text serves PostgreSQL 12 to 18.

/// Facts of the database. The system identifier only where the role may call its function.
pub const DATABASE: &str = "
SELECT current_setting('server_version_num')::int4, current_database()::text,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')";

/// The cluster's identifier, asked only if the role may.
pub const SYSTEM_IDENTIFIER: &str = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";

/// Tables outside the system schemas; temporary ones live in `pg_temp_*`, which the pattern leaves out too. The size is the
/// planner's: `pg_relation_size` would wait behind every `ALTER TABLE` (safety rule S10).
pub const TABLES: &str = r"
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition,
       c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text,
       c.reltuples::float8, c.relpages::int8 * current_setting('block_size')::int8,
       obj_description(c.oid, 'pg_class'),
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid END,
       i.inhparent
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND i.inhseqno = 1
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Columns with the type behind their domain, through domains over domains.
pub const COLUMNS: &str = r"
WITH RECURSIVE domains AS (
    SELECT t.oid, t.typbasetype AS base, t.typtypmod AS typmod, t.typnotnull AS not_null
    FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
  UNION ALL
    SELECT d.oid, t.typbasetype, t.typtypmod, d.not_null OR t.typnotnull
    FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype = 'd'
), bases AS (
    SELECT d.* FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype <> 'd'
)
SELECT a.attrelid, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod),
       CASE WHEN b.oid IS NULL THEN format_type(a.atttypid, a.atttypmod) ELSE format_type(b.base, b.typmod) END,
       t.typcategory::text, a.attnotnull OR coalesce(b.not_null, false),
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(ad.adbin, ad.adrelid) END,
       a.attidentity::text, a.attgenerated <> '', col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN bases b ON b.oid = a.atttypid
JOIN pg_catalog.pg_type t ON t.oid = coalesce(b.base, a.atttypid)
LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY a.attrelid, a.attnum";

/// Indexes. An attribute number of 0 stands for an expression.
pub const INDEXES: &str = r"
SELECT i.indrelid, x.relname::text, i.indkey::int2[], i.indnkeyatts, i.indisprimary, i.indisunique, i.indisvalid,
       i.indisreplident, i.indpred IS NOT NULL, i.indexprs IS NOT NULL, m.amname::text,
       coalesce((to_jsonb(i)->>'indnullsnotdistinct')::bool, false), coalesce(k.condeferrable, false),
       CASE WHEN i.indisunique AND NOT i.indisprimary THEN pg_get_indexdef(i.indexrelid) END,
       CASE WHEN i.indpred IS NOT NULL THEN pg_get_expr(i.indpred, i.indrelid) END,
       CASE WHEN i.indpred IS NOT NULL OR i.indexprs IS NOT NULL THEN
           ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) n ORDER BY n) END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = x.relam
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY i.indrelid, x.relname";

/// Foreign keys, checks and exclusions. A foreign key with a parent is one that PostgreSQL derived for a partition.
pub const CONSTRAINTS: &str = r"
SELECT k.conrelid, k.conname::text, k.contype::text, k.conkey, k.confrelid, k.confkey, k.confdeltype::text,
       k.confmatchtype::text, k.condeferrable, k.convalidated,
       CASE WHEN k.contype <> 'f' THEN pg_get_constraintdef(k.oid) END
FROM pg_catalog.pg_constraint k
WHERE k.contype IN ('f', 'c', 'x') AND k.conrelid <> 0 AND (k.contype <> 'f' OR k.conparentid = 0)
ORDER BY k.conrelid, k.conname";

/// User triggers.
pub const TRIGGERS: &str = r"
SELECT t.tgrelid, t.tgname::text, t.tgenabled::text, pg_get_triggerdef(t.oid)
FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal ORDER BY t.tgrelid, t.tgname";

/// Sequences with the column that owns them, or else one whose default uses them. The last value only where the role may
/// read it: the function refuses otherwise.
pub const SEQUENCES: &str = r"
SELECT n.nspname::text, c.relname::text, s.seqincrement,
       CASE WHEN has_sequence_privilege(c.oid, 'SELECT, USAGE') AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery())
            THEN pg_sequence_last_value(c.oid) END,
       coalesce(o.refobjid, u.adrelid), coalesce(o.refobjsubid::int2, u.adnum)
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    ORDER BY d.refobjid, d.refobjsubid LIMIT 1) o ON true
LEFT JOIN LATERAL (
    SELECT ad.adrelid, ad.adnum FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid
    ORDER BY ad.adrelid, ad.adnum LIMIT 1) u ON true
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2";

/// Enum labels in their order.
pub const ENUMS: &str = r"
SELECT format_type(t.oid, NULL), array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_catalog.pg_enum e
JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
GROUP BY t.oid";

/// Installed extensions.
pub const EXTENSIONS: &str = "SELECT extname::text, extversion FROM pg_catalog.pg_extension";

/// Publications, also those without a table.
pub const PUBLICATIONS: &str = r"
SELECT p.pubname::text, t.schemaname::text, t.tablename::text
FROM pg_catalog.pg_publication p
LEFT JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
ORDER BY 1, 2, 3";
