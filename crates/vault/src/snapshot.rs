//! Snapshots: what a recovery point is to restic. Keepsake's own words about it are tags
//! (`keepsake_domain::point::Tags`), because stock restic keeps tags when it rewrites a snapshot, and drops fields that it
//! does not know.

use crate::{
    id::Id,
    json::{self, JsonError},
    time::Time,
};
use serde::{Deserialize, Deserializer, Serialize};

/// A snapshot. Fields and their order are restic's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub time: Time,
    /// The snapshot that unchanged files were compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Id>,
    /// The root tree.
    pub tree: Id,
    /// What was backed up: absolute paths.
    #[serde(default, deserialize_with = "nullable")]
    pub paths: Vec<String>,
    /// The machine that was backed up.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// The user who did it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// That user's number.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// That user's group.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Patterns that were left out.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Tags.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The snapshot that this one was rewritten from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Id>,
    /// The program that wrote it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub program_version: String,
    /// How the backup went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

/// How a backup went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// When it began.
    pub backup_start: Time,
    /// When it ended.
    pub backup_end: Time,
    /// Files that the parent did not have.
    #[serde(default)]
    pub files_new: u64,
    /// Files that differ from the parent's.
    #[serde(default)]
    pub files_changed: u64,
    /// Files taken over from the parent.
    #[serde(default)]
    pub files_unmodified: u64,
    /// Folders that the parent did not have.
    #[serde(default)]
    pub dirs_new: u64,
    /// Folders that differ from the parent's.
    #[serde(default)]
    pub dirs_changed: u64,
    /// Folders equal to the parent's.
    #[serde(default)]
    pub dirs_unmodified: u64,
    /// Data blobs that were new to the vault.
    #[serde(default)]
    pub data_blobs: u64,
    /// Tree blobs that were new to the vault.
    #[serde(default)]
    pub tree_blobs: u64,
    /// Bytes of new blobs before compression.
    #[serde(default)]
    pub data_added: u64,
    /// Bytes of new blobs as stored.
    #[serde(default)]
    pub data_added_packed: u64,
    /// Files seen.
    #[serde(default)]
    pub total_files_processed: u64,
    /// Their bytes.
    #[serde(default)]
    pub total_bytes_processed: u64,
}

impl Snapshot {
    /// A snapshot of `tree` at `time` with everything else empty.
    pub const fn new(time: Time, tree: Id) -> Self {
        Self {
            time,
            parent: None,
            tree,
            paths: Vec::new(),
            hostname: String::new(),
            username: String::new(),
            uid: 0,
            gid: 0,
            excludes: Vec::new(),
            tags: Vec::new(),
            original: None,
            program_version: String::new(),
            summary: None,
        }
    }

    /// Reads the unsealed, uncompressed document; unknown fields are passed over.
    ///
    /// # Errors
    /// [`JsonError`] if it is none.
    pub fn parse(json: &[u8]) -> Result<Self, JsonError> {
        json::parse(json)
    }

    /// The document, to be compressed and sealed.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialise")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Go writes an empty list as `null` where it was never filled.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_restic_writes_comes_back_as_it_was() {
        let json = r#"{"time":"2026-06-06T12:00:00.123456789+02:00","parent":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","tree":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","paths":["/srv/photos"],"hostname":"h","username":"root","uid":1,"gid":2,"excludes":["*.tmp"],"tags":["keepsake:incomplete"],"original":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","program_version":"restic 0.19.1","summary":{"backup_start":"2026-06-06T12:00:00Z","backup_end":"2026-06-06T12:00:01Z","files_new":1,"files_changed":2,"files_unmodified":3,"dirs_new":4,"dirs_changed":5,"dirs_unmodified":6,"data_blobs":7,"tree_blobs":8,"data_added":9,"data_added_packed":10,"total_files_processed":11,"total_bytes_processed":12}}"#;
        let snapshot = Snapshot::parse(json.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(snapshot.encode()).unwrap(), json);
    }

    #[test]
    fn little_is_enough_and_a_snapshot_without_a_tree_is_none() {
        let id = Id::of(b"");
        let json = format!(r#"{{"time":"2026-06-06T12:00:00Z","tree":"{id}","paths":null,"tags":null,"later":{{}}}}"#);
        let time = Time::parse("2026-06-06T12:00:00Z").unwrap();
        assert_eq!(Snapshot::parse(json.as_bytes()).unwrap(), Snapshot::new(time, id));
        assert!(Snapshot::parse(br#"{"time":"2026-06-06T12:00:00Z","tree":null,"paths":[]}"#).is_err());
    }

    proptest! {
        #[test]
        fn round_trips(tags in prop::collection::vec(".{0,9}", 0..4), paths in prop::collection::vec(".{0,9}", 0..3), uid in any::<u32>()) {
            let snapshot = Snapshot { tags, paths, uid, ..Snapshot::new(Time::zero(), Id::of(b"")) };
            prop_assert_eq!(Snapshot::parse(&snapshot.encode()).unwrap(), snapshot);
        }

        #[test]
        fn parsing_never_panics(noise in ".{0,200}") {
            let _ = Snapshot::parse(noise.as_bytes());
        }
    }
}
