//! One asset as the feed sees it: what every process of an installation shows, and what is stored of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradepost_kernel::{Price, Timestamp};

use super::{Asset, Candle, Figures};

/// One asset as the feed sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    #[serde(with = "shared")]
    pub asset: Arc<Asset>,
    /// The newest price, if there ever was one.
    pub tick: Option<Tick>,
    pub figures: Figures,
    /// The candle of the minute that is not over, where candles are built from what a feed says.
    pub minute: Option<Candle>,
    /// What it cost at each full hour of the last seven days, the oldest first, as far as that is known. Every process
    /// works it out for itself.
    #[serde(skip)]
    pub sparkline: Option<Arc<[Price]>>,
}

/// A price and the moment at which it was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    pub price: Price,
    pub as_of: Timestamp,
}

impl Row {
    /// An asset without a price.
    pub fn unpriced(asset: Arc<Asset>) -> Self {
        Self { asset, tick: None, figures: Figures::default(), minute: None, sparkline: None }
    }
}

/// What is shared in memory is written out.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(serializer)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
