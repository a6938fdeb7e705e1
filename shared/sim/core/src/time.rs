//! Virtual time, stepped: it stands still while anybody works, and jumps when everybody waits.
//!
//! A *run* is one piece of work, most often one invocation of a function, named by its request id. It is
//! attached when it begins and detached when it ends; in between it is either *busy* or *waiting* (it has at
//! least one [`VirtualClock::wait`] outstanding). Time moves only while no attached run is busy and nobody
//! [holds](VirtualClock::hold) it, and then straight to the earliest moment anybody asked for. A minute of
//! waiting costs no real time, and work, however slow the machine, costs no virtual time: the same story is
//! told on every machine.
//!
//! Many runs on a small machine would starve each other until real timeouts (sockets, start-up) fail them. So
//! they can be made to [take turns](VirtualClock::take_turns): whoever's moment has come and who must wait
//! for others is still at that moment, and time does not move before all have had their turn. In virtual time
//! they work side by side all the same.
//!
//! A run that waits beside something else (a deadline watched during a request) counts as waiting, so time
//! may jump while the request is under way. A run that blocks on another run (a synchronous invocation) is
//! busy, and the other's waits then never end.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant as StdInstant};

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

mod driver;
mod router;

pub use router::router;

/// A world that evolves with time: a market, a broker's book, a schedule.
pub trait Advance: Send + Sync {
    /// Brings the world to `now`. Called for every jump, before anybody who waited for that moment wakes;
    /// until every world is there, [`VirtualClock::now`] still gives the time before. Calls come one at a
    /// time and never with an earlier time than the call before.
    fn advance_to(&self, now: Timestamp);
}

/// The clock. Clones are the same clock. Waiting needs a tokio runtime.
#[derive(Clone)]
pub struct VirtualClock {
    shared: Arc<Shared>,
}

impl VirtualClock {
    /// A clock that shows `start`. With `speed`, a jump takes its length divided by `speed` in real time (60
    /// shows a minute in a second), for people who watch; time still steps and does not flow. Without it, and
    /// with a speed that is not a positive finite number, jumps take no time.
    #[must_use]
    pub fn new(start: Timestamp, speed: Option<f64>) -> Self {
        let state = State {
            now: start,
            runs: BTreeMap::new(),
            sleepers: BTreeMap::new(),
            next_sleeper: 0,
            holds: 0,
            most_busy: usize::MAX,
            worked: BTreeMap::new(),
            worlds: Vec::new(),
            driver: None,
        };
        let speed = speed.filter(|speed| speed.is_finite() && *speed > 0.0);
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), changed: Arc::new(Notify::new()), speed }),
        }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.lock().now
    }

    /// From now on at most so many runs (one at least) are busy at a time, in real time: who wakes beyond
    /// that waits for its turn, first come first served, while time stands still. A run that was just
    /// attached is asked to wait for its turn by [`VirtualClock::turn`].
    pub fn take_turns(&self, most: usize) {
        self.shared.lock().most_busy = most.max(1);
        self.shared.changed.notify_one();
    }

    /// Waits until it is `run`'s turn, where runs take turns; the clock shows the same time then.
    pub fn turn(&self, run: &str) -> Wait {
        let state = self.shared.lock();
        let until = if state.most_busy == usize::MAX { Timestamp::MIN } else { state.now };
        drop(state);
        Wait { sleep: self.sleep_if(Some(run), until, until != Timestamp::MIN) }
    }

    /// Begins a run, busy; whether it is new. Attaching it again changes nothing, and leaves its end to
    /// whoever attached it first.
    pub fn attach(&self, run: &str) -> bool {
        match self.shared.lock().runs.entry(run.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(Run::busy());
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Ends a run; its outstanding waits return at once, and so do later ones. A run that is not attached
    /// stays so.
    pub fn detach(&self, run: &str) {
        let released: Vec<Sleeper> = {
            let mut state = self.shared.lock();
            if let Some(ended) = state.runs.remove(run) {
                state.worked.entry(run.to_owned()).or_default().extend(ended.spans());
            }
            state
                .sleepers
                .extract_if(.., |_, sleeper| sleeper.run.as_deref() == Some(run))
                .map(|(_, sleeper)| sleeper)
                .collect()
        };
        for sleeper in released {
            sleeper.wake(None);
        }
        self.shared.changed.notify_one();
    }

    /// Waits, for `run`, until the clock shows `until`, and gives the time it shows then. Returns at once
    /// when that has passed and when the run is not attached. The run counts as waiting from this call (not
    /// from the first poll) until the future is done or dropped.
    pub fn wait(&self, run: &str, until: Timestamp) -> Wait {
        Wait { sleep: self.sleep(Some(run), until) }
    }

    /// Wakes an observer once the clock shows `until`, counted from this call and not from the first poll. An
    /// alarm does not hold time back before it rings. From then on time stands still until the [`Hold`] it
    /// gives is dropped, so that what the observer does, such as starting a run, happens at that moment; an
    /// alarm that rang is therefore to be polled or dropped.
    pub fn alarm(&self, until: Timestamp) -> Alarm {
        Alarm { sleep: self.sleep(None, until) }
    }

    /// Stops time for as long as the value lives: for a step that must not lose the moment between two runs.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.shared.lock().holds += 1;
        Hold { shared: Arc::clone(&self.shared) }
    }

    /// Adds a world that evolves with time from now on. Worlds are called in the order in which they were
    /// added.
    pub fn on_advance(&self, world: Arc<dyn Advance>) {
        self.shared.lock().worlds.push(world);
    }

    /// The attached runs that are busy: who it is that keeps time from moving.
    #[must_use]
    pub fn busy(&self) -> Vec<String> {
        self.shared
            .lock()
            .runs
            .iter()
            .filter(|(_, run)| run.waits == 0)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Real time since the run last waited (or was attached), `None` while it waits or is not attached.
    #[must_use]
    pub fn busy_for(&self, run: &str) -> Option<Duration> {
        self.shared.lock().runs.get(run).filter(|run| run.waits == 0).map(|run| run.busy_since.elapsed())
    }

    /// The stretches of real time in which a run was busy, oldest first, also when it has ended.
    #[must_use]
    pub fn worked(&self, run: &str) -> Vec<(StdInstant, StdInstant)> {
        let state = self.shared.lock();
        let ended = state.worked.get(run).into_iter().flatten().copied();
        ended.chain(state.runs.get(run).into_iter().flat_map(Run::spans)).collect()
    }

    fn sleep(&self, run: Option<&str>, until: Timestamp) -> Sleep {
        let due = until <= self.now();
        self.sleep_if(run, until, !due)
    }

    fn sleep_if(&self, run: Option<&str>, until: Timestamp, has_point: bool) -> Sleep {
        let mut state = self.shared.lock();
        let pointless = !has_point || run.is_some_and(|run| !state.runs.contains_key(run));
        let outstanding = (!pointless).then(|| {
            let (wake, woken) = oneshot::channel();
            let id = state.next_sleeper;
            state.next_sleeper += 1;
            if let Some(run) = run.and_then(|run| state.runs.get_mut(run)) {
                run.pause();
            }
            state.sleepers.insert(id, Sleeper { until, run: run.map(str::to_owned), wake });
            if state.driver.as_ref().is_none_or(JoinHandle::is_finished) {
                state.driver = Some(tokio::spawn(driver::drive(
                    Arc::downgrade(&self.shared),
                    Arc::clone(&self.shared.changed),
                )));
            }
            (id, woken)
        });
        drop(state);
        self.shared.changed.notify_one();
        Sleep { clock: self.clone(), outstanding }
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("now", &self.now())
            .field("busy", &self.busy())
            .finish_non_exhaustive()
    }
}

/// Time stands still while this lives; see [`VirtualClock::hold`] and [`VirtualClock::alarm`].
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.lock().holds -= 1;
        self.shared.changed.notify_one();
    }
}

/// A wait of a run; gives the time at which it ended.
#[derive(Debug)]
#[must_use = "time waits for the run only while the future lives"]
pub struct Wait {
    sleep: Sleep,
}

impl Future for Wait {
    type Output = Timestamp;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Timestamp> {
        ready!(self.sleep.poll_woken(context));
        Poll::Ready(self.sleep.clock.now())
    }
}

/// An observer's alarm; gives the [`Hold`] on the moment it rang.
#[derive(Debug)]
#[must_use = "an alarm rings only while the future lives"]
pub struct Alarm {
    sleep: Sleep,
}

impl Future for Alarm {
    type Output = Hold;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Hold> {
        let hold = ready!(self.sleep.poll_woken(context));
        Poll::Ready(hold.unwrap_or_else(|| self.sleep.clock.hold()))
    }
}

/// What a wait and an alarm share. Dropping it takes it off the clock, so that nobody waits for a moment
/// nobody wants any more.
struct Sleep {
    clock: VirtualClock,
    /// `None` when there was nothing to wait for, and after waking.
    outstanding: Option<(u64, oneshot::Receiver<Option<Hold>>)>,
}

impl Sleep {
    fn poll_woken(&mut self, context: &mut Context<'_>) -> Poll<Option<Hold>> {
        let Some((_, woken)) = &mut self.outstanding else { return Poll::Ready(None) };
        let hold = ready!(Pin::new(woken).poll(context)).unwrap_or(None);
        self.outstanding = None;
        Poll::Ready(hold)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some((id, _)) = &self.outstanding else { return };
        let mut state = self.clock.shared.lock();
        if let Some(sleeper) = state.sleepers.remove(id) {
            state.resume(&sleeper);
        }
        drop(state);
        self.clock.shared.changed.notify_one();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("outstanding", &self.outstanding.is_some()).finish_non_exhaustive()
    }
}

struct Shared {
    state: Mutex<State>,
    /// Told of every change that may let time move; the driver has its own handle, so that it does not keep
    /// the clock alive.
    changed: Arc<Notify>,
    speed: Option<f64>,
}

impl Shared {
    /// No code panics while it has the lock, so a poisoned state is still a whole one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct State {
    now: Timestamp,
    runs: BTreeMap<String, Run>,
    sleepers: BTreeMap<u64, Sleeper>,
    next_sleeper: u64,
    holds: usize,
    /// How many runs may be busy at a time.
    most_busy: usize,
    /// When runs that have ended were busy, in real time.
    worked: BTreeMap<String, Vec<(StdInstant, StdInstant)>>,
    worlds: Vec<Arc<dyn Advance>>,
    driver: Option<JoinHandle<()>>,
}

impl State {
    /// Where time may jump to, if it may; now, when it is somebody's turn.
    fn next_stop(&self) -> Option<Timestamp> {
        let earliest = self.sleepers.values().map(|sleeper| sleeper.until).min()?;
        let busy = self.busy_count();
        if earliest <= self.now {
            return (busy < self.most_busy || !self.due(self.now, 0).is_empty()).then_some(self.now);
        }
        (self.holds == 0 && busy == 0).then_some(earliest)
    }

    fn busy_count(&self) -> usize {
        self.runs.values().filter(|run| run.waits == 0).count()
    }

    /// Who wakes at `stop`: every alarm, and of the runs as many as there is room for, first come first
    /// served.
    fn due(&self, stop: Timestamp, room: usize) -> Vec<u64> {
        let due = || self.sleepers.iter().filter(|(_, sleeper)| sleeper.until <= stop);
        let alarms = due().filter(|(_, sleeper)| sleeper.run.is_none());
        let runs = due().filter(|(_, sleeper)| sleeper.run.is_some()).take(room);
        alarms.chain(runs).map(|(id, _)| *id).collect()
    }

    /// Takes those off the clock who wake at `stop`.
    fn wake(&mut self, stop: Timestamp) -> Vec<Sleeper> {
        let room = self.most_busy.saturating_sub(self.busy_count());
        self.due(stop, room).into_iter().filter_map(|id| self.sleepers.remove(&id)).collect()
    }

    /// The sleeper's run has one wait less.
    fn resume(&mut self, sleeper: &Sleeper) {
        if let Some(run) = sleeper.run.as_ref().and_then(|run| self.runs.get_mut(run)) {
            run.resume();
        }
    }
}

struct Run {
    waits: usize,
    /// Real time; of no meaning while it waits.
    busy_since: Instant,
    worked: Vec<(StdInstant, StdInstant)>,
}

impl Run {
    fn busy() -> Self {
        Self { waits: 0, busy_since: real_now(), worked: Vec::new() }
    }

    fn pause(&mut self) {
        if self.waits == 0 {
            self.worked.push((self.busy_since.into_std(), real_now().into_std()));
        }
        self.waits += 1;
    }

    fn resume(&mut self) {
        self.waits -= 1;
        self.busy_since = real_now();
    }

    /// When it was busy so far.
    fn spans(&self) -> impl Iterator<Item = (StdInstant, StdInstant)> {
        let last = (self.waits == 0).then(|| (self.busy_since.into_std(), real_now().into_std()));
        self.worked.iter().copied().chain(last)
    }
}

/// A wait (with a run) or an alarm (without).
struct Sleeper {
    until: Timestamp,
    run: Option<String>,
    wake: oneshot::Sender<Option<Hold>>,
}

impl Sleeper {
    /// Not to be called with the state locked: a hold nobody takes any more is dropped here, and locks it.
    fn wake(self, hold: Option<Hold>) {
        drop(self.wake.send(hold));
    }
}

/// Real time, for how long a run has been busy, how long a jump is shown and how long a real process takes;
/// what time it is comes from the virtual clock alone.
pub fn real_now() -> Instant {
    Instant::now()
}
