//! The header at the end of a pack.

use super::{Entry, Kind, LimitError};
use crate::{
    crypto::{Key, OVERHEAD_BYTES, OpenError},
    id::Id,
};
use std::num::NonZeroU32;

/// Largest sealed header that restic reads.
pub const MAX_HEADER_BYTES: u64 = 16 * 1024 * 1024;
/// The header's length, a little-endian `u32` at the very end.
pub const TRAILER_BYTES: u64 = 4;

const PLAIN_ENTRY_BYTES: u64 = 1 + 4 + Id::LEN_BYTES as u64;
const COMPRESSED_ENTRY_BYTES: u64 = PLAIN_ENTRY_BYTES + 4;

/// A pack whose end is no header of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Shorter than the shortest pack.
    #[error("{size_bytes} bytes are too few for a pack")]
    TooShort {
        /// Length of the file.
        size_bytes: u64,
    },
    /// The length at its end cannot be.
    #[error("the header's length of {header_bytes} does not fit a file of {size_bytes} bytes")]
    Length {
        /// Length of the header as the trailer says.
        header_bytes: u64,
        /// Length of the file.
        size_bytes: u64,
    },
    /// The header does not decrypt.
    #[error("the header does not decrypt")]
    Open(#[from] OpenError),
    /// An entry of unknown type.
    #[error("entry {entry} has the unknown type {kind}")]
    Kind {
        /// Its number, from 0.
        entry: usize,
        /// The type.
        kind: u8,
    },
    /// The header ends within an entry.
    #[error("the header ends within entry {entry}")]
    CutOff {
        /// Its number, from 0.
        entry: usize,
    },
    /// A blob that is too short to be sealed, or says that it inflates to nothing.
    #[error("entry {entry} has an impossible length")]
    EntryLength {
        /// Its number, from 0.
        entry: usize,
    },
    /// The blobs and the header do not add up to the file.
    #[error("blobs and header add up to {expected_bytes} bytes, but the file has {size_bytes}")]
    Size {
        /// Length of the file.
        size_bytes: u64,
        /// What its parts add up to.
        expected_bytes: u64,
    },
}

/// Bytes that one entry takes in the header.
pub const fn entry_bytes(entry: &Entry) -> u64 {
    match entry.uncompressed_length {
        Some(_) => COMPRESSED_ENTRY_BYTES,
        None => PLAIN_ENTRY_BYTES,
    }
}

/// Exact size of a pack with these blobs: what restic's check compares with the store's answer.
pub fn size_bytes(entries: &[Entry]) -> u64 {
    let header: u64 = entries.iter().map(entry_bytes).sum();
    let blobs: u64 = entries.iter().map(|entry| u64::from(entry.length)).sum();
    blobs + header + OVERHEAD_BYTES as u64 + TRAILER_BYTES
}

/// The header before sealing.
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * COMPRESSED_ENTRY_BYTES as usize);
    for entry in entries {
        let kind = match entry.kind {
            Kind::Data => 0,
            Kind::Tree => 1,
        };
        out.push(if entry.uncompressed_length.is_some() { kind + 2 } else { kind });
        out.extend_from_slice(&entry.length.to_le_bytes());
        if let Some(length) = entry.uncompressed_length {
            out.extend_from_slice(&length.get().to_le_bytes());
        }
        out.extend_from_slice(entry.id.as_bytes());
    }
    out
}

/// Reads an unsealed header; offsets follow from the lengths.
///
/// # Errors
/// [`HeaderError`] if it is not one.
pub fn decode(mut header: &[u8]) -> Result<Vec<Entry>, HeaderError> {
    let mut entries = Vec::with_capacity(header.len() / PLAIN_ENTRY_BYTES as usize);
    let mut offset = 0_u32;
    while let Some((&kind, rest)) = header.split_first() {
        let entry = entries.len();
        let cut_off = HeaderError::CutOff { entry };
        let (length, rest) = rest.split_first_chunk().ok_or(cut_off.clone())?;
        let length = u32::from_le_bytes(*length);
        let (uncompressed_length, rest) = if kind & 2 == 2 {
            let (length, rest) = rest.split_first_chunk().ok_or(cut_off.clone())?;
            let length = NonZeroU32::new(u32::from_le_bytes(*length)).ok_or(HeaderError::EntryLength { entry })?;
            (Some(length), rest)
        } else {
            (None, rest)
        };
        let (id, rest) = rest.split_first_chunk().ok_or(cut_off)?;
        let kind = match kind {
            0 | 2 => Kind::Data,
            1 | 3 => Kind::Tree,
            kind => return Err(HeaderError::Kind { entry, kind }),
        };
        if (length as usize) < OVERHEAD_BYTES {
            return Err(HeaderError::EntryLength { entry });
        }
        entries.push(Entry { id: Id::from_bytes(*id), kind, offset, length, uncompressed_length });
        offset = offset.checked_add(length).ok_or(HeaderError::EntryLength { entry })?;
        header = rest;
    }
    Ok(entries)
}

/// The end of a pack: the sealed header and its length.
///
/// # Errors
/// [`LimitError`] if the header is longer than restic reads.
pub(super) fn seal(entries: &[Entry], key: &Key) -> Result<Vec<u8>, crate::Error> {
    let header = encode(entries);
    let sealed_bytes = header.len() + OVERHEAD_BYTES;
    let limit = LimitError { size_bytes: size_bytes(entries), header_bytes: sealed_bytes as u64 };
    let length = u32::try_from(sealed_bytes).map_err(|_| limit)?;
    if u64::from(length) > MAX_HEADER_BYTES {
        return Err(limit.into());
    }
    let mut out = Vec::with_capacity(sealed_bytes + TRAILER_BYTES as usize);
    key.seal_into(&header, &mut out)?;
    out.extend_from_slice(&length.to_le_bytes());
    Ok(out)
}

/// Where the sealed header lies, from the last four bytes of a pack of `size_bytes`.
///
/// # Errors
/// [`HeaderError`] if the length in them cannot be.
pub(crate) fn locate(trailer: [u8; 4], size_bytes: u64) -> Result<std::ops::Range<u64>, HeaderError> {
    let end = size_bytes.checked_sub(TRAILER_BYTES).ok_or(HeaderError::TooShort { size_bytes })?;
    let header_bytes = u64::from(u32::from_le_bytes(trailer));
    let shortest = OVERHEAD_BYTES as u64 + PLAIN_ENTRY_BYTES;
    if header_bytes < shortest || header_bytes > MAX_HEADER_BYTES || header_bytes > end {
        return Err(HeaderError::Length { header_bytes, size_bytes });
    }
    Ok(end - header_bytes..end)
}

/// Reads the header of a pack of `size_bytes` from its last bytes. `Ok(Err(n))` says that the last `n` bytes are needed.
///
/// # Errors
/// [`HeaderError`] if it is not a pack's.
pub fn open(tail: &[u8], size_bytes: u64, key: &Key) -> Result<Result<Vec<Entry>, u64>, HeaderError> {
    let trailer = tail.last_chunk().ok_or(HeaderError::TooShort { size_bytes })?;
    let range = locate(*trailer, size_bytes)?;
    let needed = size_bytes - range.start;
    let Some(from) = usize::try_from(needed).ok().and_then(|needed| tail.len().checked_sub(needed)) else {
        return Ok(Err(needed));
    };
    let sealed = tail.get(from..tail.len() - TRAILER_BYTES as usize).unwrap_or_default();
    let entries = decode(&key.open(sealed)?)?;
    let expected_bytes = self::size_bytes(&entries);
    if expected_bytes != size_bytes {
        return Err(HeaderError::Size { size_bytes, expected_bytes });
    }
    Ok(Ok(entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let one = (any::<[u8; 32]>(), any::<bool>(), 32..70_000_u32, 0..70_000_u32);
        prop::collection::vec(one, 1..40).prop_map(|list| {
            let mut offset = 0;
            let mut entries = Vec::new();
            for (id, tree, length, uncompressed) in list {
                let kind = if tree { Kind::Tree } else { Kind::Data };
                let uncompressed_length = NonZeroU32::new(uncompressed);
                entries.push(Entry { id: Id::from_bytes(id), kind, offset, length, uncompressed_length });
                offset += length;
            }
            entries
        })
    }

    fn tail(entries: &[Entry], key: &Key) -> Vec<u8> {
        seal(entries, key).unwrap()
    }

    proptest! {
        #[test]
        fn headers_round_trip_and_sizes_are_exact(entries in entries()) {
            let key = Key::generate().unwrap();
            prop_assert_eq!(&decode(&encode(&entries)).unwrap(), &entries);
            let tail = tail(&entries, &key);
            let blobs: u64 = entries.iter().map(|entry| u64::from(entry.length)).sum();
            let size = size_bytes(&entries);
            prop_assert_eq!(size, blobs + tail.len() as u64);
            prop_assert_eq!(open(&tail, size, &key).unwrap().unwrap(), entries);
            let needed = open(&tail[1..], size, &key).unwrap().unwrap_err();
            prop_assert_eq!(needed, tail.len() as u64, "says how much it needs");
            prop_assert!(matches!(open(&tail, size + 1, &key), Err(HeaderError::Size { .. })), "no byte is left over");
        }

        #[test]
        fn decoding_never_panics(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&noise);
            let _ = open(&noise, noise.len() as u64, &Key::generate().unwrap());
        }
    }

    #[test]
    fn entries_have_the_lengths_of_the_format() {
        let entry = Entry { id: Id::of(b""), kind: Kind::Data, offset: 0, length: 32, uncompressed_length: None };
        let compressed = Entry { uncompressed_length: NonZeroU32::new(1), ..entry };
        assert_eq!((entry_bytes(&entry), entry_bytes(&compressed)), (37, 41));
        assert_eq!(size_bytes(&[entry]), 32 + 37 + 36);
        assert_eq!((entry.plaintext_bytes(), compressed.plaintext_bytes()), (0, 1));
    }

    #[test]
    fn impossible_headers_are_named() {
        let key = Key::generate().unwrap();
        let id = [0; 32];
        let entry = |kind: u8, length: u32, rest: &[u8]| [&[kind][..], &length.to_le_bytes(), rest, &id].concat();
        assert_eq!(decode(&entry(4, 40, &[])), Err(HeaderError::Kind { entry: 0, kind: 4 }));
        assert_eq!(decode(&entry(0, 31, &[])), Err(HeaderError::EntryLength { entry: 0 }));
        assert_eq!(decode(&entry(2, 40, &[0; 4])), Err(HeaderError::EntryLength { entry: 0 }));
        assert_eq!(decode(&entry(0, 40, &[])[..36]), Err(HeaderError::CutOff { entry: 0 }));
        let overflow = [entry(0, u32::MAX, &[]), entry(0, 40, &[])].concat();
        assert_eq!(decode(&overflow), Err(HeaderError::EntryLength { entry: 1 }));
        assert_eq!(decode(&[]).unwrap(), []);

        assert_eq!(open(&[0; 3], 3, &key), Err(HeaderError::TooShort { size_bytes: 3 }));
        for length in [0_u32, 68, 101, 17 << 20, u32::MAX] {
            let mut tail = vec![0; 104];
            tail[100..].copy_from_slice(&length.to_le_bytes());
            assert!(matches!(open(&tail, 104, &key), Err(HeaderError::Length { .. })), "{length}");
        }
        let mut tail = tail(
            &[Entry { id: Id::of(b""), kind: Kind::Tree, offset: 0, length: 32, uncompressed_length: None }],
            &key,
        );
        tail[20] ^= 1;
        assert_eq!(open(&tail, 105, &key), Err(HeaderError::Open(OpenError::Tag)));
    }
}
