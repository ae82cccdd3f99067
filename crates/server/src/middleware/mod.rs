//! What holds for every request, outermost first: its name and record, its limits, its rate.

pub mod rate;
pub mod request;
