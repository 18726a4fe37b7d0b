//! Attempts to log in wait for each other inside the process, so that few are undecided at once.

use std::net::IpAddr;
use std::time::Duration;

use tradepost_problem::Outage;

use super::queue::{Queue, Turn};
use crate::domain::Network;
use crate::fields::Username;
use crate::settings::Settings;

/// Most attempts of one network that this process leaves undecided at once. They count until they are decided, so
/// without a bound a crowd with right passwords would block each other. More would bring nothing: the item of the
/// network takes one change after the other.
const MOST_UNDECIDED: usize = 4;
/// Whoever waits longer for their turn is told to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Attempts wait for those of the same account, and for a few of the same network.
pub(super) struct LoginQueue {
    accounts: Queue,
    networks: Queue,
}

/// A place in the [`LoginQueue`], for one account and network.
pub(super) struct LoginTurn {
    _account: Turn,
    _network: Option<Turn>,
}

impl LoginQueue {
    pub fn new(settings: &Settings) -> Self {
        let at_once = MOST_UNDECIDED.min(settings.login_failures_per_address);
        Self { accounts: Queue::new(1), networks: Queue::new(at_once) }
    }

    /// Waits until it is this attempt's turn.
    pub async fn turn(&self, username: &Username, address: Option<IpAddr>) -> Result<LoginTurn, Outage> {
        let turn = async {
            // The account first: whoever waits for it must not keep others of the network waiting.
            let account = self.accounts.turn(username.as_str()).await;
            let network = match address {
                Some(address) => Some(self.networks.turn(Network::from(address)).await),
                None => None,
            };
            LoginTurn { _account: account, _network: network }
        };
        tokio::time::timeout(LONGEST_WAIT, turn).await.map_err(|_| Outage::busy("login queue"))
    }
}
