//! Public answers that need not be sent, or not at their full length: entity tags, caching and compression.

use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use tradepost_testkit::{Answer, Client, World};

use crate::figures::still;

crate::tests![
    who_has_an_answer_is_sent_nothing,
    a_refusal_is_kept_by_nobody,
    new_prices_have_another_tag,
    answers_are_compressed_for_whoever_accepts_it,
    what_is_small_refused_or_private_is_not_compressed,
    a_head_has_the_headers_and_no_body,
    a_compressed_answer_need_not_be_sent_again_either,
];

const LIST: &str = "/api/v1/inventory/assets?limit=250&active_only=false";

const PUBLIC: [&str; 5] = [
    LIST,
    "/api/v1/inventory/assets?q=bitcoin&sort=-price",
    "/api/v1/inventory/assets/BTC",
    "/api/v1/inventory/categories",
    "/api/v1/inventory/market",
];

async fn with(client: &Client, path: &str, name: &str, value: &str) -> Answer {
    client.send(client.request(Method::GET, path).header(name, value)).await
}

fn varies(headers: &HeaderMap) -> bool {
    let names = headers.get_all("vary").iter().filter_map(|value| value.to_str().ok());
    names.flat_map(|names| names.split(',')).any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
}

async fn who_has_an_answer_is_sent_nothing(world: World) {
    let own = world.own(still()).await;
    for path in PUBLIC {
        let first = own.get(path).await.expect(200);
        let tag = first.header("etag").to_owned();
        let opaque = tag.strip_prefix("W/").unwrap_or_else(|| panic!("{tag} of {path} is not weak"));
        assert!(opaque.len() > 2 && opaque.starts_with('"') && opaque.ends_with('"'), "{tag}");
        assert_eq!(first.header("cache-control"), "public, max-age=1");
        let both = format!(r#""a", W/"b",{tag}, "c""#);
        for known in [tag.as_str(), opaque, "*", both.as_str()] {
            let answer = with(&own, path, "if-none-match", known).await.expect(304);
            assert_eq!(answer.text, "", "{known}");
            assert_eq!(
                (answer.header("etag"), answer.header("cache-control")),
                (tag.as_str(), "public, max-age=1")
            );
            assert!(varies(&answer.headers), "{answer:?}");
        }
        for other in [r#""a""#, r#"W/"a", "b""#, "nonsense", ""] {
            let answer = with(&own, path, "if-none-match", other).await.expect(200);
            assert!(answer.json()["data"].is_array() || answer.json()["data"].is_object(), "{other}");
        }
    }
    with(&own, "/api/v1/inventory/assets/NOPE", "if-none-match", "*").await.refused(404, "asset_not_found");
    with(&own, "/api/v1/inventory/assets?limit=0", "if-none-match", "*").await.invalid(&["limit"]);
}

async fn a_refusal_is_kept_by_nobody(world: World) {
    for (path, status) in [
        ("/api/v1/inventory/assets/NOPE", 404),
        ("/api/v1/inventory/assets?limit=0", 422),
        ("/api/v1/balance", 401),
        ("/nothing", 404),
    ] {
        assert_eq!(world.get(path).await.expect(status).header("cache-control"), "no-store", "{path}");
    }
}

async fn new_prices_have_another_tag(world: World) {
    let first = world.get(LIST).await.expect(200).header("etag").to_owned();
    loop {
        let answer = with(&world, LIST, "if-none-match", &first).await;
        if answer.status.as_u16() == 304 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        assert_ne!(answer.expect(200).header("etag"), first);
        return;
    }
}

/// The headers and the body as it was sent.
async fn sent(client: &Client, path: &str, accepted: &str) -> (HeaderMap, Vec<u8>) {
    let request = client.request(Method::GET, path).header("accept-encoding", accepted);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{path}");
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

fn unpacked(encoding: &str, body: &[u8]) -> String {
    let mut bytes = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut bytes).unwrap(),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut bytes).unwrap(),
        "zstd" => zstd::Decoder::new(body).unwrap().read_to_end(&mut bytes).unwrap(),
        _ => return String::from_utf8(body.to_vec()).unwrap(),
    };
    String::from_utf8(bytes).unwrap()
}

/// Without the ages of prices, which time changes.
fn ageless(text: &str) -> String {
    let mut pieces = text.split(r#""price_age_s":"#);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

async fn answers_are_compressed_for_whoever_accepts_it(world: World) {
    let own = world.own(still()).await;
    for path in PUBLIC.into_iter().chain(["/api-docs/openapi.json"]) {
        let (headers, plain) = sent(&own, path, "identity").await;
        assert!(varies(&headers) && !headers.contains_key("content-encoding"), "{path}: {headers:?}");
        for (accepted, encoding) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("zstd", "zstd"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("br;q=0.1, gzip;q=0.9", "gzip"),
            ("gzip;q=0, br;q=0", ""),
            ("x-unheard-of", ""),
            ("*;q=0", ""),
        ] {
            let (headers, body) = sent(&own, path, accepted).await;
            // What is small is sent as it is.
            let encoding = if plain.len() < 1024 { "" } else { encoding };
            let named = headers.get("content-encoding").map_or("", |value| value.to_str().unwrap());
            assert_eq!(named, encoding, "{path}: {accepted}");
            assert!(varies(&headers), "{path}: {headers:?}");
            let text = unpacked(encoding, &body);
            assert_eq!(ageless(&text), ageless(std::str::from_utf8(&plain).unwrap()), "{path}: {accepted}");
            assert_eq!(headers.get("content-type").unwrap(), "application/json");
        }
    }
    let (plain, packed) = (sent(&own, LIST, "identity").await.1, sent(&own, LIST, "gzip").await.1);
    assert!(packed.len() * 3 < plain.len(), "{} of {}", packed.len(), plain.len());
}

async fn what_is_small_refused_or_private_is_not_compressed(world: World) {
    let user = world.new_user().await;
    let none = with(&world, "/api/v1/inventory/assets?limit=1", "accept-encoding", "gzip").await.expect(200);
    assert!(none.header("content-encoding").is_empty() && varies(&none.headers), "{none:?}");
    let refused = with(&world, "/api/v1/inventory/assets?limit=0", "accept-encoding", "gzip").await;
    assert_eq!(refused.invalid(&["limit"]).header("content-encoding"), "");
    for path in ["/api/v1/auth/profile", "/api/v1/auth/sessions", "/api/v1/orders", "/api/v1/portfolio"] {
        let request = user.request(Method::GET, path).header("accept-encoding", "gzip, br, zstd");
        let answer = user.client.send(request).await.expect(200);
        assert!(answer.header("content-encoding").is_empty() && !varies(&answer.headers), "{answer:?}");
    }
}

async fn a_head_has_the_headers_and_no_body(world: World) {
    for path in PUBLIC {
        for accepted in ["identity", "gzip"] {
            let own = |method: Method| world.request(method, path).header("accept-encoding", accepted);
            let head = world.send(own(Method::HEAD)).await.expect(200);
            assert!(
                head.text.is_empty() && !head.header("etag").is_empty() && varies(&head.headers),
                "{head:?}"
            );
            let get = own(Method::GET).send().await.unwrap();
            assert_eq!(head.headers.get("content-encoding"), get.headers().get("content-encoding"), "{path}");
        }
    }
}

async fn a_compressed_answer_need_not_be_sent_again_either(world: World) {
    let own = world.own(still()).await;
    for accepted in ["gzip", "br", "zstd"] {
        let tag = sent(&own, LIST, accepted).await.0["etag"].to_str().unwrap().to_owned();
        let request = own.request(Method::GET, LIST).header("accept-encoding", accepted);
        let answer = own.send(request.header("if-none-match", &tag)).await.expect(304);
        assert!(answer.text.is_empty() && answer.header("content-encoding").is_empty(), "{answer:?}");
        assert!(varies(&answer.headers) && answer.header("etag") == tag, "{answer:?}");
    }
}
