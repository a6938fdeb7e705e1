//! Whole weeks unattended: a deployment's schedules fire on the virtual clock, and every day ends as it
//! should. Needs moto: scripts/test runs these.

use std::collections::BTreeSet;

use gamma_execution::report::Outcome;
use gamma_market::calendar::{SessionDay, at_eastern, session_day, trade_date};
use gamma_operator::{Names, ScheduleKind};
use gamma_simulator::aws::AwsCall;
use gamma_simulator::exchange::Order;
use gamma_simulator::gammawizard::session_after;
use gamma_simulator::scheduler::{Firing, Scheduler};
use gamma_simulator::time::Hold;
use gamma_tests::audit::{After, violations_among};
use gamma_tests::moto::Moto;
use gamma_tests::post_trade::SPREADSHEET;
use gamma_tests::schedules::{self, Message};
use gamma_tests::stack::{SCHWAB, Stack, StackConfig, TRADERS, TT_INDIVIDUAL, TT_IRA, Trader};
use jiff::civil::{Date, Time, Weekday, date, time};
use jiff::{SignedDuration, Span};
use reqwest::Method;
use serde_json::{Value, json};

/// A seed under which the market is liquid.
const SEED: u64 = 1;
const QUEUE: &str = "gamma-trading-dead-letters";
const DEAD_LETTERS: &str = "arn:aws:sqs:us-east-1:123456789012:gamma-trading-dead-letters";

/// What is to become of an account's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With orders, and one outcome that tells what came of them.
    Traded,
    /// No session, or a short one.
    Closed,
    /// Nothing was traded, and both sweeps say that nobody knows why.
    Unexplained,
}

/// Some days of a deployment that nobody attends to.
struct Week {
    moto: Moto,
    stack: Stack,
    scheduler: Scheduler,
    names: Names,
    days: Vec<Date>,
    /// Time stands still while the test looks.
    hold: Option<Hold>,
}

impl Week {
    /// From the first minute of `first` on.
    async fn start(first: Date, last: Date) -> Self {
        let moto = Moto::start().await.unwrap();
        let names = Names::of_stack(Names::STACK, Names::SCHEDULES, TRADERS.map(|trader| trader.account));
        schedules::deploy(&moto).await.unwrap();
        let start = at_eastern(first, time(0, 0, 0, 0));
        // Somebody logged in as the week begins.
        let (through, on_failure, login_age) =
            (Some(last), Some(DEAD_LETTERS.to_owned()), Some(SignedDuration::ZERO));
        let config = StackConfig {
            start,
            through,
            on_failure,
            names: Some(names.clone()),
            post_trade: true,
            token_keeper: true,
            login_age,
            ..StackConfig::of_seed(SEED)
        };
        let stack = Stack::start(&moto, &config).await.unwrap();
        let hold = Some(stack.simulator.clock().hold());
        let scheduler = schedules::start(&moto, &stack, &names.schedules, SEED).await.unwrap();
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok())
            .take_while(|day| *day <= last)
            .collect();
        Self { moto, stack, scheduler, names, days, hold }
    }

    /// Everything that is due until `clock` of `day`, in New York, happens.
    async fn until(&mut self, day: Date, clock: Time) {
        let alarm = self.stack.simulator.clock().alarm(at_eastern(day, clock));
        self.hold = None;
        self.hold = Some(alarm.await);
    }

    /// The whole week, and then nothing is under way any more.
    async fn pass(&mut self) {
        let last = *self.days.last().unwrap();
        self.until(last, time(18, 0, 0, 0)).await;
        self.stack.host.settled().await;
        assert_eq!(self.scheduler.problems(), Vec::<String>::new());
    }

    fn firing(&self, trader: Trader, kind: ScheduleKind, day: Date) -> Option<Firing> {
        let name = self.names.schedule(trader.account, kind);
        let of_day = self
            .scheduler
            .firings()
            .into_iter()
            .filter(|firing| firing.schedule == name && trade_date(firing.scheduled) == day);
        let found: Vec<Firing> = of_day.collect();
        assert!(found.len() <= 1, "{name} fired more than once: {found:?}");
        found.into_iter().next()
    }

    async fn change(&self, trader: Trader, kind: ScheduleKind, change: impl FnOnce(&mut Value)) {
        let name = self.names.schedule(trader.account, kind);
        schedules::change(&self.moto, &self.names.schedules, &name, change).await.unwrap();
    }

    /// Holds every day of every account to how it should have ended.
    async fn check(&self, ends: impl Fn(Trader, Date) -> Ends) {
        for day in &self.days {
            for trader in TRADERS {
                self.check_day(trader, *day, ends(trader, *day)).await;
            }
        }
        let traded = self
            .days
            .iter()
            .flat_map(|day| TRADERS.map(|trader| ends(trader, *day)))
            .filter(|ends| *ends == Ends::Traded)
            .count();
        let tracked =
            self.stack.simulator.spreadsheets().text(SPREADSHEET, "CS_Tracking").unwrap_or_default();
        assert_eq!(
            tracked.len().saturating_sub(1),
            traded,
            "a row for each day of each account: {tracked:?}"
        );
    }

    async fn check_day(&self, trader: Trader, day: Date, ends: Ends) {
        let place = format!("{} {day}", trader.account);
        let book = self.stack.book_of(trader).unwrap();
        let orders: Vec<&Order> =
            book.posts().iter().filter(|order| trade_date(order.entered) == day).collect();
        let ledger = self.stack.day_on(trader.account, day).await.unwrap();
        assert_eq!(violations_among(&orders, &ledger, After::Everything), Vec::<String>::new(), "{place}");
        let runs = self.stack.runs_on(trader, day).await.unwrap();
        let outcomes = || runs.iter().map(|run| run.outcome.as_str());
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match ends {
            Ends::Traded => {
                let finals: Vec<&str> =
                    outcomes().filter(|outcome| *outcome != Outcome::Swept.name()).collect();
                assert!(
                    matches!(
                        finals.as_slice(),
                        ["filled" | "partially_filled" | "uneven" | "one_sided" | "no_fill"]
                    ),
                    "{place}: {finals:?}"
                );
                assert_eq!(outcomes().count(), 3, "{place}: one trade and two sweeps");
                assert!(!orders.is_empty(), "{place}: no order");
                let (opens, closes) =
                    (at_eastern(day, time(16, 13, 0, 0)), at_eastern(day, time(16, 15, 0, 0)));
                assert!(
                    orders.iter().all(|order| opens < order.entered && order.entered < closes),
                    "{place}: {orders:?}"
                );
                let expiries: BTreeSet<Date> = orders
                    .iter()
                    .flat_map(|order| order.ticket.legs())
                    .map(|leg| leg.symbol.expiry())
                    .collect();
                assert_eq!(Vec::from_iter(expiries), [session_after(day)], "{place}");
            }
            Ends::Closed => {
                assert_eq!(orders.len(), 0, "{place}");
                assert_eq!(
                    Vec::from_iter(outcomes()),
                    vec![Outcome::MarketClosed.name(); if weekend { 1 } else { 3 }],
                    "{place}"
                );
            }
            Ends::Unexplained => {
                assert_eq!(orders.len(), 0, "{place}");
                let unexplained =
                    outcomes().filter(|outcome| *outcome == Outcome::NoFinalOutcome.name()).count();
                assert_eq!(unexplained, 2, "{place}: {:?}", Vec::from_iter(outcomes()));
            }
        }
        let sweep = self
            .firing(trader, ScheduleKind::LastSweep, day)
            .unwrap_or_else(|| panic!("{place}: no last sweep"));
        assert_eq!(sweep.scheduled, at_eastern(day, time(16, 30, 0, 0)), "{place}");
        let late = sweep.at.duration_since(sweep.scheduled);
        assert!(!late.is_negative() && late < SignedDuration::from_mins(1), "{place}: {late} late");
        let request = sweep.result.unwrap();
        let attempt =
            self.stack.host.attempts().into_iter().find(|attempt| attempt.request_id == request).unwrap();
        let named = attempt.error.is_some_and(|error| error.contains("NoFinalOutcome"));
        assert_eq!(named, ends == Ends::Unexplained, "{place}: its last sweep");
        if weekend {
            let others = [ScheduleKind::Warmup, ScheduleKind::Trade, ScheduleKind::Sweep]
                .map(|kind| self.firing(trader, kind, day));
            assert_eq!(others, [None, None, None], "{place}");
        }
    }

    /// When the account's trade was due.
    fn traded_at(&self, trader: Trader, day: Date) -> String {
        self.firing(trader, ScheduleKind::Trade, day).unwrap().scheduled.to_string()
    }

    async fn dead_letters(&self) -> Vec<Message> {
        schedules::take_messages(&self.moto, QUEUE).await.unwrap()
    }

    async fn nothing_went_wrong(&self) {
        assert_eq!(self.stack.host.async_failures(), []);
        assert_eq!(self.dead_letters().await, []);
    }

    async fn end(self) {
        drop(self.scheduler);
        self.stack.host.stop().await;
    }
}

/// By the calendar: full sessions are traded, and nothing else is.
fn by_calendar(_: Trader, day: Date) -> Ends {
    match session_day(day) {
        SessionDay::Open { early_close: false } => Ends::Traded,
        SessionDay::Open { early_close: true } | SessionDay::Closed(_) => Ends::Closed,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_week_of_labor_day() {
    let mut week = Week::start(date(2025, 9, 1), date(2025, 9, 6)).await;
    week.pass().await;
    week.check(by_calendar).await;
    week.nothing_went_wrong().await;
    assert_eq!(by_calendar(SCHWAB, date(2025, 9, 1)), Ends::Closed);
    let kept = week.names.token_keeper_schedule();
    let kept = week
        .scheduler
        .firings()
        .into_iter()
        .filter(|firing| firing.schedule == kept && firing.result.is_ok())
        .count();
    assert!((10..=12).contains(&kept), "the tokens were kept {kept} times in six days");
    week.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_days_around_thanksgiving() {
    let mut week = Week::start(date(2025, 11, 26), date(2025, 11, 29)).await;
    week.pass().await;
    week.check(by_calendar).await;
    week.nothing_went_wrong().await;
    assert_eq!(
        [26, 27, 28].map(|day| by_calendar(SCHWAB, date(2025, 11, day))),
        [Ends::Traded, Ends::Closed, Ends::Closed]
    );
    week.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn both_changes_of_the_clock() {
    for (friday, before, after) in
        [(date(2025, 10, 31), "20:13", "21:13"), (date(2026, 3, 6), "21:13", "20:13")]
    {
        let monday = friday.checked_add(Span::new().days(3)).unwrap();
        let mut week = Week::start(friday, monday).await;
        week.pass().await;
        week.check(by_calendar).await;
        week.nothing_went_wrong().await;
        for trader in TRADERS {
            assert_eq!(week.traded_at(trader, friday), format!("{friday}T{before}:00Z"));
            assert_eq!(week.traded_at(trader, monday), format!("{monday}T{after}:00Z"));
        }
        week.end().await;
    }
}

/// A function is out of reach for a trade, a schedule is switched off for a day, an event is delivered too
/// late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_weeks_faults_are_reported_that_day_and_gone_the_next() {
    let [monday, tuesday, wednesday] = [8, 9, 10].map(|day| date(2025, 9, day));
    let mut week = Week::start(monday, wednesday).await;

    let down = week.names.trade[TT_INDIVIDUAL.account].clone();
    week.until(monday, time(16, 9, 0, 0)).await;
    week.stack.host.set_reachable(&down, false);
    week.until(monday, time(16, 15, 30, 0)).await;
    week.stack.host.set_reachable(&down, true);
    week.until(monday, time(17, 0, 0, 0)).await;
    let mut letters = week.dead_letters().await;
    letters.sort_by_key(|letter| letter.attribute("SCHEDULED_TIME").to_owned());
    let of_lambda: Vec<&str> =
        letters.iter().filter_map(|letter| letter.body["responsePayload"]["errorType"].as_str()).collect();
    assert_eq!(of_lambda, ["NoFinalOutcome", "NoFinalOutcome"]);
    let of_scheduler: Vec<&Message> = letters.iter().filter(|letter| letter.attributes.is_object()).collect();
    let told: Vec<_> = of_scheduler
        .iter()
        .map(|letter| {
            (&letter.body["account"], letter.attribute("ERROR_CODE"), letter.attribute("SCHEDULED_TIME"))
        })
        .collect();
    let (warmup, trade) = (json!("warmup"), json!(TT_INDIVIDUAL.account));
    let unavailable = "ServiceUnavailableException";
    assert_eq!(
        told,
        [(&warmup, unavailable, "2025-09-08T20:10:00Z"), (&trade, unavailable, "2025-09-08T20:13:00Z")],
        "{letters:?}"
    );

    week.change(SCHWAB, ScheduleKind::Trade, |schedule| schedule["State"] = "DISABLED".into()).await;
    week.until(tuesday, time(17, 0, 0, 0)).await;
    week.change(SCHWAB, ScheduleKind::Trade, |schedule| schedule["State"] = "ENABLED".into()).await;
    assert_eq!(week.firing(SCHWAB, ScheduleKind::Trade, tuesday), None);

    let policy = json!({ "MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 600 });
    week.change(TT_IRA, ScheduleKind::Trade, |schedule| schedule["Target"]["RetryPolicy"] = policy).await;
    let late = week.names.trade[TT_IRA.account].clone();
    week.until(wednesday, time(16, 12, 30, 0)).await;
    week.stack.host.set_reachable(&late, false);
    week.until(wednesday, time(16, 15, 20, 0)).await;
    week.stack.host.set_reachable(&late, true);
    week.pass().await;
    let firing = week.firing(TT_IRA, ScheduleKind::Trade, wednesday).unwrap();
    assert!(
        firing.result.is_ok()
            && firing.attempts > 1
            && firing.at > at_eastern(wednesday, time(16, 15, 20, 0)),
        "{firing:?}"
    );
    let refused = week.dead_letters().await;
    let mut types: Vec<&str> =
        refused.iter().filter_map(|letter| letter.body["responsePayload"]["errorType"].as_str()).collect();
    types.sort_unstable();
    // Tuesday's sweeps, then Wednesday's.
    assert_eq!(
        types,
        ["NoFinalOutcome", "NoFinalOutcome", "NoFinalOutcome", "NoFinalOutcome", "StaleEvent"],
        "{refused:?}"
    );

    let unexplained = [(TT_INDIVIDUAL, monday), (SCHWAB, tuesday), (TT_IRA, wednesday)];
    week.check(
        |trader, day| if unexplained.contains(&(trader, day)) { Ends::Unexplained } else { Ends::Traded },
    )
    .await;
    week.end().await;
}

/// As an operator makes one: through the proxy, and nobody tells the scheduler.
async fn make(week: &Week, name: &str, body: &Value) {
    let url = format!("{}/schedules/{name}", week.stack.simulator.aws_url().unwrap());
    let signature = "AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=0";
    let answer = reqwest::Client::new()
        .post(url)
        .header("authorization", signature)
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{name}: {}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_late_schedule_fires_at_once_and_a_one_time_one_is_gone() {
    let saturday = date(2025, 9, 6);
    let mut week = Week::start(saturday, saturday).await;
    week.until(saturday, time(11, 59, 30, 0)).await;
    let names = &week.names;
    let mut sweep = schedules::read(
        &week.moto,
        &names.schedules,
        &names.schedule(SCHWAB.account, ScheduleKind::LastSweep),
    )
    .await
    .unwrap();
    // What only AWS writes.
    for field in ["Arn", "CreationDate", "LastModificationDate", "Name"] {
        sweep.as_object_mut().unwrap().remove(field);
    }
    let mut once = sweep.clone();
    (once["ScheduleExpression"], once["ActionAfterCompletion"]) =
        ("at(2025-09-06T12:00:00)".into(), "DELETE".into());
    make(&week, "gamma-cs-once", &once).await;
    let mut hourly = sweep.clone();
    (hourly["ScheduleExpression"], hourly["EndDate"]) =
        ("rate(1 hour)".into(), "2025-09-06T18:30:00Z".into());
    make(&week, "gamma-cs-hourly", &hourly).await;
    let mut broken = sweep.clone();
    broken["ScheduleExpression"] = "cron(0 12 * * * *)".into();
    make(&week, "gamma-cs-broken", &broken).await;

    week.until(saturday, time(18, 0, 0, 0)).await;
    week.stack.host.settled().await;
    let fired = |name: &str| {
        let firings = week.scheduler.firings();
        firings
            .into_iter()
            .filter(|firing| firing.schedule == name && firing.result.is_ok())
            .map(|firing| firing.scheduled.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(fired("gamma-cs-once"), ["2025-09-06T16:00:00Z"]);
    assert_eq!(
        fired("gamma-cs-hourly"),
        ["2025-09-06T15:59:30Z", "2025-09-06T16:59:30Z", "2025-09-06T17:59:30Z"]
    );
    let left =
        week.moto.scheduler(Method::GET, "/schedules?ScheduleGroup=gamma-cs", &Value::Null).await.unwrap();
    let left: BTreeSet<&str> = left["Schedules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|schedule| schedule["Name"].as_str())
        .collect();
    assert!(!left.contains("gamma-cs-once") && left.contains("gamma-cs-hourly"), "{left:?}");
    let problems = week.scheduler.problems();
    assert!(
        matches!(problems.as_slice(), [one] if one.contains("gamma-cs-broken") && one.contains("day-of-month and day-of-week")),
        "{problems:?}"
    );
    let role = |call: &AwsCall| (call.role == "local").then(|| format!("{} {}", call.action, call.resource));
    let asked: Vec<String> = week.stack.aws_calls().iter().filter_map(role).collect();
    assert!(asked.contains(&"scheduler:CreateSchedule gamma-cs/gamma-cs-once".to_owned()), "{asked:?}");
    assert!(
        asked.iter().any(|call| call.starts_with("iam:PassRole arn:aws:iam::123456789012:role/")),
        "{asked:?}"
    );
    week.end().await;
}
