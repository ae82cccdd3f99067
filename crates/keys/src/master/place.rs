//! Where the master key is.

use crate::{Error, Result};
use std::{ffi::OsString, path::PathBuf};

/// Name of the key's file in Keepsake's home.
pub const FILE_NAME: &str = "master.key";

/// The master key's file: `KEEPSAKE_MASTER_KEY_FILE`, else `master.key` in [`home`]. An empty variable counts as unset.
///
/// `variable` looks up the environment, `|name| std::env::var_os(name)` outside tests.
///
/// # Errors
/// [`Error::NoHome`] if nothing says where.
pub fn place(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    match set(&variable, "KEEPSAKE_MASTER_KEY_FILE") {
        Some(file) => Ok(file),
        None => Ok(home(variable)?.join(FILE_NAME)),
    }
}

/// The folder of keys and settings: `KEEPSAKE_HOME`, else `keepsake` in `XDG_CONFIG_HOME`, else `.config/keepsake` in `HOME`.
///
/// # Errors
/// [`Error::NoHome`] if none of them is set.
pub fn home(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    set(&variable, "KEEPSAKE_HOME")
        .or_else(|| Some(set(&variable, "XDG_CONFIG_HOME")?.join("keepsake")))
        .or_else(|| Some(set(&variable, "HOME")?.join(".config/keepsake")))
        .ok_or(Error::NoHome)
}

fn set(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    variable(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(environment: &[(&str, &str)]) -> Option<String> {
        let lookup = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        place(lookup).ok().map(|path| path.display().to_string())
    }

    #[test]
    fn the_named_file_wins_over_the_home_folder() {
        let all =
            [("KEEPSAKE_MASTER_KEY_FILE", "/k"), ("KEEPSAKE_HOME", "/h"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/u")];
        assert_eq!(found(&all).unwrap(), "/k");
        assert_eq!(found(&all[1..]).unwrap(), "/h/master.key");
        assert_eq!(found(&all[2..]).unwrap(), "/x/keepsake/master.key");
        assert_eq!(found(&all[3..]).unwrap(), "/u/.config/keepsake/master.key");
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(found(&[("KEEPSAKE_MASTER_KEY_FILE", ""), ("KEEPSAKE_HOME", "/h")]).unwrap(), "/h/master.key");
    }
}
