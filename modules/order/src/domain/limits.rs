//! What an order on an asset may be: the platform's limits, narrowed by the asset's own.

use tradepost_inventory_api::{Listing, Rules};
use tradepost_kernel::{Amount, Decimal, Quantity, Usd};
use tradepost_user_api::{Position, Side};

use super::Order;
use crate::{OrderError, Settings};

/// What a quantity and a value must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    quantity_step: Option<Quantity>,
    min_value: Usd,
    pub max_value: Usd,
}

impl Limits {
    /// An asset can make the limits of the platform narrower, never wider.
    pub fn of(rules: &Rules, settings: &Settings) -> Self {
        let Rules { quantity_step, min_value, max_value } = *rules;
        Self {
            quantity_step,
            min_value: min_value.map_or(settings.min_value, |own| own.max(settings.min_value)),
            max_value: max_value.map_or(settings.max_value, |own| own.min(settings.max_value)),
        }
    }
}

impl Order {
    /// Whether the order may go to settlement. What a sell of everything is spared comes last, so that nothing is left
    /// to check for who spares it.
    ///
    /// # Errors
    /// The refusal with which it is kept.
    pub fn check(&self, listing: &Listing, settings: &Settings) -> Result<(), OrderError> {
        let Limits { quantity_step, min_value: min, max_value: max } = Limits::of(&listing.rules, settings);
        let (asset, quantity, value) = (self.asset, self.quantity, self.total);
        if !listing.tradable {
            return Err(OrderError::AssetNotTradable { asset });
        }
        if value > max {
            return Err(OrderError::OrderValueTooLarge { max, value: Some(value) });
        }
        if let Some(step) = quantity_step
            && !is_multiple(quantity, step)
        {
            return Err(OrderError::InvalidQuantityStep { asset, step, quantity });
        }
        if value < min {
            return Err(OrderError::OrderValueTooSmall { min, value });
        }
        Ok(())
    }

    /// Whether it sells all there is of a position: a rest must not strand because it is worth so little, or is no
    /// whole number of steps.
    pub fn empties(&self, position: &Position) -> bool {
        self.order_type.side() == Side::Sell
            && position.asset == self.asset
            && position.held.is_zero()
            && position.available == Amount::from(self.quantity)
    }
}

/// Whether a quantity is a whole number of steps. Taken in whole numbers, so no remainder is ever rounded away; both have
/// at most eight places and 10^12 units, so 128 bits hold them.
fn is_multiple(quantity: Quantity, step: Quantity) -> bool {
    let (quantity, step) = (quantity.get(), step.get());
    let scale = quantity.scale().max(step.scale());
    let units = |value: Decimal| value.mantissa().unsigned_abs() * 10_u128.pow(scale - value.scale());
    units(quantity).is_multiple_of(units(step))
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
