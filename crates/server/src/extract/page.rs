//! Which page of a list.

use super::Query;
use crate::failure::Failure;
use axum::{extract::FromRequestParts, http::request::Parts};
use keepsake_api::{Fault, page::PageQuery};
use keepsake_app::service::Cursor;

/// How many without a word.
const USUAL: u16 = 50;
/// How many at most.
const MOST: u16 = 200;

/// The size of a page, and where it begins.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// How many, at most.
    pub size: u16,
    /// After which row.
    pub after: Option<Cursor>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(query): Query<PageQuery> = Query::from_request_parts(parts, state).await?;
        Self::read(query.page_size, query.page_token.as_deref())
    }
}

impl Page {
    /// Where a list with filters of its own begins, by the parameters of its query.
    pub fn read(page_size: Option<u16>, page_token: Option<&str>) -> Result<Self, Failure> {
        let after = page_token.map(Cursor::decode).transpose().map_err(|_| {
            let message = "give next_page_token of the page before as it was".to_owned();
            let fault = Fault { pointer: String::new(), code: "invalid".to_owned(), message };
            Failure::invalid("the page token cannot be used", vec![fault])
        })?;
        Ok(Self { size: page_size.unwrap_or(USUAL).clamp(1, MOST), after })
    }
}
