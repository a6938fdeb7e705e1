use std::collections::BTreeMap;

use gamma_execution::ports::ControlScope;
use gamma_execution::ports::{
    EdgeDecision, IntentKey, IntentRecord, IntentState, LoadedDay, OrderId, RungRecord, RungState, STRATEGY,
    Verdict, Writer,
};
use gamma_market::{Effect, Price, Right, Vertical};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::memory::{World, away, pending};
use super::{ME, schwab};
use crate::operator::{AccountStatus, Known, Switch};

const DAY: Date = date(2025, 9, 3);

async fn status(world: &World) -> AccountStatus {
    world.operator().status(&schwab()).await.unwrap().accounts.remove(0)
}

async fn shown(world: &World) -> Value {
    serde_json::to_value(status(world).await).unwrap()
}

fn unknown(value: &Value) -> &str {
    value["unknown"].as_str().unwrap_or_else(|| panic!("{value} is shown as known"))
}

fn intent(side: Right, state: IntentState, rung: RungState) -> (IntentRecord, RungRecord) {
    let leg = |strike: &str| {
        format!("SPXW250904{}{strike}", if side == Right::Put { "P" } else { "C" }).parse().unwrap()
    };
    let key = IntentKey { strategy: STRATEGY.to_owned(), slot: side.into(), revision: 1 };
    let writer = Writer { run_id: "r".to_owned(), fence: 1 };
    let rung = RungRecord {
        intent: key.clone(),
        number: 1,
        price: Price::cents(95),
        quantity: 3,
        at: "2025-09-03T20:13:40Z".parse().unwrap(),
        seen: Vec::new(),
        writer: writer.clone(),
        state: rung,
        nbbo: (Price::cents(85), Price::cents(105), Price::cents(95)),
    };
    let intent = IntentRecord {
        key,
        package: Vertical::new(leg("6400"), leg("6395")).unwrap().into(),
        effect: Effect::Credit,
        quantity: 3,
        planned_sides: 2,
        decision_mid: Price::cents(95),
        worst_price: Price::cents(85),
        writer,
        state,
        filled: 0,
        held: BTreeMap::new(),
    };
    (intent, rung)
}

fn day(intents: impl IntoIterator<Item = (IntentRecord, RungRecord)>) -> LoadedDay {
    let (intents, rungs) = intents.into_iter().unzip();
    LoadedDay { intents, rungs, ..LoadedDay::default() }
}

#[tokio::test]
async fn an_account_that_never_ran_is_shown_as_such() {
    let world = World::new();
    world
        .documents
        .lock()
        .unwrap()
        .insert("/s".to_owned(), json!({"creation_timestamp": 1_756_900_000, "token": {}}).to_string());
    let status = shown(&world).await;
    assert_eq!(status["armed"], Value::Null);
    for (field, expected) in [
        ("halted", json!([])),
        ("last_run", Value::Null),
        ("last_sweep", Value::Null),
        ("open_intents", json!([])),
    ] {
        assert_eq!(status[field], expected, "{field}");
    }
    assert_eq!(
        (&status["outbox"], &status["edge"], &status["unproven"]),
        (&json!([]), &Value::Null, &Value::Null)
    );
    assert_eq!(status["looked_back_to"], "2025-08-21");
}

#[tokio::test]
async fn runs_and_sweeps_are_told_apart_and_the_newest_counts() {
    let world = World::new();
    world.ran("schwab", date(2025, 9, 2), "trade", "no_fill", "2025-09-02T20:15:00Z");
    world.ran("schwab", DAY, "trade", "filled", "2025-09-03T20:14:00Z");
    world.ran("schwab", DAY, "trade", "already_traded", "2025-09-03T20:14:30Z");
    world.ran("schwab", DAY, "sweep", "swept", "2025-09-03T20:30:00Z");
    let seen = status(&world).await;
    let Known::Is(Some(run)) = &seen.last_run else { panic!("{seen:?}") };
    assert_eq!((run.date, run.outcome.as_str(), run.live), (DAY, "already_traded", true));
    let Known::Is(Some(sweep)) = &seen.last_sweep else { panic!("{seen:?}") };
    assert_eq!(sweep.outcome, "swept");
    // A day of sweeps alone does not hide the day before it.
    let quiet = World::new();
    quiet.ran("schwab", date(2025, 9, 2), "trade", "no_fill", "2025-09-02T20:15:00Z");
    quiet.ran("schwab", DAY, "sweep", "swept", "2025-09-03T20:30:00Z");
    assert_eq!(shown(&quiet).await["last_run"]["outcome"], "no_fill");
}

#[tokio::test]
async fn open_intents_are_shown_unresolved_ones_first() {
    let world = World::new();
    let order = OrderId("1".to_owned());
    let filled = RungState::Terminal {
        order: order.clone(),
        status: gamma_execution::ports::OrderStatus::Filled,
        filled: 3,
        fills: Vec::new(),
    };
    let older = day([
        intent(Right::Call, IntentState::Open, RungState::Accepted { order }),
        intent(Right::Put, IntentState::Terminal, filled),
    ]);
    let today =
        day([intent(Right::Put, IntentState::Unresolved, RungState::Unknown { reason: "lost".to_owned() })]);
    world.days.lock().unwrap().extend([
        (("schwab".to_owned(), date(2025, 9, 2)), Ok(older)),
        (("schwab".to_owned(), DAY), Ok(today)),
    ]);
    let open = &shown(&world).await["open_intents"];
    let of = |at: usize| {
        (
            open[at]["date"].as_str().unwrap(),
            open[at]["slot"].as_str().unwrap(),
            open[at]["unresolved"].as_bool().unwrap(),
        )
    };
    assert_eq!(
        (open.as_array().unwrap().len(), of(0), of(1)),
        (2, ("2025-09-03", "put", true), ("2025-09-02", "call", false))
    );
    assert_eq!((&open[1]["quantity"], &open[1]["open_orders"]), (&json!(3), &json!(1)));
}

#[tokio::test]
async fn the_next_fire_is_told_with_what_the_calendar_says_of_it() {
    let mut world = World::new();
    world.now = "2025-11-26T22:00:00Z".parse().unwrap();
    world.schedules.lock().unwrap().remove("gamma-cs-schwab-sweep");
    world.schedules.lock().unwrap().get_mut("gamma-cs-schwab").unwrap().enabled = false;
    *world.refuses.lock().unwrap() = Some("gamma-cs-schwab-warmup".to_owned());
    let status = shown(&world).await;
    let schedules = &status["schedules"];
    assert_eq!(unknown(&schedules[0]["on"]), "AccessDenied");
    let trade = &schedules[1];
    assert_eq!(
        (&trade["on"], &trade["next"]["at"]["local"]),
        (&json!(false), &json!("Thu 2025-11-27 16:13"))
    );
    assert_eq!(trade["next"]["at"]["note"], "holiday (Thanksgiving Day), will not trade");
    assert_eq!(trade["next_session"]["at"]["local"], "Mon 2025-12-01 16:13");
    assert_eq!(
        (&schedules[2]["on"], &schedules[2]["next"]),
        (&Value::Null, &Value::Null),
        "a schedule that is missing is on nor off"
    );
    assert_eq!(schedules[3]["next"]["at"]["note"], Value::Null, "a sweep sweeps on any day");
    let all = world.operator().schedules(&ControlScope::All).await.unwrap();
    assert_eq!((all.len(), all[8].name.as_str()), (9, "gamma-cs-token-keeper"));
}

#[tokio::test]
async fn an_announced_closure_is_told_beside_the_next_fire() {
    let world = World::new();
    *world.announced.lock().unwrap() = Some("closed 2025-09-04 Day of Mourning".to_owned());
    let trade = &shown(&world).await["schedules"][1];
    assert_eq!(trade["next"]["at"]["note"], "announced (Day of Mourning), will not trade");
    assert_eq!(trade["next_session"]["at"]["local"], "Fri 2025-09-05 16:13");
    *world.announced.lock().unwrap() = Some("tomorrow".to_owned());
    let schedules = &shown(&world).await["schedules"];
    assert!(
        schedules[1]["next"]["at"]["note"]
            .as_str()
            .is_some_and(|note| note.contains("got \"tomorrow\"") && note.ends_with("will not trade"))
    );
    assert_eq!(schedules[3]["next"]["at"]["note"], Value::Null, "a sweep sweeps all the same");
}

#[tokio::test]
async fn a_login_shows_its_documents_times_and_no_token() {
    let world = World::new();
    // Six days and a bit before now: under a day is left.
    let document = json!({"creation_timestamp": 1_756_933_200 - 6 * 86_400 - 600, "token": {"refresh_token": "canary", "expires_at": 1_756_930_000}});
    world.documents.lock().unwrap().insert("/s".to_owned(), document.to_string());
    world.documents.lock().unwrap().insert("/t".to_owned(), json!({"refresh_token": "canary"}).to_string());
    let status = serde_json::to_value(world.operator().status(&ControlScope::All).await.unwrap()).unwrap();
    assert_eq!(status["accounts"][0]["login"]["hours_left"], 23);
    assert_eq!(status["accounts"][0]["login"]["access_expires"], "2025-09-03T20:06:40Z");
    assert_eq!(
        (&status["accounts"][1]["login"]["hours_left"], &status["accounts"][1]["login"]["created"]),
        (&Value::Null, &Value::Null)
    );
    assert!(!status.to_string().contains("canary"));
}

#[tokio::test]
async fn records_stand_with_who_and_why() {
    let world = World::new();
    let operator = world.operator();
    operator.arm("schwab", ME, Some("schwab")).await.unwrap();
    operator.halt(&schwab(), ME).await.unwrap();
    operator.halt(&ControlScope::All, ME).await.unwrap();
    world.records.lock().unwrap().edge = Some(EdgeDecision {
        run_date: DAY,
        verdict: Verdict::PauseEdge,
        pause_until: Some(date(2025, 9, 3)),
        why: "lost".to_owned(),
        known: 3,
    });
    world.outbox.lock().unwrap().push(pending("schwab", "run-1"));
    let status = shown(&world).await;
    assert_eq!(
        (&status["armed"]["armed"], &status["armed"]["by"], &status["armed"]["why"]),
        (&json!(true), &json!("Ada"), &json!("a drill"))
    );
    assert_eq!(
        (&status["halted"][0]["whom"], &status["halted"][1]["whom"]),
        (&json!("all"), &json!("schwab"))
    );
    assert_eq!(
        (&status["edge"]["pauses_today"], &status["outbox"]),
        (&json!(true), &json!(["sheets-log run-1"]))
    );
    operator.resume(&ControlScope::All, ME).await.unwrap();
    let halted = shown(&world).await["halted"].clone();
    assert_eq!((halted.as_array().unwrap().len(), &halted[0]["whom"]), (1, &json!("schwab")));
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_with_reason_the_rest_is_shown() {
    let world = World::new();
    world.ran("schwab", date(2025, 9, 2), "trade", "filled", "2025-09-02T20:15:00Z");
    world.days.lock().unwrap().insert(("schwab".to_owned(), DAY), Err(away("load day")));
    world.records.lock().unwrap().unreadable = true;
    let status = shown(&world).await;
    for field in ["armed", "halted", "last_run", "last_sweep", "open_intents", "unproven"] {
        assert!(unknown(&status[field]).contains("the table is away"), "{field}");
    }
    assert_eq!(unknown(&status["login"]), "token store: read /s: the parameter is missing");
    assert_eq!((&status["outbox"], &status["schedules"][1]["on"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn an_unproven_change_of_schedules_shows_until_one_is_proven() {
    let world = World::new();
    let off = Switch { scope: schwab(), on: false, sweeps: false };
    world.records.lock().unwrap().writes_left = Some(1);
    world.operator().switch(&off, ME).await.unwrap();
    assert_eq!(shown(&world).await["unproven"]["state"], "asked_for");
    world.records.lock().unwrap().writes_left = None;
    world.operator().switch(&off, ME).await.unwrap();
    assert_eq!(shown(&world).await["unproven"], Value::Null);
}
