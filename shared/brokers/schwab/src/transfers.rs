//! Money that came into the account or left it, out of its transactions (docs/reference/strategy.md,
//! Edge test).

use std::collections::BTreeMap;

use async_trait::async_trait;
use gamma_execution::ports::{
    BrokerError, BrokerFault, MoneyRow, Transfer, Transfers, is_transfer, words_say_transfer,
};
use gamma_market::calendar::{at_eastern, trade_date};
use jiff::Timestamp;
use jiff::civil::Time;

use crate::broker::Schwab;
use crate::client::failed;
use crate::transactions::{Transaction, TransactionKind, TransactionQuery, TransactionStatus, TransferItem};

/// The types that a transfer can have; a year of trades would be too long a list.
const KINDS: [TransactionKind; 9] = [
    TransactionKind::AchReceipt,
    TransactionKind::AchDisbursement,
    TransactionKind::CashReceipt,
    TransactionKind::CashDisbursement,
    TransactionKind::ElectronicFund,
    TransactionKind::WireOut,
    TransactionKind::WireIn,
    TransactionKind::Journal,
    TransactionKind::ReceiveAndDeliver,
];

#[async_trait]
impl Transfers for Schwab {
    async fn transfers(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Transfer>, BrokerError> {
        let mut found = BTreeMap::new();
        let mut begin = from;
        loop {
            let end = begin.checked_add(TransactionQuery::LONGEST).map_or(to, |longest| longest.min(to));
            let query = TransactionQuery { from: begin, to: end, kinds: KINDS.to_vec(), symbol: None };
            for row in self.transactions(&query).await? {
                if let Some(transfer) = transfer(&row).map_err(|fault| failed("GET transactions", fault))? {
                    found.insert(row.id, transfer);
                }
            }
            if end >= to {
                return Ok(found.into_values().collect());
            }
            begin = end;
        }
    }

    /// The account's equity is its value at the day's start, so that every run of a day sizes alike.
    fn counted_until(&self, at: Timestamp) -> Timestamp {
        at_eastern(trade_date(at), Time::midnight())
    }
}

/// The row as a transfer. One that does not stand (yet) is none: when it does, it is read again.
fn transfer(row: &Transaction) -> Result<Option<Transfer>, BrokerFault> {
    if !matches!(row.status, None | Some(TransactionStatus::Valid)) || !moves_money(row) {
        return Ok(None);
    }
    let amount = row.net_amount.ok_or_else(|| {
        BrokerFault::Malformed(format!("transaction {}: netAmount: got nothing, expected dollars", row.id))
    })?;
    Ok((!amount.is_zero()).then(|| Transfer { id: row.id.to_string(), at: row.at, amount }))
}

/// The replaced system's test of words; where they say nothing, a type that is always a transfer is one.
fn moves_money(row: &Transaction) -> bool {
    let moves_options = row.items.iter().any(|item| match item {
        TransferItem::Contracts { .. } => true,
        TransferItem::Other { asset_type, .. } => asset_type.as_deref() == Some("OPTION"),
        TransferItem::Fee { .. } | TransferItem::Cash { .. } => false,
    });
    let seen = MoneyRow {
        kind: row.kind.word(),
        sub_kind: None,
        description: row.description.as_deref(),
        has_order: row.order.is_some(),
        has_items: !row.items.is_empty(),
        moves_options,
    };
    match row.kind.is_transfer() {
        Some(true) => words_say_transfer(&seen) != Some(false),
        Some(false) if row.kind != TransactionKind::ReceiveAndDeliver => false,
        Some(false) | None => is_transfer(&seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::read::list;
    use serde_json::{Value, json};

    fn shown(rows: &Value) -> Vec<String> {
        list(rows)
            .unwrap()
            .iter()
            .filter_map(|row| transfer(row).unwrap())
            .map(|it| format!("{} {} {}", it.id, it.at, it.amount))
            .collect()
    }

    #[test]
    fn of_a_days_rows_only_transfers_that_stand_are_taken() {
        let rows = serde_json::from_str(include_str!(
            "../fixtures/transactions__trades_transfers_and_strangers.json"
        ))
        .unwrap();
        assert_eq!(
            shown(&rows),
            [
                "101234567893 2026-08-21T11:00:00Z 5000.0",
                "101234567895 2026-08-21T13:00:00Z 10000.1",
                "101234567896 2026-08-21T14:00:00Z -250.25",
            ],
            "the pending disbursement will be read again"
        );
    }

    /// Vector 38l, and what our reading of types adds to it.
    #[test]
    fn the_transfer_test() {
        let cash =
            json!([{"instrument": {"assetType": "CURRENCY", "symbol": "CURRENCY_USD"}, "amount": 5.0}]);
        let option = json!([{"instrument": {"assetType": "OPTION", "symbol": "SPXW  260821P05900000"}, "amount": 1.0}]);
        let none = json!([]);
        for (kind, description, order, items, expected) in [
            ("ACH_RECEIPT", "ACH DEPOSIT", None, &none, true),
            ("TRADE", "BUY TRADE", Some(7), &option, false),
            ("JOURNAL", "JOURNAL", None, &none, true),
            ("RECEIVE_AND_DELIVER", "RECEIVE DELIVER", None, &option, false),
            ("ADJUSTMENT_2", "", None, &cash, true),
            ("ADJUSTMENT_2", "", Some(7), &cash, false),
            ("ADJUSTMENT_2", "", None, &option, false),
            ("ADJUSTMENT_2", "", None, &none, false),
            ("JOURNAL", "MARGIN INTEREST", None, &none, false),
            ("ELECTRONIC_FUND", "", None, &none, true),
            ("CASH_DISBURSEMENT", "", None, &none, true),
            ("MONEY_MARKET", "", None, &cash, false),
        ] {
            let row = json!([{"activityId": 1, "type": kind, "time": "2026-08-21T12:00:00+0000", "description": description, "orderId": order, "netAmount": 5.0, "transferItems": items}]);
            assert_eq!(shown(&row).len(), usize::from(expected), "{row}");
        }
    }

    #[test]
    fn a_transfer_without_amount_is_an_error_and_of_zero_is_none() {
        let row = |amount: Value| json!([{"activityId": 9, "type": "WIRE_IN", "time": "2026-08-21T12:00:00+0000", "netAmount": amount}]);
        let read = |amount| transfer(&list(&row(amount)).unwrap()[0]);
        assert_eq!(
            read(Value::Null).unwrap_err().to_string(),
            "answer: transaction 9: netAmount: got nothing, expected dollars"
        );
        assert_eq!(read(json!(0.0)), Ok(None));
    }
}
