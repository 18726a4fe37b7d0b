//! Calls between the processes of a platform: `POST /internal/{module}/{method}`, JSON in and out. A refusal
//! comes back as a problem document that carries the error itself; no answer, or one that cannot be read, is an
//! outage, after which the outcome is unknown. Every method may be called twice, so a call without an answer is
//! tried once more, inside its deadline.
//!
//! The two halves of a module's `wire.rs` meet here: [`Peer`] calls, [`admit`], [`Call`] and [`reply`] answer.

mod answer;
mod call;
mod keys;
mod token;

pub use answer::{Call, admit, reply};
pub use call::{Peer, PeerClient, http_client};
pub use keys::PublishedKeys;
pub use token::ServiceTokens;

/// The signed token of the calling service.
const SERVICE_TOKEN: &str = "x-service-token";
/// How long the caller still waits, in milliseconds.
const DEADLINE: &str = "x-deadline-ms";
