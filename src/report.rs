//! What `reconcile` says.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tradepost_kernel::Decimal;

/// What was checked, and what was found wrong.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub(crate) positions: usize,
    pub(crate) ledger_entries: usize,
    pub(crate) outcomes: usize,
    pub(crate) open_holds: usize,
    pub(crate) orders: usize,
    pub(crate) keys: usize,
    /// The sum of every asset that users hold, which is what `external` and `house` gave.
    pub(crate) holdings: BTreeMap<String, Decimal>,
    pub(crate) problems: Vec<String>,
}

impl Report {
    /// Whether nothing was found wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The report for programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { positions, ledger_entries, outcomes, open_holds, orders, keys, .. } = self;
        writeln!(f, "Checked {positions} positions, {ledger_entries} ledger entries, {orders} orders and")?;
        writeln!(
            f,
            "{outcomes} outcomes of orders, {open_holds} of them open holds, and {keys} idempotency keys."
        )?;
        writeln!(f, "All users together have:")?;
        for (asset, sum) in &self.holdings {
            writeln!(f, "  {asset} {sum}")?;
        }
        for problem in &self.problems {
            writeln!(f, "WRONG: {problem}")?;
        }
        let count = self.problems.len();
        match count {
            0 => write!(f, "The books are right."),
            1 => write!(f, "One thing is wrong."),
            _ => write!(f, "{count} things are wrong."),
        }
    }
}
