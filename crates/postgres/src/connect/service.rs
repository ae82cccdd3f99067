//! libpq's service file: named sets of connection parameters.

use super::{Error, Result, parse::Parameters};
use std::{fs, path::PathBuf};

/// The parameters of a service, from the first of `files` that has it.
///
/// # Errors
/// [`Error::NoService`] if none has it, [`Error::File`] if one cannot be read, [`Error::Invalid`] if it is malformed.
pub(super) fn parameters(name: &str, files: &[PathBuf]) -> Result<Parameters> {
    for file in files {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::File { what: "service file", path: file.clone(), source }),
        };
        if let Some(found) = section(&text, name)? {
            return Ok(found);
        }
    }
    let looked_in = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    Err(Error::NoService { name: name.to_owned(), looked_in })
}

fn section(text: &str, name: &str) -> Result<Option<Parameters>> {
    let mut found: Option<Parameters> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            if header == name {
                found = Some(Parameters::new());
            }
        } else if let Some(parameters) = &mut found {
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| Error::invalid(format!("the service `{name}` has a line that is not key=value")))?;
            if key.trim() == "service" {
                return Err(Error::invalid(format!("the service `{name}` refers to another service")));
            }
            parameters.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_up_to_the_next_header() {
        let text = "[a]\nhost=x\n# note\n\n[b]\nhost = y\nport=6\n[c]\nhost=z\n";
        let pairs = section(text, "b").unwrap().unwrap();
        assert_eq!(pairs, [("host".to_owned(), "y".to_owned()), ("port".to_owned(), "6".to_owned())]);
        assert!(section(text, "d").unwrap().is_none());
        assert!(section("[a]\nservice=b", "a").is_err());
        let error = parameters("d", &[PathBuf::from("/nonexistent/pg_service.conf")]).unwrap_err();
        assert!(error.to_string().contains("/nonexistent"));
    }
}
