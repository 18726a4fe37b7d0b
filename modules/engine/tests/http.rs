//! The engine over HTTP, through the real SDK and past it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use aws_smithy_types::body::SdkBody;
use support::{create_orders, get, item, put, text};
use tradepost_engine::{Engine, Server, Settings};
use tradepost_kernel::SystemClock;

const SECRET: &str = "only the services know";

fn serve(secret: &str) -> Server {
    let settings = Settings { listen: "127.0.0.1:0".to_owned(), secret: secret.into() };
    Server::start(&Engine::in_memory().unwrap(), &settings, Arc::new(SystemClock)).unwrap()
}

fn config(address: SocketAddr) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("local"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::disabled())
}

fn signing(address: SocketAddr, key_id: &str, secret: &str) -> aws_sdk_dynamodb::config::Builder {
    config(address).credentials_provider(Credentials::new(key_id, secret, None, None, "test"))
}

/// The code with which listing the tables is refused.
async fn refusal(config: aws_sdk_dynamodb::config::Builder) -> String {
    let error = Client::from_conf(config.build()).list_tables().send().await.unwrap_err();
    error.code().unwrap_or_else(|| panic!("{error:?}")).to_owned()
}

async fn write_and_read(client: &Client) {
    create_orders(client).await;
    put(client, item([("pk", text("user#1")), ("sk", text("1")), ("note", text("ünïcode"))])).await;
    assert_eq!(get(client, "user#1", "1").await.unwrap()["note"], text("ünïcode"));
    let missing = client.describe_table().table_name("nothing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn with_the_secret_everything_works_as_in_process() {
    let server = serve(SECRET);
    write_and_read(&Client::from_conf(signing(server.address(), "tradepost", SECRET).build())).await;
    server.stop().await;
}

#[tokio::test]
async fn without_a_secret_signatures_are_ignored() {
    let server = serve("");
    write_and_read(&Client::from_conf(config(server.address()).allow_no_auth().build())).await;
    let signed = Client::from_conf(signing(server.address(), "anybody", "anything").build());
    assert_eq!(signed.list_tables().send().await.unwrap().table_names(), ["orders"]);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_secret_a_wrong_key_and_no_signature_are_refused() {
    let server = serve(SECRET);
    let wrong_secret = signing(server.address(), "tradepost", "only the services knew");
    assert_eq!(refusal(wrong_secret).await, "InvalidSignatureException");
    let wrong_key = signing(server.address(), "AKIDEXAMPLE", SECRET);
    assert_eq!(refusal(wrong_key).await, "UnrecognizedClientException");
    let unsigned = config(server.address()).allow_no_auth();
    assert_eq!(refusal(unsigned).await, "MissingAuthenticationTokenException");
    server.stop().await;
}

/// Changes requests after they were signed.
#[derive(Debug)]
struct Tamper;

impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "Tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = std::str::from_utf8(context.request().body().bytes().unwrap())?;
        let body = body.replace("user#1", "user#2");
        *context.request_mut().body_mut() = SdkBody::from(body);
        Ok(())
    }
}

#[tokio::test]
async fn a_body_that_was_changed_on_the_way_is_refused() {
    let server = serve(SECRET);
    let honest = Client::from_conf(signing(server.address(), "tradepost", SECRET).build());
    create_orders(&honest).await;
    let tampered = signing(server.address(), "tradepost", SECRET).interceptor(Tamper);
    let tampered = Client::from_conf(tampered.build());
    let order = item([("pk", text("user#1")), ("sk", text("1"))]);
    let refused = tampered.put_item().table_name("orders").set_item(Some(order)).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidSignatureException"));
    assert!(get(&honest, "user#2", "1").await.is_none());
    server.stop().await;
}

fn post(address: SocketAddr) -> reqwest::RequestBuilder {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.post(format!("http://{address}/")).header("x-amz-target", "DynamoDB_20120810.ListTables")
}

#[tokio::test]
async fn a_body_may_have_sixteen_megabytes_and_no_more() {
    let server = serve("");
    let padded = |size: usize| format!("{{{}}}", " ".repeat(size - 2));
    for (size, status) in [(16 << 20, 200), ((16 << 20) + 1, 413)] {
        let answer = post(server.address()).body(padded(size)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{size}");
    }
    server.stop().await;
}

#[tokio::test]
async fn more_large_bodies_than_there_is_room_for_wait_their_turn() {
    let server = serve("");
    let body = format!("{{{}}}", " ".repeat(15 << 20));
    let answers = (0..8).map(|_| tokio::spawn(post(server.address()).body(body.clone()).send()));
    for answer in answers.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
    server.stop().await;
}

#[tokio::test]
async fn without_a_secret_a_page_cannot_call_it_under_a_name_of_its_own() {
    let server = serve("");
    for (host, status) in [("localhost:8000", 200), ("[::1]", 200), ("127.1.2.3", 200), ("evil.example", 400)]
    {
        let answer = post(server.address()).header("host", host).body("{}").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{host}");
    }
    server.stop().await;
}

#[tokio::test]
async fn it_says_how_it_is_and_nothing_else_to_strangers() {
    let server = serve(SECRET);
    let base = format!("http://{}", server.address());
    for (path, status) in
        [("/health", 200), ("/health/live", 200), ("/health/ready", 200), ("/", 404), ("/x", 404)]
    {
        let answer = reqwest::get(format!("{base}{path}")).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    server.stop().await;
    assert!(reqwest::get(format!("{base}/health")).await.is_err());
}

#[tokio::test]
async fn others_are_not_served_without_a_secret_and_a_taken_address_is_said() {
    let engine = Engine::in_memory().unwrap();
    let start = |listen: String| {
        let settings = Settings { listen, secret: "".into() };
        Server::start(&engine, &settings, Arc::new(SystemClock)).err().map(|error| error.to_string())
    };
    assert!(start("0.0.0.0:0".to_owned()).unwrap().contains("engine.secret"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(start(taken.local_addr().unwrap().to_string()).unwrap().contains("already listens"));
}
