//! Holds on the real engine: what they cost, what they refuse, and what becomes of them.

mod model;
mod races;
mod silence;

use std::sync::Arc;

use chrono::TimeDelta;
use tradepost_kernel::{Amount, Clock, OrderId, Price, Quantity, Usd, UserId};
use tradepost_platform::dynamo::Dynamo;
use tradepost_problem::Outage;
use tradepost_user_api::{
    Accounts, AccountsError, Held, Hold, HoldEnd, Position, Positions, Release, Settled, Settlement, Side,
    Source,
};

use super::super::UserService;
use super::super::installation::Installation;
use crate::UserError;

/// Two processes on one store, and a user.
struct World {
    installation: Installation,
    user: UserId,
}

impl World {
    /// A user who has this much cash and ten SOL.
    async fn with(cash: &str) -> Self {
        Self::on(Installation::start(2, 5, 50).await, cash).await
    }

    async fn on(installation: Installation, cash: &str) -> Self {
        let user = installation.open_account().await;
        let world = Self { installation, user };
        let service = world.service(0);
        let money = Usd::parse(cash).unwrap().plus(Usd::parse("10.00").unwrap()).unwrap();
        service.deposit(user, money, None).await.unwrap();
        let buy = Settlement { quantity: quantity("10"), ..world.buy(&OrderId::generate(), "10.00") };
        service.settle(Settlement { from: Source::Available, ..buy }).await.unwrap();
        world
    }

    fn service(&self, index: usize) -> &Arc<UserService> {
        &self.installation.processes[index]
    }

    fn dynamo(&self) -> &Dynamo {
        &self.installation.dynamo
    }

    fn advance(&self, seconds: i64) {
        *self.installation.clock.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }

    fn hold_of(&self, order: &OrderId, asset: &str, amount: &str) -> Hold {
        Hold {
            user: self.user,
            order: order.clone(),
            asset: asset.parse().unwrap(),
            amount: quantity(amount).into(),
            hold_by: self.installation.clock.now() + TimeDelta::seconds(10),
        }
    }

    fn release_of(&self, order: &OrderId, asset: &str) -> Release {
        Release { user: self.user, order: order.clone(), asset: asset.parse().unwrap() }
    }

    /// One SOL for so much, from the hold.
    fn buy(&self, order: &OrderId, total: &str) -> Settlement {
        Settlement {
            user: self.user,
            order: order.clone(),
            side: Side::Buy,
            asset: "SOL".parse().unwrap(),
            quantity: quantity("1"),
            price: Price::parse("100").unwrap(),
            total: Usd::parse(total).unwrap(),
            settle_by: self.installation.clock.now() + TimeDelta::seconds(10),
            from: Source::Hold,
        }
    }

    fn sell(&self, order: &OrderId, quantity: &str, total: &str) -> Settlement {
        let quantity = Quantity::parse(quantity).unwrap();
        Settlement { side: Side::Sell, quantity, ..self.buy(order, total) }
    }

    /// An order for which this much is held.
    async fn held(&self, asset: &str, amount: &str) -> OrderId {
        let order = OrderId::generate();
        self.service(0).hold(self.hold_of(&order, asset, amount)).await.unwrap();
        order
    }

    async fn position(&self, asset: &str) -> Position {
        let which = Positions::Of(vec![asset.parse().unwrap()]);
        self.service(1).positions(self.user, which).await.unwrap().pop().unwrap()
    }

    /// What is available and what is held.
    async fn balances(&self, asset: &str) -> (String, String) {
        let position = self.position(asset).await;
        (position.available.to_string(), position.held.to_string())
    }

    /// The answer, and how many reads and writes it took.
    async fn counted<T>(&self, call: impl Future<Output = T>) -> (T, (u64, u64)) {
        let before = self.dynamo().calls().so_far();
        let answer = call.await;
        let after = self.dynamo().calls().so_far();
        (answer, (after.0 - before.0, after.1 - before.1))
    }
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn are(available: &str, held: &str) -> (String, String) {
    (available.to_owned(), held.to_owned())
}

fn internal<T>() -> Result<T, AccountsError> {
    Err(Outage::Internal.into())
}

#[tokio::test]
async fn a_buy_that_is_filled_below_its_hold_gives_the_rest_back() {
    let world = World::with("100.00").await;
    let order = world.held("USD", "70").await;
    assert_eq!(world.balances("USD").await, are("30", "70"));
    world.service(1).settle(world.buy(&order, "60.00")).await.unwrap();
    assert_eq!((world.balances("USD").await, world.balances("SOL").await), (are("40", "0"), are("11", "0")));
}

#[tokio::test]
async fn a_sale_takes_what_is_held_of_the_asset() {
    let world = World::with("100.00").await;
    let order = world.held("SOL", "4").await;
    assert_eq!(world.balances("SOL").await, are("6", "4"));
    world.service(1).settle(world.sell(&order, "4", "400.00")).await.unwrap();
    assert_eq!((world.balances("USD").await, world.balances("SOL").await), (are("500", "0"), are("6", "0")));
}

#[tokio::test]
async fn what_is_released_is_available_again() {
    let world = World::with("100.00").await;
    for (asset, amount) in [("USD", "70"), ("SOL", "4")] {
        let before = world.balances(asset).await;
        let order = world.held(asset, amount).await;
        let end = world.service(1).release(world.release_of(&order, asset)).await.unwrap();
        assert!(matches!(end, HoldEnd::Released { .. }), "{end:?}");
        assert_eq!(world.balances(asset).await, before);
    }
}

#[tokio::test]
async fn each_takes_one_read_and_one_write_and_a_repetition_one_read() {
    let world = World::with("100.00").await;
    let service = world.service(0);
    let (filled, cancelled) = (OrderId::generate(), OrderId::generate());
    for (first, cost) in [(true, (1, 1)), (false, (1, 0))] {
        for order in [&filled, &cancelled] {
            let (held, calls) = world.counted(service.hold(world.hold_of(order, "USD", "40"))).await;
            assert_eq!((held.is_ok(), calls), (true, cost), "hold, first: {first}");
        }
        let (settled, calls) = world.counted(service.settle(world.buy(&filled, "40.00"))).await;
        assert_eq!((settled.is_ok(), calls), (true, cost), "settle, first: {first}");
        let (released, calls) = world.counted(service.release(world.release_of(&cancelled, "USD"))).await;
        assert_eq!((released.is_ok(), calls), (true, cost), "release, first: {first}");
    }
    let (refused, calls) =
        world.counted(service.hold(world.hold_of(&OrderId::generate(), "USD", "60.01"))).await;
    assert_eq!((refused.is_err(), calls), (true, (1, 1)));
    let (ruled_out, calls) =
        world.counted(service.release(world.release_of(&OrderId::generate(), "USD"))).await;
    assert_eq!((ruled_out.is_ok(), calls), (true, (1, 1)));
}

#[tokio::test]
async fn a_hold_is_refused_after_its_time_and_answered_when_it_came_in_time() {
    let world = World::with("100.00").await;
    let (in_time, late) = (OrderId::generate(), OrderId::generate());
    let (hold, too_late) = (world.hold_of(&in_time, "USD", "1"), world.hold_of(&late, "USD", "1"));
    world.advance(10);
    let held = world.service(0).hold(hold.clone()).await;
    assert!(held.is_ok(), "exactly at its time is in time: {held:?}");
    world.advance(1);
    assert_eq!(world.service(0).hold(hold).await, held);
    assert_eq!(world.service(0).hold(too_late).await, Err(AccountsError::SettlementExpired));
    let again = world.hold_of(&late, "USD", "1");
    assert_eq!(world.service(1).hold(again).await, Err(AccountsError::SettlementExpired), "for ever");
    assert_eq!(world.balances("USD").await, are("99", "1"));
}

#[tokio::test]
async fn a_hold_can_be_settled_at_any_time() {
    let world = World::with("100.00").await;
    let order = world.held("USD", "70").await;
    let settlement = world.buy(&order, "70.00");
    world.advance(86_400);
    let at = world.installation.clock.now();
    assert_eq!(world.service(0).settle(settlement).await, Ok(Settled { at }));
}

#[tokio::test]
async fn after_a_release_nothing_can_be_held_or_settled() {
    let world = World::with("100.00").await;
    let unknown = OrderId::generate();
    let end = world.service(0).release(world.release_of(&unknown, "USD")).await.unwrap();
    let at = world.installation.clock.now();
    assert_eq!(end, HoldEnd::Released { at });
    world.advance(1);
    let late = world.service(1).hold(world.hold_of(&unknown, "USD", "70")).await;
    assert_eq!(late, Err(AccountsError::HoldReleased));
    let known = world.held("USD", "70").await;
    world.service(0).release(world.release_of(&known, "USD")).await.unwrap();
    for order in [&unknown, &known] {
        for from in [Source::Hold, Source::Available] {
            let settlement = Settlement { from, ..world.buy(order, "60.00") };
            assert_eq!(world.service(1).settle(settlement).await, Err(AccountsError::HoldReleased));
        }
    }
    assert_eq!(
        world.service(1).release(world.release_of(&unknown, "USD")).await,
        Ok(HoldEnd::Released { at })
    );
    assert_eq!(world.balances("USD").await, are("100", "0"));
}

#[tokio::test]
async fn what_does_not_fit_the_hold_is_refused_and_nothing_is_written() {
    let world = World::with("100.00").await;
    let (cash, sol) = (world.held("USD", "70").await, world.held("SOL", "4").await);
    let ether = Settlement { asset: "ETH".parse().unwrap(), ..world.sell(&sol, "4", "1.00") };
    let available = Settlement { from: Source::Available, ..world.buy(&cash, "1.00") };
    let wrong = [
        world.buy(&cash, "70.01"),
        world.sell(&cash, "4", "1.00"),
        world.buy(&sol, "1.00"),
        ether,
        available,
    ];
    let wrong =
        wrong.into_iter().chain(["3.99999999", "4.00000001"].map(|some| world.sell(&sol, some, "1.00")));
    for settlement in wrong {
        let (answer, calls) = world.counted(world.service(0).settle(settlement.clone())).await;
        let exceeds = Err(AccountsError::SettlementExceedsHold);
        assert_eq!((answer, calls), (exceeds, (1, 0)), "{settlement:?}");
    }
    let (answer, calls) =
        world.counted(world.service(0).settle(world.buy(&OrderId::generate(), "1.00"))).await;
    assert_eq!((answer, calls), (Err(AccountsError::NoHold), (1, 0)));
    let release = world.service(0).release(world.release_of(&cash, "SOL"));
    assert_eq!(world.counted(release).await, (internal(), (1, 0)));
    assert_eq!((world.balances("USD").await, world.balances("SOL").await), (are("30", "70"), are("6", "4")));
}

#[tokio::test]
async fn a_refused_settlement_leaves_its_hold_to_be_released() {
    let world = World::with("100.00").await;
    let order = world.held("SOL", "4").await;
    let most = world.sell(&order, "4", "100000000000000000000.00");
    assert_eq!(world.service(0).settle(most).await, Err(AccountsError::BalanceTooLarge));
    assert_eq!(world.balances("SOL").await, are("6", "4"));
    let end = world.service(0).release(world.release_of(&order, "SOL")).await.unwrap();
    assert!(matches!(end, HoldEnd::Released { .. }), "{end:?}");
}

#[tokio::test]
async fn nobody_has_nothing_to_hold() {
    let world = World::with("100.00").await;
    let order = OrderId::generate();
    let nobody = Hold { user: UserId::generate(), ..world.hold_of(&order, "USD", "1") };
    assert_eq!(world.service(0).hold(nobody).await, Err(AccountsError::UnknownUser));
    let (needed, available) = (Amount::from(quantity("1")), Amount::ZERO);
    let needs = AccountsError::InsufficientHoldings { asset: "ETH".parse().unwrap(), needed, available };
    assert_eq!(world.service(0).hold(world.hold_of(&order, "ETH", "1")).await, Err(needs.clone()));
    let end = world.service(0).release(world.release_of(&order, "ETH")).await;
    assert_eq!(end, Ok(HoldEnd::Refused));
    let settlement = Settlement { asset: "ETH".parse().unwrap(), ..world.sell(&order, "1", "1.00") };
    assert_eq!(world.service(0).settle(settlement).await, Err(needs), "the first outcome stands");
}

#[tokio::test]
async fn an_order_that_was_settled_at_once_has_no_hold() {
    let world = World::with("100.00").await;
    let order = OrderId::generate();
    let at_once = Settlement { from: Source::Available, ..world.buy(&order, "1.00") };
    let Settled { at } = world.service(0).settle(at_once).await.unwrap();
    let hold = world.service(0).hold(world.hold_of(&order, "USD", "1")).await;
    assert_eq!(hold, Err(AccountsError::NoHold));
    assert_eq!(world.service(0).release(world.release_of(&order, "USD")).await, Ok(HoldEnd::Settled { at }));
}

#[tokio::test]
async fn what_is_held_cannot_be_withdrawn() {
    let world = World::with("100.00").await;
    let order = world.held("USD", "70").await;
    let withdraw =
        async |amount| world.service(1).withdraw(world.user, Usd::parse(amount).unwrap(), None).await;
    let (needed, available) = (Usd::parse("30.01").unwrap(), Usd::parse("30.00").unwrap());
    let needs = UserError::Accounts(AccountsError::InsufficientFunds { needed, available });
    assert_eq!(withdraw("30.01").await.unwrap_err(), needs);
    let receipt = withdraw("30.00").await.unwrap();
    assert_eq!(receipt.balance_after, Usd::parse("70.00").unwrap(), "the balance has what is held");
    world.service(0).release(world.release_of(&order, "USD")).await.unwrap();
    withdraw("70.00").await.unwrap();
    assert_eq!(world.balances("USD").await, are("0", "0"));
}
