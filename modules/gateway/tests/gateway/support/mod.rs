//! A running gateway, a client for it, and upstreams that do what a test tells them.

mod edge;
mod upstream;
mod wire;

use std::future::Future;
use std::time::Duration;

pub use edge::{Answer, Edge, Setup};
pub use upstream::Upstream;
pub use wire::{Wire, header};

/// Waits until something is so; fails the test if it never is.
pub async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came about that {what}");
}
