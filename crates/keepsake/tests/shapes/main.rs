//! Applications that the mapping has never seen, each from inspection to undo through the front door; mappings that do
//! not fit; and the commands of the documentation.

#[cfg(test)]
mod app;
#[cfg(test)]
mod applications;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod mapping;
#[cfg(test)]
#[path = "../world/mod.rs"]
mod world;
