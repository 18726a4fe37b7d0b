//! Signing up: what is taken, what is refused, and that names and addresses are unique.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{Days, Months, NaiveDate};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_kernel::{Clock, SystemClock};
use tradepost_testkit::{Client, PASSWORD, World, registration};

crate::tests![
    a_registration_says_so_and_the_user_can_log_in,
    fields_are_kept_in_their_stored_form,
    optional_fields_may_be_null_and_unknown_ones_are_ignored,
    a_username_has_6_to_30_plain_characters,
    a_password_has_12_to_128_characters_of_four_sorts,
    a_password_is_neither_common_nor_contains_its_owner,
    an_address_is_valid_and_has_at_most_254_characters,
    names_are_1_to_50_letters_of_any_script,
    a_phone_number_has_10_to_15_digits,
    a_date_of_birth_is_an_iso_date,
    an_age_is_13_to_120_years,
    consent_is_true_or_false,
    every_broken_field_is_listed_at_once,
    every_missing_field_is_listed_at_once,
    the_syntax_comes_before_the_shape,
    names_are_unique_regardless_of_case,
    addresses_are_unique_regardless_of_case,
    a_refused_registration_claims_nothing,
    one_of_many_concurrent_registrations_of_a_name_wins,
    one_of_many_concurrent_registrations_of_an_address_wins,
];

const REGISTER: &str = "/api/v1/auth/register";

async fn a_registration_says_so_and_the_user_can_log_in(world: World) {
    let name = fresh_name();
    let answer = world.post(REGISTER, &registration(&name)).await.expect(201);
    assert_eq!(answer.field("message"), "User registered successfully");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains(PASSWORD));
    let user = world.log_in(&name, PASSWORD).await;
    assert_eq!(user.cash().await, "0.00");
}

async fn fields_are_kept_in_their_stored_form(world: World) {
    let name = fresh_name();
    let mut body = with(&name, "username", json!(format!("  {} ", name.to_uppercase())));
    body["email"] = json!(format!("{}@Example.COM", name.to_uppercase()));
    body["first_name"] = json!("  Jean-Luc ");
    body["last_name"] = json!(" O'Neil");
    body["phone"] = json!("15550109999");
    body["date_of_birth"] = json!("1990-02-28");
    body["marketing_emails_consent"] = json!(true);
    world.post(REGISTER, &body).await.expect(201);

    let profile = profile_of(&world, &name).await;
    assert_eq!(profile["username"], json!(name));
    assert_eq!(profile["email"], json!(format!("{name}@example.com")));
    assert_eq!(profile["first_name"], "Jean-Luc");
    assert_eq!(profile["last_name"], "O'Neil");
    assert_eq!(profile["phone"], "15550109999");
    assert_eq!(profile["date_of_birth"], "1990-02-28");
    assert_eq!(profile["marketing_emails_consent"], true);
}

async fn optional_fields_may_be_null_and_unknown_ones_are_ignored(world: World) {
    let name = fresh_name();
    let mut body = with(&name, "phone", Value::Null);
    body["date_of_birth"] = Value::Null;
    body["marketing_emails_consent"] = Value::Null;
    body["role"] = json!("admin");
    body["unheard_of"] = json!({ "nested": [1, 2, 3] });
    world.post(REGISTER, &body).await.expect(201);
    let profile = profile_of(&world, &name).await;
    assert_eq!(profile["phone"], Value::Null);
    assert_eq!(profile["date_of_birth"], Value::Null);
    assert_eq!(profile["marketing_emails_consent"], false);
}

async fn a_username_has_6_to_30_plain_characters(world: World) {
    let (shortest, longest) = (format!("{:06}", next()), format!("{:_<30}", fresh_name()));
    accepts(&world, "username", strings(&[&shortest, &longest])).await;
    let too_long = "a".repeat(31);
    let broken =
        ["", "      ", "abcde", &too_long, "with space", "älice_1", "a-b-c-d", "a.b.c.d", "name\u{0}1"];
    refuses(&world, "username", strings(&broken)).await;
    refuses(&world, "username", vec![json!(123_456), json!(true), json!(["abcdef"]), Value::Null]).await;
}

async fn a_password_has_12_to_128_characters_of_four_sorts(world: World) {
    let long = |n: usize| format!("Aa1!{}", "ü".repeat(n - 4));
    let fine = ["TestPassword123!", &long(12), &long(128), "  Spaces are 1 symbol  "];
    accepts(&world, "password", strings(&fine)).await;
    let broken = [
        "",
        &long(11),
        &long(129),
        "no-upper-case-1",
        "NO-LOWER-CASE-1",
        "No-digit-at-all",
        "NoSymbolAtAll123",
    ];
    refuses(&world, "password", strings(&broken)).await;
    refuses(&world, "password", vec![json!(123_456_789_012_u64), Value::Null]).await;
}

async fn a_password_is_neither_common_nor_contains_its_owner(world: World) {
    refuses(&world, "password", strings(&["Password123!", "Qwerty123456!"])).await;
    let name = fresh_name();
    for password in [format!("Aa1!{name}"), format!("aa1!-{}-x", name.to_uppercase())] {
        let answer = world.post(REGISTER, &with(&name, "password", json!(password))).await;
        answer.invalid(&["password"]);
    }
    let mut body = with(&name, "password", json!("My-JOHNNY-pass-1"));
    body["email"] = json!("Johnny@example.com");
    world.post(REGISTER, &body).await.invalid(&["password"]);
}

async fn an_address_is_valid_and_has_at_most_254_characters(world: World) {
    let fine = [format!("{}.b+c@mail.example.co.uk", fresh_name()), address_of_length(254)];
    accepts(&world, "email", fine.iter().map(|address| json!(address)).collect()).await;
    let too_long = address_of_length(255);
    let broken = [
        "",
        "jane",
        "jane@",
        "@example.com",
        "jane@localhost",
        "jane@example.",
        "jane@.example.com",
        "jane@exam ple.com",
        "jane doe@example.com",
        "jane@doe@example.com",
        "Jane <jane@example.com>",
        "jane..doe@example.com",
        &too_long,
    ];
    refuses(&world, "email", strings(&broken)).await;
    refuses(&world, "email", vec![json!(5), Value::Null]).await;
}

async fn names_are_1_to_50_letters_of_any_script(world: World) {
    let longest = "é".repeat(50);
    accepts(&world, "first_name", strings(&["X", "Jean-Luc", "J. R.", "प्रिया", "محمد"])).await;
    accepts(&world, "last_name", strings(&[&longest, "O'Neil", "van der Berg"])).await;
    let too_long = "é".repeat(51);
    let broken = ["", "   ", "Jane2", "<b>Jane</b>", "Jane\u{0}", "Jane\nDoe", "Jane&Doe", &too_long];
    refuses(&world, "first_name", strings(&broken)).await;
    refuses(&world, "last_name", strings(&broken)).await;
    refuses(&world, "last_name", vec![json!(1), Value::Null]).await;
}

async fn a_phone_number_has_10_to_15_digits(world: World) {
    accepts(&world, "phone", strings(&["1234567890", "123456789012345", "+1 (555) 010-99.99"])).await;
    let broken = ["123456789", "1234567890123456", "12345abcde", "+1 555 010 9999 ext 5", "٠١٢٣٤٥٦٧٨٩"];
    refuses(&world, "phone", strings(&broken)).await;
    refuses(&world, "phone", vec![json!(1_234_567_890), json!(true)]).await;
}

async fn a_date_of_birth_is_an_iso_date(world: World) {
    accepts(&world, "date_of_birth", strings(&["1990-02-28", "2000-02-29"])).await;
    let broken =
        ["", "1990-02-30", "2001-02-29", "1990-2-28", "1990- 2-28", "28.02.1990", "1990-02-28T00:00:00Z"];
    refuses(&world, "date_of_birth", strings(&broken)).await;
    refuses(&world, "date_of_birth", vec![json!(19_900_228), json!(false)]).await;
}

async fn an_age_is_13_to_120_years(world: World) {
    let born = |date: NaiveDate| with(&fresh_name(), "date_of_birth", json!(date.to_string()));
    for (years, later_by_days, status) in
        [(13, 0, 201), (13, 1, 422), (121, 1, 201), (121, 0, 422), (0, 1, 422)]
    {
        let today = today();
        let date = today - Months::new(12 * years) + Days::new(later_by_days);
        let answer = world.post(REGISTER, &born(date)).await;
        // Unless midnight has just passed.
        assert!(answer.status == status || today != self::today(), "{years} years: {}", answer.text);
    }
}

async fn consent_is_true_or_false(world: World) {
    accepts(&world, "marketing_emails_consent", vec![json!(true), json!(false)]).await;
    refuses(&world, "marketing_emails_consent", vec![json!("true"), json!(1), json!([])]).await;
}

async fn every_broken_field_is_listed_at_once(world: World) {
    let body = json!({
        "username": "me", "email": "nowhere", "password": "short", "first_name": "", "last_name": "<>",
        "phone": "12", "date_of_birth": "yesterday", "marketing_emails_consent": "maybe",
    });
    let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    world.post(REGISTER, &body).await.invalid(&fields);
}

async fn every_missing_field_is_listed_at_once(world: World) {
    let required = ["username", "email", "password", "first_name", "last_name"];
    world.post_text(REGISTER, "{}").await.invalid(&required);
    world.post_text(REGISTER, "").await.invalid(&required);
}

async fn the_syntax_comes_before_the_shape(world: World) {
    world.post_text(REGISTER, r#"{"username": 5"#).await.refused(400, "malformed_request");
    world.post_text(REGISTER, "[]").await.refused(422, "validation_failed");
    let plain = world.request(reqwest::Method::POST, REGISTER).header("content-type", "text/plain");
    world.send(plain.body("{}")).await.expect(415);
}

async fn names_are_unique_regardless_of_case(world: World) {
    let name = fresh_name();
    world.post(REGISTER, &registration(&name)).await.expect(201);
    let mut body = registration(&name.to_uppercase());
    body["email"] = json!(format!("{}@example.com", fresh_name()));
    world.post(REGISTER, &body).await.refused(409, "username_taken");
}

async fn addresses_are_unique_regardless_of_case(world: World) {
    let name = fresh_name();
    world.post(REGISTER, &registration(&name)).await.expect(201);
    let address = format!("{}@EXAMPLE.com", name.to_uppercase());
    let answer = world.post(REGISTER, &with(&fresh_name(), "email", json!(address))).await;
    answer.refused(409, "email_taken");
}

async fn a_refused_registration_claims_nothing(world: World) {
    let (first, second) = (fresh_name(), fresh_name());
    world.post(REGISTER, &registration(&first)).await.expect(201);
    let taken = with(&second, "email", json!(format!("{first}@example.com")));
    world.post(REGISTER, &taken).await.refused(409, "email_taken");
    world.post(REGISTER, &registration(&second)).await.expect(201);
}

async fn one_of_many_concurrent_registrations_of_a_name_wins(world: World) {
    let name = fresh_name();
    let bodies = (0..8).map(|n| {
        let name = if n % 2 == 0 { name.clone() } else { name.to_uppercase() };
        with(&name, "email", json!(format!("{}@example.com", fresh_name())))
    });
    let refused = all_but_one_refused(&world, bodies.collect()).await;
    assert_eq!(refused, ["username_taken"; 7]);
}

async fn one_of_many_concurrent_registrations_of_an_address_wins(world: World) {
    let address = json!(format!("{}@example.com", fresh_name()));
    let bodies = (0..8).map(|_| with(&fresh_name(), "email", address.clone()));
    let refused = all_but_one_refused(&world, bodies.collect()).await;
    assert_eq!(refused, ["email_taken"; 7]);
}

/// Sends all at once, demands that one is taken, and gives the codes of the others.
async fn all_but_one_refused(world: &World, bodies: Vec<Value>) -> Vec<String> {
    let mut attempts = JoinSet::new();
    for body in bodies {
        let world = world.clone();
        attempts.spawn(async move { world.post(REGISTER, &body).await });
    }
    let answers = attempts.join_all().await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(taken.len(), 1);
    refused.into_iter().map(|answer| answer.expect(409).field("code")).collect()
}

/// Registers somebody new with each of the values.
async fn accepts(client: &Client, field: &str, values: Vec<Value>) {
    for value in values {
        client.post(REGISTER, &with(&fresh_name(), field, value)).await.expect(201);
    }
}

/// Demands that each of the values is refused, and nothing but this field.
async fn refuses(client: &Client, field: &str, values: Vec<Value>) {
    for value in values {
        client.post(REGISTER, &with(&fresh_name(), field, value)).await.invalid(&[field]);
    }
}

/// A valid registration with one field replaced.
fn with(name: &str, field: &str, value: Value) -> Value {
    let mut body = registration(name);
    body[field] = value;
    body
}

fn strings(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

async fn profile_of(world: &World, name: &str) -> Value {
    world.log_in(name, PASSWORD).await.get("/api/v1/auth/profile").await.expect(200).json()
}

fn address_of_length(length: usize) -> String {
    let domain = format!("{0}.{0}.{0}.example.org", "d".repeat(60));
    format!("{:x<1$}@{domain}", fresh_name(), length - domain.len() - 1)
}

fn today() -> NaiveDate {
    SystemClock.now().date_naive()
}

/// A name nobody has, of 9 characters or more.
fn fresh_name() -> String {
    format!("signs_up_{}", next())
}

fn next() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}
