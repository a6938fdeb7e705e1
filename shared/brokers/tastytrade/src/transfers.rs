//! Money that came into the account or left it, out of its transactions (docs/reference/strategy.md,
//! Edge test).

use async_trait::async_trait;
use gamma_execution::ports::{BrokerError, BrokerFault, MoneyRow, Transfer, Transfers, words_say_transfer};
use jiff::Timestamp;

use crate::broker::Tastytrade;
use crate::client::failed;
use crate::transactions::{Transaction, TransactionKind, TransactionQuery};

#[async_trait]
impl Transfers for Tastytrade {
    async fn transfers(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Transfer>, BrokerError> {
        let query = TransactionQuery { from, to, kinds: vec![TransactionKind::MoneyMovement] };
        let rows = self.transactions(&query).await?;
        let found: Result<Vec<Option<Transfer>>, BrokerFault> = rows.iter().map(transfer).collect();
        Ok(found.map_err(|fault| failed("GET transactions", fault))?.into_iter().flatten().collect())
    }
}

/// A money movement is a transfer, unless its finer word says that the account earned or paid it: interest,
/// dividends. The sign is that of its debit or credit effect.
fn transfer(row: &Transaction) -> Result<Option<Transfer>, BrokerFault> {
    let seen = MoneyRow {
        kind: row.kind.word(),
        sub_kind: row.sub_kind.as_deref(),
        description: None,
        has_order: false,
        has_items: false,
        moves_options: false,
    };
    if row.kind != TransactionKind::MoneyMovement || words_say_transfer(&seen) == Some(false) {
        return Ok(None);
    }
    let amount = row.net_value.ok_or_else(|| {
        BrokerFault::Malformed(format!("transaction {}: net-value: got nothing, expected dollars", row.id))
    })?;
    Ok((!amount.is_zero()).then(|| Transfer { id: row.id.to_string(), at: row.at, amount }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::page;
    use serde_json::{Value, json};

    fn read(answer: &Value) -> Result<Vec<String>, BrokerFault> {
        let found: Result<Vec<_>, _> = page(answer).unwrap().0.iter().map(transfer).collect();
        Ok(found?.into_iter().flatten().map(|it| format!("{} {} {}", it.id, it.at, it.amount)).collect())
    }

    #[test]
    fn a_withdrawal_takes_money_out_though_its_amount_has_no_sign() {
        let answer =
            serde_json::from_str(include_str!("../fixtures/transactions__trade_expiry_withdrawal.json"))
                .unwrap();
        assert_eq!(read(&answer).unwrap(), ["401234999 2026-08-22T12:00:00Z -500.0"]);
    }

    #[test]
    fn money_movements_are_transfers_except_earnings() {
        let row = |kind: &str, sub: &str, value: Value, effect: &str| json!({"data": {"items": [{"id": 1, "transaction-type": kind, "transaction-sub-type": sub, "executed-at": "2026-08-22T12:00:00Z", "net-value": value, "net-value-effect": effect}]}});
        for (kind, sub, value, effect, expected) in [
            ("Money Movement", "Deposit", json!("1000.0"), "Credit", vec!["1 2026-08-22T12:00:00Z 1000.0"]),
            (
                "Money Movement",
                "Withdrawal",
                json!("1000.0"),
                "Debit",
                vec!["1 2026-08-22T12:00:00Z -1000.0"],
            ),
            ("Money Movement", "Transfer", json!("20.5"), "Debit", vec!["1 2026-08-22T12:00:00Z -20.5"]),
            ("Money Movement", "Credit Interest", json!("1.25"), "Credit", vec![]),
            ("Money Movement", "Dividend", json!("1.25"), "Credit", vec![]),
            ("Money Movement", "Deposit", json!("0.0"), "None", vec![]),
            ("Trade", "Sell to Open", json!("820.0"), "Credit", vec![]),
            ("Receive Deliver", "Cash Settled Assignment", json!("820.0"), "Debit", vec![]),
        ] {
            assert_eq!(read(&row(kind, sub, value, effect)).unwrap(), expected, "{kind} {sub}");
        }
        let error = read(&row("Money Movement", "Deposit", Value::Null, "None")).unwrap_err().to_string();
        assert_eq!(error, "answer: transaction 1: net-value: got nothing, expected dollars");
    }
}
