//! Settings with secrets in them are named by where they are kept: a command line would show them to every user of the machine.

use crate::error::{Code, Error, Result};
use std::{ffi::OsString, fs};

/// What is kept at `env:NAME` or `file:PATH`, without white space around it. `what` says what it is to be, with its article.
///
/// # Errors
/// `code`; what was found is never repeated.
pub(crate) fn read(spec: &str, what: &str, code: Code, env: &dyn Fn(&str) -> Option<OsString>) -> Result<String> {
    let wrong = |message: &str| Error::new(code, message);
    let text = if let Some(name) = spec.strip_prefix("env:") {
        let value = env(name).and_then(|value| value.into_string().ok());
        value.ok_or_else(|| wrong(&format!("the variable {name}, which should hold {what}, is not set")))?
    } else if let Some(path) = spec.strip_prefix("file:") {
        let failed = |error| Error::because(code, format!("cannot read {what} from {path}"), error);
        fs::read_to_string(path).map_err(failed)?
    } else {
        return Err(wrong(&format!("name a variable (env:NAME) or a file (file:PATH) that holds {what}")));
    };
    Ok(text.trim().to_owned())
}
