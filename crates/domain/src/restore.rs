//! What a restore may do to live rows, decided before it touches any.

pub use crate::word::UnknownWord;

use crate::Group;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// How far a restore goes in making live equal to the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Put back what is missing; leave everything that exists.
    #[default]
    Merge,
    /// Put back what is missing and set changed rows to what they were.
    Revert,
    /// As `revert`, and remove what did not exist at the capture.
    Exact,
}

/// What happens to a row whose restore would touch something that is not this wedding's alone (safety rule S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConflictRule {
    /// List it and leave the live row as it is.
    #[default]
    Leave,
    /// Take the row back into the wedding where the database allows it.
    Take,
    /// Refuse the whole restore.
    Fail,
}

/// Which part of the wedding is restored. Empty means all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(BTreeSet<Group>);

impl Scope {
    /// The whole wedding.
    pub fn whole() -> Self {
        Self::default()
    }

    /// Some groups only.
    pub fn groups(groups: impl IntoIterator<Item = Group>) -> Self {
        Self(groups.into_iter().collect())
    }

    /// Whether rows of `group` are restored.
    pub fn contains(&self, group: Group) -> bool {
        self.0.is_empty() || self.0.contains(&group)
    }

    /// Whether nothing was left out.
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// The groups named, none if the scope is whole.
    pub fn iter(&self) -> impl Iterator<Item = Group> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() {
            return f.write_str("the whole wedding");
        }
        let names: Vec<&str> = self.0.iter().map(|group| group.name()).collect();
        f.write_str(&names.join(", "))
    }
}

impl FromStr for Mode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "merge" => Ok(Self::Merge),
            "revert" => Ok(Self::Revert),
            "exact" => Ok(Self::Exact),
            _ => Err(UnknownWord::new(text, ["merge", "revert", "exact"])),
        }
    }
}

impl FromStr for ConflictRule {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "leave" => Ok(Self::Leave),
            "take" => Ok(Self::Take),
            "fail" => Ok(Self::Fail),
            _ => Err(UnknownWord::new(text, ["leave", "take", "fail"])),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merge => "merge",
            Self::Revert => "revert",
            Self::Exact => "exact",
        })
    }
}

impl fmt::Display for ConflictRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leave => "leave",
            Self::Take => "take",
            Self::Fail => "fail",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_scope_is_everything_and_a_named_one_is_not() {
        assert!(Scope::whole().contains(Group::Budget));
        let guests = Scope::groups([Group::Guests]);
        assert!(guests.contains(Group::Guests) && !guests.contains(Group::Photos));
        assert_eq!(guests.to_string(), "guests");
    }

    #[test]
    fn modes_and_rules_round_trip_and_refuse_other_words() {
        for mode in [Mode::Merge, Mode::Revert, Mode::Exact] {
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
        }
        for rule in [ConflictRule::Leave, ConflictRule::Take, ConflictRule::Fail] {
            assert_eq!(rule.to_string().parse::<ConflictRule>().unwrap(), rule);
        }
        assert!("overwrite".parse::<Mode>().unwrap_err().to_string().contains("merge, revert, exact"));
        assert!("ask".parse::<ConflictRule>().is_err());
    }
}
