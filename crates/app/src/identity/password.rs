//! Passwords: argon2id, on threads of their own, few at a time.

use super::Secret;
use crate::error::{Code, Error, Result};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use std::{sync::OnceLock, time::Duration};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Memory of one hash: 32 MiB. More than OWASP's least (19 MiB), so that a graphics card holds few at a time, and little enough
/// that the hashes under way at once ([`AT_ONCE`]) take 128 MiB.
const MEMORY_KIB: u32 = 32 * 1024;
/// Passes over the memory: with 32 MiB some 50 to 100 ms of one core.
const PASSES: u32 = 3;
/// One lane: there are as many logins as cores.
const LANES: u32 = 1;
/// Hashes under way at once in this process: what they may take of its memory and cores.
const AT_ONCE: usize = 4;
/// How long a login waits for its turn before it is told to come back.
const WAIT: Duration = Duration::from_secs(10);
/// Random bytes of a salt.
const SALT_BYTES: usize = 16;

/// Shortest password, in characters: length is what counts (NIST SP 800-63B); there are no rules about digits and signs.
const SHORTEST: usize = 12;
/// Longest password, in bytes.
const LONGEST: usize = 1024;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Hashes a new password, if it can be one.
pub(super) async fn hash(password: &Secret) -> Result<String> {
    check(password)?;
    let salt = super::secret::random::<SALT_BYTES>()?;
    let password = password.clone();
    on_a_thread(move || hash_with(&password, salt.as_ref())).await
}

/// Whether this is the password with that hash. Without a hash it is not, after the same work.
pub(super) async fn verify(password: &Secret, phc: Option<String>) -> Result<bool> {
    let password = password.clone();
    on_a_thread(move || {
        let known = phc.is_some();
        let phc = match &phc {
            Some(phc) => phc,
            None => decoy()?,
        };
        let hash = PasswordHash::new(phc).map_err(failed)?;
        let is_right = argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok();
        Ok(is_right && known)
    })
    .await
}

/// Makes the hash that is compared when there is none, so that the first login of a stranger takes no longer than later ones.
pub(super) async fn warm_up() -> Result<()> {
    if DECOY.get().is_none() {
        on_a_thread(|| decoy().map(|_| ())).await?;
    }
    Ok(())
}

static DECOY: OnceLock<String> = OnceLock::new();

fn decoy() -> Result<&'static str> {
    if let Some(phc) = DECOY.get() {
        return Ok(phc);
    }
    let phc = hash_with(&Secret::new("nobody has this password"), &[0; SALT_BYTES])?;
    Ok(DECOY.get_or_init(|| phc))
}

fn hash_with(password: &Secret, salt: &[u8]) -> Result<String> {
    Ok(argon2()?.hash_password_with_salt(password.expose().as_bytes(), salt).map_err(failed)?.to_string())
}

fn argon2() -> Result<Argon2<'static>> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn check(password: &Secret) -> Result<()> {
    let text = password.expose();
    if text.chars().count() < SHORTEST {
        return Err(Error::new(Code::Invalid, format!("a password has at least {SHORTEST} characters")));
    }
    if text.len() > LONGEST {
        return Err(Error::new(Code::Invalid, format!("a password has at most {LONGEST} bytes")));
    }
    Ok(())
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let turn: SemaphorePermit<'static> = match tokio::time::timeout(WAIT, TURNS.acquire()).await {
        Ok(Ok(turn)) => turn,
        _ => return Err(Error::new(Code::Busy, "too many logins at once")),
    };
    let done = tokio::task::spawn_blocking(move || {
        // Held here: the caller may go away, the work does not.
        let _turn = turn;
        work()
    });
    done.await.map_err(|error| Error::because(Code::HomeFailed, "a password could not be hashed", error))?
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::because(Code::HomeFailed, "a password could not be hashed", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_hashes_differ() {
        let password = Secret::new("correct horse battery");
        let (one, two) = (hash(&password).await.unwrap(), hash(&password).await.unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=32768,t=3,p=1$"), "{one}");
        assert_ne!(one, two, "salted");
        assert!(verify(&password, Some(one.clone())).await.unwrap());
        assert!(!verify(&Secret::new("correct horse batterz"), Some(one)).await.unwrap());
    }

    #[tokio::test]
    async fn without_a_hash_no_password_is_right_not_even_the_decoys() {
        warm_up().await.unwrap();
        assert!(!verify(&Secret::new("nobody has this password"), None).await.unwrap());
        // The same work: what is compared has the parameters of every other hash.
        let real = hash(&Secret::new("correct horse battery")).await.unwrap();
        let parameters = |phc: &str| phc.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(decoy().unwrap()), parameters(&real));
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        for bad in ["".to_owned(), "elevenchars".to_owned(), "x".repeat(LONGEST + 1)] {
            assert_eq!(hash(&Secret::new(bad)).await.unwrap_err().code(), Code::Invalid);
        }
    }
}
