//! Three accounts and thirty days, handed off in any order, often and at any state of the day: the sheets are
//! those of the orderly run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::support::{Day, table};
use gamma_market::{Effect, Right};
use gamma_sheets::grid::Workbook;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;

const ACCOUNTS: [&str; 3] = ["schwab", "tt-ira", "tt-individual"];
const DAYS: usize = 30;

/// The account's day as its last look at the ledger shows it, or as an earlier one did: one rung, no report
/// yet.
fn day(account: usize, index: usize, last_look: bool) -> Day {
    let on = |index: usize| -> Date {
        date(2026, 1, 5).checked_add((i64::try_from(index).unwrap()).days()).unwrap()
    };
    let seed = index * 7 + account * 3;
    let spx = (6880 + (index * 37) % 140).to_string();
    let day = Day::new(ACCOUNTS[account], &on(index).to_string(), &on(index + 1).to_string()).spx(&spx);
    let effect = if index.is_multiple_of(3) { Effect::Debit } else { Effect::Credit };
    let rungs: &[(&str, &[(u32, &str)])] = match (last_look, seed % 4) {
        (false, _) => &[("0.95", &[])],
        (true, 0) => &[("0.95", &[(2, "0.95")])],
        (true, 1) => &[("0.95", &[]), ("0.90", &[(1, "0.91"), (1, "0.90")])],
        (true, 2) => &[("0.95", &[(1, "0.95")]), ("0.90", &[])],
        (true, _) => &[("0.95", &[]), ("0.90", &[])],
    };
    let day = if seed % 5 == 4 {
        day
    } else {
        day.side((Right::Put, effect, 6900), 1, 2, rungs).side(
            (Right::Call, Effect::Credit, 7000),
            1,
            2,
            rungs,
        )
    };
    // Nothing had filled, and the signal moved.
    let moved = last_look && seed % 4 == 3 && !day.ledger.intents.is_empty();
    let day =
        if moved { day.side((Right::Put, effect, 6910), 2, 2, &[("0.95", &[(2, "0.94")])]) } else { day };
    if last_look && !day.ledger.intents.is_empty() { day.reported() } else { day }
}

type Content = (BTreeMap<String, Vec<BTreeMap<String, String>>>, Vec<Vec<String>>);

static ORDERLY: LazyLock<Content> = LazyLock::new(|| content(&orderly()));

/// Rows stand in the order in which they came; everything else is the same.
fn content(workbook: &Workbook) -> Content {
    let sorted = |title: &str| {
        let mut rows = table(workbook, title);
        rows.sort();
        (title.to_owned(), rows)
    };
    (
        ["GW_Signal", "ConstantStableTrades", "CS_Tracking"].map(sorted).into(),
        workbook.tabs["CS_Summary"].cells.clone(),
    )
}

/// Days one after the other, each once, each when it was over.
fn orderly() -> Workbook {
    let mut workbook = Workbook::default();
    for index in 0..DAYS {
        (0..ACCOUNTS.len()).for_each(|account| day(account, index, true).hand_off(&mut workbook));
    }
    workbook
}

#[test]
fn the_orderly_run_is_worth_comparing_with() {
    let (tables, summary) = &*ORDERLY;
    let settled =
        summary.iter().skip(10).filter(|line| line.get(19).is_some_and(|pnl| !pnl.is_empty())).count();
    assert_eq!(
        (tables["GW_Signal"].len(), settled),
        (DAYS, 23),
        "schwab had orders on 24 days, and the last has not settled"
    );
    assert_eq!(
        (summary[10][0].as_str(), summary[39][0].as_str(), summary.len()),
        ("2026-02-03", "2026-01-05", 40)
    );
    assert!(tables["ConstantStableTrades"].iter().any(|row| row["reason"] == "REPLANNED"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_sheets_of_the_orderly_run(
        order in Just((0..ACCOUNTS.len() * DAYS).collect::<Vec<_>>()).prop_shuffle(),
        twice in proptest::collection::vec((0..ACCOUNTS.len() * DAYS, any::<prop::sample::Index>()), 0..40),
        early in proptest::collection::vec((0..ACCOUNTS.len() * DAYS, any::<prop::sample::Index>()), 0..40),
    ) {
        let mut hand_offs: Vec<(usize, bool)> = order.into_iter().map(|which| (which, true)).collect();
        for (which, at) in twice {
            hand_offs.insert(at.index(hand_offs.len() + 1), (which, true));
        }
        // An early look at a day comes before its last one.
        for (which, at) in early {
            let last = hand_offs.iter().position(|hand_off| *hand_off == (which, true)).unwrap();
            hand_offs.insert(at.index(last + 1), (which, false));
        }
        let mut workbook = Workbook::default();
        for (which, last_look) in hand_offs {
            day(which % ACCOUNTS.len(), which / ACCOUNTS.len(), last_look).hand_off_once(&mut workbook);
        }
        prop_assert!(content(&workbook) == *ORDERLY, "{:?}", content(&workbook));
    }
}
