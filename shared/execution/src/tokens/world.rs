//! Several runs around one stored token document, one step at a time in any order. No real time passes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::{TokenAge, TokenIdentity, TokenKeeper, TokenPorts};
use crate::ports::{
    BrokerFault, Clock, PutOutcome, SaveError, StoredToken, TokenIssuer, TokenLock, TokenLockError,
    TokenStore, TokenVersion, TokenWrite,
};

/// What happens to one step of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The run dies before it.
    Dies,
    /// It fails, and nothing has happened.
    Fails,
    /// It happens, and its answer is lost.
    AnswerLost,
    /// It happens twice, as when a client repeats what it thought lost.
    Twice,
    /// It takes seconds.
    Slow(i64),
}

/// A fault and where it strikes: the run, and the number of its step.
pub(super) type Strike = (usize, usize, Fault);

/// What everybody shares.
#[derive(Default)]
pub(super) struct World {
    pub(super) state: Mutex<Shared>,
    /// The lock is given to whoever asks.
    pub(super) lock_is_open: bool,
    /// A write never learns what it went over.
    pub(super) writes_are_blind: bool,
    /// The broker's documents do not say how old they are; ours do, by the refresh that made them.
    pub(super) undated: bool,
    /// The broker gives another refresh token with each refresh.
    pub(super) rotates: bool,
    pub(super) strikes: Vec<Strike>,
}

#[derive(Default)]
pub(super) struct Shared {
    /// Milliseconds since the beginning.
    pub(super) now: i64,
    /// Every version of the document; the first is version 1, the last one stands.
    pub(super) versions: Vec<String>,
    pub(super) lock: Option<(String, Timestamp)>,
    /// Who obtained what, by login and age, in order.
    pub(super) obtained: Vec<(usize, (i64, TokenAge))>,
    /// The newest login the broker knows.
    pub(super) login: i64,
    /// Steps taken, by run; a word each.
    pub(super) steps: BTreeMap<usize, Vec<&'static str>>,
    pub(super) dead: Vec<usize>,
    sleeping: BTreeMap<usize, Timestamp>,
}

pub(super) const START: i64 = 1_790_000_000;

pub(super) fn document(created: i64, expires: i64) -> String {
    format!(r#"{{"created":{created},"expires":{expires},"access":"CANARY"}}"#)
}

/// As a person stores it who has it from a broker that says nothing of its age.
pub(super) fn undated(login: i64) -> String {
    format!(r#"{{"login":{login},"access":"CANARY"}}"#)
}

pub(super) fn age(text: &SecretString) -> Option<TokenAge> {
    let value: serde_json::Value = serde_json::from_str(text.expose_secret()).ok()?;
    let age = || Some(TokenAge { created: value["created"].as_i64()?, expires: value["expires"].as_i64()? });
    if value.get("created").is_none() && value.get("login").is_some() {
        Some(TokenAge::UNDATED)
    } else {
        age()
    }
}

/// The login that a document comes of.
pub(super) fn login(text: &SecretString) -> i64 {
    let value: serde_json::Value = serde_json::from_str(text.expose_secret()).unwrap();
    value["login"].as_i64().or(value["created"].as_i64()).unwrap()
}

impl World {
    /// A document whose access token has expired.
    pub(super) fn new() -> Self {
        let world = Self::default();
        world.shared().versions.push(document(1, 10));
        world.shared().login = 1;
        world
    }

    /// The same of a broker whose documents do not say how old they are.
    pub(super) fn undated() -> Self {
        let world = Self { undated: true, ..Self::new() };
        world.shared().versions = vec![undated(1)];
        world
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap()
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(START).unwrap() + SignedDuration::from_millis(self.shared().now)
    }

    /// Login and age of what stands in the store.
    pub(super) fn stands(&self) -> (i64, TokenAge) {
        let document = self.shared().versions.last().unwrap().clone().into();
        (login(&document), age(&document).unwrap())
    }

    pub(super) fn words(&self, run: usize) -> Vec<&'static str> {
        self.shared().steps.get(&run).cloned().unwrap_or_default()
    }
}

/// One run's way to the world.
#[derive(Clone)]
pub(super) struct Hand {
    pub(super) world: Arc<World>,
    pub(super) run: usize,
}

/// Lets the others go first, once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let first = !std::mem::replace(&mut self.0, true);
        if first { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Hand {
    pub(super) fn keeper(&self) -> TokenKeeper {
        let ports = TokenPorts {
            store: Arc::new(self.clone()),
            lock: Arc::new(self.clone()),
            clock: Arc::new(self.clone()),
        };
        let run_id = format!("run-{}", self.run);
        let stored = StoredToken {
            text: self.world.shared().versions[0].clone().into(),
            version: TokenVersion::Count(1),
        };
        TokenKeeper::new(
            ports,
            TokenIdentity { name: "/gamma/x/token_json", run_id: &run_id, read_age: age },
            &stored,
        )
    }

    /// Begins a step: the others may go first, and the fault meant for it strikes.
    pub(super) async fn step(&self, word: &'static str) -> Option<Fault> {
        Yield(false).await;
        let number = {
            let mut shared = self.world.shared();
            let steps = shared.steps.entry(self.run).or_default();
            steps.push(word);
            steps.len() - 1
        };
        let fault = self
            .world
            .strikes
            .iter()
            .find_map(|(run, at, fault)| (*run == self.run && *at == number).then_some(*fault))?;
        match fault {
            Fault::Dies => {
                self.world.shared().dead.push(self.run);
                std::future::pending().await
            }
            Fault::Slow(seconds) => {
                self.sleep_until(self.world.now() + SignedDuration::from_secs(seconds)).await;
                None
            }
            fault => Some(fault),
        }
    }

    fn save_error(what: &'static str) -> SaveError {
        SaveError { what, name: "/gamma/x/token_json".into(), reason: "throttled".into() }
    }

    fn lock_error(what: &'static str) -> TokenLockError {
        TokenLockError { what, name: "/gamma/x/token_json".into(), reason: "throttled".into() }
    }

    fn count(version: &TokenVersion) -> usize {
        match version {
            TokenVersion::Count(count) => usize::try_from(*count).unwrap(),
            TokenVersion::Id(id) => panic!("{id} is no count"),
        }
    }
}

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        while self.world.now() < at {
            self.world.shared().sleeping.insert(self.run, at);
            Yield(false).await;
        }
        self.world.shared().sleeping.remove(&self.run);
    }
}

#[async_trait]
impl TokenStore for Hand {
    async fn load(&self, _: &str) -> Result<StoredToken, SaveError> {
        if self.step("load").await.is_some_and(|fault| fault != Fault::Twice) {
            return Err(Self::save_error("read"));
        }
        let shared = self.world.shared();
        Ok(StoredToken {
            text: shared.versions.last().unwrap().clone().into(),
            version: TokenVersion::Count(i64::try_from(shared.versions.len()).unwrap()),
        })
    }

    async fn save(&self, _: &str, text: &SecretString, _: &TokenVersion) -> Result<TokenWrite, SaveError> {
        let fault = self.step("save").await;
        if fault == Some(Fault::Fails) {
            return Err(Self::save_error("write"));
        }
        let mut shared = self.world.shared();
        for _ in 0..if fault == Some(Fault::Twice) { 2 } else { 1 } {
            shared.versions.push(text.expose_secret().to_owned());
        }
        if fault == Some(Fault::AnswerLost) {
            Err(Self::save_error("write"))
        } else {
            Ok(TokenWrite::Made(TokenVersion::Count(i64::try_from(shared.versions.len()).unwrap())))
        }
    }

    async fn between(
        &self,
        _: &str,
        read: &TokenVersion,
        made: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        let gone = Self::count(read) + 1..Self::count(made);
        if gone.is_empty() || self.world.writes_are_blind {
            return Ok(Vec::new());
        }
        if self.step("between").await.is_some_and(|fault| fault != Fault::Twice) {
            return Err(Self::save_error("read"));
        }
        Ok(gone.map(|version| self.world.shared().versions[version - 1].clone().into()).collect())
    }
}

#[async_trait]
impl TokenLock for Hand {
    async fn take(
        &self,
        _: &str,
        owner: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<PutOutcome, TokenLockError> {
        let fault = self.step("take").await;
        if fault == Some(Fault::Fails) {
            return Err(Self::lock_error("take"));
        }
        let mut shared = self.world.shared();
        if let Some((holder, until)) = &shared.lock
            && *until > now
            && holder != owner
            && !self.world.lock_is_open
        {
            return Ok(PutOutcome::Theirs(format!("{holder} holds it until {until}")));
        }
        shared.lock = Some((owner.to_owned(), expires));
        if fault == Some(Fault::AnswerLost) { Err(Self::lock_error("take")) } else { Ok(PutOutcome::Ours) }
    }

    async fn release(&self, _: &str, owner: &str) -> Result<(), TokenLockError> {
        let fault = self.step("release").await;
        if fault == Some(Fault::Fails) {
            return Err(Self::lock_error("release"));
        }
        let mut shared = self.world.shared();
        shared.lock.take_if(|(holder, _)| holder == owner);
        if fault == Some(Fault::AnswerLost) { Err(Self::lock_error("release")) } else { Ok(()) }
    }
}

#[async_trait]
impl TokenIssuer for Hand {
    fn is_good(&self, document: &SecretString) -> bool {
        let shared = self.world.shared();
        age(document).is_some_and(|age| age.expires > START && login(document) == shared.login)
    }

    /// Every token is good for longer than the one before; a login ends the tokens of the one before.
    async fn refresh(&self, held: &SecretString) -> Result<SecretString, BrokerFault> {
        let fault = self.step("refresh").await;
        if fault == Some(Fault::Fails) {
            return Err(BrokerFault::Unavailable("503".into()));
        }
        let mut shared = self.world.shared();
        let login = login(held);
        if login < shared.login {
            return Err(BrokerFault::TokenDead("docs/runbook.md, 'Schwab login'".into()));
        }
        let expires = START + shared.now / 1000 + 1800 + i64::try_from(shared.obtained.len()).unwrap();
        if fault == Some(Fault::AnswerLost) {
            return Err(BrokerFault::Unavailable("lost".into()));
        }
        let created = if self.world.undated { expires - 900 } else { login };
        shared.obtained.push((self.run, (login, TokenAge { created, expires })));
        let text = if self.world.undated {
            document(created, expires).replacen('{', &format!(r#"{{"login":{login},"#), 1)
        } else {
            document(created, expires)
        };
        Ok(text.into())
    }

    fn is_rotated(&self, _: &SecretString, _: &SecretString) -> bool {
        self.world.rotates
    }
}

/// One order of steps: at each point where several could go on, which one does.
pub(super) struct Schedule {
    choices: Vec<usize>,
    /// How many could have gone on, at each point.
    width: Vec<usize>,
}

impl Schedule {
    pub(super) fn of(choices: Vec<usize>) -> Self {
        Self { choices, width: Vec::new() }
    }

    /// Runs all of `runs` in this order until each has ended or died. Time moves only when all wait.
    pub(super) fn play<T>(
        &mut self,
        world: &World,
        runs: Vec<Pin<Box<dyn Future<Output = T> + '_>>>,
    ) -> Vec<Option<T>> {
        let mut runs: Vec<_> = runs.into_iter().map(Some).collect();
        let mut ends: Vec<Option<T>> = runs.iter().map(|_| None).collect();
        loop {
            let now = world.now();
            let (ready, wakes): (Vec<usize>, Vec<Timestamp>) = {
                let shared = world.shared();
                let alive: Vec<usize> = (0..runs.len())
                    .filter(|run| runs[*run].is_some() && !shared.dead.contains(run))
                    .collect();
                let asleep = |run: &usize| shared.sleeping.get(run).copied().filter(|at| *at > now);
                (
                    alive.iter().copied().filter(|run| asleep(run).is_none()).collect(),
                    alive.iter().filter_map(asleep).collect(),
                )
            };
            if ready.is_empty() {
                let Some(next) = wakes.into_iter().min() else { return ends };
                let wait = next.duration_since(now).as_millis();
                world.shared().now += i64::try_from(wait).unwrap();
                continue;
            }
            let choice = self.choices.get(self.width.len()).copied().unwrap_or(0) % ready.len();
            self.width.push(ready.len());
            let run = ready[choice];
            let polled = runs[run].as_mut().unwrap().as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(end) = polled {
                (ends[run], runs[run]) = (Some(end), None);
            }
        }
    }

    /// The next order that differs, the last differing point first; `None` when all were played.
    pub(super) fn next(mut self) -> Option<Self> {
        self.choices.resize(self.width.len(), 0);
        while let Some(choice) = self.choices.pop() {
            if choice + 1 < self.width[self.choices.len()] {
                self.choices.push(choice + 1);
                return Some(Self::of(self.choices));
            }
        }
        None
    }
}
