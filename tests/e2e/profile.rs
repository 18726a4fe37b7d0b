//! The profile: what it shows, what can be changed, and whose it is.

use reqwest::Method;
use serde_json::{Value, json};
use tradepost_testkit::{Answer, User, World};

crate::tests![
    a_new_profile_shows_what_the_user_signed_up_with,
    a_change_answers_the_whole_profile,
    only_the_named_fields_change,
    null_and_unknown_fields_change_nothing,
    an_empty_change_is_fine,
    an_empty_phone_removes_the_number,
    values_are_kept_in_their_stored_form,
    every_field_follows_its_rule,
    every_broken_field_is_listed_and_nothing_is_changed,
    a_body_is_a_json_object,
    the_address_of_another_is_refused,
    the_own_address_again_is_fine,
    a_freed_address_can_be_used_by_another,
    a_new_address_follows_the_password_rule_at_the_next_change,
    users_never_see_each_other,
    private_answers_are_not_stored,
];

const PROFILE: &str = "/api/v1/auth/profile";

async fn a_new_profile_shows_what_the_user_signed_up_with(world: World) {
    let user = world.new_user().await;
    let profile = profile(&user).await;
    assert_eq!(profile["username"], json!(user.username));
    assert_eq!(profile["email"], json!(format!("{}@example.com", user.username)));
    assert_eq!((&profile["first_name"], &profile["last_name"]), (&json!("Jane"), &json!("Doe")));
    for absent in ["phone", "date_of_birth"] {
        assert_eq!(profile.get(absent), Some(&Value::Null), "{absent}");
    }
    assert_eq!(profile["marketing_emails_consent"], false);
    assert!(is_time(&profile["created_at"]) && is_time(&profile["updated_at"]), "{profile}");
    assert!(!profile.to_string().contains("password"), "{profile}");
}

async fn a_change_answers_the_whole_profile(world: World) {
    let user = world.new_user().await;
    let before = profile(&user).await;
    let changes = json!({
        "first_name": "Zoë", "last_name": "O'Neil", "email": format!("{}@example.org", user.username),
        "phone": "15550109999", "date_of_birth": "1990-02-28", "marketing_emails_consent": true,
    });
    let answer = user.put(PROFILE, &changes).await.expect(200).json();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["message"], "Profile updated successfully");
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(answer["user"][field], *value, "{field}");
    }
    for same in ["username", "created_at"] {
        assert_eq!(answer["user"][same], before[same], "{same}");
    }
    assert!(is_time(&answer["user"]["updated_at"]));
    assert_eq!(answer["user"], profile(&user).await);
}

async fn only_the_named_fields_change(world: World) {
    let user = world.new_user().await;
    let changes = [
        ("first_name", json!("Ann")),
        ("last_name", json!("Smith")),
        ("email", json!(format!("{}@example.net", user.username))),
        ("phone", json!("1234567890")),
        ("date_of_birth", json!("1985-12-31")),
        ("marketing_emails_consent", json!(true)),
        ("marketing_emails_consent", json!(false)),
    ];
    for (field, value) in changes {
        let mut expected = profile(&user).await;
        expected[field] = value.clone();
        let mut changed = change(&user, &json!({ field: value })).await;
        changed["updated_at"] = expected["updated_at"].clone();
        assert_eq!(changed, expected, "{field}");
    }
}

async fn null_and_unknown_fields_change_nothing(world: World) {
    let user = complete(&world).await;
    let before = profile(&user).await;
    let nulls = json!({
        "first_name": null, "last_name": null, "email": null, "phone": null, "date_of_birth": null,
        "marketing_emails_consent": null,
    });
    same_but_for_time(&before, change(&user, &nulls).await);
    let unknown = json!({ "username": "somebody_else", "role": "admin", "password": 5, "created_at": null });
    same_but_for_time(&before, change(&user, &unknown).await);
}

async fn an_empty_change_is_fine(world: World) {
    let user = complete(&world).await;
    let before = profile(&user).await;
    same_but_for_time(&before, change(&user, &json!({})).await);
    let bare = user.request(Method::PUT, PROFILE);
    same_but_for_time(&before, world.send(bare).await.expect(200).json()["user"].clone());
}

async fn an_empty_phone_removes_the_number(world: World) {
    let user = complete(&world).await;
    let changed = change(&user, &json!({ "phone": "" })).await;
    assert_eq!(changed["phone"], Value::Null);
    assert_eq!(profile(&user).await["phone"], Value::Null);
}

async fn values_are_kept_in_their_stored_form(world: World) {
    let user = world.new_user().await;
    let changes = json!({
        "first_name": "  Jean-Luc ", "last_name": "\tvan der Berg ",
        "email": format!("{}@EXAMPLE.org", user.username.to_uppercase()),
    });
    let changed = change(&user, &changes).await;
    assert_eq!(changed["first_name"], "Jean-Luc");
    assert_eq!(changed["last_name"], "van der Berg");
    assert_eq!(changed["email"], json!(format!("{}@example.org", user.username)));
}

async fn every_field_follows_its_rule(world: World) {
    let user = world.new_user().await;
    let (longest, too_long) = ("é".repeat(50), "é".repeat(51));
    for name in [longest.as_str(), "X"] {
        change(&user, &json!({ "first_name": name, "last_name": name })).await;
    }
    for phone in ["1234567890", "+(123) 456-789.012345"] {
        change(&user, &json!({ "phone": phone })).await;
    }
    let broken = [
        ("first_name", vec![json!(""), json!("  "), json!(too_long), json!("<b>"), json!(1)]),
        ("last_name", vec![json!(""), json!("  "), json!(too_long), json!("J4ne"), json!(false)]),
        ("email", vec![json!(""), json!("jane"), json!("jane@localhost"), json!(["a@b.de"])]),
        ("phone", vec![json!("123456789"), json!("1234567890123456"), json!("   "), json!(1_234_567_890)]),
        ("date_of_birth", vec![json!(""), json!("1850-01-01"), json!("2999-01-01"), json!("1.2.1990")]),
        ("marketing_emails_consent", vec![json!("true"), json!(0), json!({})]),
    ];
    for (field, values) in broken {
        for value in values {
            user.put(PROFILE, &json!({ field: value })).await.invalid(&[field]);
        }
    }
}

async fn every_broken_field_is_listed_and_nothing_is_changed(world: World) {
    let user = world.new_user().await;
    let before = profile(&user).await;
    let broken = json!({
        "first_name": "", "last_name": 5, "email": "nowhere", "phone": "12", "date_of_birth": "yesterday",
        "marketing_emails_consent": "maybe",
    });
    let fields: Vec<_> = broken.as_object().unwrap().keys().map(String::as_str).collect();
    user.put(PROFILE, &broken).await.invalid(&fields);
    user.put(PROFILE, &json!({ "first_name": "Ann", "phone": "12" })).await.invalid(&["phone"]);
    assert_eq!(profile(&user).await, before);
}

async fn a_body_is_a_json_object(world: World) {
    let user = world.new_user().await;
    let put = |media: &'static str, body: &'static str| {
        let request = user.request(Method::PUT, PROFILE).header("content-type", media).body(body);
        world.send(request)
    };
    put("application/json", "{ no json").await.refused(400, "malformed_request");
    put("application/json", r#"{"first_name": NaN}"#).await.refused(400, "malformed_request");
    put("application/json", "[]").await.refused(422, "validation_failed");
    put("application/json", "null").await.refused(422, "validation_failed");
    put("text/plain", "{}").await.refused(415, "unsupported_media_type");
    put("application/json; charset=utf-8", "{}").await.expect(200);
}

async fn the_address_of_another_is_refused(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    let before = profile(&user).await;
    for address in [format!("{}@example.com", other.username), format!("{}@EXAMPLE.COM", other.username)] {
        let answer = user.put(PROFILE, &json!({ "first_name": "Ann", "email": address })).await;
        answer.refused(409, "email_taken");
    }
    assert_eq!(profile(&user).await, before);
}

async fn the_own_address_again_is_fine(world: World) {
    let user = world.new_user().await;
    let address = format!("{}@example.com", user.username);
    for address in [address.clone(), address.to_uppercase()] {
        let changed = change(&user, &json!({ "email": address, "first_name": "Ann" })).await;
        assert_eq!(changed["email"], json!(address.to_lowercase()));
        assert_eq!(changed["first_name"], "Ann");
    }
}

async fn a_freed_address_can_be_used_by_another(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    let address = format!("{}@example.com", user.username);
    let moved = format!("{}@example.org", user.username);
    change(&user, &json!({ "email": moved })).await;
    change(&other, &json!({ "email": address })).await;
    user.put(PROFILE, &json!({ "email": address })).await.refused(409, "email_taken");
    other.put(PROFILE, &json!({ "email": moved })).await.refused(409, "email_taken");
    // And back, once the other has let go of it.
    change(&other, &json!({ "email": format!("{}@example.com", other.username) })).await;
    change(&user, &json!({ "email": address })).await;
}

async fn a_new_address_follows_the_password_rule_at_the_next_change(world: World) {
    let user = world.new_user().await;
    let local = user.username.replace('_', ".");
    change(&user, &json!({ "email": format!("{local}@example.com") })).await;
    let new = json!({
        "current_password": tradepost_testkit::PASSWORD, "new_password": format!("Aa1!{}", local.to_uppercase()),
    });
    user.put("/api/v1/auth/password", &new).await.invalid(&["new_password"]);
}

async fn users_never_see_each_other(world: World) {
    let (rich, poor) = (complete(&world).await, world.new_user().await);
    rich.deposit("123.45").await;
    change(&poor, &json!({ "first_name": "Poor" })).await;
    assert_eq!(profile(&rich).await["first_name"], "Jane");
    assert_eq!(profile(&poor).await["phone"], Value::Null);
    assert_eq!(profile(&poor).await["username"], json!(poor.username));
    assert_eq!((rich.cash().await, poor.cash().await), ("123.45".to_owned(), "0.00".to_owned()));
    let history = poor.get("/api/v1/balance/transactions").await.expect(200).json();
    assert_eq!((&history["transactions"], &history["total_count"]), (&json!([]), &json!(0)));
    // Nothing but the token says who is asking.
    let path = format!("{PROFILE}?username={0}&user={0}&uid={0}", rich.username);
    assert_eq!(poor.get(&path).await.expect(200).field("username"), poor.username);
}

async fn private_answers_are_not_stored(world: World) {
    let user = world.new_user().await;
    let not_stored = |answer: Answer| assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    for path in
        [PROFILE, "/api/v1/balance", "/api/v1/balance/transactions", "/api/v1/balance/transactions?limit=0"]
    {
        not_stored(user.get(path).await);
    }
    not_stored(user.put(PROFILE, &json!({})).await.expect(200));
    not_stored(user.deposit("1").await);
    not_stored(user.post("/api/v1/balance/withdraw", &json!({ "amount": 2 })).await.expect(422));
    not_stored(user.post("/api/v1/auth/logout", &json!({})).await.expect(200));
}

async fn profile(user: &User) -> Value {
    user.get(PROFILE).await.expect(200).json()
}

async fn change(user: &User, changes: &Value) -> Value {
    user.put(PROFILE, changes).await.expect(200).json()["user"].clone()
}

/// Somebody of whom every field is known.
async fn complete(world: &World) -> User {
    let user = world.new_user().await;
    let rest = json!({
        "phone": "15550109999", "date_of_birth": "1990-02-28", "marketing_emails_consent": true,
    });
    change(&user, &rest).await;
    user
}

#[track_caller]
fn same_but_for_time(before: &Value, mut after: Value) {
    after["updated_at"] = before["updated_at"].clone();
    assert_eq!(after, *before);
}

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}
