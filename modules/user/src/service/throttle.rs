//! Guessing at passwords, through the throttle that all processes share in the `users` table.

use std::net::IpAddr;

use chrono::TimeDelta;
use tracing::Instrument;
use tradepost_kernel::UserId;
use tradepost_platform::dynamo::{Lost, WriteError, from_item};
use tradepost_problem::Outage;

use super::login_queue::LoginTurn;
use super::{MOST_RACES, UserService};
use crate::UserError;
use crate::domain::{AttemptId, Scope, whole_seconds};
use crate::fields::{Password, Username};
use crate::store::{Counted, Credentials, Role, StoreWrite};

/// A guess at a password that was let through. Until it is given back it counts as failed.
pub(super) struct Attempt {
    id: AttemptId,
    counted: Vec<Counted>,
    /// What the password is checked against; `None` for a name that nobody has.
    credentials: Option<Credentials>,
    /// What the user was given, as far as is known here. Hardly anybody was given a role, so none is looked for: who was
    /// given one is found out when a write demands that they were not.
    pub role: Option<Role>,
    _turn: LoginTurn,
}

/// A guess that was right, still to be given back.
pub(super) struct RightGuess {
    pub attempt: Attempt,
    pub credentials: Credentials,
    /// Whether the hash was made with other parameters than today's.
    pub is_outdated: bool,
}

/// Why a write that concerns attempts was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Race {
    /// Others took or gave back attempts in the scope with this index.
    Attempts(usize),
    /// The user has another role than was known.
    Role,
    /// Something else that the write demanded did not hold.
    Other,
}

/// Carries work to its end even if the client hangs up meanwhile: an attempt that is left undecided would count as
/// failed.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, UserError>> + Send + 'static,
) -> Result<T, UserError> {
    let task = tokio::spawn(work.in_current_span());
    task.await.map_err(|error| Outage::internal("login", &error))?
}

impl UserService {
    /// Takes an attempt and looks at the password. `None` is a wrong one or a name that nobody has; neither is
    /// given back.
    pub(super) async fn guess(
        &self,
        turn: LoginTurn,
        username: &Username,
        password: &Password,
        address: Option<IpAddr>,
    ) -> Result<Option<RightGuess>, UserError> {
        let mut attempt = self.take_attempt(turn, username, address).await?;
        let stored = attempt.credentials.as_ref().map(|credentials| credentials.password_hash.as_str());
        let checked = match self.passwords.check(password, stored).await {
            Ok(checked) => checked,
            Err(outage) => {
                // Nobody looked at the password. If this fails too, the attempt counts.
                let _ = self.give_back(attempt).await;
                return Err(outage.into());
            }
        };
        match attempt.credentials.take_if(|_| checked.right) {
            Some(credentials) => Ok(Some(RightGuess { attempt, credentials, is_outdated: checked.outdated })),
            None => {
                attempt.failed();
                Ok(None)
            }
        }
    }

    /// One read, and one write that holds for every scope or for none.
    async fn take_attempt(
        &self,
        turn: LoginTurn,
        username: &Username,
        address: Option<IpAddr>,
    ) -> Result<Attempt, UserError> {
        let network = address.map(|address| Scope::Network(address.into()));
        let scopes = [Scope::Account(username.clone())].into_iter().chain(network).collect();
        let (credentials, mut counted) = self.store.login(username, scopes).await?;
        let id = AttemptId::generate();
        for _ in 0..MOST_RACES {
            let taken = self.taken(id, &counted)?;
            let write = taken
                .iter()
                .enumerate()
                .fold(self.store.write(format!("{id}/taken")), |write, (index, counted)| {
                    write.throttle(counted, Race::Attempts(index))
                });
            match write.into_write().commit().await {
                Ok(()) => return Ok(Attempt { id, counted: taken, credentials, role: None, _turn: turn }),
                Err(WriteError::Lost(lost)) => renew(&mut counted, lost)?,
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("login").into())
    }

    fn taken(&self, id: AttemptId, counted: &[Counted]) -> Result<Vec<Counted>, UserError> {
        let now = self.clock.now();
        let (mut taken, mut blocked) = (Vec::new(), None::<TimeDelta>);
        for Counted { scope, throttle } in counted {
            match throttle.take(id, now, self.settings.login_failures(scope)) {
                Ok(throttle) => taken.push(Counted { scope: scope.clone(), throttle }),
                Err(left) => blocked = blocked.max(Some(left)),
            }
        }
        match blocked {
            Some(left) => {
                metrics::counter!("tradepost_logins_total", "outcome" => "throttled").increment(1);
                Err(UserError::TooManyAttempts { retry_after_s: whole_seconds(left) })
            }
            None => Ok(taken),
        }
    }

    /// Takes an attempt out of the count again.
    pub(super) async fn give_back(&self, mut attempt: Attempt) -> Result<(), UserError> {
        let operation = format!("{}/returned", attempt.id);
        self.give_back_with(&mut attempt, operation, |write, _| write).await.map(|_| ())
    }

    /// Takes an attempt out of the count again, together with what `add` adds, given the role of the user. Answers
    /// whether that was done; where it was not, because a condition of `add` did not hold, the attempt counts.
    pub(super) async fn give_back_with(
        &self,
        attempt: &mut Attempt,
        operation: String,
        add: impl for<'w> Fn(StoreWrite<'w, Race>, Option<&Role>) -> StoreWrite<'w, Race>,
    ) -> Result<bool, UserError> {
        for _ in 0..MOST_RACES {
            let mut write = add(self.store.write(&operation), attempt.role.as_ref());
            for (index, Counted { scope, throttle }) in attempt.counted.iter().enumerate() {
                let throttle = throttle.give_back(attempt.id, self.settings.login_failures(scope));
                write = write.throttle(&Counted { scope: scope.clone(), throttle }, Race::Attempts(index));
            }
            match write.into_write().commit().await {
                Ok(()) => return Ok(true),
                Err(WriteError::Lost(Lost { error: Race::Other, .. })) => return Ok(false),
                Err(WriteError::Lost(Lost { error: Race::Role, found })) => {
                    attempt.role = found.map(from_item).transpose()?;
                }
                Err(WriteError::Lost(lost)) => renew(&mut attempt.counted, lost)?,
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("login").into())
    }
}

impl Attempt {
    /// Says when it was the one attempt too many.
    fn failed(&self) {
        let user: Option<UserId> = self.credentials.as_ref().map(|credentials| credentials.user);
        metrics::counter!("tradepost_logins_total", "outcome" => "refused").increment(1);
        for Counted { scope, throttle } in &self.counted {
            let Some(until) = throttle.blocked_until() else { continue };
            // Neither the name nor the address: those are personal.
            let scope = scope.name();
            tracing::warn!(target: "audit", scope, user = user.map(tracing::field::display), %until, "logins blocked");
        }
    }
}

/// The item that stood in the way is what the next try starts from, so a lost race costs no read.
fn renew(counted: &mut [Counted], lost: Lost<Race>) -> Result<(), Outage> {
    metrics::counter!("tradepost_lost_races_total", "race" => "login").increment(1);
    if let Race::Attempts(index) = lost.error
        && let Some(counted) = counted.get_mut(index)
    {
        counted.throttle = lost.found.map(from_item).transpose()?.unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
