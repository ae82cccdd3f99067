//! How long points are kept (product.md B1, safety rules S25 and S26).
//!
//! A point is promised a time when it is captured, and the promise only ever grows: with its class, with its grade, never back,
//! whatever becomes of policy and clock. Expiry is then plain: what is past its promise goes, unless it is the last clean one, the
//! newest verified one, held or in use. Freeing the space is the vault's affair.

mod cleanup;
mod expiry;
mod grade;
mod policy;
mod promise;

pub use cleanup::{ApprovalReason, Cleanup, Gate};
pub use expiry::{Candidate, Decision, Keep, expire};
pub use grade::Grade;
pub use policy::{InvalidPolicy, Policy};
pub use promise::{Promise, Taken};

#[cfg(test)]
mod tests;
