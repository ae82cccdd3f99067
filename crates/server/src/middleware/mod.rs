//! What holds for every request, outermost first: its name and record, its limits, its rate, its repetition.

pub mod idempotency;
pub mod rate;
pub mod request;
