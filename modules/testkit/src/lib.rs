//! What the end-to-end tests drive the platform with: a running platform in one of its shapes, clients that check
//! what every answer must have, and a clock that can be moved.

mod answer;
mod client;
mod clock;
mod deployment;
mod standalone;
mod world;

pub use answer::Answer;
pub use client::{Client, PASSWORD, User, registration};
pub use clock::ShiftedClock;
pub use world::{Setup, Shape, World, block_on, calls};
