//! The gateway over real HTTP: an app that forwards, in front of upstreams that do what a test tells them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod balancing;
mod breaking;
mod downloads;
mod headers;
mod health;
mod metrics;
mod retries;
mod routing;
mod support;
mod timeouts;
mod uploads;
