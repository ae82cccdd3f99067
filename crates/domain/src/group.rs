//! Groups: the named parts of a wedding's data that a person can restore on their own.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A named set of a wedding's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The root row itself.
    Wedding,
    /// Guests, their answers, seats and meals.
    Guests,
    /// Events, schedules and tasks.
    Timeline,
    /// Booked vendors and their contacts.
    Vendors,
    /// Photos, albums and galleries.
    Photos,
    /// Contracts and other documents.
    Documents,
    /// Budget lines, payments and invoices.
    Budget,
    /// Everything else that the wedding owns.
    Other,
}

impl Group {
    /// Every group, in the order in which people read them.
    pub const ALL: [Self; 8] = [
        Self::Wedding,
        Self::Guests,
        Self::Timeline,
        Self::Vendors,
        Self::Photos,
        Self::Documents,
        Self::Budget,
        Self::Other,
    ];

    /// The word used in mappings, on the command line and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wedding => "wedding",
            Self::Guests => "guests",
            Self::Timeline => "timeline",
            Self::Vendors => "vendors",
            Self::Photos => "photos",
            Self::Documents => "documents",
            Self::Budget => "budget",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a group: use wedding, guests, timeline, vendors, photos, documents, budget or other")]
pub struct UnknownGroup(String);

impl FromStr for Group {
    type Err = UnknownGroup;

    fn from_str(text: &str) -> Result<Self, UnknownGroup> {
        Self::ALL
            .into_iter()
            .find(|group| group.name() == text)
            .ok_or_else(|| UnknownGroup(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_parses_back_from_its_name() {
        for group in Group::ALL {
            assert_eq!(group.name().parse::<Group>().unwrap(), group);
        }
        assert!("guest".parse::<Group>().is_err());
    }
}
