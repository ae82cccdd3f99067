//! The audit log as evidence: rows get their places in a Merkle tree, its root is signed, and whoever changes, removes or puts in a row
//! afterwards is found out, also with the rights of the database's owner.
//!
//! `sequence` and `checkpoint` go on all the time in a service ([`keep_in_order`]); [`verify`](verify()) makes everything again from the
//! columns and compares; `prove` writes proofs that need neither the catalog nor the master key, and [`Proof`] reads them. What is
//! recorded is decided in [`crate::service`]; rows and their leaves are in `keepsake_catalog::audit`, trees in
//! `keepsake_domain::merkle`. docs/audit.md says what all this proves, and what it does not.

mod checkpoint;
mod finding;
mod keep;
mod note;
mod proof;
mod prove;
mod sequence;
mod verify;
mod walk;

pub use checkpoint::checkpoint;
pub use finding::{Finding, Kind, Report, Signed};
pub use keep::{keep_in_order, settle};
pub use note::{Head, NOTE_BYTES_MAX, PublicKey, Signer, Unproven};
pub use proof::{PROOF_BYTES_MAX, Proof, Proven};
pub use prove::{consistency, inclusion, newest};
pub use sequence::{Step, sequence};
pub use verify::{failure, verify};

use crate::{
    error::Result,
    service::{Service, catalog::failed},
};
use keepsake_catalog::{Scope, Tx};
use keepsake_domain::RequestId;

/// A transaction of the service itself.
async fn system(service: &Service) -> Result<Tx> {
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    service.catalog.begin(&scope).await.map_err(failed)
}

/// The same, that reads one state.
async fn snapshot(service: &Service) -> Result<Tx> {
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    service.catalog.begin_snapshot(&scope).await.map_err(failed)
}
