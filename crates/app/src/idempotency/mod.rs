//! Requests that may be sent again (`Idempotency-Key`, safety rule S33): the first one works, the others get its answer.
//!
//! What is kept belongs to the caller alone. Before an answer is given again, the caller's rights are asked again: a role, a
//! scope or a fresh second factor that was lost meanwhile closes it.

mod claim;
mod forget;
mod keep;

pub use claim::claim;
pub use forget::forget;
pub use keep::{keep, release};
pub use keepsake_catalog::idempotency::{Answer, Claim, Key};

use jiff::SignedDuration;

/// How long answers are kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// A request that has no answer by now was on a process that died: no request may take as long.
const ALIVE: SignedDuration = SignedDuration::from_mins(5);
