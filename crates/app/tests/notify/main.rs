//! Telling people and programs what happened: real catalog, real workers, real receivers and mail servers in the same process.

#[cfg(test)]
mod contacts;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod events;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod manage;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod signature;
#[cfg(test)]
mod stage;
#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of jobs, which use more of it")]
#[path = "../work/support.rs"]
mod support;
