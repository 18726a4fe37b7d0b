//! The sections `[user]` and `[auth]` as this module needs them.

use serde::{Deserialize, Serialize};
use tradepost_kernel::Usd;
use tradepost_platform::settings::one_of;

use crate::domain::Scope;

/// Who may credit an account with cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepositPolicy {
    /// Users credit themselves, as in a demo.
    SelfService,
    /// Only the operator does, with `tradepost deposit`.
    Operator,
}

/// The section `[user]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who may credit an account.
    #[serde(deserialize_with = "one_of")]
    pub deposits: DepositPolicy,
    /// Allows `deposits = "self_service"` in production.
    pub self_service_in_production: bool,
    /// Most dollars a user may deposit a UTC day.
    pub daily_deposit_limit: Usd,
    /// Most dollars a user may withdraw a UTC day.
    pub daily_withdrawal_limit: Usd,
    /// How long an access token is valid, in minutes.
    pub access_token_minutes: u32,
    /// How long a refresh token is valid, in days.
    pub refresh_token_days: u32,
    /// How many passwords are hashed at once; each takes a thread and 19 MiB.
    pub concurrent_hashes: usize,
    /// After so many failed logins within five minutes an account is blocked for five minutes.
    pub login_failures_per_account: usize,
    /// The same for the address they come from.
    pub login_failures_per_address: usize,
}

impl Settings {
    /// Checks what the types cannot, and what production refuses.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self, production: bool) -> Result<(), String> {
        if production && self.deposits == DepositPolicy::SelfService && !self.self_service_in_production {
            return Err(
                "In production the operator makes the deposits. To let users credit themselves all the \
                        same, set user.self_service_in_production = true."
                    .to_owned(),
            );
        }
        let within = |key: &str, value: usize, max: usize| {
            if (1..=max).contains(&value) {
                Ok(())
            } else {
                Err(format!("user.{key} must be from 1 to {max}"))
            }
        };
        within("access_token_minutes", self.access_token_minutes as usize, 24 * 60)?;
        within("refresh_token_days", self.refresh_token_days as usize, 365)?;
        within("concurrent_hashes", self.concurrent_hashes, 64)?;
        // Each attempt that counts is kept, in one item per account and per address.
        within("login_failures_per_account", self.login_failures_per_account, 1000)?;
        within("login_failures_per_address", self.login_failures_per_address, 1000)
    }

    /// How many failed logins block a scope.
    pub(crate) fn login_failures(&self, scope: &Scope) -> usize {
        match scope {
            Scope::Account(_) => self.login_failures_per_account,
            Scope::Network(_) => self.login_failures_per_address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DepositPolicy, Settings, Usd};

    fn settings() -> Settings {
        Settings {
            deposits: DepositPolicy::SelfService,
            self_service_in_production: false,
            daily_deposit_limit: Usd::ZERO,
            daily_withdrawal_limit: Usd::ZERO,
            access_token_minutes: 60,
            refresh_token_days: 30,
            concurrent_hashes: 2,
            login_failures_per_account: 5,
            login_failures_per_address: 50,
        }
    }

    #[test]
    fn as_many_failed_logins_as_one_item_can_keep_may_be_allowed() {
        for (failures, is_right) in [(0, false), (1, true), (1000, true), (1001, false)] {
            let account = Settings { login_failures_per_account: failures, ..settings() };
            let address = Settings { login_failures_per_address: failures, ..settings() };
            for (key, settings) in [("account", account), ("address", address)] {
                let rule = format!("user.login_failures_per_{key} must be from 1 to 1000");
                assert_eq!(settings.check(false), if is_right { Ok(()) } else { Err(rule) });
            }
        }
    }
}
