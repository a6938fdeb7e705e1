//! The table in memory against an emulated DynamoDB: the same ledger over both answers every call alike,
//! whatever came before it.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_cloud::{DynamoLedger, DynamoTokenLock, aws, create_table};
use gamma_execution::ports::{
    Clock, DayRecord, DayState, IntentKey, IntentRecord, IntentState, Lease, Ledger, OrderId, OrderStatus,
    RunRecord, RungRecord, RungState, TokenLock, Writer,
};
use gamma_market::{Effect, Price, Right, Vertical};
use gamma_memory_table::Immediate;
use gamma_tests::moto::Moto;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const DATE: Date = date(2026, 2, 12);
const RUNS: [&str; 3] = ["run-a", "run-b", "run-c"];

/// Nothing waits here.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(0)
    }

    async fn sleep_until(&self, _: Timestamp) {}
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_930_811 + second).unwrap()
}

/// One call, by numbers: whose lease, and small choices that the calls read as they like.
#[derive(Debug, Clone, Copy)]
struct Call {
    kind: usize,
    run: usize,
    one: u32,
    two: u32,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    // Leases are taken often enough that fences rise, and orders are sent often enough that days go on.
    let kind = prop_oneof![3 => Just(0_usize), 2 => Just(1), 1 => Just(2), 3 => Just(3), 4 => Just(4), 6 => Just(5), 5 => Just(6), 3 => Just(7), 1 => Just(8), 1 => Just(9), 1 => Just(10), 1 => Just(11), 1 => Just(12)];
    prop::collection::vec(
        (kind, 0..3_usize, 0..4_u32, 0..4_u32).prop_map(|(kind, run, one, two)| Call { kind, run, one, two }),
        150,
    )
}

/// One ledger, with the leases its runs hold or once held.
struct Side {
    ledger: DynamoLedger,
    lock: DynamoTokenLock,
    leases: [Lease; 3],
}

impl Side {
    fn over(ledger: DynamoLedger, lock: DynamoTokenLock) -> Self {
        let never = |run: &str| Lease {
            account: "schwab".into(),
            date: DATE,
            writer: Writer { run_id: run.into(), fence: 1 },
            expires: at(0),
        };
        Self { ledger, lock, leases: RUNS.map(never) }
    }

    async fn call(&mut self, second: i64, call: Call) -> String {
        let (ledger, lease) = (&self.ledger, self.leases[call.run].clone());
        let (side, revision) =
            (if call.one.is_multiple_of(2) { Right::Put } else { Right::Call }, 1 + call.two / 2);
        let key = IntentKey { strategy: "constant_stable".into(), slot: side.into(), revision };
        match call.kind {
            0 => {
                let taken =
                    ledger.take_lease("schwab", DATE, RUNS[call.run], at(second), at(second + 6)).await;
                if let Ok(Ok(lease)) = &taken {
                    self.leases[call.run] = lease.clone();
                }
                format!("{taken:?}")
            }
            1 => format!("{:?}", ledger.renew_lease(&lease, at(second + 6)).await),
            2 => format!("{:?}", ledger.release_lease(&lease).await),
            3 => format!("{:?}", ledger.open_day(&day(&lease)).await),
            4 => {
                let both = [
                    intent(&lease, key.clone()),
                    intent(&lease, IntentKey { slot: other(side).into(), ..key }),
                ];
                format!(
                    "{:?}",
                    ledger.put_intents(&lease, &both[..usize::from(call.two.is_multiple_of(2)) + 1]).await
                )
            }
            5 => format!(
                "{:?}",
                ledger.put_sending(&lease, &rung(&lease, key, 1 + call.one / 2, RungState::Sending)).await
            ),
            6 => format!(
                "{:?}",
                ledger.set_rung("schwab", DATE, &rung(&lease, key, 1 + call.one / 2, state(call))).await
            ),
            7 => {
                let state = [IntentState::Open, IntentState::Terminal, IntentState::Unresolved]
                    [usize::try_from(call.two).unwrap() % 3];
                let record = IntentRecord { state, filled: call.one / 2, ..intent(&lease, key) };
                format!("{:?}", ledger.set_intent("schwab", DATE, &record).await)
            }
            8 => format!("{:?}", ledger.close_day(&lease, "constant_stable", "filled").await),
            9 => {
                let outcome = ["filled", "no_fill"][usize::try_from(call.one).unwrap() % 2].to_owned();
                let run = RunRecord {
                    run_id: RUNS[call.run].into(),
                    account: "schwab".into(),
                    date: DATE,
                    outcome,
                    live: true,
                    report: serde_json::json!({}),
                    hand_off: gamma_execution::ports::Consumer::ALL[..call.run % 3].to_vec(),
                };
                format!("{:?}", ledger.put_run(&run).await)
            }
            10 => {
                format!("{:?}", self.lock.take("/gamma/x", RUNS[call.run], at(second), at(second + 4)).await)
            }
            11 => format!("{:?}", self.lock.release("/gamma/x", RUNS[call.run]).await),
            _ => format!(
                "{:?} {:?}",
                ledger.load_day("schwab", "constant_stable", DATE).await,
                ledger.controls("schwab").await
            ),
        }
    }
}

fn other(side: Right) -> Right {
    if side == Right::Put { Right::Call } else { Right::Put }
}

fn day(lease: &Lease) -> DayRecord {
    let (account, strategy) = ("schwab".into(), "constant_stable".into());
    DayRecord {
        account,
        strategy,
        date: DATE,
        writer: lease.writer.clone(),
        state: DayState::Open,
        sending: false,
        outcome: None,
    }
}

fn intent(lease: &Lease, key: IntentKey) -> IntentRecord {
    let leg = |text: &str| text.parse().unwrap();
    IntentRecord {
        key,
        package: Vertical::new(leg("SPXW260212P6900"), leg("SPXW260212P6895")).unwrap().into(),
        effect: Effect::Credit,
        quantity: 3,
        planned_sides: 2,
        decision_mid: Price::cents(95),
        worst_price: Price::cents(85),
        writer: lease.writer.clone(),
        state: IntentState::Open,
        filled: 0,
        held: [(leg("SPXW260212P6900"), -2)].into(),
    }
}

fn rung(lease: &Lease, intent: IntentKey, number: u32, state: RungState) -> RungRecord {
    let (price, nbbo) = (Price::cents(95), (Price::cents(90), Price::cents(100), Price::cents(95)));
    RungRecord {
        intent,
        number,
        price,
        quantity: 3,
        at: at(0),
        seen: Vec::new(),
        writer: lease.writer.clone(),
        state,
        nbbo,
    }
}

fn state(call: Call) -> RungState {
    let order = OrderId("1001".into());
    match call.two {
        0 => RungState::Accepted { order },
        1 => RungState::Unknown { reason: "timeout".into() },
        2 => RungState::Refused { reason: "400".into() },
        _ => RungState::Terminal {
            order,
            status: OrderStatus::Canceled,
            filled: call.one / 2,
            fills: Vec::new(),
        },
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_simulations_table_answers_as_dynamodb_does() {
    let moto = Moto::start().await.unwrap();
    let config = aws::load_for(&moto.url()).await;
    let mut runner = TestRunner::deterministic();
    let (mut ours, mut theirs) = (0, 0);
    for round in 0..12 {
        let name = format!("table-{round}");
        create_table(&config, &name).await.unwrap();
        let (clock, memory): (Arc<dyn Clock>, _) = (Arc::new(Still), Arc::new(Immediate::default()));
        let mut dynamo = Side::over(
            DynamoLedger::new(&config, &name, clock.clone()),
            DynamoTokenLock::new(&config, &name, clock),
        );
        let mut simulated = Side::over(DynamoLedger::over(memory.clone()), DynamoTokenLock::over(memory));
        for (number, call) in calls().new_tree(&mut runner).unwrap().current().into_iter().enumerate() {
            let second = i64::try_from(number / 2).unwrap();
            let (expected, came) = (dynamo.call(second, call).await, simulated.call(second, call).await);
            assert_eq!(came, expected, "round {round}, call {number}: {call:?}");
            ours += usize::from(expected.contains("Ours"));
            theirs += usize::from(expected.contains("Theirs"));
        }
    }
    // Both answers came often, so both were compared.
    assert!(ours > 100 && theirs > 100, "{ours} writes were made, {theirs} refused");
}
