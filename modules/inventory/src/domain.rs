//! Assets, the file that lists them, and the figures derived from their prices. Pure: no clock and no I/O.

mod asset;
pub mod candle;
pub mod candle_text;
mod catalog_file;
mod figures;

pub use asset::{Asset, Record};
pub use candle::{Candle, Interval};
pub use catalog_file::read_catalog;
pub use figures::{Figures, Observed, Point};
