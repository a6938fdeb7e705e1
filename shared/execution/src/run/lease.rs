//! The right to go on: the lease, renewed while the run works, and halt and arming, read again when they were read too long ago.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use super::{Ended, Run};
use crate::ladder::StopReason;
use crate::ports::{Arming, Controls, Lease, LedgerError, PutOutcome};
use crate::profile::{ExecutionProfile, seconds};
use crate::report::Outcome;

/// Halt and arming are read again before a POST when they were asked for longer ago than this.
const PERMITTED_FOR: SignedDuration = SignedDuration::from_secs(2);

impl Run<'_> {
    /// Halted, no longer armed, or not known to be neither.
    pub(super) async fn forbidden(&self) -> Option<StopReason> {
        let (ledger, account) = (self.ports.ledger, &self.request.account);
        let asked = Cell::new(self.now());
        let read = async || {
            asked.set(self.now());
            ledger.controls(account).await
        };
        let reason = match self.persist(read).await {
            Ok(Controls { halted: Some(reason), .. }) => StopReason::Halted(reason),
            Ok(Controls { arming: Arming::NotArmed, .. }) => StopReason::Disarmed,
            Ok(_) => {
                self.permitted.set(asked.get());
                return None;
            }
            Err(error) => StopReason::Ledger(error.to_string()),
        };
        Some(reason)
    }

    /// Prolongs the lease when less than half of it is left, and tries until it is known.
    pub(super) async fn renew(&self, lease: &mut Lease) -> Result<(), Ended> {
        if lease.expires.duration_since(self.now()) > half(&self.profile.execution) {
            return Ok(());
        }
        self.prolong(lease).await
    }

    /// Prolongs the lease from the moment of the write that succeeds.
    pub(super) async fn prolong(&self, lease: &mut Lease) -> Result<(), Ended> {
        let held = &*lease;
        let answer = self.persist(async || self.prolong_once(held).await).await?;
        prolonged(lease, answer)
    }

    /// As [`Run::renew`] while orders are out: one try, and a ledger that does not answer is asked again at the next tick, as long as
    /// the lease lasts.
    pub(super) async fn renew_once(&self, lease: &mut Lease) -> Result<(), Ended> {
        if lease.expires.duration_since(self.now()) > half(&self.profile.execution) {
            return Ok(());
        }
        match self.prolong_once(lease).await {
            Err(error) if lease.expires > self.now() => {
                tracing::warn!("{error}; trying again at the next tick");
                Ok(())
            }
            answer => prolonged(lease, answer?),
        }
    }

    /// Until when the lease would last, and whether it is ours.
    pub(super) async fn prolong_once(&self, lease: &Lease) -> Result<(Timestamp, PutOutcome), LedgerError> {
        let expires = self.now() + seconds(self.profile.execution.lease_seconds);
        let outcome = self.ports.ledger.renew_lease(lease, expires).await?;
        Ok((expires, outcome))
    }

    /// Halt and arming, read again when they were asked for too long ago.
    pub(super) async fn still_permitted(&self) -> Result<(), StopReason> {
        if self.now().duration_since(self.permitted.get()) > PERMITTED_FOR { self.forbidden().await.map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Permission and lease hold at the same time; each may take its time, so they are looked at until both do, or the rung is over.
    pub(super) async fn still_may(&mut self, lease: &mut Lease, closes: Timestamp) -> Result<(), StopReason> {
        while self.now() < closes {
            self.still_permitted().await?;
            self.outlives_a_post(lease).await.map_err(|ended| StopReason::LeaseLost(ended.detail))?;
            if self.now().duration_since(self.permitted.get()) <= PERMITTED_FOR {
                break;
            }
        }
        Ok(())
    }

    /// The lease must outlive the POST, or another run could take over while it is in flight.
    pub(super) async fn outlives_a_post(&mut self, lease: &mut Lease) -> Result<(), Ended> {
        for _ in 0..2 {
            if lease.expires.duration_since(self.now()) > SignedDuration::from_secs(ExecutionProfile::POST_SECONDS) {
                return Ok(());
            }
            self.prolong(lease).await?;
        }
        let left = lease.expires.duration_since(self.now());
        if left > SignedDuration::from_secs(ExecutionProfile::POST_SECONDS) {
            return Ok(());
        }
        let detail =
            format!("the ledger is slow: {} s of the lease are left after prolonging it, a POST may take {}", left.as_secs(), ExecutionProfile::POST_SECONDS);
        Err(Ended::new(Outcome::LedgerUnavailable, detail))
    }
}

pub(super) fn prolonged(lease: &mut Lease, (expires, outcome): (Timestamp, PutOutcome)) -> Result<(), Ended> {
    match outcome {
        PutOutcome::Ours => {
            lease.expires = expires;
            Ok(())
        }
        PutOutcome::Theirs(holder) => Err(Ended::new(Outcome::AnotherRunActive, format!("the lease was taken over: {holder}"))),
    }
}

pub(super) fn half(execution: &ExecutionProfile) -> SignedDuration {
    SignedDuration::from_secs(i64::from(execution.lease_seconds) / 2)
}
