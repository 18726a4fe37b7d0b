//! What the end-to-end tests drive the platform with: a running platform in one of its shapes, clients that check
//! what every answer must have, a clock that can be moved, and proxies that break what passes between processes.

mod admin;
mod answer;
mod breakable;
mod client;
mod clock;
mod deployment;
mod meddler;
mod ports;
mod standalone;
mod store;
mod world;

pub use answer::Answer;
pub use breakable::Breakable;
pub use client::{Client, PASSWORD, User, registration};
pub use clock::ShiftedClock;
pub use deployment::SERVICE_SECRET;
pub use meddler::{Meddler, Mode};
pub use store::clean_up;
pub use world::{Setup, Shape, World, block_on, calls};
