//! The service with its store and its recovery, against the real embedded engine.

#![allow(clippy::unwrap_used)]

mod crash;
mod listing;
mod placing;
mod recovery;
mod support;
mod ticks;
mod waiting;
