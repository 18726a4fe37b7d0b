//! Signatures of requests that differ from the signed one in one thing each.
#![allow(clippy::unwrap_used)]

use actix_web::test::TestRequest;

use super::*;

const SECRET: &str = "sixteen letters.";
const TARGET: &str = "DynamoDB_20120810.PutItem";
const BODY: &[u8] = br#"{"TableName":"orders"}"#;

struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn noon() -> Timestamp {
    time_of("20261123T120000Z").unwrap()
}

/// The `Authorization` header of a request with our target and body.
fn authorize(key_id: &str, secret: &str, service: &str, time: Timestamp, signed: &[(&str, &str)]) -> String {
    let identity = Credentials::new(key_id, secret, None, None, "test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("local")
        .name(service)
        .time(SystemTime::from(time))
        .settings(SigningSettings::default());
    let parameters = SigningParams::from(parameters.build().unwrap());
    let (uri, body) = ("http://engine/", SignableBody::Bytes(BODY));
    let request = SignableRequest::new("POST", uri, signed.iter().copied(), body).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
}

fn headers_at(time: Timestamp) -> Vec<(&'static str, String)> {
    let signed = [("host", "engine:8000"), ("x-amz-target", TARGET)];
    let authorization = authorize(ACCESS_KEY_ID, SECRET, SERVICE, time, &signed);
    vec![
        ("host", "engine:8000".to_owned()),
        ("x-amz-date", time.format("%Y%m%dT%H%M%SZ").to_string()),
        ("x-amz-target", TARGET.to_owned()),
        ("authorization", authorization),
    ]
}

fn check_body(headers: &[(&'static str, String)], uri: &str, body: &[u8]) -> Result<(), Refusal> {
    let mut request = TestRequest::post().uri(uri);
    for header in headers {
        request = request.append_header((header.0, header.1.clone()));
    }
    let request = request.to_http_request();
    let signatures = Signatures::new(&SECRET.into(), Arc::new(Stopped(noon())));
    signatures.verify(signatures.claim(&request)?, &request, body)
}

fn check(headers: &[(&'static str, String)]) -> Result<(), Refusal> {
    check_body(headers, "/", BODY)
}

/// A good request with one header replaced.
fn with(name: &str, value: &str) -> Vec<(&'static str, String)> {
    let headers = headers_at(noon()).into_iter();
    headers.map(|header| if header.0 == name { (header.0, value.to_owned()) } else { header }).collect()
}

#[test]
fn what_was_signed_is_let_in() {
    assert_eq!(check(&headers_at(noon())), Ok(()));
}

#[test]
fn what_differs_from_what_was_signed_is_refused() {
    let good = headers_at(noon());
    assert_eq!(check_body(&good, "/", b"{}"), Err(Refusal::Mismatch));
    assert_eq!(check_body(&good, "/?a=b", BODY), Err(Refusal::Mismatch));
    for (name, value) in [
        ("x-amz-target", "DynamoDB_20120810.DeleteTable"),
        ("host", "elsewhere"),
        ("x-amz-date", "20261123T120001Z"),
    ] {
        assert_eq!(check(&with(name, value)), Err(Refusal::Mismatch), "{name}");
    }
}

#[test]
fn another_secret_or_key_is_refused() {
    let signed = [("host", "engine:8000"), ("x-amz-target", TARGET)];
    let other_secret = authorize(ACCESS_KEY_ID, "another secret..", SERVICE, noon(), &signed);
    assert_eq!(check(&with("authorization", &other_secret)), Err(Refusal::Mismatch));
    let other_key = authorize("AKIDEXAMPLE", SECRET, SERVICE, noon(), &signed);
    assert_eq!(check(&with("authorization", &other_key)), Err(Refusal::UnknownKey));
    let other_service = authorize(ACCESS_KEY_ID, SECRET, "s3", noon(), &signed);
    assert_eq!(check(&with("authorization", &other_service)), Err(Refusal::Incomplete));
}

#[test]
fn a_date_may_be_five_minutes_off_and_no_more() {
    for seconds in [-300, 300] {
        assert_eq!(check(&headers_at(noon() + TimeDelta::seconds(seconds))), Ok(()), "{seconds}");
    }
    for seconds in [-301, 301] {
        let headers = headers_at(noon() + TimeDelta::seconds(seconds));
        assert_eq!(check(&headers), Err(Refusal::Expired), "{seconds}");
    }
}

#[test]
fn what_must_be_signed_cannot_be_left_out() {
    let without_target = authorize(ACCESS_KEY_ID, SECRET, SERVICE, noon(), &[("host", "engine:8000")]);
    assert_eq!(check(&with("authorization", &without_target)), Err(Refusal::Incomplete));
    for name in ["host", "x-amz-date", "x-amz-target"] {
        let left: Vec<_> = headers_at(noon()).into_iter().filter(|(header, _)| *header != name).collect();
        assert_eq!(check(&left), Err(Refusal::Incomplete), "{name}");
        let twice =
            [headers_at(noon()), with(name, "x").into_iter().filter(|h| h.0 == name).collect()].concat();
        assert_eq!(check(&twice), Err(Refusal::Incomplete), "{name}");
    }
}

#[test]
fn what_is_no_signature_is_refused() {
    let unsigned: Vec<_> =
        headers_at(noon()).into_iter().filter(|(name, _)| *name != "authorization").collect();
    assert_eq!(check(&unsigned), Err(Refusal::Unsigned));
    let good = headers_at(noon()).pop().unwrap().1;
    for wrong in
        ["", "Bearer x", "AWS4-HMAC-SHA256 ", &good.replace("Signature=", "Sign="), &good.replace('/', "")]
    {
        assert_eq!(check(&with("authorization", wrong)), Err(Refusal::Incomplete), "{wrong}");
    }
    let cut = &good[..good.len() - 1];
    assert_eq!(check(&with("authorization", cut)), Err(Refusal::Mismatch));
}
