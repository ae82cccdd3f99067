//! The files of a restore as data (safety rule S6): which go back, which differ, which nobody names afterwards.
//!
//! Looking at live files and moving bytes is the caller's, through [`Probe`]: this crate knows no storage.

use super::{
    Error, Request,
    frame::Frame,
    row::{Line, decode},
    work::Work,
};
use crate::{
    capture::{FileEntry, FileState, Manifest, PortError},
    mapping::FileColumn,
};
use keepsake_domain::{Group, restore::Mode};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Looks at live files, at the place where the restore would put them.
#[async_trait::async_trait]
pub trait Probe: Send + Sync {
    /// Size and SHA-256 (hex) of a live file, `None` if there is none.
    ///
    /// # Errors
    /// Whatever the store reports; the plan fails.
    async fn probe(&self, store: &str, path: &str) -> Result<Option<(u64, String)>, PortError>;
}

/// The files in scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FilePlan {
    /// Whether live files were looked at; without a probe every captured file counts as one to put.
    pub probed: bool,
    /// Each file once, by store and path.
    pub entries: Vec<PlannedFile>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// Store name of the mapping.
    pub store: String,
    /// Path in the store.
    pub path: String,
    /// Group of the rows that name it.
    pub group: Group,
    /// What happens to it.
    pub action: FileAction,
    /// Size in the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// SHA-256 in the capture, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-256 of the live file, hex, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_sha256: Option<String>,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// Missing in live: put back before the rows.
    Put,
    /// Differs: the live one is saved into the pre-recovery snapshot, then replaced.
    Replace,
    /// As captured.
    Same,
    /// Differs and stays, because of the mode.
    Leave,
    /// Named by a captured row, but the capture does not hold it.
    Lost,
    /// No row names it after the restore: saved, and deleted after the commit.
    Delete,
}

impl FilePlan {
    /// Files that would be written or deleted.
    pub fn changes(&self) -> usize {
        let changing =
            |file: &&PlannedFile| matches!(file.action, FileAction::Put | FileAction::Replace | FileAction::Delete);
        self.entries.iter().filter(changing).count()
    }
}

/// Plans the files of the groups in scope.
pub(crate) async fn plan(
    frame: &Frame<'_>,
    work: &Work,
    manifest: &Manifest,
    request: &Request,
    probe: Option<&dyn Probe>,
) -> Result<FilePlan, Error> {
    let in_scope = |entry: &&FileEntry| request.scope.contains(entry.group);
    let mut entries: BTreeMap<(String, String), PlannedFile> = BTreeMap::new();
    for entry in manifest.files.iter().filter(in_scope) {
        let live = match probe {
            Some(probe) => look(probe, &entry.store, &entry.path).await?,
            None => None,
        };
        let file = PlannedFile {
            store: entry.store.clone(),
            path: entry.path.clone(),
            group: entry.group,
            action: action(entry, live.as_ref(), request.mode),
            size_bytes: entry.size_bytes,
            sha256: entry.sha256.clone(),
            live_sha256: live.map(|(_, sha256)| sha256),
        };
        entries.entry((entry.store.clone(), entry.path.clone())).or_insert(file);
    }
    if let (Mode::Exact, Some(probe)) = (request.mode, probe) {
        for (store, path, group) in no_longer_named(frame, work)? {
            // Another group's row, out of scope, may still name it.
            let named = manifest.files.iter().any(|entry| entry.store == store && entry.path == path);
            let Some((_, sha256)) = (if named { None } else { look(probe, &store, &path).await? }) else { continue };
            let file = PlannedFile {
                store: store.clone(),
                path: path.clone(),
                group,
                action: FileAction::Delete,
                size_bytes: None,
                sha256: None,
                live_sha256: Some(sha256),
            };
            entries.entry((store, path)).or_insert(file);
        }
    }
    Ok(FilePlan { probed: probe.is_some(), entries: entries.into_values().collect() })
}

async fn look(probe: &dyn Probe, store: &str, path: &str) -> Result<Option<(u64, String)>, Error> {
    let failed = |source| Error::Source { path: format!("{store}/{path}"), source };
    probe.probe(store, path).await.map_err(failed)
}

fn action(entry: &FileEntry, live: Option<&(u64, String)>, mode: Mode) -> FileAction {
    let held = matches!(entry.state, FileState::Captured | FileState::Changed) && entry.sha256.is_some();
    match live {
        _ if !held => FileAction::Lost,
        None => FileAction::Put,
        Some((_, sha256)) if Some(sha256) == entry.sha256.as_ref() => FileAction::Same,
        Some(_) if mode == Mode::Merge => FileAction::Leave,
        Some(_) => FileAction::Replace,
    }
}

/// Files that rows to be removed or changed name and that no row written back names.
fn no_longer_named(frame: &Frame<'_>, work: &Work) -> Result<BTreeSet<(String, String, Group)>, Error> {
    let (mut gone, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for column in &frame.mapping.files {
        let Some(index) = frame.position(&column.table).filter(|index| frame.table(*index).in_scope) else { continue };
        let table = frame.table(index);
        let Some(live) = table.live_position(&column.column) else { continue };
        let rows = work.table(index);
        let group = table.group;
        let old = rows.delete.values().map(|row| &row.line).chain(rows.update.values().map(|update| &update.live.line));
        for line in old {
            gone.extend(named_by(column, line, live)?.into_iter().map(|path| (column.store.clone(), path, group)));
        }
        if let Some(target) = table.target_position(&column.column) {
            for update in rows.update.values() {
                let named = named_by(column, &update.target.line, target)?;
                kept.extend(named.into_iter().map(|path| (column.store.clone(), path, group)));
            }
        }
    }
    gone.retain(|file| !kept.contains(file));
    Ok(gone)
}

fn named_by(column: &FileColumn, line: &Line, position: usize) -> Result<Vec<String>, Error> {
    let value = line.split().get(position).map(|field| decode(field)).transpose()?.flatten();
    Ok(value.map(|value| paths(column, &value)).unwrap_or_default())
}

/// Paths in the store that a column's value names: one, or each element of an array.
fn paths(column: &FileColumn, value: &str) -> Vec<String> {
    let elements = match value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(list) => elements(list),
        None => vec![value.to_owned()],
    };
    elements.into_iter().filter_map(|element| path(column, &element)).collect()
}

fn path(column: &FileColumn, value: &str) -> Option<String> {
    let stripped = column.strip_prefix.as_deref().and_then(|prefix| value.strip_prefix(prefix)).unwrap_or(value);
    let path = match url::Url::parse(stripped) {
        Ok(url) if url.has_host() => percent_encoding::percent_decode_str(url.path()).decode_utf8().ok()?.into_owned(),
        _ => stripped.to_owned(),
    };
    let path = path.trim_start_matches('/');
    let climbs = path.split('/').any(|part| part == ".." || part == ".");
    (!path.is_empty() && !climbs).then(|| path.to_owned())
}

/// Elements of a one-dimensional array's text without its braces.
fn elements(list: &str) -> Vec<String> {
    let (mut elements, mut element, mut quoted, mut started) = (Vec::new(), String::new(), false, false);
    let mut letters = list.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => (quoted, started) = (!quoted, true),
            '\\' => element.extend(letters.next()),
            ',' if !quoted => {
                elements.push(std::mem::take(&mut element));
                started = false;
            }
            other => element.push(other),
        }
    }
    if started || !element.is_empty() {
        elements.push(element);
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(strip_prefix: Option<&str>) -> FileColumn {
        FileColumn {
            table: "public.photos".parse().unwrap(),
            column: "path".to_owned(),
            store: "photos".to_owned(),
            location: None,
            strip_prefix: strip_prefix.map(str::to_owned),
            confidence: None,
        }
    }

    #[test]
    fn values_name_paths_lists_and_urls() {
        assert_eq!(paths(&column(None), "7/a.jpg"), ["7/a.jpg"]);
        assert_eq!(paths(&column(None), r#"{7/a.jpg,"7/b, c\".jpg"}"#), ["7/a.jpg", "7/b, c\".jpg"]);
        assert_eq!(paths(&column(Some("https://cdn.example/p/")), "https://cdn.example/p/7/a.jpg"), ["7/a.jpg"]);
        assert_eq!(paths(&column(None), "https://cdn.example/7/a%20b.jpg"), ["7/a b.jpg"]);
        assert!(paths(&column(None), "../../etc/passwd").is_empty() && paths(&column(None), "").is_empty());
    }
}
