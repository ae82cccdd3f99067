//! Whether the service lives and can work.

pub mod live;
pub mod ready;

use keepsake_api::health::Health;

fn good() -> Health {
    Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}
