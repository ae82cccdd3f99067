//! Captures that look like damage, and which point to trust instead (product.md A11, safety rule S14).
//!
//! A backup taken after the damage is as good a backup as any, and useless. So each capture is compared with the last clean one
//! before it; what looks like damage makes the point suspect, pins the last clean one and raises an alarm. A person may clear a suspect
//! point: large changes are sometimes meant.

mod choose;
mod compare;
mod thresholds;

pub use choose::{Choice, for_emergency, last_clean};
pub use compare::{Finding, GroupSummary, Reason, Summary, compare};
pub use thresholds::Thresholds;
