//! The books of one user, added up without the help of the platform.

use std::collections::HashMap;

use rust_decimal::Decimal;

use crate::books::{Books, Holding, Order, Trade, Transaction};
use crate::choice::ASSETS;
use crate::claims::claim;

/// Nothing is under way; every trade is an order's and every completed order's trade is there once; and every balance is
/// what the entries, the trades and the open orders add up to.
pub fn add_up(books: &Books) -> Result<(), String> {
    for order in &books.records.orders {
        let is_settled = order.status != "pending" && (order.status == "failed") == order.code.is_some();
        claim(is_settled, || format!("{order:?} is under way"))?;
    }
    trades_are_orders(books)?;
    cash_adds_up(books)?;
    ASSETS.iter().try_for_each(|(asset, unit)| asset_adds_up(books, asset, *unit))
}

fn trades_are_orders(books: &Books) -> Result<(), String> {
    let completed: HashMap<_, _> = books
        .records
        .orders
        .iter()
        .filter(|order| order.status == "completed")
        .map(|order| (order.order_id.as_str(), order))
        .collect();
    let payments: Vec<_> = books
        .records
        .transactions
        .iter()
        .filter_map(|entry| Some((completed.get(entry.order_id.as_deref()?).copied(), entry)))
        .collect();
    let trades: Vec<_> = books.holdings.iter().flat_map(|(asset, holding)| of(asset, holding)).collect();
    let trades: Vec<_> = trades
        .into_iter()
        .map(|(asset, trade)| (completed.get(trade.order_id.as_str()), asset, trade))
        .collect();
    for (order, entry) in &payments {
        claim(order.is_some_and(|order| pays(entry, order)), || format!("{entry:?} pays for {order:?}"))?;
    }
    for (order, asset, trade) in &trades {
        claim(order.is_some_and(|order| trades_for(asset, trade, order)), || {
            format!("{trade:?} of {asset} is for {order:?}")
        })?;
    }
    let counts = [completed.len(), payments.len(), trades.len()];
    claim(counts.iter().all(|count| *count == counts[0]), || {
        format!("{counts:?} completed orders, payments and trades")
    })?;
    is_single(payments.iter().map(|(_, entry)| entry.order_id.as_deref().unwrap_or_default()))?;
    is_single(trades.iter().map(|(_, _, trade)| trade.order_id.as_str()))
}

fn of<'a>(asset: &'a str, holding: &'a Holding) -> impl Iterator<Item = (&'a str, &'a Trade)> {
    holding.trades.iter().map(move |trade| (asset, trade))
}

fn is_single<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut counts = HashMap::<_, usize>::new();
    ids.for_each(|id| *counts.entry(id).or_default() += 1);
    let several: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    claim(several.is_empty(), || format!("these orders took place more than once: {several:?}"))
}

fn pays(entry: &Transaction, order: &Order) -> bool {
    let (kind, amount) = match order.is_buy() {
        true => ("order_payment", -order.total_amount),
        false => ("order_sale", order.total_amount),
    };
    entry.transaction_type == kind && entry.amount == amount
}

fn trades_for(asset: &str, trade: &Trade, order: &Order) -> bool {
    order.asset_id == asset
        && trade.transaction_type == if order.is_buy() { "BUY" } else { "SELL" }
        && trade.quantity == order.quantity
        && trade.total_amount == order.total_amount
}

fn cash_adds_up(books: &Books) -> Result<(), String> {
    let mut sum = Decimal::ZERO;
    for entry in books.records.transactions.iter().rev() {
        sum += entry.amount;
        claim(sum == entry.balance_after && sum >= Decimal::ZERO, || {
            format!("{sum} is left after {entry:?}")
        })?;
    }
    let open_buys = books.records.orders.iter().filter(|order| order.status == "open" && order.is_buy());
    let held: Decimal = open_buys.map(|order| order.total_amount).sum();
    let balance = &books.balance;
    let is_right = balance.current_balance == sum
        && balance.held_balance == held
        && balance.available_balance == sum - held
        && held <= sum;
    claim(is_right, || format!("{balance:?}, and there is {sum}, {held} of it held"))
}

fn asset_adds_up(books: &Books, asset: &str, unit: Decimal) -> Result<(), String> {
    let holding = &books.holdings[asset];
    let signed =
        |trade: &Trade| if trade.transaction_type == "BUY" { trade.quantity } else { -trade.quantity };
    let sum: Decimal = holding.trades.iter().map(signed).sum();
    let sells = books
        .records
        .orders
        .iter()
        .filter(|order| order.status == "open" && !order.is_buy() && order.asset_id == asset);
    let held: Decimal = sells.map(|order| order.quantity).sum();
    let after_a_unit = Some(sum - held - unit).filter(|rest| *rest >= Decimal::ZERO);
    let is_right = holding.quantity == sum && holding.available_after_a_unit == after_a_unit && held <= sum;
    claim(is_right, || format!("{asset}: {holding:?}, and there is {sum}, {held} of it held"))
}
