//! The function process is killed at random moments of a day and its event delivered again: the broker's
//! books never show more than was approved, and in the end the ledger accounts for every order. Needs moto:
//! scripts/test runs these.

use std::collections::BTreeMap;

use gamma_execution::ports::LoadedDay;
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{SCHWAB, Stack, StackConfig, TT_IRA, Trader};

const LIVE: &str = include_str!("../../events/schwab.json");
const SWEEP: &str = include_str!("../../events/sweep.json");

/// Days of every kind: filled, partly filled, not filled, one-sided.
const DAYS: [u64; 5] = [2, 3, 4, 13, 1];

/// The same event at another account.
fn event(trader: Trader, of_schwab: &str) -> String {
    of_schwab.replace("\"schwab\"", &format!("\"{}\"", trader.account))
}

/// The `n`th number drawn, below `most`: the same in every run of this test.
fn draw(n: u64, most: usize) -> usize {
    let mut mixed = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed >> 33) % u64::try_from(most).unwrap()).unwrap()
}

async fn day(moto: &Moto, seed: u64) -> Stack {
    Stack::start(moto, &StackConfig::of_seed(seed)).await.unwrap()
}

/// Every request of an undisturbed run, oldest first. What is said to the quote stream is none of them.
async fn undisturbed(moto: &Moto, trader: Trader, seed: u64) -> Vec<Service> {
    let stack = day(moto, seed).await;
    assert_eq!(stack.invoke_of(trader, &event(trader, LIVE)).await.unwrap().function_error, None);
    let services = stack
        .simulator
        .requests()
        .iter()
        .map(|request| request.service)
        .filter(|service| *service != Service::DxLink)
        .collect();
    stack.host.stop().await;
    services
}

/// Kills the function while its `request`th request is under way: before it took effect, or after.
async fn killed(
    moto: &Moto,
    trader: Trader,
    seed: u64,
    services: &[Service],
    request: usize,
    when: When,
) -> Stack {
    let stack = day(moto, seed).await;
    let service = services[request];
    let earlier = services[..request].iter().filter(|other| **other == service).count();
    stack
        .faults()
        .add(Rule::on(Route::AnyOf(service)).after(u32::try_from(earlier).unwrap()).fault(Fault::Hang(when)));
    let delivery = stack.invoke_async_of(trader, &event(trader, LIVE)).await.unwrap();
    // Sides are worked at once, so a run may differ a little from the undisturbed one; a run that ended
    // before has nothing to kill.
    while stack.faults().fired().is_empty() && stack.host.attempts().is_empty() {
        tokio::task::yield_now().await;
    }
    if stack.host.attempts().is_empty() {
        stack.host.kill(&delivery.request_id);
    }
    stack.host.settled().await;
    stack
}

fn sent_nothing(day: &LoadedDay) -> bool {
    day.day.as_ref().is_none_or(|day| !day.sending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn killed_at_fifty_random_moments_and_delivered_again() {
    killed_and_delivered_again(SCHWAB, Service::Schwab, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn at_tastytrade_killed_at_thirty_moments_and_delivered_again() {
    killed_and_delivered_again(TT_IRA, Service::Tastytrade, 6).await;
}

async fn killed_and_delivered_again(trader: Trader, broker: Service, kills_a_day: u32) {
    let moto = Moto::start().await.unwrap();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut kills = 0;
    for (number, seed) in (0..).zip(DAYS) {
        let services = undisturbed(&moto, trader, seed).await;
        assert!(
            [broker, Service::Aws, Service::GammaWizard].iter().all(|service| services.contains(service)),
            "{services:?}"
        );
        for kill in 0..kills_a_day {
            let at = number * u64::from(kills_a_day) + u64::from(kill);
            let request = draw(at, services.len());
            let when = if draw(at + 1000, 2) == 0 { When::BeforeEffect } else { When::AfterEffect };
            let moment = format!("seed {seed}, request {request} of {}, {when:?}", services.len());

            let stack = killed(&moto, trader, seed, &services, request, when).await;
            kills += stack.faults().fired().len();
            assert_eq!(
                stack.audit_of(trader, After::Anything).await.unwrap(),
                Vec::<String>::new(),
                "{moment}, right after"
            );
            let nothing_sent = sent_nothing(&stack.day_of(trader.account).await.unwrap());

            let again = stack.invoke_of(trader, &event(trader, LIVE)).await.unwrap();
            let named = if again.function_error.is_some() { again.error_type() } else { again.outcome() };
            assert_eq!(
                stack.audit_of(trader, After::Anything).await.unwrap(),
                Vec::<String>::new(),
                "{moment}, delivered again: {named}"
            );
            if nothing_sent {
                let traded = ["filled", "partially_filled", "uneven", "one_sided", "no_fill"];
                assert!(
                    traded.contains(&named),
                    "{moment}: nothing had been sent, yet the second delivery ended {named}: {}",
                    again.body
                );
            }
            *outcomes.entry(named.to_owned()).or_default() += 1;

            // Five minutes after the close: what no list shows by then never was.
            stack.until("20:20:10").await;
            let swept = stack.invoke_of(trader, &event(trader, SWEEP)).await.unwrap();
            assert!(["swept", "recovered"].contains(&swept.outcome()), "{moment}: {}", swept.body);
            assert_eq!(
                stack.audit_of(trader, After::Everything).await.unwrap(),
                Vec::<String>::new(),
                "{moment}, swept"
            );
            let record = stack.day_of(trader.account).await.unwrap().day.unwrap();
            assert!(record.outcome.is_some(), "{moment}: the day has no outcome");
            stack.host.stop().await;
        }
    }
    println!("{kills} kills; the second deliveries ended {outcomes:?}");
    assert!(kills >= DAYS.len() * kills_a_day as usize, "only {kills} of the moments came");
    // A test in which recovery never happens, or trading never does, shows nothing.
    assert!(
        outcomes.get("recovered").is_some_and(|count| *count >= kills / 5) && outcomes.len() >= 3,
        "{outcomes:?}"
    );
}
