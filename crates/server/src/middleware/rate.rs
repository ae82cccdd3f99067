//! How many requests a caller may make: one share for each token, or for each address that shows none, and a larger one for
//! each address whatever it shows, so that nobody gets a fresh share by making tokens up.
//!
//! The shares are this process's own and start full; they keep a caller from crowding out others. Guessing passwords and codes
//! is slowed down in the catalog, over all nodes. Answers say what is left (`RateLimit`, `RateLimit-Policy`).

use crate::{
    app::App,
    extract::{Peer, bearer},
    failure::{Failure, Protocol},
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// Answered whatever else is asked: whoever watches the service must not be turned away by those who use it.
const FREE: [&str; 2] = ["/healthz", "/readyz"];
/// How many callers' shares an address may use up.
const CALLERS_AT_AN_ADDRESS: u32 = 10;
const WINDOW_SECONDS: u32 = 60;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A token, by its hash.
    Token([u8; 32]),
    /// An address that showed no token.
    Nobody(IpAddr),
    /// An address as a whole.
    Address(IpAddr),
}

type Shares = RateLimiter<Key, DashMapStateStore<Key>, DefaultClock, StateInformationMiddleware>;

/// Who has used how much.
#[derive(Debug)]
pub struct Rates {
    callers: Shares,
    addresses: Shares,
    per_minute: NonZeroU32,
    clock: DefaultClock,
}

impl Rates {
    /// Full shares for everybody.
    pub fn new(per_minute: NonZeroU32) -> Self {
        let many = per_minute.saturating_mul(NonZeroU32::new(CALLERS_AT_AN_ADDRESS).unwrap_or(NonZeroU32::MIN));
        let shares = |count| RateLimiter::dashmap(Quota::per_minute(count)).with_middleware();
        Self { callers: shares(per_minute), addresses: shares(many), per_minute, clock: DefaultClock::default() }
    }

    /// Forgets those whose share is full again.
    pub fn forget_idle(&self) {
        for shares in [&self.callers, &self.addresses] {
            shares.retain_recent();
            shares.shrink_to_fit();
        }
    }

    /// Takes one request from the shares; what is left, or the seconds to wait.
    fn take(&self, token: Option<&str>, address: IpAddr) -> Result<u32, u64> {
        let address = network(address);
        let caller = match token {
            Some(token) => {
                let mut key = [0; 32];
                key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
                Key::Token(key)
            }
            None => Key::Nobody(address),
        };
        let checks = [(&self.addresses, Key::Address(address)), (&self.callers, caller)];
        let mut left = 0;
        for (shares, key) in checks {
            match shares.check_key(&key) {
                Ok(state) => left = state.remaining_burst_capacity(),
                Err(until) => return Err(until.wait_time_from(self.clock.now()).as_secs() + 1),
            }
        }
        Ok(left)
    }
}

/// One household or host has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

/// Refuses those who have used up their share.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    if FREE.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let address = request.extensions().get::<Peer>().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.address);
    let taken = app.rates.take(bearer(request.headers()), address);
    let mut response = match taken {
        Ok(_) => next.run(request).await,
        Err(seconds) => Failure::protocol(Protocol::TooManyRequests).retry_after(seconds).into_response(),
    };
    let share = app.rates.per_minute.get();
    let left = taken.unwrap_or(0);
    // Seconds until the share is full again.
    let seconds = u64::from(share.saturating_sub(left)) * u64::from(WINDOW_SECONDS) / u64::from(share) + 1;
    let policy = format!("\"requests\";q={share};w={WINDOW_SECONDS}");
    let state = format!("\"requests\";r={left};t={seconds}");
    for (name, text) in [(POLICY, policy), (LEFT, state)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_caller_has_a_share_of_its_own() {
        let rates = Rates::new(NonZeroU32::new(2).unwrap());
        assert_eq!(rates.take(Some("a"), ip("192.0.2.1")), Ok(1));
        assert_eq!(rates.take(Some("a"), ip("192.0.2.1")), Ok(0));
        let wait = rates.take(Some("a"), ip("192.0.2.1")).unwrap_err();
        assert!((1..=31).contains(&wait), "{wait}");
        assert_eq!(rates.take(Some("b"), ip("192.0.2.1")), Ok(1));
        assert_eq!(rates.take(None, ip("192.0.2.1")), Ok(1));
    }

    #[test]
    fn made_up_tokens_use_up_the_share_of_their_address() {
        let rates = Rates::new(NonZeroU32::new(2).unwrap());
        let refused = (0..30).filter(|n| rates.take(Some(&format!("made up {n}")), ip("2001:db8::1")).is_err()).count();
        assert_eq!(refused, 10);
        assert!(rates.take(Some("another"), ip("2001:db8::2")).is_err(), "the same network");
        assert!(rates.take(Some("another"), ip("2001:db8:1::2")).is_ok(), "another network");
    }

    #[test]
    fn an_address_in_two_notations_is_one() {
        assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }
}
