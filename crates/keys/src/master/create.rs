//! Creating a master key.

use crate::{
    Error, MasterKey, Result,
    secret::{KEY_BYTES, fill},
};
use rand::TryCryptoRng;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

impl MasterKey {
    /// Makes a new key and stores it at `path`, durable when it returns: mode 0600, never over an existing file, in
    /// folders that are made with mode 0700 where they are missing. The file holds 64 hexadecimal digits and a newline.
    ///
    /// It is written whole under another name and then linked to its own, so that a crash leaves a whole key or none.
    ///
    /// # Errors
    /// [`Error::MasterKeyExists`], [`Error::Random`], or [`Error::Io`] with the file or folder at fault.
    pub fn create(path: &Path, random: &mut impl TryCryptoRng) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(random, bytes.as_mut())?;
        let mut tag = [0; 6];
        fill(random, &mut tag)?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_folder(folder)?;
        let unfinished = folder.join(format!(".master-key-{}.tmp", hex::encode(tag)));
        let stored = write(&unfinished, &bytes).and_then(|()| link(&unfinished, path));
        // Gone also after a failure: it may hold the key. A failure to remove it must not hide the first one.
        let removed = fs::remove_file(&unfinished);
        stored?;
        removed.map_err(at("remove", &unfinished))?;
        sync_folder(folder)?;
        Ok(Self(*bytes))
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().filter(|path| !path.as_os_str().is_empty()).take_while(|path| !path.is_dir()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at("create the folder", folder))?;
    // A new folder is durable once its parent is.
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_folder(parent)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8; KEY_BYTES]) -> Result<()> {
    let line = Zeroizing::new(format!("{}\n", Zeroizing::new(hex::encode(bytes)).as_str()));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at("create", path))?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(at("write", path))
}

fn link(from: &Path, to: &Path) -> Result<()> {
    fs::hard_link(from, to).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::MasterKeyExists { path: to.to_owned() },
        _ => at("create", to)(source),
    })
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|open| open.sync_all()).map_err(at("make durable the folder", folder))
}

fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_key_is_private_whole_and_loads_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/master.key");
        let made = MasterKey::create(&path, &mut StdRng::seed_from_u64(1)).unwrap();
        assert_eq!(
            (mode(&path), mode(&folder.path().join("a")), mode(&folder.path().join("a/b"))),
            (0o600, 0o700, 0o700)
        );
        assert_eq!(fs::read_to_string(&path).unwrap().len(), 65);
        assert_eq!(MasterKey::load(&path).unwrap().id(), made.id());
        assert_eq!(fs::read_dir(folder.path().join("a/b")).unwrap().count(), 1, "no unfinished file stays");
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let first = MasterKey::create(&path, &mut StdRng::seed_from_u64(1)).unwrap();
        let again = MasterKey::create(&path, &mut StdRng::seed_from_u64(2));
        assert!(matches!(again, Err(Error::MasterKeyExists { .. })), "{again:?}");
        assert_eq!(MasterKey::load(&path).unwrap().id(), first.id());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no unfinished file stays");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error =
            MasterKey::create(&folder.path().join("file/master.key"), &mut StdRng::seed_from_u64(1)).unwrap_err();
        assert!(error.to_string().contains("create the folder"), "{error}");
    }
}
