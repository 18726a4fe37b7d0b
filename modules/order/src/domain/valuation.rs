//! What a user's positions are worth. Every figure shown is exact or rounded once, here, in whole numbers.

use std::collections::HashMap;

use tradepost_inventory_api::{Listing, Quote};
use tradepost_kernel::money::Overflow;
use tradepost_kernel::{Amount, AssetId, Decimal, Rounding, Timestamp, Usd};
use tradepost_user_api::Position;

/// A position with its value at the newest price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub asset: AssetId,
    /// What people call the asset; its id if the catalog does not list it any more.
    pub name: String,
    /// Available and held together.
    pub quantity: Amount,
    pub available: Amount,
    pub held: Amount,
    pub quote: Option<Quote>,
    /// Down to the cent; nothing without a price.
    pub market_value: Usd,
    /// Dollars paid per unit.
    pub average_cost: Decimal,
    /// Market value less what was paid, to the cent; may be negative.
    pub unrealized_pnl: Option<Decimal>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Everything a user has. The totals are the sums of the values shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portfolio {
    /// By asset id; what was sold out is left out.
    pub holdings: Vec<Holding>,
    /// Available and held together.
    pub cash: Usd,
    pub held_cash: Usd,
    pub assets_value: Usd,
    pub total_value: Usd,
    /// When it was put together.
    pub at: Timestamp,
}

impl Holding {
    /// The value of a position of an asset that the catalog lists, or does not any more.
    ///
    /// # Errors
    /// When a figure is too large to be exact.
    pub fn of(position: &Position, listing: Option<&Listing>) -> Result<Self, Overflow> {
        let quantity = position.total();
        let quote = listing.and_then(|listing| listing.quote.clone());
        let value = |quote: &Quote| quote.price.times(quantity, Rounding::Down);
        let market_value = quote.as_ref().map(value).transpose()?;
        let pnl = |value: Usd| unrealized_pnl(value, quantity, position.average_cost);
        Ok(Self {
            asset: position.asset,
            name: listing.map_or_else(|| position.asset.to_string(), |listing| listing.name.clone()),
            quantity,
            available: position.available,
            held: position.held,
            unrealized_pnl: market_value.map(pnl).transpose()?,
            quote,
            market_value: market_value.unwrap_or(Usd::ZERO),
            average_cost: position.average_cost.normalize(),
            created_at: position.created_at,
            updated_at: position.updated_at,
        })
    }
}

impl Portfolio {
    /// The value of all positions of a user at a moment.
    ///
    /// # Errors
    /// When a figure is too large to be exact.
    pub fn of(positions: &[Position], listings: &[Listing], at: Timestamp) -> Result<Self, Overflow> {
        let listings: HashMap<_, _> = listings.iter().map(|listing| (listing.asset, listing)).collect();
        let value = |position| Holding::of(position, listings.get(&position.asset).copied());
        let holdings = held_assets(positions).map(value).collect::<Result<Vec<_>, _>>()?;
        let cash = positions.iter().find(|position| position.asset == AssetId::USD);
        let usd = |amount: fn(&Position) -> Amount| {
            cash.map_or(Ok(Usd::ZERO), |position| amount(position).to_usd()).map_err(|_| Overflow)
        };
        let (cash, held_cash) = (usd(Position::total)?, usd(|position| position.held)?);
        let assets_value =
            holdings.iter().try_fold(Usd::ZERO, |sum, holding| sum.plus(holding.market_value))?;
        Ok(Self { holdings, cash, held_cash, assets_value, total_value: cash.plus(assets_value)?, at })
    }

    /// Which part of everything a holding is, in percent with two places, half up.
    pub fn percentage(&self, holding: &Holding) -> Decimal {
        let (part, whole) = (holding.market_value.get().mantissa(), self.total_value.get().mantissa());
        let hundredths = if whole == 0 { 0 } else { (2 * 10_000 * part + whole) / (2 * whole) };
        Decimal::from_i128_with_scale(hundredths, 2)
    }
}

/// The positions of assets, cash aside, of which there is something left.
pub fn held_assets(positions: &[Position]) -> impl Iterator<Item = &Position> {
    positions.iter().filter(|position| position.asset != AssetId::USD && !position.total().is_zero())
}

/// Market value less quantity × average cost, the latter rounded half up to the cent.
fn unrealized_pnl(value: Usd, quantity: Amount, average_cost: Decimal) -> Result<Decimal, Overflow> {
    let product = quantity.get().mantissa().checked_mul(average_cost.mantissa()).ok_or(Overflow)?;
    let paid = to_cents(product, quantity.get().scale() + average_cost.scale()).ok_or(Overflow)?;
    let pnl = value.get().mantissa().checked_sub(paid).ok_or(Overflow)?;
    Decimal::try_from_i128_with_scale(pnl, 2).map_err(|_| Overflow)
}

/// The cents of a non-negative decimal given as mantissa and scale, half up.
fn to_cents(mantissa: i128, scale: u32) -> Option<i128> {
    match scale.checked_sub(2) {
        None => mantissa.checked_mul(10_i128.pow(2 - scale)),
        Some(excess) => {
            let divisor = 10_i128.checked_pow(excess)?;
            Some(mantissa.checked_add(divisor / 2)? / divisor)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use tradepost_kernel::{Amount, AssetId, Decimal, Price, decimal};
    use tradepost_user_api::Position;

    use super::super::fixtures::{listing, now};
    use super::{Holding, Portfolio, to_cents};

    fn position(asset: &str, quantity: &str, average_cost: &str) -> Position {
        Position {
            asset: asset.parse().unwrap(),
            available: Amount::new(decimal::parse(quantity).unwrap()).unwrap(),
            held: Amount::ZERO,
            average_cost: decimal::parse(average_cost).unwrap(),
            created_at: now(),
            updated_at: now(),
        }
    }

    fn percentages(portfolio: &Portfolio) -> Vec<String> {
        portfolio.holdings.iter().map(|holding| portfolio.percentage(holding).to_string()).collect()
    }

    #[test]
    fn a_portfolio_adds_up_what_it_shows() {
        let positions =
            [position("BTC", "0.1", "40000"), position("ETH", "0", "0"), position("USD", "5000", "0")];
        let portfolio =
            Portfolio::of(&positions, &[listing("BTC", "50000"), listing("ETH", "1")], now()).unwrap();
        assert_eq!(portfolio.holdings.len(), 1, "what was sold out is left out");
        assert_eq!(portfolio.holdings[0].market_value.to_string(), "5000.00");
        assert_eq!(portfolio.holdings[0].unrealized_pnl.unwrap().to_string(), "1000.00");
        assert_eq!(portfolio.total_value.to_string(), "10000.00");
        assert_eq!(percentages(&portfolio), ["50.00"]);
    }

    #[test]
    fn held_quantities_count_and_values_are_rounded_down() {
        let mut position = position("BTC", "0.333", "0");
        position.held = Amount::new(decimal::parse("0.333").unwrap()).unwrap();
        let holding = Holding::of(&position, Some(&listing("BTC", "1.5"))).unwrap();
        assert_eq!(holding.quantity.to_string(), "0.666");
        assert_eq!(holding.market_value.to_string(), "0.99");
    }

    #[test]
    fn without_a_price_there_is_no_value_and_no_gain() {
        let mut unpriced = listing("BTC", "1");
        unpriced.quote = None;
        for listing in [Some(&unpriced), None] {
            let listings = listing.map_or(&[][..], std::slice::from_ref);
            let portfolio = Portfolio::of(&[position("BTC", "2", "7")], listings, now()).unwrap();
            assert_eq!(portfolio.holdings[0].market_value.to_string(), "0.00");
            assert_eq!(portfolio.holdings[0].unrealized_pnl, None);
            assert_eq!(percentages(&portfolio), ["0.00"], "nothing is no part of nothing");
        }
    }

    #[test]
    fn a_loss_is_negative_and_rounded_once() {
        let holding =
            Holding::of(&position("BTC", "3", "1.111666666667"), Some(&listing("BTC", "0.7"))).unwrap();
        assert_eq!(holding.unrealized_pnl.unwrap().to_string(), "-1.24");
        assert_eq!(holding.average_cost.to_string(), "1.111666666667");
    }

    #[test]
    fn percentages_round_half_up() {
        let positions = [position("AAA", "1", "0"), position("BBB", "1", "0"), position("USD", "0", "0")];
        // 0.01 of 800.00 is 0.00125 %, 1 of 800 is 0.125 %.
        let portfolio =
            Portfolio::of(&positions, &[listing("AAA", "1"), listing("BBB", "799")], now()).unwrap();
        assert_eq!(percentages(&portfolio), ["0.13", "99.88"]);
    }

    #[test]
    fn a_figure_too_large_to_be_exact_is_an_error() {
        let huge = position("BTC", "99999999999999999999", "1");
        assert!(Holding::of(&huge, Some(&listing("BTC", "1000000000"))).is_err());
    }

    proptest! {
        #[test]
        fn cents_are_within_half_a_cent_of_the_exact_value(mantissa in 0_i128..=i128::from(u64::MAX), scale in 0_u32..=18) {
            let cents = to_cents(mantissa, scale).unwrap();
            let unit = 10_i128.pow(scale);
            prop_assert!((cents * unit - mantissa * 100).abs() * 2 <= unit);
        }

        #[test]
        fn percentages_of_a_whole_differ_from_a_hundred_by_their_rounding_only(
            prices in proptest::collection::vec(1_u32..1_000_000, 1..20),
        ) {
            let asset = |index: usize| format!("A{index}");
            let (positions, listings): (Vec<_>, Vec<_>) = prices.iter().enumerate()
                .map(|(index, price)| (position(&asset(index), "1", "0"), listing(&asset(index), &price.to_string())))
                .unzip();
            let portfolio = Portfolio::of(&positions, &listings, now()).unwrap();
            let sum: Decimal = portfolio.holdings.iter().map(|holding| portfolio.percentage(holding)).sum();
            let slack = Decimal::new(5, 3) * Decimal::from(prices.len());
            prop_assert!((sum - Decimal::ONE_HUNDRED).abs() <= slack);
            prop_assert_eq!(portfolio.total_value.get(), prices.iter().map(|price| Decimal::from(*price)).sum::<Decimal>());
        }

        #[test]
        fn value_less_gain_is_what_was_paid(quantity in 1_i64..1_000_000_000_000, cost in 1_i64..1_000_000_000_000, price in 1_i64..1_000_000_000_000) {
            let mut held = position("BTC", "0", "0");
            held.available = Amount::new(Decimal::new(quantity, 8)).unwrap();
            held.average_cost = Decimal::new(cost, 12);
            let mut listing = listing("BTC", "1");
            listing.quote.as_mut().unwrap().price = Price::new(Decimal::new(price, 12)).unwrap();
            let holding = Holding::of(&held, Some(&listing)).unwrap();
            let paid = holding.market_value.get() - holding.unrealized_pnl.unwrap();
            let exact = Decimal::new(quantity, 8) * Decimal::new(cost, 12);
            prop_assert!((paid - exact).abs() <= Decimal::new(5, 3));
            prop_assert_eq!(holding.asset, "BTC".parse::<AssetId>().unwrap());
        }
    }
}
