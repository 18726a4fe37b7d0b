//! What a client sends and what it gets back, through actix-web with the extractors, the authentication and the
//! last middleware as the server has them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin_only;
mod body;
mod finish;
mod guard;
mod head;
mod idempotency;
mod log;
mod params;
mod signed_in;
mod support;
