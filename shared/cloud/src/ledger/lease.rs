//! The lease: taking, renewing, giving back.

use gamma_execution::ports::{Lease, LedgerError, PutOutcome};
use jiff::Timestamp;
use jiff::civil::Date;

use super::DynamoLedger;
use super::item::{Item, number, text};
use super::key::DayKeys;
use super::record::{expiry_ms, lease_from};
use super::table::{Change, Expression, Step, Written, failed};

/// How long after its end the item is kept. Only the table's own clean-up removes a lease, and with it the
/// fence: that must not happen while anybody may still act on the trade date, and an operator's `resolve` may
/// come weeks later.
const KEPT_AFTER_SECONDS: i64 = 90 * 24 * 60 * 60;

const TAKE: &str = "SET #account = :account, #date = :date, #run_id = :run_id, #fence = if_not_exists(#fence, :zero) + :one, \
     #expires = :expires, #expires_ms = :expires_ms, #ttl = :ttl";
// A lease without a fence is malformed, not free: taking it would start the fence anew.
const FREE: &str = "attribute_not_exists(#pk) OR (#expires_ms <= :now AND #fence >= :one)";
const RENEW: &str = "SET #expires = :expires, #expires_ms = :expires_ms, #ttl = :ttl";
const RELEASE: &str = "SET #expires_ms = :zero";
const HELD: &str = "#run_id = :run_id AND #fence = :fence AND #expires_ms > :zero";

impl DynamoLedger {
    pub(super) async fn take(
        &self,
        account: &str,
        date: Date,
        run_id: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Result<Lease, String>, LedgerError> {
        let operation = "take lease";
        let key = DayKeys::new(operation, account, date)?.lease();
        let set = Expression::new(
            TAKE,
            [
                (":account", text(account)),
                (":date", text(date)),
                (":run_id", text(run_id)),
                (":expires", text(expires)),
                (":expires_ms", number(expiry_ms(expires))),
                (":ttl", number(expires.as_second() + KEPT_AFTER_SECONDS)),
                (":zero", number(0)),
                (":one", number(1)),
            ],
        );
        let when = Expression::new(FREE, [(":now", number(now.as_millisecond())), (":one", number(1))]);
        match self.table.update(operation, &key, &Change { set, when }).await? {
            Written::Done(item) => understood(operation, &item, account, date).map(Ok),
            Written::Refused(Some(item)) => {
                let standing = understood(operation, &item, account, date)?;
                // Ours already: the first try's answer was lost. It stands as that try made it, with its
                // fence.
                Ok(if standing.writer.run_id == run_id { Ok(standing) } else { Err(holder(&standing)) })
            }
            Written::Refused(None) => {
                Err(failed(operation, &key, "the lease was refused, yet none is shown".to_owned()))
            }
        }
    }

    pub(super) async fn renew(&self, lease: &Lease, expires: Timestamp) -> Result<PutOutcome, LedgerError> {
        let operation = "renew lease";
        let key = DayKeys::new(operation, &lease.account, lease.date)?.lease();
        let set = Expression::new(
            RENEW,
            [
                (":expires", text(expires)),
                (":expires_ms", number(expiry_ms(expires))),
                (":ttl", number(expires.as_second() + KEPT_AFTER_SECONDS)),
            ],
        );
        match self.table.update(operation, &key, &Change { set, when: held(lease) }).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => Ok(PutOutcome::Theirs("no lease is kept".to_owned())),
            Written::Refused(Some(item)) => {
                let standing = understood(operation, &item, &lease.account, lease.date)?;
                Ok(PutOutcome::Theirs(lost(lease, &standing)))
            }
        }
    }

    /// The item stays, with its fence; only its time is set to the beginning. A lease that is no longer ours
    /// is left alone.
    pub(super) async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
        let operation = "release lease";
        let key = DayKeys::new(operation, &lease.account, lease.date)?.lease();
        let set = Expression::new(RELEASE, [(":zero", number(0))]);
        self.table.update(operation, &key, &Change { set, when: held(lease) }).await.map(drop)
    }

    /// Who holds the lease that a transaction found not to be ours.
    pub(super) async fn lease_lost(
        &self,
        operation: &'static str,
        lease: &Lease,
    ) -> Result<PutOutcome, LedgerError> {
        let key = DayKeys::new(operation, &lease.account, lease.date)?.lease();
        let text = match self.table.get(operation, &key).await? {
            Some(item) => lost(lease, &understood(operation, &item, &lease.account, lease.date)?),
            None => "no lease is kept".to_owned(),
        };
        Ok(PutOutcome::Theirs(text))
    }
}

/// The part of a transaction that holds it to the fence.
pub(super) fn fenced(keys: &DayKeys, lease: &Lease) -> Step {
    Step::Check(keys.lease(), held(lease))
}

fn understood(operation: &'static str, item: &Item, account: &str, date: Date) -> Result<Lease, LedgerError> {
    lease_from(item, account, date).map_err(|malformed| malformed.during(operation))
}

fn held(lease: &Lease) -> Expression {
    let writer = &lease.writer;
    Expression::new(
        HELD,
        [(":run_id", text(&writer.run_id)), (":fence", number(writer.fence)), (":zero", number(0))],
    )
}

fn holder(standing: &Lease) -> String {
    format!(
        "run {} holds the lease (fence {}) until {}",
        standing.writer.run_id, standing.writer.fence, standing.expires
    )
}

fn lost(lease: &Lease, standing: &Lease) -> String {
    if standing.writer == lease.writer { "the lease was given back".to_owned() } else { holder(standing) }
}
