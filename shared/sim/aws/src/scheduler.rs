//! EventBridge Scheduler: reads the schedules of a simulated AWS, which keeps them and fires none, and
//! invokes functions on the [`VirtualClock`].
//!
//! The schedules are read again before anything fires, at once when one is changed through the proxy, and
//! once an hour of virtual time; one that is new, or was changed, counts from the moment it was read. A
//! schedule is due at its local minute and fires anywhere in it, where the seed says. A delivery is an
//! asynchronous invocation: that a function then fails is Lambda's affair and no longer the Scheduler's. What
//! cannot be delivered is tried again, and goes to the schedule's queue in the end.
//!
//! Where it differs from AWS, or where its documentation is silent: the waits between tries are ours; every
//! refusal is tried again; an event whose queue is not there is lost with an error in the log.

mod cron;
mod delivery;
mod expression;
mod schedule;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use gamma_sim_core::random::{Stream, between, stream_at};
use gamma_sim_core::time::{Hold, VirtualClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

pub use expression::{Expression, ExpressionError};

use crate::host::Invoker;
use crate::{AwsClient, Failure};
use schedule::Schedule;

/// The longest time without a look at the schedules.
const LOOK: SignedDuration = SignedDuration::from_hours(1);
const MINUTE_MS: i64 = 60_000;

/// What a scheduler is made of.
#[derive(Debug)]
pub struct SchedulerConfig {
    /// Where the simulated AWS listens.
    pub aws: SocketAddr,
    /// The only group whose schedules fire.
    pub group: String,
    /// Chooses when in its minute a schedule fires.
    pub seed: u64,
    /// When it is.
    pub clock: VirtualClock,
    /// Who invokes the functions.
    pub invoker: Invoker,
    /// Changes that go through the proxy, `Simulator::schedule_changes`.
    pub changes: ScheduleChanges,
}

/// What became of one due moment of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The schedule's name.
    pub schedule: String,
    /// The moment it names.
    pub scheduled: Timestamp,
    /// When it was delivered, or given up.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// The invocation; the refusal's type when it was given up.
    pub result: Result<String, String>,
}

/// A running scheduler; it fires nothing any more when it is dropped.
#[derive(Debug)]
pub struct Scheduler {
    inner: Arc<Inner>,
    changes: ScheduleChanges,
    task: JoinHandle<()>,
}

impl Scheduler {
    /// Reads the schedules and begins to fire them. Time goes on to each due moment while nobody works and
    /// nobody holds it.
    ///
    /// # Errors
    /// When the schedules cannot be read.
    pub async fn start(config: SchedulerConfig) -> Result<Self, String> {
        let SchedulerConfig { aws, group, seed, clock, invoker, changes } = config;
        let hold = clock.hold();
        let inner = Arc::new(Inner {
            aws: AwsClient::new(aws),
            group,
            seed,
            clock,
            invoker,
            record: Mutex::default(),
        });
        let mut plan = Plan::default();
        inner.read(&mut plan).await.map_err(|error| error.to_string())?;
        let told = changes.listen();
        let task = tokio::spawn(drive(Arc::clone(&inner), plan, told, hold));
        Ok(Self { inner, changes, task })
    }

    /// Reads the schedules again, after a change that did not go through the proxy.
    pub async fn look(&self) {
        self.changes.tell_and_wait().await;
    }

    /// What fired so far, in the order of its end.
    #[must_use]
    pub fn firings(&self) -> Vec<Firing> {
        self.inner.record().firings.clone()
    }

    /// Schedules that cannot be fired, and whatever else went wrong.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.inner.record().problems.clone()
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells a scheduler that schedules were changed, and keeps time until it has looked. Clones tell the same
/// one.
#[derive(Debug, Clone)]
pub struct ScheduleChanges {
    clock: VirtualClock,
    listener: Arc<Mutex<Option<mpsc::UnboundedSender<Change>>>>,
}

#[derive(Debug)]
struct Change {
    hold: Hold,
    seen: Option<oneshot::Sender<()>>,
}

impl ScheduleChanges {
    /// Of schedules on this clock; nobody listens yet.
    #[must_use]
    pub fn new(clock: VirtualClock) -> Self {
        Self { clock, listener: Arc::default() }
    }

    pub(crate) fn tell(&self) {
        self.send(None);
    }

    async fn tell_and_wait(&self) {
        let (seen, looked) = oneshot::channel();
        self.send(Some(seen));
        // An error says that nobody listens any more.
        let _ = looked.await;
    }

    fn listen(&self) -> mpsc::UnboundedReceiver<Change> {
        let (tell, told) = mpsc::unbounded_channel();
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        told
    }

    fn send(&self, seen: Option<oneshot::Sender<()>>) {
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            // A change that nobody hears any more lets time go on.
            drop(listener.send(Change { hold: self.clock.hold(), seen }));
        }
    }
}

#[derive(Debug)]
struct Inner {
    aws: AwsClient,
    group: String,
    seed: u64,
    clock: VirtualClock,
    invoker: Invoker,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    firings: Vec<Firing>,
    problems: Vec<String>,
}

/// The schedules by name, as they were last read.
#[derive(Debug, Default)]
struct Plan(BTreeMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    /// AWS's mark of its last change.
    modified: Value,
    since: Timestamp,
    /// `None` for one that cannot be fired.
    schedule: Option<Arc<Schedule>>,
    next: Option<Due>,
}

/// A moment of a schedule: which it names, and when it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    scheduled: Timestamp,
    fires: Timestamp,
}

/// Fires what is due, until nobody can tell of changes any more. `hold` is on the moment of the first look.
async fn drive(
    inner: Arc<Inner>,
    mut plan: Plan,
    mut changes: mpsc::UnboundedReceiver<Change>,
    mut hold: Hold,
) {
    let mut retries = JoinSet::new();
    loop {
        for (schedule, due) in plan.take_due(inner.clock.now(), inner.seed) {
            let inner = Arc::clone(&inner);
            let delivery = delivery::Delivery::new(inner, schedule, due.scheduled);
            if let Some(again) = delivery.first().await {
                retries.spawn(again);
            }
        }
        while retries.try_join_next().is_some() {}
        let latest = inner.clock.now().saturating_add(LOOK).unwrap_or(Timestamp::MAX);
        let alarm = inner.clock.alarm(plan.next_fires().map_or(latest, |fires| fires.min(latest)));
        drop(hold);
        let mut seen = None;
        hold = tokio::select! {
            hold = alarm => hold,
            change = changes.recv() => match change {
                Some(change) => {
                    seen = change.seen;
                    change.hold
                }
                None => return,
            },
        };
        if let Err(error) = inner.read(&mut plan).await {
            inner.problem(format!("schedules of {}: {error}", inner.group));
        }
        if let Some(seen) = seen {
            // Who asked may be gone.
            let _ = seen.send(());
        }
    }
}

impl Inner {
    /// Brings `plan` to what AWS has now.
    async fn read(&self, plan: &mut Plan) -> Result<(), Failure> {
        let listed = self.list().await?;
        plan.0.retain(|name, _| listed.contains_key(name));
        for (name, modified) in listed {
            if plan.0.get(&name).is_some_and(|entry| entry.modified == modified) {
                continue;
            }
            let answer = self
                .aws
                .rest("scheduler", Method::GET, &format!("/schedules/{name}?groupName={}", self.group))
                .await?;
            let schedule =
                Schedule::read(&answer).map_err(|error| self.problem(error.to_string())).ok().map(Arc::new);
            let since = self.clock.now();
            // What is due at this very moment is not over yet.
            let next = schedule.as_ref().and_then(|schedule| {
                due_after(schedule, since - SignedDuration::from_nanos(1), since, self.seed)
            });
            plan.0.insert(name, Entry { modified, since, schedule, next });
        }
        Ok(())
    }

    /// Every name with its last change, page by page.
    async fn list(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let (mut found, mut page) = (BTreeMap::new(), String::new());
        loop {
            let path = format!("/schedules?ScheduleGroup={}{page}", self.group);
            let answer = self.aws.rest("scheduler", Method::GET, &path).await?;
            let schedules = answer["Schedules"].as_array().into_iter().flatten();
            found.extend(schedules.filter_map(|schedule| {
                Some((schedule["Name"].as_str()?.to_owned(), schedule["LastModificationDate"].clone()))
            }));
            let Some(next) = answer["NextToken"].as_str() else { return Ok(found) };
            page = format!("&NextToken={next}");
        }
    }

    fn fired(&self, firing: Firing) {
        tracing::info!(schedule = firing.schedule, scheduled = %firing.scheduled, at = %firing.at, result = ?firing.result, "schedule fired");
        self.record().firings.push(firing);
    }

    fn problem(&self, words: String) {
        tracing::error!("{words}");
        self.record().problems.push(words);
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// What fires by `now`, in order, with the next moment of each found.
    fn take_due(&mut self, now: Timestamp, seed: u64) -> Vec<(Arc<Schedule>, Due)> {
        let mut due = Vec::new();
        for entry in self.0.values_mut() {
            let Some(schedule) = &entry.schedule else { continue };
            while let Some(next) = entry.next.filter(|next| next.fires <= now) {
                due.push((Arc::clone(schedule), next));
                entry.next = due_after(schedule, next.scheduled, entry.since, seed);
            }
        }
        due.sort_by_key(|(_, due)| due.fires);
        due
    }

    fn next_fires(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|entry| entry.next).map(|due| due.fires).min()
    }
}

fn due_after(schedule: &Schedule, after: Timestamp, since: Timestamp, seed: u64) -> Option<Due> {
    let scheduled = schedule.next(after, since)?;
    // FNV-1a: a schedule's own place in the seed.
    let name = schedule
        .name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let minute = u64::try_from(scheduled.as_second() / 60).unwrap_or(0);
    let late = between(&mut stream_at(seed, Stream::Schedules(name), minute), 0, MINUTE_MS - 1);
    Some(Due {
        scheduled,
        fires: scheduled.saturating_add(SignedDuration::from_millis(late)).unwrap_or(Timestamp::MAX),
    })
}
