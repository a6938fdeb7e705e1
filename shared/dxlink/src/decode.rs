//! The reader of the server's texts, fed with bytes instead of the network's frames. For the fuzz target:
//! what it calls is what the connection calls once a frame is there.

use gamma_market::LegQuote;
use secrecy::SecretString;

use crate::StreamerSymbol;
use crate::protocol::{End, Session};

/// What became of a connection that heard some texts.
#[derive(Debug, Default)]
pub struct Heard {
    /// The quotes of the symbols that were asked for, in order.
    pub quotes: Vec<(StreamerSymbol, LegQuote)>,
    /// How the connection ended, when a text ended it.
    pub end: Option<String>,
    /// How many texts, blocks and rows made no sense.
    pub senseless: u64,
    /// How many bytes were sent in answer.
    pub sent: usize,
}

/// A connection that asks for `symbols` with `token` hears these texts, one a line, with a beat between them.
#[must_use]
pub fn frames(lines: &str, token: &SecretString, symbols: &[StreamerSymbol]) -> Heard {
    let (mut session, first) = Session::open(token.clone(), 8192);
    let mut steps = vec![first, session.ask(symbols.iter().cloned().collect())];
    let mut heard = Heard::default();
    for line in lines.lines() {
        steps.extend([session.text(line), session.beat()]);
        for step in steps.drain(..) {
            heard.sent += step.send.iter().map(String::len).sum::<usize>();
            heard.quotes.extend(step.quotes.into_iter().map(|event| (event.symbol, event.quote)));
            heard.end = step.end.map(|end| match end {
                End::Refused(why) | End::PerhapsRefused(why) | End::TooLarge(why) | End::Lost(why) => why,
            });
            if heard.end.is_some() {
                break;
            }
        }
        if heard.end.is_some() {
            break;
        }
    }
    heard.senseless = session.senseless();
    heard
}
