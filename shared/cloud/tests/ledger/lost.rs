//! Answers that are lost after the write was made. The stand-in service does not honour the transaction's
//! token, so these writes are recognised by their content alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gamma_cloud::{DynamoLedger, aws, create_table};
use gamma_execution::ports::{IntentRecord, IntentState, Ledger, OrderId, OrderStatus, RungState};
use gamma_market::Right;

use super::{ours, take, theirs};
use crate::records::{ACCOUNT, DATE, STRATEGY, StillClock, day, ended_run, intent, rung};
use crate::{moto, wire};

/// A ledger behind a wire that loses the next answer each time it is told to.
struct Lossy {
    ledger: DynamoLedger,
    lose: Arc<AtomicBool>,
}

impl Lossy {
    async fn new(table: &str) -> Self {
        create_table(&moto::config().await, table).await.unwrap();
        let lose = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&lose);
        let endpoint = wire::serve(move |request| {
            let answer = wire::forward(moto::endpoint(), request);
            (!told.swap(false, Ordering::SeqCst)).then_some(answer)
        });
        let config = aws::load_for(&endpoint).await;
        let ledger = DynamoLedger::new(&config, table, Arc::new(StillClock::default()));
        Self { ledger, lose }
    }

    /// The ledger, its next answer lost.
    fn once(&self) -> &DynamoLedger {
        self.lose.store(true, Ordering::SeqCst);
        &self.ledger
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn losing_every_first_answer_changes_nothing_in_a_run() {
    let wire = Lossy::new("lost").await;
    let lease = take(wire.once(), "first", 0).await.unwrap();
    assert_eq!(lease.writer.fence, 1, "a lost answer is not another take");
    ours(wire.once().open_day(&day(&lease.writer)).await.unwrap());
    let put = intent(&lease.writer, 1);
    let mut call = put.clone();
    call.key.slot = Right::Call.into();
    ours(wire.once().put_intents(&lease, &[put.clone(), call.clone()]).await.unwrap());
    theirs(
        wire.once().put_intents(&lease, &[put, IntentRecord { quantity: 9, ..call.clone() }]).await.unwrap(),
        "constant_stable#call#r1",
    );

    let mut rung = rung(&lease.writer, 1, 1);
    ours(wire.once().put_sending(&lease, &rung).await.unwrap());
    rung.state = RungState::Terminal {
        order: OrderId("1002".to_owned()),
        status: OrderStatus::Filled,
        filled: 3,
        fills: Vec::new(),
    };
    ours(wire.once().set_rung(ACCOUNT, DATE, &rung).await.unwrap());
    let mut done = intent(&lease.writer, 1);
    (done.state, done.filled) = (IntentState::Terminal, 3);
    ours(wire.once().set_intent(ACCOUNT, DATE, &done).await.unwrap());
    ours(wire.once().renew_lease(&lease, lease.expires).await.unwrap());
    ours(wire.once().close_day(&lease, STRATEGY, "filled").await.unwrap());
    let run = ended_run("first", serde_json::json!({}));
    ours(wire.once().put_run(&run).await.unwrap());
    wire.once().release_lease(&lease).await.unwrap();

    let loaded = wire.once().load_day(ACCOUNT, STRATEGY, DATE).await.unwrap();
    assert_eq!((loaded.intents, loaded.rungs), (vec![done, call], vec![rung]));
}
