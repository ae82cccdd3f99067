//! Collects sealed blobs into a pack.

use super::{Entry, Kind, LimitError, MAX_HEADER_BYTES, TRAILER_BYTES, entry_bytes, header};
use crate::{
    Error,
    crypto::{Key, OVERHEAD_BYTES},
    id::{Hasher, Id},
};
use bytes::Bytes;
use keepsake_store::Payload;
use std::num::NonZeroU32;

/// A pack in the making. The blobs stay where they are, as pieces; each byte is hashed once, when it is added.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<Entry>,
    pieces: Vec<Bytes>,
    hasher: Hasher,
    blobs_bytes: u32,
    header_bytes: u64,
}

/// A pack ready to be stored.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its name: SHA-256 of all its bytes.
    pub id: Id,
    /// Its bytes.
    pub payload: Payload,
    /// Its blobs.
    pub entries: Vec<Entry>,
    /// Its size.
    pub size_bytes: u64,
}

impl Builder {
    /// An empty pack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a sealed blob.
    ///
    /// # Errors
    /// [`LimitError`] if the pack would pass 4 GiB or its header 16 MiB; the pack is then as it was, to be finished.
    pub fn add(
        &mut self,
        kind: Kind,
        id: Id,
        sealed: Bytes,
        uncompressed_length: Option<NonZeroU32>,
    ) -> Result<Entry, LimitError> {
        let limit = LimitError {
            size_bytes: u64::from(self.blobs_bytes) + sealed.len() as u64,
            header_bytes: self.header_bytes,
        };
        let length = u32::try_from(sealed.len()).map_err(|_| limit)?;
        let blobs_bytes = self.blobs_bytes.checked_add(length).ok_or(limit)?;
        let entry = Entry { id, kind, offset: self.blobs_bytes, length, uncompressed_length };
        let header_bytes = self.header_bytes + entry_bytes(&entry);
        if header_bytes + OVERHEAD_BYTES as u64 > MAX_HEADER_BYTES {
            return Err(limit);
        }
        self.hasher.update(&sealed);
        self.pieces.push(sealed);
        self.entries.push(entry);
        self.blobs_bytes = blobs_bytes;
        self.header_bytes = header_bytes;
        Ok(entry)
    }

    /// The blobs so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the pack's size would be if it were finished now.
    pub fn size_bytes(&self) -> u64 {
        u64::from(self.blobs_bytes) + self.header_bytes + OVERHEAD_BYTES as u64 + TRAILER_BYTES
    }

    /// Seals the header and names the pack.
    ///
    /// # Errors
    /// [`Error::Seal`] if there is no randomness.
    pub fn finish(mut self, key: &Key) -> Result<Finished, Error> {
        let size_bytes = self.size_bytes();
        let end = Bytes::from(header::seal(&self.entries, key)?);
        self.hasher.update(&end);
        self.pieces.push(end);
        let payload = Payload::from(self.pieces);
        debug_assert_eq!(payload.len_bytes(), size_bytes, "restic refuses a pack whose size is not exact");
        Ok(Finished { id: self.hasher.finish(), payload, entries: self.entries, size_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_named_by_its_bytes_and_lists_its_blobs() {
        let key = Key::generate().unwrap();
        let mut builder = Builder::new();
        assert!(builder.is_empty());
        for text in [b"one".as_slice(), b"two", b""] {
            let mut sealed = Vec::new();
            key.seal_into(text, &mut sealed).unwrap();
            builder.add(Kind::Data, Id::of(text), sealed.into(), None).unwrap();
        }
        let expected = builder.entries().to_vec();
        let pack = builder.finish(&key).unwrap();
        let bytes = pack.payload.pieces().concat();
        assert_eq!((Id::of(&bytes), bytes.len() as u64), (pack.id, pack.size_bytes));
        assert_eq!(super::super::open(&bytes, pack.size_bytes, &key).unwrap().unwrap(), expected);
        let second = &bytes[expected[1].offset as usize..][..expected[1].length as usize];
        assert_eq!(key.open(second).unwrap(), b"two");
    }

    #[test]
    fn a_header_beyond_the_limit_is_refused_and_the_pack_stays_usable() {
        let mut builder = Builder { header_bytes: MAX_HEADER_BYTES - OVERHEAD_BYTES as u64 - 40, ..Builder::new() };
        let blob = || Bytes::from_static(&[0; 32]);
        let compressed = NonZeroU32::new(1);
        assert!(builder.add(Kind::Data, Id::of(b""), blob(), compressed).is_err());
        assert!(builder.is_empty());
        assert!(builder.add(Kind::Data, Id::of(b""), blob(), None).is_ok());
        let mut full = Builder { blobs_bytes: u32::MAX - 31, ..Builder::new() };
        assert!(full.add(Kind::Data, Id::of(b""), blob(), None).is_err());
    }
}
