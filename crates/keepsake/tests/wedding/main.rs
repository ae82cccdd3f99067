//! One wedding through the front door: backed up, broken, previewed, restored, undone, redone, while nobody else's row
//! moves.

#[cfg(test)]
mod exact;
#[cfg(test)]
mod files;
#[cfg(test)]
mod others;
#[cfg(test)]
mod point;
#[cfg(test)]
mod preview;
#[cfg(test)]
mod record;
#[cfg(test)]
mod report;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod undo;
#[cfg(test)]
#[path = "../world/mod.rs"]
mod world;
