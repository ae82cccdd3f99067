//! What previews and proofs say, table by table.

use serde_json::Value;

/// One table of a preview or a proof.
#[track_caller]
pub(crate) fn table<'a>(document: &'a Value, name: &str) -> &'a Value {
    let tables = document["tables"].as_array().unwrap_or_else(|| panic!("no tables: {document}"));
    tables
        .iter()
        .find(|table| table["name"] == format!("public.{name}"))
        .unwrap_or_else(|| panic!("no {name}: {document}"))
}

pub(crate) fn total(document: &Value, field: &str) -> u64 {
    document["tables"].as_array().unwrap().iter().map(|table| table[field].as_u64().unwrap()).sum()
}
