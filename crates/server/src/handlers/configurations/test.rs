//! `POST /api/backup/configurations/{id}/test`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::{Result, is_told_to_all},
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::configurations::{CheckState, ConfigurationCheck, ConfigurationTest, RunEstimate};
use keepsake_app::{
    configuration::{self, Check},
    service::Caller,
};
use keepsake_domain::ConfigurationId;
use uuid::Uuid;

/// Tries a configuration out: connects, looks at rights and mapping, reads one wedding and throws it away, writes a probe object to the
/// target, reads it back and deletes it. Nothing is kept.
#[utoipa::path(post, path = "/api/backup/configurations/{id}/test", tag = "configurations",
    operation_id = "configuration_test", params(("id" = Uuid, Path, description = "The configuration.")),
    responses((status = 200, description = "What was found, good or bad.", body = ConfigurationTest)))]
pub async fn test(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<ConfigurationTest>> {
    let tested = configuration::test(&app.service, &caller, ConfigurationId::from_uuid(id)).await?;
    let checks: Vec<ConfigurationCheck> = tested.checks.into_iter().map(|check| shown(check, &caller)).collect();
    let is = |state| checks.iter().any(|check| check.state == state);
    let worst = [CheckState::Fail, CheckState::Warn].into_iter().find(|state| is(*state)).unwrap_or(CheckState::Pass);
    let estimate = tested
        .estimate
        .map(|estimate| RunEstimate { raw_bytes: estimate.raw_bytes, duration_ms: estimate.duration_ms });
    Ok(Json(ConfigurationTest { state: worst, checks, estimate }))
}

/// What storage says of itself is the operator's to know (S29).
fn shown(check: Check, caller: &Caller) -> ConfigurationCheck {
    let code = check.code.map(keepsake_app::Code::name);
    let told = caller.scope.operator || code.is_none_or(is_told_to_all);
    ConfigurationCheck {
        name: check.name.to_owned(),
        state: check.state.same(),
        found: if told { check.found } else { "it failed; the operator of this installation is told why".to_owned() },
        code: code.map(str::to_owned),
        remedy: check.remedy,
    }
}
