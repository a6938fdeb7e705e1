use gamma_market::OptionSymbol;
use gamma_tastytrade::{SymbolBook, decode};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::super::{Verdict, quotes as any_quotes, token};
use crate::promise::{CANARY, fault, hides, short};

/// The names of contracts. Whatever the chain says, a name can stand in a comma list and in a message of the
/// stream, and every contract has one.
pub(in super::super) fn chain(data: &[u8]) -> Verdict {
    match decode::chain(data) {
        Ok(book) => {
            useful(&book);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

fn useful(book: &SymbolBook) {
    for text in [
        "SPXW  260821P05900000",
        "SPXW  260821C05900000",
        "SPXW  260821P05902500",
        "SPX   260821P05900000",
        "XSP   260821C00590000",
    ] {
        let symbol: OptionSymbol = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let names = book.names(&symbol);
        for name in [&names.api, &names.streamer.0] {
            let plain = name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b",\"\\&".contains(&byte));
            assert!(plain && (1..=40).contains(&name.len()), "{symbol}: {name:.200?}");
        }
        // What it is asked for by is this contract, else another's price would be taken for its own.
        assert_eq!(names.api.parse().ok(), Some(symbol), "{names:?}");
    }
}

/// A batch of quotes, and what a run makes of it.
pub(in super::super) fn quotes(data: &[u8]) -> Verdict {
    any_quotes::read_by(|wanted| decode::quotes(data, wanted))
}

/// The key to the quote stream: as it came, and once more with a secret in every text but the address.
pub(in super::super) fn quote_token(data: &[u8]) -> Verdict {
    if let Ok(mut value) = serde_json::from_slice::<Value>(data) {
        let address = value.pointer("/data/dxlink-url").cloned();
        token::plant(&mut value, 0);
        if let Some((place, address)) = value.pointer_mut("/data/dxlink-url").zip(address) {
            *place = address;
        }
        read(value.to_string().as_bytes(), true);
    }
    read(data, false)
}

fn read(data: &[u8], planted: bool) -> Verdict {
    match decode::quote_token(data) {
        Ok(token) => {
            assert!(!token.token.expose_secret().is_empty());
            let encrypted = token.url.starts_with("wss://");
            let here = ["ws://127.0.0.1", "ws://localhost", "ws://[::1]"]
                .iter()
                .find_map(|host| token.url.strip_prefix(host));
            assert!(
                encrypted || here.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])),
                "in the clear: {}",
                token.url
            );
            short("url", &token.url);
            short("level", token.level.as_deref().unwrap_or_default());
            if planted {
                let shown = format!("{:?}", gamma_tastytrade::QuoteToken { level: None, ..token });
                hides("a Debug form", &shown, &[CANARY]);
            }
            Verdict::Reads
        }
        Err(error) => {
            let text = fault(&error);
            // Only the token is secret; what else stands there may be shown.
            if let Some(secret) = secret_of(data).filter(|secret| secret.len() >= 8) {
                hides("an error", &text, &[&secret]);
            }
            Verdict::Refused
        }
    }
}

/// Every text below the token's key, one after the other; nothing where it stands elsewhere in the answer
/// too.
fn secret_of(data: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(data).ok()?;
    let secret = value.pointer("/data/token")?.as_str()?.to_owned();
    (value.to_string().matches(secret.as_str()).count() == 1).then_some(secret)
}
