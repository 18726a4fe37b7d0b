//! What a user has and is told, as simply as the contract says it.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use tradepost_kernel::Timestamp;

use crate::platform::{INACTIVE, Prices};
use crate::words::{Order, Request, Told, Wanted, route, value};

/// What there is of a currency or an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Purse {
    pub available: Decimal,
    pub held: Decimal,
}

pub struct Model {
    pub now: Timestamp,
    pub prices: Prices,
    /// What the prices will be in a few minutes.
    pub later: Prices,
    pub orders: Vec<Order>,
    /// What was put into the cash account and taken from it, a trade included.
    pub moved: Vec<Decimal>,
    purses: BTreeMap<&'static str, Purse>,
    /// The words each name was first used with, and the order it is the name of.
    names: BTreeMap<u8, (Wanted, usize)>,
    /// By route and key: the words, when, and the number of the request.
    keys: BTreeMap<(&'static str, u8), (Wanted, Timestamp, usize)>,
    day: (NaiveDate, Decimal, Decimal),
    asked: usize,
}

impl Model {
    pub fn new(now: Timestamp, prices: Prices, later: Prices) -> Self {
        let day = (now.date_naive(), Decimal::ZERO, Decimal::ZERO);
        let (orders, moved, purses) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (names, keys) = (BTreeMap::new(), BTreeMap::new());
        Self { now, prices, later, orders, moved, purses, names, keys, day, asked: 0 }
    }

    pub fn purse(&self, of: &str) -> Purse {
        self.purses.get(of).copied().unwrap_or_default()
    }

    pub fn left_to_deposit(&self) -> Decimal {
        Decimal::from(10_000) - if self.day.0 == self.now.date_naive() { self.day.1 } else { Decimal::ZERO }
    }

    pub fn left_to_withdraw(&self) -> Decimal {
        Decimal::from(5_000) - if self.day.0 == self.now.date_naive() { self.day.2 } else { Decimal::ZERO }
    }

    /// Time passes; what is over expires, and what the price has reached is filled.
    pub fn wait(&mut self, now: Timestamp, prices: Prices, later: Prices) {
        (self.now, self.prices, self.later) = (now, prices, later);
        for number in 0..self.orders.len() {
            let is_over = self.orders[number].expires_at.is_some_and(|end| end <= now);
            if self.orders[number].status == "open" && is_over {
                self.release(number, "expired");
            }
            self.fill_if_reached(number);
        }
    }

    pub fn ask(&mut self, request: &Request) -> Told {
        let number = self.asked;
        self.asked += 1;
        let scope = request.key.map(|key| (route(&request.wanted), key));
        let used = scope.and_then(|scope| self.keys.get(&scope));
        if let Some((words, at, first)) = used
            && self.now < *at + TimeDelta::hours(24)
        {
            let is_same = *words == request.wanted;
            return if is_same {
                Told::AsBefore(*first)
            } else {
                Told::Refusal(422, "idempotency_key_reused")
            };
        }
        let told =
            self.carry_out(&request.wanted).unwrap_or_else(|(status, code)| Told::Refusal(status, code));
        if let Some(scope) = scope
            && told != Told::Refusal(422, "validation_failed")
        {
            self.keys.insert(scope, (request.wanted.clone(), self.now, number));
        }
        told
    }

    fn carry_out(&mut self, wanted: &Wanted) -> Result<Told, (u16, &'static str)> {
        if self.day.0 != self.now.date_naive() {
            self.day = (self.now.date_naive(), Decimal::ZERO, Decimal::ZERO);
        }
        match wanted {
            Wanted::Deposit(amount) if *amount > self.left_to_deposit() => Err((422, "daily_limit_exceeded")),
            Wanted::Deposit(amount) => {
                self.day.1 += amount;
                Ok(self.move_cash(*amount))
            }
            Wanted::Withdraw(amount) if *amount > self.purse("USD").available => {
                Err((422, "insufficient_funds"))
            }
            Wanted::Withdraw(amount) if *amount > self.left_to_withdraw() => {
                Err((422, "daily_limit_exceeded"))
            }
            Wanted::Withdraw(amount) => {
                self.day.2 += amount;
                Ok(self.move_cash(-amount))
            }
            Wanted::Place { .. } => self.place(wanted),
            Wanted::Cancel(None) => Err((404, "order_not_found")),
            Wanted::Cancel(Some(number)) if self.orders[*number].status != "open" => {
                Err((409, "order_not_open"))
            }
            Wanted::Cancel(Some(number)) => {
                self.release(*number, "cancelled");
                Ok(Told::Order(200, *number))
            }
        }
    }

    fn move_cash(&mut self, amount: Decimal) -> Told {
        self.moved.push(amount);
        let cash = self.purses.entry("USD").or_default();
        cash.available += amount;
        Told::Receipt(cash.available + cash.held)
    }

    fn place(&mut self, wanted: &Wanted) -> Result<Told, (u16, &'static str)> {
        let Wanted::Place { order_type, asset, quantity, limit, expires_at, name } = wanted.clone() else {
            unreachable!()
        };
        if let Some((words, number)) = name.and_then(|name| self.names.get(&name)) {
            let is_same = words == wanted;
            return if is_same { Ok(Told::Order(200, *number)) } else { Err((409, "client_order_id_taken")) };
        }
        let Some(market) = self.prices.get(asset).copied() else { return Err((422, "unknown_asset")) };
        let end = expires_at.unwrap_or(self.now + TimeDelta::days(30));
        if limit.is_some() && (end <= self.now || end > self.now + TimeDelta::days(90)) {
            return Err((422, "validation_failed"));
        }
        let price = limit.unwrap_or(market);
        let total = value(order_type, price, quantity);
        let expires_at = limit.map(|_| end);
        let (status, code) = ("open", None);
        self.orders.push(Order {
            order_type,
            asset,
            quantity,
            price,
            total,
            limit,
            expires_at,
            name,
            status,
            code,
        });
        let number = self.orders.len() - 1;
        name.map(|name| self.names.insert(name, (wanted.clone(), number)));
        self.take_what_it_needs(number)
            .inspect_err(|code| {
                self.orders[number].status = "failed";
                self.orders[number].code = Some(code);
            })
            .map_err(|code| (422, code))?;
        self.fill_if_reached(number);
        Ok(Told::Order(201, number))
    }

    /// From available to held, if the order may be placed.
    fn take_what_it_needs(&mut self, number: usize) -> Result<(), &'static str> {
        let order = self.orders[number].clone();
        let (of, needed) = order.needs();
        let purse = self.purse(of);
        if order.asset == INACTIVE {
            return Err("asset_not_tradable");
        }
        let empties = of != "USD" && purse.available == needed && purse.held.is_zero();
        if order.total < Decimal::ONE && !empties {
            return Err("order_value_too_small");
        }
        if order.total > Decimal::from(10_000) {
            return Err("order_value_too_large");
        }
        if purse.available < needed {
            return Err(if of == "USD" { "insufficient_funds" } else { "insufficient_holdings" });
        }
        let (available, held) = (purse.available - needed, purse.held + needed);
        self.purses.insert(of, Purse { available, held });
        Ok(())
    }

    fn release(&mut self, number: usize, status: &'static str) {
        let (of, needed) = self.orders[number].needs();
        let purse = self.purses.entry(of).or_default();
        (purse.available, purse.held) = (purse.available + needed, purse.held - needed);
        self.orders[number].status = status;
    }

    fn fill_if_reached(&mut self, number: usize) {
        let order = self.orders[number].clone();
        let market = self.prices[order.asset];
        let is_reached = match (order.order_type, order.limit) {
            ("limit_buy" | "stop_loss", Some(limit)) => market <= limit,
            ("limit_sell" | "take_profit", Some(limit)) => market >= limit,
            _ => true,
        };
        if order.status != "open" || !is_reached {
            return;
        }
        self.release(number, "completed");
        let total = value(order.order_type, market, order.quantity);
        let sign = if order.is_buy() { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        self.move_cash(-sign * total);
        self.purses.entry(order.asset).or_default().available += sign * order.quantity;
        (self.orders[number].price, self.orders[number].total) = (market, total);
    }
}
