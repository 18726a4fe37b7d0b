//! Placing and cancelling under an idempotency key: whatever comes between, the work is done once and in the end the
//! key has the answer to it.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tradepost_kernel::Clock;
use tradepost_order::{NewOrder, Order, OrderError, OrderService, OrderType, Status, cancelled, placed};
use tradepost_platform::idempotency::{Answer, KeyRefusal, KeyedRequest, Once, Told};
use tradepost_problem::Outage;

use crate::support::{Trouble, World, limit, order};

const KEY: &str = "key-1";

/// A request as it is kept; its fingerprint stands for method, path and body.
fn request(route: &str, fingerprint: &str) -> Option<KeyedRequest> {
    let request = json!({
        "key": KEY, "route": route, "fingerprint": fingerprint, "instance": "/api/v1/orders", "request_id": "r-1",
    });
    Some(serde_json::from_value(request).unwrap())
}

async fn place(world: &World, service: &OrderService, new: &NewOrder) -> Result<Told, OrderError> {
    let once = Once::new(request("POST /api/v1/orders", &new.content()), placed);
    service.place(world.user, new.clone(), &once).await.map(|done| done.told(&once))
}

async fn cancel(world: &World, service: &OrderService, order: &Order) -> Result<Told, OrderError> {
    let once = Once::new(request("DELETE /api/v1/orders/{order_id}", order.order_id.as_str()), cancelled);
    service.cancel(world.user, &order.order_id, &once).await.map(|done| done.told(&once))
}

fn data(answer: &Answer) -> Value {
    serde_json::from_str::<Value>(&answer.body).unwrap()["data"].clone()
}

/// What somebody asks for while the process dies.
#[derive(Clone, Copy, Debug)]
enum Work {
    Market,
    Wait,
    FillAtOnce,
    TooSmall,
    TooPoor,
    Cancel,
}

const ALL: [Work; 6] =
    [Work::Market, Work::Wait, Work::FillAtOnce, Work::TooSmall, Work::TooPoor, Work::Cancel];

impl Work {
    fn order(self) -> NewOrder {
        match self {
            Self::Market => order(OrderType::MarketBuy, "1"),
            Self::Wait | Self::Cancel => limit(OrderType::LimitBuy, "1", "900"),
            Self::FillAtOnce => limit(OrderType::LimitBuy, "1", "1100"),
            Self::TooSmall => order(OrderType::MarketBuy, "0.00001"),
            Self::TooPoor => order(OrderType::MarketSell, "1"),
        }
    }

    async fn ask(self, world: &World, service: &OrderService) -> Result<Told, OrderError> {
        match self {
            Self::Cancel => cancel(world, service, &world.the_order().await).await,
            _ => place(world, service, &self.order()).await,
        }
    }

    /// What becomes of it: the status of the answer, that of the order, and the balances.
    fn end(self) -> (u16, Status, [&'static str; 4]) {
        match self {
            Self::Market | Self::FillAtOnce => (201, Status::Completed, ["99000", "0", "1", "0"]),
            Self::Wait => (201, Status::Open, ["99100", "900", "0", "0"]),
            Self::TooSmall | Self::TooPoor => (422, Status::Failed, ["100000", "0", "0", "0"]),
            Self::Cancel => (200, Status::Cancelled, ["100000", "0", "0", "0"]),
        }
    }
}

async fn prepared(work: Work) -> World {
    let world = World::new().await;
    if matches!(work, Work::Cancel) {
        world.open().await;
    }
    world
}

/// The client asks again, as often as it takes: of the process that is left, which has recovered what it found.
async fn settles(world: &World, work: Work, what: &str) {
    let survivor = world.another_service();
    world.clock.advance(4);
    world.price("1000");
    survivor.recover_due(world.clock.now()).await.unwrap();
    let told = work.ask(world, &survivor).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let (status, order_status, balances) = work.end();
    let the_order = world.the_order().await;
    assert_eq!((told.answer.status, the_order.status), (status, order_status), "{what}: {told:?}");
    assert_eq!(world.books.balances(), balances, "{what}");
    if status < 300 {
        let data = data(&told.answer);
        assert_eq!(data["order_id"], the_order.order_id.as_str(), "{what}");
        // Recovery opens first and fills then; what the client is told was so when it was done.
        let is_true = data["status"] == order_status.as_str() || matches!(work, Work::FillAtOnce);
        assert!(is_true, "{what}: {data}");
    }
    assert_eq!(work.ask(world, &survivor).await, Ok(Told::again(told.answer)), "{what}");
}

#[tokio::test]
async fn a_process_may_die_at_any_call_to_its_store() {
    for work in ALL {
        for is_applied in [false, true] {
            for calls in 0.. {
                let world = prepared(work).await;
                let what = format!("{work:?} dies at call {calls}, applied: {is_applied}");
                world.store.die_after(calls, is_applied);
                let is_dead = tokio::select! {
                    biased;
                    () = world.store.died() => true,
                    told = work.ask(&world, &world.service) => { told.unwrap(); false }
                };
                if !is_dead {
                    assert!(calls >= 2, "{what}");
                    break;
                }
                settles(&world, work, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_call_to_the_accounts_may_have_no_answer() {
    for work in [Work::Market, Work::Wait, Work::FillAtOnce, Work::TooPoor, Work::Cancel] {
        for before in 0..2 {
            for trouble in [|| Trouble::Outage, || Trouble::AnswerLost, || Trouble::Busy] {
                let world = prepared(work).await;
                (0..before).for_each(|_| world.books.expect(Trouble::Nothing));
                world.books.expect(trouble());
                let what = format!("{work:?} after {before} calls");
                let told = work.ask(&world, &world.service).await;
                assert!(
                    matches!(told, Ok(_) | Err(OrderError::Outage(Outage::Storage | Outage::Peer))),
                    "{told:?}"
                );
                if told.is_err() {
                    let in_flight = Err(OrderError::Key(KeyRefusal::InFlight));
                    assert_eq!(work.ask(&world, &world.service).await, in_flight, "{what}");
                }
                settles(&world, work, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn who_is_overtaken_by_recovery_is_told_what_the_key_is_answered_with() {
    for work in [Work::Market, Work::Wait, Work::TooPoor] {
        let world = prepared(work).await;
        let later = world.clock.now() + TimeDelta::seconds(4);
        world.books.expect(Trouble::RecoveredMeanwhile(world.another_service(), later));
        let told = work.ask(&world, &world.service).await.unwrap();
        assert_eq!((told.answer.status, told.replayed), (work.end().0, false));
        assert_eq!(work.ask(&world, &world.service).await, Ok(Told::again(told.answer)));
        assert_eq!(world.books.balances(), work.end().2);
    }
}

#[tokio::test]
async fn of_many_at_once_one_does_it() {
    for work in ALL {
        let world = prepared(work).await;
        let services: Vec<_> = (0..8).map(|_| world.another_service()).collect();
        let all = join_all(services.iter().map(|service| work.ask(&world, service))).await;
        let (told, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        let told: Vec<_> = told.into_iter().map(Result::unwrap).collect();
        let first: Vec<_> = told.iter().filter(|told| !told.replayed).collect();
        assert_eq!(first.len(), 1, "{work:?}: {told:?}");
        assert!(told.iter().all(|told| told.answer == first[0].answer), "{work:?}: {told:?}");
        assert!(
            refused.iter().all(|error| *error == Err(OrderError::Key(KeyRefusal::InFlight))),
            "{refused:?}"
        );
        settles(&world, work, &format!("{work:?}")).await;
    }
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let world = World::new().await;
    place(&world, &world.service, &Work::Wait.order()).await.unwrap();
    let another = place(&world, &world.service, &Work::Market.order()).await;
    assert_eq!(another, Err(OrderError::Key(KeyRefusal::Reused)));
    assert_eq!(world.the_order().await.status, Status::Open);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_key_was_used_anew_leaves_it_alone() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert!(place(&world, &world.service, &Work::Wait.order()).await.is_err());
    let stuck = world.the_order().await;
    world.clock.advance(24 * 3600);
    world.price("1000");
    let anew = place(&world, &world.service, &Work::Market.order()).await.unwrap();
    assert_eq!((anew.answer.status, anew.replayed), (201, false));
    assert_eq!(world.service.recover_due(world.clock.now()).await, Ok(1));
    let end = world.orders().await.into_iter().find(|order| order.order_id == stuck.order_id).unwrap();
    assert_eq!(end.status, Status::Failed, "it had to be settled long ago");
    let again = place(&world, &world.service, &Work::Market.order()).await;
    assert_eq!(again, Ok(Told::again(anew.answer)));
}

/// The engine sweeps by the machine's clock, which is months ahead of the one of this test.
#[tokio::test]
async fn old_keys_are_swept_and_orders_are_not() {
    let world = World::new().await;
    for work in [Work::Market, Work::Wait] {
        let once = Once::new(None, placed);
        world.service.place(world.user, work.order(), &once).await.unwrap();
    }
    let keyed = place(&world, &world.service, &limit(OrderType::LimitBuy, "1", "800")).await.unwrap();
    let before = world.orders().await;
    assert_eq!((before.len(), world.engine.sweep_ttl().await.unwrap()), (3, 1));
    assert_eq!(world.orders().await, before);
    let anew = place(&world, &world.service, &limit(OrderType::LimitBuy, "1", "800")).await.unwrap();
    assert_ne!(data(&anew.answer)["order_id"], data(&keyed.answer)["order_id"]);
}
