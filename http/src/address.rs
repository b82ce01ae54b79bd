//! Resolves the address that a request comes from.
//!
//! * Without trusted proxies it is the peer of the connection, whatever the request's headers say.
//! * Behind trusted proxies it is the rightmost hop of the forwarding header that is not a trusted proxy itself. Hops to the left of
//!   it are the client's own words.
//! * A hop that is no address ends the search: the address is then the proxy that reported it. A client can therefore never choose
//!   the address that it is counted under.
//! * Limits count by [`AddressShare`]: one IPv4 address, or one /64 of IPv6, because a single customer usually holds a whole /64.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName, request};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// Proxies between a client and Nova; further hops are not looked at.
const HOPS_MAX: usize = 32;

/// The address of a client. IPv4 addresses mapped into IPv6 are IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// Returns the key under which limits per address count this client.
    pub fn share(self) -> AddressShare {
        match self.0 {
            IpAddr::V4(address) => AddressShare::V4(address.to_bits()),
            IpAddr::V6(address) => AddressShare::V6Prefix((address.to_bits() >> 64) as u64),
        }
    }
}

/// A key of limits per address: an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressShare {
    V4(u32),
    V6Prefix(u64),
}

/// The header in which trusted proxies report the client. A proxy sets one of them and passes the other one on as the client sent
/// it, so only the configured one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardingHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Fails with the entry of a list of trusted proxies that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct InvalidNetwork(pub String);

/// The networks whose forwarding header is believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardingHeader,
}

impl TrustedProxies {
    /// Parses addresses (`10.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Examples
    /// ```
    /// use nova_http::address::{ForwardingHeader, TrustedProxies};
    ///
    /// let trusted = TrustedProxies::parse(["10.0.0.0/8", "::1"], ForwardingHeader::XForwardedFor).unwrap();
    /// assert!(trusted.contains("10.1.2.3".parse().unwrap()));
    /// assert!(!trusted.contains("192.0.2.1".parse().unwrap()));
    /// ```
    pub fn parse<'a>(
        entries: impl IntoIterator<Item = &'a str>,
        header: ForwardingHeader,
    ) -> Result<Self, InvalidNetwork> {
        let parse = |entry: &str| {
            let address = || entry.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            entry.parse().or_else(|_| address()).map_err(|_| InvalidNetwork(entry.to_owned()))
        };
        Ok(Self { networks: entries.into_iter().map(parse).collect::<Result<_, _>>()?, header })
    }

    /// Returns whether the address belongs to a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Returns the client of a request that came over a connection from `peer`.
    pub fn resolve(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        if !self.contains(client) {
            return ClientAddress(client);
        }
        let name = match self.header {
            ForwardingHeader::XForwardedFor => &X_FORWARDED_FOR,
            ForwardingHeader::Forwarded => &FORWARDED,
        };
        // Several headers of one name are one list (RFC 9110, 5.3). Commas are split from the right without regard to quotes: a
        // proxy appends a hop without a comma in it, and a quote that the client leaves open must not swallow that hop.
        let lists = headers.get_all(name).iter().collect::<Vec<_>>();
        let hops = lists.iter().rev().flat_map(|list| list.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(HOPS_MAX) {
            let hop = std::str::from_utf8(hop).ok().and_then(|hop| match self.header {
                ForwardingHeader::XForwardedFor => node(hop),
                ForwardingHeader::Forwarded => forwarded_for(hop),
            });
            let Some(hop) = hop else { break };
            client = hop;
            if !self.contains(hop) {
                break;
            }
        }
        ClientAddress(client)
    }

    /// Returns the client of a request. `None`: the request came over no connection, as in a test of a router.
    pub fn client_of(&self, parts: &request::Parts) -> Option<ClientAddress> {
        self.client(&parts.extensions, &parts.headers)
    }

    /// The same as [`Self::client_of`], for a request that has not been taken apart.
    pub fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<ClientAddress> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(self.resolve(peer.ip(), headers))
    }
}

/// Parses `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    address.or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

/// Parses the `for` of one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    })?;
    node(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: [&str; 3] = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"];

    fn resolved(header: ForwardingHeader, peer: &str, lists: &[&str]) -> String {
        let trusted = TrustedProxies::parse(PROXIES, header).unwrap();
        let mut headers = HeaderMap::new();
        for name in [X_FORWARDED_FOR, FORWARDED] {
            for list in lists {
                headers.append(&name, axum::http::HeaderValue::from_bytes(list.as_bytes()).unwrap());
            }
        }
        trusted.resolve(peer.parse().unwrap(), &headers).ip().to_string()
    }

    fn x_forwarded_for(peer: &str, lists: &[&str]) -> String {
        resolved(ForwardingHeader::XForwardedFor, peer, lists)
    }

    #[test]
    fn peer_is_the_client_unless_it_is_a_trusted_proxy() {
        assert_eq!(x_forwarded_for("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(x_forwarded_for("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(x_forwarded_for("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(x_forwarded_for("192.0.2.7", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(x_forwarded_for("192.0.2.8", &["198.51.100.1"]), "192.0.2.8");
        assert_eq!(x_forwarded_for("::ffff:10.0.0.1", &["::ffff:198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn rightmost_untrusted_hop_is_the_client() {
        assert_eq!(x_forwarded_for("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.9.9.9"]), "198.51.100.1");
        assert_eq!(x_forwarded_for("10.0.0.1", &["1.1.1.1", "198.51.100.1,10.9.9.9"]), "198.51.100.1");
        assert_eq!(x_forwarded_for("10.0.0.1", &["10.2.2.2, 10.3.3.3"]), "10.2.2.2", "only proxies");
        assert_eq!(x_forwarded_for("fd00::1", &["2001:db8::5"]), "2001:db8::5");
        for port in ["198.51.100.1:8080", "  198.51.100.1  "] {
            assert_eq!(x_forwarded_for("10.0.0.1", &[port]), "198.51.100.1");
        }
        assert_eq!(x_forwarded_for("10.0.0.1", &["[2001:db8::5]:443"]), "2001:db8::5");
        assert_eq!(x_forwarded_for("10.0.0.1", &["[2001:db8::5]"]), "2001:db8::5");
    }

    #[test]
    fn garbage_counts_for_the_proxy_that_reported_it() {
        for garbage in ["unknown", "", "_secret", "1.1.1.1.1", "a, b", "\"", "1.1.1.1,", "%", "\u{e9}"] {
            assert_eq!(x_forwarded_for("10.0.0.1", &[garbage]), "10.0.0.1", "{garbage:?}");
            assert_eq!(x_forwarded_for("10.0.0.1", &[garbage, "10.4.4.4"]), "10.4.4.4", "{garbage:?}");
            assert_eq!(
                x_forwarded_for("10.0.0.1", &[garbage, "198.51.100.1"]),
                "198.51.100.1",
                "{garbage:?}"
            );
        }
        let many = "10.0.0.2,".repeat(10_000) + "10.0.0.3";
        assert_eq!(x_forwarded_for("10.0.0.1", &[&format!("1.1.1.1,{many}")]), "10.0.0.2");
    }

    #[test]
    fn forwarded_header_is_read_when_it_is_the_configured_one() {
        let resolved = |list: &str| resolved(ForwardingHeader::Forwarded, "10.0.0.1", &[list]);
        assert_eq!(resolved("for=198.51.100.1"), "198.51.100.1");
        assert_eq!(resolved("by=10.0.0.1;For=\"[2001:db8::5]:47\";proto=https"), "2001:db8::5");
        assert_eq!(resolved("for=1.1.1.1, for=198.51.100.1;host=a, for=10.1.1.1"), "198.51.100.1");
        assert_eq!(resolved("for=\"1.1.1.1, for=198.51.100.1"), "198.51.100.1", "a quote left open");
        for garbage in ["for=unknown", "for=_hidden", "by=1.1.1.1", "for", "1.1.1.1"] {
            assert_eq!(resolved(garbage), "10.0.0.1", "{garbage}");
        }
    }

    #[test]
    fn shares_are_whole_ipv4_addresses_and_64_bits_of_ipv6() {
        let share = |text: &str| ClientAddress::new(text.parse().unwrap()).share();
        assert_ne!(share("198.51.100.1"), share("198.51.100.2"));
        assert_eq!(share("::ffff:198.51.100.1"), share("198.51.100.1"));
        assert_eq!(share("2001:db8:0:1::1"), share("2001:db8:0:1:ffff::9"));
        assert_ne!(share("2001:db8:0:1::1"), share("2001:db8:0:2::1"));
    }

    #[test]
    fn names_the_entry_that_is_no_network() {
        let parse = |entry| TrustedProxies::parse([entry], ForwardingHeader::default());
        for entry in ["10.0.0.0/33", "proxy.example", "", "10.0.0"] {
            assert_eq!(parse(entry), Err(InvalidNetwork(entry.to_owned())));
        }
        assert!(parse("10.0.0.0/8").is_ok() && parse("::/0").is_ok());
    }

    #[test]
    fn a_request_names_its_client_by_its_connection() {
        let trusted = TrustedProxies::parse(PROXIES, ForwardingHeader::default()).unwrap();
        let mut request = axum::http::Request::new(());
        request.headers_mut().insert(X_FORWARDED_FOR, "198.51.100.1".parse().unwrap());
        let parts = request.clone().into_parts().0;
        assert_eq!(trusted.client_of(&parts), None);
        let peer: SocketAddr = "10.0.0.1:4711".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let client = trusted.client_of(&request.into_parts().0).map(ClientAddress::ip);
        assert_eq!(client, Some("198.51.100.1".parse().unwrap()));
    }
}
