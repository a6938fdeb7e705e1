use super::*;
use jiff::civil::date;
use proptest::prelude::*;

const HEADER: &str =
    "Date,ExpDate,Strike,CallBid,CallAsk,CallPrice,CallVolume,CallOI,PutBid,PutAsk,PutPrice,PutVolume,PutOI";

fn option<'a>(chain: &'a Chain, symbol: &str) -> &'a ListedOption {
    chain.option(&symbol.parse().unwrap()).unwrap()
}

#[test]
fn the_embedded_files_are_read_whole() {
    let chain = Chain::spxw_2025_09_03().unwrap();
    assert_eq!(chain.trade_date(), date(2025, 9, 3));
    assert_eq!(chain.expiries(), [date(2025, 9, 4), date(2025, 9, 5), date(2025, 9, 10), date(2025, 9, 12)]);
    let sizes: Vec<_> = chain.all_series().map(|(_, _, options)| options.len()).collect();
    assert_eq!(
        option(&chain, "SPXW  250910P06450000").bid,
        Price::cents(4050),
        "the first of the two listings"
    );
    assert_eq!(sizes, [212, 212, 266, 266, 176, 176, 227, 227]);

    let chain = Chain::spxw_2019_06_26().unwrap();
    assert_eq!(chain.expiries().len(), 4);
    assert_eq!(chain.all_series().map(|(_, _, options)| options.len()).sum::<usize>(), 322 + 538 + 308 + 308);
}

#[test]
fn quotes_are_the_files_own() {
    let chain = Chain::spxw_2025_09_03().unwrap();
    let put = option(&chain, "SPXW  250904P06425000");
    assert_eq!((put.bid, put.ask), (Price::cents(720), Some(Price::cents(730))));
    assert_eq!((put.last, put.volume, put.open_interest), (Some(Price::cents(704)), 6412, 1064));
    let call = option(&chain, "SPXW  250904C06470000");
    assert_eq!((call.bid, call.ask), (Price::cents(450), Some(Price::cents(470))));
    let worthless = option(&chain, "SPXW  250904P02600000");
    assert_eq!(
        (worthless.bid, worthless.ask),
        (Price::ZERO, Some(Price::cents(5))),
        "a bid of 0 beside an ask is a bid"
    );
    let chain = Chain::spxw_2019_06_26().unwrap();
    let call = option(&chain, "SPXW  190626C01700000");
    assert_eq!((call.bid, call.ask), (Price::cents(120_910), Some(Price::cents(122_920))));
    assert_eq!(chain.option(&"SPX   190626C01700000".parse().unwrap()), None, "another root is not listed");
}

#[test]
fn an_ask_of_0_is_no_ask() {
    let text = format!("{HEADER}\n2025-09-03,2025-09-04,6400,1.5,0,0,0,0,0,0,0,0,0\n");
    let chain = Chain::parse("made-up.csv", &text).unwrap();
    assert_eq!(option(&chain, "SPXW  250904C06400000").ask, None);
    let put = option(&chain, "SPXW  250904P06400000");
    assert_eq!((put.bid, put.ask, put.last), (Price::ZERO, None, None));
}

#[test]
fn a_malformed_file_is_named_by_line_and_field() {
    let good = "2025-09-03,2025-09-04,6400,51.4,51.9,52.87,1573,1103,3.5,3.7,3.6,11778,3838";
    for (line, message) in [
        ("", "made-up.csv line 3: got 1 fields, expected 13 fields"),
        (
            "03/09/2025,2025-09-04,6405,1,2,0,0,0,1,2,0,0,0",
            "made-up.csv line 3, Date: got \"03/09/2025\", expected a date such as 2025-09-03",
        ),
        (
            "2025-09-04,2025-09-04,6405,1,2,0,0,0,1,2,0,0,0",
            "made-up.csv line 3, Date: got \"2025-09-04\", expected the trade date of the lines before",
        ),
        (
            "2025-09-03,2025-09-04,0,1,2,0,0,0,1,2,0,0,0",
            "made-up.csv line 3, Strike: got \"0\", expected a strike in points such as 6420",
        ),
        (
            "2025-09-03,2025-09-04,6400,1,2,0,0,0,1,2,0,0,0",
            "made-up.csv line 3, Strike: got \"6400\", expected a strike above those before it in its expiry and right",
        ),
        (
            "2025-09-03,2025-09-04,6405,-1,2,0,0,0,1,2,0,0,0",
            "made-up.csv line 3, CallBid: got \"-1\", expected a price in points such as 0.05, not negative",
        ),
        (
            "2025-09-03,2025-09-04,6405,1,2,0,0,0,1,NaN,0,0,0",
            "made-up.csv line 3, PutAsk: got \"NaN\", expected a price in points such as 0.05, not negative",
        ),
        (
            "2025-09-03,2025-09-04,6405,1,2,0,0,0,2.5,2.4,0,0,0",
            "made-up.csv line 3, PutAsk: got \"2.4\", expected an ask that is 0 or not below the bid",
        ),
        (
            "2025-09-03,2025-09-04,6405,1,2,0,1.5,0,1,2,0,0,0",
            "made-up.csv line 3, CallVolume: got \"1.5\", expected a whole number, not negative",
        ),
    ] {
        let error = Chain::parse("made-up.csv", &format!("{HEADER}\r\n{good}\r\n{line}\r\n")).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(Chain::parse("empty.csv", "").unwrap_err().to_string().contains("line 1"));
    assert!(Chain::parse("bare.csv", HEADER).unwrap_err().to_string().contains("at least one contract"));
}

proptest! {
    #[test]
    fn no_text_panics(row in "[0-9A-Z,.\\-]{0,80}", header in any::<bool>()) {
        let text = if header { format!("{HEADER}\n{row}") } else { row };
        let _ = Chain::parse("any.csv", &text);
    }
}
