use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use gamma_execution::ports::{
    Arming, Controls, DayRecord, DayState, IntentRecord, IntentState, Lease, Ledger, LedgerError, LoadedDay,
    PutOutcome, RunEnd, RunRecord, RungRecord, RungState, Writer,
};
use jiff::Timestamp;
use jiff::civil::Date;

#[derive(Default)]
struct State {
    lease: Option<(Writer, Timestamp)>,
    day: Option<DayRecord>,
    intents: BTreeMap<String, IntentRecord>,
    rungs: BTreeMap<(String, u32), RungRecord>,
    runs: BTreeMap<String, RunRecord>,
    controls: Option<Controls>,
    /// The write that fails, and how often still.
    broken: Option<(&'static str, u32)>,
    /// The call just before which another run takes the lease.
    stolen_before: Option<&'static str>,
}

/// One account's one day, with the conditional writes of the real table.
pub(crate) struct MemoryLedger(Mutex<State>);

impl MemoryLedger {
    pub(crate) fn armed() -> Self {
        let controls = Some(Controls { arming: Arming::Armed, halted: None, edge: None });
        Self(Mutex::new(State { controls, ..State::default() }))
    }

    pub(crate) fn set_controls(&self, controls: Controls) {
        self.0.lock().unwrap().controls = Some(controls);
    }

    /// Another run takes the lease over, as if ours had expired.
    pub(crate) fn steal_lease(&self) {
        let mut state = self.0.lock().unwrap();
        let fence = state.lease.as_ref().map_or(0, |(writer, _)| writer.fence);
        state.lease = Some((Writer { run_id: "thief".into(), fence: fence + 1 }, Timestamp::MAX));
    }

    /// Another run takes the lease over just before the next `operation` is carried out.
    pub(crate) fn steal_lease_before(&self, operation: &'static str) {
        self.0.lock().unwrap().stolen_before = Some(operation);
    }

    pub(crate) fn lease_expires(&self) -> Option<Timestamp> {
        self.0.lock().unwrap().lease.as_ref().map(|(_, expires)| *expires)
    }

    /// `operation` fails the next `times` times.
    pub(crate) fn break_write(&self, operation: &'static str, times: u32) {
        self.0.lock().unwrap().broken = Some((operation, times));
    }

    pub(crate) fn day(&self) -> Option<DayRecord> {
        self.0.lock().unwrap().day.clone()
    }

    pub(crate) fn intents(&self) -> Vec<IntentRecord> {
        self.0.lock().unwrap().intents.values().cloned().collect()
    }

    pub(crate) fn rungs(&self) -> Vec<RungRecord> {
        self.0.lock().unwrap().rungs.values().cloned().collect()
    }

    pub(crate) fn run_outcome(&self, run_id: &str) -> Option<String> {
        self.0.lock().unwrap().runs.get(run_id).map(|run| run.outcome.clone())
    }

    fn with<T>(
        &self,
        operation: &'static str,
        change: impl FnOnce(&mut State) -> T,
    ) -> Result<T, LedgerError> {
        if self.0.lock().unwrap().stolen_before.take_if(|before| *before == operation).is_some() {
            self.steal_lease();
        }
        let mut state = self.0.lock().unwrap();
        if let Some((broken, times)) = &mut state.broken
            && *broken == operation
            && *times > 0
        {
            *times -= 1;
            return Err(LedgerError {
                operation,
                item: "item".into(),
                reason: "throttled".into(),
                refused: false,
            });
        }
        Ok(change(&mut state))
    }
}

fn held(state: &State, lease: &Lease) -> bool {
    state.lease.as_ref().is_some_and(|(writer, _)| *writer == lease.writer)
}

fn ours(condition: bool) -> PutOutcome {
    if condition { PutOutcome::Ours } else { PutOutcome::Theirs("another run".into()) }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn take_lease(
        &self,
        account: &str,
        date: Date,
        run_id: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Result<Lease, String>, LedgerError> {
        self.with("take lease", |state| {
            let fence = match &state.lease {
                Some((writer, until)) if *until > now && writer.run_id != run_id => {
                    return Err(writer.run_id.clone());
                }
                Some((writer, _)) => writer.fence + 1,
                None => 1,
            };
            let writer = Writer { run_id: run_id.into(), fence };
            state.lease = Some((writer.clone(), expires));
            Ok(Lease { account: account.into(), date, writer, expires })
        })
    }

    async fn renew_lease(&self, lease: &Lease, expires: Timestamp) -> Result<PutOutcome, LedgerError> {
        self.with("renew lease", |state| {
            let mine = held(state, lease);
            if mine {
                state.lease = Some((lease.writer.clone(), expires));
            }
            ours(mine)
        })
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.with("release lease", |state| {
            if held(state, lease) {
                state.lease = Some((lease.writer.clone(), Timestamp::UNIX_EPOCH));
            }
        })
    }

    async fn load_day(&self, _: &str, _: &str, _: Date) -> Result<LoadedDay, LedgerError> {
        self.with("load day", |state| LoadedDay {
            day: state.day.clone(),
            intents: state.intents.values().cloned().collect(),
            rungs: state.rungs.values().cloned().collect(),
            runs: state
                .runs
                .values()
                .map(|run| (run.run_id.clone(), RunEnd { outcome: run.outcome.clone(), live: run.live }))
                .collect(),
        })
    }

    async fn open_day(&self, day: &DayRecord) -> Result<PutOutcome, LedgerError> {
        self.with("open day", |state| {
            let free = state.day.as_ref().is_none_or(|there| {
                there.writer == day.writer || (!there.sending && there.writer.fence < day.writer.fence)
            });
            if free {
                state.day = Some(day.clone());
            }
            ours(free)
        })
    }

    async fn put_intents(&self, lease: &Lease, intents: &[IntentRecord]) -> Result<PutOutcome, LedgerError> {
        let put = |state: &mut State, intent: &IntentRecord| {
            let (slot, revision) = (&intent.key.slot, intent.key.revision);
            let earlier_is_over = state
                .intents
                .values()
                .filter(|other| other.key.slot == *slot && other.key.revision < revision)
                .all(|other| other.state == IntentState::Terminal && other.filled == 0);
            let key = intent.key.to_string();
            let same = state.intents.get(&key).is_some_and(|there| there == intent);
            let may = held(state, lease) && earlier_is_over && !state.intents.contains_key(&key);
            if may {
                state.intents.insert(key, intent.clone());
            }
            may || same
        };
        self.with("put intents", |state| ours(intents.iter().all(|intent| put(state, intent))))
    }

    async fn put_sending(&self, lease: &Lease, rung: &RungRecord) -> Result<PutOutcome, LedgerError> {
        self.with("put sending", |state| {
            let key = (rung.intent.to_string(), rung.number);
            let same = state.rungs.get(&key).is_some_and(|there| there == rung);
            let day_is_ours = state
                .day
                .as_ref()
                .is_some_and(|day| day.writer == lease.writer && day.state == DayState::Open);
            let intent_is_open =
                state.intents.get(&key.0).is_some_and(|intent| intent.state == IntentState::Open);
            let before_is_over = rung.number == 1
                || state
                    .rungs
                    .get(&(key.0.clone(), rung.number - 1))
                    .is_some_and(|before| before.state.is_over());
            let may = held(state, lease)
                && day_is_ours
                && intent_is_open
                && before_is_over
                && !state.rungs.contains_key(&key);
            if may {
                state.rungs.insert(key, rung.clone());
                state.day.iter_mut().for_each(|day| day.sending = true);
            }
            ours(may || same)
        })
    }

    async fn set_rung(&self, _: &str, _: Date, rung: &RungRecord) -> Result<PutOutcome, LedgerError> {
        self.with("set rung", |state| match state.rungs.get_mut(&(rung.intent.to_string(), rung.number)) {
            Some(there) if there.state.is_over() => {
                let more = match (&there.state, &rung.state) {
                    (
                        RungState::Terminal { order, filled, .. },
                        RungState::Terminal { order: same, filled: more, .. },
                    ) => order == same && more > filled,
                    (RungState::NeverAccepted { .. } | RungState::Refused { .. }, state) => {
                        state.order().is_some()
                    }
                    _ => false,
                };
                if more && there.writer.fence < rung.writer.fence {
                    *there = rung.clone();
                }
                ours(there == rung)
            }
            // Of a run that lost its lease, or a write that lands late: it takes no order's name away, and
            // nothing from a later holder.
            Some(there) => {
                let nameless =
                    rung.state.order().is_none() && !matches!(rung.state, RungState::Resolved { .. });
                if there.writer.fence <= rung.writer.fence && !(nameless && there.state.order().is_some()) {
                    *there = rung.clone();
                }
                ours(there == rung)
            }
            None => ours(false),
        })
    }

    async fn set_intent(&self, _: &str, _: Date, intent: &IntentRecord) -> Result<PutOutcome, LedgerError> {
        self.with("set intent", |state| match state.intents.get_mut(&intent.key.to_string()) {
            Some(there) if there == intent => PutOutcome::Ours,
            Some(there)
                if (intent.filled >= there.filled
                    && there.state != IntentState::Terminal
                    && there.writer.fence <= intent.writer.fence)
                    || (intent.filled > there.filled && there.writer.fence < intent.writer.fence) =>
            {
                *there = intent.clone();
                PutOutcome::Ours
            }
            _ => ours(false),
        })
    }

    async fn close_day(&self, lease: &Lease, _: &str, outcome: &str) -> Result<PutOutcome, LedgerError> {
        self.with("close day", |state| match &mut state.day {
            Some(day) if day.writer.fence <= lease.writer.fence => {
                (day.state, day.outcome, day.writer) =
                    (DayState::Closed, Some(outcome.into()), lease.writer.clone());
                PutOutcome::Ours
            }
            _ => ours(false),
        })
    }

    async fn put_run(&self, run: &RunRecord) -> Result<PutOutcome, LedgerError> {
        self.with("put run", |state| ours(state.runs.insert(run.run_id.clone(), run.clone()).is_none()))
    }

    async fn controls(&self, _: &str) -> Result<Controls, LedgerError> {
        self.with("controls", |state| {
            state.controls.clone().unwrap_or(Controls { arming: Arming::NotArmed, halted: None, edge: None })
        })
    }
}
