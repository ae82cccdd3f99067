//! The files `~/.aws/credentials` and `~/.aws/config`: sections of `name = value`, as far as keys and regions go.

use crate::{Error, Result};
use std::{collections::BTreeMap, fs, io::Read, path::Path};

/// A longer file is no such file.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// The values of one section. Never printed.
pub(super) type Section = BTreeMap<String, String>;

/// The section of `profile`, or `None` if the file or the section is not there.
///
/// # Errors
/// [`Error::Invalid`] if the file is there and cannot be read.
pub(super) fn read(path: &Path, profile: &str) -> Result<Option<Section>> {
    let invalid = |what: String| Error::Invalid { reason: format!("the file {} {what}", path.display()) };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(invalid(format!("cannot be read: {error}"))),
    };
    let mut text = String::new();
    let read = file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| invalid(format!("cannot be read: {error}")))?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(invalid("is too long for a file of profiles".to_owned()));
    }
    Ok(section(&text, profile))
}

/// The values of `[profile]` or `[profile profile]` in `text`.
fn section(text: &str, profile: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = header.trim();
            let name = name.strip_prefix("profile ").map_or(name, str::trim);
            inside = name == profile;
            if inside {
                found.get_or_insert_default();
            }
            continue;
        }
        if let (true, Some(values), Some((name, value))) = (inside, &mut found, line.split_once('=')) {
            values.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment\n[default]\naws_access_key_id=A\naws_secret_access_key = S=1/+\n\n[profile backup]\n; more\nRegion = eu-1\n[other]\nregion=x\n[backup]\naws_session_token = T\n";

    #[test]
    fn sections_are_found_by_either_name_and_joined() {
        let default = section(FILE, "default").unwrap();
        assert_eq!(default["aws_secret_access_key"], "S=1/+");
        let backup = section(FILE, "backup").unwrap();
        assert_eq!((backup["region"].as_str(), backup["aws_session_token"].as_str()), ("eu-1", "T"));
        assert_eq!(section(FILE, "none"), None);
    }

    #[test]
    fn a_missing_file_is_no_profile_and_an_unreadable_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("none"), "default").unwrap(), None);
        let binary = folder.path().join("binary");
        fs::write(&binary, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&binary, "default"), Err(Error::Invalid { .. })));
        let long = folder.path().join("long");
        fs::write(&long, vec![b'a'; (1 << 20) + 1]).unwrap();
        assert!(read(&long, "default").unwrap_err().to_string().contains("too long"));
    }
}
