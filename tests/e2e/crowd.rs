//! Sixty-four clients of one user, all at once and with everything that moves or holds money: each gets an answer
//! that is right or says clearly why not, and the sum of what they were told is what the books say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_testkit::{Answer, Setup, ShiftedClock, User, World};

use crate::figures::{amount, exact};
use crate::market::{balance, cancel, limit, place};
use crate::money::ledger;

crate::tests![with_money_to_spare_the_daily_caps_are_exact, with_too_little_money_nothing_is_spent_twice];

const CLIENTS: usize = 64;
/// So many of them make a deposit, and as many a withdrawal.
const EACH: usize = 42;

async fn with_money_to_spare_the_daily_caps_are_exact(world: World) {
    let caps = [("user.daily_deposit_limit", "10050.00"), ("user.daily_withdrawal_limit", "90.00")];
    // 35 of the deposits fit under what the first one left of its cap, and 30 of the withdrawals.
    let crowd = Crowd { first: "10015.00", deposit: "1.00", withdrawal: "3.00", sol: "20" };
    let told = crowd.run(&world, caps).await;
    assert_eq!((told.deposited, told.withdrawn), (exact("35"), exact("90")));
    assert_eq!(told.refusals, vec!["daily_limit_exceeded"; 2 * EACH - 35 - 30]);
}

async fn with_too_little_money_nothing_is_spent_twice(world: World) {
    let caps = [("user.daily_deposit_limit", "1000000.00"), ("user.daily_withdrawal_limit", "1000000.00")];
    let crowd = Crowd { first: "200.00", deposit: "1.00", withdrawal: "20.00", sol: "0.5" };
    let told = crowd.run(&world, caps).await;
    assert_eq!(told.deposited, Decimal::from(EACH));
    for code in ["insufficient_funds", "insufficient_holdings"] {
        assert!(told.refusals.contains(&code.to_owned()), "nobody was refused for {code}");
    }
    assert!(told.refusals.iter().all(|code| code.starts_with("insufficient_")), "{:?}", told.refusals);
}

/// What a user has at first, and what each client puts in and takes out.
struct Crowd {
    first: &'static str,
    deposit: &'static str,
    withdrawal: &'static str,
    sol: &'static str,
}

/// What clients were told altogether.
#[derive(Debug, Default)]
struct Told {
    deposited: Decimal,
    withdrawn: Decimal,
    /// Dollars that trades brought, less what they cost.
    traded: Decimal,
    sol: Decimal,
    /// What orders hold that were left open.
    held: Decimal,
    held_sol: Decimal,
    entries: usize,
    refusals: Vec<String>,
}

impl Crowd {
    /// Lets all clients in at once, compares what they were told with the books, and proves the books.
    async fn run(&self, world: &World, caps: [(&str, &str); 2]) -> Told {
        let own = world.own(patient(caps)).await;
        let user = own.new_user().await;
        user.deposit(self.first).await;
        let mut before = Told::default();
        before.order(&user.order("market_buy", "SOL", self.sol).await.expect(201));

        let (is_over, watched) = (Arc::new(AtomicBool::new(false)), user.clone());
        let watcher = tokio::spawn(watch(watched, Arc::clone(&is_over)));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(client(user.clone(), number, self.deposit, self.withdrawal));
        }
        let told = clients.join_all().await.into_iter().fold(before, Told::and);
        is_over.store(true, Ordering::SeqCst);
        watcher.await.unwrap();

        told.agrees_with(&user, exact(self.first)).await;
        own.reconcile().await;
        told
    }
}

/// A platform that gives nobody up, however slow the machine: no order is too old to be settled, and no connection that
/// a client made and then had no use for is closed.
fn patient(caps: [(&str, &str); 2]) -> Setup {
    let setup = Setup::default()
        .clock(&Arc::new(ShiftedClock::stopped()))
        .set("server.client_timeout_ms", "600000")
        .set("peers.timeout_ms", "60000");
    caps.iter().fold(setup, |setup, (key, cap)| setup.set(key, cap))
}

/// Looks at the balance all the while.
async fn watch(user: User, is_over: Arc<AtomicBool>) {
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let [available, held, current] = balance(&user).await.map(exact);
        assert!(available >= Decimal::ZERO && held >= Decimal::ZERO, "{available} and {held}");
        assert_eq!(available + held, current);
        if was_over {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Does most of what there is to do, beginning with something else than its neighbours.
async fn client(user: User, number: usize, deposit: &str, withdrawal: &str) -> Told {
    let mut told = Told::default();
    for turn in 0..4 {
        match (number + turn) % 6 {
            0 => told.cash(&cash(&user, "deposit", deposit).await, deposit),
            1 => told.cash(&cash(&user, "withdraw", withdrawal).await, withdrawal),
            2 => told.order(&user.order("market_buy", "SOL", "0.031").await),
            3 => told.order(&user.order("market_sell", "SOL", "0.029").await),
            // The market never gets there, so it stays open, or half of the time is cancelled.
            4 => told.waits(&user, &limit("limit_buy", "SOL", "7", Decimal::ONE), number).await,
            _ => told.waits(&user, &limit("take_profit", "SOL", "0.05", Decimal::ONE_THOUSAND), number).await,
        }
    }
    told
}

async fn cash(user: &User, what: &str, amount: &str) -> Answer {
    user.post(&format!("/api/v1/balance/{what}"), &json!({ "amount": amount })).await
}

impl Told {
    fn and(mut self, other: Self) -> Self {
        self.deposited += other.deposited;
        self.withdrawn += other.withdrawn;
        self.traded += other.traded;
        self.sol += other.sol;
        self.held += other.held;
        self.held_sol += other.held_sol;
        self.entries += other.entries;
        self.refusals.extend(other.refusals);
        self
    }

    fn is_accepted(&mut self, answer: &Answer) -> bool {
        if answer.status != 201 {
            assert_eq!(answer.status, 422, "{answer:?}");
            self.refusals.push(answer.field("code"));
        }
        answer.status == 201
    }

    fn cash(&mut self, answer: &Answer, amount: &str) {
        if self.is_accepted(answer) {
            self.entries += 1;
            let is_deposit = answer.request.contains("deposit");
            *(if is_deposit { &mut self.deposited } else { &mut self.withdrawn }) += exact(amount);
        }
    }

    fn order(&mut self, answer: &Answer) {
        if self.is_accepted(answer) {
            assert_eq!(answer.field("data.status"), "completed");
            self.entries += 1;
            let sign = if answer.field("data.order_type") == "market_buy" { 1 } else { -1 };
            self.traded -= exact(answer.field("data.total_amount")) * Decimal::from(sign);
            self.sol += exact(answer.field("data.quantity")) * Decimal::from(sign);
        }
    }

    /// Every other client cancels what it placed, twice at the same time.
    async fn waits(&mut self, user: &User, order: &Value, number: usize) {
        let placed = place(user, order).await;
        if !self.is_accepted(&placed) {
            return;
        }
        assert_eq!(placed.field("data.status"), "open");
        if number.is_multiple_of(2) {
            let id = placed.field("data.order_id");
            let (one, other) = tokio::join!(cancel(user, &id), cancel(user, &id));
            let statuses = [one.status.as_u16(), other.status.as_u16()];
            assert!(matches!(statuses, [200, 200 | 409] | [409, 200]), "{one:?} {other:?}");
        } else if order["order_type"] == "limit_buy" {
            self.held += exact(placed.field("data.total_amount"));
        } else {
            self.held_sol += exact(placed.field("data.quantity"));
        }
    }

    /// The balance, the ledger, the position and the open orders are the sum of what was told.
    async fn agrees_with(&self, user: &User, first: Decimal) {
        let cash = first + self.deposited - self.withdrawn + self.traded;
        assert_eq!(balance(user).await.map(exact), [cash - self.held, self.held, cash], "{self:?}");
        assert_eq!(ledger(user).await.len(), self.entries + 1, "an entry for each, and the first deposit");
        let position = user.get("/api/v1/balance/asset/SOL").await.expect(200);
        assert_eq!(exact(position.field("quantity")), self.sol);
        let open = user.get("/api/v1/orders?status=open&limit=100").await.expect(200).json();
        let open = open["data"].as_array().unwrap().iter();
        let (buys, sells): (Vec<_>, Vec<_>) = open.partition(|order| order["order_type"] == "limit_buy");
        let held: Decimal = buys.iter().map(|order| amount(&order["total_amount"])).sum();
        let held_sol: Decimal = sells.iter().map(|order| amount(&order["quantity"])).sum();
        assert_eq!((held, held_sol), (self.held, self.held_sol));
    }
}
