//! The HTTP API: what comes in is read, one use case is called, and what comes out is written.
//!
//! [`router`] is one list of every route. A handler is a file, named by its verb, in the folder of its noun: it extracts,
//! calls one use case of `keepsake-app`, and maps the answer to a type of `keepsake-api`. What holds for every request
//! (request ids, logs, metrics, limits, timeouts, problems, security headers) is in `middleware`, and how bytes come in
//! (TCP, TLS, timeouts of heads, draining) in `listen`.
//!
//! No SQL, no rules and no permissions here: those are the use cases', and the catalog's behind them.

mod app;
mod describe;
mod extract;
mod failure;
mod handlers;
mod listen;
mod middleware;
mod observe;
mod pages;
mod router;
mod statuses;
mod words;

pub use app::{App, Limits};
pub use describe::description;
pub use listen::{Error as ListenError, Listener, Tls};
pub use observe::Metrics;
pub use router::{metrics_router, node_router, router};
