//! Trees: the listing of one folder, a blob of JSON.
//!
//! A tree must equal what Go's `encoding/json` writes byte for byte, because `restic rewrite` refuses a tree that it cannot
//! write again as it was: order of fields, which are left out, escapes, times, and the newline at the end.

mod decode;
mod encode;
mod go;
mod node;
mod printable;

pub use decode::ParseError;
pub use encode::{Encoder, OrderError};
pub use node::{ExtendedAttribute, Kind, Node, mode};

/// The listing of one folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// What is in it, sorted by the bytes of the names, each name once.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// Reads the plaintext of a tree blob. Unknown fields are passed over; order and uniqueness are for the caller to
    /// judge, by [`Self::is_ordered`].
    ///
    /// # Errors
    /// [`ParseError`] if it is none.
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        decode::parse(json)
    }

    /// The plaintext of the tree's blob.
    ///
    /// # Errors
    /// [`OrderError`] if the nodes are not sorted, a name appears twice, or is empty.
    pub fn encode(&self) -> Result<Vec<u8>, OrderError> {
        let mut encoder = Encoder::new();
        for node in &self.nodes {
            encoder.add(node)?;
        }
        Ok(encoder.finish())
    }

    /// Whether names ascend and none is empty or repeated.
    pub fn is_ordered(&self) -> bool {
        self.nodes.first().is_none_or(|node| !node.name.is_empty()) && self.nodes.is_sorted_by(|a, b| a.name < b.name)
    }

    /// The node of that name.
    pub fn find(&self, name: &[u8]) -> Option<&Node> {
        // Trees of old or strange writers may be unsorted, so a failed search is repeated by looking at each.
        let found = self.nodes.binary_search_by(|node| node.name.as_slice().cmp(name)).ok();
        found.and_then(|at| self.nodes.get(at)).or_else(|| self.nodes.iter().find(|node| node.name == name))
    }
}
