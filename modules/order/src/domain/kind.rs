//! The words for what an order wants and how far it has come.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tradepost_user_api::Side;

use super::Direction;

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
    pub const ALL: [Self; 6] = [
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

    /// Which way the market must go to reach the price of an order that waits; a market order does not wait.
    pub const fn direction(self) -> Option<Direction> {
        match self {
            Self::MarketBuy | Self::MarketSell => None,
            Self::LimitBuy | Self::StopLoss => Some(Direction::Fall),
            Self::LimitSell | Self::TakeProfit => Some(Direction::Rise),
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
    /// Accepted; nothing is settled or held yet, as far as is known here.
    Pending,
    /// Waiting for its price.
    Open,
    Completed,
    Cancelled,
    Expired,
    Failed,
}

impl Status {
    pub const ALL: [Self; 6] =
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
