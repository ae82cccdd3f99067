//! Every route, and the layers around them.

use crate::{
    Metrics,
    app::App,
    failure::{Failure, Protocol},
    handlers::{
        auth, checks, configurations, docs, executions, health, metrics, operations, organisations, points, policies,
        sources, status, system_config, targets, tokens, users, webhooks, weddings,
    },
    middleware::{idempotency, rate, request},
};
use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state, routing::get};
use keepsake_app::{Code, Error};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes that the description describes: every one but those of the page that shows it.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::live::health))
        .routes(routes!(health::ready::ready))
        .routes(routes!(metrics::read::read))
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::me::me))
        .routes(routes!(auth::enroll::enroll))
        .routes(routes!(auth::confirm::confirm))
        .routes(routes!(auth::verify::verify))
        .routes(routes!(tokens::list::list, tokens::create::create))
        .routes(routes!(tokens::get::get, tokens::revoke::revoke))
        .routes(routes!(users::list::list, users::create::create))
        .routes(routes!(users::get::get, users::change::change, users::disable::disable))
        .routes(routes!(users::authorise_emergency::authorise))
        .routes(routes!(targets::list::list, targets::create::create))
        .routes(routes!(targets::get::get))
        .routes(routes!(targets::test::test))
        .routes(routes!(sources::list::list, sources::create::create))
        .routes(routes!(sources::get::get, sources::change::change, sources::delete::delete))
        .routes(routes!(sources::inspect::inspect))
        .routes(routes!(sources::mapping::mapping, sources::set_mapping::set_mapping))
        .routes(routes!(sources::sync::sync))
        .routes(routes!(weddings::list::list))
        .routes(routes!(weddings::get::get))
        .routes(routes!(weddings::criticality::criticality))
        .routes(routes!(weddings::settings::settings, weddings::set_settings::set_settings))
        .routes(routes!(weddings::members::members, weddings::set_members::set_members))
        .routes(routes!(weddings::integrity::integrity))
        .routes(routes!(weddings::timeline::timeline))
        .routes(routes!(status::read::read))
        .routes(routes!(configurations::list::list, configurations::create::create))
        .routes(routes!(configurations::bulk::bulk))
        .routes(routes!(configurations::templates::templates))
        .routes(routes!(configurations::get::get, configurations::replace::replace, configurations::delete::delete))
        .routes(routes!(configurations::undelete::undelete))
        .routes(routes!(configurations::test::test))
        .routes(routes!(policies::list::list, policies::create::create))
        .routes(routes!(policies::get::get, policies::replace::replace))
        .routes(routes!(weddings::contacts::contacts, weddings::set_contacts::set_contacts))
        .routes(routes!(webhooks::list::list, webhooks::create::create))
        .routes(routes!(webhooks::get::get, webhooks::change::change, webhooks::delete::delete))
        .routes(routes!(webhooks::test::test))
        .routes(routes!(webhooks::deliveries::deliveries))
        .routes(routes!(webhooks::replay::replay))
        .routes(routes!(executions::start::start))
        .routes(routes!(executions::list::list))
        .routes(routes!(executions::get::get))
        .routes(routes!(executions::cancel::cancel))
        .routes(routes!(executions::retry::retry))
        .routes(routes!(executions::progress::progress))
        .routes(routes!(points::list::list))
        .routes(routes!(points::get::get))
        .routes(routes!(operations::initiate::initiate))
        .routes(routes!(operations::emergency::emergency))
        .routes(routes!(checks::validate::validate))
        .routes(routes!(checks::rehearse::rehearse))
        .routes(routes!(checks::get::get))
        .routes(routes!(operations::list::list))
        .routes(routes!(operations::get::get))
        .routes(routes!(operations::cancel::cancel))
        .routes(routes!(operations::undo::undo))
        .routes(routes!(organisations::list::list, organisations::create::create))
        .routes(routes!(organisations::get::get, organisations::rename::rename))
        .routes(routes!(system_config::get::get, system_config::replace::replace))
        .routes(routes!(system_config::history::history))
        .routes(routes!(docs::description::description))
        .routes(routes!(docs::problem::problem))
}

/// The whole service: routes with their layers. A layer runs around those above it.
pub fn router(app: &App) -> Router {
    let (described, _) = routes().split_for_parts();
    described
        .route("/api/docs", get(docs::browse::enter))
        .route("/api/docs/", get(docs::browse::index))
        .route("/api/docs/{name}", get(docs::browse::file))
        .fallback(|| async { Failure::from(Error::new(Code::NotFound, "there is no such path")) })
        .method_not_allowed_fallback(|| async { Failure::protocol(Protocol::MethodNotAllowed) })
        .layer(DefaultBodyLimit::max(app.limits.body_bytes))
        .layer(from_fn_with_state(app.clone(), idempotency::once))
        .layer(from_fn_with_state(app.clone(), rate::limit))
        .layer(from_fn_with_state(app.clone(), request::handle))
        .with_state(app.clone())
}

/// Metrics for whoever can reach the address that serves them, and nothing else.
pub fn metrics_router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(move || async move { metrics.respond() }))
}

/// What a node answers that does jobs and no requests: whether it lives and can work.
pub fn node_router(app: &App) -> Router {
    let (described, _) = OpenApiRouter::new()
        .routes(routes!(health::live::health))
        .routes(routes!(health::ready::ready))
        .split_for_parts();
    described.layer(from_fn_with_state(app.clone(), request::handle)).with_state(app.clone())
}
