use gamma_tastytrade::{Transaction, TransactionKind, decode};
use rust_decimal::Decimal;

use super::super::Verdict;
use crate::promise::{fault, short, workable};

/// A page of transactions.
pub(in super::super) fn transactions(data: &[u8]) -> Verdict {
    match decode::transactions(data) {
        Ok(rows) => {
            rows.iter().for_each(useful);
            let total: Decimal = rows
                .iter()
                .map(|row| row.fees + row.value.unwrap_or_default() + row.net_value.unwrap_or_default())
                .sum();
            workable("fees and amounts", total, u64::MAX);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

fn useful(row: &Transaction) {
    if let TransactionKind::Other(word) = &row.kind {
        short("type", word);
    }
    for text in [&row.sub_kind, &row.symbol, &row.action, &row.description].into_iter().flatten() {
        short("words", text);
    }
    assert!(row.order.as_ref().is_none_or(|order| (1..=40).contains(&order.0.len())), "{:?}", row.order);
    let amounts = [row.quantity, row.value, row.net_value].into_iter().flatten();
    amounts.for_each(|amount| workable("amount", amount, 1_000_000_000_000_000));
    workable("fees", row.fees, 4_000_000_000_000_000);
    workable("price", row.price.unwrap_or_default().points(), 1_000_000_000);
}
