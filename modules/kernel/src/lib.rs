//! The words every module shares: identifiers, exact money, pages and the clock. Nothing here does I/O.

pub mod clock;
pub mod decimal;
pub mod ids;
pub mod money;
pub mod page;

pub use clock::{Clock, SystemClock};
pub use ids::{AssetId, EntryId, OrderId, RequestId, SessionId, UserId};
pub use money::{Amount, Price, Quantity, Rounding, Usd};
pub use page::{Page, PageLimit};
pub use rust_decimal::Decimal;

/// A moment in UTC, kept to the millisecond so that what is stored and what is answered agree.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
