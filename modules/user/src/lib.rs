//! Accounts: sign-up, sessions, profile, cash, and the ledger of everything a user holds.

mod domain;
mod error;
mod fields;
mod http;
mod passwords;
mod service;
mod settings;
mod store;
mod tokens;

pub use domain::Outcome;
pub use error::{PROBLEMS, UserError};
pub use fields::{NewPassword, Username};
pub use http::{jwks, routes, state};
pub use service::UserService;
pub use settings::{DepositPolicy, Settings};
pub use store::{LedgerRecord, Stored, TABLE, records, records_of};
pub use tokens::SigningKey;
