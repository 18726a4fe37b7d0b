//! Assets, what feeds and administrators say of them, and what follows from their prices. Pure: no clock and no I/O.

mod amendment;
mod asset;
pub mod candle;
pub mod candle_text;
mod catalog_file;
mod category;
mod figures;
mod intake;
mod row;
mod search;

pub use amendment::{Amendment, Change, Custom, OTHER, Terms, Unchangeable};
pub use asset::{Asset, CatalogEntry, Record};
pub use candle::{Candle, Interval, merge, tick};
pub use catalog_file::read_catalog;
pub use category::category_name;
pub use figures::{Figures, Observed, Point, Summit, percentage};
pub use intake::{Guard, Intake, take_in};
pub use row::{Row, Tick};
pub use search::{Relevance, SearchKey, SearchText};
