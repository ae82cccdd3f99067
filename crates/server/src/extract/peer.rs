//! Whom the connection is with. The listener sets it.

use std::net::IpAddr;

/// The other end.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address: a client's, or that of the proxy in front.
    pub address: IpAddr,
    /// Whether this server speaks TLS with it.
    pub encrypted: bool,
}
