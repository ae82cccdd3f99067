//! Writes a mapping as a document for people.

use super::{Edge, FileColumn, Mapping, OwnedTable, Root, Rules};
use std::fmt::Write;

const HEAD: &str = "\
What a wedding is in this database. Read by `keepsake backup wedding` and `restore wedding` with --mapping.
Edit freely; unknown keys and names that the database does not have are refused with their line.";

const TABLES: &str = "\
Tables whose rows belong to weddings. Groups: guests, timeline, vendors, photos, documents, budget, other;
a restore can be limited to groups. A table without a primary key needs `key`, columns that identify a row.";

const EDGES: &str = "\
What each reference means.
  owns            the row is part of what it references: captured, restored and removed with it
  refers          what it references is shared: captured by key, never overwritten
  assumed-owns, assumed-refers   nobody has decided yet; followed, and shown before a restore
An edge that no foreign key declares has `virtual = true`; a column may then be a path such as \"data->>'guest_id'\", and
`only_where = { column = \"subject_type\", equals = \"guest\" }` limits it to some rows.";

const FILES: &str = "\
Columns that name files. `location` says where they are: file:///folder or s3://bucket/prefix; `strip_prefix` is cut off
each value first.";

const RULES: &str = "\
identity_schemas: captured by key alone, never inserted. display: columns of shared rows that are captured to recognise them.
after_restore: SQL in the restore's transaction, $1 is the wedding's id. tables_left_out: hang on a wedding, but are not its data.";

/// A text as TOML comment lines, each ended. Control characters cannot leave the comment.
pub fn comment(text: &str) -> String {
    text.split('\n')
        .map(|line| {
            let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            if line.trim().is_empty() { "#\n".to_owned() } else { format!("# {}\n", line.trim_end()) }
        })
        .collect()
}

/// A basic string on one line, whatever it holds, so that line numbers stay with their keys.
fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn texts<S: AsRef<str>>(values: &[S]) -> String {
    let all: Vec<String> = values.iter().map(|value| text(value.as_ref())).collect();
    format!("[{}]", all.join(", "))
}

impl Mapping {
    /// The mapping as commented TOML that [`Mapping::parse`] reads back to the same value.
    pub fn to_toml(&self) -> String {
        self.to_toml_with("")
    }

    /// As [`to_toml`](Self::to_toml), with notes as comments below the head.
    pub fn to_toml_with(&self, notes: &str) -> String {
        let mut out = comment(HEAD);
        if !notes.is_empty() {
            out.push_str("#\n");
            out.push_str(&comment(notes));
        }
        out.push_str(&format!("version = {}\n\n[wedding]\n", self.version));
        write_root(&mut out, &self.wedding);
        section(&mut out, TABLES, !self.tables.is_empty());
        for table in &self.tables {
            write_table(&mut out, table);
        }
        section(&mut out, EDGES, !self.edges.is_empty());
        for edge in &self.edges {
            write_edge(&mut out, edge);
        }
        section(&mut out, FILES, !self.files.is_empty());
        for file in &self.files {
            write_file(&mut out, file);
        }
        section(&mut out, RULES, true);
        write_rules(&mut out, &self.rules);
        out
    }
}

fn section(out: &mut String, words: &str, any: bool) {
    if any {
        out.push('\n');
        out.push_str(&comment(words));
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(out, "{key} = {value}");
}

fn write_root(out: &mut String, root: &Root) {
    if let Some(confidence) = root.confidence {
        line(out, "confidence", &confidence.to_string());
    }
    line(out, "table", &text(&root.table.to_string()));
    line(out, "id", &text(&root.id));
    let optional = [
        ("name", &root.name),
        ("date", &root.date),
        ("end_date", &root.end_date),
        ("time_zone", &root.time_zone),
        ("guest_count", &root.guest_count),
        ("budget", &root.budget),
        ("currency", &root.currency),
        ("organisation", &root.organisation),
        ("status", &root.status),
    ];
    for (key, value) in optional {
        match value {
            Some(value) => line(out, key, &text(value)),
            None => out.push_str(&format!("# {key} = \"\"\n")),
        }
    }
}

fn write_table(out: &mut String, table: &OwnedTable) {
    out.push_str("\n[[table]]\n");
    line(out, "name", &text(&table.name.to_string()));
    line(out, "group", &text(table.group.name()));
    if !table.key.is_empty() {
        line(out, "key", &texts(&table.key));
    }
}

fn write_edge(out: &mut String, edge: &Edge) {
    out.push_str("\n[[edge]]\n");
    line(out, "from", &text(&edge.from.to_string()));
    line(out, "columns", &texts(&edge.columns));
    line(out, "to", &text(&edge.to.to_string()));
    line(out, "to_columns", &texts(&edge.to_columns));
    line(out, "decision", &text(edge.decision.name()));
    if let Some(evidence) = &edge.evidence {
        line(out, "evidence", &text(evidence));
    }
    if edge.is_virtual {
        line(out, "virtual", "true");
    }
    if let Some(condition) = &edge.only_where {
        let value = format!("{{ column = {}, equals = {} }}", text(&condition.column), text(&condition.equals));
        line(out, "only_where", &value);
    }
}

fn write_file(out: &mut String, file: &FileColumn) {
    out.push_str("\n[[file]]\n");
    line(out, "table", &text(&file.table.to_string()));
    line(out, "column", &text(&file.column));
    line(out, "store", &text(&file.store));
    match &file.location {
        Some(location) => line(out, "location", &text(location)),
        None => out.push_str("# location = \"file:///srv/photos\"\n"),
    }
    if let Some(prefix) = &file.strip_prefix {
        line(out, "strip_prefix", &text(prefix));
    }
    if let Some(confidence) = file.confidence {
        line(out, "confidence", &confidence.to_string());
    }
}

fn write_rules(out: &mut String, rules: &Rules) {
    out.push_str("[rules]\n");
    line(out, "identity_schemas", &texts(&rules.identity_schemas));
    line(out, "after_restore", &texts(&rules.after_restore));
    let left_out: Vec<String> = rules.tables_left_out.iter().map(ToString::to_string).collect();
    line(out, "tables_left_out", &texts(&left_out));
    if !rules.display.is_empty() {
        out.push_str("\n[rules.display]\n");
        for (table, columns) in &rules.display {
            line(out, &text(table), &texts(columns));
        }
    }
}
