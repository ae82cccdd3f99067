//! What handlers read from a request, with refusals as problems.

mod json;
mod path;
mod peer;
mod request_id;
mod token;

pub use json::Json;
pub use path::Path;
pub use peer::Peer;
pub use request_id::Request;
pub use token::bearer;
