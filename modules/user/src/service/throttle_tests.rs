use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tradepost_problem::Outage;

use super::super::installation::{Installation, RIGHT};
use super::super::{Device, Login};
use super::UserError;

const WRONG: &str = "WrongPassword123!";

impl Installation {
    /// Logs in at the process with this index.
    async fn log_in(&self, at: usize, login: &Login, address: Option<&str>) -> Result<(), UserError> {
        Arc::clone(&self.processes[at]).log_in(login.clone(), device(address)).await.map(|_| ())
    }

    /// The same at every process, so many times, all at once.
    async fn at_once(&self, times: usize, login: &Login) -> Vec<Result<(), UserError>> {
        let mut logins = JoinSet::new();
        for process in self.processes.iter().cycle().take(times * self.processes.len()).cloned() {
            let login = login.clone();
            logins.spawn(async move { process.log_in(login, device(Some("192.0.2.7"))).await.map(|_| ()) });
        }
        logins.join_all().await
    }
}

fn device(address: Option<&str>) -> Device {
    Device { address: address.map(|text| text.parse::<IpAddr>().unwrap()), user_agent: None }
}

fn login(username: &str, password: &str) -> Login {
    Login { username: username.parse().unwrap(), password: password.parse().unwrap() }
}

fn throttled(outcome: &Result<(), UserError>) -> bool {
    matches!(outcome, Err(UserError::TooManyAttempts { .. }))
}

#[tokio::test]
async fn of_wrong_guesses_at_once_in_two_processes_five_get_through() {
    let installation = Installation::start(2, 5, 50).await;
    installation.register("trader_jane").await;
    for username in ["trader_jane", "nobody_here"] {
        let outcomes = installation.at_once(16, &login(username, WRONG)).await;
        let refused = outcomes.iter().filter(|outcome| **outcome == Err(UserError::InvalidCredentials));
        assert_eq!(refused.count(), 5, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| throttled(outcome)).count(), 27, "{outcomes:?}");
    }
}

#[tokio::test]
async fn right_passwords_at_once_in_two_processes_do_not_block_each_other() {
    let installation = Installation::start(2, 5, 50).await;
    installation.register("trader_jane").await;
    let outcomes = installation.at_once(8, &login("trader_jane", RIGHT)).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let right = login("trader_jane", RIGHT);
    for _ in 0..5 {
        let wrong = login("trader_jane", WRONG);
        assert_eq!(installation.log_in(0, &wrong, None).await, Err(UserError::InvalidCredentials));
    }
    assert!(throttled(&installation.log_in(1, &right, None).await), "the other process knows");
    *installation.clock.0.lock().unwrap() += TimeDelta::seconds(300);
    assert_eq!(installation.log_in(1, &right, None).await, Ok(()));
}

#[tokio::test]
async fn with_few_failures_per_address_right_passwords_at_once_wait_for_each_other() {
    let installation = Installation::start(1, 5, 2).await;
    let names: Vec<_> = (0..8).map(|number| format!("trader_{number}")).collect();
    for name in &names {
        installation.register(name).await;
    }
    let logins = names.iter().map(|name| (name, login(name, RIGHT)));
    let mut at_once = JoinSet::new();
    for (name, login) in logins {
        let (process, name) = (installation.processes[0].clone(), name.clone());
        at_once
            .spawn(async move { (name, process.log_in(login, device(Some("192.0.2.7"))).await.map(|_| ())) });
    }
    for (name, outcome) in at_once.join_all().await {
        assert_eq!(outcome, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn an_ipv6_address_counts_with_its_whole_64_and_without_an_address_only_the_account_counts() {
    let installation = Installation::start(1, 5, 3).await;
    installation.register("trader_jane").await;
    let right = login("trader_jane", RIGHT);
    for (number, address) in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"].into_iter().enumerate() {
        let wrong = login(&format!("nobody_{number}"), WRONG);
        let outcome = installation.log_in(0, &wrong, Some(address)).await;
        assert_eq!(outcome, Err(UserError::InvalidCredentials), "{address}");
    }
    assert!(throttled(&installation.log_in(0, &right, Some("2001:db8::9")).await));
    assert_eq!(installation.log_in(0, &right, Some("2001:db8:0:1::9")).await, Ok(()));
    assert_eq!(installation.log_in(0, &right, None).await, Ok(()));
}

#[tokio::test]
async fn a_password_that_nobody_could_check_does_not_count() {
    let installation = Installation::start(1, 2, 50).await;
    installation.register("trader_jane").await;
    let hash = installation.stored_hash("trader_jane").await;
    installation.store_hash("trader_jane", "nonsense".to_owned()).await;
    let right = login("trader_jane", RIGHT);
    for _ in 0..4 {
        let outcome = installation.log_in(0, &right, Some("192.0.2.7")).await;
        assert_eq!(outcome, Err(Outage::Internal.into()));
    }
    installation.store_hash("trader_jane", hash).await;
    assert_eq!(installation.log_in(0, &right, Some("192.0.2.7")).await, Ok(()));
}

#[tokio::test]
async fn a_login_renews_a_hash_that_was_made_with_weaker_parameters() {
    let installation = Installation::start(1, 5, 50).await;
    installation.register("trader_jane").await;
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let weak = argon2::PasswordHasher::hash_password(&weak, RIGHT.as_bytes()).unwrap().to_string();
    installation.store_hash("trader_jane", weak.clone()).await;
    let wrong = installation.log_in(0, &login("trader_jane", WRONG), None).await;
    assert_eq!(wrong, Err(UserError::InvalidCredentials));
    assert_eq!(installation.stored_hash("trader_jane").await, weak);
    for _ in 0..2 {
        assert_eq!(installation.log_in(0, &login("trader_jane", RIGHT), None).await, Ok(()));
        let hash = installation.stored_hash("trader_jane").await;
        assert!(hash.contains("m=19456"), "{hash}");
    }
}
