//! What the service says about itself: the description of its API, and a page for each kind of problem.

pub mod browse;
pub mod description;
pub mod problem;
