//! Every reader of tastytrade's texts, fed with bytes instead of the network's answer. For the fuzz targets:
//! what they call is what the client calls once an answer is there.

use std::collections::BTreeMap;

use gamma_execution::ports::{BrokerFault, OrderId, OrderView, PlaceReply};
use gamma_http::{HeaderMap, Response};
use gamma_market::{OptionSymbol, QuoteBook};
use gamma_wire::{ErrorBody, TokenDocument as _};
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::token::{TokenDocument, TokenDocumentError};
use crate::{
    Preview, QuoteToken, SymbolBook, Transaction, account, auth, error_body, order_list, order_view, place,
    preview, quotes, transactions,
};

type Read<T> = Result<T, BrokerFault>;

/// An answer as it comes off the wire.
#[must_use]
pub fn answer(status: u16, headers: &[(&'static str, &[u8])], body: &[u8]) -> Option<Response> {
    let header =
        |(name, value): &(&'static str, &[u8])| Some((name.parse().ok()?, (*value).try_into().ok()?));
    let headers: Option<HeaderMap> = headers.iter().map(header).collect();
    Some(Response { status, headers: headers?, body: body.to_vec() })
}

fn json(body: &[u8]) -> Read<Value> {
    gamma_wire::json(&Response { status: 200, headers: HeaderMap::new(), body: body.to_vec() })
}

fn reads<'a>(hide: &'a [&'a SecretString]) -> impl Fn(&Response) -> ErrorBody + 'a {
    move |response| {
        error_body::read(
            &response.body,
            &hide.iter().map(|secret| secret.expose_secret()).collect::<Vec<_>>(),
        )
    }
}

/// `GET balances`
pub fn equity(body: &[u8]) -> Read<Option<Decimal>> {
    Ok(account::equity(&json(body)?)?)
}

/// `GET positions`: what is held, and rows of others that do not read.
pub fn positions(body: &[u8]) -> Read<(BTreeMap<OptionSymbol, i64>, Vec<String>)> {
    let positions = account::positions(&json(body)?)?;
    Ok((positions.net, positions.unreadable))
}

/// A page of either list of orders, and what is made of it long afterwards.
pub fn orders(body: &[u8]) -> Read<Vec<OrderView>> {
    let (rows, _) = order_list::page(&json(body)?, Timestamp::MAX)?;
    Ok(order_list::merged(rows.into_iter().map(|(_, view)| view)))
}

/// `GET order`, long afterwards
pub fn order(body: &[u8], id: &OrderId) -> Read<OrderView> {
    order_view::one(&json(body)?, id, Timestamp::MAX)
}

/// `GET market-data`
pub fn quotes(body: &[u8], wanted: &[OptionSymbol]) -> Read<QuoteBook> {
    quotes::read(
        &json(body)?,
        &wanted.iter().map(|symbol| (symbol.to_string(), *symbol)).collect(),
        Timestamp::MAX,
    )
}

/// `GET option-chains`
pub fn chain(body: &[u8]) -> Read<SymbolBook> {
    Ok(SymbolBook::read(&json(body)?)?)
}

/// `GET api-quote-tokens`
pub fn quote_token(body: &[u8]) -> Read<QuoteToken> {
    Ok(QuoteToken::read(&json(body)?)?)
}

/// `POST orders/dry-run`
pub fn preview(response: &Response) -> Read<Preview> {
    preview::opinion(response, reads(&[]))
}

/// A page of `GET transactions`
pub fn transactions(body: &[u8]) -> Read<Vec<Transaction>> {
    Ok(transactions::page(&json(body)?)?.0)
}

/// An error answer to a read.
#[must_use]
pub fn read_fault(response: &Response, hide: &[&SecretString]) -> BrokerFault {
    gamma_wire::read_fault(response.status, reads(hide)(response))
}

/// The answer to the POST of an order.
#[must_use]
pub fn placed(response: &Response, account: &str, name: &str, hide: &[&SecretString]) -> PlaceReply {
    place::placed(response, account, name, reads(hide))
}

/// A token document as it would be stored, with its two secrets and the time its access token expires.
pub struct Token {
    /// The text to store.
    pub text: SecretString,
    /// The access token, empty where there is none.
    pub access: SecretString,
    /// The refresh token.
    pub refresh: SecretString,
    /// Unix seconds, 0 where unknown.
    pub expires: i64,
}

impl From<TokenDocument> for Token {
    fn from(document: TokenDocument) -> Self {
        Self {
            text: document.text(),
            access: document.access().clone(),
            refresh: document.refresh().clone(),
            expires: document.expires(),
        }
    }
}

/// The stored token document.
pub fn token(text: &SecretString) -> Result<Token, TokenDocumentError> {
    TokenDocument::parse(text).map(Token::from)
}

/// The token endpoint's answer to a refresh of `document`, which must be readable.
pub fn refreshed(
    document: &SecretString,
    response: &Response,
    app: [&SecretString; 2],
    now: Timestamp,
) -> Read<Token> {
    let document =
        TokenDocument::parse(document).map_err(|error| BrokerFault::Malformed(error.to_string()))?;
    auth::refreshed(&document, response, &app.map(ExposeSecret::expose_secret), now).map(Token::from)
}
