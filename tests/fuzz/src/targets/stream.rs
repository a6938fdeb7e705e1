use gamma_dxlink::{StreamerSymbol, decode};
use gamma_market::Price;
use secrecy::SecretString;

use super::Verdict;
use crate::promise::{CANARY, bounded, hides, workable};

/// What a server of the quote stream says, a message a line.
pub(super) fn stream(data: &[u8]) -> Verdict {
    let Ok(lines) = std::str::from_utf8(data) else { return Verdict::Refused };
    let wanted = [".SPXW260821P5900", ".SPXW260821P5895"]
        .map(|text| text.parse::<StreamerSymbol>().unwrap_or_else(|error| panic!("{error}")));
    let token = SecretString::from(format!("{CANARY}-quote-token"));
    let heard = decode::frames(lines, &token, &wanted);
    for (symbol, quote) in &heard.quotes {
        assert!(wanted.contains(symbol), "only what was asked for: {symbol}");
        assert!(
            quote.bid.is_none_or(|bid| !bid.is_negative()) && quote.ask.is_none_or(|ask| ask > Price::ZERO),
            "{quote:?}"
        );
        [quote.bid, quote.ask]
            .into_iter()
            .flatten()
            .for_each(|side| workable("quote", side.points(), 1_000_000_000));
    }
    if let Some(end) = &heard.end {
        bounded(end);
        hides("end", end, &[&format!("{CANARY}-quote-token")]);
    }
    // A line is answered by what it brings up, not by a multiple of it.
    assert!(
        heard.sent <= 4096 + 1024 * lines.lines().count(),
        "sent {} bytes in answer to {} lines",
        heard.sent,
        lines.lines().count()
    );
    if heard.quotes.is_empty() { Verdict::Refused } else { Verdict::Reads }
}
