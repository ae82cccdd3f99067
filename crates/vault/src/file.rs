//! Where the files of a vault lie, relative to its root.

use crate::id::Id;
use keepsake_store::Key;
use std::fmt;

/// A kind of file. All but the configuration are named by the SHA-256 of their stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `config`: one for each vault.
    Config,
    /// `keys/`: a password's wrapping of the master key.
    Key,
    /// `data/xx/`: blobs.
    Pack,
    /// `index/`: which blob lies where.
    Index,
    /// `snapshots/`: one for each recovery point.
    Snapshot,
    /// `locks/`: who is at work; only stock restic and shared targets have them (safety rule S18).
    Lock,
}

impl Kind {
    /// The kinds whose files are named by their digest.
    pub const NAMED: [Self; 5] = [Self::Key, Self::Pack, Self::Index, Self::Snapshot, Self::Lock];

    /// The first segment of the files' names.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Pack => "data",
            Self::Index => "index",
            Self::Snapshot => "snapshots",
            Self::Lock => "locks",
        }
    }

    /// The folder as a store's prefix.
    pub fn prefix(self) -> Key {
        key(self.folder().to_owned())
    }

    /// The object that holds the file `id`. The configuration has no id; whatever is given is ignored.
    pub fn key(self, id: &Id) -> Key {
        match self {
            Self::Config => self.prefix(),
            Self::Pack => {
                let name = id.to_string();
                key(format!("data/{}/{name}", name.get(..2).unwrap_or_default()))
            }
            _ => key(format!("{}/{id}", self.folder())),
        }
    }

    /// What an object of a vault is, by its name; `None` if it is none of ours.
    pub fn of(key: &Key) -> Option<(Self, Option<Id>)> {
        if key.as_str() == Self::Config.folder() {
            return Some((Self::Config, None));
        }
        let id: Id = key.file_name().parse().ok()?;
        Self::NAMED.into_iter().find(|kind| kind.key(&id) == *key).map(|kind| (kind, Some(id)))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "configuration",
            Self::Key => "key file",
            Self::Pack => "pack",
            Self::Index => "index file",
            Self::Snapshot => "snapshot",
            Self::Lock => "lock file",
        })
    }
}

fn key(text: String) -> Key {
    Key::parse(text).expect("folders and hexadecimal digits make a valid key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_back_by_its_name_and_nothing_else_is() {
        let id = Id::of(b"");
        for kind in Kind::NAMED {
            assert_eq!(Kind::of(&kind.key(&id)), Some((kind, Some(id))));
            assert!(kind.key(&id).strip_prefix(&kind.prefix()).is_some());
        }
        assert_eq!(Kind::Pack.key(&id).as_str(), format!("data/e3/{id}"));
        assert_eq!(Kind::of(&Kind::Config.key(&id)), Some((Kind::Config, None)));
        for foreign in ["README", "index/notes.txt", &format!("data/{id}"), &format!("data/e4/{id}"), &format!("{id}")]
        {
            assert_eq!(Kind::of(&Key::parse(foreign).unwrap()), None, "{foreign}");
        }
    }
}
