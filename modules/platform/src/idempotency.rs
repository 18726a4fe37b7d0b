//! `Idempotency-Key`: work that is asked for several times under one key is done once and answered each time alike.
//!
//! A handler takes [`Keyed`] in place of [`Body`](crate::request::Body). The module that does the work reads the
//! [`KeyUse`] of the key together with what it works on, asks the [`Once`] what that means, and writes the new one in
//! the same transaction as the work. So there is no claim that a crash could leave behind, and whoever comes second
//! loses on the condition of that write and finds the item of the first. Work that takes several transactions writes
//! the item without an answer in the first of them and adds the answer in the last.
//!
//! The item belongs to a user: its key is made of the user, [`KeyedRequest::scope`] and nothing else.

mod answer;
mod key;
mod key_use;
mod once;

pub use answer::{Answer, Done, REPLAYED, Told};
pub use key::{HEADER, KeyHeader, Keyed, KeyedRequest, NoBody};
pub use key_use::{KeyRefusal, KeyUse, PROBLEMS, Verdict};
pub use once::{KeyWrite, Once};
