//! A strategy that is none of ours yet: it rolls a long put to the next day, one leg closing and one opening,
//! as one package. It brings a decision and a check of its own, and nothing of an order: approval, ladder,
//! marks and proof are the worker's.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ladder::SideEnd;
use gamma_execution::ports::{
    DayRecord, DayState, IntentKey, IntentState, Ledger, LoadedDay, RungState, Slot,
};
use gamma_execution::run::{Ports, RunRequest};
use gamma_execution::worker::{Check, PlanCheck, Planned, Round, Scope, Wanted, Worker, WorkerPorts};
use gamma_market::{Effect, Leg, LegAction, OptionSymbol, Package, Price};
use rust_decimal::Decimal;

use crate::support::{Place, World, set};

const NAME: &str = "roller";

/// Sells the put that is held and buys the one that expires later, for a debit.
fn decide(held: &BTreeMap<OptionSymbol, i64>, later: OptionSymbol) -> Option<(Package, u32)> {
    let (symbol, quantity) =
        held.iter().find(|(symbol, quantity)| **quantity > 0 && symbol.expiry() < later.expiry())?;
    let legs = [(Leg::close(*symbol, LegAction::Sell), 1), (Leg::open(later, LegAction::Buy), 1)];
    Some((Package::custom(legs).ok()?.directed(Effect::Debit), u32::try_from(*quantity).ok()?))
}

/// Nothing changes its mind.
struct Always;

#[async_trait]
impl PlanCheck for Always {
    type Change = ();

    async fn check(&self, _: Duration) -> Check<()> {
        Check::Same
    }
}

fn put(text: &str) -> OptionSymbol {
    text.parse().unwrap()
}

/// A day on which two puts are held, the nearer at 10.00 × 10.10 and the later at 11.00 × 11.10.
fn world() -> World {
    let world = World::at("20:13:40");
    let quotes = [("SPXW  250904P06420000", 1000, 1010), ("SPXW  250905P06420000", 1100, 1110)];
    for (symbol, bid, ask) in quotes {
        let quote = gamma_market::LegQuote {
            bid: Some(Price::cents(bid)),
            ask: Some(Price::cents(ask)),
            ..gamma_market::LegQuote::default()
        };
        world.broker.quotes.lock().unwrap().insert(put(symbol), quote);
    }
    let mut account = world.broker.account.lock().unwrap();
    account.as_mut().unwrap().positions = [(put("SPXW  250904P06420000"), 2)].into();
    drop(account);
    set(&world.broker.fills, |_, _, _| 2);
    world
}

fn worker<'a>(world: &'a World, ports: Ports<'a>, request: &'a RunRequest) -> Worker<'a> {
    let scope = Scope {
        account: &request.account,
        date: "2025-09-03".parse().unwrap(),
        run_id: &request.run_id,
        deadline: request.deadline,
        execution: &world.profile.execution,
    };
    Worker::new(WorkerPorts { clock: ports.clock, broker: ports.broker, ledger: ports.ledger }, scope)
}

/// What a strategy's own flow does: everything it needs of an order it asks of the worker.
async fn roll(world: &World) -> (Option<SideEnd>, u32, Vec<String>) {
    let (ports, request) = (world.ports(), world.request("roll-1"));
    let mut worker = worker(world, ports, &request);
    worker.take_lease().await.unwrap().unwrap();
    let writer = worker.lease().unwrap().writer.clone();
    let (account, date) = (request.account.clone(), worker.date());
    let day = DayRecord {
        account,
        strategy: NAME.into(),
        date,
        writer,
        state: DayState::Open,
        sending: false,
        outcome: None,
    };
    world.ledger.open_day(&day).await.unwrap();
    let account = worker.account(&LoadedDay::default()).await.unwrap();
    let Some((package, quantity)) = decide(&account.snapshot.positions, put("SPXW  250905P06420000")) else {
        return (None, 0, Vec::new());
    };
    let verdicts = worker
        .approve(&account, Decimal::from(100_000), &[Wanted { package, quantity, closes: None }])
        .await
        .unwrap();
    let intent = match verdicts.into_iter().next().unwrap().intent {
        Ok(intent) => intent,
        Err(why) => return (None, 0, vec![why]),
    };
    let key = IntentKey { strategy: NAME.to_owned(), slot: Slot("roll/long-put".to_owned()), revision: 1 };
    let mut sides = worker
        .begin(vec![Planned { key, name: "ROLL".to_owned(), intent, planned: 1, closes: None }], &account)
        .await
        .unwrap();
    assert!(matches!(worker.work(&mut sides, &account, &Always, false).await, Round::Over));
    worker.release().await;
    (sides[0].end().cloned(), sides[0].filled(), worker.take_notes().0)
}

#[tokio::test]
async fn a_package_with_a_closing_leg_is_worked_to_its_end() {
    let world = world();
    let (end, filled, notes) = roll(&world).await;
    assert_eq!((end, filled), (Some(SideEnd::Filled), 2), "{notes:?}");
    let order = &world.broker.all()[0];
    let legs: Vec<String> = order
        .legs
        .iter()
        .map(|(leg, _)| format!("{:?} {:?} {}", leg.action, leg.position, leg.symbol))
        .collect();
    assert_eq!(legs, ["Buy Open SPXW  250905P06420000", "Sell Close SPXW  250904P06420000"]);
    assert_eq!((order.price, order.effect), (Some(Price::cents(100)), Some(Effect::Debit)));
    let intent = &world.ledger.intents()[0];
    assert_eq!(
        (intent.state, intent.filled, intent.key.to_string().as_str()),
        (IntentState::Terminal, 2, "roller#roll/long-put#r1")
    );
    assert!(matches!(world.ledger.rungs()[0].state, RungState::Terminal { filled: 2, .. }));
}

#[tokio::test]
async fn a_lost_reply_to_a_closing_order_is_found_and_not_repeated() {
    let world = world();
    set(&world.broker.place, |number| if number == 1 { Place::LostAfter } else { Place::Accept });
    let (end, filled, _) = roll(&world).await;
    assert_eq!((end, filled, world.broker.all().len()), (Some(SideEnd::Filled), 2, 1));
}

#[tokio::test]
async fn without_a_lease_nothing_is_planned_or_sent() {
    let world = world();
    let (ports, request) = (world.ports(), world.request("roll-1"));
    let mut worker = worker(&world, ports, &request);
    let account = worker.account(&LoadedDay::default()).await.unwrap();
    let (package, quantity) = decide(&account.snapshot.positions, put("SPXW  250905P06420000")).unwrap();
    let wanted = [Wanted { package, quantity, closes: None }];
    let verdicts = worker.approve(&account, Decimal::from(100_000), &wanted).await.unwrap();
    let intent = verdicts.into_iter().next().unwrap().intent.unwrap();
    let key = IntentKey { strategy: NAME.to_owned(), slot: Slot("roll/long-put".to_owned()), revision: 1 };
    let planned = Planned { key, name: "ROLL".to_owned(), intent, planned: 1, closes: None };
    let refused = worker.begin(vec![planned], &account).await.err().unwrap().to_string();
    assert_eq!(refused, "no lease is held");
    assert!(world.broker.all().is_empty() && world.ledger.intents().is_empty());
}

#[tokio::test]
async fn without_what_it_would_close_nothing_is_wanted() {
    let world = world();
    world.broker.account.lock().unwrap().as_mut().unwrap().positions.clear();
    assert_eq!(roll(&world).await, (None, 0, Vec::new()));
    assert!(world.broker.all().is_empty());
}
