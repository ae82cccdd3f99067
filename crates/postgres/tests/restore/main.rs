//! Row restore against a real server: a small application with one of everything that can go wrong, and the sample planner.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is a failed test")]

mod app;
mod conflicts;
mod drift;
mod faults;
mod gate;
mod locks;
mod modes;
mod outcome;
mod planner;
mod shapes;
mod undo;
