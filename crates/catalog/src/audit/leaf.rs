//! What of a row is hashed into the tree.

use crate::{Error, Result};
use jiff::Timestamp;
use keepsake_domain::{OrganisationId, RequestId};
use serde::Serialize;
use uuid::Uuid;

/// The columns of a row that its leaf holds, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row<'a> {
    /// What was done.
    pub action: &'a str,
    /// The person or token.
    #[serde(rename = "actor_id")]
    pub actor: Option<Uuid>,
    /// `user`, `token`, `worker`, `system`.
    pub actor_kind: &'a str,
    /// When, to the microsecond.
    pub at: Timestamp,
    /// Its id.
    pub id: Uuid,
    /// Whose log.
    #[serde(rename = "organisation_id")]
    pub organisation: OrganisationId,
    /// What came of it.
    pub outcome: &'a str,
    /// The request.
    #[serde(rename = "request_id")]
    pub request: RequestId,
    /// Which part of the act.
    pub stage: &'a str,
    /// On what.
    pub subject: &'a str,
}

impl Row<'_> {
    /// The row as canonical JSON (RFC 8785): keys sorted, no spaces. For objects of strings and nulls that is what `serde_json`
    /// writes, given fields in the order of their names.
    pub fn leaf(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and nulls can always be written")
    }
}

/// The time as a column keeps it.
pub(super) fn microseconds(at: Timestamp) -> Result<Timestamp> {
    Timestamp::from_microsecond(at.as_microsecond()).map_err(|_| Error::row("time of an act"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_canonical_json() {
        let row = Row {
            action: "execution.start",
            actor: None,
            actor_kind: "system",
            at: microseconds("2026-06-06T12:00:00.123456789Z".parse().unwrap()).unwrap(),
            id: Uuid::from_u128(1),
            organisation: OrganisationId::from_uuid(Uuid::from_u128(2)),
            outcome: "done",
            request: RequestId::from_uuid(Uuid::from_u128(3)),
            stage: "outcome",
            subject: "ä \"quoted\" \\ /\u{1f}\n\u{7f}",
        };
        let expected = concat!(
            r#"{"action":"execution.start","actor_id":null,"actor_kind":"system","at":"2026-06-06T12:00:00.123456Z","#,
            r#""id":"00000000-0000-0000-0000-000000000001","organisation_id":"00000000-0000-0000-0000-000000000002","#,
            r#""outcome":"done","request_id":"00000000-0000-0000-0000-000000000003","stage":"outcome","#,
            r#""subject":"ä \"quoted\" \\ /\u001f\n"#,
            "\u{7f}\"}"
        );
        assert_eq!(String::from_utf8(row.leaf()).unwrap(), expected);
    }
}
