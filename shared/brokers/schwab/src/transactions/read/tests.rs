use super::*;
use gamma_market::Price;
use proptest::prelude::*;
use serde_json::json;

fn answer() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/transactions__trades_transfers_and_strangers.json"))
        .unwrap()
}

fn read() -> Vec<Transaction> {
    list(&answer()).unwrap()
}

fn dollars(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_fill_has_its_contracts_and_its_fees_to_the_cent() {
    let fill = read().remove(0);
    assert_eq!(
        (fill.id, &fill.kind, fill.status.as_ref()),
        (101_234_567_890, &TransactionKind::Trade, Some(&TransactionStatus::Valid))
    );
    assert_eq!(
        (fill.at.to_string(), fill.settles.map(|at| at.to_string())),
        ("2026-08-20T18:30:07Z".into(), Some("2026-08-21T04:00:00Z".into()))
    );
    assert_eq!(fill.order, Some(OrderId("1005638175790".into())));
    let fees: Vec<_> = [
        FeeKind::Commission,
        FeeKind::Sec,
        FeeKind::OptionRegulatory,
        FeeKind::TradingActivity,
        FeeKind::IndexOption,
    ]
    .into_iter()
    .zip(["-1.3", "0", "-0.04", "0", "-0.6"])
    .map(|(kind, cost)| TransferItem::Fee { kind, cost: dollars(cost) })
    .collect();
    assert_eq!(fill.items[..5], fees);
    let contracts = TransferItem::Contracts {
        symbol: "SPXW260821P5900".parse().unwrap(),
        contracts: -2,
        price: Some(Price::cents(410)),
        cost: Some(dollars("820")),
        effect: Some(PositionEffect::Opening),
    };
    assert_eq!(fill.items[5..], [contracts]);
    assert_eq!((fill.fees(), fill.net_amount), (dollars("1.94"), Some(dollars("818.06"))));
}

#[test]
fn transfers_are_told_from_trades_and_strangers_are_neither() {
    let shown: Vec<_> = read()
        .iter()
        .map(|row| {
            (
                row.kind.word().to_owned(),
                row.kind.is_transfer(),
                row.net_amount.map_or("none".into(), |amount| amount.normalize().to_string()),
            )
        })
        .collect();
    let expected = [
        ("TRADE", Some(false), "818.06"),
        ("ACH_RECEIPT", Some(true), "5000"),
        ("ACH_DISBURSEMENT", Some(true), "-300"),
        ("WIRE_IN", Some(true), "10000.1"),
        ("JOURNAL", Some(true), "-250.25"),
        ("TRADE", Some(false), "-1225.5"),
        ("RECEIVE_AND_DELIVER", Some(false), "0"),
        ("LOYALTY_REWARD", None, "1"),
    ];
    assert_eq!(shown, expected.map(|(word, transfer, net)| (word.to_owned(), transfer, net.to_owned())));
}

#[test]
fn every_row_keeps_what_it_says_and_nothing_it_does_not() {
    let rows = read();
    let items: Vec<_> = rows.iter().skip(1).map(|row| row.items.as_slice()).collect();
    assert_eq!(items[0], [TransferItem::Cash { amount: Some(dollars("5000")), cost: Some(Decimal::ZERO) }]);
    assert_eq!(items[1], [TransferItem::Cash { amount: Some(dollars("-300")), cost: None }]);
    assert!(items[2].is_empty() && items[3].is_empty(), "no items, and an empty list of them");
    let shares = TransferItem::Other {
        asset_type: Some("EQUITY".into()),
        symbol: Some("SPY".into()),
        amount: Some(dollars("1.875")),
        price: Some("653.3333".parse().unwrap()),
        cost: Some(dollars("-1225")),
    };
    assert_eq!(
        items[4],
        [TransferItem::Fee { kind: FeeKind::Other("BASE_CHARGE".into()), cost: dollars("-0.5") }, shares]
    );
    assert!(matches!(
        items[5],
        [TransferItem::Contracts { contracts: 2, effect: Some(PositionEffect::Closing), .. }]
    ));
    assert_eq!(rows[6].description.as_deref(), Some("REMOVAL OF OPTION DUE TO EXPIRATION"));
    assert_eq!((rows[6].order.clone(), rows[6].settles), (None, None));
    assert_eq!(
        (rows[2].status.clone(), rows[7].status.clone()),
        (Some(TransactionStatus::Pending), Some(TransactionStatus::Other("SETTLING".into())))
    );
    assert!(
        !format!("{rows:?}").contains("12345678,") && !format!("{rows:?}").contains("\"12345678\""),
        "the account's number is not kept"
    );
}

#[test]
fn every_documented_word_is_known() {
    let words = "TRADE, RECEIVE_AND_DELIVER, DIVIDEND_OR_INTEREST, ACH_RECEIPT, ACH_DISBURSEMENT, CASH_RECEIPT, CASH_DISBURSEMENT, ELECTRONIC_FUND, WIRE_OUT, \
                 WIRE_IN, JOURNAL, MEMORANDUM, MARGIN_CALL, MONEY_MARKET, SMA_ADJUSTMENT";
    for word in words.split(", ") {
        assert!(!matches!(kind(word), TransactionKind::Other(_)) && kind(word).word() == word, "{word}");
    }
    assert_eq!(kind("trade"), TransactionKind::Other("trade".into()));
}

#[test]
fn an_option_we_cannot_name_is_kept_as_it_came() {
    let mut row = answer()[7].clone();
    row["transferItems"][5]["instrument"]["symbol"] = json!("SPX OLD");
    let items = one(&row, 101_234_567_890).unwrap().items;
    assert!(
        matches!(&items[5], TransferItem::Other { asset_type: Some(kind), symbol: Some(symbol), .. } if kind == "OPTION" && symbol == "SPX OLD")
    );
}

#[test]
fn one_is_a_list_of_one_or_the_object_and_must_be_the_one() {
    let row = answer()[7].clone();
    let id = 101_234_567_890;
    assert_eq!(one(&row, id), one(&json!([row]), id));
    assert_eq!(one(&row, id).unwrap(), read()[0]);
    assert!(matches!(one(&json!([]), id), Err(BrokerFault::NotFound(_))));
    for (answer, shown) in [
        (json!([row, row]), "answer: transaction: got a list of 2, expected one"),
        (row, "answer: transaction.activityId: got 101234567890, expected 7"),
        (json!("x"), "answer: transaction: got a single value, expected an object"),
    ] {
        assert_eq!(one(&answer, 7).unwrap_err().to_string(), shown);
    }
}

#[test]
fn what_does_not_read_is_named_and_shows_no_account() {
    for (at, value, shown) in [
        ("/activityId", Value::Null, "transaction.activityId: got nothing, expected an id of digits"),
        (
            "/activityId",
            json!("99999999999999999999"),
            "transaction.activityId: got \"99999999999999999999\", expected an id of digits",
        ),
        ("/type", Value::Null, "transaction.type: got nothing, expected text"),
        ("/time", Value::Null, "transaction.time: got nothing, expected a time"),
        ("/settlementDate", json!("soon"), "transaction.settlementDate: got \"soon\", expected a time"),
        ("/netAmount", json!("NaN"), "transaction.netAmount: got \"NaN\", expected a number"),
        ("/orderId", json!(1.5), "transaction.orderId: got 1.5, expected an id"),
        ("/transferItems", json!(7), "transaction.transferItems: got 7, expected a list"),
        (
            "/transferItems/0/cost",
            Value::Null,
            "transaction.transferItems[0].cost: got nothing, expected dollars",
        ),
        (
            "/transferItems/5/amount",
            json!(1.5),
            "transaction.transferItems[5].amount: got 1.5, expected a whole number of contracts",
        ),
        (
            "/transferItems/5/price",
            json!([]),
            "transaction.transferItems[5].price: got [], expected a price in points",
        ),
        (
            "/transferItems/5/instrument",
            json!("x"),
            "transaction.transferItems[5].instrument: got \"x\", expected an object",
        ),
    ] {
        let mut row = answer()[7].clone();
        *row.pointer_mut(at).unwrap() = value;
        let error = one(&row, 101_234_567_890).unwrap_err().to_string();
        assert!(error.starts_with(&format!("answer: {shown}")), "{at}: {error}");
    }
    for (wrong, shown) in [
        (answer()[7].clone(), "answer: transactions: got an object, expected a list"),
        (json!([answer()]), "answer: transactions[0]: got a list, expected an object"),
    ] {
        assert_eq!(list(&wrong).unwrap_err().to_string(), shown, "the account's number is in there");
    }
}

#[test]
fn a_list_that_may_be_cut_off_is_an_error() {
    let rows = |count: usize| {
        Value::Array(vec![json!({"activityId": 1, "type": "TRADE", "time": "2026-08-21T12:00:00Z"}); count])
    };
    assert_eq!(list(&rows(2999)).unwrap().len(), 2999);
    assert!(list(&rows(3000)).unwrap_err().to_string().contains("cut off, ask for a shorter time"));
}

proptest! {
    #[test]
    fn no_row_panics_the_reader(
        at in prop::sample::select(vec!["activityId", "type", "time", "netAmount", "orderId", "transferItems", "status", "amount", "cost", "feeType", "price", "instrument"]),
        value in prop_oneof![
            Just(Value::Null), any::<f64>().prop_map(Value::from), any::<i64>().prop_map(Value::from), "\\PC{0,20}".prop_map(Value::from),
            Just(json!([])), Just(json!({})), Just(json!([1])), Just(json!(7.9e28)), Just(json!("-7.9e28")),
        ],
    ) {
        let mut row = answer()[7].clone();
        row[at] = value.clone();
        for item in row["transferItems"].as_array_mut().into_iter().flatten().filter(|item| item.is_object()) {
            item[at] = value.clone();
        }
        let _ = list(&json!([row])).map(|rows| rows.iter().map(Transaction::fees).sum::<Decimal>());
        let _ = one(&value, 1);
    }
}
