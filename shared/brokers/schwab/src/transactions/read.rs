//! Reading transactions. They carry the account's number, so an answer of the wrong shape is described and
//! not shown.

use gamma_execution::ports::{BrokerFault, OrderId};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::{
    FeeKind, PositionEffect, Transaction, TransactionKind, TransactionQuery, TransactionStatus, TransferItem,
};
use crate::fields::{FieldError, Object};

/// Every transaction of a list, oldest first.
pub(crate) fn list(answer: &Value) -> Result<Vec<Transaction>, BrokerFault> {
    let rows = answer.as_array().ok_or_else(|| wrong_shape("transactions", answer, "a list"))?;
    if rows.len() >= TransactionQuery::MOST_ROWS {
        let text = format!(
            "transactions: got {} rows, expected fewer: the list may be cut off, ask for a shorter time",
            rows.len()
        );
        return Err(BrokerFault::Malformed(text));
    }
    let read = |(at, row): (usize, &Value)| transaction(row, &format!("transactions[{at}]"));
    let mut transactions: Vec<Transaction> = rows.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    transactions.sort_by_key(|transaction| (transaction.at, transaction.id));
    Ok(transactions)
}

/// The answer for one id: a list of one, or the object itself; which of the two is not documented.
pub(crate) fn one(answer: &Value, id: u64) -> Result<Transaction, BrokerFault> {
    let row = match answer.as_array().map(Vec::as_slice) {
        None => answer,
        Some([row]) => row,
        Some([]) => return Err(BrokerFault::NotFound(format!("transaction {id}: got an empty list"))),
        Some(rows) => {
            return Err(BrokerFault::Malformed(format!(
                "transaction: got a list of {}, expected one",
                rows.len()
            )));
        }
    };
    let transaction = transaction(row, "transaction")?;
    if transaction.id == id {
        Ok(transaction)
    } else {
        Err(BrokerFault::Malformed(format!("transaction.activityId: got {}, expected {id}", transaction.id)))
    }
}

fn transaction(row: &Value, path: &str) -> Result<Transaction, BrokerFault> {
    if !row.is_object() {
        return Err(wrong_shape(path, row, "an object"));
    }
    Ok(fields(&Object::of(row, path)?)?)
}

fn fields(row: &Object<'_>) -> Result<Transaction, FieldError> {
    Ok(Transaction {
        id: row
            .id("activityId")?
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| row.bad("activityId", "an id of digits"))?,
        kind: kind(row.required_text("type")?),
        status: row.text("status")?.map(status),
        at: row.time("time")?.ok_or_else(|| row.bad("time", "a time such as 2026-08-20T18:30:05+0000"))?,
        settles: row.time("settlementDate")?,
        order: row.id("orderId")?.map(OrderId),
        net_amount: row.decimal("netAmount")?,
        description: row.words("description")?,
        items: row.objects("transferItems")?.iter().map(item).collect::<Result<_, _>>()?,
    })
}

fn item(row: &Object<'_>) -> Result<TransferItem, FieldError> {
    let (amount, cost) = (row.decimal("amount")?, row.decimal("cost")?);
    if let Some(word) = row.text("feeType")? {
        // The amount of a fee has no sign, and is zero in some rows that cost something.
        return Ok(TransferItem::Fee {
            kind: fee(word),
            cost: cost.ok_or_else(|| row.bad("cost", "dollars"))?,
        });
    }
    let price = row.price("price")?;
    let instrument = row.object("instrument")?;
    let text = |key: &str| instrument.as_ref().map_or(Ok(None), |instrument| instrument.text(key));
    let (asset_type, symbol) = (text("assetType")?, text("symbol")?);
    let option = symbol.filter(|_| asset_type == Some("OPTION")).and_then(|symbol| symbol.parse().ok());
    Ok(match (asset_type, option) {
        (_, Some(symbol)) => {
            let contracts = amount.filter(Decimal::is_integer).and_then(|amount| amount.to_i64());
            let contracts = contracts.ok_or_else(|| row.bad("amount", "a whole number of contracts"))?;
            TransferItem::Contracts {
                symbol,
                contracts,
                price,
                cost,
                effect: row.text("positionEffect")?.map(effect),
            }
        }
        (Some("CURRENCY"), None) => TransferItem::Cash { amount, cost },
        _ => TransferItem::Other {
            asset_type: asset_type.map(stranger),
            symbol: symbol.map(stranger),
            amount,
            price,
            cost,
        },
    })
}

fn kind(word: &str) -> TransactionKind {
    TransactionKind::KNOWN
        .into_iter()
        .find(|kind| kind.word() == word)
        .unwrap_or_else(|| TransactionKind::Other(stranger(word)))
}

fn status(word: &str) -> TransactionStatus {
    match word {
        "VALID" => TransactionStatus::Valid,
        "INVALID" => TransactionStatus::Invalid,
        "PENDING" => TransactionStatus::Pending,
        "CANCELED" => TransactionStatus::Canceled,
        other => TransactionStatus::Other(stranger(other)),
    }
}

fn fee(word: &str) -> FeeKind {
    match word {
        "COMMISSION" => FeeKind::Commission,
        "OPT_REG_FEE" => FeeKind::OptionRegulatory,
        "INDEX_OPTION_FEE" => FeeKind::IndexOption,
        "SEC_FEE" => FeeKind::Sec,
        "TAF_FEE" => FeeKind::TradingActivity,
        other => FeeKind::Other(stranger(other)),
    }
}

fn effect(word: &str) -> PositionEffect {
    match word {
        "OPENING" => PositionEffect::Opening,
        "CLOSING" => PositionEffect::Closing,
        other => PositionEffect::Other(stranger(other)),
    }
}

/// A word we do not know, kept as it came, within reason.
fn stranger(word: &str) -> String {
    word.chars().take(60).collect()
}

fn wrong_shape(path: &str, got: &Value, expected: &str) -> BrokerFault {
    let got = match got {
        Value::Null => "nothing",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        _ => "a single value",
    };
    BrokerFault::Malformed(format!("{path}: got {got}, expected {expected}"))
}

#[cfg(test)]
mod tests;
