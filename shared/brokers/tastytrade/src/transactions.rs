//! `GET /accounts/{number}/transactions` (docs/reference/tastytrade.md, Transactions): fills with their
//! fees, expiries, money movements.

use gamma_execution::ports::{BrokerError, BrokerFault, OrderId};
use gamma_http::Request;
use gamma_market::{OptionSymbol, Price};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::broker::Tastytrade;
use crate::client::failed;
use crate::envelope;
use crate::fields::{FieldError, Object};
use crate::order_list::whole_milliseconds;
use crate::pages::{Paging, Step, Told};
use crate::preview::money;

/// One movement of money or contracts in the account.
///
/// Rows can lag what they record, so a list that lacks one proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// No two transactions share it.
    pub id: u64,
    /// Why it is there.
    pub kind: TransactionKind,
    /// The broker's finer word: `Sell to Open`, `Expiration`, `Cash Settled Assignment`, `Deposit`.
    pub sub_kind: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// The day it counts for.
    pub date: Option<Date>,
    /// The order it comes from. One order has a transaction for every leg of every fill.
    pub order: Option<OrderId>,
    /// The contract, where it is about one we can name.
    pub contract: Option<OptionSymbol>,
    /// The symbol as it came.
    pub symbol: Option<String>,
    /// What was done: `Sell to Open`.
    pub action: Option<String>,
    /// Contracts or shares, without a sign.
    pub quantity: Option<Decimal>,
    /// Points each.
    pub price: Option<Price>,
    /// Dollars that came (positive) or went, fees not included.
    pub value: Option<Decimal>,
    /// Dollars that came (positive) or went, fees included.
    pub net_value: Option<Decimal>,
    /// Dollars of commission and fees paid, negative when given back.
    pub fees: Decimal,
    /// The fees are the broker's estimate until clearing tells, the next day.
    pub fees_are_estimated: bool,
    /// The broker's words.
    pub description: Option<String>,
}

/// The broker's types.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionKind {
    /// A leg of a fill.
    Trade,
    /// Contracts or shares that came or went without a trade: an expiry, an assignment, a transfer in kind.
    ReceiveDeliver,
    /// Money in or out, fees and interest among it.
    MoneyMovement,
    /// A booking between accounts.
    AdministrativeTransfer,
    /// A word we do not know.
    Other(String),
}

impl TransactionKind {
    /// The broker's word for it.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Trade => "Trade",
            Self::ReceiveDeliver => "Receive Deliver",
            Self::MoneyMovement => "Money Movement",
            Self::AdministrativeTransfer => "Administrative Transfer",
            Self::Other(word) => word,
        }
    }

    fn of(word: &str) -> Self {
        let known = [Self::Trade, Self::ReceiveDeliver, Self::MoneyMovement, Self::AdministrativeTransfer];
        known
            .into_iter()
            .find(|kind| kind.word() == word)
            .unwrap_or_else(|| Self::Other(word.chars().take(60).collect()))
    }
}

/// Which transactions are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionQuery {
    /// No earlier.
    pub from: Timestamp,
    /// No later.
    pub to: Timestamp,
    /// Of these types; of all when there are none.
    pub kinds: Vec<TransactionKind>,
}

impl TransactionQuery {
    fn pairs(&self, page: usize) -> Vec<(&'static str, String)> {
        let [start, end] = whole_milliseconds(self.from, self.to);
        let mut pairs = vec![("start-at", start), ("end-at", end)];
        pairs.extend(self.kinds.iter().map(|kind| ("types[]", kind.word().to_owned())));
        pairs.extend([("per-page", PER_PAGE.to_string()), ("page-offset", page.to_string())]);
        pairs
    }
}

const PER_PAGE: usize = 250;

impl Tastytrade {
    /// The transactions asked for, oldest first.
    ///
    /// # Errors
    /// [`BrokerError`] when the query can have no answer, or the list could not be read completely.
    pub async fn transactions(&self, query: &TransactionQuery) -> Result<Vec<Transaction>, BrokerError> {
        const OPERATION: &str = "GET transactions";
        if query.to < query.from {
            let why = format!(
                "end-at: got {}, expected no earlier than {}; nothing was sent",
                query.to, query.from
            );
            return Err(failed(OPERATION, BrokerFault::Refused(why)));
        }
        let url = format!("{}/transactions", self.account_url());
        let mut paging = Paging::new(PER_PAGE);
        let mut wanted = 0;
        loop {
            let pairs = query.pairs(wanted);
            let answer = self.client.read(OPERATION, || Request::get(&url).query(&pairs)).await?;
            let (rows, told) = page(&answer).map_err(|error| failed(OPERATION, error))?;
            let rows = rows.into_iter().map(|row| (row.id.to_string(), row)).collect();
            match paging
                .take(rows, told)
                .map_err(|why| failed(OPERATION, BrokerFault::Malformed(format!("transactions: {why}"))))?
            {
                Step::Read(next) => wanted = next,
                Step::Done => break,
            }
        }
        let mut listed: Vec<Transaction> = paging.into_rows().map(|(_, row)| row).collect();
        listed.sort_by_key(|row| (row.at, row.id));
        Ok(listed)
    }
}

/// The transactions of one page.
pub(crate) fn page(answer: &Value) -> Result<(Vec<Transaction>, Told), FieldError> {
    let page = envelope::page(answer, "transactions")?;
    let rows = page.rows.iter().map(transaction).collect::<Result<_, _>>()?;
    Ok((rows, Told { total: page.total, pages: page.pages }))
}

fn transaction(row: &Object<'_>) -> Result<Transaction, FieldError> {
    let symbol = row.words("symbol")?;
    let is_option = row.text("instrument-type")? == Some("Equity Option");
    Ok(Transaction {
        id: row
            .id("id")?
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| row.bad("id", "an id of digits"))?,
        kind: TransactionKind::of(row.required_text("transaction-type")?),
        sub_kind: row.words("transaction-sub-type")?,
        at: row
            .time("executed-at")?
            .ok_or_else(|| row.bad("executed-at", "a time such as 2026-08-20T18:30:05+0000"))?,
        date: row
            .text("transaction-date")?
            .map(|text| text.parse().map_err(|_| row.bad("transaction-date", "a date")))
            .transpose()?,
        order: row.id("order-id")?.map(OrderId),
        contract: symbol.as_deref().filter(|_| is_option).and_then(|symbol| symbol.parse().ok()),
        symbol,
        action: row.words("action")?,
        quantity: row.decimal("quantity")?,
        price: row.price("price")?,
        value: money(row, "value", "value-effect")?,
        net_value: money(row, "net-value", "net-value-effect")?,
        fees: fees(row)?,
        fees_are_estimated: row.value("is-estimated-fee").and_then(Value::as_bool).unwrap_or_default(),
        description: row.words("description")?,
    })
}

fn fees(row: &Object<'_>) -> Result<Decimal, FieldError> {
    let kinds = [
        ("commission", "commission-effect"),
        ("regulatory-fees", "regulatory-fees-effect"),
        ("clearing-fees", "clearing-fees-effect"),
        ("proprietary-index-option-fees", "proprietary-index-option-fees-effect"),
    ];
    kinds
        .iter()
        .try_fold(Decimal::ZERO, |sum, (key, effect)| Ok(sum - money(row, key, effect)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trade_an_expiry_and_a_withdrawal() {
        let answer =
            serde_json::from_str(include_str!("../fixtures/transactions__trade_expiry_withdrawal.json"))
                .unwrap();
        let (rows, told) = page(&answer).unwrap();
        assert_eq!(told, Told { total: Some(3), pages: Some(1) });
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let money =
                    |amount: Option<Decimal>| amount.map_or("-".to_owned(), |amount| amount.to_string());
                let contract = row.contract.map_or("-".to_owned(), |contract| contract.to_string());
                format!(
                    "{} {} {contract} {} {} fees {}",
                    row.id,
                    row.kind.word(),
                    money(row.value),
                    money(row.net_value),
                    row.fees
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "401234567 Trade SPXW  260821P05900000 820.0 816.46 fees 3.54",
                "401234890 Receive Deliver SPXW  260821P05900000 0.0 0.0 fees 0",
                "401234999 Money Movement - -500.0 -500.0 fees 0",
            ]
        );
        assert_eq!(
            (rows[0].order.as_ref().unwrap().0.as_str(), rows[0].fees_are_estimated),
            ("312345678", true)
        );
        assert_eq!(
            (rows[1].sub_kind.as_deref(), rows[1].date.unwrap().to_string()),
            (Some("Expiration"), "2026-08-21".to_owned())
        );
    }

    #[test]
    fn what_does_not_read_is_named_and_the_account_is_not_shown() {
        let row = json!({"id": 1, "account-number": "5WT00001", "transaction-type": "Trade", "executed-at": "2026-08-20T18:30:06.910+00:00", "value": "1.0", "value-effect": "Credit"});
        for (key, value, shown) in [
            ("id", json!("x"), "items[0].id: got \"x\""),
            ("transaction-type", Value::Null, "items[0].transaction-type: got nothing"),
            ("executed-at", json!("never"), "items[0].executed-at: got \"never\""),
            ("transaction-date", json!("never"), "items[0].transaction-date: got \"never\""),
            ("value-effect", json!("Sideways"), "items[0].value-effect: got \"Sideways\""),
        ] {
            let mut row = row.clone();
            row[key] = value;
            let error = page(&json!({"data": {"items": [row]}})).unwrap_err().to_string();
            assert!(error.contains(shown) && !error.contains("5WT00001"), "{error}");
        }
        assert_eq!(TransactionKind::of("Loyalty"), TransactionKind::Other("Loyalty".into()));
    }
}
