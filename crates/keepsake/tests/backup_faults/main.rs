//! What happens to a backup: killed at every write step, stopped, doubled, out of space, without its server, without rights,
//! with odd names and odd sizes. The vault is good afterwards, no point is listed that is not whole, and the next run works.

#[cfg(test)]
mod at_once;
#[cfg(test)]
mod content;
#[cfg(test)]
mod full;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod lying;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod older;
#[cfg(test)]
mod source;
#[cfg(test)]
#[path = "../world/mod.rs"]
mod world;
