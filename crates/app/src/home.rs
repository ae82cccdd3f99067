//! The folder of an installation: master key, journal, spool of operations under way.

use crate::error::{Code, Error, Result};
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Where an installation keeps what is its own.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
    master_key: PathBuf,
}

impl Home {
    /// The folder named, else where [`keepsake_keys::master`] says: `KEEPSAKE_HOME`, else `keepsake` in the user's
    /// configuration folder. The key file is `KEEPSAKE_MASTER_KEY_FILE`, or lies in the folder.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] if no home can be told.
    pub fn resolve(named: Option<&Path>, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self> {
        let env = |name: &str| match (name, named) {
            ("KEEPSAKE_HOME", Some(folder)) => Some(folder.as_os_str().to_owned()),
            _ => env(name),
        };
        let unknown = |error| Error::because(Code::HomeFailed, "no folder for this installation is known", error);
        let folder = keepsake_keys::master::home(env).map_err(unknown)?;
        let master_key = keepsake_keys::master::place(env).map_err(unknown)?;
        let absolute = |path: PathBuf| {
            std::path::absolute(&path)
                .map_err(|error| Error::because(Code::HomeFailed, format!("cannot use {}", path.display()), error))
        };
        Ok(Self { folder: absolute(folder)?, master_key: absolute(master_key)? })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of the master key.
    pub fn master_key(&self) -> &Path {
        &self.master_key
    }

    /// The journal of acts.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    /// The folder in which one operation keeps what must survive its death.
    pub fn spool(&self, operation: &str) -> PathBuf {
        self.folder.join("spool").join(operation)
    }

    /// Makes the folder, for its owner only.
    ///
    /// # Errors
    /// [`Code::HomeFailed`] by cause.
    pub fn create(&self) -> Result<()> {
        private_folder(&self.folder)
    }
}

/// Makes a folder and those above it; nobody but the owner of the last can list it or write to it. That others may pass through it, as
/// the user of a PostgreSQL below it must, stays as it is.
pub(crate) fn private_folder(folder: &Path) -> Result<()> {
    let failed = |error| Error::because(Code::HomeFailed, format!("cannot create {}", folder.display()), error);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mode = fs::metadata(folder).map_err(failed)?.permissions().mode();
    match mode & OTHERS_READ_OR_WRITE {
        0 => Ok(()),
        _ => fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed),
    }
}

const OTHERS_READ_OR_WRITE: u32 = 0o066;

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn others_neither_list_nor_write_and_may_pass_only_where_they_could() {
        let above = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for (before, after) in [(0o755, 0o700), (0o770, 0o700), (0o711, 0o711), (0o700, 0o700)] {
            let folder = above.path().join(format!("{before:o}"));
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(before)).unwrap();
            private_folder(&folder).unwrap();
            assert_eq!(mode(&folder), after);
        }
        let new = above.path().join("new/deep");
        private_folder(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn the_folder_named_wins_over_the_environment() {
        let pairs = [("KEEPSAKE_HOME", "/srv/b"), ("HOME", "/home/x")];
        let home = Home::resolve(Some(Path::new("/srv/a")), &env(&pairs)).unwrap();
        assert_eq!(home.master_key(), Path::new("/srv/a/master.key"));
        let home = Home::resolve(None, &env(&pairs)).unwrap();
        assert_eq!(home.folder(), Path::new("/srv/b"));
        let home = Home::resolve(None, &env(&pairs[1..])).unwrap();
        assert_eq!(home.folder(), Path::new("/home/x/.config/keepsake"));
        assert!(Home::resolve(None, &env(&[])).is_err());
    }

    #[test]
    fn the_key_file_may_lie_elsewhere() {
        let pairs = [("KEEPSAKE_HOME", "/srv/b"), ("KEEPSAKE_MASTER_KEY_FILE", "/run/secrets/key")];
        assert_eq!(Home::resolve(None, &env(&pairs)).unwrap().master_key(), Path::new("/run/secrets/key"));
    }
}
