//! Accounts that keep the rules of their trait, in memory, and get into trouble when told to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tradepost_kernel::{Amount, Clock, Decimal, OrderId, Page, Timestamp, Usd, UserId};
use tradepost_order::OrderService;
use tradepost_problem::Outage;
use tradepost_user_api::{
    Accounts, AccountsError, LedgerPage, LedgerQuery, Position, Positions, Settled, Settlement, Side,
};

use super::{StandingClock, Switch, btc};

/// What goes wrong with one call of `settle`.
pub enum Trouble {
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

/// Every user has $100000 and nothing else to start with.
pub struct Books {
    clock: Arc<StandingClock>,
    book: Mutex<Book>,
    troubles: Mutex<VecDeque<Trouble>>,
}

struct Book {
    cash: Amount,
    bitcoin: Amount,
    outcomes: HashMap<OrderId, Outcome>,
    calls: usize,
}

impl Books {
    pub fn new(clock: Arc<StandingClock>) -> Self {
        let cash = Amount::from(Usd::parse("100000").unwrap());
        let book = Book { cash, bitcoin: Amount::ZERO, outcomes: HashMap::new(), calls: 0 };
        Self { clock, book: Mutex::new(book), troubles: Mutex::default() }
    }

    pub fn expect(&self, trouble: Trouble) {
        self.troubles.lock().unwrap().push_back(trouble);
    }

    pub fn calls(&self) -> usize {
        self.book.lock().unwrap().calls
    }

    /// Waits until a settlement was asked for.
    pub async fn was_called(&self) {
        while self.calls() == 0 {
            tokio::task::yield_now().await;
        }
    }

    pub fn cash(&self) -> String {
        self.book.lock().unwrap().cash.to_string()
    }

    /// The first outcome of an order is its outcome for ever.
    fn decide(&self, settlement: &Settlement) -> Outcome {
        let (now, mut book) = (self.clock.now(), self.book.lock().unwrap());
        book.calls += 1;
        if let Some(outcome) = book.outcomes.get(&settlement.order) {
            return outcome.clone();
        }
        let outcome = if now > settlement.settle_by {
            Err(AccountsError::SettlementExpired)
        } else {
            book.exchange(settlement).map(|()| Settled { at: now })
        };
        book.outcomes.insert(settlement.order.clone(), outcome.clone());
        outcome
    }
}

impl Book {
    fn exchange(&mut self, settlement: &Settlement) -> Result<(), AccountsError> {
        let (cash, quantity) = (Amount::from(settlement.total), Amount::from(settlement.quantity));
        let (from, take, to, give) = match settlement.side {
            Side::Buy => (&mut self.cash, cash, &mut self.bitcoin, quantity),
            Side::Sell => (&mut self.bitcoin, quantity, &mut self.cash, cash),
        };
        let (asset, available) = (settlement.asset, *from);
        let refusal = match settlement.side {
            Side::Buy => AccountsError::InsufficientFunds {
                needed: settlement.total,
                available: available.to_usd().unwrap(),
            },
            Side::Sell => AccountsError::InsufficientHoldings { asset, needed: quantity, available },
        };
        *from = from.minus(take).ok_or(refusal)?;
        *to = to.plus(give).unwrap();
        Ok(())
    }
}

#[async_trait]
impl Accounts for Books {
    async fn positions(&self, _: UserId, which: Positions) -> Result<Vec<Position>, AccountsError> {
        assert_eq!(which, Positions::Of(vec![btc()]), "the only position that is asked for here");
        let (available, now) = (self.book.lock().unwrap().bitcoin, self.clock.now());
        let (held, average_cost) = (Amount::ZERO, Decimal::ONE_THOUSAND);
        Ok(vec![Position { asset: btc(), available, held, average_cost, created_at: now, updated_at: now }])
    }

    async fn settle(&self, settlement: Settlement) -> Outcome {
        let trouble = self.troubles.lock().unwrap().pop_front();
        if matches!(trouble, Some(Trouble::Outage)) {
            return Err(Outage::Storage.into());
        }
        if matches!(trouble, Some(Trouble::Busy)) {
            return Err(Outage::Busy.into());
        }
        let outcome = self.decide(&settlement);
        match trouble {
            Some(Trouble::AnswerLost) => return Err(Outage::Storage.into()),
            Some(Trouble::Hang) => std::future::pending().await,
            Some(Trouble::StoreGoes(switch)) => switch.off(),
            Some(Trouble::RecoveredMeanwhile(other, at)) => assert_eq!(other.recover_due(at).await, Ok(1)),
            Some(Trouble::Outage | Trouble::Busy) | None => {}
        }
        outcome
    }

    async fn ledger(&self, _: LedgerQuery) -> Result<LedgerPage, AccountsError> {
        Ok(LedgerPage { page: Page { items: Vec::new(), next: None }, total: 0 })
    }
}
