//! `GET /api/weddings/{id}/criticality`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::weddings::{TimeSpan, WeddingCriticality, WeddingRisk};
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::{WeddingId, risk::Risk};
use uuid::Uuid;

/// How critical a wedding is, what follows from it, and why, in words.
#[utoipa::path(get, path = "/api/weddings/{id}/criticality", tag = "weddings", operation_id = "wedding_criticality",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "What the rules say.", body = WeddingCriticality)))]
pub async fn criticality(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WeddingCriticality>> {
    let found = wedding::get(&app.service, &caller, WeddingId::from_uuid(id)).await?;
    let protection = found.protection;
    let risk =
        |risk: Risk| WeddingRisk { factor: risk.factor.same(), evidence: risk.evidence, threshold: risk.threshold };
    let period = protection.high_priority_period;
    Ok(Json(WeddingCriticality {
        wedding_id: *found.id.as_uuid(),
        criticality: protection.criticality.same(),
        risk_factors: protection.risks.into_iter().map(risk).collect(),
        phase: protection.phase.same(),
        days_until: protection.days_until,
        high_priority_period: period.map(|period| TimeSpan { from: period.from, until: period.until }),
        frequency: protection.frequency.same(),
        rpo_seconds: protection.rpo_seconds,
        priority: protection.priority.get(),
        next_run_at: found.next_run_at,
        valid_until: protection.valid_until,
        explanation: protection.explanation,
    }))
}
