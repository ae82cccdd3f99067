//! Finding a vault without listing the store and without a catalog (safety rules S9 and S26): its id is a keyed hash of
//! what it protects. Without the master key the id says nothing about customer, database or wedding.

use crate::MasterKey;
use aws_lc_rs::hmac;
use keepsake_domain::VaultId;

/// What a vault protects. The parts are compared byte for byte: callers pass names that stay the same for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject<'a> {
    /// One wedding of a source.
    Wedding {
        /// The source's lasting name.
        source: &'a str,
        /// The wedding by the mapping's id column, as text.
        wedding: &'a str,
    },
    /// A whole database.
    Database {
        /// The source's lasting name.
        source: &'a str,
    },
    /// A set of files or a bucket.
    Files {
        /// The set's name.
        name: &'a str,
    },
}

impl Subject<'_> {
    fn parts(&self) -> [&str; 3] {
        match *self {
            Self::Wedding { source, wedding } => ["wedding", source, wedding],
            Self::Database { source } => ["database", source, ""],
            Self::Files { name } => ["files", name, ""],
        }
    }
}

impl MasterKey {
    /// The id of the vault that protects `subject`: the first 16 bytes of HMAC-SHA256 over its parts, each after its
    /// length, as a UUID of version 8. The same for ever under one master key.
    pub fn vault_id(&self, subject: &Subject<'_>) -> VaultId {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.locating().as_ref());
        let mut message = Vec::new();
        for part in subject.parts() {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        let tag = hmac::sign(&key, &message);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(byte, from)| *byte = *from);
        VaultId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn s26_a_vault_is_found_by_a_keyed_hash_alone() {
        let subject = Subject::Wedding { source: "planner", wedding: "42" };
        let (ours, theirs) = (MasterKey::fixed(1), MasterKey::fixed(2));
        assert_eq!(ours.vault_id(&subject), MasterKey::fixed(1).vault_id(&subject));
        assert_ne!(ours.vault_id(&subject), theirs.vault_id(&subject));
        assert_eq!(ours.vault_id(&subject).as_uuid().get_version_num(), 8);
        // Pinned: a change would lose every vault that exists.
        assert_eq!(ours.vault_id(&subject).to_string(), "eff2afa9-1951-8e68-95d0-149891537779");
    }

    #[test]
    fn s26_kinds_of_vaults_never_share_an_id() {
        let key = MasterKey::fixed(1);
        let ids = [
            key.vault_id(&Subject::Wedding { source: "a", wedding: "" }),
            key.vault_id(&Subject::Database { source: "a" }),
            key.vault_id(&Subject::Files { name: "a" }),
            key.vault_id(&Subject::Wedding { source: "", wedding: "a" }),
        ];
        assert_eq!(std::collections::HashSet::from(ids).len(), ids.len());
    }

    proptest! {
        #[test]
        fn s26_other_parts_give_other_ids(a in ".{0,8}", b in ".{0,8}", c in ".{0,8}", d in ".{0,8}") {
            let key = MasterKey::fixed(1);
            let one = Subject::Wedding { source: &a, wedding: &b };
            let two = Subject::Wedding { source: &c, wedding: &d };
            prop_assert_eq!(one == two, key.vault_id(&one) == key.vault_id(&two));
        }
    }
}
