//! Rungs: SENDING before the POST, then what became of it, and never anything else once that is proven.

use gamma_execution::ports::{IntentState, Lease, LedgerError, PutOutcome, RungRecord, RungState};
use jiff::civil::Date;

use super::DynamoLedger;
use super::item::{Item, flag, number, text, word};
use super::key::{DayKeys, Key};
use super::lease::fenced;
use super::record::{rung_from, rung_item};
use super::table::{Change, Expression, Step, Transacted, Written, failed};
use super::writer_holds;

const OURS_TO_SEND: &str = "#run_id = :run_id AND #state = :open";
const OPEN: &str = "#state = :open";
const OVER: &str = "#state = :terminal OR #state = :refused";
// What was asked for is what a lost order is found by, so it never changes.
const MAY_SET: &str = "attribute_exists(#pk) AND NOT #state IN (:terminal, :refused, :never_accepted, :resolved) AND #fence <= :fence \
     AND #price = :price AND #quantity = :quantity";
// The same for a state that knows the order. A later holder of the lease may have seen more fills of it, or
// an order of which it was said that it never came to be.
const MAY_SET_KNOWN: &str = "attribute_exists(#pk) AND #price = :price AND #quantity = :quantity \
     AND ((NOT #state IN (:terminal, :refused, :never_accepted, :resolved) AND #fence <= :fence) \
     OR (#state IN (:refused, :never_accepted) AND #fence < :fence) \
     OR (#state = :terminal AND #order_id = :order_id AND #filled < :filled AND #fence < :fence))";
// The same for a state that names no order: a write that lands late must not make an order nameless again.
const MAY_SET_NAMELESS: &str = "attribute_exists(#pk) AND NOT #state IN (:terminal, :refused, :never_accepted, :resolved) AND #fence <= :fence \
     AND #price = :price AND #quantity = :quantity AND attribute_not_exists(#order_id)";

impl DynamoLedger {
    /// One transaction: the lease is ours, the day is ours and from now on sending, the intent is open, the
    /// rung before is proven over (at most one live order for an intent), and this rung does not exist yet.
    pub(super) async fn create_sending(
        &self,
        lease: &Lease,
        rung: &RungRecord,
    ) -> Result<PutOutcome, LedgerError> {
        let operation = "put sending";
        let keys = DayKeys::new(operation, &lease.account, lease.date)?;
        let key = keys.rung(operation, &rung.intent, rung.number)?;
        writer_holds(operation, &key, lease, &rung.writer)?;
        if rung.state != RungState::Sending {
            return Err(failed(operation, &key, format!("state: got {:?}, expected Sending", rung.state)));
        }
        let steps = steps(operation, &keys, lease, rung)?;
        let Transacted::Refused(refused) = self.table.transact(operation, &key, steps).await? else {
            return Ok(PutOutcome::Ours);
        };
        // The rung's own failure comes last: a rung of ours under a lease or day that no longer is must not
        // be sent.
        match refused.as_slice() {
            [true, ..] => self.lease_lost(operation, lease).await,
            [_, true, ..] => Ok(PutOutcome::Theirs("the day record is closed, or not this run's".to_owned())),
            [_, _, true, ..] => Ok(PutOutcome::Theirs(format!("the intent {} is not open", rung.intent))),
            [_, _, _, _, true] => Ok(PutOutcome::Theirs(format!(
                "the rung before {} of {} is not proven over",
                rung.number, rung.intent
            ))),
            _ => self.same_rung(operation, &key, rung).await,
        }
    }

    async fn same_rung(
        &self,
        operation: &'static str,
        key: &Key,
        rung: &RungRecord,
    ) -> Result<PutOutcome, LedgerError> {
        match self.table.get(operation, key).await? {
            Some(item) => compared(operation, &item, rung),
            None => Err(failed(operation, key, "the rung was refused, yet none is shown".to_owned())),
        }
    }

    pub(super) async fn change_rung(
        &self,
        account: &str,
        date: Date,
        rung: &RungRecord,
    ) -> Result<PutOutcome, LedgerError> {
        let operation = "set rung";
        let key = DayKeys::new(operation, account, date)?.rung(operation, &rung.intent, rung.number)?;
        let values = [
            (":terminal", text("terminal")),
            (":refused", text("refused")),
            (":never_accepted", text("never_accepted")),
            (":resolved", text("resolved")),
            (":fence", number(rung.writer.fence)),
            (":price", text(rung.price)),
            (":quantity", number(rung.quantity)),
        ];
        let when = match (&rung.state, rung.state.order()) {
            // An operator decides about orders whether or not they have a name.
            (RungState::Resolved { .. }, _) => Expression::new(MAY_SET, values),
            (_, None) => Expression::new(MAY_SET_NAMELESS, values),
            (state, Some(order)) => {
                let [terminal, refused, never, resolved, fence, price, quantity] = values;
                let (order, filled) = ((":order_id", text(order)), (":filled", number(state.filled())));
                Expression::new(
                    MAY_SET_KNOWN,
                    [terminal, refused, never, resolved, fence, price, quantity, order, filled],
                )
            }
        };
        match self.table.put(operation, &key, rung_item(&key, rung), &when).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => Ok(PutOutcome::Theirs("no such rung is kept".to_owned())),
            Written::Refused(Some(item)) => compared(operation, &item, rung),
        }
    }
}

fn steps(
    operation: &'static str,
    keys: &DayKeys,
    lease: &Lease,
    rung: &RungRecord,
) -> Result<Vec<Step>, LedgerError> {
    let open = || word(&IntentState::Open);
    let day = keys.day(operation, &rung.intent.strategy)?;
    let mark = Change {
        set: Expression::new("SET #sending = :yes", [(":yes", flag(true))]),
        when: Expression::new(OURS_TO_SEND, [(":run_id", text(&lease.writer.run_id)), (":open", open())]),
    };
    let intent = keys.intent(operation, &rung.intent)?;
    let key = keys.rung(operation, &rung.intent, rung.number)?;
    let mut steps = vec![
        fenced(keys, lease),
        Step::Update(day, mark),
        Step::Check(intent, Expression::new(OPEN, [(":open", open())])),
        Step::Put(rung_item(&key, rung), Expression::absent()),
    ];
    if rung.number > 1 {
        let before = keys.rung(operation, &rung.intent, rung.number - 1)?;
        let over = Expression::new(OVER, [(":terminal", text("terminal")), (":refused", text("refused"))]);
        steps.push(Step::Check(before, over));
    }
    Ok(steps)
}

fn compared(operation: &'static str, item: &Item, meant: &RungRecord) -> Result<PutOutcome, LedgerError> {
    let standing = rung_from(item).map_err(|malformed| malformed.during(operation))?;
    Ok(if standing == *meant {
        PutOutcome::Ours
    } else {
        PutOutcome::Theirs(format!(
            "run {} (fence {}) wrote rung {} of {}: x{} at {}, {:?}",
            standing.writer.run_id,
            standing.writer.fence,
            standing.number,
            standing.intent,
            standing.quantity,
            standing.price,
            standing.state
        ))
    })
}
