//! What an order is, what makes it acceptable, and how it ends. Pure: the time and the quote are given.

mod list;
mod trade;
mod valuation;

#[cfg(test)]
mod tests;

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_inventory_api::{Listing, Quote};
use tradepost_kernel::{Amount, AssetId, OrderId, Price, Quantity, Rounding, Timestamp, Usd, UserId};
use tradepost_problem::Failure;
use tradepost_user_api::{Position, Settled, Settlement, Side, Source};

pub use self::list::{Collector, OrderFilter, OrderPlace};
pub use self::trade::Trade;
pub use self::valuation::{Holding, Portfolio, held_assets};
use crate::{OrderError, Settings};

/// An order that has no outcome this long after it was accepted is given up: its price is no longer true.
const SETTLE_WITHIN: TimeDelta = TimeDelta::seconds(10);

/// What an order wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    MarketBuy,
    MarketSell,
    LimitBuy,
    LimitSell,
    StopLoss,
    TakeProfit,
}

impl OrderType {
    const ALL: [Self; 6] = [
        Self::MarketBuy,
        Self::MarketSell,
        Self::LimitBuy,
        Self::LimitSell,
        Self::StopLoss,
        Self::TakeProfit,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MarketBuy => "market_buy",
            Self::MarketSell => "market_sell",
            Self::LimitBuy => "limit_buy",
            Self::LimitSell => "limit_sell",
            Self::StopLoss => "stop_loss",
            Self::TakeProfit => "take_profit",
        }
    }

    pub const fn side(self) -> Side {
        match self {
            Self::MarketBuy | Self::LimitBuy => Side::Buy,
            Self::MarketSell | Self::LimitSell | Self::StopLoss | Self::TakeProfit => Side::Sell,
        }
    }
}

impl FromStr for OrderType {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|order_type| order_type.as_str() == text);
        known.ok_or("must be market_buy, market_sell, limit_buy, limit_sell, stop_loss or take_profit")
    }
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, not settled.
    Pending,
    /// Waiting for its price.
    Open,
    Completed,
    Cancelled,
    Expired,
    Failed,
}

impl Status {
    const ALL: [Self; 6] =
        [Self::Pending, Self::Open, Self::Completed, Self::Cancelled, Self::Expired, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// Whether this is how the order ended. Nothing follows a final state.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Expired | Self::Failed)
    }
}

impl FromStr for Status {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or("must be pending, open, completed, cancelled, expired or failed")
    }
}

/// What a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub order_type: OrderType,
    pub asset: AssetId,
    pub quantity: Quantity,
}

/// An order with the price it was accepted at. Nobody prices it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub user: UserId,
    pub order_id: OrderId,
    pub order_type: OrderType,
    pub asset: AssetId,
    pub quantity: Quantity,
    pub price: Price,
    pub price_source: String,
    pub total: Usd,
    pub status: Status,
    /// The accounts refuse the order after this, unless they have settled it before.
    pub settle_by: Timestamp,
    pub failure: Option<Refused>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why an order failed, as its user was or will be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub code: String,
    pub detail: String,
}

impl NewOrder {
    /// The order at the price of now, pending.
    ///
    /// # Errors
    /// Refusals that leave no order behind, because there is no price or no value to write down.
    pub fn at_market(
        self,
        user: UserId,
        order_id: OrderId,
        listing: &Listing,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Order, OrderError> {
        let quote = usable_quote(listing, settings, now)?;
        let rounding = match self.order_type.side() {
            Side::Buy => Rounding::Up,
            Side::Sell => Rounding::Down,
        };
        let total = quote.price.times(self.quantity, rounding);
        let too_large = OrderError::OrderValueTooLarge { max: settings.max_value, value: None };
        Ok(Order {
            user,
            order_id,
            order_type: self.order_type,
            asset: self.asset,
            quantity: self.quantity,
            price: quote.price,
            price_source: quote.source.clone(),
            total: total.map_err(|_| too_large)?,
            status: Status::Pending,
            settle_by: now + SETTLE_WITHIN,
            failure: None,
            created_at: now,
            updated_at: now,
        })
    }
}

/// An asset that cannot be traded needs no fresh price: the order is refused anyhow, and kept at the last one.
fn usable_quote<'a>(
    listing: &'a Listing,
    settings: &Settings,
    now: Timestamp,
) -> Result<&'a Quote, OrderError> {
    let asset = listing.asset;
    let is_fresh = |quote: &Quote| now.signed_duration_since(quote.as_of) <= settings.max_quote_age();
    match &listing.quote {
        Some(quote) if !listing.tradable || is_fresh(quote) => Ok(quote),
        _ if !listing.tradable => Err(OrderError::AssetNotTradable { asset }),
        _ => Err(OrderError::PriceUnavailable { asset }),
    }
}

impl Order {
    /// Whether the order may go to settlement.
    ///
    /// # Errors
    /// The refusal with which it is kept.
    pub fn check(&self, tradable: bool, settings: &Settings) -> Result<(), OrderError> {
        let (min, max, value) = (settings.min_value, settings.max_value, self.total);
        if !tradable {
            return Err(OrderError::AssetNotTradable { asset: self.asset });
        }
        if value < min {
            return Err(OrderError::OrderValueTooSmall { min, value });
        }
        if value > max {
            return Err(OrderError::OrderValueTooLarge { max, value: Some(value) });
        }
        Ok(())
    }

    /// Whether it sells all there is of a position, which must not strand because it is worth so little.
    pub fn empties(&self, position: &Position) -> bool {
        self.order_type.side() == Side::Sell
            && position.asset == self.asset
            && position.held.is_zero()
            && position.available == Amount::from(self.quantity)
    }

    /// What the accounts are asked to do; the same every time it is asked.
    pub fn settlement(&self) -> Settlement {
        Settlement {
            user: self.user,
            order: self.order_id.clone(),
            side: self.order_type.side(),
            asset: self.asset,
            quantity: self.quantity,
            price: self.price,
            total: self.total,
            settle_by: self.settle_by,
            from: Source::Available,
        }
    }

    /// The order after its settlement.
    #[must_use]
    pub fn completed(self, settled: Settled) -> Self {
        self.closed(Status::Completed, None, settled.at)
    }

    /// The order after a refusal.
    #[must_use]
    pub fn failed(self, refusal: &dyn Failure, at: Timestamp) -> Self {
        let refused = Refused { code: refusal.about().code.to_owned(), detail: refusal.to_string() };
        self.closed(Status::Failed, Some(refused), at)
    }

    fn closed(self, status: Status, failure: Option<Refused>, at: Timestamp) -> Self {
        if self.status.is_final() {
            return self;
        }
        // The accounts may run on another machine, whose clock may be behind.
        let updated_at = at.max(self.created_at);
        Self { status, failure, updated_at, ..self }
    }
}
