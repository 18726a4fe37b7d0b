//! Money under load: whatever happens at once, every cent is accounted for, and the store is asked no more often
//! than budgeted. Each test has a platform of its own and ends with the proof of its books.

use std::collections::BTreeMap;
use std::future::Future;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_testkit::{Answer, PASSWORD, Setup, User, World, registration};

use crate::figures::{amount, exact};

crate::tests![
    sixty_four_clients_of_one_user_lose_no_cent,
    many_users_at_once_do_not_disturb_each_other,
    of_concurrent_sells_exactly_those_succeed_that_the_holding_covers,
    of_concurrent_buys_exactly_those_succeed_that_the_cash_covers,
    of_concurrent_withdrawals_exactly_those_succeed_that_the_cash_covers,
    random_trading_agrees_with_a_simple_model_to_the_cent,
    an_order_takes_at_most_three_writes_and_a_read,
    moving_cash_takes_at_most_a_read_and_a_write,
    looking_at_what_one_has_takes_at_most_a_read,
    the_catalog_takes_no_storage_call,
    signing_up_takes_a_write_and_logging_in_a_read_and_two_writes,
    a_session_is_looked_up_once_for_many_requests,
];

async fn sixty_four_clients_of_one_user_lose_no_cent(world: World) {
    let own = world.own(without_caps()).await;
    let user = own.new_user().await;
    user.deposit("500.00").await;
    let mut clients = JoinSet::new();
    for seed in 0..64 {
        let user = user.clone();
        clients.spawn(async move {
            let mut dice = Dice(seed);
            let mut moved = Vec::new();
            for _ in 0..4 {
                let wish = Wish::random(&mut dice, None);
                moved.extend(effect(&wish, &wish.ask(&user).await));
            }
            moved
        });
    }
    let moved = clients.join_all().await.concat();
    let ledger = ledger(&user).await;
    assert_eq!(ledger.len(), moved.len() + 1, "an entry for each that was accepted, and the first deposit");
    assert_eq!(exact(user.cash().await), exact("500") + moved.iter().sum::<Decimal>());
    own.reconcile().await;
}

async fn many_users_at_once_do_not_disturb_each_other(world: World) {
    let own = world.own(without_caps()).await;
    let mut users = JoinSet::new();
    for number in 1..=12_u32 {
        let own = own.clone();
        users.spawn(async move {
            let user = own.new_user().await;
            let deposit = Decimal::from(100 * number);
            user.deposit(&deposit.to_string()).await;
            let bought = user.order("market_buy", "SOL", "0.25").await.expect(201);
            let sold = user.order("market_sell", "SOL", "0.1").await.expect(201);
            user.post("/api/v1/balance/withdraw", &json!({ "amount": "20.01" })).await.expect(201);
            let total = |order: &Answer| exact(order.field("data.total_amount"));
            let cash = deposit - total(&bought) + total(&sold) - exact("20.01");
            assert_eq!(exact(user.cash().await), cash);
            assert_eq!(holding(&user, "SOL").await, exact("0.15"));
            assert_eq!(ledger(&user).await.len(), 4);
        });
    }
    users.join_all().await;
    own.reconcile().await;
}

async fn of_concurrent_sells_exactly_those_succeed_that_the_holding_covers(world: World) {
    let own = world.own(without_caps()).await;
    let user = own.new_user().await;
    user.deposit("1000.00").await;
    let bought = user.order("market_buy", "SOL", "1.79").await.expect(201);
    let cash = exact("1000") - exact(bought.field("data.total_amount"));
    let sold =
        at_once(16, &Wish::Order("market_sell", "SOL", exact("0.3")), &user, "insufficient_holdings").await;
    assert_eq!(sold.len(), 5);
    assert_eq!(holding(&user, "SOL").await, exact("0.29"));
    assert_eq!(exact(user.cash().await), cash + sold.iter().sum::<Decimal>());
    own.reconcile().await;
}

async fn of_concurrent_buys_exactly_those_succeed_that_the_cash_covers(world: World) {
    let own = world.own(without_caps()).await;
    let user = own.new_user().await;
    // A stablecoin stays within 0.15 % of a dollar, so ten cost from 9.98 to 10.02.
    user.deposit("50.50").await;
    let bought =
        at_once(16, &Wish::Order("market_buy", "USDC", Decimal::TEN), &user, "insufficient_funds").await;
    assert_eq!(bought.len(), 5);
    assert_eq!(holding(&user, "USDC").await, exact("50"));
    assert_eq!(exact(user.cash().await), exact("50.50") + bought.iter().sum::<Decimal>());
    own.reconcile().await;
}

async fn of_concurrent_withdrawals_exactly_those_succeed_that_the_cash_covers(world: World) {
    let own = world.own(without_caps()).await;
    let user = own.new_user().await;
    user.deposit("70.01").await;
    let taken = at_once(16, &Wish::Withdraw(exact("10.00")), &user, "insufficient_funds").await;
    assert_eq!(taken.len(), 7);
    assert_eq!(user.cash().await, "0.01");
    own.reconcile().await;
}

async fn random_trading_agrees_with_a_simple_model_to_the_cent(world: World) {
    let own = world.own(without_caps()).await;
    let mut users = JoinSet::new();
    for seed in 1..=4 {
        let own = own.clone();
        users.spawn(async move {
            let user = own.new_user().await;
            let (mut dice, mut model) = (Dice(seed * 1_000), Model::default());
            for step in 0..60 {
                let wish = Wish::random(&mut dice, Some(&model));
                let answer = wish.ask(&user).await;
                let price = price_of_last_order(&wish, &user).await;
                let told = if answer.status == 201 { Ok(()) } else { Err(answer.field("code")) };
                let expected = model.grant(&wish, price).map_err(str::to_owned);
                assert_eq!(told, expected, "user {seed}, step {step}: {wish:?} at {price}");
                assert_eq!(exact(user.cash().await), model.cash, "user {seed}, step {step}: {wish:?}");
            }
            let portfolio = user.get("/api/v1/portfolio").await.expect(200).json();
            let assets = portfolio["assets"].as_array().unwrap().iter();
            let held: BTreeMap<_, _> = assets
                .map(|asset| (asset["asset_id"].as_str().unwrap(), amount(&asset["quantity"])))
                .collect();
            assert_eq!(held, model.holdings, "user {seed}");
            assert_eq!(ledger(&user).await.len(), model.entries);
        });
    }
    users.join_all().await;
    own.reconcile().await;
}

async fn an_order_takes_at_most_three_writes_and_a_read(world: World) {
    let (own, user) = quiet(&world).await;
    user.deposit("500.00").await;
    // A process of its own looks the session up for itself, once in 20 seconds.
    user.get("/api/v1/orders").await.expect(200);
    for (order_type, quantity, status) in [
        ("market_buy", "0.2", 201),
        ("market_buy", "0.2", 201),
        ("market_sell", "0.3", 201),
        ("market_sell", "0.1", 201),
        ("market_sell", "0.1", 422),
        ("market_buy", "50", 422),
    ] {
        let cost = storage(&own, user.order(order_type, "SOL", quantity), status).await;
        assert!(cost.reads <= 1 && cost.writes <= 3, "{order_type} {quantity}: {cost:?}");
    }
    own.reconcile().await;
}

async fn moving_cash_takes_at_most_a_read_and_a_write(world: World) {
    let (own, user) = quiet(&world).await;
    for (route, amount, status) in
        [("deposit", "50.00", 201), ("withdraw", "20.00", 201), ("withdraw", "31.00", 422)]
    {
        let (path, body) = (format!("/api/v1/balance/{route}"), json!({ "amount": amount }));
        let cost = storage(&own, user.post(&path, &body), status).await;
        assert!(cost.reads <= 1 && cost.writes <= 1, "{route} {amount}: {cost:?}");
    }
    own.reconcile().await;
}

async fn looking_at_what_one_has_takes_at_most_a_read(world: World) {
    let (own, user) = quiet(&world).await;
    user.deposit("500.00").await;
    for asset in ["SOL", "ETH", "DOGE"] {
        let quantity = if asset == "DOGE" { "500" } else { "0.01" };
        user.order("market_buy", asset, quantity).await.expect(201);
    }
    for path in ["/portfolio", "/assets/balances", "/balance/asset/SOL", "/balance", "/orders"] {
        let cost = storage(&own, user.get(&format!("/api/v1{path}")), 200).await;
        assert!(cost.reads <= 1 && cost.writes == 0, "{path}: {cost:?}");
    }
    own.reconcile().await;
}

async fn the_catalog_takes_no_storage_call(world: World) {
    let (own, user) = quiet(&world).await;
    for path in ["/inventory/assets", "/inventory/assets?limit=250", "/inventory/assets/BTC"] {
        let cost = storage(&own, user.get(&format!("/api/v1{path}")), 200).await;
        assert_eq!(cost.reads + cost.writes, 0, "{path}: {cost:?}");
    }
    own.reconcile().await;
}

async fn signing_up_takes_a_write_and_logging_in_a_read_and_two_writes(world: World) {
    let (own, _) = quiet(&world).await;
    let sign_up = registration("budgeted_user");
    let cost = storage(&own, own.post("/api/v1/auth/register", &sign_up), 201).await;
    assert!(cost.reads == 0 && cost.writes <= 1, "{cost:?}");
    let log_in = json!({ "username": "budgeted_user", "password": PASSWORD });
    let cost = storage(&own, own.post("/api/v1/auth/login", &log_in), 200).await;
    assert!(cost.reads <= 1 && cost.writes <= 2, "{cost:?}");
    own.reconcile().await;
}

async fn a_session_is_looked_up_once_for_many_requests(world: World) {
    let (own, user) = quiet(&world).await;
    let again = own.log_in(&user.username, PASSWORD).await;
    let (_, reads, writes) = own
        .storage_calls(async {
            for _ in 0..10 {
                again.get("/api/v1/balance").await.expect(200);
            }
        })
        .await;
    assert!(reads <= 10 + 1 && writes == 0, "{reads} reads, {writes} writes");
    own.reconcile().await;
}

/// A small generator of numbers that are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Assets, and a quantity of each that is worth some 200 dollars, in units of 0.00000001.
const TRADED: [(&str, u64); 4] = [
    ("SOL", 133_000_000),
    ("DOGE", 170_000_000_000),
    ("USDC", 20_000_000_000),
    ("SHIB", 1_100_000_000_000_000),
];

/// Something a client may ask for.
#[derive(Clone, Debug)]
enum Wish {
    Deposit(Decimal),
    Withdraw(Decimal),
    Order(&'static str, &'static str, Decimal),
}

impl Wish {
    /// Anything, and with a model at times the sale of exactly what is held.
    fn random(dice: &mut Dice, model: Option<&Model>) -> Self {
        let dollars = Decimal::new(i64::try_from(1 + dice.below(20_000)).unwrap(), 2);
        let (asset, units) = TRADED[usize::try_from(dice.below(4)).unwrap()];
        let quantity = Decimal::new(i64::try_from(1 + dice.below(units)).unwrap(), 8).normalize();
        let held = model.and_then(|model| model.holdings.get(asset).copied());
        match dice.below(10) {
            0 | 1 => Self::Deposit(dollars),
            2 => Self::Withdraw(dollars),
            3..=6 => Self::Order("market_buy", asset, quantity),
            7 => Self::Order("market_sell", asset, held.unwrap_or(quantity)),
            8 => Self::Order("market_sell", asset, Decimal::new(1, 8)),
            _ => Self::Order("market_sell", asset, quantity),
        }
    }

    async fn ask(&self, user: &User) -> Answer {
        let cash = |amount: &Decimal| json!({ "amount": amount.to_string() });
        match self {
            Self::Deposit(dollars) => user.post("/api/v1/balance/deposit", &cash(dollars)).await,
            Self::Withdraw(dollars) => user.post("/api/v1/balance/withdraw", &cash(dollars)).await,
            Self::Order(order_type, asset, quantity) => {
                user.order(order_type, asset, &quantity.to_string()).await
            }
        }
    }
}

/// What a user has, as simply as it can be said.
#[derive(Default)]
struct Model {
    cash: Decimal,
    holdings: BTreeMap<&'static str, Decimal>,
    entries: usize,
}

impl Model {
    fn grant(&mut self, wish: &Wish, price: Decimal) -> Result<(), &'static str> {
        let (in_cash, asset, quantity) = match wish {
            Wish::Deposit(dollars) => (*dollars, "USD", Decimal::ZERO),
            Wish::Withdraw(dollars) => (-*dollars, "USD", Decimal::ZERO),
            Wish::Order("market_buy", asset, quantity) => {
                let value = price * quantity;
                (-value.round_dp_with_strategy(2, RoundingStrategy::ToPositiveInfinity), *asset, *quantity)
            }
            Wish::Order(_, asset, quantity) => ((price * quantity).trunc_with_scale(2), *asset, -*quantity),
        };
        let held = self.holdings.get(asset).copied().unwrap_or_default();
        let empties = quantity < Decimal::ZERO && held + quantity == Decimal::ZERO;
        if asset != "USD" && in_cash.abs() < Decimal::ONE && !empties {
            return Err("order_value_too_small");
        }
        if held + quantity < Decimal::ZERO {
            return Err("insufficient_holdings");
        }
        if self.cash + in_cash < Decimal::ZERO {
            return Err("insufficient_funds");
        }
        self.cash += in_cash;
        self.entries += 1;
        self.holdings.insert(asset, held + quantity);
        self.holdings.retain(|_, held| !held.is_zero());
        Ok(())
    }
}

/// The price an order was decided at, which also those have that were refused.
async fn price_of_last_order(wish: &Wish, user: &User) -> Decimal {
    let Wish::Order(order_type, asset, quantity) = wish else { return Decimal::ZERO };
    let list = user.get("/api/v1/orders?limit=1").await.expect(200).json();
    let order = &list["data"][0];
    assert_eq!((&order["order_type"], &order["asset_id"]), (&json!(order_type), &json!(asset)));
    assert_eq!(amount(&order["quantity"]), *quantity);
    amount(&order["price"])
}

/// What an accepted wish did to the cash; a refusal must say clearly why.
fn effect(wish: &Wish, answer: &Answer) -> Option<Decimal> {
    if answer.status != 201 {
        assert_eq!(answer.status, 422, "{answer:?}");
        let code = answer.field("code");
        let clear = ["insufficient_funds", "insufficient_holdings", "order_value_too_small"];
        assert!(clear.contains(&code.as_str()), "{answer:?}");
        return None;
    }
    Some(match wish {
        Wish::Deposit(dollars) => *dollars,
        Wish::Withdraw(dollars) => -*dollars,
        Wish::Order("market_buy", ..) => -exact(answer.field("data.total_amount")),
        Wish::Order(..) => exact(answer.field("data.total_amount")),
    })
}

/// Asks for the same many times at once. What the accepted ones did to the cash; the others must have this code.
async fn at_once(times: usize, wish: &Wish, user: &User, code: &str) -> Vec<Decimal> {
    let mut asked = JoinSet::new();
    for _ in 0..times {
        let (wish, user) = (wish.clone(), user.clone());
        asked.spawn(async move { (wish.ask(&user).await, wish) });
    }
    let answers = asked.join_all().await;
    let refused = answers.iter().filter(|(answer, _)| answer.status != 201);
    refused.for_each(|(answer, _)| assert_eq!(answer.field("code"), code, "{answer:?}"));
    answers.iter().filter_map(|(answer, wish)| effect(wish, answer)).collect()
}

/// The whole cash ledger, newest first, which must be a chain that leads to the balance and never below zero.
pub async fn ledger(user: &User) -> Vec<Value> {
    let (mut entries, mut query) = (Vec::new(), String::new());
    let total = loop {
        let path = format!("/api/v1/balance/transactions?limit=100{query}");
        let page = user.get(&path).await.expect(200).json();
        entries.extend(page["transactions"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("&cursor={cursor}"),
            None => break page["total_count"].clone(),
        }
    };
    assert_eq!(total, json!(entries.len()));
    let mut balance = Decimal::ZERO;
    for entry in entries.iter().rev() {
        balance += amount(&entry["amount"]);
        assert_eq!(amount(&entry["balance_after"]), balance, "{entry}");
        assert!(balance >= Decimal::ZERO, "{entry}");
    }
    assert_eq!(exact(&crate::market::balance(user).await[2]), balance);
    entries
}

async fn holding(user: &User, asset: &str) -> Decimal {
    exact(user.get(&format!("/api/v1/balance/asset/{asset}")).await.expect(200).field("quantity"))
}

fn without_caps() -> Setup {
    Setup::default()
        .set("user.daily_deposit_limit", "1000000.00")
        .set("user.daily_withdrawal_limit", "1000000.00")
}

/// What a request cost.
#[derive(Debug)]
pub struct Cost {
    pub reads: u64,
    pub writes: u64,
}

pub async fn storage(own: &World, request: impl Future<Output = Answer>, status: u16) -> Cost {
    let (answer, reads, writes) = own.storage_calls(request).await;
    answer.expect(status);
    Cost { reads, writes }
}

/// A platform that asks its store for nothing on its own, and a user whose session is known to live.
pub async fn quiet(world: &World) -> (World, User) {
    let own = world.own(Setup::default().quiet()).await;
    let user = own.new_user().await;
    user.get("/api/v1/balance").await.expect(200);
    own.until_quiet().await;
    (own, user)
}
