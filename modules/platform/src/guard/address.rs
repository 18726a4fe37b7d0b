//! Whose address a request comes from: that of the connection, or what trusted proxies say of it.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

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
}

/// The networks whose `X-Forwarded-For` is believed.
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

    /// The client behind a connection from `peer`, given every line of `X-Forwarded-For`. Each proxy appends whom it
    /// was called by, so the list is walked from its end for as long as whoever wrote an entry is trusted. What cannot
    /// be read ends the walk at the last address that could.
    #[must_use]
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a HeaderValue>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = forwarded.rev().map(|line| line.to_str().unwrap_or_default());
        for entry in lines.flat_map(|line| line.rsplit(',')) {
            match address(entry) {
                Some(before) if self.trusts(client) => client = before,
                _ => break,
            }
        }
        client
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

/// Some proxies add the port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches([' ', '\t']);
    let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
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
