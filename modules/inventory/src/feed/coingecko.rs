//! The prices of CoinGecko: one list of the largest coins, and now and then which of them are in a category.

mod categories;
mod client;
mod coin;
mod number;
mod page;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tradepost_kernel::{AssetId, Timestamp};

use self::categories::Categories;
use self::client::Client;
use self::coin::Coin;
use self::page::{read_ids, read_page};
use super::{Feed, FeedError, Moment};
use crate::domain::{Asset, CatalogEntry, OTHER, Row};
use crate::settings::Settings;

/// So many coins are asked for in the request for a category: the most there can be on a page.
const CATEGORY_SIZE: u32 = 250;
/// So many collisions are remembered, so that each is logged once.
const MOST_COLLISIONS: usize = 10_000;

/// The prices of CoinGecko.
pub struct CoinGecko {
    client: Client,
    per_page: u32,
    pages: u32,
    interval: Duration,
    /// How long all requests of one fetch may take together.
    patience: Duration,
    /// What the catalog file says of an asset.
    described: HashMap<AssetId, Arc<Asset>>,
    memory: Mutex<Memory>,
}

/// What is remembered from one fetch to the next.
struct Memory {
    categories: Categories,
    /// The coins that had to yield their symbol, each with the one it yielded to.
    collisions: HashSet<(String, String)>,
    /// CoinGecko asked for silence until then.
    silent_until: Option<Instant>,
}

impl CoinGecko {
    /// The coins that these settings ask for, described as in a catalog where that has them.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong, or that HTTPS is not to be had.
    pub fn new(settings: &Settings, catalog: &[CatalogEntry]) -> Result<Self, String> {
        let section = &settings.coingecko;
        let categories = Categories::new(section.mapping()?, section.categories_refresh_h);
        Ok(Self {
            client: Client::new(section)?,
            per_page: section.per_page,
            pages: section.pages,
            interval: section.interval(),
            // The lease allows half of itself; what came must be in hand before that.
            patience: settings.lease() * 2 / 5,
            described: catalog.iter().map(|entry| (entry.asset.id, Arc::clone(&entry.asset))).collect(),
            memory: Mutex::new(Memory { categories, collisions: HashSet::new(), silent_until: None }),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many pages as there are; what came before a page that failed is used.
    async fn market(&self, now: Timestamp, deadline: Instant) -> Result<Vec<Coin>, FeedError> {
        let mut coins = Vec::new();
        for number in 1..=self.pages {
            let answer = self.client.markets(self.per_page, number, None, now, deadline).await;
            match answer.and_then(|body| read_page(&body, now)) {
                Ok(page) => {
                    coins.extend(page.coins);
                    if page.listed < self.per_page {
                        break;
                    }
                }
                Err(error) if number == 1 => return Err(self.noted(error)),
                Err(error) => {
                    let error = self.noted(error);
                    metrics::counter!("tradepost_feed_errors_total", "kind" => "partial").increment(1);
                    tracing::warn!(page = number, %error, "only the pages before this one came");
                    break;
                }
            }
        }
        Ok(coins)
    }

    /// Remembers for how long CoinGecko does not want to be asked.
    fn noted(&self, error: FeedError) -> FeedError {
        if let FeedError::Limited { retry_after: Some(pause) } = error {
            self.memory().silent_until = Some(Instant::now() + pause);
        }
        error
    }

    fn silence(&self) -> Option<Duration> {
        let until = self.memory().silent_until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|rest| !rest.is_zero())
    }

    /// Asks which coins are in one category, if that is due for any.
    async fn learn_category(&self, now: Timestamp, deadline: Instant) {
        let due = self.memory().categories.due(now);
        let Some(name) = due.filter(|_| self.silence().is_none()) else { return };
        let answer = self.client.markets(CATEGORY_SIZE, 1, Some(&name), now, deadline).await;
        match answer.and_then(|body| read_ids(&body)) {
            Ok(coins) => self.memory().categories.learn(&name, coins, now),
            Err(error) => {
                let error = self.noted(error);
                metrics::counter!("tradepost_feed_errors_total", "kind" => "category").increment(1);
                tracing::warn!(category = name, %error, "it is not known which coins are in this category");
                self.memory().categories.postpone(&name, now);
            }
        }
    }

    /// One coin for each symbol: the one with the highest market capitalisation. One whose price cannot be used
    /// keeps its symbol all the same, so that no other's price is taken for its.
    fn distinct(&self, coins: Vec<Coin>) -> impl Iterator<Item = Coin> {
        let mut chosen: HashMap<AssetId, Coin> = HashMap::with_capacity(coins.len());
        for coin in coins {
            let symbol = coin.asset.id;
            let Some(known) = chosen.remove(&symbol) else {
                chosen.insert(symbol, coin);
                continue;
            };
            // A coin that moved from one page to the next between two requests is no collision.
            let (winner, loser) = if coin.outranks(&known) { (coin, known) } else { (known, coin) };
            if winner.id != loser.id {
                self.log_collision(&winner, &loser);
            }
            chosen.insert(symbol, winner);
        }
        chosen.into_values()
    }

    fn log_collision(&self, winner: &Coin, loser: &Coin) {
        let mut memory = self.memory();
        if memory.collisions.len() >= MOST_COLLISIONS {
            memory.collisions.clear();
        }
        if memory.collisions.insert((winner.id.clone(), loser.id.clone())) {
            let symbol = winner.asset.id;
            tracing::info!(%symbol, coin = winner.id, ignored = loser.id, "two coins have one symbol");
        }
    }

    fn row(&self, coin: Coin) -> Option<Row> {
        let tick = coin.tick?;
        let mut asset = coin.asset;
        let described = self.described.get(&asset.id);
        asset.description = described.and_then(|asset| asset.description.clone());
        asset.category = match described {
            Some(asset) => asset.category.clone(),
            None => self.memory().categories.of(&coin.id).unwrap_or(OTHER).to_owned(),
        };
        Some(Row {
            asset: Arc::new(asset),
            tick: Some(tick),
            figures: coin.figures,
            minute: None,
            sparkline: None,
        })
    }
}

#[async_trait]
impl Feed for CoinGecko {
    fn source(&self) -> &'static str {
        "coingecko"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn fetch(&self, Moment { now, .. }: Moment) -> Result<Vec<Row>, FeedError> {
        if let Some(rest) = self.silence() {
            return Err(FeedError::Limited { retry_after: Some(rest) });
        }
        let deadline = Instant::now() + self.patience;
        let coins = self.market(now, deadline).await?;
        self.learn_category(now, deadline).await;
        let rows: Vec<Row> = self.distinct(coins).filter_map(|coin| self.row(coin)).collect();
        if rows.is_empty() {
            return Err(FeedError::Malformed("it has no coin that can be used".to_owned()));
        }
        Ok(rows)
    }
}
