//! Each thing that must never be, made to be once.

use std::collections::BTreeMap;

use gamma_execution::ports::{DayRecord, IntentKey, IntentRecord, RunEnd, Writer};
use gamma_market::{Effect, Price, Vertical};
use gamma_simulator::account::Account;
use gamma_simulator::chain::Chain;
use gamma_simulator::exchange::Exchange;
use gamma_simulator::market::Market;
use jiff::civil::date;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;

/// A quiet day as it ought to be: the first of two copies found no taker on either side, the second stood
/// back, the sweep swept.
struct Quiet {
    book: Book,
    day: LoadedDay,
    delivered: Vec<Delivered>,
    weather: Weather,
}

impl Quiet {
    fn new() -> Self {
        let market =
            Market::new(Chain::spxw_2025_09_03().unwrap(), 1, "2025-09-03T20:13:00Z".parse().unwrap());
        let book = Exchange::new(market, Account::new(Decimal::from(1000), &[]), 1).book().clone();
        let sides = json!([{ "side": "put", "revision": 1, "quantity": 6, "filled": 0 }, { "side": "call", "revision": 1, "quantity": 6, "filled": 0 }]);
        let delivered = vec![
            delivered("one", json!({ "outcome": "no_fill", "sides": sides })),
            delivered("two", json!({ "outcome": "already_traded", "sides": [] })),
            Delivered { sweep: true, ..delivered("sweep", json!({ "outcome": "swept", "sides": [] })) },
        ];
        let ends = [("one.ab", "no_fill"), ("two.cd", "already_traded"), ("sweep.ef", "swept")];
        let runs = ends
            .map(|(run, outcome)| (run.to_owned(), RunEnd { outcome: outcome.to_owned(), live: true }))
            .into();
        let record = DayRecord {
            account: "schwab-001".into(),
            strategy: "constant_stable".into(),
            date: date(2025, 9, 3),
            writer: writer("one.ab"),
            state: DayState::Closed,
            sending: true,
            outcome: Some("no_fill".into()),
        };
        let day = LoadedDay {
            day: Some(record),
            intents: vec![intent(Right::Put), intent(Right::Call)],
            rungs: Vec::new(),
            runs,
        };
        Self { book, day, delivered, weather: Weather::Calm }
    }

    fn violations(&self) -> Vec<String> {
        let own: Vec<&Delivered> = self.delivered.iter().collect();
        AccountDay { book: &self.book, day: &self.day, delivered: &own, weather: self.weather }.violations()
    }
}

fn delivered(request_id: &str, body: Value) -> Delivered {
    Delivered {
        number: "1".into(),
        at: Timestamp::UNIX_EPOCH,
        sweep: false,
        request_id: request_id.into(),
        failed: false,
        body,
    }
}

fn writer(run_id: &str) -> Writer {
    Writer { run_id: run_id.into(), fence: 1 }
}

fn intent(side: Right) -> IntentRecord {
    let (sell, buy) = if side == Right::Put {
        ("SPXW250904P6420", "SPXW250904P6415")
    } else {
        ("SPXW250904C6480", "SPXW250904C6485")
    };
    IntentRecord {
        key: IntentKey { strategy: "constant_stable".into(), slot: side.into(), revision: 1 },
        package: Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap().into(),
        effect: Effect::Credit,
        quantity: 6,
        planned_sides: 2,
        decision_mid: Price::cents(100),
        worst_price: Price::cents(70),
        writer: writer("one.ab"),
        state: IntentState::Terminal,
        filled: 0,
        held: BTreeMap::new(),
    }
}

/// What is found after one change of the quiet day.
fn after(change: impl FnOnce(&mut Quiet)) -> Vec<String> {
    let mut day = Quiet::new();
    change(&mut day);
    day.violations()
}

#[test]
fn a_day_as_it_ought_to_be_is_not_complained_of() {
    assert_eq!(after(|_| {}), Vec::<String>::new());
}

#[test]
fn a_second_hand_or_a_foreign_one_is_found() {
    let found = after(|day| day.day.intents[1].writer = writer("two.cd"));
    assert!(found.contains(&"2 runs wrote its orders: one.ab, two.cd".to_owned()), "{found:?}");
    let found = after(|day| day.day.intents.iter_mut().for_each(|intent| intent.writer = writer("other.00")));
    assert!(found.contains(&"run other.00 wrote to it, which is none of its own".to_owned()), "{found:?}");
    // An id that only begins alike is another's.
    let found = after(|day| day.day.intents.iter_mut().for_each(|intent| intent.writer = writer("one2.00")));
    assert!(found.contains(&"run one2.00 wrote to it, which is none of its own".to_owned()), "{found:?}");
}

#[test]
fn a_lost_intent_or_trade_is_found_and_in_bad_weather_forgiven() {
    let found = after(|day| drop(day.day.intents.pop()));
    assert!(found.iter().any(|words| words.ends_with(": no intent")), "{found:?}");
    let found = after(|day| day.day.intents.clear());
    assert!(found.contains(&"no delivery traded".to_owned()), "{found:?}");
    let found = after(|day| day.day.intents[0].quantity = 12);
    assert!(found.len() == 1 && found[0].starts_with("the ledger has (side: quantity, filled)"), "{found:?}");
    let found = after(|day| day.day.intents[0].state = IntentState::Open);
    assert!(found.len() == 1 && found[0].ends_with("Open"), "{found:?}");
    let forgiven = after(|day| {
        day.weather = Weather::Faults;
        day.day.intents.clear();
        day.delivered[0] =
            Delivered { failed: true, ..delivered("one", json!({ "errorType": "BrokerUnavailable" })) };
    });
    assert_eq!(forgiven, Vec::<String>::new());
    let contradicted =
        after(|day| (day.weather, day.delivered[1].body["outcome"]) = (Weather::Faults, "filled".into()));
    assert_eq!(contradicted, ["delivery two ended \"filled\", the ledger has [\"already_traded\"] of it"]);
}

#[test]
fn an_end_that_is_nobodys_name_or_not_in_the_ledger_is_found() {
    for (place, outcome, words) in [
        (0, "already_traded", "delivery one traded and ended \"already_traded\""),
        (1, "filled", "delivery two placed nothing and ended \"filled\""),
        (2, "no_final_outcome", "delivery sweep placed nothing and ended \"no_final_outcome\""),
    ] {
        let found = after(|day| day.delivered[place].body["outcome"] = outcome.into());
        assert!(found.iter().any(|found| found.starts_with(words)), "{found:?}");
        assert!(found.iter().any(|found| found.contains("the ledger has [")), "{found:?}");
    }
    let found = after(|day| {
        day.weather = Weather::Faults;
        day.delivered[1] = Delivered {
            failed: true,
            ..delivered("two", json!({ "errorType": "Sandbox.Timedout", "errorMessage": "240 s" }))
        };
    });
    assert_eq!(found[0], "delivery two placed nothing and ended \"Sandbox.Timedout\": 240 s");
    assert_eq!(after(|day| drop(day.delivered.pop())), ["it was never swept"]);
    let found = after(|day| drop(day.day.runs.remove("two.cd")));
    assert_eq!(found, ["delivery two ended \"already_traded\", the ledger has [] of it"]);
    let found = after(|day| day.day.day.as_mut().unwrap().state = DayState::Open);
    assert!(found.len() == 1 && found[0].starts_with("its day is "), "{found:?}");
}
