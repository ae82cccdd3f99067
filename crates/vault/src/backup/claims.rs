//! Blobs that this backup is storing or has stored, so that each is stored once although many threads find it at once.
//!
//! A claim counts as stored for everyone else before it is: should storing it fail, the whole backup fails and no
//! snapshot can refer to it.

use crate::{id::Id, pack};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

const SHARDS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Claims {
    shards: [Mutex<HashSet<(pack::Kind, Id)>>; SHARDS],
}

impl Claims {
    /// Whether the caller is the first to want this blob, and so the one to store it.
    pub(super) fn claim(&self, kind: pack::Kind, id: Id) -> bool {
        let [first, ..] = &self.shards;
        let shard = usize::try_from(id.prefix() % SHARDS as u64).ok().and_then(|shard| self.shards.get(shard));
        shard.unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner).insert((kind, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_can_be_claimed_once_for_each_kind() {
        let claims = Claims::default();
        let id = Id::of(b"a photo");
        assert!(claims.claim(pack::Kind::Data, id));
        assert!(!claims.claim(pack::Kind::Data, id));
        assert!(claims.claim(pack::Kind::Tree, id));
    }
}
