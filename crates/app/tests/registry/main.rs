//! The registry of what is protected, against a real catalog and the sample planner application as the source.

#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod weddings;
