//! The tradepost platform: what the binary and the tests share.
//!
//! [`App::start`] is the one call that makes a running platform out of a [`Config`]; `main` and every test use it.

mod app;
pub mod cli;
mod clock;
pub mod config;
pub mod engine;
mod fallback;
mod foundation;
mod health;
mod internal;
mod limits;
pub mod modules;
mod openapi;
pub mod probe;
pub mod report;
mod server;
pub mod split;
pub mod stop;
mod tables;
pub mod verbs;

pub use app::{App, StartError};
pub use config::{Config, ConfigError, Overrides};
pub use openapi::document;
