//! Assets, what feeds and administrators say of them, and what follows from their prices. Pure: no clock and no I/O.

mod amendment;
mod asset;
mod candle;
mod catalog_file;
mod figures;
mod intake;
mod row;

pub use amendment::{Amendment, Change, Custom, Terms, Unchangeable};
pub use asset::{Asset, CatalogEntry, Record};
pub use candle::{Candle, Interval, write_candles};
pub use catalog_file::read_catalog;
pub use figures::{Figures, Observed, Point, Summit};
pub use intake::{Guard, Intake, take_in};
pub use row::{Row, Tick};
