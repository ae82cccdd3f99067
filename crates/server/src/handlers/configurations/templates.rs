//! `GET /api/backup/configurations/templates`.

use super::{notifications, place, scope, written};
use crate::{
    app::App,
    extract::{Json, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::configurations::{ConfigurationTemplate, NewConfiguration, TemplateList, TemplateQuery};
use keepsake_app::{
    configuration::{self, Template},
    service::Caller,
};
use keepsake_domain::{SourceId, TargetId, configuration::Draft};

/// Usual configurations, filled in for a source and a target: each is a body to make one with.
#[utoipa::path(get, path = "/api/backup/configurations/templates", tag = "configurations",
    operation_id = "configuration_templates", params(TemplateQuery),
    responses((status = 200, description = "The templates.", body = TemplateList)))]
pub async fn templates(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<TemplateQuery>,
) -> Result<Json<TemplateList>> {
    let (source, target) = (query.source_id.map(SourceId::from_uuid), query.target_id.map(TargetId::from_uuid));
    let found = configuration::templates(&app.service, &caller, source, target).await?;
    let shown = |template: Template| {
        let lacks = [
            ("source_id", template.draft.source_id.is_none()),
            ("storage_targets", template.draft.storage_targets.is_none()),
        ];
        ConfigurationTemplate {
            id: template.id.to_owned(),
            description: template.description.to_owned(),
            missing: lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(name, _)| name.to_owned()).collect(),
            configuration: body(template.draft),
        }
    };
    Ok(Json(TemplateList { items: found.into_iter().map(shown).collect() }))
}

/// The body that says a draft, if nothing of it is missing.
fn body(draft: Draft) -> Option<NewConfiguration> {
    Some(NewConfiguration {
        organisation_id: None,
        name: draft.name?,
        backup_type: draft.backup_type?.same(),
        source_id: *draft.source_id?.as_uuid(),
        scope: scope(&draft.scope?),
        frequency: draft.frequency.map(|frequency| frequency.same()),
        schedule: draft.schedule.as_ref().and_then(written),
        windows: None,
        retention_policy_id: None,
        storage_targets: draft.storage_targets?.iter().map(place).collect(),
        compression: draft.compression.same(),
        encryption: true,
        is_wedding_critical: draft.is_wedding_critical,
        notifications: notifications(draft.notifications),
        enabled: draft.enabled,
    })
}
