//! Queries and path segments.

use actix_web::App;
use actix_web::http::Uri;
use actix_web::middleware::from_fn;
use actix_web::web::{Json, get, scope};
use serde::Serialize;
use serde_json::{Value, json};
use tradepost_platform::request::{Fields, FromFields, Path, Query, integer, text};

use crate::support::{Answer, Client, Form, not_blank};

/// A place with two segments, of which one is in the scope and one in the route.
#[derive(Debug, Serialize)]
struct Shelf {
    room: String,
    number: u64,
}

impl FromFields for Shelf {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let number = fields.required("number", integer(0, u64::MAX));
        let room = fields.required("room", text(not_blank));
        Some(Self { room: room?, number: number? })
    }
}

async fn form(query: Query<Form>) -> Json<Form> {
    Json(query.0)
}

async fn shelf(path: Path<Shelf>) -> Json<Shelf> {
    Json(path.0)
}

async fn ask(uri: &str) -> Answer {
    assert!(uri.parse::<Uri>().is_ok(), "{uri}");
    let shelves = scope("/rooms/{room}").route("/shelves/{number}", get().to(shelf));
    let app = App::new().wrap(from_fn(tradepost_problem::finish));
    Client::of(app.route("/form", get().to(form)).service(shelves)).await.get(uri).await
}

/// What was read of a query, or the fields that were broken.
async fn read(query: &str) -> Result<Value, Vec<String>> {
    let answer = ask(&format!("/form?{query}")).await;
    if answer.status == 200 {
        return Ok(answer.body);
    }
    Err(answer.broken_fields().into_iter().map(str::to_owned).collect())
}

#[actix_web::test]
async fn a_query_is_decoded_and_read_field_by_field() {
    let form = read("amount=1e-7&note=a+b%20%C3%A9%26%3D&count=100&urgent=true").await.unwrap();
    assert_eq!(form, json!({"amount": "0.0000001", "note": "a b é&=", "count": 100, "urgent": true}));
}

#[actix_web::test]
async fn all_broken_parameters_are_listed() {
    let broken = read("amount=NaN&count=1.0&urgent=True").await;
    assert_eq!(broken, Err(["amount", "count", "urgent"].map(str::to_owned).to_vec()));
}

#[actix_web::test]
async fn decimals_and_whole_numbers_of_a_query_keep_the_rules_of_a_body() {
    for (query, field, expected) in [
        ("amount=9007199254740993.01", "amount", json!("9007199254740993.01")),
        ("amount=-0.50", "amount", json!("-0.5")),
        ("count=1", "count", json!(1)),
        ("count=%31%30", "count", json!(10)),
    ] {
        assert_eq!(read(query).await.unwrap()[field], expected, "{query}");
    }
    for query in [
        "amount=",
        "amount=1_000",
        "amount=+1",
        "amount=%2B1",
        "amount=true",
        "amount=null",
        "amount=%221%22",
        "count=",
        "count=0",
        "count=101",
        "count=-1",
        "count=%2B5",
        "count=+5",
        "count=0x5",
        "count=18446744073709551616",
        "count=%D9%A1",
        "urgent=",
        "urgent=1",
        "urgent=TRUE",
    ] {
        let field = query.split('=').next().unwrap().to_owned();
        assert_eq!(read(query).await, Err(vec![field]), "{query}");
    }
}

#[actix_web::test]
async fn of_a_parameter_given_twice_the_last_counts_and_unknown_ones_are_ignored() {
    assert_eq!(read("count=1&count=2").await.unwrap()["count"], 2);
    assert_eq!(read("count=broken&co%75nt=2").await.unwrap()["count"], 2);
    assert_eq!(read("count=2&count=broken").await, Err(vec!["count".to_owned()]));
    let nothing = read("").await.unwrap();
    for query in ["x=1", "x", "&&", "=", "=1", "Count=0", "count[]=0"] {
        let query = query.replace('[', "%5B").replace(']', "%5D");
        assert_eq!(read(&query).await.unwrap(), nothing, "{query}");
    }
}

#[actix_web::test]
async fn bytes_that_are_no_text_are_no_defect() {
    for query in ["note=%FF", "note=%", "note=%zz", "%FF=1", "note=%ED%A0%80"] {
        assert_eq!(ask(&format!("/form?{query}")).await.status, 200, "{query}");
    }
    for path in ["/rooms/%FF/shelves/1", "/rooms/%/shelves/1", "/rooms/%00/shelves/1"] {
        assert_eq!(ask(path).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn path_segments_are_decoded_and_read_by_name() {
    for (path, room) in [
        ("/rooms/attic/shelves/7", "attic"),
        ("/rooms/caf%C3%A9/shelves/7", "café"),
        ("/rooms/a%20b/shelves/7", "a b"),
        ("/rooms/a+b/shelves/7", "a+b"),
        ("/rooms/a%2Fb/shelves/7", "a/b"),
        ("/rooms/a%252Fb/shelves/7", "a%2Fb"),
        ("/rooms/attic/shelves/7?room=cellar&number=8", "attic"),
    ] {
        assert_eq!(ask(path).await.body, json!({"room": room, "number": 7}), "{path}");
    }
}

#[actix_web::test]
async fn blank_and_broken_segments_reach_the_parser_and_not_the_router() {
    for (path, broken) in [
        ("/rooms/%20%20%20/shelves/7", &["room"][..]),
        ("/rooms/%09/shelves/7", &["room"]),
        ("/rooms/attic/shelves/%20", &["number"]),
        ("/rooms/attic/shelves/-1", &["number"]),
        ("/rooms/attic/shelves/7.0", &["number"]),
        ("/rooms/attic/shelves/18446744073709551616", &["number"]),
        ("/rooms/%20/shelves/x", &["number", "room"]),
    ] {
        assert_eq!(ask(path).await.broken_fields(), broken, "{path}");
    }
    let most = ask("/rooms/attic/shelves/18446744073709551615").await;
    assert_eq!(most.body["number"], u64::MAX);
    assert_eq!(ask("/rooms/attic/shelves").await.problem(), (404, "route_not_found"));
}
