//! Connections to protected databases: where they are ([`Dsn`]), how they are secured, and what every session of ours
//! sets before it reads or writes a row ([`connect`], [`Session`]).
//!
//! Connection strings follow libpq's conventions (environment, password file, service file, `sslmode`), so that what works
//! with `psql` works here; one thing is stricter: off loopback the server's certificate is verified unless the string
//! says otherwise. A session carries `pg_dump`'s preamble, refuses servers older than 13 and poolers that change the
//! backend between transactions (safety rule S10), and is discarded once a COPY in it was broken off.
//!
//! What is captured or restored over a session is left to [`capture`](crate::capture), `restore` and `database`.

mod copy;
mod dsn;
mod error;
mod host;
mod known;
mod open;
mod parse;
mod passfile;
mod pooler;
mod remote;
mod service;
mod session;
mod tls;
mod watchdog;

pub use copy::CopyOut;
pub use dsn::{CHILD_UNSET, Dsn, SslMode};
pub use error::{Error, ServerError};
pub use open::{Purpose, connect};
pub use session::{Canceller, Session};
pub use watchdog::{Verdict, watch};

/// The result of connecting.
pub type Result<T, E = Error> = std::result::Result<T, E>;
