use serde_json::{Value, json};
use tradepost_kernel::{Amount, AssetId, OrderId, Price, Quantity, Timestamp, Usd, UserId};
use tradepost_user_api::{AccountsError, Held, HoldEnd, Settled, Settlement, Side, Source};

use super::{Course, OpenHold, Outcome};

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(second, 0).unwrap()
}

fn amount(text: &str) -> Amount {
    Quantity::parse(text).unwrap().into()
}

fn held(asset: &str, text: &str) -> Outcome {
    Outcome::Held { asset: asset.parse().unwrap(), amount: amount(text), held_at: at(1) }
}

fn refused() -> Outcome {
    Outcome::Refused { reason: AccountsError::BalanceTooLarge }
}

/// Every state there is, the open hold first.
fn states() -> [Outcome; 6] {
    [
        held("USD", "100"),
        Outcome::Settled { at: at(2), held_at: Some(at(1)) },
        Outcome::Released { at: at(2), held_at: Some(at(1)) },
        Outcome::Settled { at: at(2), held_at: None },
        Outcome::Released { at: at(2), held_at: None },
        refused(),
    ]
}

fn buy(total: &str, from: Source) -> Settlement {
    Settlement {
        user: UserId::generate(),
        order: OrderId::generate(),
        side: Side::Buy,
        asset: "BTC".parse().unwrap(),
        quantity: Quantity::parse("2").unwrap(),
        price: Price::parse("50").unwrap(),
        total: Usd::parse(total).unwrap(),
        settle_by: at(9),
        from,
    }
}

#[test]
fn every_state_says_what_a_hold_is_told() {
    let held = Ok(Held { at: at(1) });
    let told = states().map(|state| state.of_hold());
    let (no_hold, released) = (Err(AccountsError::NoHold), Err(AccountsError::HoldReleased));
    assert_eq!(
        told,
        [held.clone(), held.clone(), held, no_hold, released, Err(AccountsError::BalanceTooLarge)]
    );
}

#[test]
fn only_an_open_hold_is_left_to_release() {
    let open = OpenHold { asset: AssetId::USD, amount: amount("100"), held_at: at(1) };
    let (settled, released) = (Ok(HoldEnd::Settled { at: at(2) }), Ok(HoldEnd::Released { at: at(2) }));
    let told = states().map(|state| state.of_release());
    assert_eq!(told, [Err(open), settled, released, settled, released, Ok(HoldEnd::Refused)]);
}

#[test]
fn what_has_ended_is_told_to_a_settlement_wherever_it_would_take_from() {
    let (done, released) = (Ok(Course::Done(Settled { at: at(2) })), Err(AccountsError::HoldReleased));
    for source in [Source::Available, Source::Hold] {
        let told = states().map(|state| Course::of(&buy("100", source), Some(&state)));
        let refused = Err(AccountsError::BalanceTooLarge);
        assert_eq!(told[1..], [done.clone(), released.clone(), done.clone(), released.clone(), refused]);
    }
}

#[test]
fn an_order_of_which_nothing_is_known_can_only_be_settled_from_what_is_available() {
    assert_eq!(Course::of(&buy("100", Source::Available), None), Ok(Course::FromAvailable));
    assert_eq!(Course::of(&buy("100", Source::Hold), None), Err(AccountsError::NoHold));
}

#[test]
fn an_order_with_a_hold_can_only_be_settled_from_it() {
    let told = Course::of(&buy("100", Source::Available), Some(&held("USD", "100")));
    assert_eq!(told, Err(AccountsError::SettlementExceedsHold));
}

/// What a state makes of a request, in a word.
fn word<T, U>(
    told: Result<T, U>,
    done: impl Fn(T) -> &'static str,
    left: impl Fn(U) -> &'static str,
) -> &'static str {
    told.map_or_else(left, done)
}

fn refusal(error: AccountsError) -> &'static str {
    match error {
        AccountsError::NoHold => "no hold",
        AccountsError::HoldReleased => "released",
        AccountsError::SettlementExceedsHold => "exceeds",
        AccountsError::BalanceTooLarge => "as before",
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_state_makes_of_every_request_what_it_must() {
    let course = |course| match course {
        Course::Done(_) => "done",
        Course::FromAvailable => "from available",
        Course::FromHold(_) => "from hold",
    };
    let settle = |state: Option<&Outcome>, side, from| {
        // Each side takes exactly what its hold has.
        let settlement = Settlement { side, quantity: Quantity::parse("100").unwrap(), ..buy("100", from) };
        word(Course::of(&settlement, state), course, refusal)
    };
    let settlements = |state: Option<&Outcome>| {
        [Side::Buy, Side::Sell]
            .map(|side| [Source::Available, Source::Hold].map(|from| settle(state, side, from)))
    };
    assert_eq!(settlements(None), [["from available", "no hold"]; 2]);

    let sale = held("BTC", "100");
    let released = ["released"; 2];
    let expected = [
        ("held", "to release", [["exceeds", "from hold"], ["exceeds", "exceeds"]]),
        ("held", "ended", [["done"; 2]; 2]),
        ("held", "ended", [released; 2]),
        ("no hold", "ended", [["done"; 2]; 2]),
        ("released", "ended", [released; 2]),
        ("as before", "ended", [["as before"; 2]; 2]),
        ("held", "to release", [["exceeds", "exceeds"], ["exceeds", "from hold"]]),
    ];
    for (state, (hold, release, settled)) in states().iter().chain([&sale]).zip(expected) {
        assert_eq!(word(state.of_hold(), |_| "held", refusal), hold, "{state:?}");
        assert_eq!(word(state.of_release(), |_| "ended", |_| "to release"), release, "{state:?}");
        assert_eq!(settlements(Some(state)), settled, "{state:?}");
    }
}

#[track_caller]
fn covers(hold: &Outcome, settlement: Settlement, expected: bool) {
    let told = Course::of(&settlement, Some(hold));
    let (Outcome::Held { asset, amount, held_at }, _) = (hold, ()) else { panic!("{hold:?}") };
    let open = OpenHold { asset: *asset, amount: *amount, held_at: *held_at };
    let exceeds = Err(AccountsError::SettlementExceedsHold);
    assert_eq!(told, if expected { Ok(Course::FromHold(open)) } else { exceeds }, "{settlement:?}");
}

#[test]
fn a_hold_covers_a_buy_of_at_most_its_cash_and_a_sale_of_exactly_its_quantity() {
    let cash = held("USD", "100");
    covers(&cash, buy("100.00", Source::Hold), true);
    covers(&cash, buy("0.01", Source::Hold), true);
    covers(&cash, buy("100.01", Source::Hold), false);
    covers(&held("BTC", "100"), buy("100.00", Source::Hold), false);
    let sell = |quantity: &str, asset: &str| Settlement {
        side: Side::Sell,
        asset: asset.parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        ..buy("5", Source::Hold)
    };
    let bitcoin = held("BTC", "2");
    covers(&bitcoin, sell("2", "BTC"), true);
    covers(&bitcoin, sell("2.00000001", "BTC"), false);
    covers(&bitcoin, sell("1.99999999", "BTC"), false);
    covers(&bitcoin, sell("2", "ETH"), false);
    covers(&held("USD", "2"), sell("2", "BTC"), false);
}

#[test]
fn what_was_stored_before_there_were_holds_can_be_read() {
    let read = |value: Value| serde_json::from_value::<Outcome>(value).unwrap();
    let now = "2026-01-02T03:04:05.500Z";
    let settled = Outcome::Settled { at: now.parse().unwrap(), held_at: None };
    assert_eq!(read(json!({ "outcome": "settled", "at": now })), settled);
    let reason = json!({ "code": "balance_too_large" });
    assert_eq!(read(json!({ "outcome": "refused", "reason": reason })), refused());
}

#[test]
fn every_state_is_read_as_it_was_written() {
    let names = states().map(|state| {
        let written = serde_json::to_value(&state).unwrap();
        assert_eq!(serde_json::from_value::<Outcome>(written.clone()).unwrap(), state);
        written["outcome"].as_str().unwrap().to_owned()
    });
    // The store's conditions name the state in these words.
    assert_eq!(names, ["held", "settled", "released", "settled", "released", "refused"]);
}
