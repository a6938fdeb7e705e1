//! One delivery's way to the world: its clock, its table, its parameter store, its feed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_cloud::table::{Change, Expression, Item, Key, Step as Part, Table, Transacted, Written};
use gamma_execution::ports::{
    BrokerFault, Clock, Handoff, HandoffError, LedgerError, PendingHandoff, SaveError, SignalError,
    SignalSource, SignalView, StoredToken, TokenIssuer, TokenStore, TokenVersion, TokenWrite,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::exchange::Ms;
use crate::fault::{Fault, step};
use crate::store::age;
use crate::world::{Failure, Truth, World};

/// How long the adapters wait for a call to AWS, retries included.
pub(crate) const AWS: Ms = 2500;

/// Which delivery it is.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    /// Its number, from 0.
    pub(crate) run: usize,
    /// The account's number.
    pub(crate) account: usize,
    /// The account's name.
    pub(crate) name: String,
    /// The delivery's id.
    pub(crate) run_id: String,
    /// How far its clock is ahead of the true time.
    pub(crate) skew: Ms,
    /// The name of the token document.
    pub(crate) token: String,
    /// When it began.
    pub(crate) began: Ms,
    /// When its function ends.
    pub(crate) until: Ms,
    /// It may send orders: a live trade, in time.
    pub(crate) may_send: bool,
}

/// Its way to the world.
#[derive(Debug, Clone)]
pub(crate) struct Hand {
    /// The world.
    pub(crate) world: Arc<World>,
    /// Whose hand it is.
    pub(crate) who: Arc<Who>,
}

impl Hand {
    /// Makes a call.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        name: &str,
        patience: Ms,
        effect: impl FnMut(&mut Truth, Ms, Option<Fault>) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.world.call(self.who.run, step(name), patience, effect).await
    }

    async fn table<T: Send + 'static>(
        &self,
        operation: &'static str,
        name: &str,
        effect: impl FnMut(&mut Truth) -> T + Send + 'static,
    ) -> Result<T, LedgerError> {
        let mut effect = effect;
        let answer = self.call(name, AWS, move |truth, _, _| effect(truth)).await;
        answer.map_err(|failure| LedgerError {
            operation,
            item: "item".into(),
            reason: format!("{failure:?}"),
            refused: false,
        })
    }
}

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.world.look().now + self.who.skew).expect("a time of this century")
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Up: a wait that ends early would be waited again.
        let at = at.as_millisecond() + Ms::from(at.subsec_nanosecond() % 1_000_000 > 0);
        self.world.until(self.who.run, at - self.who.skew).await;
    }
}

#[async_trait]
impl Table for Hand {
    async fn get(&self, operation: &'static str, key: &Key) -> Result<Option<Item>, LedgerError> {
        let key = key.clone();
        self.table(operation, &format!("{operation}, compare"), move |truth| truth.table.get(&key).cloned())
            .await
    }

    async fn get_all(
        &self,
        operation: &'static str,
        keys: &[&Key],
    ) -> Result<BTreeMap<Key, Item>, LedgerError> {
        let keys: Vec<Key> = keys.iter().map(|key| (*key).clone()).collect();
        let read = move |truth: &mut Truth| {
            keys.iter()
                .filter_map(|key| truth.table.get(key).map(|item| (key.clone(), item.clone())))
                .collect()
        };
        self.table(operation, operation, read).await
    }

    async fn partition(&self, operation: &'static str, partition: &str) -> Result<Vec<Item>, LedgerError> {
        let partition = partition.to_owned();
        self.table(operation, operation, move |truth| truth.table.partition(&partition).cloned().collect())
            .await
    }

    async fn put(
        &self,
        operation: &'static str,
        key: &Key,
        item: Item,
        when: &Expression,
    ) -> Result<Written, LedgerError> {
        let (key, when) = (key.clone(), when.clone());
        self.table(operation, operation, move |truth| truth.table.put(&key, &item, &when)).await
    }

    async fn replace(&self, operation: &'static str, key: &Key, item: Item) -> Result<(), LedgerError> {
        let key = key.clone();
        self.table(operation, operation, move |truth| truth.table.replace(&key, &item)).await
    }

    async fn delete(&self, operation: &'static str, key: &Key) -> Result<(), LedgerError> {
        let key = key.clone();
        self.table(operation, operation, move |truth| truth.table.delete(&key)).await
    }

    async fn update(
        &self,
        operation: &'static str,
        key: &Key,
        change: &Change,
    ) -> Result<Written, LedgerError> {
        let (key, change) = (key.clone(), change.clone());
        self.table(operation, operation, move |truth| truth.table.update(&key, &change)).await
    }

    async fn transact(
        &self,
        operation: &'static str,
        _: &Key,
        steps: Vec<Part>,
    ) -> Result<Transacted, LedgerError> {
        self.table(operation, operation, move |truth| truth.table.transact(&steps)).await
    }
}

#[async_trait]
impl Handoff for Hand {
    async fn hand_off(&self, handoff: &PendingHandoff) -> Result<(), HandoffError> {
        let given = handoff.clone();
        let taken = self.call("hand off", AWS, move |truth, _, _| truth.handed.insert(given.clone())).await;
        let failed = |failure: Failure| HandoffError {
            run_id: handoff.run.run_id.clone(),
            consumer: handoff.consumer,
            reason: format!("{failure:?}"),
        };
        taken.map(|_| ()).map_err(failed)
    }
}

#[async_trait]
impl TokenStore for Hand {
    async fn load(&self, name: &str) -> Result<StoredToken, SaveError> {
        let document = name.to_owned();
        let read = self.call("load token", AWS, move |truth, _, _| truth.store.newest(&document)).await;
        let (version, text) = read.map_err(|failure| failed("read", name, failure))?;
        Ok(StoredToken { text: text.into(), version: TokenVersion::Count(version) })
    }

    async fn save(&self, name: &str, text: &SecretString, _: &TokenVersion) -> Result<TokenWrite, SaveError> {
        let (document, text, run) = (name.to_owned(), text.expose_secret().to_owned(), self.who.run);
        let written = self
            .call("save token", AWS, move |truth, _, fault| {
                truth.store.put(&document, &text, run, fault == Some(Fault::Afterwards))
            })
            .await;
        written
            .map(|version| TokenWrite::Made(TokenVersion::Count(version)))
            .map_err(|failure| failed("write", name, failure))
    }

    async fn between(
        &self,
        name: &str,
        read: &TokenVersion,
        made: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        let (TokenVersion::Count(read), TokenVersion::Count(made)) = (read, made) else {
            panic!("this store counts its versions")
        };
        let (read, made, document) =
            (usize::try_from(*read).unwrap_or(0), usize::try_from(*made).unwrap_or(0), name.to_owned());
        if read + 1 >= made {
            return Ok(Vec::new());
        }
        let history = self
            .call("token history", AWS, move |truth, _, _| {
                truth.store.documents[&document][read..made - 1].to_vec()
            })
            .await;
        history
            .map(|texts| texts.into_iter().map(Into::into).collect())
            .map_err(|failure| failed("read", name, failure))
    }
}

fn failed(what: &'static str, name: &str, failure: Failure) -> SaveError {
    SaveError { what, name: name.to_owned(), reason: format!("{failure:?}") }
}

/// Seconds before its end from which a token is renewed.
pub(crate) const EARLY: i64 = 300;

#[async_trait]
impl TokenIssuer for Hand {
    fn is_good(&self, document: &SecretString) -> bool {
        age(document).is_some_and(|age| age.expires.saturating_sub(EARLY) > self.now().as_second())
    }

    async fn refresh(&self, document: &SecretString) -> Result<SecretString, BrokerFault> {
        let held = document.clone();
        let answer = self
            .call("refresh token", 5000, move |truth, now, _| truth.store.refresh(&held, now / 1000))
            .await;
        let obtained: SecretString =
            answer.map_err(|failure| BrokerFault::Unavailable(format!("{failure:?}")))?.into();
        let age = age(&obtained).expect("the endpoint's documents are readable");
        self.world.look().truth.store.obtained.push((self.who.token.clone(), self.who.run, age));
        Ok(obtained)
    }

    fn is_rotated(&self, _: &SecretString, _: &SecretString) -> bool {
        false // its documents have no refresh token
    }
}

#[async_trait]
impl SignalSource for Hand {
    async fn prepare(&self, budget: Duration) {
        let _ = self.call("signal, get ready", patience(budget), |_, _, _| ()).await;
    }

    async fn read(&self, budget: Duration) -> Result<SignalView, SignalError> {
        let read = |truth: &mut Truth, now: Ms, fault| {
            let shown = truth.feed.iter().rfind(|(from, _)| *from <= now && fault != Some(Fault::Empty));
            let rows = shown.map(|(_, row)| row.clone()).into_iter().collect();
            let empty = truth.exchange.lies.no_trade_until.is_some_and(|until| now < until);
            SignalView { rows, no_trade: empty.then(|| "Trade: got [], expected a row".to_owned()) }
        };
        self.call("signal", patience(budget), read).await.map_err(|failure| match failure {
            // The adapter waits out refused logins and pages of the edge: seldom enough that none locks
            // anybody out.
            Failure::Answered(Fault::Garbled) => {
                SignalError::Malformed("Date: got x, expected a date".into())
            }
            failure => SignalError::Unavailable(format!("{failure:?}")),
        })
    }
}

fn patience(budget: Duration) -> Ms {
    Ms::try_from(budget.as_millis()).unwrap_or(Ms::MAX)
}
