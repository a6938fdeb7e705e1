//! Made-up records of one trade date, and a clock that stands still.

use std::sync::Mutex;

use async_trait::async_trait;
use gamma_execution::ports::{
    Clock, DayRecord, DayState, IntentKey, IntentRecord, IntentState, Lease, OrderId, RunRecord, RungRecord,
    RungState, Writer,
};
use gamma_market::{Effect, Price, Right, Vertical};
use jiff::Timestamp;
use jiff::civil::{Date, date};

pub(crate) const ACCOUNT: &str = "schwab";
pub(crate) const STRATEGY: &str = "constant_stable";
pub(crate) const DATE: Date = date(2026, 2, 12);

/// 16:13:31 in New York on the trade date, plus `seconds`.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_770_930_811 + seconds).expect("a time")
}

/// Stands still; a wait is noted and over at once.
#[derive(Default)]
pub(crate) struct StillClock {
    pub(crate) waits: Mutex<Vec<Timestamp>>,
}

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        at(0)
    }

    async fn sleep_until(&self, until: Timestamp) {
        self.waits.lock().expect("no panic while noting").push(until);
    }
}

pub(crate) fn writer(run_id: &str, fence: u64) -> Writer {
    Writer { run_id: run_id.to_owned(), fence }
}

#[allow(dead_code, reason = "each test binary uses its own part of the records")]
pub(crate) fn lease(run_id: &str, fence: u64) -> Lease {
    Lease { account: ACCOUNT.to_owned(), date: DATE, writer: writer(run_id, fence), expires: at(20) }
}

#[allow(dead_code, reason = "each test binary uses its own part of the records")]
pub(crate) fn day(by: &Writer) -> DayRecord {
    DayRecord {
        account: ACCOUNT.to_owned(),
        strategy: STRATEGY.to_owned(),
        date: DATE,
        writer: by.clone(),
        state: DayState::Open,
        sending: false,
        outcome: None,
    }
}

pub(crate) fn key(revision: u32) -> IntentKey {
    IntentKey { strategy: STRATEGY.to_owned(), slot: Right::Put.into(), revision }
}

#[allow(dead_code, reason = "each test binary uses its own part of the records")]
pub(crate) fn intent(by: &Writer, revision: u32) -> IntentRecord {
    let leg = |text: &str| text.parse().expect("a symbol");
    IntentRecord {
        key: key(revision),
        package: Vertical::new(leg("SPXW260212P6900"), leg("SPXW260212P6895")).expect("a vertical").into(),
        effect: Effect::Credit,
        quantity: 3,
        planned_sides: 2,
        decision_mid: Price::cents(95),
        worst_price: Price::cents(85),
        writer: by.clone(),
        state: IntentState::Open,
        filled: 0,
        held: [(leg("SPXW260212P6900"), -2), (leg("SPXW260212P6895"), 0)].into(),
    }
}

#[allow(dead_code, reason = "each test binary uses its own part of the records")]
pub(crate) fn rung(by: &Writer, revision: u32, number: u32) -> RungRecord {
    RungRecord {
        intent: key(revision),
        number,
        price: Price::cents(95),
        quantity: 3,
        at: at(1),
        seen: vec![OrderId("1001".to_owned())],
        writer: by.clone(),
        state: RungState::Sending,
        nbbo: (Price::cents(85), Price::cents(105), Price::cents(95)),
    }
}

#[allow(dead_code, reason = "each test binary uses its own part of the records")]
pub(crate) fn ended_run(run_id: &str, report: serde_json::Value) -> RunRecord {
    RunRecord {
        run_id: run_id.to_owned(),
        account: ACCOUNT.to_owned(),
        date: DATE,
        outcome: "filled".to_owned(),
        live: true,
        report,
        hand_off: Vec::new(),
    }
}
