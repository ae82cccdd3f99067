//! `POST /api/sources/{id}/inspect`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::sources::MappingProposal;
use keepsake_app::{service::Caller, source};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// Looks at a database and proposes a mapping: what a wedding is in it. Nothing is stored.
#[utoipa::path(post, path = "/api/sources/{id}/inspect", tag = "sources", operation_id = "source_inspect",
    params(("id" = Uuid, Path, description = "The source.")),
    responses((status = 200, description = "What is proposed.", body = MappingProposal)))]
pub async fn inspect(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<MappingProposal>> {
    let proposal = Box::pin(source::inspect(&app.service, &caller, SourceId::from_uuid(id))).await?;
    Ok(Json(MappingProposal {
        mapping: proposal.mapping,
        confidence: proposal.confidence,
        questions: proposal.questions,
        warnings: proposal.warnings,
    }))
}
