//! Who calls, and how they prove it: passwords, sessions, second factors, tokens of programs, and the people themselves.
//!
//! - A password is hashed by argon2id. It gives a *session*: an access token of 15 minutes, which every call carries, and a
//!   refresh token, which is replaced each time that it is used. One that comes twice ends the session.
//! - The second factor (TOTP, or a recovery code) is given in a session ([`factor::verify`]). What it opens (safety rule S31)
//!   stays open for 300 s after the code itself, whatever tokens are made from it later.
//! - Programs have API tokens, made by admins, with scopes and an end. They never count as a second factor.
//!
//! Tokens are looked up in the catalog at each call, so that whoever is switched off is out at once; the roles that count are
//! those in the catalog, not those in the token. Secrets are stored as hashes, or sealed (S30). Answers about somebody who
//! does not exist are those about a wrong password, and take as long.
//!
//! It leaves to the server how tokens travel, and to `keepsake-domain` what a role may do.

mod access;
mod authenticate;
pub mod factor;
mod login;
mod logout;
mod me;
mod password;
mod refresh;
mod secret;
mod session;
mod throttle;
pub mod tokens;
pub mod users;

pub use authenticate::authenticate;
pub use login::{Login, login};
pub use logout::logout;
pub use me::{Me, Program, User, me};
pub use refresh::refresh;
pub use secret::Secret;
pub use session::{Access, Session};

use jiff::SignedDuration;

/// How long an access token works. Short, since whoever has it is its user; each call asks the catalog all the same.
pub const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How long a session goes on after its login, however often it is refreshed.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long a second factor counts (S31).
pub const MFA_FRESH: SignedDuration = SignedDuration::from_secs(300);
