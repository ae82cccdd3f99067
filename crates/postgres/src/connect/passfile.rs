//! libpq's password file: `host:port:database:user:password` a line, `*` for any, backslash before `:` and `\`.

use super::{Error, Result};
use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path};
use zeroize::Zeroizing;

const LONGEST_BYTES: u64 = 1024 * 1024;

/// Reads a whole small text file that holds secrets; `None` if there is none.
///
/// # Errors
/// [`Error::Exposed`] if group or others may read it, [`Error::File`] if it cannot be read.
pub(super) fn read_secret(path: &Path, what: &'static str) -> Result<Option<Zeroizing<String>>> {
    let failed = |source| Error::File { what, path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        return Err(Error::Exposed { what, path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// The password of the first line that fits, as libpq chooses it.
pub(super) fn find(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<Zeroizing<String>> {
    let port = port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = fields(line).into_iter();
        for wanted in [host, &port, database, user] {
            let field = fields.next()?;
            if field.as_str() != wanted && field.as_str() != "*" {
                return None;
            }
        }
        fields.next().filter(|password| !password.is_empty())
    })
}

fn fields(line: &str) -> Vec<Zeroizing<String>> {
    let mut fields = vec![Zeroizing::new(String::new())];
    let mut chars = line.trim_end_matches('\r').chars();
    while let Some(char) = chars.next() {
        // The fifth field is the password: a colon in it needs no backslash, but may have one.
        let last = fields.len() == 5;
        match char {
            ':' if !last => fields.push(Zeroizing::new(String::new())),
            char => {
                let char = if char == '\\' { chars.next().unwrap_or('\\') } else { char };
                if let Some(field) = fields.last_mut() {
                    field.push(char);
                }
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_wins() {
        let text = "# comment\nother:5432:db:u:no\n*:5432:db:u:pa\\:ss\\\\word\n*:*:*:*:last\n";
        assert_eq!(find(text, "h", 5432, "db", "u").unwrap().as_str(), "pa:ss\\word");
        assert_eq!(find(text, "h", 5433, "db", "u").unwrap().as_str(), "last");
        assert!(find("h:1:d:u\n\n", "h", 1, "d", "u").is_none());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass");
        fs::write(&path, "*:*:*:*:p").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&path, "password file").unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_secret(&path, "password file").unwrap().unwrap().as_str(), "*:*:*:*:p");
        assert!(read_secret(&folder.path().join("none"), "password file").unwrap().is_none());
    }
}
