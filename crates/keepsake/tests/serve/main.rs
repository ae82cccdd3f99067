//! The service through its front door: the real program, a real PostgreSQL, requests by curl.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod configurations;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod conventions;
#[cfg(test)]
mod executions;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod notifications;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod process;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod restores;
#[cfg(test)]
mod service;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod system_config;
#[cfg(test)]
mod tls;
#[cfg(test)]
#[path = "../world/mod.rs"]
mod world;
