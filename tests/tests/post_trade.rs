//! What comes after a trade, through the unmodified functions: the spreadsheet, the edge guard, the word to a
//! person. Needs moto: scripts/test runs these.

use gamma_execution::ports::{Consumer, EdgeLedger, Outbox};
use gamma_simulator::faults::{Fault, Odd, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::post_trade::{REPAIRED, SHEETS_LOG, SPREADSHEET, edge_guard};
use gamma_tests::stack::{CANARIES, Stack, StackConfig, TRADERS, Trader};
use serde_json::json;

/// All three accounts fill on this day.
const FILLING: u64 = 1;
/// On this one some accounts fill on one side only.
const ONE_SIDED: u64 = 2;
const TABS: [&str; 5] =
    ["GW_Signal", "ConstantStableTrades", "CS_Tracking", "CS_Summary", "ConstantStableEdge"];

fn live(trader: Trader) -> String {
    json!({ "account": trader.account, "scheduled_time": "2025-09-03T20:13:00Z" }).to_string()
}

async fn day(moto: &Moto) -> Stack {
    Stack::start(moto, &StackConfig { post_trade: true, ..StackConfig::of_seed(FILLING) }).await.unwrap()
}

async fn trade(stack: &Stack) {
    for (trader, answer) in stack.invoke_all(live).await.unwrap() {
        assert_eq!(
            (answer.function_error.as_deref(), answer.outcome()),
            (None, "filled"),
            "{}: {}",
            trader.account,
            answer.body
        );
    }
    stack.host.settled().await;
}

/// Rows under the header, by the text of some of their columns.
fn rows(stack: &Stack, tab: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let cells = stack.simulator.spreadsheets().text(SPREADSHEET, tab).unwrap_or_default();
    let Some((header, rows)) = cells.split_first() else { return Vec::new() };
    let at = |column: &str| {
        header
            .iter()
            .position(|name| name == column)
            .unwrap_or_else(|| panic!("{tab} has no column {column}: {header:?}"))
    };
    let mut found: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|column| row.get(at(column)).cloned().unwrap_or_default()).collect())
        .collect();
    found.sort();
    found
}

async fn outbox(stack: &Stack) -> usize {
    let ledger = stack.ledger();
    let mut left = 0;
    for trader in TRADERS {
        left += ledger.pending(trader.account).await.unwrap().len();
    }
    left
}

/// The incident: two accounts overwrote each other's row of the sheet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn three_accounts_that_finish_at_once_have_a_row_each() {
    let moto = Moto::start().await.unwrap();
    let stack = day(&moto).await;
    let mut lines = stack.host.subscribe();
    trade(&stack).await;
    assert_eq!(outbox(&stack).await, 0);
    assert_eq!(rows(&stack, "GW_Signal", &["date", "expiry"]), [["2025-09-03", "2025-09-04"]]);
    let tracked = rows(&stack, "CS_Tracking", &["account", "put_filled", "call_filled", "date", "expiry"]);
    let expected = [["schwab", "6", "6"], ["tt-individual", "5", "5"], ["tt-ira", "5", "5"]]
        .map(|[account, put, call]| [account, put, call, "2025-09-03", "2025-09-04"]);
    assert_eq!(tracked, expected);
    let trades = rows(&stack, "ConstantStableTrades", &["account", "name", "qty_filled"]);
    assert_eq!(trades.len(), 6, "{trades:?}");
    let edge = rows(&stack, "ConstantStableEdge", &["acct", "run_date", "equity", "decision"]);
    assert_eq!(
        edge,
        ["schwab", "tt-individual", "tt-ira"].map(|account| [
            account,
            "2025-09-03",
            "25000.00",
            "MONITOR_ONLY"
        ])
    );
    // Four requests at most for an account: a token, the tabs, their cells, the changes. And each of the two
    // functions is such a one.
    let google = |path: &str| {
        stack
            .simulator
            .requests()
            .iter()
            .filter(|request| request.service == Service::Google && request.path.contains(path))
            .count()
    };
    assert!(google("") <= 6 * 4, "{} requests of six invocations", google(""));
    while let Ok(line) = lines.try_recv() {
        assert!(
            CANARIES.iter().all(|(_, secret)| !line.line.contains(secret))
                && !line.line.contains("PRIVATE KEY"),
            "{}",
            line.line
        );
    }

    // The same again, in another order: nothing changes and no cell is written.
    let before: Vec<_> = TABS.map(|tab| stack.simulator.spreadsheets().text(SPREADSHEET, tab)).into();
    let writes = stack.simulator.spreadsheets().writes(SPREADSHEET);
    for trader in [TRADERS[2], TRADERS[0], TRADERS[1]] {
        for run in stack.ledger_runs(trader).await.unwrap() {
            let event =
                json!({ "account": trader.account, "trade_date": "2025-09-03", "run_id": run }).to_string();
            for function in [edge_guard(trader), SHEETS_LOG.to_owned()] {
                let answer = stack.invoke_function(&function, &event).await.unwrap();
                assert_eq!(
                    (answer.function_error.as_deref(), &answer.body["changes"]),
                    (None, &json!(0)),
                    "{function}: {}",
                    answer.body
                );
            }
        }
    }
    assert_eq!(TABS.map(|tab| stack.simulator.spreadsheets().text(SPREADSHEET, tab)).as_slice(), before);
    assert_eq!(stack.simulator.spreadsheets().writes(SPREADSHEET), writes);
    stack.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_google_out_of_order_touches_no_trade_and_loses_no_row() {
    let moto = Moto::start().await.unwrap();
    for (route, fault) in [
        (Route::SheetsRead, Fault::ServerError(503, When::BeforeEffect)),
        (Route::SheetsRead, Fault::TooManyRequests { retry_after: Some(2) }),
        (Route::SheetsWrite, Fault::TooManyRequests { retry_after: None }),
        (Route::SheetsWrite, Fault::Dropped(When::AfterEffect)),
        (Route::SheetsWrite, Fault::ServerError(500, When::BeforeEffect)),
        (Route::SheetsToken, Fault::ServerError(500, When::BeforeEffect)),
    ] {
        let stack = day(&moto).await;
        stack.faults().add(Rule::on(route.clone()).times(2).fault(fault.clone()));
        trade(&stack).await;
        assert!(!stack.faults().fired().is_empty(), "{route:?}, {fault:?} did not happen");
        for trader in TRADERS {
            assert_eq!(
                stack.audit_of(trader, After::Everything).await.unwrap(),
                Vec::<String>::new(),
                "{route:?}, {fault:?}"
            );
        }
        let tracked = rows(&stack, "CS_Tracking", &["account", "put_filled"]);
        assert_eq!(
            tracked,
            [["schwab", "6"], ["tt-individual", "5"], ["tt-ira", "5"]],
            "{route:?}, {fault:?}"
        );
        assert_eq!(rows(&stack, "ConstantStableEdge", &["acct"]).len(), 3, "{route:?}, {fault:?}");
        stack.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_was_not_handed_off_is_handed_off_by_the_sweep() {
    let moto = Moto::start().await.unwrap();
    let nowhere = [("AWS_ENDPOINT_URL_LAMBDA".to_owned(), "http://127.0.0.1:9".to_owned())].into();
    let stack = Stack::start(
        &moto,
        &StackConfig { post_trade: true, environment: nowhere, ..StackConfig::of_seed(FILLING) },
    )
    .await
    .unwrap();
    let [trader, ..] = TRADERS;
    assert_eq!(stack.invoke_of(trader, &live(trader)).await.unwrap().outcome(), "filled");
    stack.host.settled().await;
    let pending = stack.ledger().pending(trader.account).await.unwrap();
    assert_eq!(pending.iter().map(|pending| pending.consumer).collect::<Vec<_>>(), Consumer::ALL);
    assert_eq!(rows(&stack, "CS_Tracking", &[]), Vec::<Vec<String>>::new());
    assert!(stack.ledger().edge_log(trader.account).await.unwrap().observations.is_empty());

    // Another function of the account, which reaches Lambda: the sweep has nothing of its own to hand off.
    let sweep = stack.invoke_function(REPAIRED, r#"{"account":"schwab","sweep":true}"#).await.unwrap();
    assert_eq!(sweep.outcome(), "swept", "{}", sweep.body);
    stack.host.settled().await;
    assert_eq!(stack.ledger().pending(trader.account).await.unwrap(), []);
    assert_eq!(rows(&stack, "CS_Tracking", &["account", "put_filled"]), [["schwab", "6"]]);
    assert_eq!(rows(&stack, "ConstantStableEdge", &["acct", "equity"]), [["schwab", "25000.00"]]);
    stack.host.stop().await;
}

/// Lines of a function that say so.
fn said(stack: &Stack, function: &str, words: &str) -> usize {
    let of = stack.host.attempts().into_iter().filter(|attempt| attempt.function == function);
    of.flat_map(|attempt| stack.host.logs(&attempt.request_id)).filter(|line| line.contains(words)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_one_sided_day_is_notified_once_and_an_ordinary_one_not() {
    let moto = Moto::start().await.unwrap();
    let stack = Stack::start(&moto, &StackConfig { post_trade: true, ..StackConfig::of_seed(ONE_SIDED) })
        .await
        .unwrap();
    // Schwab has no quote of one put leg: that account trades its calls alone.
    let odd = Fault::OddQuote(Some("SPXW  250904P06420000".parse().unwrap()), Odd::Missing);
    stack.faults().add(Rule::on(Route::Quotes).at(Service::Schwab).always().fault(odd));
    let answers = stack.invoke_all(live).await.unwrap();
    stack.host.settled().await;
    let one_sided: Vec<Trader> = answers
        .iter()
        .filter(|(_, answer)| ["one_sided", "uneven"].contains(&answer.outcome()))
        .map(|(trader, _)| *trader)
        .collect();
    assert!(
        !one_sided.is_empty() && one_sided.len() < 3,
        "{:?}",
        answers.iter().map(|(_, answer)| answer.outcome()).collect::<Vec<_>>()
    );
    let notices =
        || TRADERS.map(|trader| said(&stack, SHEETS_LOG, &format!("] {} 2025-09-03: ", trader.account)));
    let expected = TRADERS.map(|trader| usize::from(one_sided.contains(&trader)));
    assert_eq!(notices(), expected);
    // The same run handed off again tells nobody again.
    for trader in &one_sided {
        for run_id in stack.ledger_runs(*trader).await.unwrap() {
            let event = json!({ "account": trader.account, "trade_date": "2025-09-03", "run_id": run_id })
                .to_string();
            let answer = stack.invoke_function(SHEETS_LOG, &event).await.unwrap();
            assert_eq!(answer.body["told"], json!(false), "{}", answer.body);
        }
    }
    assert_eq!(notices(), expected);
    stack.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_spreadsheet_that_was_lost_is_made_anew_from_the_ledger() {
    let moto = Moto::start().await.unwrap();
    let stack = day(&moto).await;
    trade(&stack).await;
    let sheets = stack.simulator.spreadsheets();
    let rows_of = |tab: &str| {
        let mut rows = sheets.text(SPREADSHEET, tab).unwrap_or_default();
        rows.sort();
        rows
    };
    let before = TABS.map(rows_of);
    sheets.create(SPREADSHEET, "Trading journal", []);
    assert_eq!(rows_of("CS_Tracking"), Vec::<Vec<String>>::new());
    for trader in TRADERS {
        let rebuilt = stack
            .invoke_function(
                &edge_guard(trader),
                &json!({ "account": trader.account, "rebuild": true }).to_string(),
            )
            .await
            .unwrap();
        assert_eq!(
            (rebuilt.function_error.as_deref(), &rebuilt.body["rows"]),
            (None, &json!(1)),
            "{}",
            rebuilt.body
        );
        for run_id in stack.ledger_runs(trader).await.unwrap() {
            let event = json!({ "account": trader.account, "trade_date": "2025-09-03", "run_id": run_id })
                .to_string();
            assert_eq!(stack.invoke_function(SHEETS_LOG, &event).await.unwrap().function_error, None);
        }
    }
    assert_eq!(TABS.map(rows_of), before);
    let foreign = stack
        .invoke_function(&edge_guard(TRADERS[1]), r#"{"account":"schwab","rebuild":true}"#)
        .await
        .unwrap();
    assert_eq!(foreign.error_type(), "ForeignAccount", "{}", foreign.body);
    stack.host.stop().await;
}

/// Google keeps a date that a person has typed as a number of days.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn typed_dates_double_no_row_and_a_copied_row_is_told_once() {
    let moto = Moto::start().await.unwrap();
    let stack = day(&moto).await;
    trade(&stack).await;
    let sheets = stack.simulator.spreadsheets();
    let counts = || TABS.map(|tab| sheets.text(SPREADSHEET, tab).unwrap_or_default().len());
    let before = counts();
    let type_into = |cell: &str, text: &str| sheets.type_into(SPREADSHEET, cell, text).unwrap();
    for (tab, column, first, rows) in [
        ("GW_Signal", "A", 2, 1),
        ("ConstantStableTrades", "C", 2, 6),
        ("CS_Tracking", "A", 2, 3),
        ("CS_Summary", "A", 11, 1),
        ("ConstantStableEdge", "C", 2, 3),
    ] {
        (first..first + rows).for_each(|row| type_into(&format!("{tab}!{column}{row}"), "9/3/2025"));
    }
    for trader in TRADERS {
        for run in stack.ledger_runs(trader).await.unwrap() {
            let event =
                json!({ "account": trader.account, "trade_date": "2025-09-03", "run_id": run }).to_string();
            for function in [edge_guard(trader), SHEETS_LOG.to_owned()] {
                let answer = stack.invoke_function(&function, &event).await.unwrap();
                assert_eq!(
                    (answer.function_error.as_deref(), &answer.body["changes"]),
                    (None, &json!(0)),
                    "{function}: {}",
                    answer.body
                );
            }
        }
    }
    assert_eq!(counts(), before);

    // A copy of a row by hand: of the day, its expiry and the account.
    let tracked = sheets.text(SPREADSHEET, "CS_Tracking").unwrap();
    ["A", "B", "C"]
        .iter()
        .zip(&tracked[1])
        .for_each(|(column, text)| type_into(&format!("CS_Tracking!{column}5"), text));
    let account = tracked[1][2].clone();
    let trader = TRADERS.into_iter().find(|trader| trader.account == account).unwrap();
    for _ in 0..2 {
        for run in stack.ledger_runs(trader).await.unwrap() {
            let event = json!({ "account": account, "trade_date": "2025-09-03", "run_id": run }).to_string();
            let answer = stack.invoke_function(SHEETS_LOG, &event).await.unwrap();
            let note = answer.body["notes"][0].as_str().unwrap_or_default();
            assert!(note.starts_with("CS_Tracking rows 2, 5: got the same key ("), "{}", answer.body);
        }
    }
    assert_eq!(said(&stack, SHEETS_LOG, "rows stand twice"), 1);
    stack.host.stop().await;
}
