//! The incidents of the system this one replaces (order-safety's table), through the unmodified function
//! binary: each happens here again, and each test is named after it. Needs moto: scripts/test runs these.
//!
//! Seed 4 is a day on which nothing fills by itself: what fills there was made to. On seed 2 both sides fill.

use std::time::Duration;

use gamma_execution::ports::{DayState, RungState};
use gamma_simulator::exchange::Book;
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{Answer, SCHWAB, Stack, StackConfig, TT_IRA, Trader};
use serde_json::{Value, json};

const LIVE: &str = include_str!("../../events/schwab.json");
const SWEEP: &str = include_str!("../../events/sweep.json");
const RESOLVE: &str = include_str!("../../events/resolve.json");
const WARM_UP: &str = include_str!("../../events/warmup.json");

const QUIET: u64 = 4;
const FILLING: u64 = 2;

/// One account at each broker: what happened at one must not happen at another.
const BROKERS: [Trader; 2] = [SCHWAB, TT_IRA];

/// Packages of a side: both are sized by the same equity, and tastytrade's accounts are capped.
fn size(trader: Trader) -> u32 {
    if trader == SCHWAB { 6 } else { 5 }
}

/// A day with faults, delivered once. Moto is kept alive with the stack.
struct Day {
    trader: Trader,
    stack: Stack,
    _moto: Moto,
}

impl Day {
    async fn with(trader: Trader, config: &StackConfig, rules: impl IntoIterator<Item = Rule>) -> Self {
        let moto = Moto::start().await.unwrap();
        let stack = Stack::start(&moto, config).await.unwrap();
        for rule in rules {
            stack.faults().add(rule);
        }
        Self { trader, stack, _moto: moto }
    }

    async fn of_seed(trader: Trader, seed: u64, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::with(trader, &StackConfig::of_seed(seed), rules).await
    }

    async fn deliver(&self, event: &str) -> Answer {
        self.stack.invoke_of(self.trader, &self.event(event)).await.unwrap()
    }

    /// The event of this day's account.
    fn event(&self, of_schwab: &str) -> String {
        of_schwab.replace("\"schwab\"", &format!("\"{}\"", self.trader.account))
    }

    fn book(&self) -> Book {
        self.stack.book_of(self.trader).unwrap()
    }

    /// (packages asked for, packages filled) of every order of the broker's books.
    fn orders(&self) -> Vec<(u32, u32)> {
        self.book().posts().iter().map(|order| (order.ticket.quantity(), order.filled())).collect()
    }

    fn filled(&self) -> u32 {
        self.orders().iter().map(|(_, filled)| filled).sum()
    }

    fn posts(&self) -> usize {
        self.stack
            .simulator
            .requests()
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with("/orders"))
            .count()
    }

    fn struck(&self, fault: &Fault) -> usize {
        self.stack.faults().fired().iter().filter(|fired| fired.fault == *fault).count()
    }

    async fn in_order(&self) {
        assert_eq!(self.stack.audit_of(self.trader, After::Everything).await.unwrap(), Vec::<String>::new());
    }

    /// Nothing that must never be, though something may still be open.
    async fn safe(&self) {
        assert_eq!(self.stack.audit_of(self.trader, After::Anything).await.unwrap(), Vec::<String>::new());
    }
}

#[track_caller]
fn outcome(answer: &Answer, expected: &str) {
    assert_eq!(answer.outcome(), expected, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn cancel_accepted_but_filled_between_last_poll_and_cancel() {
    for trader in BROKERS {
        let size = size(trader);
        let fault = Fault::FillsDuringCancel(u32::MAX);
        let day =
            Day::of_seed(trader, QUIET, [Rule::on(Route::CancelOrder).times(2).fault(fault.clone())]).await;
        outcome(&day.deliver(LIVE).await, "filled");
        assert_eq!(
            (day.struck(&fault), day.orders()),
            (2, vec![(size, size), (size, size)]),
            "one order's worth a side"
        );
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn cancel_refused_because_already_filled() {
    for trader in BROKERS {
        let size = size(trader);
        let day =
            Day::of_seed(trader, QUIET, [Rule::on(Route::CancelOrder).times(2).fault(Fault::FilledFirst)])
                .await;
        let answer = day.deliver(LIVE).await;
        outcome(&answer, "filled");
        assert_eq!((day.struck(&Fault::FilledFirst), day.orders()), (2, vec![(size, size), (size, size)]));
        assert!(
            answer.body["notes"].to_string().contains("refused, reading it until it is over"),
            "{}",
            answer.body["notes"]
        );
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn order_id_not_parsed_from_the_create_reply() {
    for trader in BROKERS {
        let size = size(trader);
        // Found: the day goes on as if nothing had happened.
        for fault in [
            Fault::NoLocation,
            Fault::Location("https://api.schwabapi.com/trader/v1/accounts/other/orders/none".into()),
        ] {
            let day = Day::of_seed(trader, FILLING, [Rule::on(Route::PlaceOrder).fault(fault.clone())]).await;
            outcome(&day.deliver(LIVE).await, "filled");
            assert_eq!((day.struck(&fault), day.filled()), (1, 2 * size), "{fault:?}");
            day.in_order().await;
        }
        // Not found for long: the side stops, its order is finished by the sweep, and nothing is sent a
        // second time.
        let hidden = Fault::HiddenFor(Duration::from_secs(120));
        let day = Day::of_seed(
            trader,
            QUIET,
            [Rule::on(Route::PlaceOrder).fault(hidden), Rule::on(Route::PlaceOrder).fault(Fault::NoLocation)],
        )
        .await;
        let answer = day.deliver(LIVE).await;
        assert_eq!(answer.error_type(), "Unresolved", "{}", answer.body);
        assert_eq!(day.posts(), 2, "one a side");
        day.safe().await;
        day.stack.until("20:16:10").await;
        outcome(&day.deliver(SWEEP).await, "recovered");
        assert_eq!(day.posts(), 2);
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn each_rung_sent_the_full_quantity_after_a_partial_fill() {
    for trader in BROKERS {
        let size = size(trader);
        let day = Day::of_seed(trader, QUIET, [Rule::on(Route::PlaceOrder).fault(Fault::PartFill(2))]).await;
        let answer = day.deliver(LIVE).await;
        outcome(&answer, "one_sided");
        assert_eq!(
            day.orders(),
            [(size, 2), (size, 0), (size - 2, 0), (size, 0), (size - 2, 0), (size, 0)],
            "only the verified remainder"
        );
        assert_eq!(answer.body["alarm"], true, "one-sided completion is never silent");
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn network_error_during_cancel_killed_the_process() {
    for trader in BROKERS {
        for when in [When::BeforeEffect, When::AfterEffect] {
            let fault = Fault::Dropped(when);
            let day =
                Day::of_seed(trader, QUIET, [Rule::on(Route::CancelOrder).times(2).fault(fault.clone())])
                    .await;
            outcome(&day.deliver(LIVE).await, "no_fill");
            assert_eq!(
                (day.struck(&fault), day.orders().len()),
                (2, 6),
                "{when:?}: three rungs a side all the same"
            );
            day.in_order().await;
        }
        // The broker is away from the first cancel on, until long after: the state is unknown, and recovered
        // by the next delivery.
        let away = Rule::on(Route::CancelOrder).fault(Fault::Refused(Duration::from_secs(600)));
        let day = Day::of_seed(trader, QUIET, [away]).await;
        let answer = day.deliver(LIVE).await;
        assert_eq!((answer.error_type(), day.posts()), ("Unresolved", 2), "{}", answer.body);
        assert_eq!(
            day.stack.day_of(day.trader.account).await.unwrap().day.unwrap().state,
            DayState::Open,
            "a day with a live order is not over"
        );
        day.safe().await;
        day.stack.until("20:30:00").await;
        outcome(&day.deliver(SWEEP).await, "recovered");
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_5xx_on_post_was_retried_five_times() {
    for trader in BROKERS {
        let size = size(trader);
        for status in [500, 502, 503, 504] {
            let day = Day::of_seed(
                trader,
                FILLING,
                [Rule::on(Route::PlaceOrder).fault(Fault::ServerError(status, When::AfterEffect))],
            )
            .await;
            outcome(&day.deliver(LIVE).await, "filled");
            assert_eq!(day.filled(), 2 * size, "{status}: the accepted order was found, not sent again");
            day.in_order().await;
        }
        // Nothing was accepted: one POST, the side stops, and after the close it is known never to have
        // existed.
        let day = Day::of_seed(
            trader,
            QUIET,
            [Rule::on(Route::PlaceOrder).fault(Fault::ServerError(503, When::BeforeEffect))],
        )
        .await;
        assert_eq!(day.deliver(LIVE).await.error_type(), "Unresolved");
        assert_eq!((day.posts(), day.orders().len()), (2, 1), "the put side's one POST was not repeated");
        day.stack.until("20:20:10").await;
        outcome(&day.deliver(SWEEP).await, "recovered");
        let rungs = day.stack.day_of(day.trader.account).await.unwrap().rungs;
        assert!(rungs.iter().any(|rung| matches!(rung.state, RungState::NeverAccepted { .. })), "{rungs:?}");
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_function_timed_out_and_lambdas_own_retry_traded_again() {
    for trader in BROKERS {
        let size = size(trader);
        // The function dies while its first cancel is under way; Lambda runs the event again a minute later,
        // and once more after that.
        let config = StackConfig {
            retries: 2,
            start: "2025-09-03T20:13:01Z".parse().unwrap(),
            ..StackConfig::of_seed(QUIET)
        };
        let day =
            Day::with(trader, &config, [Rule::on(Route::CancelOrder).fault(Fault::Hang(When::BeforeEffect))])
                .await;
        let delivery = day.stack.invoke_async_of(day.trader, &day.event(LIVE)).await.unwrap();
        let hang = Fault::Hang(When::BeforeEffect);
        while day.struck(&hang) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(day.stack.host.kill(&delivery.request_id));
        day.stack.host.settled().await;
        let attempts = day.stack.host.attempts();
        assert!(attempts.len() >= 2, "{attempts:?}");
        assert_eq!(day.orders(), [(size, 0), (size, 0)], "later attempts placed nothing");
        day.in_order().await;
        assert_eq!(
            day.stack.day_of(day.trader.account).await.unwrap().day.unwrap().outcome.as_deref(),
            Some("no_fill")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn strikes_moved_between_two_deliveries() {
    for trader in BROKERS {
        let size = size(trader);
        let day = Day::of_seed(trader, FILLING, []).await;
        outcome(&day.deliver(LIVE).await, "filled");
        day.stack.faults().add(Rule::on(Route::Signal).always().fault(Fault::MovedStrikes(10)));
        outcome(&day.deliver(LIVE).await, "already_traded");
        assert_eq!(day.filled(), 2 * size, "the day record decides, not the strikes");
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_deploy_flag_said_dry_and_it_traded_live() {
    let day = Day::with(SCHWAB, &StackConfig { live: false, ..StackConfig::of_seed(FILLING) }, []).await;
    let answer = day.deliver(LIVE).await;
    outcome(&answer, "dry_run");
    assert!(answer.body["gates"].to_string().contains("deployment_dry"), "{}", answer.body["gates"]);
    assert_eq!(day.posts(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_signal_row_of_another_day_or_a_list_from_the_wrong_end() {
    let day =
        Day::of_seed(SCHWAB, FILLING, [Rule::on(Route::Signal).always().fault(Fault::StaleSignal)]).await;
    let answer = day.deliver(LIVE).await;
    outcome(&answer, "signal_unusable");
    assert_eq!((answer.body["alarm"].as_bool(), day.posts()), (Some(true), 0), "{}", answer.body);

    let day =
        Day::of_seed(SCHWAB, FILLING, [Rule::on(Route::Signal).always().fault(Fault::NewestFirst)]).await;
    outcome(&day.deliver(LIVE).await, "filled");
    let expiries = day.book().filled_packages();
    assert!(
        expiries
            .iter()
            .flat_map(|package| &package.contracts)
            .all(|(symbol, _)| symbol.expiry() == jiff::civil::date(2025, 9, 4))
    );
}

fn row(changes: &[(&str, Value)]) -> StackConfig {
    let mut row = json!({"Date": "2025-09-03", "TDate": "2025-09-04", "Limit": 6425, "CLimit": 6470, "LeftGo": -1, "RightGo": -1, "VixOne": "0.2"});
    for (field, value) in changes {
        row[field] = value.clone();
    }
    StackConfig { signal: Some(row), ..StackConfig::of_seed(QUIET) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_missing_volatility_value_chose_a_larger_size() {
    for volatility in [Value::Null, json!(""), json!("n/a"), json!(-1), json!("NaN")] {
        let day = Day::with(SCHWAB, &row(&[("VixOne", volatility.clone())]), []).await;
        let answer = day.deliver(LIVE).await;
        assert_eq!(day.posts(), 0, "{volatility}: {}", answer.body);
        assert!(
            answer.body.to_string().contains("VixOne"),
            "{volatility}: the field is named: {}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_leg_bid_of_zero_was_treated_as_missing() {
    for trader in BROKERS {
        // On the real chain nothing is bid for the 6575 call: 0.00 is a price, and the package is worth 0.05.
        let config = row(&[("CLimit", json!(6570)), ("LeftGo", json!(0))]);
        // At the start the market shows the chain's own quotes.
        let day =
            Day::with(trader, &StackConfig { start: "2025-09-03T20:13:31Z".parse().unwrap(), ..config }, [])
                .await;
        let answer = day.deliver(LIVE).await;
        let sides = answer.body["sides"].as_array().unwrap();
        assert_eq!((sides.len(), &sides[0]["refused"]), (1, &Value::Null), "{}", answer.body);
        assert!(day.posts() >= 1);
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_status_nobody_knows_is_not_terminal() {
    for trader in BROKERS {
        let odd = Fault::StatusShown("RESTING_ON_THE_FLOOR".into());
        let day = Day::of_seed(trader, QUIET, [Rule::on(Route::ReadOrder).always().fault(odd)]).await;
        let answer = day.deliver(LIVE).await;
        assert_eq!(
            (answer.error_type(), day.posts()),
            ("Unresolved", 2),
            "no second order beside one that may be alive: {}",
            answer.body
        );
        day.safe().await;
        day.stack.faults().clear();
        day.stack.until("20:18:00").await;
        outcome(&day.deliver(SWEEP).await, "recovered");
        day.in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn three_lambdas_wrote_the_same_token_parameter() {
    let day = Day::of_seed(SCHWAB, FILLING, []).await;
    let (before, _) = day.stack.token().await.unwrap();
    let answers = tokio::join!(day.deliver(WARM_UP), day.deliver(WARM_UP), day.deliver(LIVE));
    for answer in [&answers.0, &answers.1] {
        assert_eq!(answer.body["status"], "ok", "{}", answer.body);
    }
    outcome(&answers.2, "filled");
    let (after, _) = day.stack.token().await.unwrap();
    assert!(after["token"]["expires_at"].as_i64() > before["token"]["expires_at"].as_i64());
    let refreshes =
        day.stack.simulator.requests().iter().filter(|request| request.path == "/v1/oauth/token").count();
    assert_eq!(refreshes, 1, "whoever comes second finds the new token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn tokens_saved_after_best_effort_steps_killed_by_the_timeout() {
    let hang = Fault::Hang(When::AfterEffect);
    let day = Day::of_seed(SCHWAB, FILLING, [Rule::on(Route::PlaceOrder).fault(hang.clone())]).await;
    let (before, version) = day.stack.token().await.unwrap();
    let delivery = day.stack.invoke_async_of(day.trader, &day.event(LIVE)).await.unwrap();
    while day.struck(&hang) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(day.stack.host.kill(&delivery.request_id));
    let (after, next) = day.stack.token().await.unwrap();
    assert_eq!(next, version + 1, "saved when it was refreshed, before the first order");
    assert_ne!(before["token"]["access_token"], after["token"]["access_token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn schedules_enabled_yet_not_firing() {
    let day = Day::with(
        SCHWAB,
        &StackConfig { start: "2025-09-03T20:16:05Z".parse().unwrap(), ..StackConfig::of_seed(QUIET) },
        [],
    )
    .await;
    let answer = day.deliver(SWEEP).await;
    assert_eq!(answer.error_type(), "NoFinalOutcome", "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn one_lost_post_locked_an_account_for_ever() {
    for trader in BROKERS {
        // Somebody replaced our order at the broker. tastytrade says by which; where Schwab does not, only a
        // person can say what became of it.
        let replaced = Fault::ReplacedElsewhere("0.80".parse().unwrap());
        let unlinked = |route| Rule::on(route).always().fault(Fault::Unlinked);
        let mut rules = vec![Rule::on(Route::ReadOrder).fault(replaced)];
        if trader == SCHWAB {
            rules.extend([unlinked(Route::ReadOrder), unlinked(Route::ListOrders)]);
        }
        let day = Day::of_seed(trader, QUIET, rules).await;
        assert_eq!(day.deliver(LIVE).await.error_type(), "Unresolved");
        day.stack.until("20:30:05").await;
        if trader != SCHWAB {
            outcome(&day.deliver(SWEEP).await, "recovered");
            continue;
        }
        assert_eq!(day.deliver(SWEEP).await.error_type(), "Unresolved", "a sweep decides nothing");
        let open = day.stack.day_of(day.trader.account).await.unwrap();
        let side = open.open_rungs().next().unwrap().intent.slot.right().unwrap();
        let decision = RESOLVE.replace("\"put\"", &format!("\"{side}\""));
        let asked = day.deliver(&decision).await;
        outcome(&asked, "resolved");
        assert!(asked.body["detail"].as_str().unwrap().contains("your name decided"), "{}", asked.body);
        let kept = day.stack.day_of(day.trader.account).await.unwrap();
        assert!(kept.rungs.iter().any(|rung| matches!(&rung.state, RungState::Resolved { decision, .. } if decision.by == "your name")), "{:?}", kept.rungs);
        assert_eq!(kept.day.unwrap().outcome.as_deref(), Some("no_fill"));
        outcome(&day.deliver(SWEEP).await, "swept");
        assert_eq!(
            day.deliver(&decision).await.error_type(),
            "NotResolved",
            "there is nothing left to decide"
        );
    }
}
