//! The feed `coingecko` through the whole module, against a server that speaks CoinGecko's format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod categories;
mod coins;
mod faults;
mod reading;
mod request;
mod server;
mod world;
