//! What the processes of a platform say to each other, held against golden files: a change of the wire format
//! shows in review, and a request or an answer with fields of a later version is still understood.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Debug;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tradepost_inventory_api::wire::{ListingQuery, ListingsQuery, QuotesQuery};
use tradepost_inventory_api::{CatalogError, Listing, Quote, QuoteChange, QuoteChanges, Rules};
use tradepost_kernel::{Page, PageLimit, Timestamp, UserId};
use tradepost_problem::Outage;
use tradepost_user_api::wire::{PositionsQuery, SessionQuery};
use tradepost_user_api::{
    Account, AccountsError, Entry, EntryKind, Held, Hold, HoldEnd, LedgerFilter, LedgerPage, LedgerPlace,
    LedgerQuery, Position, Positions, Release, Settled, Settlement, Side, Source,
};

/// Holds one method against `tests/wire/{name}.json`.
fn hold<Q, A, E>(name: &str, requests: Vec<Q>, answers: Vec<A>, refusals: Vec<E>)
where
    Q: Serialize + DeserializeOwned,
    A: Serialize + DeserializeOwned,
    E: Serialize + DeserializeOwned,
{
    let now = json!({ "requests": requests, "answers": answers, "refusals": refusals });
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wire/{name}.json"));
    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap_or_default()).unwrap_or_default();
    let pretty = serde_json::to_string_pretty(&now).unwrap();
    assert!(golden == now, "if old versions can live with it, put this into {}:\n{pretty}", file.display());
    understood::<Q>(&golden["requests"]);
    understood::<A>(&golden["answers"]);
    understood::<E>(&golden["refusals"]);
}

/// Every value can be read, and still with fields that this version does not know, and means the same.
fn understood<T: Serialize + DeserializeOwned>(values: &Value) {
    for value in values.as_array().unwrap() {
        for form in [value.clone(), with_later_fields(value)] {
            let read: T =
                serde_json::from_value(form.clone()).unwrap_or_else(|error| panic!("{error}: {form}"));
            assert_eq!(serde_json::to_value(&read).unwrap(), *value);
        }
    }
}

fn with_later_fields(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), with_later_fields(value)));
            fields.chain([("a_field_of_a_later_version".to_owned(), json!({ "deep": [1] }))]).collect()
        }
        Value::Array(values) => values.iter().map(with_later_fields).collect(),
        other => other.clone(),
    }
}

fn parse<T: std::str::FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A value in the form it has in JSON.
fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn user() -> UserId {
    parse("019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")
}

fn at(second: u32) -> Timestamp {
    parse(&format!("2026-01-02T03:04:{second:02}.500Z"))
}

fn outages() -> [Outage; 4] {
    [Outage::Storage, Outage::Busy, Outage::Peer, Outage::Internal]
}

fn accounts_errors() -> Vec<AccountsError> {
    let refusals = [
        AccountsError::InsufficientFunds { needed: read(json!("10.00")), available: read(json!("9.99")) },
        AccountsError::InsufficientHoldings {
            asset: parse("BTC"),
            needed: read(json!("1.5")),
            available: read(json!("0.00000001")),
        },
        AccountsError::BalanceTooLarge,
        AccountsError::SettlementExpired,
        AccountsError::HoldReleased,
        AccountsError::NoHold,
        AccountsError::SettlementExceedsHold,
        AccountsError::UnknownUser,
    ];
    refusals.into_iter().chain(outages().map(AccountsError::Outage)).collect()
}

#[test]
fn positions() {
    let position = Position {
        asset: parse("BTC"),
        available: read(json!("0.5")),
        held: read(json!("0")),
        average_cost: parse("50000.123456789012"),
        created_at: at(5),
        updated_at: at(6),
    };
    let all = PositionsQuery { user: user(), which: Positions::All };
    let some = PositionsQuery { user: user(), which: Positions::Of(vec![parse("USD"), parse("BTC")]) };
    hold("user/positions", vec![all, some], vec![vec![position], vec![]], accounts_errors());
}

#[test]
fn settle() {
    let settlement = |side| Settlement {
        user: user(),
        order: parse("019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11"),
        side,
        asset: parse("BTC"),
        quantity: read(json!("0.1")),
        price: read(json!("50000.000000000001")),
        total: read(json!("5000.01")),
        settle_by: at(15),
        from: Source::Available,
    };
    let from_hold = Settlement { from: Source::Hold, ..settlement(Side::Buy) };
    let requests = vec![settlement(Side::Buy), settlement(Side::Sell), from_hold];
    hold("user/settle", requests, vec![Settled { at: at(5) }], accounts_errors());
}

/// An earlier version knows nothing of holds.
#[test]
fn a_settlement_that_does_not_say_whence_is_one_of_what_is_available() {
    let settlement = read::<Settlement>(json!({
        "asset": "BTC", "order": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11", "price": "50000", "quantity": "0.1",
        "settle_by": "2026-01-02T03:04:15.500Z", "side": "buy", "total": "5000.01", "user": user(),
    }));
    assert_eq!(settlement.from, Source::Available);
}

#[test]
fn holds() {
    let order = || parse("019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11");
    let of = |asset, amount| Hold {
        user: user(),
        order: order(),
        asset: parse(asset),
        amount: read(json!(amount)),
        hold_by: at(15),
    };
    hold(
        "user/hold",
        vec![of("USD", "5000.01"), of("BTC", "0.1")],
        vec![Held { at: at(5) }],
        accounts_errors(),
    );
    let release = Release { user: user(), order: order(), asset: parse("BTC") };
    let ends = vec![HoldEnd::Released { at: at(5) }, HoldEnd::Settled { at: at(6) }, HoldEnd::Refused];
    hold("user/release", vec![release], ends, accounts_errors());
}

#[test]
fn ledger() {
    let entry = |kind, debit, credit| Entry {
        id: parse("019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a12"),
        seq: 7,
        kind,
        debit,
        credit,
        amount: read(json!("12.34")),
        balance_after: read(json!("100")),
        order: None,
        price: None,
        total: None,
        description: Some("rent".to_owned()),
        created_at: at(5),
    };
    let trade = |entry: Entry| Entry {
        order: Some(parse("019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11")),
        price: Some(read(json!("50000"))),
        total: Some(read(json!("5000.00"))),
        description: None,
        ..entry
    };
    let entries = vec![
        entry(EntryKind::Deposit, Account::External, Account::User),
        entry(EntryKind::Withdrawal, Account::User, Account::External),
        trade(entry(EntryKind::Purchase, Account::House, Account::User)),
        trade(entry(EntryKind::Sale, Account::User, Account::House)),
    ];
    let place = LedgerPlace { before: Some(4), skip: 2 };
    let first = LedgerQuery {
        user: user(),
        asset: parse("USD"),
        filter: LedgerFilter::default(),
        place: None,
        limit: PageLimit::new(50).unwrap(),
    };
    let filter = LedgerFilter { kind: Some(EntryKind::Sale), from: Some(at(0)), to: Some(at(59)) };
    let later = LedgerQuery { filter, place: Some(place), ..first.clone() };
    let page = LedgerPage { page: Page { items: entries, next: Some(place) }, total: 7 };
    let last = LedgerPage { page: Page { items: vec![], next: None }, total: 0 };
    hold("user/ledger", vec![first, later], vec![page, last], accounts_errors());
}

#[test]
fn is_live() {
    let query = SessionQuery { user: user(), session: parse("019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a13") };
    hold("user/is_live", vec![query], vec![true, false], outages().to_vec());
}

fn bitcoin() -> Listing {
    let quote = Quote { price: read(json!("50000.01")), as_of: at(5), source: "simulated".to_owned() };
    Listing {
        asset: parse("BTC"),
        name: "Bitcoin".to_owned(),
        tradable: true,
        quote: Some(quote),
        rules: Rules::default(),
    }
}

fn catalog_errors() -> Vec<CatalogError> {
    outages().map(CatalogError::Outage).to_vec()
}

#[test]
fn listing() {
    let rules = Rules {
        quantity_step: Some(read(json!("0.001"))),
        min_value: Some(read(json!("5.00"))),
        max_value: Some(read(json!("2500.00"))),
    };
    let unpriced = Listing { tradable: false, quote: None, rules, ..bitcoin() };
    let answers = vec![Some(bitcoin()), Some(unpriced), None];
    hold("inventory/listing", vec![ListingQuery { asset: parse("BTC") }], answers, catalog_errors());
}

#[test]
fn listings() {
    let query = ListingsQuery { assets: vec![parse("BTC"), parse("ETH")] };
    hold("inventory/listings", vec![query], vec![vec![bitcoin()], vec![]], catalog_errors());
}

#[test]
fn quotes_since() {
    let Listing { asset, tradable, quote, .. } = bitcoin();
    let unpriced = QuoteChange { asset: parse("FTT"), tradable: false, quote: None };
    let quotes = vec![QuoteChange { asset, tradable, quote }, unpriced];
    let queries = [0, 1_767_323_045_500].map(|version| QuotesQuery { version });
    let some = QuoteChanges { version: 1_767_323_046_500, quotes };
    let none = QuoteChanges { version: 1_767_323_046_500, quotes: vec![] };
    hold("inventory/quotes_since", queries.into(), vec![some, none], catalog_errors());
}
