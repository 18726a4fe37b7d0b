//! Everything that is told to a client when something does not work: problem documents as in RFC 9457, the
//! kinds of failure behind them, and the middleware that makes sure no other form of error leaves the server.
//!
//! A module's errors implement [`Failure`]; `?` in a handler turns them into a [`Rejection`]; [`finish`] writes
//! the document. Status codes are known here and nowhere else.

mod document;
mod failure;
mod finish;
pub mod http;
mod outage;
mod pages;
mod rejection;

pub use document::{FieldError, Problem};
pub use failure::{About, Failure, Kind};
pub use finish::finish;
pub use outage::{OUTAGES, Outage};
pub use pages::{ProblemPage, ProblemPages, explain_problem, list_problems};
pub use rejection::Rejection;
