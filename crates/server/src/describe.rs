//! The description of the API (OpenAPI 3.1): made from the routes, with what holds for all of them said once.

use crate::router::routes;
use keepsake_api::{Fault, Problem, operations::PointCandidate, policies::RetentionPreview, problem::MEDIA_TYPE};
use utoipa::{
    OpenApi,
    openapi::{
        Components, ContentBuilder, Info, License, OpenApi as Description, PathItem, Ref, RefOr, Response,
        ResponseBuilder,
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

const INTRODUCTION: &str = "Backups of weddings, and their way back. Errors are problems (RFC 9457): decide by `code`; `type` leads \
to a page that says what to do. Every answer carries `X-Request-Id`. Lists take `page_size` (at most 200) and `page_token`. A POST that \
starts or creates something takes an `Idempotency-Key`: the same key with the same body gets the stored answer for 24 hours. \
What has an `ETag` is changed with that as `If-Match`: 428 without it, 412 if somebody else was faster.";

/// The schemas of problems, which no operation names itself, and of answers that an operation has beside its usual one.
#[derive(OpenApi)]
#[openapi(components(schemas(Problem, Fault, PointCandidate, RetentionPreview)))]
struct Problems;

/// The description.
pub fn description() -> Description {
    let mut description = Problems::openapi();
    description.merge(routes().into_openapi());
    description.info = Info::new("Keepsake", env!("CARGO_PKG_VERSION"));
    description.info.description = Some(INTRODUCTION.to_owned());
    description.info.license = Some(License::new("Apache-2.0"));
    description.servers = None;
    description.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    description.tags = Some(tags());
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("An access token of POST /api/auth/login, or an API token.".to_owned());
    let components = description.components.get_or_insert_with(Components::new);
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for item in description.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(failure()));
        }
    }
    description
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    [
        ("operations", "Whether the service lives and can work."),
        ("storage", "Where copies go."),
        ("sources", "What is protected, and what a wedding is in it."),
        ("weddings", "How each wedding is protected and why, and who sees it."),
        ("configurations", "What is backed up, when, to where, and for how long."),
        ("backups", "Backups that are asked for, watched, stopped and tried again."),
        ("recovery", "What can be restored."),
        ("notifications", "Telling programs and people what happened."),
        ("organisations", "The tenants of the installation."),
        ("identity", "Logging in, second factors, tokens of programs, and people."),
        ("documentation", "What the service says about itself."),
    ]
    .into_iter()
    .map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())
    .collect()
}

/// Any operation may be refused or fail.
fn failure() -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description("It was refused, or failed.").content(MEDIA_TYPE, content).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
}
