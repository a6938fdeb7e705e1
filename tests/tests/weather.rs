//! And it trades: with one AWS or read fault that clears within two seconds, a run fills what the undisturbed
//! run fills; and whatever happens to an order's POST or cancel, the books stay in order. Needs moto:
//! scripts/test runs these.

use std::time::Duration;

use gamma_simulator::dxlink::Switch;
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{SCHWAB, Stack, StackConfig, TT_IRA, Trader};
use jiff::Timestamp;

const LIVE: &str = include_str!("../../events/schwab.json");
const SWEEP: &str = include_str!("../../events/sweep.json");

/// Nothing fills on this day by itself.
const QUIET: u64 = 4;
/// It begins at a fraction of a second that makes the waits between tries short, for those who draw them from
/// the clock.
fn quiet_day() -> StackConfig {
    let day = StackConfig::of_seed(QUIET);
    StackConfig { start: day.start + Duration::from_millis(68), ..day }
}

/// Both sides fill on this day.
const FILLING: u64 = 2;

fn transport() -> Vec<Fault> {
    vec![
        Fault::ServerError(503, When::BeforeEffect),
        Fault::ServerError(500, When::AfterEffect),
        Fault::Dropped(When::BeforeEffect),
        Fault::Dropped(When::AfterEffect),
        Fault::Latency(Duration::from_millis(40)),
    ]
}

fn of_reads() -> Vec<Fault> {
    let web = [
        Fault::TooManyRequests { retry_after: None },
        Fault::TooManyRequests { retry_after: Some(1) },
        Fault::Unauthorized,
        Fault::EdgePage,
        Fault::Refused(Duration::from_secs(1)),
    ];
    transport().into_iter().chain(web).collect()
}

/// The same event at another account.
fn event(trader: Trader, of_schwab: &str) -> String {
    of_schwab.replace("\"schwab\"", &format!("\"{}\"", trader.account))
}

/// What an undisturbed run fills of both sides together.
fn packages(trader: Trader) -> u32 {
    if trader == SCHWAB { 12 } else { 10 }
}

/// One run with these rules, on a day on which the second order of each side fills. What was wrong, if
/// anything.
async fn trouble(moto: &Moto, rules: impl IntoIterator<Item = Rule>, fault: &Fault) -> Option<String> {
    let stack = Stack::start(moto, &quiet_day()).await.unwrap();
    trouble_on(&stack, SCHWAB, rules, fault).await
}

async fn trouble_on(
    stack: &Stack,
    trader: Trader,
    rules: impl IntoIterator<Item = Rule>,
    fault: &Fault,
) -> Option<String> {
    rules.into_iter().for_each(|rule| stack.faults().add(rule));
    // A fault costs time, and the market moves on: what fills must not hang on that.
    stack.faults().add(Rule::on(Route::PlaceOrder).after(2).always().fault(Fault::PartFill(u32::MAX)));
    let answer = stack.invoke_of(trader, &event(trader, LIVE)).await.unwrap();
    let filled: u32 =
        stack.book_of(trader).unwrap().filled_packages().iter().map(|package| package.fill.quantity).sum();
    let audit = stack.audit_of(trader, After::Everything).await.unwrap();
    let struck = stack.faults().fired().iter().any(|fired| fired.fault == *fault);
    stack.host.stop().await;
    if struck && answer.outcome() == "filled" && filled == packages(trader) && audit.is_empty() {
        return None;
    }
    let said = answer.body.to_string();
    Some(format!(
        "struck {struck}, filled {filled}, {audit:?}: {} {}",
        answer.outcome(),
        said.get(..600).unwrap_or(&said)
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn with_one_aws_fault_a_run_fills_as_without() {
    let moto = Moto::start().await.unwrap();
    let operations = [
        ("SSM.GetParameters", 1),
        ("SSM.GetParameter", 1),
        ("SSM.PutParameter", 1),
        ("DynamoDB.BatchGetItem", 2),
        ("DynamoDB.UpdateItem", 1),
        ("DynamoDB.Query", 1),
        ("DynamoDB.PutItem", 3),
        ("DynamoDB.TransactWriteItems", 3),
    ];
    let mut wrong = Vec::new();
    for (operation, occurrences) in operations {
        for fault in transport().into_iter().chain([Fault::Throttled]) {
            for after in 0..occurrences {
                let rule = Rule::on(Route::aws(operation)).after(after).fault(fault.clone());
                wrong.extend(
                    trouble(&moto, [rule], &fault)
                        .await
                        .map(|trouble| format!("{operation} after {after}, {fault:?}: {trouble}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn with_one_read_fault_a_run_fills_as_without() {
    let moto = Moto::start().await.unwrap();
    let routes = [
        Route::Token,
        Route::AccountNumbers,
        Route::Account,
        Route::ListOrders,
        Route::Quotes,
        Route::ReadOrder,
        Route::SignalLogin,
        Route::Signal,
    ];
    let mut wrong = Vec::new();
    for route in routes {
        for fault in of_reads() {
            if route == Route::Token && fault == Fault::Unauthorized {
                // "invalid_client" is an answer: asking again would change nothing.
                continue;
            }
            let rule = Rule::on(route.clone()).fault(fault.clone());
            wrong.extend(
                trouble(&moto, [rule], &fault)
                    .await
                    .map(|trouble| format!("{route:?}, {fault:?}: {trouble}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With streamed quotes, of which REST is the second source, and with a stream that says nothing, of which it
/// is the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn at_tastytrade_one_read_fault_that_clears_costs_no_fill() {
    let moto = Moto::start().await.unwrap();
    let streamed = [
        Route::Token,
        Route::Account,
        Route::Positions,
        Route::ListOrders,
        Route::ReadOrder,
        Route::QuoteToken,
        Route::Chain,
    ];
    let cases = streamed.map(|route| (route, false)).into_iter().chain([(Route::Quotes, true)]);
    let mut wrong = Vec::new();
    for (route, mute) in cases {
        let spurious = (route == Route::Token).then_some(Fault::SpuriousRefusal);
        for fault in of_reads().into_iter().chain(spurious) {
            if route == Route::Token && fault == Fault::Unauthorized {
                // "invalid_client" is an answer: asking again would change nothing.
                continue;
            }
            let stack = Stack::start(&moto, &quiet_day()).await.unwrap();
            if mute {
                stack.simulator.dxlink().set(Switch::KeepaliveOnly);
            }
            let rule = Rule::on(route.clone()).fault(fault.clone());
            wrong.extend(
                trouble_on(&stack, TT_IRA, [rule], &fault)
                    .await
                    .map(|trouble| format!("{route:?}, {fault:?}: {trouble}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Attempts the SDK makes of one operation.
const ATTEMPTS: u32 = 3;

/// The SDK waits in real time, while the virtual time of rules stands still. So an outage of AWS is counted:
/// as many requests fail as two operations make, each tried to its end, and the third comes after two seconds
/// of the run's own waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn with_an_aws_service_out_two_seconds_a_run_fills_as_without() {
    let moto = Moto::start().await.unwrap();
    let mut wrong = Vec::new();
    for service in ["SSM", "DynamoDB"] {
        // From the first request on, and from places all over the run.
        for after in if service == "SSM" { vec![0, 1, 2] } else { vec![0, 1, 2, 3, 5, 8, 12, 20] } {
            let fault = Fault::ServerError(500, When::BeforeEffect);
            let rule = Rule::on(Route::aws(service)).after(after).times(2 * ATTEMPTS).fault(fault.clone());
            wrong.extend(
                trouble(&moto, [rule], &fault)
                    .await
                    .map(|trouble| format!("{service} after {after}: {trouble}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// When the undisturbed run asked for anything of `service`, and what: a latency of nothing disturbs nobody
/// and is on record.
async fn asked(moto: &Moto, service: Service) -> Vec<(Route, Timestamp)> {
    let stack = Stack::start(moto, &quiet_day()).await.unwrap();
    stack.faults().add(Rule::on(Route::AnyOf(service)).always().fault(Fault::Latency(Duration::ZERO)));
    stack.faults().add(Rule::on(Route::PlaceOrder).after(2).always().fault(Fault::PartFill(u32::MAX)));
    assert_eq!(stack.invoke(LIVE).await.unwrap().outcome(), "filled");
    stack.host.stop().await;
    let fired = stack.faults().fired().into_iter().filter(|fired| matches!(fired.fault, Fault::Latency(_)));
    fired.map(|fired| (fired.route, fired.at)).collect()
}

/// Clients of broker and feed wait by the run's clock, so here an outage is two seconds of virtual time. It
/// begins with the first request of its kind, with the last, and with some between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn with_reads_out_for_two_seconds_a_run_fills_as_without() {
    let moto = Moto::start().await.unwrap();
    let broker = [
        Route::Token,
        Route::AccountNumbers,
        Route::Account,
        Route::ListOrders,
        Route::Quotes,
        Route::ReadOrder,
    ];
    let feed = [Route::SignalLogin, Route::Signal];
    let asked = [asked(&moto, Service::Schwab).await, asked(&moto, Service::GammaWizard).await].concat();
    let one_by_one = broker.iter().chain(&feed).map(|route| vec![route.clone()]);
    let mut wrong = Vec::new();
    for routes in one_by_one.chain([broker.to_vec(), feed.to_vec()]) {
        let mut times: Vec<Timestamp> =
            asked.iter().filter(|(route, _)| routes.contains(route)).map(|(_, at)| *at).collect();
        times.sort_unstable();
        times.dedup();
        assert!(!times.is_empty(), "{routes:?}: never asked for");
        let mut begins: Vec<usize> = [0, 1, times.len() / 4, times.len() / 2, times.len() - 1]
            .into_iter()
            .filter(|at| *at < times.len())
            .collect();
        begins.dedup();
        for begin in begins.into_iter().map(|at| times[at]) {
            let fault = Fault::ServerError(503, When::BeforeEffect);
            let rule = |route: &Route| {
                Rule::on(route.clone())
                    .always()
                    .from(begin)
                    .until(begin + Duration::from_secs(2))
                    .fault(fault.clone())
            };
            wrong.extend(
                trouble(&moto, routes.iter().map(rule), &fault)
                    .await
                    .map(|trouble| format!("{routes:?} from {begin}: {trouble}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn any_fault_of_a_post_or_cancel_leaves_the_books_in_order() {
    let hidden = |seconds| Fault::HiddenFor(Duration::from_secs(seconds));
    let posts = [
        hidden(3),
        hidden(40),
        Fault::NoLocation,
        Fault::Location("https://example.test/orders/77".into()),
        Fault::Rejected("made up".into()),
        Fault::PartFill(2),
        Fault::AccessTokenDies,
    ];
    let reads = [
        Fault::StaleOrders(Duration::from_secs(4)),
        Fault::StatusShown("SOMETHING_NEW".into()),
        Fault::StatusShown("PENDING_ACTIVATION".into()),
        Fault::PartFill(1),
        Fault::AccessTokenDies,
    ];
    let cases = [
        of(Route::PlaceOrder, of_reads().into_iter().chain(posts)),
        of(Route::CancelOrder, of_reads().into_iter().chain(cancels())),
        of(Route::ReadOrder, reads),
        of(Route::ListOrders, [Fault::StaleOrders(Duration::from_secs(4))]),
        of(Route::Account, [Fault::LaggingPositions(Duration::from_secs(60))]),
    ];
    books_stay_in_order(SCHWAB, cases.concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn at_tastytrade_any_post_or_cancel_fault_leaves_order() {
    let posts = [
        Fault::HiddenFor(Duration::from_secs(3)),
        Fault::HiddenFor(Duration::from_secs(40)),
        Fault::Rejected("made up".into()),
        Fault::PartFill(2),
        Fault::AccessTokenDies,
    ];
    let reads = [
        Fault::StaleOrders(Duration::from_secs(4)),
        Fault::StatusShown("Something New".into()),
        Fault::StatusShown("Cancel Requested".into()),
        Fault::PartFill(1),
        Fault::FillsLate(Duration::from_secs(4)),
        Fault::FillsTwice,
        Fault::NothingRemains,
        Fault::AccessTokenDies,
    ];
    let cases = [
        of(Route::PlaceOrder, of_reads().into_iter().chain(posts)),
        of(Route::CancelOrder, of_reads().into_iter().chain(cancels())),
        of(Route::ReadOrder, reads),
        of(
            Route::ListOrders,
            [
                Fault::StaleOrders(Duration::from_secs(4)),
                Fault::FillsLate(Duration::from_secs(4)),
                Fault::FillsTwice,
            ],
        ),
        of(Route::Positions, [Fault::LaggingPositions(Duration::from_secs(60))]),
    ];
    books_stay_in_order(TT_IRA, cases.concat()).await;
}

/// The cancel lets two packages fill, the broker says at once that nothing remains, and shows the fills two
/// seconds later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn at_tastytrade_late_fills_after_a_cancel_buy_nothing_again() {
    let moto = Moto::start().await.unwrap();
    let stack = Stack::start(&moto, &StackConfig::of_seed(QUIET)).await.unwrap();
    stack.faults().add(Rule::on(Route::CancelOrder).times(2).fault(Fault::FillsDuringCancel(2)));
    for route in [Route::ReadOrder, Route::ListOrders] {
        stack.faults().add(Rule::on(route.clone()).always().fault(Fault::NothingRemains));
        stack.faults().add(Rule::on(route).always().fault(Fault::FillsLate(Duration::from_secs(2))));
    }
    let answer = stack.invoke_of(TT_IRA, &event(TT_IRA, LIVE)).await.unwrap();
    assert_eq!(
        stack.audit_of(TT_IRA, After::Everything).await.unwrap(),
        Vec::<String>::new(),
        "{}",
        answer.body
    );
    let asked: Vec<u32> =
        stack.book_of(TT_IRA).unwrap().posts().iter().map(|order| order.ticket.quantity()).collect();
    assert!(
        asked.len() > 2 && asked[2..].iter().all(|quantity| *quantity == asked[0] - 2),
        "{asked:?}: {}",
        answer.body
    );
    stack.host.stop().await;
}

fn of(route: Route, faults: impl IntoIterator<Item = Fault>) -> Vec<(Route, Fault)> {
    faults.into_iter().map(move |fault| (route.clone(), fault)).collect()
}

fn cancels() -> [Fault; 3] {
    [Fault::FilledFirst, Fault::FillsDuringCancel(1), Fault::FillsDuringCancel(u32::MAX)]
}

async fn books_stay_in_order(trader: Trader, cases: Vec<(Route, Fault)>) {
    let moto = Moto::start().await.unwrap();
    for (route, fault) in cases {
        // Of the quiet day, on which every rung is cancelled.
        let seed = if route == Route::CancelOrder || route == Route::ReadOrder { QUIET } else { FILLING };
        let case = format!("{route:?}, {fault:?}");
        let stack = Stack::start(&moto, &StackConfig::of_seed(seed)).await.unwrap();
        stack.faults().add(Rule::on(route).times(2).fault(fault.clone()));
        let answer = stack.invoke_of(trader, &event(trader, LIVE)).await.unwrap();
        assert!(stack.faults().fired().iter().any(|fired| fired.fault == fault), "{case} did not happen");
        assert_eq!(
            stack.audit_of(trader, After::Anything).await.unwrap(),
            Vec::<String>::new(),
            "{case}: {}",
            answer.body
        );
        // Five minutes after the close: what no list shows by then never was.
        stack.until("20:20:40").await;
        let swept = stack.invoke_of(trader, &event(trader, SWEEP)).await.unwrap();
        assert!(["swept", "recovered"].contains(&swept.outcome()), "{case}: {}", swept.body);
        assert_eq!(
            stack.audit_of(trader, After::Everything).await.unwrap(),
            Vec::<String>::new(),
            "{case}, swept"
        );
        stack.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_signal_that_comes_late_or_changes_while_orders_are_out() {
    let moto = Moto::start().await.unwrap();
    let changed: jiff::Timestamp = "2025-09-03T20:13:33Z".parse().unwrap();
    // (the fault, from when on, revisions planned, whether the second plan has other legs, whether it has
    // other directions)
    for (fault, from, revisions, moves, turns) in [
        (Fault::LateSignal(Duration::from_secs(20)), jiff::Timestamp::MIN, 1, false, false),
        (Fault::MovedStrikes(5), changed, 2, true, false),
        (Fault::FlippedSignal, changed, 2, false, true),
    ] {
        let stack = Stack::start(&moto, &StackConfig::of_seed(QUIET)).await.unwrap();
        stack.faults().add(Rule::on(Route::Signal).from(from).always().fault(fault.clone()));
        // Of the plan that counts in the end, everything fills.
        stack.faults().add(
            Rule::on(Route::PlaceOrder).after(2 * (revisions - 1)).always().fault(Fault::PartFill(u32::MAX)),
        );
        let answer = stack.invoke(LIVE).await.unwrap();
        assert_eq!(answer.outcome(), "filled", "{fault:?}: {}", answer.body);
        assert_eq!(stack.audit(After::Everything).await.unwrap(), Vec::<String>::new(), "{fault:?}");
        let intents = stack.day().await.unwrap().intents;
        let puts: Vec<_> =
            intents.iter().filter(|intent| intent.key.slot == gamma_market::Right::Put).collect();
        assert_eq!(puts.len(), usize::try_from(revisions).unwrap(), "{fault:?}: {intents:?}");
        if let [first, second] = puts[..] {
            assert_eq!((first.filled, second.filled), (0, second.quantity), "{fault:?}");
            let strikes = |intent: &gamma_execution::ports::IntentRecord| {
                let mut strikes: Vec<_> = intent.package.symbols().map(|symbol| symbol.strike()).collect();
                strikes.sort();
                strikes
            };
            assert_eq!(
                (strikes(first) != strikes(second), first.effect != second.effect),
                (moves, turns),
                "{fault:?}"
            );
        }
        stack.host.stop().await;
    }
}
