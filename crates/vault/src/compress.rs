//! zstd, with every output bounded.
//!
//! Blobs are compressed one by one, or stored raw where that is no gain; the index and the pack header say which. The
//! other sealed files are a JSON document, either plain or as the byte 2 followed by its zstd frame.

use std::{io::Read as _, num::NonZeroU32};
use zstd::bulk;

/// Largest plaintext of a blob that is read. Data chunks of restic and of Keepsake have at most 8 MiB; the listing of a
/// folder with a million names has some 400 MiB.
pub const MAX_BLOB_BYTES: u32 = 512 * 1024 * 1024;
/// Largest plaintext of an index file, snapshot or lock that is read; restic aims at 8 MiB.
pub const MAX_DOCUMENT_BYTES: u64 = 256 * 1024 * 1024;
/// The level used unless another is asked for.
pub const DEFAULT_LEVEL: i32 = 1;
/// First byte of a compressed document.
const DOCUMENT_ZSTD: u8 = 2;

/// Data that cannot be compressed or decompressed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// zstd refused it.
    #[error("zstd refused it")]
    Zstd(#[source] std::io::Error),
    /// The output is larger than promised or allowed.
    #[error("it inflates to more than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The output has another length than promised.
    #[error("it inflates to {actual_bytes} bytes where {expected_bytes} were promised")]
    Length {
        /// Bytes that came out.
        actual_bytes: u64,
        /// Bytes promised.
        expected_bytes: u64,
    },
    /// A document starts with neither a JSON bracket nor the mark of zstd.
    #[error("its encoding {first_byte} is unknown: use a newer program")]
    Encoding {
        /// The first byte.
        first_byte: u8,
    },
}

/// Compresses blobs. Holds zstd's tables, so keep one for each thread.
pub struct Compressor(bulk::Compressor<'static>);

impl Compressor {
    /// A compressor for zstd's `level`, 1 to 22.
    ///
    /// # Errors
    /// [`Error::Zstd`] if the level is refused.
    pub fn new(level: i32) -> Result<Self, Error> {
        let mut inner = bulk::Compressor::new(level).map_err(Error::Zstd)?;
        // Blobs have an id and a tag; a third checksum only costs time.
        inner.include_checksum(false).map_err(Error::Zstd)?;
        Ok(Self(inner))
    }

    /// Appends the compressed form of `plaintext` to `out` if it is smaller than `plaintext`; returns whether it was.
    ///
    /// # Errors
    /// [`Error::Zstd`] if zstd fails.
    pub fn append(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        let start = out.len();
        out.resize(start + zstd::zstd_safe::compress_bound(plaintext.len()), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let compressed = self.0.compress_to_buffer(plaintext, room);
        let smaller = matches!(compressed, Ok(len_bytes) if len_bytes < plaintext.len());
        out.truncate(start + if smaller { *compressed.as_ref().unwrap_or(&0) } else { 0 });
        compressed.map_err(Error::Zstd)?;
        Ok(smaller)
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressor")
    }
}

/// Decompresses blobs. Holds zstd's tables, so keep one for each thread.
pub struct Decompressor(bulk::Decompressor<'static>);

impl Decompressor {
    /// A decompressor.
    ///
    /// # Errors
    /// [`Error::Zstd`] if there is no memory for it.
    pub fn new() -> Result<Self, Error> {
        bulk::Decompressor::new().map(Self).map_err(Error::Zstd)
    }

    /// Inflates a blob to exactly the length that its header promises, in place of what is in `out`.
    ///
    /// # Errors
    /// [`Error`] if the promise is beyond [`MAX_BLOB_BYTES`], or is not kept.
    pub fn inflate(&mut self, compressed: &[u8], promised: NonZeroU32, out: &mut Vec<u8>) -> Result<(), Error> {
        if promised.get() > MAX_BLOB_BYTES {
            return Err(Error::TooLarge { limit_bytes: MAX_BLOB_BYTES.into() });
        }
        let promised_bytes = promised.get() as usize;
        out.clear();
        out.reserve_exact(promised_bytes);
        self.0.decompress_to_buffer(compressed, out).map_err(Error::Zstd)?;
        if out.len() != promised_bytes {
            return Err(Error::Length { actual_bytes: out.len() as u64, expected_bytes: promised.get().into() });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decompressor")
    }
}

/// The form in which a JSON document is sealed: the mark, then zstd.
///
/// # Errors
/// [`Error::Zstd`] if zstd fails.
pub fn encode_document(json: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = vec![DOCUMENT_ZSTD];
    out.append(&mut bulk::compress(json, DEFAULT_LEVEL).map_err(Error::Zstd)?);
    Ok(out)
}

/// The JSON document in an opened file: plain as restic's version 1 has it, or compressed.
///
/// # Errors
/// [`Error`] if it has another encoding, does not inflate, or is larger than [`MAX_DOCUMENT_BYTES`].
pub fn decode_document(plain: Vec<u8>) -> Result<Vec<u8>, Error> {
    match plain.split_first() {
        None | Some((b'{' | b'[', _)) => Ok(plain),
        Some((&DOCUMENT_ZSTD, frame)) => {
            let mut json = Vec::new();
            let decoder = zstd::stream::read::Decoder::new(frame).map_err(Error::Zstd)?;
            decoder.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut json).map_err(Error::Zstd)?;
            if json.len() as u64 > MAX_DOCUMENT_BYTES {
                return Err(Error::TooLarge { limit_bytes: MAX_DOCUMENT_BYTES });
            }
            Ok(json)
        }
        Some((&first_byte, _)) => Err(Error::Encoding { first_byte }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_shrink_is_not_taken() {
        let mut compressor = Compressor::new(DEFAULT_LEVEL).unwrap();
        let mut out = b"before".to_vec();
        let noise: Vec<u8> = (0..1000_u32).map(|n| crate::id::Id::of(&n.to_le_bytes()).as_bytes()[0]).collect();
        assert!(!compressor.append(&noise, &mut out).unwrap());
        assert_eq!(out, b"before");
        assert!(compressor.append(&[7; 1000], &mut out).unwrap());
        assert!(out.starts_with(b"before") && out.len() < 100);
    }

    #[test]
    fn a_bomb_is_stopped_at_the_promise() {
        let mut compressed = Vec::new();
        Compressor::new(DEFAULT_LEVEL).unwrap().append(&vec![0; 10 << 20], &mut compressed).unwrap();
        let mut decompressor = Decompressor::new().unwrap();
        let mut out = Vec::new();
        let promise = |n| NonZeroU32::new(n).unwrap();
        assert!(matches!(decompressor.inflate(&compressed, promise(100), &mut out), Err(Error::Zstd(_))));
        assert!(out.capacity() < 1000);
        assert!(matches!(
            decompressor.inflate(&compressed, promise((10 << 20) + 1), &mut out),
            Err(Error::Length { actual_bytes: 10_485_760, .. })
        ));
        assert!(matches!(decompressor.inflate(&compressed, promise(u32::MAX), &mut out), Err(Error::TooLarge { .. })));
        decompressor.inflate(&compressed, promise(10 << 20), &mut out).unwrap();
        assert_eq!(out.len(), 10 << 20);
    }

    #[test]
    fn a_document_bomb_is_stopped() {
        let mut frame =
            zstd::stream::read::Encoder::new(std::io::repeat(b' ').take(MAX_DOCUMENT_BYTES + 10), 1).unwrap();
        let mut bomb = vec![DOCUMENT_ZSTD];
        frame.read_to_end(&mut bomb).unwrap();
        assert!(bomb.len() < 1 << 20);
        assert!(matches!(decode_document(bomb), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn documents_are_read_in_both_forms_and_an_unknown_one_is_named() {
        for plain in ["", "{}", "[]"] {
            assert_eq!(decode_document(plain.into()).unwrap(), plain.as_bytes());
        }
        assert!(matches!(decode_document(vec![9, 9]), Err(Error::Encoding { first_byte: 9 })));
        assert!(matches!(decode_document(vec![2, 9, 9]), Err(Error::Zstd(_))));
    }

    proptest! {
        #[test]
        fn both_round_trip(plaintext in prop::collection::vec(0..4_u8, 0..3000)) {
            prop_assert_eq!(&decode_document(encode_document(&plaintext).unwrap()).unwrap(), &plaintext);
            let mut compressed = Vec::new();
            if Compressor::new(3).unwrap().append(&plaintext, &mut compressed).unwrap() {
                let mut out = Vec::new();
                let promised = NonZeroU32::new(u32::try_from(plaintext.len()).unwrap()).unwrap();
                Decompressor::new().unwrap().inflate(&compressed, promised, &mut out).unwrap();
                prop_assert_eq!(out, plaintext);
            }
        }
    }
}
