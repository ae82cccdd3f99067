//! The tenants of the installation.

pub mod create;
pub mod get;
pub mod list;
pub mod rename;

use crate::words::Same as _;
use keepsake_api::organisations::Organisation;
use keepsake_app::service::rows;

fn shown(organisation: rows::Organisation) -> Organisation {
    Organisation {
        id: *organisation.id.as_uuid(),
        name: organisation.name,
        kind: organisation.kind.same(),
        created_at: organisation.created_at,
    }
}
