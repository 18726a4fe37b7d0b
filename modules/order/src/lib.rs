//! Orders and what comes of them: market orders, orders that wait for a price, the portfolio and the trades of a
//! user.
//!
//! The accounts decide: they settle an order, or hold what it takes and later settle it from that or give it back.
//! Around each call an order is written twice, with what is to be done before and what was done after; whatever comes
//! between the two, [`OrderService::run_recovery`] finishes it.

mod answer;
mod domain;
mod error;
mod http;
mod recovery;
mod service;
mod settings;
mod store;
mod triggers;

pub use answer::{Placed, cancelled, placed};
pub use domain::{
    ClientOrderId, Intent, NewOrder, Order, OrderFilter, OrderPlace, OrderType, Preview, Refused, Remaining,
    Stage, Status, Terms,
};
pub use error::{OrderError, PROBLEMS};
pub use http::{routes, state};
pub use service::OrderService;
pub use settings::Settings;
pub use store::{OrderRecord, StoredOrder, TABLE, order_records, order_records_of};
