//! A client that reads a stream of prices.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio::time::timeout;
use tradepost_testkit::Client;

use crate::figures::{exact, number};

pub const STREAM: &str = "/api/v1/inventory/prices/stream";
const BOUND: Duration = Duration::from_secs(60);

/// A stream that is read.
pub struct Events {
    response: Response,
    /// What came and is not read yet.
    text: String,
}

/// What stands between two empty lines.
#[derive(Debug)]
pub enum Block {
    Retry,
    Comment,
    Price(Event),
}

/// A price, as an event tells it.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: Option<String>,
    pub asset: String,
    pub price: Decimal,
    pub data: Value,
}

/// What several events tell at once, by asset, and the id that the last of them has.
#[derive(Debug)]
pub struct Batch {
    pub events: BTreeMap<String, Event>,
    pub id: String,
}

/// Asks for prices: `assets` is the value of the parameter, if there is to be one.
pub fn ask(client: &Client, assets: Option<&str>, last: Option<&str>) -> RequestBuilder {
    let query: Vec<_> = assets.map(|assets| format!("assets={assets}")).into_iter().collect();
    let request = client.request(Method::GET, &format!("{STREAM}?{}", query.join("&")));
    match last {
        Some(id) => request.header("last-event-id", id),
        None => request,
    }
}

impl Events {
    /// Begins to read what must be a stream.
    pub async fn open(client: &Client, assets: Option<&str>, last: Option<&str>) -> Self {
        let response = ask(client, assets, last).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Self::of(response).await
    }

    pub async fn of(response: Response) -> Self {
        let mut events = Self { response, text: String::new() };
        assert!(matches!(events.next().await, Some(Block::Retry)));
        events
    }

    /// What comes next; nothing at the end of the stream.
    pub async fn next(&mut self) -> Option<Block> {
        while !self.text.contains("\n\n") {
            let chunk = timeout(BOUND, self.response.chunk()).await.expect("nothing came").unwrap();
            self.text.push_str(std::str::from_utf8(&chunk?).unwrap());
        }
        let rest = self.text.split_off(self.text.find("\n\n").unwrap() + 2);
        Some(block(std::mem::replace(&mut self.text, rest).trim_end()))
    }

    /// The next price, whatever comments come before.
    pub async fn price(&mut self) -> Event {
        loop {
            match self.next().await.expect("the stream ended") {
                Block::Price(event) => return event,
                Block::Comment => {}
                Block::Retry => panic!("the stream began again"),
            }
        }
    }

    /// All prices that changed at once, each of which is told of once, and only the last with an id.
    pub async fn batch(&mut self) -> Batch {
        let mut events = BTreeMap::new();
        loop {
            let event = self.price().await;
            let id = event.id.clone();
            assert!(events.insert(event.asset.clone(), event).is_none(), "told twice: {events:?}");
            if let Some(id) = id {
                return Batch { events, id };
            }
        }
    }
}

impl Batch {
    /// The assets with their prices.
    pub fn prices(&self) -> BTreeMap<String, Decimal> {
        self.events.iter().map(|(asset, event)| (asset.clone(), event.price)).collect()
    }
}

fn block(text: &str) -> Block {
    if text == "retry: 2000" {
        return Block::Retry;
    }
    if text.starts_with(':') && !text.contains('\n') {
        return Block::Comment;
    }
    let (id, rest) = match text.strip_prefix("id: ").and_then(|rest| rest.split_once('\n')) {
        Some((id, rest)) => (Some(id.to_owned()), rest),
        None => (None, text),
    };
    let data = rest.strip_prefix("event: price\ndata: ").unwrap_or_else(|| panic!("no event: {text:?}"));
    let value: Value = serde_json::from_str(data).unwrap();
    Block::Price(Event {
        id,
        asset: value["asset_id"].as_str().unwrap().to_owned(),
        price: exact(number(data, "price_usd")),
        data: value,
    })
}
