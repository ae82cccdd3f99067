//! Recovery points as a snapshot carries them: in its tags, so that stock restic shows them and keeps them.

use crate::{OperationId, PointId, word::words};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A capture of a wedding.
    Wedding,
    /// A capture of a whole database.
    Database,
    /// A capture of files.
    Files,
    /// The state saved before a restore. Listed only on request, never chosen as `latest` (safety rule S8).
    PreRecovery,
}

impl Kind {
    /// The word used in tags and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wedding => "wedding",
            Self::Database => "database",
            Self::Files => "files",
            Self::PreRecovery => "pre-recovery",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Wedding, Self::Database, Self::Files, Self::PreRecovery].into_iter().find(|kind| kind.name() == text)
    }
}

/// What Keepsake writes about a point into its snapshot's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// The point's own id.
    pub point: PointId,
    /// What was captured.
    pub kind: Kind,
    /// Something could not be read; the point is never green and never chosen by default (safety rule S13).
    pub incomplete: bool,
    /// For [`Kind::PreRecovery`]: the operation that this state undoes.
    pub operation: Option<OperationId>,
}

words! {
    /// What is thought of a point beside the ones before it (safety rule S14).
    Judgement {
        /// Nothing is strange about it.
        Clean = "clean",
        /// It looks like damage.
        Suspect = "suspect",
        /// It looked like damage, and a person found that it is none.
        Cleared = "cleared",
    }
}

/// A point as far as choosing and expiring need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: PointId,
    /// The state of the source at this time.
    pub captured_at: Timestamp,
    /// What was captured.
    pub kind: Kind,
    /// Something could not be read.
    pub incomplete: bool,
    /// It was read back from its first copy and is sound.
    pub verified: bool,
    /// What is thought of it.
    pub judgement: Judgement,
}

impl Listed {
    /// Whether it may be restored without asking: a whole capture that does not look like damage (S8, S13, S14).
    pub fn is_clean(&self) -> bool {
        self.is_capture() && !self.incomplete && self.judgement != Judgement::Suspect
    }

    /// Whether it is proven to be readable and whole.
    pub fn is_verified_capture(&self) -> bool {
        self.is_capture() && !self.incomplete && self.verified
    }

    /// Whether it is a state that was captured, not one that was saved before a restore (S8).
    pub fn is_capture(&self) -> bool {
        self.kind != Kind::PreRecovery
    }
}

const POINT: &str = "keepsake:point=";
const KIND: &str = "keepsake:kind=";
const OPERATION: &str = "keepsake:operation=";
const INCOMPLETE: &str = "keepsake:incomplete";

impl Tags {
    /// The tags as restic stores them: no commas, which restic's command line splits at.
    pub fn encode(&self) -> Vec<String> {
        let mut tags = vec![format!("{POINT}{}", self.point), format!("{KIND}{}", self.kind.name())];
        if let Some(operation) = self.operation {
            tags.push(format!("{OPERATION}{operation}"));
        }
        if self.incomplete {
            tags.push(INCOMPLETE.to_owned());
        }
        tags
    }

    /// Reads them back; `None` for a snapshot that Keepsake did not write.
    pub fn decode<S: AsRef<str>>(tags: &[S]) -> Option<Self> {
        let value = |prefix: &str| tags.iter().find_map(|tag| tag.as_ref().strip_prefix(prefix));
        Some(Self {
            point: value(POINT)?.parse().ok()?,
            kind: Kind::parse(value(KIND)?)?,
            incomplete: tags.iter().any(|tag| tag.as_ref() == INCOMPLETE),
            operation: value(OPERATION).and_then(|id| id.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn tags_survive_the_trip_through_a_snapshot() {
        for (kind, operation) in
            [(Kind::Wedding, None), (Kind::PreRecovery, Some(OperationId::from_uuid(Uuid::from_u128(9))))]
        {
            let tags = Tags { point: PointId::from_uuid(Uuid::from_u128(7)), kind, incomplete: true, operation };
            assert_eq!(Tags::decode(&tags.encode()), Some(tags));
        }
    }

    #[test]
    fn a_foreign_snapshot_is_not_ours() {
        assert_eq!(Tags::decode(&["nightly"]), None);
        assert_eq!(Tags::decode::<&str>(&[]), None);
    }

    #[test]
    fn no_tag_has_a_comma() {
        let tags = Tags {
            point: PointId::from_uuid(Uuid::from_u128(7)),
            kind: Kind::Files,
            incomplete: true,
            operation: None,
        };
        assert!(tags.encode().iter().all(|tag| !tag.contains(',')));
    }
}
