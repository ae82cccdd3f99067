//! The calls of the port as values, for rules and counters that speak of them.

use std::fmt;

/// One call of [`Store`](crate::Store).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// [`Store::put`](crate::Store::put).
    Put,
    /// [`Store::get`](crate::Store::get).
    Get,
    /// [`Store::get_range`](crate::Store::get_range).
    GetRange,
    /// [`Store::get_stream`](crate::Store::get_stream).
    GetStream,
    /// [`Store::head`](crate::Store::head).
    Head,
    /// [`Store::list`](crate::Store::list).
    List,
    /// [`Store::list_folders`](crate::Store::list_folders).
    ListFolders,
    /// [`Store::delete`](crate::Store::delete).
    Delete,
}

impl Operation {
    /// Every operation, in the order of the trait.
    pub const ALL: [Self; 8] = [
        Self::Put,
        Self::Get,
        Self::GetRange,
        Self::GetStream,
        Self::Head,
        Self::List,
        Self::ListFolders,
        Self::Delete,
    ];

    /// The word used in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::GetRange => "get_range",
            Self::GetStream => "get_stream",
            Self::Head => "head",
            Self::List => "list",
            Self::ListFolders => "list_folders",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
