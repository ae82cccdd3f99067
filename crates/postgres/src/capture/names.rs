//! Names of files inside a capture, and of files that rows name.

use crate::schema::TableName;
use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A part of a table's name keeps letters, digits, `_` and `-` only, so that the dot between the two parts is the only one.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// File systems take names of 255 bytes; a longer one is cut and told apart by its hash.
const LONGEST: usize = 240;

/// `rows/<schema>.<table>.copy`: where a table's rows are.
pub fn rows_path(table: &TableName) -> String {
    format!("rows/{}.copy", table_file(table))
}

/// `references/<schema>.<table>.copy`: where the shared rows of a table are.
pub fn references_path(table: &TableName) -> String {
    format!("references/{}.copy", table_file(table))
}

/// `files/<store>/<path>`: where the content of a file of that path in that store is.
pub fn file_path(store: &str, path: &str) -> String {
    let segments: Vec<String> = path.split('/').map(|part| shortened(segment(part), part)).collect();
    format!("files/{}/{}", shortened(utf8_percent_encode(store, NAME).to_string(), store), segments.join("/"))
}

/// A path's segment as file systems take it. `%` itself is encoded, so that decoding is exact.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_control() || char == '%' || char == '\\' {
            encoded.push_str(&format!("%{:02X}", u32::from(char)));
        } else {
            encoded.push(char);
        }
    }
    encoded
}

fn table_file(table: &TableName) -> String {
    let encoded = format!("{}.{}", utf8_percent_encode(&table.schema, NAME), utf8_percent_encode(&table.table, NAME));
    shortened(encoded, &table.to_string())
}

fn shortened(encoded: String, whole: &str) -> String {
    if encoded.len() <= LONGEST {
        return encoded;
    }
    let hash = hex::encode(digest(&SHA256, whole.as_bytes()));
    let cut = encoded.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST - 40).last().unwrap_or(0);
    format!("{}~{}", encoded.get(..cut).unwrap_or_default(), hash.get(..32).unwrap_or_default())
}

/// What a column's value says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// Nothing: empty, or the content itself (`data:`).
    Nothing,
    /// A file by its path in the store: `/`-separated, relative, without `.` and `..`.
    Path(String),
    /// Something that must not be followed: it could lead out of the store.
    Refused,
}

/// The path that a value means: the mapped prefix is taken off, of a URL only the path counts.
pub(super) fn named(value: &str, strip_prefix: Option<&str>) -> Named {
    // Blanks at the ends belong to a path, as any other character; around a URL they mean nothing.
    let trimmed = value.trim();
    if trimmed.is_empty() || trimmed.starts_with("data:") {
        return Named::Nothing;
    }
    let value = if trimmed.contains("://") { trimmed } else { value };
    let stripped = strip_prefix.and_then(|prefix| value.strip_prefix(prefix));
    let rest = stripped.unwrap_or(value);
    let path = match rest.split_once("://") {
        Some((scheme, after)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+') => {
            let (_host, path) = after.split_once('/').unwrap_or((after, ""));
            url_path(path)
        }
        // What is left of a URL after its prefix is still written as a URL's path.
        _ if stripped.is_some() && strip_prefix.is_some_and(|prefix| prefix.contains("://")) => url_path(rest),
        _ => Some(rest.to_owned()),
    };
    let Some(path) = path else { return Named::Refused };
    let path = path.trim_start_matches('/').strip_prefix("./").unwrap_or(path.trim_start_matches('/'));
    let bad = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains(['\0', '\\']);
    if path.len() > 4096 || path.split('/').any(bad) { Named::Refused } else { Named::Path(path.to_owned()) }
}

fn url_path(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Some(percent_decode_str(path).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_files_read_like_the_table_and_never_clash() {
        assert_eq!(rows_path(&TableName::new("public", "guests")), "rows/public.guests.copy");
        assert_eq!(rows_path(&TableName::new("a.b", "c/d")), "rows/a%2Eb.c%2Fd.copy");
        assert_ne!(rows_path(&TableName::new("a.b", "c")), rows_path(&TableName::new("a", "b.c")));
        let long = rows_path(&TableName::new("ü".repeat(31), "é".repeat(31)));
        assert!(long.len() <= 255 && long != rows_path(&TableName::new("ü".repeat(31), "è".repeat(31))), "{long}");
    }

    #[test]
    fn values_name_paths_and_never_lead_out() {
        let path = |value: &str| Named::Path(value.to_owned());
        assert_eq!(named("/photos/a b.jpg", None), path("photos/a b.jpg"));
        assert_eq!(named("https://cdn.example/x/a%20b.jpg?w=3#f", None), path("x/a b.jpg"));
        assert_eq!(named("https://cdn.example/x/a%20b.jpg", Some("https://cdn.example/x/")), path("a b.jpg"));
        assert_eq!(named("uploads/a%20b.jpg", Some("uploads/")), path("a%20b.jpg"));
        assert_eq!(named(" https://cdn.example/a.jpg\n", None), path("a.jpg"));
        assert_eq!(named(" blanks at the ends ", None), path(" blanks at the ends "));
        for nothing in ["", "  ", "data:image/png;base64,AAAA"] {
            assert_eq!(named(nothing, None), Named::Nothing);
        }
        for out in [
            "../etc/passwd",
            "a/../../b",
            "/",
            "a//b",
            "https://h/%2e%2e/b",
            "a\\..\\b",
            "a/./b",
            "..",
            "https://h/%ff",
        ] {
            assert_eq!(named(out, None), Named::Refused, "{out}");
        }
    }

    #[test]
    fn file_names_stay_readable_and_short() {
        assert_eq!(file_path("photos", "w1/Zoë & Sam 100%.jpg"), "files/photos/w1/Zoë & Sam 100%25.jpg");
        let long = file_path("photos", &format!("w1/{}.jpg", "é".repeat(125)));
        assert!(long.len() < 255 + 20 && long.contains('~'), "{long}");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(value in "\\PC{0,40}", prefix in proptest::option::of("\\PC{0,5}")) {
            if let Named::Path(path) = named(&value, prefix.as_deref()) {
                let inside = file_path("photos", &path);
                prop_assert!(inside.starts_with("files/photos/"));
                prop_assert!(inside.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.len() <= 255));
            }
        }
    }
}
