//! The JSON of index files.

use crate::{
    id::Id,
    json::{self, JsonError},
    pack,
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// One index file: some packs and their blobs. All index files of a vault together are its index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// The packs and what they hold.
    pub packs: Vec<PackBlobs>,
    /// Packs that rustic marked for removal. restic ignores them, and so does everything here but the check: their
    /// blobs are no targets of deduplication (safety rule S24).
    pub packs_to_delete: Vec<PackBlobs>,
    /// Index files that this one once replaced; old restic wrote it, nothing needs it.
    pub supersedes: Vec<Id>,
}

/// One pack in an index file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackBlobs {
    /// The pack.
    pub id: Id,
    /// Its blobs.
    pub blobs: Vec<pack::Entry>,
}

#[derive(Serialize, Deserialize)]
struct FileJson {
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    supersedes: Vec<Id>,
    #[serde(default, deserialize_with = "null_is_empty")]
    packs: Vec<PackJson>,
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    packs_to_delete: Vec<PackJson>,
}

#[derive(Serialize, Deserialize)]
struct PackJson {
    id: Id,
    #[serde(default, deserialize_with = "null_is_empty")]
    blobs: Vec<BlobJson>,
}

#[derive(Serialize, Deserialize)]
struct BlobJson {
    id: Id,
    #[serde(rename = "type")]
    kind: pack::Kind,
    offset: u32,
    length: u32,
    /// rustic writes 0 or null where restic leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uncompressed_length: Option<u32>,
}

/// Go writes an empty list as `null` where it was never filled.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl File {
    /// Reads the unsealed, uncompressed document.
    ///
    /// # Errors
    /// [`JsonError`] if it is none.
    pub fn parse(json: &[u8]) -> Result<Self, JsonError> {
        let file: FileJson = json::parse(json)?;
        let packs = |list: Vec<PackJson>| list.into_iter().map(PackBlobs::from).collect();
        Ok(Self { packs: packs(file.packs), packs_to_delete: packs(file.packs_to_delete), supersedes: file.supersedes })
    }

    /// The document, to be compressed and sealed.
    pub fn encode(&self) -> Vec<u8> {
        let packs = |list: &[PackBlobs]| list.iter().map(PackJson::from).collect();
        let file = FileJson {
            supersedes: self.supersedes.clone(),
            packs: packs(&self.packs),
            packs_to_delete: packs(&self.packs_to_delete),
        };
        serde_json::to_vec(&file).expect("texts and numbers always serialise")
    }
}

impl From<PackJson> for PackBlobs {
    fn from(pack: PackJson) -> Self {
        let blobs = pack.blobs.into_iter().map(|blob| pack::Entry {
            id: blob.id,
            kind: blob.kind,
            offset: blob.offset,
            length: blob.length,
            uncompressed_length: blob.uncompressed_length.and_then(NonZeroU32::new),
        });
        Self { id: pack.id, blobs: blobs.collect() }
    }
}

impl From<&PackBlobs> for PackJson {
    fn from(pack: &PackBlobs) -> Self {
        let blobs = pack.blobs.iter().map(|entry| BlobJson {
            id: entry.id,
            kind: entry.kind,
            offset: entry.offset,
            length: entry.length,
            uncompressed_length: entry.uncompressed_length.map(NonZeroU32::get),
        });
        Self { id: pack.id, blobs: blobs.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_restic_and_rustic_write_is_read() {
        let (a, b) = (Id::of(b"a"), Id::of(b"b"));
        let json = format!(
            r#"{{"supersedes":["{a}"],"packs":[{{"id":"{a}","blobs":[
                {{"id":"{b}","type":"data","offset":0,"length":40}},
                {{"id":"{b}","type":"tree","offset":40,"length":50,"uncompressed_length":99}}]}},
                {{"id":"{b}","blobs":null}}],
              "packs_to_delete":[{{"id":"{a}","time":"2026-06-06T12:00:00Z","size":1,"blobs":[]}}],"later":1}}"#
        );
        let file = File::parse(json.as_bytes()).unwrap();
        assert_eq!((file.packs.len(), file.packs_to_delete.len(), file.supersedes.len()), (2, 1, 1));
        assert_eq!(file.packs[0].blobs[0].uncompressed_length, None);
        assert_eq!(file.packs[0].blobs[1].plaintext_bytes(), 99);
        assert_eq!(File::parse(b"{}").unwrap(), File::default());
        assert_eq!(File::parse(br#"{"packs":null}"#).unwrap(), File::default());
        assert!(File::parse(b"[]").is_err());
        assert!(
            File::parse(
                format!(r#"{{"packs":[{{"id":"{a}","blobs":[{{"id":"{b}","type":"song","offset":0,"length":1}}]}}]}}"#)
                    .as_bytes()
            )
            .is_err()
        );
    }

    #[test]
    fn what_we_write_is_what_restic_writes() {
        let blob =
            pack::Entry { id: Id::of(b"b"), kind: pack::Kind::Data, offset: 1, length: 40, uncompressed_length: None };
        let file = File { packs: vec![PackBlobs { id: Id::of(b"a"), blobs: vec![blob] }], ..File::default() };
        let text = String::from_utf8(file.encode()).unwrap();
        let expected = format!(
            r#"{{"packs":[{{"id":"{}","blobs":[{{"id":"{}","type":"data","offset":1,"length":40}}]}}]}}"#,
            Id::of(b"a"),
            Id::of(b"b")
        );
        assert_eq!(text, expected);
    }

    proptest! {
        #[test]
        fn round_trips(seed in any::<u64>(), packs in 0..5_usize, blobs in 0..5_u32) {
            let pack = |n: usize| PackBlobs {
                id: Id::of(&(seed ^ n as u64).to_le_bytes()),
                blobs: (0..blobs).map(|at| pack::Entry {
                    id: Id::of(&at.to_le_bytes()),
                    kind: if at % 2 == 0 { pack::Kind::Data } else { pack::Kind::Tree },
                    offset: at * 100,
                    length: 100,
                    uncompressed_length: NonZeroU32::new(at),
                }).collect(),
            };
            let file = File { packs: (0..packs).map(pack).collect(), packs_to_delete: vec![pack(9)], supersedes: vec![] };
            prop_assert_eq!(File::parse(&file.encode()).unwrap(), file);
        }

        #[test]
        fn parsing_never_panics(noise in ".{0,200}") {
            let _ = File::parse(noise.as_bytes());
        }
    }
}
