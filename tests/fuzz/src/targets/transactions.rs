use gamma_execution::ports::BrokerFault;
use gamma_schwab::{
    FeeKind, PositionEffect, Transaction, TransactionKind, TransactionStatus, TransferItem, decode,
};
use rust_decimal::Decimal;

use super::Verdict;
use crate::promise::{fault, short, workable};

/// The list of transactions; the same text as the answer for one id.
pub(super) fn transactions(data: &[u8]) -> Verdict {
    match decode::transaction(data, 104_558_120_991) {
        Ok(transaction) => {
            assert_eq!(transaction.id, 104_558_120_991);
            useful(&transaction);
        }
        Err(error) => drop(judge(&error)),
    }
    match decode::transactions(data) {
        Ok(rows) => {
            assert!(rows.is_sorted_by_key(|row| (row.at, row.id)), "oldest first");
            rows.iter().for_each(useful);
            let total: Decimal = rows.iter().map(|row| row.fees() + row.net_amount.unwrap_or_default()).sum();
            workable("fees and amounts", total, u64::MAX);
            Verdict::Reads
        }
        Err(error) => judge(&error),
    }
}

fn judge(error: &BrokerFault) -> Verdict {
    fault(error);
    Verdict::Refused
}

fn useful(row: &Transaction) {
    if let TransactionKind::Other(word) = &row.kind {
        short("type", word);
    }
    if let Some(TransactionStatus::Other(word)) = &row.status {
        short("status", word);
    }
    short("description", row.description.as_deref().unwrap_or_default());
    assert!(row.order.as_ref().is_none_or(|order| (1..=40).contains(&order.0.len())), "{:?}", row.order);
    for item in &row.items {
        match item {
            TransferItem::Fee { kind, cost } => {
                workable("fee", *cost, 1_000_000_000_000_000);
                if let FeeKind::Other(word) = kind {
                    short("fee", word);
                }
            }
            TransferItem::Contracts { contracts, price, effect, .. } => {
                assert!(contracts.unsigned_abs() <= 1_000_000_000_000_000, "{contracts}");
                workable("price", price.unwrap_or_default().points(), 1_000_000_000);
                if let Some(PositionEffect::Other(word)) = effect {
                    short("effect", word);
                }
            }
            TransferItem::Cash { amount, .. } => {
                workable("cash", amount.unwrap_or_default(), 1_000_000_000_000_000)
            }
            TransferItem::Other { asset_type, symbol, .. } => {
                [asset_type, symbol].into_iter().flatten().for_each(|text| short("instrument", text))
            }
        }
    }
}
