//! Every reader of Schwab's texts, fed with bytes instead of the network's answer. For the fuzz targets: what
//! they call is what the client calls once an answer is there.

use gamma_execution::ports::{AccountSnapshot, BrokerFault, OrderId, OrderView, PlaceReply};
use gamma_http::{HeaderMap, Response};
use gamma_market::{OptionSymbol, QuoteBook};
use gamma_wire::{ErrorBody, TokenDocument as _};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::token::{TokenDocument, TokenDocumentError};
use crate::transactions::read;
use crate::{Preview, Transaction, account, account_hash, auth, order_list, order_view, place, quotes};

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

/// `GET accountNumbers`
pub fn account_hash(body: &[u8], wanted: Option<&str>) -> Read<String> {
    account_hash::account_hash(&json(body)?, wanted)
}

/// `GET account`
pub fn account(body: &[u8]) -> Read<AccountSnapshot> {
    account::snapshot(&json(body)?)
}

/// `GET orders`
pub fn orders(body: &[u8]) -> Read<Vec<OrderView>> {
    order_list::order_list(&json(body)?)
}

/// `GET order`
pub fn order(body: &[u8], id: &OrderId) -> Read<OrderView> {
    order_view::one(&json(body)?, id)
}

/// `GET quotes`
pub fn quotes(body: &[u8], wanted: &[OptionSymbol]) -> Read<QuoteBook> {
    quotes::book(&json(body)?, wanted)
}

/// `POST previewOrder`
pub fn preview(body: &[u8]) -> Read<Preview> {
    Ok(Preview::read(&json(body)?)?)
}

/// `GET transactions`
pub fn transactions(body: &[u8]) -> Read<Vec<Transaction>> {
    read::list(&json(body)?)
}

/// `GET transaction`
pub fn transaction(body: &[u8], id: u64) -> Read<Transaction> {
    read::one(&json(body)?, id)
}

/// An error answer to a read.
#[must_use]
pub fn read_fault(response: &Response, hide: [&SecretString; 3]) -> BrokerFault {
    gamma_wire::read_fault(response.status, auth::error_body(response, hide))
}

/// The answer to the POST of an order.
pub fn placed(response: &Response, hash: &str, hide: [&SecretString; 3]) -> PlaceReply {
    place::placed(response, hash, |response: &Response| -> ErrorBody { auth::error_body(response, hide) })
}

/// A token document as it would be stored, with its two secrets and the time its access token expires.
pub struct Token {
    /// The text to store.
    pub text: SecretString,
    /// The access token.
    pub access: SecretString,
    /// The refresh token.
    pub refresh: SecretString,
    /// Unix seconds.
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
    auth::refreshed(&document, response, app, now).map(Token::from)
}
