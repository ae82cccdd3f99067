//! One blob, from its sealed form to a plaintext that is proven to be the one its id promises, and back.

use crate::{
    compress::{Compressor, Decompressor},
    crypto::Key,
    error::{Damage, Error},
    id::Id,
    pack::Entry,
};
use std::num::NonZeroU32;

/// Opens a sealed blob: authenticates, decrypts in place, inflates into `scratch` if it is compressed, and compares length
/// and SHA-256 with what `entry` promises. The answer lies in `sealed` or in `scratch`.
///
/// # Errors
/// [`Damage`] if anything differs.
pub fn open<'a>(
    key: &Key,
    entry: &Entry,
    sealed: &'a mut [u8],
    decompressor: &mut Decompressor,
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], Damage> {
    if sealed.len() as u64 != u64::from(entry.length) {
        return Err(Damage::Truncated { actual_bytes: sealed.len() as u64, expected_bytes: entry.length.into() });
    }
    let stored: &'a [u8] = key.open_in_place(sealed)?;
    let plaintext = match entry.uncompressed_length {
        None => stored,
        Some(promised) => {
            decompressor.inflate(stored, promised, scratch)?;
            scratch.as_slice()
        }
    };
    let actual = Id::of(plaintext);
    if actual == entry.id { Ok(plaintext) } else { Err(Damage::Content { actual }) }
}

/// Seals a blob, compressed if a compressor is given and that is a gain. Returns the sealed bytes and what the pack's
/// header must say.
///
/// # Errors
/// [`Error::Seal`] or [`Error::Compress`].
pub fn seal(
    key: &Key,
    plaintext: &[u8],
    compressor: Option<&mut Compressor>,
) -> Result<(Vec<u8>, Option<NonZeroU32>), Error> {
    let mut buffer = vec![0; crate::crypto::IV_BYTES];
    let compressed = match compressor {
        Some(compressor) => compressor.append(plaintext, &mut buffer).map_err(Error::Compress)?,
        None => false,
    };
    if !compressed {
        buffer.clear();
        key.seal_into(plaintext, &mut buffer)?;
        return Ok((buffer, None));
    }
    key.seal_in_place(&mut buffer)?;
    Ok((buffer, u32::try_from(plaintext.len()).ok().and_then(NonZeroU32::new)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Kind;

    #[test]
    fn blobs_round_trip_and_a_broken_promise_is_named() {
        let key = Key::generate().unwrap();
        let mut compressor = Compressor::new(1).unwrap();
        let mut decompressor = Decompressor::new().unwrap();
        let plaintext = b"guest ".repeat(100);
        for compressor in [None, Some(&mut compressor)] {
            let compress = compressor.is_some();
            let (sealed, uncompressed_length) = seal(&key, &plaintext, compressor).unwrap();
            assert_eq!(uncompressed_length.is_some(), compress);
            let length = u32::try_from(sealed.len()).unwrap();
            let entry = Entry { id: Id::of(&plaintext), kind: Kind::Data, offset: 0, length, uncompressed_length };
            let mut check = |entry: &Entry, mut sealed: Vec<u8>| {
                let mut scratch = Vec::new();
                open(&key, entry, &mut sealed, &mut decompressor, &mut scratch).map(<[u8]>::to_vec)
            };
            assert_eq!(check(&entry, sealed.clone()).unwrap(), plaintext);
            let other = Entry { id: Id::of(b""), ..entry };
            assert!(matches!(check(&other, sealed.clone()), Err(Damage::Content { .. })));
            assert!(matches!(check(&entry, sealed[1..].to_vec()), Err(Damage::Truncated { .. })));
            let mut flipped = sealed;
            flipped[40] ^= 1;
            assert!(matches!(check(&entry, flipped), Err(Damage::Open(_))));
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored_as_it_is() {
        let key = Key::generate().unwrap();
        let mut compressor = Compressor::new(1).unwrap();
        for plaintext in [b"".as_slice(), b"x"] {
            let (sealed, uncompressed_length) = seal(&key, plaintext, Some(&mut compressor)).unwrap();
            assert_eq!((key.open(&sealed).unwrap().as_slice(), uncompressed_length), (plaintext, None));
        }
    }
}
