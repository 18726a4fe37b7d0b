//! What the client sent: bodies, queries and path segments, read field by field so that every broken one is
//! reported, and decimals read from their text so that none passes through a float.

mod body;
mod fields;
mod head;
mod paging;
mod params;

pub use body::{Body, BodyTimeout};
pub(crate) use body::{bytes, json_bytes, parse};
pub use fields::{Fields, FromFields, Input, boolean, decimal, integer, text};
pub use head::{Unsent, head_as_get, is_head};
pub use paging::{Paging, moment};
pub use params::{Path, Query};
