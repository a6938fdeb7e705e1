//! The task that moves time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Hold, Shared, Sleeper, real_now};

/// Moves time whenever it may, until the clock is gone.
pub(super) async fn drive(clock: Weak<Shared>, changed: Arc<Notify>) {
    // When the jump under way began, in real time; a jump whose goal changes does not begin anew.
    let mut began: Option<Instant> = None;
    while let Some(shared) = clock.upgrade() {
        let Some((now, stop)) = next_jump(&shared) else {
            drop(shared);
            began = None;
            changed.notified().await;
            continue;
        };
        let due = *began.get_or_insert_with(real_now) + shown_for(now, stop, shared.speed);
        if real_now() < due {
            drop(shared);
            // Either way the next round looks again: in the meantime somebody may have become busy or asked
            // for an earlier moment.
            let _ = timeout_at(due, changed.notified()).await;
            continue;
        }
        jump(&shared, stop);
        began = None;
        drop(shared);
        tokio::task::yield_now().await;
    }
}

fn next_jump(shared: &Shared) -> Option<(Timestamp, Timestamp)> {
    let state = shared.lock();
    state.next_stop().map(|stop| (state.now, stop))
}

/// How long a jump takes in real time.
fn shown_for(now: Timestamp, stop: Timestamp, speed: Option<f64>) -> Duration {
    // A century is as good as for ever and cannot overflow an instant.
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
    let Some(speed) = speed else { return Duration::ZERO };
    Duration::try_from_secs_f64(stop.duration_since(now).as_secs_f64() / speed)
        .unwrap_or(LONGEST)
        .min(LONGEST)
}

/// Worlds first, then the clock, then whoever waited. The worlds are called without the lock, so that they
/// may read the clock; a run that is attached meanwhile begins at the time before, and sees the jump finish.
fn jump(shared: &Arc<Shared>, stop: Timestamp) {
    let worlds = {
        let state = shared.lock();
        if state.next_stop() != Some(stop) {
            return;
        }
        state.worlds.clone()
    };
    if stop > shared.lock().now {
        worlds.iter().for_each(|world| world.advance_to(stop));
    }
    let woken: Vec<(Sleeper, Option<Hold>)> = {
        let mut state = shared.lock();
        state.now = stop;
        let due = state.wake(stop);
        due.into_iter()
            .map(|sleeper| {
                state.resume(&sleeper);
                // A run that wakes is busy and keeps time by itself; an observer needs the hold.
                let hold = sleeper.run.is_none().then(|| {
                    state.holds += 1;
                    Hold { shared: Arc::clone(shared) }
                });
                (sleeper, hold)
            })
            .collect()
    };
    for (sleeper, hold) in woken {
        sleeper.wake(hold);
    }
}
