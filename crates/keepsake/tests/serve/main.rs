//! The service through its front door: the real program, a real PostgreSQL, requests by curl.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod conventions;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod process;
#[cfg(test)]
mod service;
#[cfg(test)]
mod tls;
#[cfg(test)]
#[path = "../world/mod.rs"]
mod world;
