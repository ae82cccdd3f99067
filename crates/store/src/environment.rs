//! The environment as a value, so that tests need not change the process's own, and so that nothing prints it.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// The variables that storage cares for: `AWS_*` and `HOME`.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// What this process was started with.
    pub fn from_process() -> Self {
        let known = |name: &str| name == "HOME" || name.starts_with("AWS_");
        let text =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(text.filter(|(name, _)| known(name)).collect())
    }

    /// Given variables only.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A path: the variable if set, else `below_home` in the home folder, if there is one.
    pub(crate) fn path(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).or_else(|| Some(PathBuf::from(self.get("HOME")?).join(below_home)))
    }
}

/// Names only: values are secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
