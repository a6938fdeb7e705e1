use super::*;
use proptest::prelude::*;

const PUT_LOW: &str = "SPXW250904P6420";
const PUT_HIGH: &str = "SPXW250904P6425";
const CALL_LOW: &str = "SPXW250904C6470";
const CALL_HIGH: &str = "SPXW250904C6475";

fn held(rows: &[(&str, i64)]) -> BTreeMap<OptionSymbol, i64> {
    rows.iter().map(|(symbol, quantity)| (symbol.parse().unwrap(), *quantity)).collect()
}

#[test]
fn spreads_need_their_width() {
    let level = Decimal::from(6448);
    for (rows, dollars) in [
        (vec![], 0),
        (vec![(PUT_HIGH, -2), (PUT_LOW, 2)], 1000),
        (vec![(PUT_HIGH, 2), (PUT_LOW, -2)], 0),
        (vec![(CALL_LOW, -1), (CALL_HIGH, 1)], 500),
        (vec![(PUT_HIGH, -1), (PUT_LOW, 1), (CALL_LOW, -1), (CALL_HIGH, 1)], 500),
        (vec![(PUT_HIGH, -1), (PUT_LOW, 1), (CALL_LOW, -3), (CALL_HIGH, 3)], 1500),
        (vec![(PUT_HIGH, -1), (PUT_LOW, 1), ("SPXW250905C6470", -1), ("SPXW250905C6475", 1)], 1000),
        (vec![(CALL_LOW, -1)], 96_720),
        (vec![(PUT_HIGH, -1)], 642_500),
    ] {
        assert_eq!(requirement(&held(&rows), level), Decimal::from(dollars), "{rows:?}");
    }
}

#[test]
fn averages_follow_openings_only() {
    let symbol: OptionSymbol = PUT_HIGH.parse().unwrap();
    let mut account = Account::new(Decimal::ZERO, &[(symbol, 2, Price::cents(400))]);
    for (amount, price, quantity, average) in
        [(2, 600, 4, 500), (-1, 900, 3, 500), (-5, 800, -2, 800), (-2, 600, -4, 700), (3, 100, -1, 700)]
    {
        account.trade(symbol, amount, Decimal::new(price, 2));
        let position = account.positions()[&symbol];
        assert_eq!(
            (position.quantity, position.average_price),
            (quantity, Decimal::new(average, 2)),
            "after {amount}"
        );
    }
    account.trade(symbol, 1, Decimal::ONE);
    assert!(account.positions().is_empty());
}

proptest! {
    #[test]
    fn settlement_pays_what_the_options_are_worth(cents in 630_000_i64..660_000, quantities in proptest::collection::vec(-5_i64..5, 4)) {
        let symbols: Vec<OptionSymbol> = [PUT_LOW, PUT_HIGH, CALL_LOW, CALL_HIGH].map(|symbol| symbol.parse().unwrap()).to_vec();
        let rows: Vec<_> = symbols.iter().zip(&quantities).map(|(symbol, quantity)| (*symbol, *quantity, Price::cents(100))).collect();
        let mut account = Account::new(Decimal::from(1000), &rows);
        let worth = gamma_market::settlement_value(&account.quantities(), Decimal::new(cents, 2)) * Decimal::ONE_HUNDRED;
        account.settle(symbols[0].expiry(), Price::cents(cents), Timestamp::UNIX_EPOCH, 1);
        prop_assert_eq!(account.cash(), Decimal::from(1000) + worth);
        prop_assert!(account.positions().is_empty());
        prop_assert_eq!(account.transactions().len(), quantities.iter().filter(|quantity| **quantity != 0).count());
    }
}
