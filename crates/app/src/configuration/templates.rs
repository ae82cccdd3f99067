//! Templates: usual configurations, ready to be made.

use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    executions,
    sources::{self, Kind},
    targets,
};
use keepsake_domain::{
    Criticality, Frequency, SourceId, TargetId,
    configuration::{BackupType, Draft, Scope, StorageTarget},
    permission::{Action, Relation},
    schedule::Schedule,
};

/// A usual configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Which.
    pub id: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What to make, for the source and the target that were asked for. Without either it lacks them.
    pub draft: Draft,
}

/// Sources looked at for one to fill in.
const SOURCES: u16 = 200;

/// The built-in templates, filled in for a source and a target: for those that are named, else for the caller's newest database
/// that has a mapping, and where its points go.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden); else by cause.
pub async fn templates(
    service: &Service,
    caller: &Caller,
    source: Option<SourceId>,
    target: Option<TargetId>,
) -> Result<Vec<Template>> {
    service.allow(caller, Action::TemplateRead, Relation::Collection, "configuration templates", None).await?;
    let mut tx = service.begin(caller).await?;
    let source = match source {
        Some(id) => sources::get(&mut tx, id).await.map_err(failed)?,
        None => {
            let all = sources::list(&mut tx, SOURCES, None).await.map_err(failed)?.items;
            all.into_iter().find(|source| source.kind == Kind::Database && source.mapping.is_some())
        }
    };
    let target = match (target, &source) {
        (Some(id), _) => Some(id),
        (None, Some(source)) => {
            executions::usual_target(&mut tx, source.organisation, source.id, None).await.map_err(failed)?
        }
        (None, None) => None,
    };
    let target = match target {
        Some(id) => targets::get(&mut tx, id).await.map_err(failed)?,
        None => None,
    };
    let place = target.map(|target| vec![StorageTarget { tier: target.tier, target_id: target.id }]);
    let filled = |template: Template| Template {
        draft: Draft {
            source_id: source.as_ref().map(|source| source.id),
            storage_targets: place.clone(),
            ..template.draft
        },
        ..template
    };
    Ok(built_in().into_iter().map(filled).collect())
}

fn built_in() -> Vec<Template> {
    let nightly = |time: &str| Schedule::Cron {
        expression: time.parse().expect("a proper expression"),
        time_zone: "UTC".parse().expect("a known zone"),
    };
    let draft = |name: &str, backup_type, scope| Draft {
        name: Some(name.to_owned()),
        backup_type: Some(backup_type),
        scope: Some(scope),
        ..Draft::default()
    };
    let all = || Scope::WeddingsByRule { criticality: Vec::new() };
    let critical = || Scope::WeddingsByRule { criticality: vec![Criticality::Critical] };
    vec![
        Template {
            id: "weddings-by-day",
            description: "Every wedding, as often as its day asks: adds no runs, says where to and for how long.",
            draft: draft("Weddings by their day", BackupType::Incremental, all()),
        },
        Template {
            id: "nightly-weddings",
            description: "Every wedding that changed, once more each night.",
            draft: Draft {
                schedule: Some(nightly("30 1 * * *")),
                ..draft("Weddings each night", BackupType::Incremental, all())
            },
        },
        Template {
            id: "critical-weddings-hourly",
            description: "Weddings within days, each hour, whatever their rules say, as urgent as can be planned.",
            draft: Draft {
                frequency: Some(Frequency::Hourly),
                is_wedding_critical: true,
                ..draft("Critical weddings each hour", BackupType::Incremental, critical())
            },
        },
        Template {
            id: "nightly-database",
            description: "The whole database each night, for what no mapping names.",
            draft: Draft {
                schedule: Some(nightly("15 2 * * *")),
                ..draft("Database each night", BackupType::Full, Scope::Database)
            },
        },
        Template {
            id: "weekly-full-weddings",
            description: "Every wedding anew on Sundays, changed or not, read back and verified.",
            draft: Draft {
                schedule: Some(nightly("0 3 * * 0")),
                ..draft("Weddings in full each week", BackupType::Full, all())
            },
        },
        Template {
            id: "emergency-weddings",
            description: "Every wedding at once, before everything else, when somebody asks.",
            draft: draft("Emergency of all weddings", BackupType::Emergency, all()),
        },
    ]
}
