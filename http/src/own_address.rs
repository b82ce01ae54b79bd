//! Where clients reach Nova, for addresses of its own that it signs.
//!
//! A signed address is a permission, so what a request says about where it came to counts only if it is known to lead here: a host
//! that the operator has named, or one that leads nowhere but to this machine.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::ApiError;

/// Where Nova's own addresses begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnAddress {
    public_url: String,
    hosts: Vec<String>,
    listen: Option<SocketAddr>,
}

impl OwnAddress {
    /// `public_url`: what all addresses begin with, such as `https://nova.example`. Empty: the request's own host, if it is one of
    /// `hosts` (with the port, unless it is 80), the address in `listen`, or a loopback address.
    pub fn new(public_url: &str, hosts: &[String], listen: SocketAddr) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { public_url: public_url.trim_end_matches('/').to_owned(), hosts, listen: Some(listen) }
    }

    /// Returns the beginning of an address that leads the sender of these headers back here. Fails with 421 `host_not_allowed` when
    /// the request's host is not known to lead here.
    pub fn base(&self, headers: &HeaderMap) -> Result<String, ApiError> {
        if !self.public_url.is_empty() {
            return Ok(self.public_url.clone());
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.trim().to_ascii_lowercase();
        if self.leads_here(&host) {
            return Ok(format!("http://{host}"));
        }
        let detail = "This server does not sign addresses for the host that the request names. Its operator sets \
                      media.public_url, or http.hosts_allowed.";
        Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "host_not_allowed", detail).field(
            "host",
            "not_allowed",
            "is not one of this server's",
        ))
    }

    fn leads_here(&self, host: &str) -> bool {
        if self.hosts.iter().any(|allowed| allowed == host) {
            return true;
        }
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let is_loopback = name == "localhost" || address.is_some_and(|address| address.is_loopback());
        let port = authority.port_u16().unwrap_or(80);
        let is_listening = address.is_some_and(|address| self.listen == Some(SocketAddr::new(address, port)));
        !host.contains('@') && (is_loopback || is_listening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(public_url: &str, hosts: &[&str], listen: &str, host: &str) -> Option<String> {
        let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
        let address = OwnAddress::new(public_url, &hosts, listen.parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        match address.base(&headers) {
            Ok(base) => Some(base),
            Err(error) => {
                assert_eq!((error.status().as_u16(), error.code()), (421, "host_not_allowed"));
                None
            }
        }
    }

    #[test]
    fn the_public_url_goes_first_whatever_the_request_says() {
        for host in ["evil.example", "127.0.0.1:80", ""] {
            let base = base("https://nova.example/", &["evil.example"], "127.0.0.1:80", host);
            assert_eq!(base.as_deref(), Some("https://nova.example"));
        }
    }

    #[test]
    fn without_it_only_hosts_that_lead_here_are_signed() {
        let own = |host: &str| base("", &["Nova.example:8080", "nova.example"], "192.0.2.1:8080", host);
        for host in
            ["nova.example", "NOVA.example:8080", "192.0.2.1:8080", "localhost", "127.0.0.1:9", "[::1]:9"]
        {
            assert_eq!(own(host), Some(format!("http://{}", host.to_ascii_lowercase())), "{host}");
        }
        for host in [
            "evil.example",
            "nova.example:81",
            "192.0.2.1",
            "192.0.2.2:8080",
            "",
            "localhost.evil.example",
            "a@127.0.0.1",
            "127.0.0.1.evil.example",
            "127.0.0.1/evil",
            "evil.example#localhost",
        ] {
            assert_eq!(own(host), None, "{host}");
        }
    }
}
