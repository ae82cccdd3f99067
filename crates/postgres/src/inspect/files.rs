//! Columns that name files: by their names, confirmed or refuted by samples.

use super::{
    evidence::{ColumnSample, Evidence},
    names::{any, head, table_words, words},
};
use crate::{
    mapping::FileColumn,
    schema::{Column, Table},
};

/// Whether a column may hold text that names files.
pub fn textual(column: &Column) -> bool {
    column.category == 'S' || column.base_type == "text[]" || column.base_type.starts_with("character varying")
}

/// How much a column's name sounds like a file, 0-100, given its table.
pub fn name_points(table: &Table, column: &Column) -> u8 {
    let all = words(&column.name);
    if any(
        &all,
        &[
            "type", "size", "mime", "hash", "checksum", "etag", "alt", "caption", "status", "name", "title", "bucket",
            "id", "count",
        ],
    ) && !any(&all, &["path", "url", "filename"])
        && head(&all) != "name"
    {
        return 0;
    }
    let filed = any(
        &table_words(&table.name),
        &[
            "photo",
            "image",
            "file",
            "document",
            "attachment",
            "contract",
            "upload",
            "media",
            "picture",
            "asset",
            "video",
            "album",
            "invoice",
        ],
    );
    let thing = any(
        &all,
        &[
            "photo",
            "image",
            "file",
            "document",
            "attachment",
            "avatar",
            "picture",
            "pdf",
            "scan",
            "thumbnail",
            "thumb",
            "cover",
            "contract",
            "media",
            "upload",
            "logo",
            "video",
            "receipt",
            "storage",
            "s3",
            "object",
            "blob",
        ],
    );
    let place = any(&all, &["path", "key", "url", "uri", "src", "location", "href", "filename"]);
    match (thing, place, filed) {
        (true, true, _) => 85,
        (false, true, true) if !any(&all, &["location"]) => 70,
        (false, true, _) if any(&all, &["path"]) => 55,
        (true, false, _)
            if matches!(head(&all), "photo" | "image" | "file" | "avatar" | "picture" | "thumbnail" | "photos") =>
        {
            45
        }
        (true, false, _) if head(&all) == "name" => 60,
        (false, true, false) => 20,
        _ if filed && matches!(head(&all), "name" | "filename") => 30,
        _ => 0,
    }
}

/// Confidence that a column names files, by its name and what a sample showed of it.
fn confidence(points: u8, sample: Option<&ColumnSample>) -> u8 {
    let Some(sample) = sample.filter(|sample| sample.filled > 0) else { return points };
    let share = |count: u64| count * 100 / sample.filled.max(1);
    if share(sample.like_files) >= 60 {
        return points.max(50) + if share(sample.slashes) >= 60 { 14 } else { 8 };
    }
    // Paths without an ending happen (keys of a bucket); pages of the web do not count.
    if share(sample.urls) >= 50 {
        points.min(25)
    } else {
        points.saturating_sub(if share(sample.slashes) >= 60 { 10 } else { 45 })
    }
}

/// The columns of owned tables that name files.
pub fn propose(tables: &[&Table], evidence: &Evidence) -> Vec<FileColumn> {
    let mut found = Vec::new();
    for table in tables {
        for column in table.stored_columns().filter(|column| textual(column)) {
            let points = name_points(table, column);
            let sample = evidence.column(&table.name, &column.name);
            let confidence = if points == 0 { 0 } else { confidence(points, sample) };
            if confidence >= 45 {
                found.push(FileColumn {
                    table: table.name.clone(),
                    column: column.name.clone(),
                    store: store_name(&table.name.table),
                    location: None,
                    strip_prefix: sample.and_then(|sample| sample.prefix.clone()),
                    confidence: Some(confidence.min(99)),
                });
            }
        }
    }
    found
}

/// The table's name as a folder's.
fn store_name(table: &str) -> String {
    let name: String = table
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .take(60)
        .collect();
    if name.is_empty() { "files".to_owned() } else { name }
}
