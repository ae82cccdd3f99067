//! Vaults: found by a keyed hash of what they protect, opened with their secret from the keyring.

mod ensure;
mod list;
mod open;

pub use ensure::{Birth, ensure};
pub(crate) use list::matching;
pub use list::{Info, list};
pub use open::open;
pub(crate) use open::{open_with_secret, vault_error};
