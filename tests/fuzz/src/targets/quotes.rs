use gamma_execution::ports::BrokerFault;
use gamma_market::{OptionSymbol, Price, QuoteBook, Tick, Vertical, package_nbbo};
use gamma_schwab::decode;

use super::{Verdict, account};
use crate::promise::{fault, workable};

/// A batch of quotes, and what a run makes of it: the NBBO of its verticals.
pub(super) fn quotes(data: &[u8]) -> Verdict {
    read_by(|wanted| decode::quotes(data, wanted))
}

/// The same with whichever broker's reader.
pub(super) fn read_by(read: impl Fn(&[OptionSymbol]) -> Result<QuoteBook, BrokerFault>) -> Verdict {
    let put = account::vertical();
    let [sell, buy] = ["SPXW  260821C06000000", "SPXW  260821C06005000"]
        .map(|text| text.parse::<OptionSymbol>().unwrap_or_else(|error| panic!("{error}")));
    let call = Vertical::new(sell, buy).unwrap_or_else(|error| panic!("{error}"));
    let legs: Vec<_> = put.legs().into_iter().chain(call.legs()).collect();
    let wanted: Vec<_> = legs.iter().map(|leg| leg.symbol).collect();
    match read(&wanted) {
        Ok(book) => {
            assert!(book.keys().all(|symbol| wanted.contains(symbol)), "only what was asked for: {book:?}");
            for quote in book.values() {
                assert!(
                    quote.bid.is_none_or(|bid| !bid.is_negative())
                        && quote.ask.is_none_or(|ask| ask > Price::ZERO),
                    "{quote:?}"
                );
                [quote.bid, quote.ask]
                    .into_iter()
                    .flatten()
                    .for_each(|side| workable("quote", side.points(), 1_000_000_000));
            }
            for nbbo in [
                put.nbbo(&book, Tick::NICKEL),
                call.nbbo(&book, Tick::NICKEL),
                package_nbbo(&legs, &book, Tick::NICKEL),
            ]
            .into_iter()
            .flatten()
            {
                assert!(nbbo.bid <= nbbo.mid && nbbo.mid <= nbbo.ask, "{nbbo:?}");
                assert!(
                    [nbbo.bid, nbbo.mid, nbbo.ask].into_iter().all(|price| Tick::NICKEL.holds(price)),
                    "{nbbo:?}"
                );
            }
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}
