//! Where a user is logged in, and ending sessions elsewhere.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tradepost_testkit::{Answer, PASSWORD, Setup, ShiftedClock, User, World};

crate::tests![
    a_login_is_listed_with_its_device_address_and_times,
    a_client_without_a_name_is_listed_without_a_device,
    sessions_are_listed_newest_first_and_the_current_one_is_marked,
    a_refresh_is_the_last_that_was_seen_and_a_request_is_not,
    only_live_sessions_are_listed,
    pages_of_sessions_say_exactly_whether_there_is_more,
    a_page_takes_1_to_100_sessions_and_its_own_cursor,
    an_ended_session_is_refused_at_once_and_no_other_is,
    the_current_session_can_be_ended_too,
    an_ended_session_cannot_be_ended_again,
    somebody_else_s_session_is_as_good_as_none,
    what_is_no_session_id_is_invalid,
    all_other_sessions_are_ended_at_once,
    sessions_are_for_those_who_are_logged_in,
];

const SESSIONS: &str = "/api/v1/auth/sessions";
const PROFILE: &str = "/api/v1/auth/profile";

async fn a_login_is_listed_with_its_device_address_and_times(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    clock.advance(TimeDelta::seconds(5));
    let browser = log_in_from(&own, &user, Some("Test Browser/1.0")).await;
    let listed = list(&browser).await;
    let (newest, oldest) = (&listed[0], &listed[1]);
    assert_eq!((&newest["device"], &newest["ip"]), (&json!("Test Browser/1.0"), &json!("127.0.0.1")));
    assert_eq!(moment(&newest["created_at"]) - moment(&oldest["created_at"]), TimeDelta::seconds(5));
    assert_eq!(newest["last_seen_at"], newest["created_at"]);
    // Sessions end with a whole second.
    let lasts = moment(&newest["expires_at"]) - moment(&newest["created_at"]);
    assert!(lasts <= TimeDelta::days(30) && lasts > TimeDelta::days(30) - TimeDelta::seconds(1), "{lasts}");
    let names: Vec<_> = newest.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["created_at", "current", "device", "expires_at", "ip", "last_seen_at", "session_id"],
        "and no hash of a token"
    );
}

async fn a_client_without_a_name_is_listed_without_a_device(world: World) {
    let user = world.new_user().await;
    let nameless = log_in_from(&world, &user, None).await;
    assert_eq!(list(&nameless).await[0]["device"], Value::Null);
    let talkative = log_in_from(&world, &user, Some(&"x".repeat(1000))).await;
    assert_eq!(list(&talkative).await[0]["device"], json!("x".repeat(200)));
}

async fn sessions_are_listed_newest_first_and_the_current_one_is_marked(world: World) {
    let first = world.new_user().await;
    let [second, third] = [again(&first).await, again(&first).await];
    let newest_first = [id(&third).await, id(&second).await, id(&first).await];
    for (index, user) in [&third, &second, &first].into_iter().enumerate() {
        let listed = list(user).await;
        let ids: Vec<_> = listed.iter().map(|session| text(&session["session_id"])).collect();
        assert_eq!(ids, newest_first);
        let current: Vec<_> = listed.iter().map(|session| session["current"] == true).collect();
        assert_eq!(current, [index == 0, index == 1, index == 2]);
    }
}

async fn a_refresh_is_the_last_that_was_seen_and_a_request_is_not(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    clock.advance(TimeDelta::minutes(10));
    user.get(PROFILE).await.expect(200);
    let before = list(&user).await.remove(0);
    assert_eq!(before["last_seen_at"], before["created_at"]);
    let refresh = json!({ "refresh_token": user.refresh_token });
    let token = own.post("/api/v1/auth/refresh", &refresh).await.expect(200).field("access_token");
    let after = list(&User { token, ..user }).await.remove(0);
    assert_eq!((&after["session_id"], &after["created_at"]), (&before["session_id"], &before["created_at"]));
    assert_eq!(moment(&after["last_seen_at"]) - moment(&after["created_at"]), TimeDelta::minutes(10));
    assert_eq!(moment(&after["expires_at"]) - moment(&before["expires_at"]), TimeDelta::minutes(10));
}

async fn only_live_sessions_are_listed(world: World) {
    let clock = Arc::new(ShiftedClock::default());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    let [out, kept] = [again(&user).await, again(&user).await];
    out.post("/api/v1/auth/logout", &json!({})).await.expect(200);
    assert_eq!(ids(&user).await, [id(&kept).await, id(&user).await]);
    clock.advance(TimeDelta::days(31));
    let later = again(&user).await;
    assert_eq!(ids(&later).await, [id(&later).await]);
}

async fn pages_of_sessions_say_exactly_whether_there_is_more(world: World) {
    let user = world.new_user().await;
    for _ in 0..3 {
        again(&user).await;
    }
    let all = ids(&user).await;
    assert_eq!(all.len(), 4);
    let first = user.get(&format!("{SESSIONS}?limit=3")).await.expect(200);
    assert_eq!((ids_of(&first), &first.json()["has_more"]), (all[..3].to_vec(), &json!(true)));
    let next = format!("{SESSIONS}?cursor={}", first.field("next_cursor"));
    for limit in ["", "&limit=1"] {
        let last = user.get(&format!("{next}{limit}")).await.expect(200);
        assert_eq!((ids_of(&last), &last.json()["has_more"]), (all[3..].to_vec(), &json!(false)));
        assert_eq!(last.json()["next_cursor"], Value::Null);
    }
    let whole = user.get(&format!("{SESSIONS}?limit=4")).await.expect(200).json();
    assert_eq!((&whole["has_more"], &whole["next_cursor"]), (&json!(false), &Value::Null));
}

async fn a_page_takes_1_to_100_sessions_and_its_own_cursor(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    again(&user).await;
    for limit in ["1", "100"] {
        user.get(&format!("{SESSIONS}?limit={limit}")).await.expect(200);
    }
    for limit in ["0", "101", "-1", "1.5", "many", ""] {
        user.get(&format!("{SESSIONS}?limit={limit}")).await.invalid(&["limit"]);
    }
    let cursor = user.get(&format!("{SESSIONS}?limit=1")).await.expect(200).field("next_cursor");
    let with_cursor = |cursor: &str| format!("{SESSIONS}?cursor={cursor}");
    user.get(&with_cursor(&cursor)).await.expect(200);
    other.get(&with_cursor(&cursor)).await.refused(400, "malformed_request");
    user.get(&with_cursor(&cursor.to_uppercase())).await.refused(400, "malformed_request");
    user.get(&with_cursor("")).await.refused(400, "malformed_request");
    let elsewhere = format!("/api/v1/balance/transactions?cursor={cursor}");
    user.get(&elsewhere).await.refused(400, "malformed_request");
}

async fn an_ended_session_is_refused_at_once_and_no_other_is(world: World) {
    let user = world.new_user().await;
    let [gone, kept] = [again(&user).await, again(&user).await];
    gone.get(PROFILE).await.expect(200);
    let answer = end(&user, &id(&gone).await).await.expect(200);
    assert_eq!(answer.field("message"), "Session ended successfully");
    is_over(&gone).await;
    for live in [&user, &kept] {
        live.get(PROFILE).await.expect(200);
    }
    assert_eq!(ids(&user).await, [id(&kept).await, id(&user).await]);
}

async fn the_current_session_can_be_ended_too(world: World) {
    let user = world.new_user().await;
    let other = again(&user).await;
    end(&user, &id(&user).await).await.expect(200);
    is_over(&user).await;
    assert_eq!(ids(&other).await, [id(&other).await]);
}

async fn an_ended_session_cannot_be_ended_again(world: World) {
    let user = world.new_user().await;
    let [ended, out] = [again(&user).await, again(&user).await];
    let [ended_id, out_id] = [id(&ended).await, id(&out).await];
    end(&user, &ended_id).await.expect(200);
    out.post("/api/v1/auth/logout", &json!({})).await.expect(200);
    for id in [ended_id, out_id] {
        end(&user, &id).await.refused(404, "session_not_found");
    }
}

async fn somebody_else_s_session_is_as_good_as_none(world: World) {
    let (user, victim) = (world.new_user().await, world.new_user().await);
    let nobodys = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10";
    let without_place = |answer: Answer| {
        let mut json = answer.refused(404, "session_not_found").json();
        json["request_id"].take();
        json["instance"].take();
        json
    };
    let foreign = end(&user, &id(&victim).await).await;
    let unknown = end(&user, nobodys).await;
    assert_eq!(without_place(foreign), without_place(unknown));
    victim.get(PROFILE).await.expect(200);
    end(&user, &id(&user).await.to_uppercase()).await.expect(200);
    assert_eq!(list(&victim).await.len(), 1);
}

async fn what_is_no_session_id_is_invalid(world: World) {
    let user = world.new_user().await;
    for text in ["5", "not-a-session", "%20%20%20", "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a1", "T%23x", "%00"] {
        end(&user, text).await.invalid(&["session_id"]);
    }
}

async fn all_other_sessions_are_ended_at_once(world: World) {
    let (user, bystander) = (world.new_user().await, world.new_user().await);
    let others = [again(&user).await, again(&user).await, again(&user).await];
    for other in &others {
        other.get(PROFILE).await.expect(200);
    }
    // Twice, for a retry after a lost answer.
    for _ in 0..2 {
        let answer = delete(&user, SESSIONS).await.expect(200);
        assert_eq!(answer.field("message"), "All other sessions ended successfully");
    }
    for other in &others {
        is_over(other).await;
    }
    assert_eq!(ids(&user).await, [id(&user).await]);
    refresh(&user).await.expect(200);
    bystander.get(PROFILE).await.expect(200);
}

async fn sessions_are_for_those_who_are_logged_in(world: World) {
    let one = format!("{SESSIONS}/nonsense");
    for (method, path) in [(Method::GET, SESSIONS), (Method::DELETE, SESSIONS), (Method::DELETE, &*one)] {
        let request = world.request(method, &format!("{path}?limit=0&cursor=garbage"));
        world.send(request).await.refused(401, "unauthenticated");
    }
}

async fn delete(user: &User, path: &str) -> Answer {
    user.client.send(user.request(Method::DELETE, path)).await
}

/// Another session of somebody.
async fn again(user: &User) -> User {
    user.client.log_in(&user.username, PASSWORD).await
}

/// Another session of somebody, from a client that calls itself this.
async fn log_in_from(world: &World, user: &User, device: Option<&str>) -> User {
    let login = json!({ "username": user.username, "password": PASSWORD });
    let mut request = world.request(Method::POST, "/api/v1/auth/login").json(&login);
    if let Some(device) = device {
        request = request.header("user-agent", device);
    }
    let answer = world.send(request).await.expect(200);
    let (token, refresh_token) = (answer.field("access_token"), answer.field("refresh_token"));
    User { token, refresh_token, ..user.clone() }
}

async fn list(user: &User) -> Vec<Value> {
    user.get(SESSIONS).await.expect(200).json()["data"].as_array().unwrap().clone()
}

async fn ids(user: &User) -> Vec<String> {
    ids_of(&user.get(SESSIONS).await.expect(200))
}

fn ids_of(list: &Answer) -> Vec<String> {
    list.json()["data"].as_array().unwrap().iter().map(|session| text(&session["session_id"])).collect()
}

/// The id of the session somebody is calling with.
async fn id(user: &User) -> String {
    let sessions = list(user).await;
    let current: Vec<_> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1, "{sessions:?}");
    text(&current[0]["session_id"])
}

async fn end(user: &User, id: &str) -> Answer {
    delete(user, &format!("{SESSIONS}/{id}")).await
}

async fn refresh(user: &User) -> Answer {
    user.client.post("/api/v1/auth/refresh", &json!({ "refresh_token": user.refresh_token })).await
}

/// Demands that nothing of a session is good any more.
async fn is_over(user: &User) {
    user.get(PROFILE).await.refused(401, "unauthenticated");
    refresh(user).await.refused(401, "invalid_refresh_token");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}
