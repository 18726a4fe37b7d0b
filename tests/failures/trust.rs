//! Who may call whom, on whose behalf, how long somebody waits, and what travels along.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;
use tradepost_kernel::{Clock, OrderId, SessionId, UserId};
use tradepost_platform::journey::Journey;
use tradepost_platform::peer::{PeerClient, ServiceTokens, http_client};
use tradepost_platform::secrets::Secret;
use tradepost_testkit::{Breakable, SERVICE_SECRET, ShiftedClock, User, block_on};
use tradepost_user_api::wire::AccountsClient;
use tradepost_user_api::{Accounts, AccountsError, Positions, Side};

use crate::twice::settlement;
use crate::{Identity, TIMEOUT_MS, books_are_right, orders, setup, trader};

/// The methods that change something, which nobody does here in earnest.
const WRITES: [&str; 3] = ["settle", "hold", "release"];

/// Every internal method with an argument about a user.
fn methods(platform: &Breakable, user: UserId) -> Vec<(&'static str, &'static str, Value)> {
    let settlement = serde_json::to_value(settlement(platform, user, Side::Buy, "0.5", "50.00")).unwrap();
    let order = OrderId::generate();
    vec![
        ("user", "positions", json!({ "user": user, "which": { "which": "all" } })),
        ("user", "settle", settlement),
        (
            "user",
            "hold",
            json!({
                "user": user, "order": order, "asset": "USD", "amount": "50", "hold_by": platform.clock().now(),
            }),
        ),
        ("user", "release", json!({ "user": user, "order": order, "asset": "USD" })),
        ("user", "ledger", json!({ "user": user, "asset": "USD", "filter": {}, "limit": 10 })),
        ("user", "is_live", json!({ "user": user, "session": SessionId::generate() })),
        ("inventory", "listing", json!({ "asset": "SOL" })),
        ("inventory", "listings", json!({ "assets": ["SOL"] })),
    ]
}

/// A token as a caller sends it.
async fn token(
    platform: &Breakable,
    peers: &PeerClient,
    (caller, callee): (&'static str, &'static str),
    user: Option<UserId>,
) -> String {
    let peer = peers.peer(caller, callee, &platform.user.base());
    // There is no such method; the call is looked at on its way.
    let answer: Result<Value, AccountsError> = peer.call("token", user, &json!({})).await;
    assert!(answer.is_err());
    let headers = platform.user.last("token").unwrap();
    headers["x-service-token"].to_str().unwrap().to_owned()
}

/// Calls a method at the listener of its module with exactly these headers.
async fn call(
    platform: &Breakable,
    (module, method, argument): &(&str, &str, Value),
    headers: &[(&str, &str)],
) -> (StatusCode, Value) {
    let url = format!("{}/internal/{module}/{method}", platform.internal(module));
    let mut request = reqwest::Client::new().post(url).json(argument);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn refused(platform: &Breakable, what: &(&str, &str, Value), token: Option<&str>, why: &str) {
    let headers: Vec<_> = token.map(|token| ("x-service-token", token)).into_iter().collect();
    let (status, answer) = call(platform, what, &headers).await;
    assert_eq!(status, 403, "{why}: {what:?} {answer}");
    assert_eq!(answer["code"], "untrusted_caller", "{why}: {what:?}");
}

async fn nothing_moved(platform: &Breakable, trader: &User) {
    books_are_right(platform, trader, &orders(trader).await).await;
}

#[test]
fn only_a_token_of_the_platform_for_this_module_now_is_good() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        let own = platform.peers();
        let secret = Secret::from_bytes(b"the secret of another installation");
        let tokens = ServiceTokens::new(&secret, platform.clock().clone());
        let strange = PeerClient::new(http_client().unwrap(), Arc::new(tokens), Duration::from_secs(5));
        for what in methods(&platform, uid) {
            let module = what.0;
            let elsewhere = if module == "user" { "inventory" } else { "user" };
            let good = token(&platform, &own, ("order", module), Some(uid)).await;
            refused(&platform, &what, None, "no token").await;
            refused(&platform, &what, Some(""), "an empty token").await;
            refused(&platform, &what, Some(&trader.token), "the token of a user").await;
            refused(&platform, &what, Some(&format!("{good}x")), "a token that was changed").await;
            let token_elsewhere = token(&platform, &own, ("order", elsewhere), Some(uid)).await;
            refused(&platform, &what, Some(&token_elsewhere), "a token for another module").await;
            let token = token(&platform, &strange, ("order", module), Some(uid)).await;
            refused(&platform, &what, Some(&token), "another secret").await;
            if !WRITES.contains(&what.1) {
                let (status, answer) = call(&platform, &what, &[("x-service-token", &good)]).await;
                assert_eq!(status, 200, "{what:?}: {answer}");
            }
        }
        nothing_moved(&platform, &trader).await;
    });
}

#[test]
fn a_token_is_good_for_a_minute_at_most() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        let methods = methods(&platform, uid);
        for what in &methods {
            let token = token(&platform, &platform.peers(), ("order", what.0), Some(uid)).await;
            let headers = [("x-service-token", token.as_str())];
            platform.clock().advance(TimeDelta::seconds(45));
            if !WRITES.contains(&what.1) {
                assert_eq!(call(&platform, what, &headers).await.0, 200, "{what:?}");
            }
            platform.clock().advance(TimeDelta::seconds(16));
            refused(&platform, what, Some(&token), "61 seconds old").await;
        }
        let ahead = Arc::new(ShiftedClock::default());
        ahead.advance(platform.clock().now() - ahead.now() + TimeDelta::seconds(45));
        let secret = Secret::from_bytes(SERVICE_SECRET.as_bytes());
        let tokens = ServiceTokens::new(&secret, ahead);
        let peers = PeerClient::new(http_client().unwrap(), Arc::new(tokens), Duration::from_secs(5));
        let token = token(&platform, &peers, ("order", "user"), Some(uid)).await;
        refused(&platform, &methods[1], Some(&token), "made in the future").await;
        nothing_moved(&platform, &trader).await;
    });
}

#[test]
fn each_method_has_its_callers() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        for what in methods(&platform, uid) {
            for caller in ["user", "inventory", "order", "gateway", "somebody"] {
                let may =
                    caller == "order" || (what.1 == "is_live" && ["inventory", "gateway"].contains(&caller));
                let token = token(&platform, &platform.peers(), (caller, what.0), Some(uid)).await;
                if !may {
                    refused(&platform, &what, Some(&token), caller).await;
                } else if !WRITES.contains(&what.1) {
                    let (status, answer) = call(&platform, &what, &[("x-service-token", &token)]).await;
                    assert_eq!(status, 200, "{caller} {what:?}: {answer}");
                }
            }
        }
        nothing_moved(&platform, &trader).await;
    });
}

#[test]
fn a_call_about_another_user_than_its_token_names_is_refused() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        for what in methods(&platform, uid).iter().filter(|what| what.0 == "user") {
            for other in [Some(UserId::generate()), None] {
                let token = token(&platform, &platform.peers(), ("order", "user"), other).await;
                refused(&platform, what, Some(&token), "another user").await;
            }
        }
        nothing_moved(&platform, &trader).await;
    });
}

#[test]
fn public_listeners_have_no_internal_routes_and_internal_ones_no_public_routes() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        for what in methods(&platform, uid) {
            let (module, method, argument) = &what;
            let token = token(&platform, &platform.peers(), ("order", module), Some(uid)).await;
            for service in ["user", "inventory", "order", "gateway"] {
                for path in ["", "/api/v1"].map(|front| format!("{front}/internal/{module}/{method}")) {
                    let client = platform.at(service);
                    let request = client.request(Method::POST, &path).header("x-service-token", &token);
                    client.send(request.json(argument)).await.expect(404);
                }
            }
        }
        for path in ["/api/v1/balance", "/api/v1/inventory/assets", "/metrics", "/health"] {
            for service in ["user", "inventory"] {
                let url = format!("{}{path}", platform.internal(service));
                let answer = reqwest::Client::new().get(url).bearer_auth(&trader.token).send().await;
                assert_eq!(answer.unwrap().status(), 404, "{service} {path}");
            }
        }
        nothing_moved(&platform, &trader).await;
    });
}

#[test]
fn a_call_nobody_waits_for_does_nothing() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        for what in methods(&platform, uid) {
            let token = token(&platform, &platform.peers(), ("order", what.0), Some(uid)).await;
            let after = async |deadline| {
                call(&platform, &what, &[("x-service-token", &token), ("x-deadline-ms", deadline)]).await
            };
            let (status, answer) = after("0").await;
            assert_eq!((status.as_u16(), &answer["code"]), (503, &"too_busy".into()), "{what:?}");
            for nonsense in ["-1", "soon", "1.5", "99999999999"] {
                assert_eq!(after(nonsense).await.0, 400, "{nonsense} {what:?}");
            }
        }
        nothing_moved(&platform, &trader).await;
    });
}

#[test]
fn an_onward_call_says_how_long_its_caller_waits() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let Identity { uid, .. } = Identity::of(&trader);
        let waits = |method: &str| -> u64 {
            let headers = platform.user.last(method).unwrap();
            headers["x-deadline-ms"].to_str().unwrap().parse().unwrap()
        };
        trader.order("market_sell", "SOL", "0.5").await.expect(201);
        for method in ["settle", "is_live"] {
            assert!((1..=TIMEOUT_MS).contains(&waits(method)), "{method}: {}", waits(method));
        }
        let accounts = AccountsClient::new(platform.peers().peer("order", "user", &platform.user.base()));
        let within = |time| Journey { deadline: Some(Instant::now() + time), ..Journey::begin() };
        let positions = || accounts.positions(uid, Positions::All);
        within(Duration::from_millis(900)).carry(positions()).await.unwrap();
        assert!(waits("positions") <= 900);
        let before = platform.user.count("positions");
        within(Duration::ZERO).carry(positions()).await.unwrap_err();
        assert_eq!(platform.user.count("positions"), before, "a call without time is not sent");
    });
}

#[test]
fn request_and_trace_go_along() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (service, id) in [("order", "an-id-of-the-client"), ("gateway", "an-id-through-the-gateway")] {
            let client = platform.at(service);
            let order = json!({ "order_type": "market_sell", "asset_id": "SOL", "quantity": "0.1" });
            let request = client.request(Method::POST, "/api/v1/orders").bearer_auth(&trader.token);
            let request = request.header("x-request-id", id).header("traceparent", parent);
            client.send(request.json(&order)).await.expect(201);
            for headers in [platform.user.last("settle"), platform.inventory.last("listing")] {
                let headers = headers.unwrap();
                assert_eq!(headers["x-request-id"], id);
                let onward = headers["traceparent"].to_str().unwrap();
                assert!(onward.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{onward}");
                assert!(onward.ends_with("-01") && onward != parent, "{onward}");
            }
        }
    });
}
