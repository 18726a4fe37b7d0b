//! The OpenAPI document: collected from the annotations of the routes, completed here with what is the same
//! everywhere, so that no handler repeats it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tradepost_platform::idempotency;
use tradepost_problem::{About, FieldError, Kind, OUTAGES, Problem, ProblemPage, ProblemPages, http};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, Object, OpenApi as Document, Ref, RefOr, Type};
use utoipa::{OpenApi, ToSchema};

use crate::{modules, server};

/// Where the document is served.
pub const PATH: &str = "/api-docs/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tradepost",
        description = "The back end of a trading platform: accounts, orders and market data.\n\nSign up and log in \
            under **accounts**, put the `access_token` into **Authorize**, and every route can be tried out as it \
            stands. There is no payment provider and no fee, and the house is the counterparty of every trade. \
            Prices are simulated unless the operator says otherwise; `price_source` tells. Data provided by \
            [CoinGecko](https://www.coingecko.com) where that is `coingecko`.\n\nEvery error is a \
            problem document (RFC 9457); its `type` leads to a page that explains it.\n\nRequests are limited per \
            address and per user; every answer says in `RateLimit-Policy` and `RateLimit` how much is left.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "accounts", description = "Sign-up, sessions, profile and cash"),
        (name = "orders", description = "Orders and their history"),
        (name = "portfolio", description = "What a user holds and what it is worth"),
        (name = "inventory", description = "The public catalog of assets with their prices"),
        (name = "administration", description = "What administrators do with the catalog"),
        (name = "operations", description = "Health, metrics and keys"),
    ),
    components(schemas(Problem<'static>, FieldError)),
)]
struct Frame;

/// The document before the routes are collected into it.
pub fn frame() -> Document {
    Frame::openapi()
}

/// The document of the whole platform, for processes that serve a part of it or stand in front of it. A test holds
/// it against what a binary with everything prints.
pub const WHOLE: &str = include_str!("../openapi.json");

/// Where the document lists every problem, so that a gateway can explain those of the services behind it.
const PROBLEMS: &str = "x-problems";

/// The problems this process can answer with.
pub fn problems() -> ProblemPages {
    ProblemPages::new(all_problems().flatten().map(|about| ProblemPage::from(*about)))
}

/// The problems of the whole platform.
pub fn whole_problems() -> ProblemPages {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(rename = "x-problems")]
        problems: Vec<ProblemPage>,
    }
    let listed = serde_json::from_str::<Listed>(WHOLE).map(|listed| listed.problems).unwrap_or_default();
    ProblemPages::new(problems().all().iter().cloned().chain(listed))
}

fn all_problems() -> impl Iterator<Item = &'static [&'static About]> {
    let platform =
        [tradepost_platform::auth::PROBLEMS, tradepost_platform::guard::PROBLEMS, idempotency::PROBLEMS];
    let own = [http::PROBLEMS, OUTAGES, crate::health::PROBLEMS].into_iter().chain(platform);
    own.chain(modules::problems())
}

/// The whole document of this binary, as the `openapi` verb prints it.
#[must_use]
pub fn document() -> String {
    server::describe(&modules::compiled()).to_pretty_json().unwrap_or_default() + "\n"
}

/// Adds what every route has in common: the security scheme, the answers any route can give, and the body and
/// the examples of every problem, from the codes its description names.
pub fn complete(document: &mut Document) {
    let problems = serde_json::to_value(problems().all()).unwrap_or_default();
    document.extensions.get_or_insert_default().insert(PROBLEMS.to_owned(), problems);
    let components = document.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(bearer));
    for (name, description, example) in LIMIT_HEADERS {
        let header = HeaderBuilder::new().schema(Some(Object::with_type(Type::String)));
        let header = header.description(Some(description)).example(Some(json!(example)));
        components.headers.insert(name.to_owned(), RefOr::T(header.build()));
    }
    let replayed = HeaderBuilder::new().schema(Some(Object::with_type(Type::String)));
    let replayed = replayed.description(Some(REPLAYED)).example(Some(json!("true")));
    components.headers.insert(idempotency::REPLAYED.to_owned(), RefOr::T(replayed.build()));
    let known: BTreeMap<_, _> = all_problems().flatten().map(|about| (about.code, *about)).collect();
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            if path.starts_with("/api/v1") {
                add_common(operation);
            }
            if is_conditional(operation) {
                let kept = "What was answered under the `ETag` that `If-None-Match` names is still so.";
                add(operation, "304", kept);
            }
            if is_keyed(operation) {
                add_keyed(operation);
            }
            if path.starts_with("/api/v1") || path.starts_with("/.well-known/") {
                add_gateway(operation);
            }
            fill_problems(operation, path, &known);
        }
    }
}

/// The headers that tell of rate limits, with examples.
const LIMIT_HEADERS: [(&str, &str, &str); 6] = [
    ("Retry-After", "Seconds after which it is worth trying again.", "1"),
    (
        "RateLimit-Policy",
        "The limits that count this request, in requests a minute.",
        "\"address\";q=100000;w=60",
    ),
    (
        "RateLimit",
        "How much is left of each, and after how many seconds there is more.",
        "\"address\";r=0;t=1",
    ),
    ("X-RateLimit-Limit", "The limit that is nearest, in requests a minute.", "100000"),
    ("X-RateLimit-Remaining", "How much is left of it.", "0"),
    ("X-RateLimit-Reset", "When all of it is there again, in Unix seconds.", "1767225660"),
];

const REPLAYED: &str = "`true` when this was answered before to the same request under the same \
    `Idempotency-Key`, and nothing was done now.";

fn add_common(operation: &mut Operation) {
    let mut common = vec![
        ("429", "`rate_limited`: too many requests from this address or this user."),
        ("500", "`internal_error`: a defect of the platform."),
        ("503", "`storage_unavailable`, `too_busy`, `service_unavailable`: try again later."),
    ];
    if operation.security.is_some() {
        common.push(("401", "`unauthenticated`: the token is missing, malformed, expired or revoked."));
    }
    if operation.request_body.is_some() {
        common.push(("400", "`malformed_request`: the body is not JSON."));
        common.push(("408", "`request_timeout`: the body did not arrive in time."));
        common.push(("413", "`body_too_large`"));
        common.push(("415", "`unsupported_media_type`"));
    }
    for (status, description) in common {
        add(operation, status, description);
    }
    refer(operation, "429", &LIMIT_HEADERS.map(|(name, ..)| name));
}

/// What a gateway in front of the module may answer in its place. Clients cannot tell whether there is one, so every
/// document says so.
fn add_gateway(operation: &mut Operation) {
    for (status, description) in [
        ("502", "`bad_gateway`: behind a gateway, the service gave no readable answer."),
        ("503", "`service_unavailable`: behind a gateway, the service cannot be reached now."),
        ("504", "`gateway_timeout`: behind a gateway, the service did not answer in time."),
    ] {
        add(operation, status, description);
        refer(operation, status, &["Retry-After"]);
    }
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let response = RefOr::T(ResponseBuilder::new().description(description).build());
    let own = operation.responses.responses.entry(status.to_owned());
    own.and_modify(|own| extend(own, description)).or_insert(response);
}

/// Adds the headers that are described once for all.
fn refer(operation: &mut Operation, status: &str, headers: &[&str]) {
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) {
        let reference = |name| RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
        response.headers.extend(headers.iter().map(|name| ((*name).to_owned(), reference(name))));
    }
}

/// Public reads of the catalog carry an `ETag`; a stream does not.
fn is_conditional(operation: &Operation) -> bool {
    let is_inventory = operation.tags.iter().flatten().any(|tag| tag == "inventory");
    let is_json = |response: &RefOr<Response>| matches!(response, RefOr::T(own) if own.content.contains_key("application/json"));
    is_inventory && operation.responses.responses.get("200").is_some_and(is_json)
}

fn is_keyed(operation: &Operation) -> bool {
    let is_key =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(own) if own.name == idempotency::HEADER);
    operation.parameters.iter().flatten().any(is_key)
}

/// Whatever the work itself answered may come again.
fn add_keyed(operation: &mut Operation) {
    add(operation, "422", "`idempotency_key_reused`, `invalid_idempotency_key`");
    let statuses: Vec<_> = operation.responses.responses.keys().cloned().collect();
    let is_of_work = |status: &str| status.starts_with('2') || ["403", "404", "409", "422"].contains(&status);
    for status in statuses.iter().filter(|status| is_of_work(status)) {
        refer(operation, status, &[idempotency::REPLAYED]);
    }
    add(operation, "409", "`idempotency_in_flight`: the first request under the key has no answer yet.");
    refer(operation, "409", &["Retry-After"]);
}

fn extend(own: &mut RefOr<Response>, description: &str) {
    let all_named = |own: &str| codes(description).all(|code| own.contains(code));
    if let RefOr::T(own) = own
        && !all_named(&own.description)
    {
        own.description = format!("{}\n\n{description}", own.description);
    }
}

fn fill_problems(operation: &mut Operation, path: &str, known: &BTreeMap<&str, &'static About>) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            let content = problem_content(response, path, known);
            response.content.insert("application/problem+json".to_owned(), RefOr::T(content));
        }
    }
}

/// The codes stand in backticks in a description.
fn codes(description: &str) -> impl Iterator<Item = &str> {
    description.split('`').skip(1).step_by(2)
}

fn problem_content(response: &Response, path: &str, known: &BTreeMap<&str, &'static About>) -> Content {
    let named = codes(&response.description).filter_map(|code| known.get(code));
    let examples: Vec<_> = named.map(|about| (about.code, example(about, path))).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
    let content = content.examples_from_iter(examples.into_iter().map(|(code, value)| {
        (code, utoipa::openapi::example::ExampleBuilder::new().value(Some(value)).build())
    }));
    content.build()
}

fn example(about: &About, path: &str) -> Value {
    let detail = format!("{}.", about.title);
    let mut example = json!({
        "type": format!("/problems/{}", about.code),
        "title": about.title,
        "status": about.kind.status(),
        "detail": detail,
        "instance": path,
        "code": about.code,
        "message": detail,
        "request_id": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10",
    });
    if about.code == http::VALIDATION.code {
        example["validation_errors"] = json!([{ "field": "field_name", "message": "is required" }]);
    } else if about.kind == Kind::Invalid {
        example["validation_errors"] = json!([]);
    }
    example
}
