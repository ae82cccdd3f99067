//! The servers of a connection string.

use super::{Error, Result, known::Known};
use std::{net::IpAddr, path::Path};

/// One server that may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// A name, an address, or the folder of a Unix socket (begins with `/`).
    pub name: String,
    /// The address to connect to instead of looking the name up.
    pub address: Option<IpAddr>,
    /// TCP port, also part of the socket's file name.
    pub port: u16,
}

impl Host {
    pub(super) fn is_socket(&self) -> bool {
        self.address.is_none() && self.name.starts_with('/')
    }

    pub(super) fn is_local(&self) -> bool {
        let address = self.address.or_else(|| self.name.parse().ok());
        self.is_socket() || address.map_or(self.name == "localhost", |address| address.is_loopback())
    }
}

/// The servers that `host`, `hostaddr` and `port` list, libpq's defaults where they say nothing.
pub(super) fn listed(all: &mut Known) -> Result<Vec<Host>> {
    let split = |text: Option<String>| -> Vec<String> {
        text.map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()).unwrap_or_default()
    };
    let (mut names, addresses, ports) = (split(all.take("host")), split(all.take("hostaddr")), split(all.take("port")));
    if names.is_empty() {
        names = if addresses.is_empty() { vec![default_host()] } else { addresses.clone() };
    }
    if !addresses.is_empty() && addresses.len() != names.len() {
        return Err(Error::invalid("host and hostaddr list different numbers of servers"));
    }
    if ports.len() > 1 && ports.len() != names.len() {
        return Err(Error::invalid("host and port list different numbers of servers"));
    }
    let port_of = |index: usize| match ports.get(index).or_else(|| ports.first().filter(|_| ports.len() == 1)) {
        Some(port) if !port.is_empty() => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| Error::invalid("a port must be between 1 and 65535")),
        _ => Ok(5432),
    };
    let made = names.into_iter().enumerate().map(|(index, name)| {
        let address = match addresses.get(index).filter(|address| !address.is_empty()) {
            Some(address) => Some(address.parse().map_err(|_| Error::invalid("hostaddr must be an IP address"))?),
            None => None,
        };
        let name = if name.is_empty() { default_host() } else { name };
        Ok(Host { name, address, port: port_of(index)? })
    });
    made.collect()
}

fn default_host() -> String {
    let socket = "/var/run/postgresql";
    if Path::new(socket).is_dir() { socket } else { "localhost" }.to_owned()
}
