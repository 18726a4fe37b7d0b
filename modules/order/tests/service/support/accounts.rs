//! Accounts that keep the rules of their trait, in memory, and get into trouble when told to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Notify;
use tradepost_kernel::{Amount, AssetId, Clock, Decimal, OrderId, Page, Timestamp, Usd, UserId};
use tradepost_order::OrderService;
use tradepost_problem::Outage;
use tradepost_user_api::{
    Accounts, AccountsError, Held, Hold, HoldEnd, LedgerPage, LedgerQuery, Position, Positions, Release,
    Settled, Settlement, Side, Source,
};

use super::{StandingClock, Switch, btc};

/// What goes wrong with one call of `hold`, `release` or `settle`.
pub enum Trouble {
    /// None at all.
    Nothing,
    /// No answer, and nothing happened.
    Outage,
    /// Too many wanted the same at once, and nothing happened.
    Busy,
    /// No answer, but it happened.
    AnswerLost,
    /// It happens, and the answer never comes.
    Hang,
    /// It happens, and another process recovers the order before the answer comes.
    RecoveredMeanwhile(Arc<OrderService>, Timestamp),
    /// It happens, and the store of the orders goes away before the answer comes.
    StoreGoes(Switch),
}

type Outcome = Result<Settled, AccountsError>;

/// What became of an order's money.
#[derive(Clone)]
enum State {
    Held { asset: AssetId, amount: Amount, at: Timestamp },
    Settled { at: Timestamp, held_at: Option<Timestamp> },
    Released { at: Timestamp, held_at: Option<Timestamp> },
    Refused(AccountsError),
}

/// Every user has $100000 and nothing else to start with.
pub struct Books {
    clock: Arc<StandingClock>,
    book: Mutex<Book>,
    troubles: Mutex<VecDeque<Trouble>>,
    hanging: Notify,
}

/// What is available, and what became of the money of each order.
struct Book {
    cash: Amount,
    bitcoin: Amount,
    states: HashMap<OrderId, State>,
    calls: usize,
    reads: usize,
}

impl Books {
    pub fn new(clock: Arc<StandingClock>) -> Self {
        let cash = Amount::from(Usd::parse("100000").unwrap());
        let book = Book { cash, bitcoin: Amount::ZERO, states: HashMap::new(), calls: 0, reads: 0 };
        Self { clock, book: Mutex::new(book), troubles: Mutex::default(), hanging: Notify::new() }
    }

    pub fn expect(&self, trouble: Trouble) {
        self.troubles.lock().unwrap().push_back(trouble);
    }

    pub fn calls(&self) -> usize {
        self.book.lock().unwrap().calls
    }

    /// How often positions were looked at.
    pub fn reads(&self) -> usize {
        self.book.lock().unwrap().reads
    }

    /// Waits until an answer never comes.
    pub async fn hangs(&self) {
        self.hanging.notified().await;
    }

    /// Waits until a settlement was asked for.
    pub async fn was_called(&self) {
        while self.calls() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// What is available and what is held, of dollars and of bitcoins.
    pub fn balances(&self) -> [String; 4] {
        let book = self.book.lock().unwrap();
        [book.cash, book.held(AssetId::USD), book.bitcoin, book.held(btc())].map(|amount| amount.to_string())
    }

    pub fn cash(&self) -> String {
        self.book.lock().unwrap().cash.to_string()
    }

    /// The first outcome of an order is its outcome for ever.
    fn decide(&self, settlement: &Settlement) -> Outcome {
        let (now, mut book) = (self.clock.now(), self.book.lock().unwrap());
        book.calls += 1;
        let (held_at, refuses_for_ever) = match book.states.get(&settlement.order).cloned() {
            Some(State::Settled { at, .. }) => return Ok(Settled { at }),
            Some(State::Released { .. }) => return Err(AccountsError::HoldReleased),
            Some(State::Refused(reason)) => return Err(reason),
            Some(State::Held { asset, amount, at }) => {
                let takes = match settlement.side {
                    Side::Buy => Amount::from(settlement.total),
                    Side::Sell => Amount::from(settlement.quantity),
                };
                let fits = if settlement.side == Side::Buy { takes <= amount } else { takes == amount };
                if !fits || settlement.from != Source::Hold {
                    return Err(AccountsError::SettlementExceedsHold);
                }
                book.give_back(asset, amount);
                (Some(at), false)
            }
            None if settlement.from == Source::Hold => return Err(AccountsError::NoHold),
            None => (None, true),
        };
        let outcome = if refuses_for_ever && now > settlement.settle_by {
            Err(AccountsError::SettlementExpired)
        } else {
            book.exchange(settlement)
        };
        let state = match outcome {
            Ok(()) => State::Settled { at: now, held_at },
            Err(reason) => State::Refused(reason),
        };
        book.states.insert(settlement.order.clone(), state.clone());
        match state {
            State::Refused(reason) => Err(reason),
            _ => Ok(Settled { at: now }),
        }
    }

    fn set_aside(&self, hold: &Hold) -> Result<Held, AccountsError> {
        let (now, mut book) = (self.clock.now(), self.book.lock().unwrap());
        book.calls += 1;
        match book.states.get(&hold.order).cloned() {
            Some(State::Held { at, .. })
            | Some(State::Settled { held_at: Some(at), .. })
            | Some(State::Released { held_at: Some(at), .. }) => return Ok(Held { at }),
            Some(State::Settled { .. }) => return Err(AccountsError::NoHold),
            Some(State::Released { .. }) => return Err(AccountsError::HoldReleased),
            Some(State::Refused(reason)) => return Err(reason),
            None => {}
        }
        let is_late = now > hold.hold_by;
        let taken =
            if is_late { Err(AccountsError::SettlementExpired) } else { book.take(hold.asset, hold.amount) };
        let state = match taken {
            Ok(()) => State::Held { asset: hold.asset, amount: hold.amount, at: now },
            Err(reason) => State::Refused(reason),
        };
        book.states.insert(hold.order.clone(), state.clone());
        match state {
            State::Refused(reason) => Err(reason),
            _ => Ok(Held { at: now }),
        }
    }

    fn give_back(&self, release: &Release) -> HoldEnd {
        let (at, mut book) = (self.clock.now(), self.book.lock().unwrap());
        book.calls += 1;
        let held_at = match book.states.get(&release.order).cloned() {
            Some(State::Held { asset, amount, at }) => {
                book.give_back(asset, amount);
                Some(at)
            }
            Some(State::Settled { at, .. }) => return HoldEnd::Settled { at },
            Some(State::Released { at, .. }) => return HoldEnd::Released { at },
            Some(State::Refused(_)) => return HoldEnd::Refused,
            None => None,
        };
        book.states.insert(release.order.clone(), State::Released { at, held_at });
        HoldEnd::Released { at }
    }

    /// What goes wrong before a call arrives.
    fn fails_before(trouble: Option<&Trouble>) -> Result<(), AccountsError> {
        match trouble {
            Some(Trouble::Outage) => Err(Outage::Storage.into()),
            Some(Trouble::Busy) => Err(Outage::Busy.into()),
            _ => Ok(()),
        }
    }

    /// What goes wrong before the answer of a call arrives.
    async fn fails_after(&self, trouble: Option<Trouble>) -> Result<(), AccountsError> {
        match trouble {
            Some(Trouble::AnswerLost) => return Err(Outage::Storage.into()),
            Some(Trouble::Hang) => {
                self.hanging.notify_one();
                std::future::pending().await
            }
            Some(Trouble::StoreGoes(switch)) => switch.off(),
            Some(Trouble::RecoveredMeanwhile(other, at)) => assert_eq!(other.recover_due(at).await, Ok(1)),
            Some(Trouble::Nothing | Trouble::Outage | Trouble::Busy) | None => {}
        }
        Ok(())
    }

    /// Does something in whatever trouble the next call gets into.
    async fn in_trouble<T>(
        &self,
        call: impl FnOnce() -> Result<T, AccountsError>,
    ) -> Result<T, AccountsError> {
        let trouble = self.troubles.lock().unwrap().pop_front();
        Self::fails_before(trouble.as_ref())?;
        let answer = call();
        self.fails_after(trouble).await?;
        answer
    }
}

impl Book {
    fn balance(&mut self, asset: AssetId) -> &mut Amount {
        if asset == AssetId::USD { &mut self.cash } else { &mut self.bitcoin }
    }

    fn held(&self, of: AssetId) -> Amount {
        self.states.values().fold(Amount::ZERO, |sum, state| match state {
            State::Held { asset, amount, .. } if *asset == of => sum.plus(*amount).unwrap(),
            _ => sum,
        })
    }

    fn take(&mut self, asset: AssetId, needed: Amount) -> Result<(), AccountsError> {
        let available = *self.balance(asset);
        let refusal = if asset == AssetId::USD {
            let (needed, available) = (needed.to_usd().unwrap(), available.to_usd().unwrap());
            AccountsError::InsufficientFunds { needed, available }
        } else {
            AccountsError::InsufficientHoldings { asset, needed, available }
        };
        *self.balance(asset) = available.minus(needed).ok_or(refusal)?;
        Ok(())
    }

    fn give_back(&mut self, asset: AssetId, amount: Amount) {
        let balance = self.balance(asset);
        *balance = balance.plus(amount).unwrap();
    }

    fn exchange(&mut self, settlement: &Settlement) -> Result<(), AccountsError> {
        let (cash, quantity) = (Amount::from(settlement.total), Amount::from(settlement.quantity));
        let (taken, given) = match settlement.side {
            Side::Buy => ((AssetId::USD, cash), (settlement.asset, quantity)),
            Side::Sell => ((settlement.asset, quantity), (AssetId::USD, cash)),
        };
        self.take(taken.0, taken.1)?;
        self.give_back(given.0, given.1);
        Ok(())
    }
}

#[async_trait]
impl Accounts for Books {
    async fn positions(&self, _: UserId, which: Positions) -> Result<Vec<Position>, AccountsError> {
        let Positions::Of(assets) = which else { panic!("all positions are not asked for here") };
        let (now, mut book) = (self.clock.now(), self.book.lock().unwrap());
        book.reads += 1;
        let position = |asset| {
            let available = if asset == AssetId::USD { book.cash } else { book.bitcoin };
            let (held, average_cost) = (book.held(asset), Decimal::ONE_THOUSAND);
            Position { asset, available, held, average_cost, created_at: now, updated_at: now }
        };
        Ok(assets.into_iter().map(position).collect())
    }

    async fn hold(&self, hold: Hold) -> Result<Held, AccountsError> {
        self.in_trouble(|| self.set_aside(&hold)).await
    }

    async fn release(&self, release: Release) -> Result<HoldEnd, AccountsError> {
        self.in_trouble(|| Ok(self.give_back(&release))).await
    }

    async fn settle(&self, settlement: Settlement) -> Outcome {
        self.in_trouble(|| self.decide(&settlement)).await
    }

    async fn ledger(&self, _: LedgerQuery) -> Result<LedgerPage, AccountsError> {
        Ok(LedgerPage { page: Page { items: Vec::new(), next: None }, total: 0 })
    }
}
