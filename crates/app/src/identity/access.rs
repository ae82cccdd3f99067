//! Access tokens: JWTs that this installation signs for itself.
//!
//! HS256 under a key derived from the master key, and nothing else is accepted: the algorithm and the issuer are pinned, not
//! read from the token. Times are compared with the service's own clock.

use super::{ACCESS_LIFETIME, MFA_FRESH, Secret};
use crate::error::{Code, Error, Result};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use keepsake_catalog::sessions::Given;
use keepsake_domain::{OrganisationId, SessionId, UserId, permission::Role};
use keepsake_keys::MasterKey;
use serde::{Deserialize, Serialize};

/// By how much the clocks of two nodes may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The installation that signed it.
    iss: String,
    /// The user.
    pub sub: UserId,
    /// Their organisation.
    pub org: OrganisationId,
    /// What they were when it was signed, for whoever shows it. What they are now is in the catalog.
    pub role: Role,
    /// The session.
    pub sid: SessionId,
    iat: i64,
    exp: i64,
    /// Factors given in this session, with the time of each itself (S31).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    amr: Vec<Factor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Factor {
    method: String,
    timestamp: i64,
}

impl Claims {
    /// When the second factor in this token was given, if it opens what takes one. `factor_since` is when the user's present one was
    /// confirmed: what was given before, was another one.
    pub(super) fn fresh_mfa_at(&self, factor_since: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let since = factor_since?;
        let given = self.amr.iter().filter_map(|factor| Timestamp::from_second(factor.timestamp).ok());
        given.max().filter(|given| {
            let age = now.duration_since(*given);
            given.as_second() >= since.as_second() && age <= MFA_FRESH && age >= -SKEW
        })
    }
}

/// Signs an access token. Returned with it: until when it works.
pub(super) fn sign(
    master: &MasterKey,
    user: UserId,
    organisation: OrganisationId,
    role: Role,
    session: SessionId,
    mfa: Option<Given>,
    now: Timestamp,
) -> Result<(Secret, Timestamp)> {
    let expires_at = now + ACCESS_LIFETIME;
    let claims = Claims {
        iss: issuer(master),
        sub: user,
        org: organisation,
        role,
        sid: session,
        iat: now.as_second(),
        exp: expires_at.as_second(),
        amr: mfa
            .map(|given| Factor { method: given.method.name().to_owned(), timestamp: given.at.as_second() })
            .into_iter()
            .collect(),
    };
    let key = EncodingKey::from_secret(master.token_signing().as_ref());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| Error::because(Code::HomeFailed, "an access token could not be signed", error))?;
    Ok((Secret::new(token), expires_at))
}

/// What a token says, if this installation signed it and it still works.
pub(super) fn read(master: &MasterKey, token: &str, now: Timestamp) -> Option<Claims> {
    let mut rules = Validation::new(Algorithm::HS256);
    // Compared below, with the service's clock instead of the machine's.
    rules.validate_exp = false;
    rules.set_required_spec_claims(&["exp", "iss", "sub"]);
    rules.set_issuer(&[issuer(master)]);
    let key = DecodingKey::from_secret(master.token_signing().as_ref());
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).ok()?.claims;
    (now.as_second() < claims.exp).then_some(claims)
}

fn issuer(master: &MasterKey) -> String {
    format!("keepsake:{}", master.id())
}
