//! What deliveries are signed with (Standard Webhooks): a secret that both sides know (`v1`, HMAC-SHA-256), or a key pair whose private
//! half stays here (`v1a`, Ed25519).

use crate::{
    error::{Code, Error, Result},
    identity::Secret,
    service::Service,
};
use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use keepsake_domain::{OrganisationId, WebhookId, notification::Signature};
use keepsake_keys::{Place, SealError};
use rand::{TryRng, rngs::SysRng};
use std::fmt;
use zeroize::Zeroizing;

/// A secret of HMAC begins so.
const SECRET: &str = "whsec_";
/// A public key of Ed25519 begins so.
const PUBLIC: &str = "whpk_";
const BYTES: usize = 32;

/// A key to sign with.
pub(crate) struct Key {
    signature: Signature,
    /// The secret, or the seed of the key pair.
    bytes: Zeroizing<[u8; BYTES]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.signature)
    }
}

/// Where a key lies: each column has its own place, so that one cannot be taken for the other.
const fn place(organisation: OrganisationId, webhook: WebhookId, column: &str) -> Place<'_> {
    Place { organisation: *organisation.as_uuid(), table: "webhook_endpoints", row: *webhook.as_uuid(), column }
}

const NOW: &str = "secret";
const BEFORE: &str = "previous_secret";

impl Key {
    /// A new one.
    pub(super) fn new(signature: Signature) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        SysRng
            .try_fill_bytes(bytes.as_mut())
            .map_err(|error| Error::because(Code::HomeFailed, "the system gave no random bytes", error))?;
        Ok(Self { signature, bytes })
    }

    /// Opens the key in use.
    pub(crate) fn unseal(
        service: &Service,
        organisation: OrganisationId,
        webhook: WebhookId,
        signature: Signature,
        sealed: &[u8],
    ) -> Result<Self> {
        Self::unseal_at(service, place(organisation, webhook, NOW), signature, sealed)
    }

    /// Opens the one before.
    pub(crate) fn unseal_previous(
        service: &Service,
        organisation: OrganisationId,
        webhook: WebhookId,
        signature: Signature,
        sealed: &[u8],
    ) -> Result<Self> {
        Self::unseal_at(service, place(organisation, webhook, BEFORE), signature, sealed)
    }

    fn unseal_at(service: &Service, place: Place<'_>, signature: Signature, sealed: &[u8]) -> Result<Self> {
        let opened = service.context.master.unseal(place, sealed).map_err(seal_error)?;
        let unreadable =
            |error| Error::because(Code::CatalogFailed, "the secret of a webhook cannot be read: rotate it", error);
        let bytes = <[u8; BYTES]>::try_from(opened.as_slice()).map_err(unreadable)?;
        Ok(Self { signature, bytes: Zeroizing::new(bytes) })
    }

    /// Sealed as the key in use.
    pub(super) fn seal(&self, service: &Service, organisation: OrganisationId, id: WebhookId) -> Result<Vec<u8>> {
        self.seal_at(service, place(organisation, id, NOW))
    }

    /// Sealed as the one before.
    pub(super) fn seal_previous(
        &self,
        service: &Service,
        organisation: OrganisationId,
        id: WebhookId,
    ) -> Result<Vec<u8>> {
        self.seal_at(service, place(organisation, id, BEFORE))
    }

    fn seal_at(&self, service: &Service, place: Place<'_>) -> Result<Vec<u8>> {
        service.context.master.seal(place, self.bytes.as_slice(), &mut SysRng).map_err(seal_error)
    }

    /// What is shown to whoever sets the receiver up: nothing of a private key.
    pub(super) fn secret(&self) -> Option<Secret> {
        let written = || Secret::new(format!("{SECRET}{}", BASE64_STANDARD.encode(self.bytes.as_slice())));
        (self.signature == Signature::Hmac).then(written)
    }

    /// What a receiver checks with, if that is no secret.
    pub(super) fn public(&self) -> Result<Option<String>> {
        Ok(match self.signature {
            Signature::Hmac => None,
            Signature::Ed25519 => {
                Some(format!("{PUBLIC}{}", BASE64_STANDARD.encode(self.pair()?.public_key().as_ref())))
            }
        })
    }

    /// Signs a delivery.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &str) -> Result<String> {
        let signed = format!("{id}.{timestamp}.{body}");
        Ok(match self.signature {
            Signature::Hmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice());
                format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
            }
            Signature::Ed25519 => {
                format!("v1a,{}", BASE64_STANDARD.encode(self.pair()?.sign(signed.as_bytes())))
            }
        })
    }

    fn pair(&self) -> Result<Ed25519KeyPair> {
        Ed25519KeyPair::from_seed_unchecked(self.bytes.as_slice())
            .map_err(|error| Error::because(Code::CatalogFailed, "the key of a webhook is none: rotate it", error))
    }
}

fn seal_error(error: SealError) -> Error {
    let code = match error {
        SealError::Random => Code::HomeFailed,
        SealError::Closed => Code::MasterKeyWrong,
    };
    Error::because(code, "the secret of a webhook cannot be used", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An example that libraries of the standard share. Its secret has 24 bytes; HMAC takes it as one with zeros behind it.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let mut bytes = BASE64_STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        bytes.resize(BYTES, 0);
        let key = Key { signature: Signature::Hmac, bytes: Zeroizing::new(bytes.try_into().unwrap()) };
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let signature = key.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body).unwrap();
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn keys_differ_and_show_no_private_half() {
        let (one, two) = (Key::new(Signature::Hmac).unwrap(), Key::new(Signature::Hmac).unwrap());
        assert_ne!(one.secret(), two.secret());
        assert!(one.secret().unwrap().expose().starts_with(SECRET));
        assert_eq!(one.public().unwrap(), None);
        let pair = Key::new(Signature::Ed25519).unwrap();
        assert_eq!(pair.secret(), None);
        assert!(pair.public().unwrap().unwrap().starts_with(PUBLIC));
        assert_eq!(format!("{pair:?}"), "Key(ed25519)");
    }
}
