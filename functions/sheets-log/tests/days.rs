//! What a day's records come to in the four tabs.

use crate::support::{Day, add, shown, summary, table};
use gamma_execution::ports::{Decision, IntentState, RungState};
use gamma_market::{Effect, Right};
use gamma_sheets::grid::Workbook;

const PUT: (Right, Effect, u32) = (Right::Put, Effect::Credit, 6900);
const CALL: (Right, Effect, u32) = (Right::Call, Effect::Debit, 7000);

/// The day of reference vector 42: four puts sold at 0.90, two calls bought at 1.05.
fn vector_42() -> Day {
    let put: &[(&str, &[(u32, &str)])] = &[("0.95", &[]), ("0.90", &[(4, "0.90")])];
    Day::new("tt-ira", "2026-02-11", "2026-02-12")
        .side(PUT, 1, 4, put)
        .side(CALL, 1, 2, &[("1.05", &[(2, "1.05")])])
        .reported()
}

fn handed_off(days: &[Day]) -> Workbook {
    let mut workbook = Workbook::default();
    days.iter().for_each(|day| day.hand_off(&mut workbook));
    workbook
}

#[test]
fn reference_vector_42_tracking() {
    let rows = table(&handed_off(&[vector_42()]), "CS_Tracking");
    assert_eq!(rows.len(), 1);
    for (columns, texts) in [
        ("date expiry account put_go call_go", "2026-02-11 | 2026-02-12 | tt-ira | -1 | 1"),
        ("put_strikes call_strikes gw_put_price", "6895/6900 | 7000/7005 | 0.93"),
        (
            "put_spread_price call_spread_price vix_value vol_bucket vix_mult units",
            "0.95 | 1.00 | 0.2 | 2 | 3 | 2",
        ),
        ("put_side put_target put_filled put_fill_price put_status", "CREDIT | 4 | 4 | 0.90 | OK"),
        ("call_side call_target call_filled call_fill_price call_status", "DEBIT | 2 | 2 | 1.05 | OK"),
        (
            "put_improvement call_improvement cost_per_contract put_cost call_cost total_cost",
            "-0.05 | -0.05 | 1.72 | 13.76 | 6.88 | 20.64",
        ),
    ] {
        assert_eq!(shown(&rows[0], columns), texts, "{columns}");
    }
}

#[test]
fn a_trade_row_says_who_what_and_at_which_price() {
    let rows = table(&handed_off(&[vector_42()]), "ConstantStableTrades");
    assert_eq!(rows.len(), 2);
    for (columns, texts) in [
        ("ts_utc ts_et", "2026-02-11T21:13:05+00:00 | 2026-02-11T16:13:05-05:00"),
        (
            "account run_id revision trade_date tdate",
            "tt-ira | tt-ira-2026-02-11-run | 1 | 2026-02-11 | 2026-02-12",
        ),
        ("name kind side direction", "PUT_SHORT | PUT | CREDIT | SHORT"),
        ("short_osi long_osi", "SPXW  260212P06900000 | SPXW  260212P06895000"),
        ("go strength gw_price qty_rule", "-1 | 0.75 | 0.93 | VOL_BUCKET"),
        ("vol_field vol_used vol_value vol_bucket vol_mult", "VixOne | VixOne | 0.2 | 2 | 3"),
        ("unit_dollars oc units qty_requested qty_filled", "10000 | 25123.45 | 2 | 4 | 4"),
        ("ladder_prices last_price fill_price order_ids reason", "0.95,0.90 | 0.90 | 0.90 | 111,112 | OK"),
        ("nbbo_bid nbbo_ask nbbo_mid", "0.90 | 1.00 | 0.95"),
    ] {
        assert_eq!(shown(&rows[0], columns), texts, "{columns}");
    }
    assert_eq!(shown(&rows[1], "name side direction order_ids"), "CALL_LONG | DEBIT | LONG | 211");
}

#[test]
fn the_price_is_that_of_the_fills_and_unknown_where_one_is() {
    let fills: &[(&str, &[(u32, &str)])] = &[("0.95", &[(1, "1.00")]), ("0.90", &[(1, "0.92"), (1, "0.90")])];
    let day = Day::new("schwab", "2026-02-11", "2026-02-12").side(PUT, 1, 4, fills).reported();
    let rows = table(&handed_off(std::slice::from_ref(&day)), "ConstantStableTrades");
    assert_eq!(shown(&rows[0], "qty_filled fill_price last_price reason"), "3 | 0.94 | 0.90 | PARTIAL_FILL");

    // An operator said that one more filled, not at which price.
    let mut resolved = day;
    let decision = Decision {
        by: "operator".into(),
        why: "statement".into(),
        at: "2026-02-12T10:00:00Z".parse().unwrap(),
    };
    let mut third = resolved.ledger.rungs[1].clone();
    (third.number, third.state) = (3, RungState::Resolved { filled: 1, decision });
    resolved.ledger.rungs.push(third);
    let workbook = handed_off(&[resolved, Day::new("schwab", "2026-02-12", "2026-02-13").spx("6950")]);
    assert_eq!(
        shown(
            &table(&workbook, "CS_Tracking")[0],
            "put_filled put_fill_price put_improvement put_status put_cost"
        ),
        "4 |  |  | OK | 7.76"
    );
    assert_eq!(
        summary(&workbook, 11),
        "2026-02-11|1|0.93|-1.02||4||||0||||0||||6950|-0.09",
        "a price that is unknown makes no P&L"
    );
}

#[test]
fn how_each_side_ended_is_said() {
    let day = || Day::new("schwab", "2026-02-11", "2026-02-12");
    let ends = |day: Day| {
        table(&handed_off(&[day]), "ConstantStableTrades")
            .iter()
            .map(|row| shown(row, "name revision reason"))
            .collect::<Vec<_>>()
    };
    let unfilled = day().side(PUT, 1, 2, &[("0.95", &[])]);
    assert_eq!(ends(unfilled.clone()), ["PUT_SHORT | 1 | NO_FILL"]);
    assert_eq!(ends(day().side(PUT, 1, 2, &[])), ["PUT_SHORT | 1 | NOT_SENT"]);
    assert_eq!(
        ends(unfilled.clone().side((Right::Put, Effect::Credit, 6910), 2, 2, &[("0.95", &[(2, "0.95")])])),
        ["PUT_SHORT | 1 | REPLANNED", "PUT_SHORT | 2 | OK"]
    );
    for (state, intent, reason) in [
        (RungState::Sending, IntentState::Open, "OPEN"),
        (RungState::Unknown { reason: "lost".into() }, IntentState::Open, "UNRESOLVED"),
        (RungState::Sending, IntentState::Unresolved, "UNRESOLVED"),
        (RungState::Refused { reason: "no".into() }, IntentState::Terminal, "REJECTED"),
    ] {
        let mut day = unfilled.clone();
        (day.ledger.rungs[0].state, day.ledger.intents[0].state) = (state, intent);
        assert_eq!(ends(day), [format!("PUT_SHORT | 1 | {reason}")]);
    }
}

#[test]
fn a_run_without_report_leaves_what_the_ledger_knows() {
    let mut day = vector_42();
    day.reports.clear();
    let workbook = handed_off(&[day]);
    let trade = &table(&workbook, "ConstantStableTrades")[0];
    assert_eq!(
        shown(trade, "ts_utc name go units qty_filled fill_price"),
        "2026-02-11T21:13:41+00:00 | PUT_SHORT |  |  | 4 | 0.90"
    );
    assert_eq!(
        shown(&table(&workbook, "CS_Tracking")[0], "put_strikes units put_go put_fill_price"),
        "6895/6900 |  |  | 0.90"
    );
}

#[test]
fn a_report_that_does_not_read_is_named_and_nothing_is_written() {
    let mut day = vector_42();
    day.reports.insert("r9".into(), serde_json::json!({"started": "soon"}));
    let error = day.changes(&Workbook::default()).unwrap_err().to_string();
    assert!(
        error.starts_with("report of run r9: ") && error.ends_with("expected the report as the run wrote it"),
        "{error}"
    );
}

#[test]
fn a_new_summary_has_the_old_blocks_and_newest_date_first() {
    let next = Day::new("schwab", "2026-02-12", "2026-02-13")
        .side(PUT, 1, 2, &[("0.95", &[(2, "0.95")])])
        .reported();
    let workbook = handed_off(&[vector_42(), next]);
    assert_eq!(summary(&workbook, 8), "");
    assert_eq!(summary(&workbook, 9), "|GW||||schwab||||TT IRA||||TT IND||||P&L at expiry");
    let block = "QTY|price put|price call|Total with comm";
    assert_eq!(
        summary(&workbook, 10),
        format!("Date|{block}|{block}|{block}|{block}|settlement|GW|schwab|TT IRA|TT IND")
    );
    assert_eq!(summary(&workbook, 11), "2026-02-12|1|0.93|-1.02||2|0.95|||0||||0");
    // Settled at 6950.25: the signal's condor keeps 0.93 and loses 1.02; 4 × (0.90 − 0.0344) + 2 × (−1.05 −
    // 0.0344).
    assert_eq!(
        summary(&workbook, 12),
        "2026-02-11|1|0.93|-1.02||0||||4|0.9|-1.05||0||||6950.25|-0.09||1.2936"
    );
}

#[test]
fn the_pnl_is_unknown_until_the_expiry_has_settled() {
    let mut workbook = handed_off(&[vector_42()]);
    assert_eq!(summary(&workbook, 11), "2026-02-11|1|0.93|-1.02||0||||4|0.9|-1.05||0");
    Day::new("schwab", "2026-02-12", "2026-02-13").spx("6897").hand_off(&mut workbook);
    // The puts end 3 points in the money: 4 × (0.90 − 3 − 0.0344) + 2 × (−1.05 − 0.0344).
    assert_eq!(
        summary(&workbook, 11),
        "2026-02-11|1|0.93|-1.02||0||||4|0.9|-1.05||0||||6897|-3.09||-10.7064"
    );
}

/// The tab has one strike a side: a figure made from two would be wrong.
#[test]
fn a_side_filled_at_two_strikes_has_no_pnl() {
    let fill: &[(&str, &[(u32, &str)])] = &[("0.95", &[(1, "0.95")])];
    let day = Day::new("schwab", "2026-02-11", "2026-02-12")
        .side(PUT, 1, 2, fill)
        .side((Right::Put, Effect::Credit, 6910), 2, 1, fill)
        .reported();
    let workbook = handed_off(&[day, Day::new("schwab", "2026-02-12", "2026-02-13")]);
    assert_eq!(
        shown(&table(&workbook, "CS_Tracking")[0], "put_strikes put_filled put_status"),
        "6905/6910 | 1 | SEVERAL_STRIKES"
    );
    assert_eq!(summary(&workbook, 11), "2026-02-11|1|0.93|-1.02||1|0.95|||0||||0||||6950.25|-0.09");
}

#[test]
fn a_plan_replaced_before_it_filled_is_not_shown() {
    let unfilled: &[(&str, &[(u32, &str)])] = &[("0.95", &[])];
    // The signal moved to an earlier expiry; the row of the later one stands below.
    let later = Day::new("schwab", "2026-02-11", "2026-02-13").side(PUT, 1, 2, unfilled);
    let mut day = Day::new("schwab", "2026-02-11", "2026-02-12")
        .side(PUT, 2, 2, &[("0.95", &[(2, "0.95")])])
        .reported();
    day.ledger.intents.extend(later.ledger.intents);
    day.ledger.rungs.extend(later.ledger.rungs);
    let workbook = handed_off(&[day]);
    let rows: Vec<String> = table(&workbook, "CS_Tracking")
        .iter()
        .map(|row| shown(row, "expiry put_filled put_status"))
        .collect();
    assert_eq!(rows, ["2026-02-12 | 2 | OK", "2026-02-13 | 0 | REPLANNED"]);
    assert_eq!(summary(&workbook, 11), "2026-02-11|1|0.93|-1.02||2|0.95|||0||||0");

    // Of one expiry the strikes that filled are shown, though a later plan wanted others.
    let fills: &[(&str, &[(u32, &str)])] = &[("0.95", &[(2, "0.95")])];
    let day = Day::new("schwab", "2026-02-11", "2026-02-12")
        .side(PUT, 1, 2, fills)
        .side((Right::Put, Effect::Credit, 6910), 2, 2, unfilled)
        .reported();
    assert_eq!(
        shown(&table(&handed_off(&[day]), "CS_Tracking")[0], "put_strikes put_filled put_status"),
        "6895/6900 | 2 | OK"
    );
}

#[test]
fn a_day_without_orders_leaves_its_signal_alone() {
    let workbook = handed_off(&[Day::new("schwab", "2026-02-11", "2026-02-12")]);
    assert_eq!(
        shown(&table(&workbook, "GW_Signal")[0], "date expiry spx put_strike l_imp"),
        "2026-02-11 | 2026-02-12 | 6950.25 | 6900 | "
    );
    assert_eq!(
        (table(&workbook, "ConstantStableTrades").len(), table(&workbook, "CS_Tracking").len()),
        (0, 0)
    );
    assert!(!workbook.tabs.contains_key("CS_Summary"));
}

#[test]
fn a_summary_with_other_text_in_a_blocks_place_is_refused() {
    let mut workbook = Workbook::default();
    add(&mut workbook, "CS_Summary", "\n\n\n\n\n\n\n\n|GW||||fees");
    assert_eq!(
        vector_42().changes(&workbook).unwrap_err().to_string(),
        "CS_Summary row 9: got \"fees\" at column 6 and \"schwab\" nowhere, expected the block's title there or in an empty cell"
    );
}
