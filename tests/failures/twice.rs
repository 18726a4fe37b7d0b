//! Every boundary method may be called twice: the second answer is the first, through the clients and in process.

use std::fmt::Debug;
use std::sync::Arc;

use chrono::TimeDelta;
use tradepost::{Config, Overrides};
use tradepost_inventory::Inventory;
use tradepost_inventory_api::wire::CatalogClient;
use tradepost_inventory_api::{Catalog, CatalogError};
use tradepost_kernel::{AssetId, Clock, OrderId, PageLimit, Price, Quantity, SessionId, Usd, UserId};
use tradepost_platform::auth::{SessionCache, Sessions};
use tradepost_platform::secrets::Secret;
use tradepost_testkit::{Breakable, block_on};
use tradepost_user::{SigningKey, UserService};
use tradepost_user_api::wire::{AccountsClient, SessionsClient};
use tradepost_user_api::{
    Accounts, AccountsError, LedgerFilter, LedgerQuery, Positions, Settled, Settlement, Side, Source,
};

use crate::{Identity, setup, trader};

fn asset(id: &str) -> AssetId {
    id.parse().unwrap()
}

pub fn settlement(platform: &Breakable, user: UserId, side: Side, quantity: &str, total: &str) -> Settlement {
    Settlement {
        user,
        order: OrderId::generate(),
        side,
        asset: asset("SOL"),
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse("100").unwrap(),
        total: Usd::parse(total).unwrap(),
        settle_by: platform.clock().now() + TimeDelta::seconds(10),
        from: Source::Available,
    }
}

/// The accounts and sessions of a platform: over HTTP, and as another process on the same store has them.
pub fn accounts(platform: &Breakable) -> [(Arc<dyn Accounts>, Arc<dyn Sessions>); 2] {
    let peer = || platform.peers().peer("order", "user", &platform.internal("user"));
    let config = Config::load(&Overrides::default()).unwrap();
    let key = SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap();
    let service = UserService::new(
        config.section("user").unwrap(),
        config.auth.tokens(),
        key,
        &Secret::from_bytes(b"a secret that signs nothing here"),
        platform.store(),
        Arc::new(SessionCache::new()),
        platform.clock().clone(),
    );
    let service = service.unwrap();
    [
        (Arc::new(AccountsClient::new(peer())), Arc::new(SessionsClient::new(peer()))),
        (service.clone(), service),
    ]
}

/// Settles twice, and once more long after `settle_by`; the outcome is the same, and nothing moves after the first.
async fn settled(
    platform: &Breakable,
    accounts: &dyn Accounts,
    settlement: Settlement,
) -> Result<Settled, AccountsError> {
    let first = accounts.settle(settlement.clone()).await;
    let before = accounts.positions(settlement.user, Positions::All).await.unwrap();
    assert_eq!(accounts.settle(settlement.clone()).await, first);
    platform.clock().advance(TimeDelta::seconds(30));
    assert_eq!(accounts.settle(settlement.clone()).await, first);
    assert_eq!(accounts.positions(settlement.user, Positions::All).await.unwrap(), before);
    first
}

#[test]
fn an_order_settles_once_however_often_it_is_asked_for() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        for (accounts, _) in accounts(&platform) {
            for side in [Side::Buy, Side::Sell] {
                let before = accounts.positions(uid, Positions::Of(vec![AssetId::USD])).await.unwrap();
                let settlement = settlement(&platform, uid, side, "0.5", "50.00");
                settled(&platform, &*accounts, settlement).await.unwrap();
                let after = accounts.positions(uid, Positions::Of(vec![AssetId::USD])).await.unwrap();
                let moved = after[0].available.get() - before[0].available.get();
                assert_eq!(moved.abs(), Usd::parse("50.00").unwrap().get());
            }
        }
    });
}

#[test]
fn a_refusal_is_the_same_for_ever() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let user = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&user);
        let most = "100000000000000000000.00";
        for (accounts, _) in accounts(&platform) {
            let settle = async |settlement| settled(&platform, &*accounts, settlement).await.unwrap_err();
            let order = |side, quantity, total| settlement(&platform, uid, side, quantity, total);
            let refusal = settle(order(Side::Buy, "50", "5000.00")).await;
            assert!(matches!(refusal, AccountsError::InsufficientFunds { .. }), "{refusal}");
            let refusal = settle(order(Side::Sell, "50", "5000.00")).await;
            assert!(matches!(refusal, AccountsError::InsufficientHoldings { .. }), "{refusal}");
            assert_eq!(settle(order(Side::Sell, "0.5", most)).await, AccountsError::BalanceTooLarge);
            let settle_by = platform.clock().now() - TimeDelta::seconds(1);
            let late = Settlement { settle_by, ..order(Side::Buy, "0.5", "50.00") };
            assert_eq!(settle(late).await, AccountsError::SettlementExpired);
            let nobody = settlement(&platform, UserId::generate(), Side::Buy, "0.5", "50.00");
            assert_eq!(settle(nobody).await, AccountsError::UnknownUser);
        }
    });
}

#[test]
fn what_was_refused_for_want_of_money_stays_refused_when_there_is_some() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let user = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&user);
        let [(accounts, _), _] = accounts(&platform);
        let order = settlement(&platform, uid, Side::Buy, "50", "5000.00");
        let refusal = accounts.settle(order.clone()).await.unwrap_err();
        let account = tradepost_testkit::User { client: platform.at("user"), ..user };
        account.deposit("9000.00").await;
        assert_eq!(accounts.settle(order).await, Err(refusal));
    });
}

/// The outcome one process wrote is the outcome every process finds.
#[test]
fn processes_agree_on_the_outcome() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        let [(over_http, _), (in_process, _)] = accounts(&platform);
        for (quantity, total) in [("0.01", "1.00"), ("50", "5000.00")].repeat(20) {
            let order = settlement(&platform, uid, Side::Buy, quantity, total);
            let (first, second) = tokio::join!(over_http.settle(order.clone()), in_process.settle(order));
            assert_eq!(first, second);
        }
        let all = over_http.positions(uid, Positions::All).await.unwrap();
        assert_eq!(in_process.positions(uid, Positions::All).await.unwrap(), all);
    });
}

async fn same<T: Debug, E: Debug>(ask: impl AsyncFn() -> Result<T, E>) -> String {
    let first = format!("{:?}", ask().await.unwrap());
    assert_eq!(format!("{:?}", ask().await.unwrap()), first);
    first
}

#[test]
fn reads_repeat_themselves() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, sid } = Identity::of(&trader(&platform).await);
        let both = accounts(&platform);
        let mut answers = Vec::new();
        for (accounts, sessions) in &both {
            let query = |asset| LedgerQuery {
                user: uid,
                asset,
                filter: LedgerFilter::default(),
                place: None,
                limit: PageLimit::default(),
            };
            answers.push([
                same(async || accounts.positions(uid, Positions::All).await).await,
                same(async || accounts.positions(uid, Positions::Of(vec![asset("SOL"), asset("BTC")])).await)
                    .await,
                same(async || accounts.ledger(query(asset("SOL"))).await).await,
                same(async || accounts.ledger(query(AssetId::USD)).await).await,
                same(async || sessions.is_live(uid, sid).await).await,
                same(async || sessions.is_live(uid, SessionId::generate()).await).await,
            ]);
        }
        assert_eq!(answers[0], answers[1], "over HTTP as in process");
        assert_eq!(answers[0][4..], ["true", "false"]);
    });
}

#[test]
fn the_catalog_repeats_itself() {
    block_on(async {
        // Prices stand still for the first minute.
        let setup = setup().set("inventory.tick_ms", "60000");
        let platform = Breakable::prepare(setup).await;
        let into_minute = platform.clock().now().timestamp_millis().rem_euclid(60_000);
        platform.clock().advance(TimeDelta::milliseconds(60_000 - into_minute));
        platform.launch("inventory").await;
        let peer = platform.peers().peer("order", "inventory", &platform.internal("inventory"));
        let settings =
            Overrides { keys: vec![("inventory.tick_ms".into(), "60000".into())], ..Overrides::default() };
        let settings = Config::load(&settings).unwrap().section("inventory").unwrap();
        let in_process = Inventory::new(settings, None, platform.clock().clone()).unwrap();
        let catalogs: [Arc<dyn Catalog>; 2] = [Arc::new(CatalogClient::new(peer)), in_process];
        let mut answers = Vec::new();
        for catalog in &catalogs {
            let listing = async |id| same::<_, CatalogError>(async || catalog.listing(asset(id)).await).await;
            let several = || vec![asset("BTC"), asset("NOSUCH"), asset("SOL")];
            answers.push([
                listing("BTC").await,
                listing("NOSUCH").await,
                same(async || catalog.listings(several()).await).await,
                same(async || catalog.listings(Vec::new()).await).await,
            ]);
        }
        assert_eq!(answers[0], answers[1], "over HTTP as in process");
        assert_eq!((answers[0][1].as_str(), answers[0][3].as_str()), ("None", "[]"));
    });
}
