//! Where prices come from.

mod coingecko;
mod file;
mod nothing;
mod simulated;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tradepost_kernel::{AssetId, Timestamp};

pub use self::coingecko::CoinGecko;
pub use self::file::Replay;
pub use self::nothing::Nothing;
pub use self::simulated::Simulated;
use crate::domain::{Asset, Candle, Interval, Row, read_catalog};
use crate::settings::{Settings, Source};

/// The feed that these settings ask for, of the assets of a catalog.
///
/// # Errors
/// A sentence that says which asset of the catalog file, or which setting, is wrong.
pub fn open(settings: &Settings, catalog: &str) -> Result<Opened, String> {
    let catalog = read_catalog(catalog).map_err(|error| match settings.catalog.as_str() {
        "" => format!("inventory.catalog: {error}"),
        file => format!("inventory.catalog: {file}: {error}"),
    })?;
    let unpriced =
        catalog.iter().map(|entry| Arc::new(Row::unpriced(Arc::new(unranked(&entry.asset))))).collect();
    let feed: Arc<dyn Feed> = match settings.feed {
        Source::CoinGecko => Arc::new(CoinGecko::new(settings, &catalog)?),
        Source::File => Arc::new(Replay::new(&settings.file, &catalog)?),
        Source::Simulated => Arc::new(Simulated::new(settings.simulation_seed, settings.tick(), catalog)),
        Source::None => Arc::new(Nothing::new(&catalog)),
    };
    Ok(Opened { feed, unpriced })
}

/// A feed, and the assets of the catalog as they are shown while the feed says nothing of them.
pub struct Opened {
    pub feed: Arc<dyn Feed>,
    pub unpriced: Vec<Arc<Row>>,
}

/// The ranks of the catalog file say nothing beside those of a feed.
fn unranked(asset: &Asset) -> Asset {
    Asset { rank: None, ..asset.clone() }
}

/// Where prices come from. Some feeds are computed, by every process for itself; the others are asked by one process
/// of an installation, which shares what it is told through the table.
#[async_trait]
pub trait Feed: Send + Sync {
    /// What its quotes are marked with.
    fn source(&self) -> &'static str;

    /// Which of two settings of a feed it is: a process that goes on for another goes on with the same one.
    fn fingerprint(&self) -> String {
        self.source().to_owned()
    }

    /// How often there are new prices.
    fn interval(&self) -> Duration;

    /// The market at a moment, of a feed that is computed. It must be the same in every process.
    fn computed(&self, _at: Timestamp) -> Option<Vec<Arc<Row>>> {
        None
    }

    /// The candles of an asset from a moment (Unix ms) up to another, of a feed that is computed.
    fn candles(&self, _asset: AssetId, _interval: Interval, _range: Range<i64>) -> Option<Vec<Candle>> {
        None
    }

    /// The market of now, of a feed that is asked. Assets that it says nothing of keep what was said before.
    ///
    /// # Errors
    /// Why there is no answer that can be used.
    async fn fetch(&self, moment: Moment) -> Result<Vec<Row>, FeedError>;
}

/// When a feed is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub now: Timestamp,
    /// When an installation first asked this feed.
    pub since: Timestamp,
}

/// Why a feed gives no prices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// It was asked too often; it may say when to ask again.
    #[error("it was asked too often")]
    Limited { retry_after: Option<Duration> },
    /// No answer, or one that says it cannot.
    #[error("it does not answer: {0}")]
    Unavailable(String),
    /// An answer that cannot be read.
    #[error("its answer cannot be read: {0}")]
    Malformed(String),
}

impl FeedError {
    /// For metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Limited { .. } => "limited",
            Self::Unavailable(_) => "unavailable",
            Self::Malformed(_) => "malformed",
        }
    }
}
