//! Signed notes: a checkpoint of the tree as text that other programs read, too (C2SP `signed-note` and `tlog-checkpoint`).
//!
//! ```text
//! keepsake.audit/0123456789abcdef0123456789abcdef       origin: the log, and the name of its key
//! 1234                                                  leaves of the tree
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=          its root
//!
//! — keepsake.audit/0123456789abcdef0123456789abcdef Az3grlgtzPIC...
//! ```
//!
//! One log for a master key, one Ed25519 key for a log. Signing is deterministic: the same tree has one note.

use crate::error::{Code, Error, Result};
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keepsake_domain::merkle::Hash;
use keepsake_keys::MasterKey;
use std::{fmt, str::FromStr};

/// What stands before the name of a signature.
const SIGNED_BY: &str = "— ";
/// The algorithm in key ids and public keys: Ed25519 over the text.
const ED25519_NOTE: u8 = 1;
/// A note is some two hundred bytes; with the signatures of many witnesses it stays below this.
pub const NOTE_BYTES_MAX: usize = 64 << 10;

/// Why something proves nothing, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproven(pub(super) &'static str);

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unproven {}

/// A tree as a checkpoint has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}

/// The key by which checkpoints of one log are known. Written as `name+id+key`, as other programs for such logs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: [u8; 32],
}

impl PublicKey {
    /// The four bytes that tell keys of one name apart.
    fn id(&self) -> [u8; 4] {
        let hashed = digest(&SHA256, &[self.name.as_bytes(), b"\n", &[ED25519_NOTE], &self.key].concat());
        let mut id = [0; 4];
        id.iter_mut().zip(hashed.as_ref()).for_each(|(to, from)| *to = *from);
        id
    }

    /// What a note says, if this key signed it.
    ///
    /// # Errors
    /// [`Unproven`] if it did not, or if this is no checkpoint.
    pub fn open(&self, note: &str) -> Result<Head, Unproven> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(Unproven("a checkpoint is never that long"));
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(Unproven("it is no signed note"))?;
        let text = format!("{text}\n");
        let mut signed = false;
        for line in signatures.lines() {
            let line = line.strip_prefix(SIGNED_BY).ok_or(Unproven("a line of its signatures is none"))?;
            let (name, signature) = line.split_once(' ').ok_or(Unproven("a line of its signatures is none"))?;
            let signature = BASE64_STANDARD.decode(signature).map_err(|_| Unproven("a signature is not readable"))?;
            // Other keys may sign, too: witnesses, or the next key of this log.
            let Some(signature) = signature.strip_prefix(&self.id()).filter(|_| name == self.name) else { continue };
            let key = UnparsedPublicKey::new(&ED25519, self.key);
            key.verify(text.as_bytes(), signature)
                .map_err(|_| Unproven("its signature is not that of the log's key"))?;
            signed = true;
        }
        if !signed {
            return Err(Unproven("the log's key did not sign it"));
        }
        let mut lines = text.lines();
        if lines.next() != Some(self.name.as_str()) {
            return Err(Unproven("it is of another log"));
        }
        let size = lines.next().and_then(number).ok_or(Unproven("it does not say the size of the tree"))?;
        let root = lines.next().and_then(hash).ok_or(Unproven("it does not say the root of the tree"))?;
        Ok(Head { size, root })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519_NOTE], self.key.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id()))
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::new(Code::Invalid, "this is no public key as `keepsake audit public-key` prints it");
        let (name, rest) = text.trim().split_once('+').ok_or_else(bad)?;
        let (_, key) = rest.split_once('+').ok_or_else(bad)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| bad())?;
        let key = key.strip_prefix(&[ED25519_NOTE]).and_then(|key| key.try_into().ok()).ok_or_else(bad)?;
        let read = Self { name: name.to_owned(), key };
        // The id is made of the rest: it shows slips of the pen.
        if name.is_empty() || name.contains(char::is_whitespace) || read.to_string() != text.trim() {
            return Err(bad());
        }
        Ok(read)
    }
}

/// What signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Signer {
    /// That of an installation.
    ///
    /// # Errors
    /// [`Code::MasterKeyUnsafe`] if its key makes no key pair, which no key does.
    pub fn of(master: &MasterKey) -> Result<Self> {
        let failed = |_| Error::new(Code::MasterKeyUnsafe, "the master key gives no key for checkpoints");
        let pair = Ed25519KeyPair::from_seed_unchecked(master.checkpoint_signing().as_slice()).map_err(failed)?;
        let mut key = [0; 32];
        key.iter_mut().zip(pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        let public = PublicKey { name: format!("keepsake.audit/{}", master.id()), key };
        Ok(Self { pair, public })
    }

    /// The key by which others know what it signed.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The checkpoint of a tree.
    pub fn sign(&self, head: &Head) -> String {
        let name = &self.public.name;
        let text = format!("{name}\n{}\n{}\n", head.size, BASE64_STANDARD.encode(head.root.as_bytes()));
        let signature = self.pair.sign(text.as_bytes());
        let signature = BASE64_STANDARD.encode([self.public.id().as_slice(), signature.as_ref()].concat());
        format!("{text}\n{SIGNED_BY}{name} {signature}\n")
    }
}

/// A number as such texts have it: digits, without a zero before them.
pub(super) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash as such texts have it.
pub(super) fn hash(text: &str) -> Option<Hash> {
    Hash::from_slice(&BASE64_STANDARD.decode(text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepsake_keys::SysRng;

    fn signer() -> Signer {
        let folder = tempfile::tempdir().unwrap();
        Signer::of(&MasterKey::create(&folder.path().join("key"), &mut SysRng).unwrap()).unwrap()
    }

    fn head() -> Head {
        Head { size: 10, root: Hash::of_leaf(b"root") }
    }

    #[test]
    fn the_key_id_and_signature_of_the_specification_are_read() {
        // The public key and the note that the documentation of Go's note package has, which the format comes from.
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: PublicKey = key.parse().unwrap();
        assert_eq!((key.name.as_str(), hex::encode(key.id()).as_str()), ("PeterNeumann", "c74f20a3"));
        let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
                    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        // Its signature holds, but a checkpoint it is not.
        assert_eq!(key.open(note), Err(Unproven("it is of another log")));
        let other = note.replace("answer", "remedy");
        assert_eq!(key.open(&other), Err(Unproven("its signature is not that of the log's key")));
    }

    #[test]
    fn a_checkpoint_is_read_by_its_own_key_only() {
        let (signer, other) = (signer(), signer());
        let note = signer.sign(&head());
        assert_eq!(signer.public_key().open(&note), Ok(head()));
        assert_eq!(signer.sign(&head()), note, "one tree, one note");
        assert_eq!(other.public_key().open(&note), Err(Unproven("the log's key did not sign it")));
        let known: PublicKey = signer.public_key().to_string().parse().unwrap();
        assert_eq!(known.open(&note), Ok(head()));
    }

    #[test]
    fn a_changed_checkpoint_is_none() {
        let signer = signer();
        let key = signer.public_key();
        let note = signer.sign(&head());
        let spoilt = [
            note.replace("\n10\n", "\n11\n"),
            note.replace("\n10\n", "\n010\n"),
            note.replace("\n\n", "\n"),
            note.replace("— ", "- "),
            note.replacen("\n10\n", "\n10\n\n", 1),
            note.replace("— keepsake", "— somebody"),
            String::new(),
            "\n\n".to_owned(),
        ];
        for text in &spoilt {
            assert!(key.open(text).is_err(), "{text}");
        }
        // Signed by the log, and no checkpoint all the same.
        let text = format!("{}\nten\n", key.name);
        let signature = [key.id().as_slice(), signer.pair.sign(text.as_bytes()).as_ref()].concat();
        let note = format!("{text}\n— {} {}\n", key.name, BASE64_STANDARD.encode(signature));
        assert_eq!(key.open(&note), Err(Unproven("it does not say the size of the tree")));
    }

    #[test]
    fn signatures_of_witnesses_are_passed_over() {
        let (signer, witness) = (signer(), signer());
        let note = signer.sign(&head());
        let line = witness.sign(&head()).lines().last().unwrap().to_owned();
        assert_eq!(signer.public_key().open(&format!("{note}{line}\n")), Ok(head()));
    }

    #[test]
    fn a_public_key_shows_slips_of_the_pen() {
        let key = signer().public_key().to_string();
        let id = key.split('+').nth(1).unwrap();
        for bad in ["", "a+b", &key[..key.len() - 1], &key.replace(id, "00000000"), &key.replace("keepsake", "kept")] {
            assert_eq!(bad.parse::<PublicKey>().unwrap_err().code(), Code::Invalid, "{bad}");
        }
    }
}
