//! Whose address a request comes from, and what was asked for: as the connection shows it, or as trusted proxies say.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

use super::hop::hops;

/// The address a request comes from, as the guard found it. IPv4 is never written as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What the guard found, or the address of the connection where there is no guard.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<IpAddr> {
        let found = request.extensions().get::<Self>().map(|address| address.0);
        found.or_else(|| request.peer_addr().map(|peer| peer.ip().to_canonical()))
    }

    /// What a client is counted under: its address, of IPv6 the /64 around it. Those without an address, which TCP
    /// does not have, count as one.
    #[must_use]
    pub fn key_of(request: &HttpRequest) -> u128 {
        Self::of(request).map_or(0, key)
    }
}

/// How the client asked, as far as trusted proxies say; without one, what the connection shows is all there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicOrigin {
    /// `http` or `https`.
    pub scheme: Option<&'static str>,
    /// The host, with its port if there was one; whether it is one is for the reader to check.
    pub host: Option<String>,
}

/// The networks whose `X-Forwarded-*`, or `Forwarded`, is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses (`10.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    /// The rule that an entry broke, with the entry.
    pub fn parse(entries: &[String]) -> Result<Self, String> {
        entries.iter().map(|entry| network(entry)).collect::<Result<_, _>>().map(Self)
    }

    /// The client behind a connection from `peer`, and how it asked, given the headers of the request. Each proxy
    /// appends whom it was called by, so what they say is walked from its end for as long as whoever said it is
    /// trusted. An address that cannot be read ends the walk at the last that could.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, PublicOrigin) {
        let (mut client, mut origin) = (peer.to_canonical(), PublicOrigin::default());
        if !self.trusts(client) {
            return (client, origin);
        }
        for hop in hops(headers) {
            origin.scheme = hop.scheme.and_then(scheme).or(origin.scheme);
            origin.host = hop.host.map(|host| host.trim().to_owned()).or(origin.host);
            match address(hop.client) {
                Some(before) => client = before,
                None => break,
            }
            if !self.trusts(client) {
                break;
            }
        }
        (client, origin)
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(entry: &str) -> Result<IpNet, String> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = entry.parse().map_err(|_| format!("`{entry}` is no address and no network"))?;
    // Addresses are compared in their shortest form, so this would never match.
    if matches!(network, IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some()) {
        return Err(format!("`{entry}` is a network of IPv4 and must be written as such"));
    }
    Ok(network)
}

/// Some proxies add the port, and `Forwarded` puts IPv6 between brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches([' ', '\t']);
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn scheme(entry: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|scheme| entry.trim().eq_ignore_ascii_case(scheme))
}

/// What an address is counted under. Whoever has an IPv6 address commonly has the whole /64 around it.
pub(super) fn key(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
