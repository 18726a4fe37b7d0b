use chrono::TimeDelta;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use tradepost_kernel::{Amount, AssetId, Decimal, Price, Timestamp, Usd};
use tradepost_user_api::{AccountsError, Held, HoldEnd, Settled, Source};

use super::super::fixtures::{at_market, every_stage, limit, limit_order, listing, now, order, quote};
use super::super::{Order, OrderType, Status};
use super::{Intent, Request, Stage};

fn later(seconds: i64) -> Timestamp {
    now() + TimeDelta::seconds(seconds)
}

fn open(order_type: OrderType, quantity: &str, price: &str) -> Order {
    at_market(limit(order_type, quantity, price), &listing("BTC", "1000")).unwrap().opened(Held { at: now() })
}

/// Everything that the accounts or the market can do to an order, by name.
fn everything(order: &Order) -> Vec<(&'static str, Order)> {
    let ends = [
        ("released", HoldEnd::Released { at: later(1) }),
        ("settled", HoldEnd::Settled { at: later(1) }),
        ("refused", HoldEnd::Refused),
    ];
    let refusal = AccountsError::BalanceTooLarge;
    let mut all = vec![
        ("hold made", order.clone().opened(Held { at: later(1) })),
        ("settlement made", order.clone().completed(Settled { at: later(1) })),
        ("refusal", order.clone().failed(&refusal, later(1))),
    ];
    for (name, end) in ends {
        all.push((name, order.clone().ended(end, None, later(1))));
    }
    all.push((
        "not filled",
        order.clone().ended(HoldEnd::Released { at: later(1) }, Some(&refusal), later(1)),
    ));
    for intent in [Intent::Cancel { at: later(1) }, Intent::Expire { at: later(1) }] {
        all.extend(order.clone().ending(intent).map(|order| ("intent", order)));
    }
    all
}

#[test]
fn nothing_changes_a_final_order() {
    let ended: Vec<_> = every_stage().into_iter().filter(|order| order.status.is_final()).collect();
    assert_eq!(
        ended.iter().map(|order| order.status).collect::<Vec<_>>(),
        [Status::Completed, Status::Cancelled, Status::Expired, Status::Failed]
    );
    for order in ended {
        assert_eq!((order.stage(), order.due(), order.request()), (Stage::Final, None, None));
        for (what, after) in everything(&order) {
            assert_eq!(after, order, "{what}");
        }
    }
}

#[test]
fn each_stage_asks_for_its_own() {
    let asked: Vec<_> = every_stage()
        .iter()
        .map(|order| match order.request() {
            Some(Request::Settle(settlement)) if settlement.from == Source::Hold => "settle from hold",
            Some(Request::Settle(_)) => "settle",
            Some(Request::Hold(_)) => "hold",
            Some(Request::Release(_)) => "release",
            None => "nothing",
        })
        .collect();
    let expected = ["settle", "hold", "nothing", "release", "release", "settle from hold"];
    assert_eq!(asked[..6], expected);
    assert!(asked[6..].iter().all(|asked| *asked == "nothing"));
}

#[test]
fn what_is_asked_is_the_same_every_time() {
    for order in every_stage() {
        assert_eq!(order.request(), order.clone().request());
    }
}

#[test]
fn an_open_order_takes_one_intent_for_ever() {
    for order in every_stage() {
        let took = order.clone().ending(Intent::Cancel { at: later(9) }).is_some();
        assert_eq!(took, order.stage() == Stage::Waiting, "{order:?}");
    }
}

#[test]
fn a_buy_holds_dollars_and_a_sale_the_asset() {
    let held = |order: Order| match order.request() {
        Some(Request::Hold(hold)) => (hold.asset, hold.amount, hold.hold_by),
        other => panic!("{other:?}"),
    };
    let nine_hundred = Amount::from(Usd::parse("900").unwrap());
    assert_eq!(held(limit_order()), (AssetId::USD, nine_hundred, later(10)));
    for order_type in [OrderType::LimitSell, OrderType::StopLoss, OrderType::TakeProfit] {
        let order = at_market(limit(order_type, "0.5", "900"), &listing("BTC", "1000")).unwrap();
        assert_eq!(held(order.clone()), (order.asset, order.quantity.into(), later(10)));
    }
}

#[test]
fn a_fill_is_at_the_price_of_the_market_and_the_limit_stays() {
    let waiting = open(OrderType::LimitBuy, "0.333", "900");
    assert_eq!((waiting.price, waiting.price_source.as_str()), (waiting.limit_price.unwrap(), "limit"));
    let filling = waiting.clone().ending(waiting.fill(&quote("899.99"), later(5)).unwrap()).unwrap();
    assert_eq!((filling.status, filling.price), (Status::Open, waiting.price), "not before it is settled");
    let Some(Request::Settle(settlement)) = filling.request() else { panic!("it is being filled") };
    assert_eq!(
        (settlement.price.to_string(), settlement.total.to_string()),
        ("899.99".into(), "299.70".into())
    );
    let filled = filling.completed(Settled { at: later(6) });
    assert_eq!((filled.status, filled.updated_at, &filled.intent), (Status::Completed, later(6), &None));
    assert_eq!((filled.price, filled.total), (settlement.price, settlement.total));
    assert_eq!((filled.price_source.as_str(), filled.limit_price), ("simulated", waiting.limit_price));
}

#[test]
fn the_market_fills_what_waits_for_it_and_nothing_else() {
    for (order_type, filled_at) in [
        (OrderType::LimitBuy, [true, true, false]),
        (OrderType::StopLoss, [true, true, false]),
        (OrderType::LimitSell, [false, true, true]),
        (OrderType::TakeProfit, [false, true, true]),
    ] {
        let order = open(order_type, "1", "900");
        let fills = ["899.999999999999", "900", "900.000000000001"]
            .map(|price| order.fill(&quote(price), now()).is_some());
        assert_eq!(fills, filled_at, "{order_type:?}");
    }
    for order in every_stage() {
        assert_eq!(order.fill(&quote("1"), now()).is_some(), order.stage() == Stage::Waiting);
    }
}

#[test]
fn an_order_is_filled_until_it_expires_and_not_from_then_on() {
    let order = open(OrderType::LimitBuy, "1", "900");
    let end = order.expires_at.unwrap();
    assert_eq!(end, now() + TimeDelta::days(30));
    assert!(order.fill(&quote("900"), end - TimeDelta::milliseconds(1)).is_some());
    assert!(order.fill(&quote("900"), end).is_none());
}

#[test]
fn an_order_waits_for_at_most_90_days() {
    let ends = |expires_at: Timestamp| {
        let mut new = limit(OrderType::LimitBuy, "1", "900");
        let super::super::Terms::Limit { price, .. } = new.terms else { panic!("it has a limit") };
        new.terms = super::super::Terms::Limit { price, expires_at: Some(expires_at) };
        at_market(new, &listing("BTC", "1000")).map(|order| order.expires_at)
    };
    let ms = TimeDelta::milliseconds(1);
    let longest = now() + TimeDelta::days(90);
    for (expires_at, is_allowed) in
        [(now(), false), (now() + ms, true), (longest, true), (longest + ms, false)]
    {
        let expected = is_allowed.then_some(Some(expires_at)).ok_or(crate::OrderError::InvalidExpiry);
        assert_eq!(ends(expires_at), expected);
    }
}

#[test]
fn how_the_hold_ended_is_how_the_order_ended_whatever_was_intended() {
    let waiting = limit_order().opened(Held { at: now() });
    let cancel = Intent::Cancel { at: later(1) };
    let expire = Intent::Expire { at: later(1) };
    let fill = waiting.fill(&quote("890"), later(1)).unwrap();
    for (intent, released) in
        [(cancel, Status::Cancelled), (expire, Status::Expired), (fill, Status::Cancelled)]
    {
        let ending = waiting.clone().ending(intent).unwrap();
        let ended = |end| ending.clone().ended(end, None, later(3)).status;
        assert_eq!(ended(HoldEnd::Released { at: later(2) }), released);
        assert_eq!(ended(HoldEnd::Settled { at: later(2) }), Status::Completed);
        assert_eq!(ended(HoldEnd::Refused), Status::Failed);
        let refusal = AccountsError::BalanceTooLarge;
        let unfilled = ending.clone().ended(HoldEnd::Released { at: later(2) }, Some(&refusal), later(3));
        assert_eq!(
            (unfilled.status, unfilled.failure.unwrap().code.as_str()),
            (Status::Failed, "balance_too_large")
        );
        let settled = ending.ended(HoldEnd::Settled { at: later(2) }, Some(&refusal), later(3));
        assert_eq!((settled.status, settled.failure), (Status::Completed, None));
    }
}

#[test]
fn an_unfinished_order_is_due_and_a_waiting_one_when_it_expires() {
    for order in every_stage() {
        let expected = match order.stage() {
            Stage::Pending | Stage::Ending(_) => Some(later(3)),
            Stage::Waiting => order.expires_at,
            Stage::Final => None,
        };
        assert_eq!(order.due(), expected, "{order:?}");
    }
}

#[test]
fn only_a_pending_order_opens() {
    for order in every_stage() {
        let opened = order.clone().opened(Held { at: later(1) });
        assert_eq!(opened != order, order.stage() == Stage::Pending, "{order:?}");
    }
    assert_eq!(order("1").stage(), Stage::Pending);
}

#[test]
fn a_total_that_cannot_be_written_down_is_no_fill() {
    let order = open(OrderType::LimitSell, "1000000000000", "0.000000000001");
    assert!(order.fill(&quote("1000000000"), now()).is_none());
}

proptest! {
    #[test]
    fn a_fill_never_takes_more_than_the_hold_and_rounds_against_its_user(
        units in 1_i64..1_000_000_000, limit_units in 2_i64..1_000_000_000, less in 0_i64..1_000_000_000, sell: bool,
    ) {
        let order_type = if sell { OrderType::LimitSell } else { OrderType::LimitBuy };
        let price = |units: i64| Price::new(Decimal::new(units, 6)).unwrap();
        let market = if sell { price(limit_units + less) } else { price((limit_units - less).max(1)) };
        let order = open(order_type, &Decimal::new(units, 8).to_string(), &price(limit_units).to_string());
        let held = order.needs().1;
        let Some(Intent::Fill { total, price, .. }) = order.fill(&quote(&market.to_string()), now()) else {
            panic!("the market is no worse than the limit")
        };
        let exact = price.get() * order.quantity.get();
        let gap = if sell { exact - total.get() } else { total.get() - exact };
        prop_assert!(gap >= Decimal::ZERO && gap < Decimal::new(1, 2));
        if sell {
            prop_assert_eq!(held, order.quantity.into());
            prop_assert!(total >= order.total);
        } else {
            prop_assert!(Amount::from(total) <= held);
        }
    }
}
