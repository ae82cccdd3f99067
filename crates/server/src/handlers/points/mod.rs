//! Recovery points as the catalog lists them.

pub mod get;
pub mod list;

use crate::words::Same as _;
use keepsake_api::points::{PointIntegrity, RecoveryPoint, RecoveryPointDetail, SuspectReason};
use keepsake_app::service::rows::Point;
use keepsake_domain::suspect::Finding;
use serde::Deserialize;
use std::collections::BTreeMap;

fn shown(point: Point) -> RecoveryPoint {
    let reason = |finding: Finding| SuspectReason {
        reason: finding.reason.name().to_owned(),
        group: finding.group.map(|group| group.to_string()),
        message: finding.message,
    };
    RecoveryPoint {
        id: *point.id.as_uuid(),
        organisation_id: *point.organisation.as_uuid(),
        kind: point.kind.same(),
        source_id: point.source.map(|id| *id.as_uuid()),
        wedding_id: point.wedding.map(|id| *id.as_uuid()),
        vault_id: *point.vault.as_uuid(),
        target_id: *point.target.as_uuid(),
        execution_id: point.execution.map(|id| *id.as_uuid()),
        operation_id: point.operation.map(|id| *id.as_uuid()),
        captured_at: point.captured_at,
        confirmed_at: point.confirmed_at,
        incomplete: point.incomplete,
        suspect: !point.suspect.is_empty(),
        suspect_reasons: point.suspect.into_iter().map(reason).collect(),
        verified_at: point.verified_at,
        verification: point.verification,
        integrity_score: point.integrity_score,
        raw_bytes: point.raw_bytes,
        stored_bytes: point.stored_bytes,
        retention_class: point.retention_class.same(),
        keep_until: point.keep_until,
    }
}

/// What the catalog keeps of a capture, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Summary {
    groups: BTreeMap<String, Group>,
    files_found: Option<u64>,
    integrity: Option<PointIntegrity>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rows: u64,
}

/// Rows by group, as a capture's summary has them.
pub(super) fn rows_of(summary: serde_json::Value) -> BTreeMap<String, u64> {
    let summary = Summary::deserialize(summary).unwrap_or_default();
    summary.groups.into_iter().map(|(group, found)| (group, found.rows)).collect()
}

/// How whole the data were, as a capture's summary has it.
pub(super) fn integrity_of(summary: serde_json::Value) -> Option<PointIntegrity> {
    Summary::deserialize(summary).unwrap_or_default().integrity
}

fn shown_whole(mut point: Point) -> RecoveryPointDetail {
    let summary = Summary::deserialize(point.summary.take()).unwrap_or_default();
    RecoveryPointDetail {
        point: shown(point),
        rows: summary.groups.into_iter().map(|(group, found)| (group, found.rows)).collect(),
        files: summary.files_found,
        integrity: summary.integrity,
    }
}
