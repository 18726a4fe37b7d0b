//! The login throttle: how many wrong passwords an account and an address have, and what happens then.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tradepost_testkit::{Answer, Client, PASSWORD, Setup, ShiftedClock, World};

crate::tests![
    five_failures_block_an_account_even_for_the_right_password,
    fifty_failures_block_an_address_for_every_account,
    a_block_ends_exactly_300_seconds_after_the_failure_that_caused_it,
    a_failure_counts_for_exactly_300_seconds,
    a_success_neither_counts_nor_resets,
    a_malformed_login_is_not_counted,
    a_name_that_nobody_has_is_blocked_like_any_other,
    a_name_counts_in_any_case,
    a_wrong_current_password_counts_and_a_blocked_change_is_refused,
    a_right_current_password_does_not_count,
    of_many_wrong_guesses_at_once_five_get_through,
    many_right_logins_of_one_account_at_once_all_get_through,
    many_right_logins_from_one_address_at_once_all_get_through,
    a_right_login_whose_client_hangs_up_does_not_count,
    the_limits_can_be_set,
    a_login_keeps_its_storage_budget,
];

const LOGIN: &str = "/api/v1/auth/login";
const CHANGE: &str = "/api/v1/auth/password";
const WRONG: &str = "WrongPassword123!";
const CODE: &str = "too_many_attempts";

async fn five_failures_block_an_account_even_for_the_right_password(world: World) {
    let (own, _) = still(&world).await;
    let (user, other) = (own.new_user().await, own.new_user().await);
    fail(&own, &user.username, 4).await;
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    fail(&own, &user.username, 1).await;
    for password in [PASSWORD, WRONG] {
        let answer = log_in(&own, &user.username, password).await.refused(429, CODE);
        assert_eq!(answer.header("retry-after"), "300");
    }
    log_in(&own, &other.username, PASSWORD).await.expect(200);
    // Who is logged in stays so.
    user.get("/api/v1/auth/profile").await.expect(200);
}

async fn fifty_failures_block_an_address_for_every_account(world: World) {
    let (own, clock) = still(&world).await;
    let user = own.new_user().await;
    for account in 0..12 {
        fail(&own, &format!("nobody_{account:02}"), 4).await;
    }
    fail(&own, "nobody_12", 1).await;
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    fail(&own, "nobody_12", 1).await;
    for (username, password) in [(&*user.username, PASSWORD), (&user.username, WRONG), ("nobody_99", WRONG)] {
        let answer = log_in(&own, username, password).await.refused(429, CODE);
        assert_eq!(answer.header("retry-after"), "300");
    }
    clock.advance(TimeDelta::milliseconds(299_999));
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
    clock.advance(TimeDelta::milliseconds(1));
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    fail(&own, &user.username, 4).await;
}

async fn a_block_ends_exactly_300_seconds_after_the_failure_that_caused_it(world: World) {
    let (own, clock) = still(&world).await;
    let user = own.new_user().await;
    fail(&own, &user.username, 4).await;
    clock.advance(TimeDelta::seconds(100));
    fail(&own, &user.username, 1).await;
    for (forward_ms, left) in [(0, "300"), (1, "300"), (999, "299"), (298_000, "1"), (999, "1")] {
        clock.advance(TimeDelta::milliseconds(forward_ms));
        for password in [WRONG, PASSWORD] {
            let answer = log_in(&own, &user.username, password).await.refused(429, CODE);
            assert_eq!(answer.header("retry-after"), left);
        }
    }
    clock.advance(TimeDelta::milliseconds(1));
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    // And it starts anew.
    fail(&own, &user.username, 5).await;
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
}

async fn a_failure_counts_for_exactly_300_seconds(world: World) {
    let (own, clock) = still(&world).await;
    let [early, late] = [own.new_user().await, own.new_user().await];
    for user in [&early, &late] {
        fail(&own, &user.username, 4).await;
    }
    clock.advance(TimeDelta::milliseconds(299_999));
    fail(&own, &early.username, 1).await;
    log_in(&own, &early.username, PASSWORD).await.refused(429, CODE);
    clock.advance(TimeDelta::milliseconds(1));
    fail(&own, &late.username, 4).await;
    log_in(&own, &late.username, PASSWORD).await.expect(200);
}

async fn a_success_neither_counts_nor_resets(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    for _ in 0..6 {
        log_in(&own, &user.username, PASSWORD).await.expect(200);
    }
    for _ in 0..5 {
        log_in(&own, &user.username, PASSWORD).await.expect(200);
        fail(&own, &user.username, 1).await;
    }
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
}

async fn a_malformed_login_is_not_counted(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    let malformed = async || {
        for _ in 0..6 {
            log_in(&own, &user.username, "too short").await.invalid(&["password"]);
            own.post(LOGIN, &json!({ "username": user.username })).await.invalid(&["password"]);
            own.post_text(LOGIN, "{").await.refused(400, "malformed_request");
        }
    };
    malformed().await;
    fail(&own, &user.username, 4).await;
    malformed().await;
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    fail(&own, &user.username, 1).await;
    malformed().await;
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
}

async fn a_name_that_nobody_has_is_blocked_like_any_other(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    let attempts = async |username: &str| {
        let mut answers = Vec::new();
        for _ in 0..7 {
            let answer = log_in(&own, username, WRONG).await;
            let mut json = answer.json();
            json["request_id"].take();
            answers.push((answer.status, answer.header("retry-after").to_owned(), json));
        }
        answers
    };
    let (known, unknown) = (attempts(&user.username).await, attempts("nobody_at_all").await);
    assert_eq!(known, unknown);
    let statuses: Vec<_> = known.iter().map(|(status, ..)| status.as_u16()).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
}

async fn a_name_counts_in_any_case(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    let upper = user.username.to_uppercase();
    fail(&own, &user.username, 2).await;
    fail(&own, &upper, 2).await;
    fail(&own, &format!(" {upper} "), 1).await;
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
}

async fn a_wrong_current_password_counts_and_a_blocked_change_is_refused(world: World) {
    let (own, clock) = still(&world).await;
    let (user, other) = (own.new_user().await, own.new_user().await);
    fail(&own, &user.username, 2).await;
    // What does not get as far as the current password does not count.
    user.put(CHANGE, &change(WRONG, "short")).await.invalid(&["new_password"]);
    let with_name = format!("Aa1!{}", user.username);
    user.put(CHANGE, &change(WRONG, &with_name)).await.invalid(&["new_password"]);
    for _ in 0..3 {
        user.put(CHANGE, &change(WRONG, "AnotherPassword456!")).await.refused(422, "wrong_password");
    }
    let answer = user.put(CHANGE, &change(PASSWORD, "AnotherPassword456!")).await.refused(429, CODE);
    assert_eq!(answer.header("retry-after"), "300");
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
    other.put(CHANGE, &change(PASSWORD, "AnotherPassword456!")).await.expect(200);
    // They count for the address as well: five so far.
    for account in 0..11 {
        fail(&own, &format!("nobody_{account:02}"), 4).await;
    }
    fail(&own, "nobody_11", 1).await;
    other.put(CHANGE, &change("AnotherPassword456!", PASSWORD)).await.refused(429, CODE);
    clock.advance(TimeDelta::seconds(300));
    user.put(CHANGE, &change(PASSWORD, "AnotherPassword456!")).await.expect(200);
}

async fn a_right_current_password_does_not_count(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    let mut passwords = [PASSWORD, "AnotherPassword456!"];
    for _ in 0..6 {
        user.put(CHANGE, &change(passwords[0], passwords[1])).await.expect(200);
        passwords.reverse();
    }
    fail(&own, &user.username, 4).await;
    log_in(&own, &user.username, PASSWORD).await.expect(200);
}

async fn of_many_wrong_guesses_at_once_five_get_through(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    for username in [&*user.username, "nobody_at_all"] {
        let statuses = at_once(&own, (0..64).map(|_| (username.to_owned(), WRONG))).await;
        let count = |status| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(401), count(429)), (5, 59), "{statuses:?}");
    }
}

async fn many_right_logins_of_one_account_at_once_all_get_through(world: World) {
    let (own, _) = still(&world).await;
    let user = own.new_user().await;
    fail(&own, &user.username, 4).await;
    let statuses = at_once(&own, (0..64).map(|_| (user.username.clone(), PASSWORD))).await;
    assert_eq!(statuses, [200; 64]);
}

async fn many_right_logins_from_one_address_at_once_all_get_through(world: World) {
    let (own, _) = still(&world).await;
    let mut names = Vec::new();
    for _ in 0..64 {
        names.push(own.new_user().await.username);
    }
    fail(&own, "nobody_at_all", 4).await;
    let statuses = at_once(&own, names.iter().map(|name| (name.clone(), PASSWORD))).await;
    assert_eq!(statuses, [200; 64]);
    // None of them left a trace: there is one failure left before the last.
    for account in 0..11 {
        fail(&own, &format!("nobody_{account:02}"), 4).await;
    }
    fail(&own, "nobody_11", 1).await;
    log_in(&own, &names[0], PASSWORD).await.expect(200);
    fail(&own, "nobody_11", 1).await;
    log_in(&own, &names[0], PASSWORD).await.refused(429, CODE);
}

async fn a_right_login_whose_client_hangs_up_does_not_count(world: World) {
    let own = world.own(Setup::default().set("user.login_failures_per_account", "1")).await;
    let user = own.new_user().await;
    let body = json!({ "username": user.username, "password": PASSWORD }).to_string();
    let head = format!("POST {LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    for _ in 0..8 {
        let mut stream = TcpStream::connect(own.base().trim_start_matches("http://")).await.unwrap();
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        // Until the attempt has been taken, or the answer is there already.
        let taken = async || own.storage_calls(tokio::task::yield_now()).await.2 > 0;
        while !taken().await && stream.try_read(&mut [0]).is_err() {}
        // With a reset, which the server is told of at once.
        stream.set_zero_linger().unwrap();
        drop(stream);
    }
    log_in(&own, &user.username, PASSWORD).await.expect(200);
}

async fn the_limits_can_be_set(world: World) {
    let setup = Setup::default()
        .set("user.login_failures_per_account", "2")
        .set("user.login_failures_per_address", "3")
        .clock(&Arc::new(ShiftedClock::stopped()));
    let own = world.own(setup).await;
    let user = own.new_user().await;
    fail(&own, "nobody_at_all", 2).await;
    log_in(&own, "nobody_at_all", WRONG).await.refused(429, CODE);
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    fail(&own, &user.username, 1).await;
    log_in(&own, &user.username, PASSWORD).await.refused(429, CODE);
}

async fn a_login_keeps_its_storage_budget(world: World) {
    let own = world.own(Setup::default().quiet().clock(&Arc::new(ShiftedClock::stopped()))).await;
    let user = own.new_user().await;
    let known = async |password| cost(&own, &user.username, password).await;
    own.until_quiet().await;
    assert_eq!(known(PASSWORD).await, (200, 1, 2));
    for _ in 0..5 {
        assert_eq!(known(WRONG).await, (401, 1, 1));
        assert_eq!(cost(&own, "nobody_at_all", WRONG).await, (401, 1, 1));
    }
    for password in [WRONG, PASSWORD] {
        assert_eq!(known(password).await, (429, 1, 0));
    }
}

/// What a login answers, and how many reads and writes it costs.
async fn cost(own: &World, username: &str, password: &str) -> (u16, u64, u64) {
    let (answer, reads, writes) = own.storage_calls(log_in(own, username, password)).await;
    (answer.status.as_u16(), reads, writes)
}

/// A platform with the limits it has by default, and its clock, which stands still.
async fn still(world: &World) -> (World, Arc<ShiftedClock>) {
    let clock = Arc::new(ShiftedClock::stopped());
    (world.own(Setup::default().clock(&clock)).await, clock)
}

async fn log_in(client: &Client, username: &str, password: &str) -> Answer {
    client.post(LOGIN, &json!({ "username": username, "password": password })).await
}

async fn fail(client: &Client, username: &str, times: usize) {
    for _ in 0..times {
        log_in(client, username, WRONG).await.refused(401, "invalid_credentials");
    }
}

/// Logs in all at once; the statuses of the answers.
async fn at_once(own: &World, logins: impl Iterator<Item = (String, &'static str)>) -> Vec<u16> {
    // No connection is used twice: some would have waited for as long as the server keeps them.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let mut answers = JoinSet::new();
    for (username, password) in logins {
        let body = json!({ "username": username, "password": password });
        let request = client.post(format!("{}{LOGIN}", own.base())).json(&body);
        answers.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    answers.join_all().await
}

fn change(current: &str, new: &str) -> Value {
    json!({ "current_password": current, "new_password": new })
}
