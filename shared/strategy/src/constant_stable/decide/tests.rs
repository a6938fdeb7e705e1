//! The vectors of docs/reference/strategy.md through `decide`, expiry 2026-02-12, Limit 6900, CLimit
//! 7000, deployed sizes.

use super::super::RawProfile;
use super::super::profile::tests::lambda;
use super::*;
use jiff::civil::date;
use proptest::prelude::*;

const EXPIRY: Date = date(2026, 2, 12);

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn row(left: Option<i64>, right: Option<i64>, vix_one: Option<&str>) -> SignalRow {
    SignalRow {
        date: date(2026, 2, 11),
        expiry: Some(EXPIRY),
        put_strike: Some(dec("6900")),
        call_strike: Some(dec("7000")),
        left_go: left.map(Decimal::from),
        right_go: right.map(Decimal::from),
        left_strength: None,
        right_strength: None,
        put_price: None,
        call_price: None,
        volatilities: vix_one.map(|value| ("VixOne".to_owned(), dec(value))).into_iter().collect(),
        spot: None,
        published: Default::default(),
    }
}

fn positions(held: &[(&str, i64)]) -> BTreeMap<OptionSymbol, i64> {
    held.iter()
        .map(|(symbol, quantity)| (format!("SPXW260212{symbol}").parse().unwrap(), *quantity))
        .collect()
}

fn run(
    row: &SignalRow,
    equity: Option<&str>,
    held: &[(&str, i64)],
    raw: RawProfile,
) -> Result<Plan, PlanRefusal> {
    let positions = positions(held);
    decide(row, Snapshot { equity: equity.map(dec), positions: &positions }, &Profile::try_from(raw).unwrap())
}

/// `PUT_SHORT 6895/6900 2`, or the skip's own words.
fn shown(plan: &Plan) -> Vec<String> {
    plan.sides
        .iter()
        .map(|side| match &side.decision {
            Decision::Trade { quantity } => {
                format!("{} {}/{} {quantity}", side.name(), side.vertical.low(), side.vertical.high())
            }
            Decision::Skip { reason } => format!("{} {reason}", side.name()),
        })
        .collect()
}

#[test]
fn the_four_row_table_of_directions() {
    for (left, right, sell, buy, effect) in [
        (Some(-1), None, "P6900", "P6895", Effect::Credit),
        (Some(1), None, "P6895", "P6900", Effect::Debit),
        (None, Some(-1), "C7000", "C7005", Effect::Credit),
        (None, Some(1), "C7005", "C7000", Effect::Debit),
    ] {
        let plan = run(&row(left, right, Some("0.1")), Some("9000"), &[], lambda()).unwrap();
        let side = &plan.sides[0];
        let symbol = |text: &str| format!("SPXW260212{text}").parse::<OptionSymbol>().unwrap();
        assert_eq!(
            (side.vertical.sell(), side.vertical.buy(), side.effect()),
            (symbol(sell), symbol(buy), effect)
        );
        assert_eq!(plan.structure, Structure::SingleVertical);
    }
}

#[test]
fn reference_vectors_9_to_13_sizes() {
    for (equity, units, left, right, vix_one, structure, expected) in [
        (
            "25000",
            2,
            -1,
            -1,
            "0.2",
            Structure::IronCondorShort,
            vec!["PUT_SHORT 6895/6900 6", "CALL_SHORT 7000/7005 6"],
        ),
        (
            "18000",
            1,
            1,
            -1,
            "0.34",
            Structure::RiskReversal,
            vec!["PUT_LONG 6895/6900 5", "CALL_SHORT 7000/7005 3"],
        ),
        (
            "18000",
            1,
            -1,
            1,
            "0.40",
            Structure::RiskReversal,
            vec!["PUT_SHORT 6895/6900 5", "CALL_LONG 7000/7005 8"],
        ),
        (
            "30000",
            3,
            1,
            -1,
            "0.5",
            Structure::RiskReversal,
            vec!["PUT_LONG 6895/6900 30", "CALL_SHORT 7000/7005 18"],
        ),
        ("9000", 1, -1, 0, "0.1", Structure::SingleVertical, vec!["PUT_SHORT 6895/6900 2"]),
        (
            "25000",
            2,
            1,
            1,
            "0.2",
            Structure::IronCondorLong,
            vec!["PUT_LONG 6895/6900 6", "CALL_LONG 7000/7005 6"],
        ),
    ] {
        let plan = run(&row(Some(left), Some(right), Some(vix_one)), Some(equity), &[], lambda()).unwrap();
        assert_eq!(shown(&plan), expected, "{equity} {left} {right} {vix_one}");
        assert_eq!((plan.structure, plan.units), (structure, units));
    }
}

#[test]
fn structures_are_called_by_the_names_of_the_field() {
    let called = [
        Structure::IronCondorShort,
        Structure::IronCondorLong,
        Structure::RiskReversal,
        Structure::SingleVertical,
    ]
    .map(|made| made.to_string());
    assert_eq!(called, ["short iron condor", "long iron condor", "risk reversal", "single vertical"]);
}

#[test]
fn reference_vector_14_no_direction_no_trade() {
    assert_eq!(run(&row(Some(0), None, Some("0.1")), Some("9000"), &[], lambda()), Err(PlanRefusal::NoSide));
}

/// Missing equity refuses too.
#[test]
fn corrects_reference_vector_15_equity_must_be_positive() {
    // The replaced system sized a missing equity as one unit and traded 2 + 2.
    let both = row(Some(-1), Some(-1), Some("0.1"));
    assert_eq!(run(&both, None, &[], lambda()), Err(PlanRefusal::EquityMissing));
    for equity in ["0", "-250.10"] {
        assert_eq!(
            run(&both, Some(equity), &[], lambda()),
            Err(PlanRefusal::EquityNotPositive { equity: dec(equity) })
        );
    }
}

/// Where volatility is missing, the larger of two sizes is never traded.
#[test]
fn corrects_reference_vectors_3_and_16_no_volatility_small_size() {
    // The replaced system took the middle bucket: multiplier 5, 10 + 10 contracts.
    let both = row(Some(-1), Some(-1), None);
    assert_eq!(
        run(&both, Some("20000"), &[], lambda()),
        Err(PlanRefusal::VolatilityMissing { field: "VixOne".into() })
    );
    let smallest = RawProfile { missing_volatility: MissingVolatility::SmallestBucket, ..lambda() };
    let plan = run(&both, Some("20000"), &[], smallest).unwrap();
    assert_eq!((plan.bucket, plan.multiplier), (1, 2));
    assert_eq!(shown(&plan), ["PUT_SHORT 6895/6900 4", "CALL_SHORT 7000/7005 4"]);
}

#[test]
fn a_volatility_in_another_unit_is_refused_by_name() {
    for value in ["0", "-0.2", "-18.5", "18.5", "2.01", "100", "0.0199", "0.0117"] {
        for missing_volatility in [MissingVolatility::Skip, MissingVolatility::SmallestBucket] {
            let refused = run(
                &row(Some(-1), None, Some(value)),
                Some("20000"),
                &[],
                RawProfile { missing_volatility, ..lambda() },
            );
            let message = format!(
                "signal VixOne: got {value}, expected a decimal fraction from 0.02 to 2, such as 0.185"
            );
            assert_eq!(refused.unwrap_err().to_string(), message);
        }
    }
    for (value, multiplier) in [("0.02", 2), ("2", 10), ("2.000", 10)] {
        assert_eq!(
            run(&row(Some(-1), None, Some(value)), Some("20000"), &[], lambda()).unwrap().multiplier,
            multiplier,
            "{value}"
        );
    }
}

#[test]
fn reference_vectors_17_to_20_top_up_and_guard() {
    let both = row(Some(-1), Some(-1), Some("0.1"));
    for (held, expected) in [
        (vec![("P6900", -1), ("P6895", 1)], vec!["PUT_SHORT 6895/6900 1", "CALL_SHORT 7000/7005 2"]),
        (
            vec![("P6900", -2), ("P6895", 2), ("C7000", 1)],
            vec![
                "PUT_SHORT at or above target: 2 held, target 2",
                "CALL_SHORT would close: SPXW  260212C07000000 is held +1, and this side sells it",
            ],
        ),
        (vec![("P6900", -3), ("P6895", 1)], vec!["PUT_SHORT 6895/6900 1", "CALL_SHORT 7000/7005 2"]),
        (
            vec![("P6895", -1)],
            vec![
                "PUT_SHORT would close: SPXW  260212P06895000 is held -1, and this side buys it",
                "CALL_SHORT 7000/7005 2",
            ],
        ),
        (vec![("P6905", -9), ("C6990", 4)], vec!["PUT_SHORT 6895/6900 2", "CALL_SHORT 7000/7005 2"]),
    ] {
        assert_eq!(shown(&run(&both, Some("10000"), &held, lambda()).unwrap()), expected, "{held:?}");
    }
    let careless = RawProfile { top_up: false, no_close_guard: false, ..lambda() };
    let held = [("P6900", -2), ("P6895", 2), ("C7000", 1)];
    assert_eq!(
        shown(&run(&both, Some("10000"), &held, careless).unwrap()),
        ["PUT_SHORT 6895/6900 2", "CALL_SHORT 7000/7005 2"]
    );
}

#[test]
fn reference_vector_38_the_cap_holds_per_side() {
    let capped = RawProfile { most_per_side: Some(5), ..lambda() };
    let plan = run(&row(Some(-1), Some(-1), Some("0.40")), Some("10000"), &[], capped).unwrap();
    assert_eq!(shown(&plan), ["PUT_SHORT 6895/6900 5", "CALL_SHORT 7000/7005 5"]);
    assert_eq!(plan.sides[0].target, 8);
}

#[test]
fn reference_vector_38h_strikes_follow_the_signal_in_one_width() {
    let mut moved = row(Some(-1), Some(1), Some("0.1"));
    moved.put_strike = Some(dec("6910.9"));
    moved.call_strike = Some(dec("7010"));
    let plan = run(&moved, Some("9000"), &[], lambda()).unwrap();
    assert_eq!(shown(&plan), ["PUT_SHORT 6905/6910 2", "CALL_LONG 7010/7015 2"]);
    assert!(
        !plan.same_trades(&run(&row(Some(-1), Some(1), Some("0.1")), Some("9000"), &[], lambda()).unwrap())
    );
    moved.volatilities.insert("VixOne".into(), dec("0.2"));
    let larger = run(&moved, Some("90000"), &[], lambda()).unwrap();
    assert!(
        larger.sides[0].quantity() > plan.sides[0].quantity() && plan.same_trades(&larger),
        "sizes aside"
    );
}

#[test]
fn a_side_with_a_direction_needs_its_strike() {
    let mut broken = row(Some(-1), None, Some("0.1"));
    broken.put_strike = None;
    assert_eq!(
        run(&broken, Some("9000"), &[], lambda()).unwrap_err().to_string(),
        "signal Limit: missing or not a number, expected the inner strike in points"
    );
    for value in ["0", "3", "-6900", "100000"] {
        broken.put_strike = Some(dec(value));
        assert!(
            matches!(run(&broken, Some("9000"), &[], lambda()), Err(PlanRefusal::BadStrike { .. })),
            "{value}"
        );
    }
}

/// Found by the fuzzer: the quotient was more than a decimal holds, and dividing panicked.
#[test]
fn a_size_beyond_every_number_is_refused() {
    for (unit_dollars, equity) in [
        ("0.0000000000000000000000000001", "9000"),
        ("1", "79228162514264337593543950335"),
        ("0.09", "10000"),
    ] {
        let raw = RawProfile { unit_dollars: dec(unit_dollars), ..lambda() };
        assert!(
            matches!(
                run(&row(Some(-1), None, Some("0.1")), Some(equity), &[], raw),
                Err(PlanRefusal::TooLarge { .. })
            ),
            "{equity} / {unit_dollars}"
        );
    }
}

#[test]
fn a_zero_multiplier_trades_nothing() {
    let quiet = RawProfile { multipliers: vec![0, 3, 5, 8, 10], ..lambda() };
    assert_eq!(
        run(&row(Some(-1), None, Some("0.1")), Some("9000"), &[], quiet),
        Err(PlanRefusal::MultiplierZero { bucket: 1 })
    );
}

proptest! {
    #[test]
    fn never_more_than_units_times_multiplier_never_over_the_cap(
        equity in 1_i64..5_000_000, left in -2_i64..3, right in -2_i64..3, vol in 1_i64..9000,
        cap in proptest::option::of(1_u32..20), put_short in -20_i64..20, put_long in -20_i64..20,
    ) {
        let raw = RawProfile { most_per_side: cap, ..lambda() };
        let vix_one = Decimal::new(vol, 4).to_string();
        let held = [("P6900", put_short), ("P6895", put_long)];
        if let Ok(plan) = run(&row(Some(left), Some(right), Some(&vix_one)), Some(&equity.to_string()), &held, raw) {
            for side in &plan.sides {
                prop_assert!(side.quantity() <= plan.units * plan.multiplier);
                prop_assert!(cap.is_none_or(|most| side.quantity() <= most));
                prop_assert!(side.quantity() + side.held <= side.target.max(side.held));
                prop_assert_eq!(side.vertical.width(), Price::cents(500));
            }
        }
    }
}
