//! Proof files: made at the machine of the service, checked anywhere.
//!
//! That a row is in the log (C2SP `tlog-proof`, whose `extra` is here the leaf itself):
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <the leaf, base64>
//! index <its place>
//! <hashes from its sibling up, base64, one a line>
//!
//! <checkpoint>
//! ```
//!
//! That a log is an earlier one with more behind it:
//!
//! ```text
//! keepsake/audit-consistency@v1
//! <hashes, base64, one a line>
//!
//! <earlier checkpoint>
//!
//! <later checkpoint>
//! ```

use super::note::{NOTE_BYTES_MAX, PublicKey, Unproven, hash, number};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keepsake_domain::merkle::{Hash, consistency, inclusion};
use serde::Serialize;
use std::fmt;

const INCLUSION: &str = "c2sp.org/tlog-proof@v1";
const CONSISTENCY: &str = "keepsake/audit-consistency@v1";
/// A proof is never longer: two notes, a leaf, and a hash or two for each level of the tree.
pub const PROOF_BYTES_MAX: usize = 4 * NOTE_BYTES_MAX;

/// A proof as its file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// That a row is in the log.
    Inclusion {
        /// The row, as it was hashed.
        leaf: Vec<u8>,
        /// Its place.
        index: u64,
        /// The hashes beside the way from the leaf to the root.
        path: Vec<Hash>,
        /// The signed root.
        checkpoint: String,
    },
    /// That nothing before a checkpoint changed until another.
    Consistency {
        /// The hashes that make both roots.
        path: Vec<Hash>,
        /// The earlier checkpoint.
        old: String,
        /// The later one.
        new: String,
    },
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "proves", rename_all = "snake_case")]
pub enum Proven {
    /// That this row was in the log when the checkpoint was signed.
    Inclusion {
        /// The row.
        row: serde_json::Value,
        /// Its place.
        index: u64,
        /// Rows that the checkpoint vouches for.
        size: u64,
    },
    /// That the later log is the earlier one with more behind it.
    Consistency {
        /// Rows of the earlier one.
        old_size: u64,
        /// Rows of the later one.
        new_size: u64,
    },
}

impl Proof {
    /// Reads a proof file. That it can be read says nothing yet.
    ///
    /// # Errors
    /// [`Unproven`] if it is none.
    pub fn parse(text: &str) -> Result<Self, Unproven> {
        if text.len() > PROOF_BYTES_MAX {
            return Err(Unproven("a proof is never that long"));
        }
        let (head, rest) = text.split_once("\n\n").ok_or(Unproven("it is no proof"))?;
        let mut lines = head.lines();
        let proof = match lines.next() {
            Some(INCLUSION) => {
                let leaf = lines.next().and_then(|line| BASE64_STANDARD.decode(line.strip_prefix("extra ")?).ok());
                let leaf = leaf.ok_or(Unproven("it does not hold the row"))?;
                let index = lines.next().and_then(|line| number(line.strip_prefix("index ")?));
                let index = index.ok_or(Unproven("it does not say the row's place"))?;
                Self::Inclusion { leaf, index, path: path(lines)?, checkpoint: rest.to_owned() }
            }
            Some(CONSISTENCY) => {
                // A checkpoint has one empty line, between its text and its signatures.
                let empty = rest.match_indices("\n\n").nth(1).ok_or(Unproven("it does not hold two checkpoints"))?.0;
                let (old, new) = rest.split_at(empty + 1);
                Self::Consistency {
                    path: path(lines)?,
                    old: old.to_owned(),
                    new: new.strip_prefix('\n').unwrap_or(new).to_owned(),
                }
            }
            _ => return Err(Unproven("it is no proof that this program knows")),
        };
        Ok(proof)
    }

    /// Checks it: all that is needed is the log's public key.
    ///
    /// # Errors
    /// [`Unproven`] if it proves nothing.
    pub fn check(&self, key: &PublicKey) -> Result<Proven, Unproven> {
        match self {
            Self::Inclusion { leaf, index, path, checkpoint } => {
                let head = key.open(checkpoint)?;
                if inclusion::root(Hash::of_leaf(leaf), *index, head.size, path) != Some(head.root) {
                    return Err(Unproven("the row is not in the log that the checkpoint was signed for"));
                }
                let row = serde_json::from_slice(leaf).map_err(|_| Unproven("what is proven is no row of a log"))?;
                Ok(Proven::Inclusion { row, index: *index, size: head.size })
            }
            Self::Consistency { path, old, new } => {
                let (old, new) = (key.open(old)?, key.open(new)?);
                if !consistency::holds(old.size, new.size, old.root, new.root, path) {
                    return Err(Unproven("the later log is not the earlier one with more behind it"));
                }
                Ok(Proven::Consistency { old_size: old.size, new_size: new.size })
            }
        }
    }
}

fn path<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, Unproven> {
    lines.map(|line| hash(line).ok_or(Unproven("a line of it is no hash"))).collect()
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hashes = |path: &[Hash]| -> String {
            path.iter().map(|hash| format!("{}\n", BASE64_STANDARD.encode(hash.as_bytes()))).collect()
        };
        match self {
            Self::Inclusion { leaf, index, path, checkpoint } => {
                let leaf = BASE64_STANDARD.encode(leaf);
                write!(f, "{INCLUSION}\nextra {leaf}\nindex {index}\n{}\n{checkpoint}", hashes(path))
            }
            Self::Consistency { path, old, new } => write!(f, "{CONSISTENCY}\n{}\n{old}\n{new}", hashes(path)),
        }
    }
}
