//! Free ports for processes on this machine.

use std::net::{Ipv4Addr, TcpListener};

use tradepost_platform::secrets::random;

use crate::StartError;

/// Below what systems take for outgoing connections (Linux from 32768 on, others from 49152): a port must not become
/// the near end of somebody's connection while its process starts anew.
const RANGE: std::ops::Range<u16> = 20_000..32_768;
const ATTEMPTS: usize = 1000;

/// Ports on which nobody listens now. Somebody else may take one before it is used; its process then says so.
///
/// # Errors
/// When none are found.
pub fn free<const N: usize>() -> Result<[u16; N], StartError> {
    // Held until all are found, so that none is found twice.
    let mut held = Vec::with_capacity(N);
    for _ in 0..ATTEMPTS {
        if held.len() == N {
            break;
        }
        let offset = u16::from_ne_bytes(random()?) % (RANGE.end - RANGE.start);
        let port = RANGE.start + offset;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    let ports: Vec<u16> = held.iter().map(|(port, _)| *port).collect();
    ports.try_into().map_err(|_| StartError::new("There are not enough free ports on 127.0.0.1."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_ports_differ_and_are_free() {
        let ports: [u16; 6] = super::free().unwrap();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
        assert!(ports.iter().all(|port| super::RANGE.contains(port)));
    }
}
