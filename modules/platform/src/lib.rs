//! The machinery every module stands on, without a word of business: who is calling, what they sent, how
//! much of it is let in, the store, other processes, cursors, secrets and telemetry.

pub mod auth;
pub mod cursor;
pub mod dynamo;
pub mod encoding;
pub mod guard;
pub mod headers;
pub mod idempotency;
pub mod journey;
pub mod peer;
pub mod request;
pub mod secrets;
pub mod settings;
pub mod telemetry;
