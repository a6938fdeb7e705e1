use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::chain::next_row;
use super::*;

const FIRST: Date = date(2026, 2, 2);

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// 16:13:31 in New York, `days` after the first.
fn at(days: i64) -> Timestamp {
    "2026-02-02T21:13:31Z".parse::<Timestamp>().unwrap() + (days * 24).hours()
}

fn seen(days: i64, equity: &str) -> Observation {
    let (date, at) = (FIRST + days.days(), at(days));
    Observation {
        date,
        run_id: format!("run-{days}"),
        live: true,
        at,
        counted_until: at,
        equity: dec(equity),
        source: EquitySource::Run,
    }
}

fn moved(id: &str, at: Timestamp, amount: &str) -> Transfer {
    Transfer { id: id.to_owned(), at, amount: dec(amount) }
}

/// The parameters of vectors 39 and 41.
fn tested() -> EdgeSettings {
    EdgeSettings { mu1: Some(dec("0.00035")), sigma: Some(dec("0.004")), ..EdgeSettings::default() }
}

fn column(row: &EdgeRow, name: &str) -> String {
    row.cells()[COLUMNS.iter().position(|column| *column == name).expect("a column")].clone()
}

fn columns(row: &EdgeRow, names: &[&str]) -> String {
    names.iter().map(|name| column(row, name)).collect::<Vec<_>>().join(" ")
}

#[test]
fn vector_38l_the_transfer_test() {
    for (kind, sub, description, has_order, has_items, moves_options, expected) in [
        ("ACH_RECEIPT", None, "ACH deposit", false, false, false, true),
        ("TRADE", Some("BUY TRADE"), "", true, true, true, false),
        ("JOURNAL", None, "journal", false, false, false, true),
        ("RECEIVE_AND_DELIVER", None, "option receive/deliver", false, true, true, false),
        ("OTHER", None, "", false, true, false, true), // a currency item
        ("OTHER", None, "", true, true, false, false),
        ("OTHER", None, "", false, false, false, false),
        ("OTHER", None, "wire transfer of interest", false, true, false, false),
    ] {
        let row = MoneyRow {
            kind,
            sub_kind: sub,
            description: Some(description),
            has_order,
            has_items,
            moves_options,
        };
        assert_eq!(is_transfer(&row), expected, "{row:?}");
    }
}

#[test]
fn vector_38m_no_equity_no_row_a_first_run_and_a_pause() {
    assert_eq!(chain(&[seen(0, "0"), seen(1, "-5")], &[], &EdgeSettings::default(), "schwab"), []);
    let rows = chain(&[seen(0, "20000")], &[], &EdgeSettings::default(), "schwab");
    let expected = [
        "2026-02-02T21:13:31+00:00",
        "2026-02-02T16:13:31-05:00",
        "2026-02-02",
        "schwab",
        "20000.00",
        "run",
        "",
        "0.00",
        "0.00",
        "20000.00",
        "",
        "",
        "",
        "20000.00",
        "0.00",
        "0.000000",
        "",
        "0.000000",
        "0",
        "",
        "MONITOR_ONLY",
    ];
    assert_eq!(rows[0].cells(), expected.map(str::to_owned));
    let before = EdgeRow { pause_until: Some(date(2099, 1, 1)), llr: dec("1.5"), n: 7, ..rows[0].clone() };
    let paused = next_row(Some(&before), &seen(1, "19000"), Decimal::ZERO, &tested(), "schwab");
    assert_eq!(
        columns(&paused, &["pnl", "dd", "dd_pct", "llr", "n", "pause_until", "decision"]),
        "-1000.00 1000.00 0.050000 1.500000 7 2099-01-01 PAUSED"
    );
    assert!(!paused.verdict.can_trade() && Verdict::NoEquity.can_trade());
}

#[test]
fn vector_39_the_step_and_the_bounds() {
    let settings = tested();
    assert_eq!(settings.step(dec("0.00035"), dec("0.004"), dec("0.001")), Some(dec("0.018046875")));
    let (lower, upper) = settings.bounds();
    assert_eq!(format!("{lower:.6} {upper:.6}"), "-2.985682 4.553877");
}

#[test]
fn vector_40_a_deposit_is_no_gain() {
    let deposit = [moved("1", at(1) - 1.hour(), "1000")];
    let rows = chain(&[seen(0, "20000"), seen(1, "20500")], &deposit, &EdgeSettings::default(), "schwab");
    let names = [
        "transfer_net",
        "transfer_cum",
        "equity_adj",
        "prev_equity_adj",
        "pnl",
        "ret",
        "winloss",
        "decision",
    ];
    assert_eq!(
        columns(&rows[1], &names),
        "1000.00 1000.00 19500.00 20000.00 -500.00 -0.02500000 LOSS MONITOR_ONLY"
    );
}

#[test]
fn vector_41_the_lower_bound_pauses_and_the_test_begins_anew() {
    let first = &chain(&[seen(0, "20000")], &[], &tested(), "schwab")[0];
    let before = EdgeRow { llr: dec("-2.9"), n: 40, ..first.clone() };
    let row = next_row(Some(&before), &seen(1, "19800"), Decimal::ZERO, &tested(), "schwab");
    assert_eq!(row.reached.round_dp(2), dec("-3.12"));
    assert_eq!(columns(&row, &["llr", "n", "pause_until", "decision"]), "0.000000 0 2026-02-08 PAUSE_EDGE");
    assert!(!row.verdict.can_trade());
    assert_eq!(row.why(), "the sequential test reached -3.1226 on 2026-02-03: pause until 2026-02-08");
    // Too few returns, and a statistic above the lower bound, go on.
    for (llr, n, verdict) in [
        ("-2.9", 28, Verdict::Ok),
        ("-2.9", 29, Verdict::PauseEdge),
        ("-2.7", 40, Verdict::Ok),
        ("4.9", 0, Verdict::EdgeOkReset),
    ] {
        let before = EdgeRow { llr: dec(llr), n, ..first.clone() };
        assert_eq!(
            next_row(Some(&before), &seen(1, "19800"), Decimal::ZERO, &tested(), "schwab").verdict,
            verdict,
            "{llr} {n}"
        );
    }
}

#[test]
fn the_upper_bound_restarts_the_test_and_no_sigma_tests_nothing() {
    let grows: Vec<Observation> =
        [(0, "10000"), (1, "12100"), (2, "12200")].map(|(day, equity)| seen(day, equity)).to_vec();
    let rows = chain(&grows, &[], &tested(), "schwab");
    assert_eq!(
        rows.iter().map(|row| (row.verdict, row.n)).collect::<Vec<_>>(),
        [(Verdict::MonitorOnly, 0), (Verdict::EdgeOkReset, 0), (Verdict::Ok, 1)]
    );
    for sigma in ["0", "-0.1", "0.00000000000000000000000001"] {
        let settings = EdgeSettings { sigma: Some(dec(sigma)), ..tested() };
        assert_eq!(chain(&grows, &[], &settings, "schwab")[2].verdict, Verdict::NoSigma, "{sigma}");
    }
}

#[test]
fn a_pause_lasts_its_days_and_loses_no_transfer_or_return() {
    let settings = EdgeSettings { min_samples: 1, ..tested() };
    // The loss of day 1 pauses to day 6; 5000 come on day 3, and the account stands where it stood.
    let equities = ["20000", "17000", "17000", "22000", "22000", "22000", "22000", "22000"];
    let days: Vec<Observation> = (0..).zip(equities).map(|(day, equity)| seen(day, equity)).collect();
    let rows = chain(&days, &[moved("1", at(3) - 1.minute(), "5000")], &settings, "schwab");
    let verdicts: Vec<&str> = rows.iter().map(|row| row.verdict.name()).collect();
    assert_eq!(
        verdicts,
        ["MONITOR_ONLY", "PAUSE_EDGE", "PAUSED", "PAUSED", "PAUSED", "PAUSED", "PAUSED", "OK"]
    );
    assert_eq!(columns(&rows[3], &["transfer_net", "equity_adj", "pnl"]), "5000.00 17000.00 0.00");
    assert_eq!(
        columns(&rows[7], &["transfer_net", "transfer_cum", "equity_adj", "pnl", "n", "pause_until"]),
        "0.00 5000.00 17000.00 0.00 1 2026-02-08"
    );
}

#[test]
fn a_transfer_belongs_to_the_first_row_whose_equity_holds_it() {
    let start_of_day = |days| Observation { counted_until: at(days) - 16.hours(), ..seen(days, "20000") };
    for (days, moment, nets) in [
        ([seen(0, "20000"), seen(1, "20000"), seen(2, "20000")], at(1), ["0.00", "7.00", "0.00"]),
        (
            [seen(0, "20000"), seen(1, "20000"), seen(2, "20000")],
            at(1) + 1.second(),
            ["0.00", "0.00", "7.00"],
        ),
        // The value of the day's start shows what came at noon tomorrow.
        ([start_of_day(0), start_of_day(1), start_of_day(2)], at(1) - 4.hours(), ["0.00", "0.00", "7.00"]),
        // Up to a day before the first, as in the replaced system; not yet in any row.
        (
            [seen(0, "20000"), seen(1, "20000"), seen(2, "20000")],
            at(-1) + 1.second(),
            ["7.00", "0.00", "0.00"],
        ),
        ([seen(0, "20000"), seen(1, "20000"), seen(2, "20000")], at(-1), ["0.00", "0.00", "0.00"]),
        (
            [seen(0, "20000"), seen(1, "20000"), seen(2, "20000")],
            at(2) + 1.second(),
            ["0.00", "0.00", "0.00"],
        ),
    ] {
        let rows = chain(
            &days,
            &[moved("1", moment, "7"), moved("1", moment, "7")],
            &EdgeSettings::default(),
            "schwab",
        );
        assert_eq!(rows.iter().map(|row| column(row, "transfer_net")).collect::<Vec<_>>(), nets, "{moment}");
    }
}

#[test]
fn of_a_dates_observations_the_live_runs_counts() {
    let dry = Observation { live: false, run_id: "dry".into(), at: at(0) - 5.hours(), ..seen(0, "1") };
    let asked = Observation {
        source: EquitySource::Broker,
        run_id: "sweep".into(),
        at: at(0) - 1.hour(),
        ..seen(0, "2")
    };
    let later = Observation { run_id: "again".into(), at: at(0) + 1.minute(), ..seen(0, "3") };
    let mut days = vec![dry, asked, later, seen(0, "20000")];
    for expected in ["20000.00", "3.00", "2.00", "1.00"] {
        let rows = chain(&days, &[], &EdgeSettings::default(), "schwab");
        assert_eq!((rows.len(), column(&rows[0], "equity").as_str()), (1, expected));
        days.pop();
    }
}

#[test]
fn amounts_beyond_what_a_decimal_holds_do_not_panic() {
    let most = Decimal::MAX.to_string();
    let least = "0.0000000000000000000000000001";
    let days = [seen(0, least), seen(1, &most), seen(2, least), seen(3, &most)];
    let transfers =
        [moved("1", at(1), &format!("-{most}")), moved("2", at(2), &most), moved("3", at(3), &most)];
    let rows = chain(&days, &transfers, &tested(), "schwab");
    assert_eq!(rows.iter().map(|row| row.cells().len()).sum::<usize>(), 84);
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    type Change = fn(&mut EdgeSettings);
    assert_eq!((EdgeSettings::default().check(), tested().check()), (Ok(()), Ok(())));
    let cases: [(&str, Change); 15] = [
        ("mu0", |it| it.mu0 = Decimal::TWO),
        ("mu0", |it| it.mu0 = -Decimal::TWO),
        ("mu1", |it| it.mu1 = Some(Decimal::ZERO)),
        ("mu1", |it| it.mu1 = Some(dec("1.000001"))),
        ("mu1", |it| (it.mu0, it.mu1) = (dec("0.001"), Some(dec("0.0005")))),
        ("sigma", |it| it.sigma = Some(Decimal::TWO)),
        ("sigma", |it| it.sigma = Some(Decimal::new(1, 9))),
        ("alpha", |it| it.alpha = Decimal::ONE),
        ("alpha", |it| it.alpha = dec("0.5")),
        ("beta", |it| it.beta = Decimal::ZERO),
        ("beta", |it| it.beta = dec("0.5")),
        ("min_samples", |it| it.min_samples = 0),
        ("min_samples", |it| it.min_samples = 10_001),
        ("pause_days", |it| it.pause_days = 0),
        ("pause_days", |it| it.pause_days = 367),
    ];
    for (field, change) in cases {
        let mut wrong = tested();
        change(&mut wrong);
        let error = wrong.check().unwrap_err().to_string();
        assert!(error.starts_with(&format!("edge {field}: got ")), "{error}");
    }
    let usable: [Change; 8] = [
        |it| (it.mu0, it.mu1) = (Decimal::ONE, None),
        |it| it.mu0 = Decimal::NEGATIVE_ONE,
        |it| it.mu1 = Some(Decimal::ONE),
        |it| it.sigma = Some(Decimal::ONE),
        |it| it.sigma = Some(dec("0.000001")),
        // The replaced system calls these NO_SIGMA.
        |it| it.sigma = Some(Decimal::ZERO),
        |it| it.sigma = Some(dec("-0.1")),
        |it| (it.alpha, it.beta, it.min_samples, it.pause_days) = (dec("0.4999"), dec("0.4999"), 10_000, 366),
    ];
    for (at, change) in usable.into_iter().enumerate() {
        let mut settings = tested();
        change(&mut settings);
        assert_eq!(settings.check(), Ok(()), "{at}: {settings:?}");
    }
}

#[test]
fn a_bound_is_reached_by_standing_on_it() {
    let first = &chain(&[seen(0, "20000")], &[], &tested(), "schwab")[0];
    let (lower, upper) = tested().bounds();
    for (bound, verdict) in [(lower, Verdict::PauseEdge), (upper, Verdict::EdgeOkReset)] {
        // A return of half of mu1 speaks for neither mean: the statistic stays where it stood.
        let llr = dec(&bound.to_string());
        assert_eq!(llr.to_f64(), Some(bound), "the bound itself");
        let row = next_row(
            Some(&EdgeRow { llr, n: 40, ..first.clone() }),
            &seen(1, "20003.5"),
            Decimal::ZERO,
            &tested(),
            "schwab",
        );
        assert_eq!((row.reached, row.verdict), (llr, verdict));
    }
}

#[test]
fn without_adjusted_equity_above_zero_there_is_no_share() {
    // The account lives by what was transferred into it: without that nothing, then less than nothing.
    for (transfer, adjusted) in [("20000", "0.00"), ("20500", "-500.00")] {
        let rows = chain(
            &[seen(0, "20000"), seen(1, "19000")],
            &[moved("1", at(0) - 1.hour(), transfer)],
            &tested(),
            "schwab",
        );
        assert_eq!(
            columns(&rows[0], &["equity_adj", "peak_equity", "dd_pct"]),
            format!("{adjusted} {adjusted} ")
        );
        assert_eq!(
            columns(&rows[1], &["pnl", "ret", "dd", "dd_pct", "decision"]),
            "-1000.00  1000.00  MONITOR_ONLY"
        );
    }
}
