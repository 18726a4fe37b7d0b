//! The service with its store and its recovery, against the real embedded engine.

#![allow(clippy::unwrap_used, clippy::panic)]

mod crash;
mod keyed;
mod listing;
mod placing;
mod recovery;
mod rules;
mod support;
mod ticks;
mod waiting;
