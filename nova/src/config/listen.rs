//! Where to listen, as people write it.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address and a port. Written as `127.0.0.1:8080` or `[::1]:8080`, with a name (`localhost:8080`; of several addresses an
/// IPv4 one), or as `:8080`, which is every IPv4 address of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress(pub SocketAddr);

/// Where operators' requests are answered; an empty text is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AdminListen(pub Option<SocketAddr>);

impl TryFrom<String> for AdminListen {
    type Error = ListenError;

    fn try_from(text: String) -> Result<Self, ListenError> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|ListenAddress(address)| Self(Some(address)))
    }
}

impl From<AdminListen> for String {
    fn from(AdminListen(address): AdminListen) -> Self {
        address.map(|address| address.to_string()).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    #[error("{0:?} is not an address to listen on, such as 127.0.0.1:8080, localhost:8080 or :8080")]
    Form(String),
    #[error("the name {name:?} has no address: {problem}")]
    Name { name: String, problem: String },
}

impl FromStr for ListenAddress {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let form = || ListenError::Form(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        let port: u16 = port.parse().map_err(|_| form())?;
        if host.is_empty() {
            return Ok(Self((Ipv4Addr::UNSPECIFIED, port).into()));
        }
        // An IPv6 address without brackets, or something that is no name.
        if host.contains([':', '/', '[', ']', ' ']) {
            return Err(form());
        }
        let no_address = |problem| ListenError::Name { name: host.to_owned(), problem };
        let found: Vec<_> =
            (host, port).to_socket_addrs().map_err(|error| no_address(error.to_string()))?.collect();
        let best = found.iter().find(|address| address.is_ipv4()).or(found.first());
        best.map(|address| Self(*address)).ok_or_else(|| no_address("none was found".to_owned()))
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = ListenError;

    fn try_from(text: String) -> Result<Self, ListenError> {
        text.parse()
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        let of = |text: &str| text.parse::<ListenAddress>().map(|ListenAddress(address)| address.to_string());
        assert_eq!(of("127.0.0.1:8080").unwrap(), "127.0.0.1:8080");
        assert_eq!(of("[::1]:8080").unwrap(), "[::1]:8080");
        assert_eq!(of(":0").unwrap(), "0.0.0.0:0");
        assert_eq!(of("localhost:8080").unwrap(), "127.0.0.1:8080");
        for wrong in
            ["", "8080", "localhost", "localhost:", ":x", "::1:80:", "localhost:70000", "http://localhost:80"]
        {
            assert_eq!(of(wrong).unwrap_err(), ListenError::Form(wrong.to_owned()));
        }
        assert!(matches!(of("no-such-name.invalid:80").unwrap_err(), ListenError::Name { .. }));
    }
}
