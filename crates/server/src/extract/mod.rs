//! What handlers read from a request, with refusals as problems.

mod caller;
mod json;
mod page;
mod path;
mod peer;
mod query;
mod request_id;
mod token;
mod version;

pub use caller::authenticated;
pub use json::Json;
pub use page::Page;
pub use path::Path;
pub use peer::Peer;
pub use query::Query;
pub use request_id::Request;
pub use token::bearer;
pub use version::{IfMatch, etag};
