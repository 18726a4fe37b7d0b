//! Ports for processes that have to be told where to listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that systems give to outgoing connections, so that none of the many that tests make takes one of these
/// before its process does.
const FIRST: u16 = 12_000;
const COUNT: u16 = 16_000;

/// Addresses on the loopback interface that nobody listens on, each given once in a process.
pub fn free<const N: usize>() -> [SocketAddr; N] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run at the same time begin far from each other.
    let start = u16::try_from(std::process::id() % 160).unwrap() * 100;
    std::array::from_fn(|_| {
        loop {
            let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if TcpListener::bind(address).is_ok() {
                break address;
            }
        }
    })
}
