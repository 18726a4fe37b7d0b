//! Every stage an order can be in, and everything that can happen to it there.

use chrono::TimeDelta;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use tradepost_kernel::{Amount, Decimal, Price, Quantity, Timestamp};
use tradepost_user_api::{AccountsError, Held, HoldEnd, Settled};

use super::super::fixtures::{at_market, every_stage, limit, listing, now, quote, wanted};
use super::super::{Order, OrderType};
use super::Intent;

const EVENTS: usize = 13;

/// What can happen to an order, a second after everything before.
fn happen(order: Order, event: usize) -> Order {
    let at = order.updated_at + TimeDelta::seconds(1);
    let refusal = Some(&AccountsError::BalanceTooLarge);
    let (released, settled) = (HoldEnd::Released { at }, HoldEnd::Settled { at });
    let ending = |intent| order.clone().ending(intent).unwrap_or_else(|| order.clone());
    match event {
        0 => order.opened(Held { at }),
        1 => order.completed(Settled { at }),
        2 => order.failed(&AccountsError::SettlementExpired, at),
        3 => order.ended(released, None, at),
        4 => order.ended(released, refusal, at),
        5 => order.ended(settled, None, at),
        6 => order.ended(settled, refusal, at),
        7 => order.ended(HoldEnd::Refused, None, at),
        8 => order.ended(HoldEnd::Refused, refusal, at),
        9 => ending(Intent::Cancel { at }),
        10 => ending(Intent::Expire { at }),
        // As the market would have it, if it does.
        11 => order.fill(&quote("890"), at).map_or_else(|| order.clone(), ending),
        _ => order.fill(&quote("900.000000000001"), at).map_or_else(|| order.clone(), ending),
    }
}

/// The stage in a word.
fn word(order: &Order) -> String {
    let intent = order.intent.as_ref().map_or("", Intent::as_str);
    format!("{}{}{intent}", order.status.as_str(), if intent.is_empty() { "" } else { "+" })
}

#[test]
fn every_stage_goes_on_from_every_event_as_it_must() {
    // What is asked of an order in a stage is answered by one of the first nine; an intent and a fill only concern
    // one that waits. What does not concern a stage leaves it.
    let (done, failed, cancelled, same) = ("completed", "failed", "cancelled", "");
    let unfinished = |opened, released| {
        [opened, done, failed, released, failed, done, done, failed, failed, same, same, same, same]
    };
    let mut waiting = unfinished(same, cancelled);
    waiting[9..12].copy_from_slice(&["open+cancel", "open+expire", "open+fill"]);
    let expected = [
        ("pending", unfinished("open", cancelled)),
        ("pending", unfinished("open", cancelled)),
        ("open", waiting),
        ("open+cancel", unfinished(same, cancelled)),
        ("open+expire", unfinished(same, "expired")),
        ("open+fill", unfinished(same, cancelled)),
        ("completed", [same; EVENTS]),
        ("cancelled", [same; EVENTS]),
        ("expired", [same; EVENTS]),
        ("failed", [same; EVENTS]),
    ];
    let stages = every_stage();
    assert_eq!(stages.iter().map(word).collect::<Vec<_>>(), expected.map(|(stage, _)| stage));
    for (stage, (from, to)) in stages.iter().zip(expected) {
        for (event, to) in to.into_iter().enumerate() {
            let after = happen(stage.clone(), event);
            if to.is_empty() {
                assert_eq!(after, *stage, "{from}, event {event}");
            } else {
                assert_eq!(word(&after), to, "{from}, event {event}");
            }
        }
    }
}

/// Steps from a stage to what may follow it.
fn rank(order: &Order) -> u8 {
    match word(order).as_str() {
        "pending" => 0,
        "open" => 1,
        ending if ending.contains('+') => 2,
        _ => 3,
    }
}

fn price(mantissa: i64, scale: u32) -> Option<Price> {
    Price::new(Decimal::new(mantissa, scale)).ok()
}

/// How much a total is off to the disadvantage of the user.
fn loss(order_type: OrderType, price: Price, quantity: Quantity, total: Amount) -> Decimal {
    let exact = price.get() * quantity.get();
    let is_buy = matches!(order_type, OrderType::MarketBuy | OrderType::LimitBuy);
    if is_buy { total.get() - exact } else { exact - total.get() }
}

proptest! {
    /// Whatever happens in whatever order: an order never goes back, has one intent for ever, and what it says of
    /// itself changes when it is filled and not otherwise.
    #[test]
    fn an_order_never_goes_back(start in 0_usize..10, events in proptest::collection::vec(0..EVENTS, 0..20)) {
        let mut order = every_stage().swap_remove(start);
        let mut last = Timestamp::MIN_UTC;
        for event in events {
            let next = happen(order.clone(), event);
            prop_assert!(rank(&next) > rank(&order) || next == order);
            if next.intent.is_some() && order.intent.is_some() {
                prop_assert_eq!(&next.intent, &order.intent);
            }
            let is_fill = matches!(order.intent, Some(Intent::Fill { .. })) && word(&next) == "completed";
            let terms = |order: &Order| (order.price, order.total, order.price_source.clone());
            prop_assert!(is_fill || terms(&next) == terms(&order));
            prop_assert_eq!(
                (next.quantity, next.limit_price, next.created_at, next.settle_by),
                (order.quantity, order.limit_price, order.created_at, order.settle_by)
            );
            prop_assert_eq!(next.failure.is_some(), word(&next) == "failed");
            prop_assert!(next.updated_at >= last);
            last = next.updated_at;
            order = next;
        }
    }

    /// At whatever price: the total is against the user and by less than a cent, when the order is placed and when it
    /// is filled, and no fill of a buy takes more than its hold.
    #[test]
    fn rounding_never_favours_the_user_and_never_by_a_cent(
        kind in 0_usize..6, units in 1_i64..=1_000_000_000_000, places in 0_u32..=8,
        (mantissa, scale) in (1_i64..=1_000_000_000, 0_u32..=12), better in 0_i64..=1_000_000_000,
    ) {
        let order_type = OrderType::ALL[kind];
        let Ok(quantity) = Quantity::new(Decimal::new(units, places)) else { return Ok(()) };
        let Some(at) = price(mantissa, scale) else { return Ok(()) };
        let is_market = order_type.direction().is_none();
        let (text, at_text) = (quantity.to_string(), at.to_string());
        let new = if is_market { wanted(order_type, &text) } else { limit(order_type, &text, &at_text) };
        let Ok(placed) = at_market(new, &listing("BTC", &at_text)) else { return Ok(()) };
        let cent = Decimal::new(1, 2);
        let lost = loss(order_type, at, quantity, placed.total.into());
        prop_assert!(lost >= Decimal::ZERO && lost < cent);
        prop_assert_eq!(lost.is_zero(), (at.get() * quantity.get()).normalize().scale() <= 2);

        let falls = matches!(order_type, OrderType::LimitBuy | OrderType::StopLoss);
        let moved = if falls { (mantissa - better).max(1) } else { mantissa + better };
        let Some(market) = price(moved, scale).filter(|_| !is_market) else { return Ok(()) };
        let held = placed.needs().1;
        let open = placed.opened(Held { at: now() });
        let Some(Intent::Fill { total, .. }) = open.fill(&quote(&market.to_string()), now()) else {
            // Only a total that cannot be written down is no fill.
            prop_assert!(market.get() * quantity.get() >= Decimal::from(10_i64.pow(18)));
            return Ok(());
        };
        let lost = loss(order_type, market, quantity, total.into());
        prop_assert!(lost >= Decimal::ZERO && lost < cent);
        let is_within = order_type != OrderType::LimitBuy || Amount::from(total) <= held;
        prop_assert!(is_within, "{} is more than {}", total, held);
    }

    /// Cheaper is never dearer: the total follows the price.
    #[test]
    fn a_better_price_never_costs_more(units in 1_i64..=1_000_000_000_000, mantissa in 1_i64..=1_000_000_000, more: u16, sell in any::<bool>()) {
        let order_type = if sell { OrderType::MarketSell } else { OrderType::MarketBuy };
        let total = |mantissa: i64| {
            let quote = listing("BTC", &price(mantissa, 6).unwrap().to_string());
            at_market(wanted(order_type, &Decimal::new(units, 8).to_string()), &quote).unwrap().total
        };
        prop_assert!(total(mantissa) <= total(mantissa + i64::from(more)));
    }
}
