//! The right to go on: the lease, renewed while the worker works, and halt and arming, read again when they
//! were read too long ago.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use super::{WorkError, Worker};
use crate::ladder::StopReason;
use crate::ports::{Arming, Controls, Lease, LedgerError, PutOutcome};
use crate::profile::{ExecutionProfile, seconds};

/// Halt and arming are read again before a POST when they were asked for longer ago than this.
const PERMITTED_FOR: SignedDuration = SignedDuration::from_secs(2);

/// A lease that another run holds, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBy(pub String);

/// What came of prolonging the lease.
struct Renewal {
    /// Until when it lasts, if it is still ours.
    expires: Timestamp,
    outcome: PutOutcome,
}

impl Worker<'_> {
    /// Takes the lease. A dead run's expires within seconds: that is waited for once, but not for a run that
    /// keeps renewing.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known whose it is.
    pub async fn take_lease(&mut self) -> Result<Result<(), HeldBy>, LedgerError> {
        let lasts = seconds(self.scope.execution.lease_seconds);
        let give_up = self.now() + lasts + seconds(2);
        loop {
            let now = self.now();
            let (ledger, scope) = (self.ledger, self.scope);
            match self
                .persist(async || {
                    ledger.take_lease(scope.account, scope.date, scope.run_id, now, now + lasts).await
                })
                .await?
            {
                Ok(lease) => {
                    self.expires.set(lease.expires);
                    self.lease = Some(lease);
                    return Ok(Ok(()));
                }
                Err(holder) if now >= give_up => return Ok(Err(HeldBy(holder))),
                Err(_) => self.clock.sleep_until(now + seconds(2)).await,
            }
        }
    }

    /// The lease it holds.
    ///
    /// # Errors
    /// [`WorkError::TakenOver`] when it holds none: whatever needs one is refused.
    pub fn lease(&self) -> Result<&Lease, WorkError> {
        self.lease.as_ref().ok_or_else(|| WorkError::TakenOver("no lease is held".to_owned()))
    }

    /// Halted, no longer armed, or not known to be neither.
    pub(super) async fn forbidden(&self) -> Option<StopReason> {
        let (ledger, account) = (self.ledger, self.scope.account);
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

    /// Prolongs the lease when less than half of it is left, and tries until it is known. Without a lease
    /// there is nothing to prolong.
    ///
    /// # Errors
    /// [`WorkError`] when it was taken over, or nobody knows.
    pub async fn renew(&self) -> Result<(), WorkError> {
        if self.lease.is_some() && self.left() <= self.half() { self.prolong().await } else { Ok(()) }
    }

    /// Prolongs the lease from the moment of the write that succeeds.
    async fn prolong(&self) -> Result<(), WorkError> {
        let lease = self.lease()?;
        let renewal = self.persist(async || self.prolong_once(lease).await).await?;
        self.prolonged(renewal)
    }

    /// As [`Worker::renew`] while orders are out: one try, and a ledger that does not answer is asked again
    /// at the next tick, as long as the lease lasts.
    pub(super) async fn renew_once(&self) -> Result<(), WorkError> {
        let Some(lease) = self.lease.as_ref().filter(|_| self.left() <= self.half()) else { return Ok(()) };
        match self.prolong_once(lease).await {
            Err(error) if self.expires.get() > self.now() => {
                tracing::warn!("{error}; trying again at the next tick");
                Ok(())
            }
            answer => self.prolonged(answer?),
        }
    }

    /// Until when the lease would last, and whether it is ours.
    async fn prolong_once(&self, lease: &Lease) -> Result<Renewal, LedgerError> {
        let expires = self.now() + seconds(self.scope.execution.lease_seconds);
        let outcome = self.ledger.renew_lease(lease, expires).await?;
        Ok(Renewal { expires, outcome })
    }

    fn prolonged(&self, renewal: Renewal) -> Result<(), WorkError> {
        match renewal.outcome {
            PutOutcome::Ours => {
                self.expires.set(renewal.expires);
                Ok(())
            }
            PutOutcome::Theirs(holder) => {
                Err(WorkError::TakenOver(format!("the lease was taken over: {holder}")))
            }
        }
    }

    /// What is left of the lease.
    fn left(&self) -> SignedDuration {
        self.expires.get().duration_since(self.now())
    }

    /// Halt and arming, read again when they were asked for too long ago.
    pub(super) async fn still_permitted(&self) -> Result<(), StopReason> {
        if self.now().duration_since(self.permitted.get()) > PERMITTED_FOR {
            self.forbidden().await.map_or(Ok(()), Err)
        } else {
            Ok(())
        }
    }

    /// Permission and lease hold at the same time; each may take its time, so they are looked at until both
    /// do, or the rung is over.
    pub(super) async fn still_may(&self, closes: Timestamp) -> Result<(), StopReason> {
        while self.now() < closes {
            self.still_permitted().await?;
            self.outlives_a_post().await.map_err(|error| StopReason::LeaseLost(error.to_string()))?;
            if self.now().duration_since(self.permitted.get()) <= PERMITTED_FOR {
                break;
            }
        }
        Ok(())
    }

    /// The lease must outlive the POST, or another run could take over while it is in flight.
    pub(super) async fn outlives_a_post(&self) -> Result<(), WorkError> {
        let post = SignedDuration::from_secs(ExecutionProfile::POST_SECONDS);
        self.lease()?;
        for _ in 0..2 {
            if self.left() > post {
                return Ok(());
            }
            self.prolong().await?;
        }
        let left = self.left();
        if left > post {
            return Ok(());
        }
        let (left, post) = (left.as_secs(), post.as_secs());
        Err(WorkError::LedgerSlow(format!(
            "the ledger is slow: {left} s of the lease are left after prolonging it, a POST may take {post}"
        )))
    }

    pub(super) fn half(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.scope.execution.lease_seconds) / 2)
    }

    /// Gives the lease back, so that a later delivery need not wait.
    pub async fn release(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        if let Err(error) = self.ledger.release_lease(&lease).await {
            self.note(format!("the lease was left to expire: {error}"));
        }
    }
}
