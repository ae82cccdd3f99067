//! Backups asked for and done: real catalog, real workers, the sample planner application as the source, a folder as storage.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod configured;
#[cfg(test)]
mod emergency;
#[cfg(test)]
mod expire;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod support;
#[cfg(test)]
mod workers;
