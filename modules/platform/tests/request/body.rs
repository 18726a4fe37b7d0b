//! JSON bodies.

use actix_web::App;
use actix_web::middleware::from_fn;
use actix_web::test::TestRequest;
use actix_web::web::{Json, PayloadConfig, post};
use serde_json::{Value, json};
use tradepost_platform::request::Body;

use crate::support::{Answer, Client, Form, Transfer};

const LIMIT: usize = 512 * 1024;

async fn form(body: Body<Form>) -> Json<Form> {
    Json(body.0)
}

async fn transfer(body: Body<Transfer>) -> Json<Transfer> {
    Json(body.0)
}

async fn client() -> Client {
    let app = App::new().wrap(from_fn(tradepost_problem::finish)).app_data(PayloadConfig::new(LIMIT));
    Client::of(app.route("/form", post().to(form)).route("/transfer", post().to(transfer))).await
}

fn json_to(path: &str, body: impl AsRef<[u8]>) -> TestRequest {
    let request = TestRequest::post().uri(path).insert_header(("content-type", "application/json"));
    request.set_payload(body.as_ref().to_vec())
}

async fn post_form(body: impl AsRef<[u8]>) -> Answer {
    client().await.send(json_to("/form", body)).await
}

/// The form as it was read, or the fields that were broken.
async fn read(body: &str) -> Result<Value, Vec<String>> {
    let answer = post_form(body).await;
    if answer.status == 200 {
        return Ok(answer.body);
    }
    Err(answer.broken_fields().into_iter().map(str::to_owned).collect())
}

#[actix_web::test]
async fn what_is_not_json_is_malformed_even_behind_a_field_of_the_wrong_type() {
    for body in [
        &b"amount=1"[..],
        b"{",
        b"{\"amount\":1",
        b"{\"amount\":true,",
        b"{\"amount\":true} x",
        b"{\"count\":\"x\",\"note\":}",
        b"{\"amount\":1,}",
        b"{amount:1}",
        b"{'amount':1}",
        b"{1:2}",
        b"{\"amount\":NaN}",
        b"{\"amount\":1_000}",
        b"{\"amount\":01}",
        b"{\"amount\":.5}",
        b"{\"amount\":-Infinity}",
        b"{\"note\":\"line\nbreak\"}",
        b"{}{}",
        b" ",
        b"\xef\xbb\xbf{}",
    ] {
        let answer = post_form(body).await;
        assert_eq!(answer.problem(), (400, "malformed_request"), "{:?}", String::from_utf8_lossy(body));
    }
}

#[actix_web::test]
async fn what_is_not_utf_8_is_malformed() {
    for body in [&b"\xff"[..], b"{\"note\":\"\xff\"}", b"{\"\xc3\":1}", b"\xff\xfe{\0}\0"] {
        assert_eq!(post_form(body).await.problem(), (400, "malformed_request"), "{body:?}");
    }
}

#[actix_web::test]
async fn json_that_is_no_object_breaks_the_field_body() {
    for body in ["[]", "[1,\"a\",1,true]", "\"text\"", "\"{}\"", "12", "1e400", "true", "null", " [ ] "] {
        assert_eq!(post_form(body).await.broken_fields(), ["body"], "{body}");
    }
}

#[actix_web::test]
async fn an_empty_body_is_an_empty_object_with_or_without_a_content_type() {
    let client = client().await;
    let empty = json!({"amount": null, "note": null, "count": null, "urgent": null});
    for request in [
        TestRequest::post(),
        TestRequest::post().insert_header(("content-type", "application/json")),
        TestRequest::post().insert_header(("content-type", "text/plain")),
        TestRequest::post().insert_header(("content-length", "0")),
    ] {
        assert_eq!(client.send(request.uri("/form")).await.body, empty);
    }
    let answer = client.send(TestRequest::post().uri("/transfer")).await;
    assert_eq!(answer.broken_fields(), ["amount", "to"]);
}

#[actix_web::test]
async fn a_body_must_say_that_it_is_json() {
    let client = client().await;
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json;charset=UTF-8", 200),
        ("application/json ; charset=\"utf-8\"", 200),
        ("APPLICATION/Json", 200),
        ("application/vnd.api+json", 200),
        ("application/merge-patch+json; charset=utf-8", 200),
        ("text/plain", 415),
        ("text/json", 415),
        ("text/plain; application/json", 415),
        ("application/jsonp", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("json", 415),
        ("", 415),
    ] {
        let request = TestRequest::post().uri("/form").insert_header(("content-type", content_type));
        let answer = client.send(request.set_payload("{}")).await;
        assert_eq!(answer.status, status, "{content_type:?}");
        if status == 415 {
            assert_eq!(answer.problem(), (415, "unsupported_media_type"));
        }
    }
    let answer = client.send(TestRequest::post().uri("/form").set_payload("{}")).await;
    assert_eq!(answer.problem(), (415, "unsupported_media_type"), "no content type at all");
}

#[actix_web::test]
async fn a_body_of_the_limit_is_read_and_one_byte_more_is_refused() {
    let client = client().await;
    for (excess, status) in [(0, 200), (1, 413), (LIMIT, 413)] {
        let body = format!("{{\"note\":\"{}\"}}", "x".repeat(LIMIT + excess - "{\"note\":\"\"}".len()));
        assert_eq!(body.len(), LIMIT + excess);
        let length = ("content-length", body.len().to_string());
        // Without a length it is as a chunked body arrives: the end is known when it is there.
        for request in [json_to("/form", &body), json_to("/form", &body).insert_header(length)] {
            let answer = client.send(request).await;
            assert_eq!(answer.status, status, "{excess}");
            if status == 413 {
                assert_eq!(answer.problem(), (413, "body_too_large"));
            }
        }
    }
}

#[actix_web::test]
async fn a_body_too_large_is_refused_as_such_before_its_type_is_looked_at() {
    let request = TestRequest::post().uri("/form").insert_header(("content-type", "text/plain"));
    let answer = client().await.send(request.set_payload("x".repeat(LIMIT + 1))).await;
    assert_eq!(answer.problem(), (413, "body_too_large"));
}

#[actix_web::test]
async fn all_broken_fields_are_listed() {
    let answer = post_form(r#"{"amount":"1_0","note":7,"count":0,"urgent":"yes"}"#).await;
    assert_eq!(answer.broken_fields(), ["amount", "note", "count", "urgent"]);

    let client = client().await;
    for (body, broken) in [
        ("{}", &["amount", "to"][..]),
        (r#"{"amount":null,"to":null}"#, &["amount", "to"]),
        (r#"{"amount":"x"}"#, &["amount", "to"]),
        (r#"{"amount":1,"to":" "}"#, &["to"]),
        (r#"{"to":"bob"}"#, &["amount"]),
        (r#"{"Amount":1,"to":"bob"}"#, &["amount"]),
    ] {
        assert_eq!(client.send(json_to("/transfer", body)).await.broken_fields(), broken, "{body}");
    }
    let answer = client.send(json_to("/transfer", r#"{"amount":1,"to":"bob"}"#)).await;
    assert_eq!(answer.body, json!({"amount": "1", "to": "bob"}));
}

#[actix_web::test]
async fn decimals_are_read_exactly_from_numbers_and_numeric_strings() {
    for (sent, expected) in [
        ("0.1", "0.1"),
        ("\"0.1\"", "0.1"),
        ("0.10", "0.1"),
        ("-50.00", "-50"),
        ("-0", "0"),
        ("1e-7", "0.0000001"),
        ("\"1E-7\"", "0.0000001"),
        ("1.25e+2", "125"),
        ("\"\\u0031.5\"", "1.5"),
        // Each of these is another number once it has been a float.
        ("9007199254740993", "9007199254740993"),
        ("0.30000000000000004441", "0.30000000000000004441"),
        ("1000000000000.12345678", "1000000000000.12345678"),
        ("9999999999999999999999999999", "9999999999999999999999999999"),
    ] {
        let form = read(&format!("{{\"amount\": {sent} }}")).await.unwrap();
        assert_eq!(form["amount"], expected, "{sent}");
    }
}

#[actix_web::test]
async fn what_is_no_exact_decimal_is_refused() {
    for sent in [
        "\"\"",
        "\" 1\"",
        "\"1 \"",
        "\"+1\"",
        "\"1_000\"",
        "\"1,5\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"-inf\"",
        "\"0x10\"",
        "\"1.\"",
        "\".5\"",
        "\"1e\"",
        "\"١\"",
        "true",
        "false",
        "[1]",
        "{\"a\":1}",
        "1e400",
        "1e-400",
        "10000000000000000000000000000",
        "0.00000000000000000000000000001",
    ] {
        assert_eq!(read(&format!("{{\"amount\":{sent}}}")).await, Err(vec!["amount".to_owned()]), "{sent}");
    }
}

#[actix_web::test]
async fn whole_numbers_are_read_between_their_bounds_from_digits_alone() {
    for (sent, read_as) in [("1", Some(1)), ("100", Some(100)), ("42", Some(42))] {
        assert_eq!(read(&format!("{{\"count\":{sent}}}")).await.unwrap()["count"], json!(read_as));
    }
    for sent in ["0", "101", "-1", "1.0", "1e1", "\"5\"", "true", "[1]", "18446744073709551617"] {
        assert_eq!(read(&format!("{{\"count\":{sent}}}")).await, Err(vec!["count".to_owned()]), "{sent}");
    }
}

#[actix_web::test]
async fn texts_and_booleans_are_read_from_nothing_else() {
    let sent = r#"{"note":"a \"b\" \u00e9 \ud83d\ude00\n","urgent":false}"#;
    let form = read(sent).await.unwrap();
    assert_eq!((&form["note"], &form["urgent"]), (&json!("a \"b\" é 😀\n"), &json!(false)));
    for (field, sent) in [
        ("note", "1"),
        ("note", "true"),
        ("note", "[\"a\"]"),
        ("note", "{}"),
        // Half of a surrogate pair is JSON, and no text.
        ("note", "\"\\ud83d\""),
        ("urgent", "1"),
        ("urgent", "\"true\""),
        ("urgent", "[]"),
    ] {
        assert_eq!(read(&format!("{{\"{field}\":{sent}}}")).await, Err(vec![field.to_owned()]), "{sent}");
    }
}

#[actix_web::test]
async fn null_is_as_good_as_absent_and_unknown_fields_are_ignored() {
    let nothing = read("{}").await.unwrap();
    let nulls = r#"{"amount":null,"note": null ,"count":null,"urgent":null}"#;
    assert_eq!(read(nulls).await.unwrap(), nothing);
    let strangers = r#"{"x":1,"__proto__":{},"":[],"AMOUNT":true,"amount ":true}"#;
    assert_eq!(read(strangers).await.unwrap(), nothing);
}

#[actix_web::test]
async fn of_a_field_sent_twice_the_last_counts() {
    for (sent, expected) in [
        (r#"{"count":1,"count":2}"#, json!(2)),
        (r#"{"count":"broken","count":2}"#, json!(2)),
        (r#"{"count":1,"\u0063ount":2}"#, json!(2)),
        (r#"{"count":1,"count":null}"#, json!(null)),
    ] {
        assert_eq!(read(sent).await.unwrap()["count"], expected, "{sent}");
    }
    assert_eq!(read(r#"{"count":2,"count":"broken"}"#).await, Err(vec!["count".to_owned()]));
}

#[actix_web::test]
async fn a_body_may_be_nested_32_levels_deep_and_no_deeper() {
    let nested = |open: &str, middle: &str, close: &str, levels: usize| {
        format!("{{\"count\":7,\"x\":{}{middle}{}}}", open.repeat(levels - 1), close.repeat(levels - 1))
    };
    for (open, middle, close) in
        [("[", "", "]"), ("{\"a\":", "1", "}"), ("[1,", "[]", "]"), (" [ ", "\"]]\"", " ] ")]
    {
        let inner = usize::from(middle == "[]");
        let allowed = nested(open, middle, close, 32 - inner);
        assert_eq!(read(&allowed).await.unwrap()["count"], 7, "{allowed}");
        let answer = post_form(nested(open, middle, close, 33 - inner)).await;
        assert_eq!(answer.problem(), (400, "malformed_request"), "{open}");
        assert_eq!(answer.body["detail"], "The body is nested more than 32 levels deep.");
    }
    let list = format!("{}{}", "[".repeat(32), "]".repeat(32));
    assert_eq!(read(&list).await, Err(vec!["body".to_owned()]));
    assert_eq!(post_form(format!("[{list}]")).await.problem(), (400, "malformed_request"));
}

#[actix_web::test]
async fn brackets_side_by_side_or_inside_of_texts_are_not_nested() {
    let many = "[],{},".repeat(1000);
    for body in [
        format!("{{\"count\":7,\"x\":[{many}0]}}"),
        format!("{{\"count\":7,\"x\":\"{}\"}}", "[{".repeat(1000)),
        format!("{{\"count\":7,\"x\":\"\\\"{}\"}}", "[{".repeat(1000)),
        format!("{{\"count\":7,\"x\":\"\\\\\",\"y\":[{many}0]}}"),
        format!("{{\"count\":7,\"{}\":1}}", "{[".repeat(1000)),
    ] {
        assert_eq!(read(&body).await.unwrap()["count"], 7, "{body}");
    }
    let behind_a_text = format!("{{\"x\":\"\\\\\",\"y\":{}{}}}", "[".repeat(32), "]".repeat(32));
    assert_eq!(post_form(behind_a_text).await.problem(), (400, "malformed_request"));
}

#[actix_web::test]
async fn a_hundred_thousand_brackets_crash_nothing() {
    let lists = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(60_000), "}".repeat(60_000));
    for deep in [lists, objects, "[".repeat(100_000), "{\"a\":".repeat(60_000), "]".repeat(100_000)] {
        assert_eq!(post_form(&deep).await.problem(), (400, "malformed_request"));
        let field = format!("{{\"note\":{deep}}}");
        assert_eq!(post_form(field).await.problem(), (400, "malformed_request"));
    }
}
