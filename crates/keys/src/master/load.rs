//! Loading a master key.

use crate::{Error, MasterKey, Result, secret::KEY_BYTES};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// Larger files are no keys and are not read.
const MAX_FILE_BYTES: u64 = 1024;

const MALFORMED: &str = "expected 32 bytes as 64 hexadecimal digits or in base64 (44 characters), and nothing else";

impl MasterKey {
    /// Reads the key at `path`, in hex or standard base64, with white space around it.
    ///
    /// # Errors
    /// [`Error::NoMasterKey`], [`Error::MasterKeyOpenToOthers`] (before anything is read) with the `chmod` that closes
    /// it, [`Error::MasterKeyMalformed`], or [`Error::Io`].
    pub fn load(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let malformed = |reason| Error::MasterKeyMalformed { path: path.to_owned(), reason };
        let file = open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NoMasterKey { path: path.to_owned() },
            _ => io(source),
        })?;
        // Asked of the open file, so that it cannot be exchanged in between.
        let meta = file.metadata().map_err(io)?;
        if !meta.is_file() {
            return Err(malformed("it is no ordinary file"));
        }
        let mode = meta.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Error::MasterKeyOpenToOthers { path: path.to_owned(), mode });
        }
        if meta.len() > MAX_FILE_BYTES {
            return Err(malformed(MALFORMED));
        }
        // Room for all of it, so that growing leaves no copies behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_BYTES as usize));
        match file.take(MAX_FILE_BYTES).read_to_string(&mut text) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(malformed(MALFORMED)),
            Err(error) => return Err(io(error)),
        }
        let bytes = decode(text.trim()).ok_or_else(|| malformed(MALFORMED))?;
        if *bytes == [0; KEY_BYTES] {
            return Err(malformed("all its bytes are zero"));
        }
        Ok(Self(*bytes))
    }
}

/// Opens without waiting for a writer, should the path be a pipe.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    match text.len() {
        64 => hex::decode_to_slice(text, bytes.as_mut()).ok()?,
        44 => {
            let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
            *bytes = decoded.as_slice().try_into().ok()?;
        }
        _ => return None,
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn key_file(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn hex_and_base64_name_the_same_key() {
        let bytes = [7_u8; 32];
        for text in [hex::encode(bytes), hex::encode_upper(bytes) + "\r\n", format!(" {}\n", STANDARD.encode(bytes))] {
            assert_eq!(
                MasterKey::load(key_file(text.as_bytes(), 0o600).path()).unwrap().id(),
                MasterKey::fixed(7).id()
            );
        }
    }

    #[test]
    fn a_key_that_others_may_read_or_change_is_refused_with_the_remedy() {
        for mode in [0o604, 0o640, 0o620, 0o601, 0o644, 0o666] {
            let file = key_file(hex::encode([7; 32]).as_bytes(), mode);
            let error = MasterKey::load(file.path()).unwrap_err();
            assert!(matches!(error, Error::MasterKeyOpenToOthers { .. }), "{mode:o}: {error}");
            let remedy = format!("chmod 600 {}", file.path().display());
            assert!(
                error.to_string().contains(&remedy) && error.to_string().contains(&format!("{mode:04o}")),
                "{error}"
            );
        }
        for mode in [0o600, 0o400] {
            MasterKey::load(key_file(hex::encode([7; 32]).as_bytes(), mode).path()).unwrap();
        }
    }

    #[test]
    fn a_link_is_judged_by_the_file_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let open = key_file(hex::encode([7; 32]).as_bytes(), 0o644);
        symlink(open.path(), folder.path().join("link")).unwrap();
        assert!(matches!(MasterKey::load(&folder.path().join("link")), Err(Error::MasterKeyOpenToOthers { .. })));
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let short = hex::encode([7; 31]);
        let long = hex::encode([7; 33]);
        let no_hex = "x".repeat(64);
        let huge = "0".repeat(4096);
        let cases: [&[u8]; 9] = [
            b"",
            b"\n",
            b"secret",
            short.as_bytes(),
            long.as_bytes(),
            no_hex.as_bytes(),
            huge.as_bytes(),
            &[0xff; 64],
            &[b'0'; 64],
        ];
        for content in cases {
            let error = MasterKey::load(key_file(content, 0o600).path()).unwrap_err();
            assert!(matches!(error, Error::MasterKeyMalformed { .. }), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_missing_key_and_a_folder_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = MasterKey::load(&folder.path().join("none")).unwrap_err();
        assert!(
            matches!(missing, Error::NoMasterKey { .. }) && missing.to_string().contains("keepsake init"),
            "{missing}"
        );
        assert!(matches!(MasterKey::load(folder.path()), Err(Error::MasterKeyMalformed { .. })));
    }
}
