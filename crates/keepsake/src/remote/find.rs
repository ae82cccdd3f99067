//! What people call by name, as the service knows it.

use super::client::Server;
use keepsake_api::{
    sources::{Source, SourceList},
    weddings::{Wedding, WeddingList},
};
use keepsake_app::{Code, Error, Result};
use uuid::Uuid;

/// The largest page that the API gives.
const PAGE: &str = "200";

/// The source of this name or id.
///
/// # Errors
/// [`Code::NotFound`] with the names that there are; [`Code::Usage`] if several have this name.
pub async fn source(server: &Server, named: &str) -> Result<Source> {
    let mut fitting = Vec::new();
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut query = vec![("page_size", PAGE.to_owned())];
        query.extend(token.take().map(|token| ("page_token", token)));
        let page: SourceList = server.get("/api/sources", &query).await?;
        names.extend(page.items.iter().map(|source| source.name.clone()));
        fitting.extend(page.items.into_iter().filter(|source| source.name == named || source.id.to_string() == named));
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
    }
    let (first, more) = (fitting.pop(), fitting.len());
    match first {
        Some(source) if more == 0 => Ok(source),
        Some(_) => Err(Error::new(Code::Usage, format!("{} sources are called {named}: name one by its id", more + 1))),
        None => Err(Error::new(
            Code::NotFound,
            format!("the service has no source {named} for you; there are: {}", names.join(", ")),
        )),
    }
}

/// The wedding that has this id in its own database; of this source, if one is named.
///
/// # Errors
/// [`Code::WeddingNotFound`]; [`Code::Usage`] if weddings of several sources have it.
pub async fn wedding(server: &Server, id: &str, of: Option<&str>) -> Result<Wedding> {
    let of = match of {
        Some(named) => Some(source(server, named).await?.id),
        None => None,
    };
    let page: WeddingList =
        server.get("/api/weddings", &[("external_id", id.to_owned()), ("page_size", PAGE.to_owned())]).await?;
    let mut fitting: Vec<Wedding> =
        page.items.into_iter().filter(|wedding| of.is_none_or(|source: Uuid| wedding.source_id == source)).collect();
    match (fitting.pop(), fitting.len()) {
        (Some(wedding), 0) => Ok(wedding),
        (Some(_), more) => {
            let text = format!("weddings of {} sources have the id {id}: name the source", more + 1);
            Err(Error::new(Code::Usage, text))
        }
        (None, _) => Err(Error::new(Code::WeddingNotFound, format!("the service knows no wedding {id} of yours"))),
    }
}
