//! Orders and what comes of them: market orders, the portfolio and the trades of a user.
//!
//! Money moves in one call, `Accounts::settle`. Around it an order is written twice: `pending` before, and in
//! its final state after; whatever comes between the two, [`OrderService::run_recovery`] finishes it.

mod domain;
mod error;
mod http;
mod recovery;
mod service;
mod settings;
mod store;

pub use domain::{NewOrder, Order, OrderFilter, OrderPlace, OrderType, Refused, Status};
pub use error::{OrderError, PROBLEMS};
pub use http::{routes, state};
pub use service::OrderService;
pub use settings::Settings;
pub use store::{ScanPlace, TABLE, orders_page};
