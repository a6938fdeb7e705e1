//! Many accounts on one local stack: one table, one simulated market and broker, one Lambda host with a
//! function for each account, and the scheduler's minute in which all of them are invoked.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use gamma_cloud::SsmTokenStore;
use gamma_execution::ports::Arming;
use gamma_simulator::exchange::Book;
use gamma_simulator::faults::FaultPlan;
use gamma_simulator::host::{FunctionConfig, Host, HostConfig, InvokeKind};
use gamma_simulator::schwab::{AccountConfig, LoginConfig};
use gamma_simulator::time::Alarm;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::audit::account::{AccountDay, Delivered, Weather};
use crate::audit::partitions::{Owner, strangers};
use crate::moto::Moto;
use crate::stack::{Fallible, Stack, StackConfig, function_binary, token_document};

/// How many accounts a login shows, so that some functions share a token document.
const PER_LOGIN: usize = 4;
/// Most of them: their order ids are apart that far.
pub const MOST_ACCOUNTS: usize = 999;
/// By which table of accounts.toml they all trade.
const PROFILE: &str = "schwab";

/// One account, and the function that trades it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the ledger.
    pub name: String,
    /// Its number at the broker.
    pub number: String,
    /// Which login shows it.
    pub login: usize,
}

impl Member {
    fn function(&self) -> String {
        format!("trade-{}", self.number)
    }

    fn number_parameter(&self) -> String {
        format!("/gamma/numbers/{}", self.number)
    }
}

/// What kind of day it is for whom.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// The accounts.
    pub members: Vec<Member>,
    /// Chooses the market's path, its liquidity and the signal.
    pub seed: u64,
    /// How many of a thousand requests fail, at broker, feed and AWS.
    pub faults: u32,
    /// How many invocations work at a time, in real time; the others wait for their turn while virtual time
    /// stands still.
    pub at_once: usize,
}

impl FleetConfig {
    /// So many accounts, four to a login; of the invocations two for each processor work at a time.
    #[must_use]
    pub fn of(accounts: usize) -> Self {
        let member = |at: usize| Member {
            name: format!("schwab-{at:03}"),
            number: (20_000_000 + at).to_string(),
            login: (at - 1) / PER_LOGIN,
        };
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { members: (1..=accounts).map(member).collect(), seed: 1, faults: 0, at_once: 2 * processors }
    }
}

/// The running fleet. Everything it started ends when it is dropped.
pub struct Fleet {
    /// What all of them share.
    pub stack: Stack,
    /// Where their functions are.
    pub host: Arc<Host>,
    /// The accounts.
    pub members: Vec<Member>,
    weather: Weather,
}

/// One event for one member's function.
#[derive(Debug, Clone, Copy)]
struct Call {
    member: usize,
    at: Timestamp,
    sweep: bool,
}

impl Fleet {
    /// Starts stack and host, and gives every account its number, its token, its arming and its function.
    ///
    /// # Errors
    /// When a part cannot be started or seeded; the text says which.
    pub async fn start(moto: &Moto, config: &FleetConfig) -> Fallible<Self> {
        let faults = if config.faults > 0 {
            FaultPlan::seeded(config.seed, config.faults)
        } else {
            FaultPlan::default()
        };
        // Nobody trades the stack's own account.
        let day = StackConfig {
            start: at("20:12:59"),
            more_logins: logins(&config.members),
            faults,
            armed: false,
            ..StackConfig::of_seed(config.seed)
        };
        let stack = Stack::start(moto, &day).await?;
        stack.simulator.clock().take_turns(config.at_once);
        seed(&stack, &day, &config.members).await?;
        let functions =
            config.members.iter().map(|member| function(&stack, member)).collect::<Fallible<_>>()?;
        let (clock, connections) = (stack.simulator.clock().clone(), stack.simulator.connections().clone());
        let host = Arc::new(Host::start(HostConfig { functions, clock, connections }).await?);
        Ok(Self {
            stack,
            host,
            members: config.members.clone(),
            weather: if config.faults == 0 { Weather::Calm } else { Weather::Faults },
        })
    }

    /// Delivers the day's event to every account, `copies` times: within the minute for the first time, and
    /// again at the same moment or a little later. Gives every delivery, account by account.
    ///
    /// # Errors
    /// When the host does not take an event.
    pub async fn trade(&self, copies: u32) -> Fallible<Vec<Delivered>> {
        let calls = (0..self.members.len()).flat_map(|member| {
            (0..copies).map(move |copy| Call { member, at: moment(member, copy), sweep: false })
        });
        self.deliver(calls.collect()).await
    }

    /// Sweeps every account after the close, when nothing goes wrong any more.
    ///
    /// # Errors
    /// When the host does not take an event.
    pub async fn sweep(&self) -> Fallible<Vec<Delivered>> {
        self.stack.faults().clear();
        let spread =
            |member: usize| SignedDuration::from_millis(i64::try_from(member * 37 % 20_000).unwrap_or(0));
        self.deliver(
            (0..self.members.len())
                .map(|member| Call { member, at: at("20:16:00") + spread(member), sweep: true })
                .collect(),
        )
        .await
    }

    async fn deliver(&self, calls: Vec<Call>) -> Fallible<Vec<Delivered>> {
        // All alarms are set before time moves.
        let hold = self.stack.simulator.clock().hold();
        let mut tasks = JoinSet::new();
        for (place, call) in calls.into_iter().enumerate() {
            let (alarm, host, member) = (
                self.stack.simulator.clock().alarm(call.at),
                Arc::clone(&self.host),
                self.members.get(call.member).cloned(),
            );
            let member = member.ok_or("no such account")?;
            tasks.spawn(async move { (place, deliver(alarm, &host, &member, call).await) });
        }
        drop(hold);
        let mut delivered = BTreeMap::new();
        while let Some(done) = tasks.join_next().await {
            let (place, done) = done?;
            delivered.insert(place, done.map_err(|error| format!("delivery {place}: {error}"))?);
        }
        Ok(delivered.into_values().collect())
    }

    /// Everything that must never be, account by account and between the accounts. Empty when all is well.
    ///
    /// # Errors
    /// When the ledger or the table cannot be read.
    pub async fn audit(&self, moto: &Moto, delivered: &[Delivered]) -> Fallible<Vec<String>> {
        let mut found = Vec::new();
        let mut owners = Vec::new();
        for member in &self.members {
            let (book, day) = (self.book(member)?, self.stack.day_of(&member.name).await?);
            let own: Vec<&Delivered> =
                delivered.iter().filter(|delivered| delivered.number == member.number).collect();
            let account = AccountDay { book: &book, day: &day, delivered: &own, weather: self.weather };
            found.extend(
                account
                    .violations()
                    .into_iter()
                    .map(|words| format!("{} ({}): {words}", member.name, member.number)),
            );
            let orders = book.posts().iter().map(|order| order.id.to_string());
            let marks = orders
                .chain(own.iter().map(|delivered| delivered.request_id.clone()))
                .chain([member.name.clone(), member.number.clone()]);
            owners.push(Owner {
                account: member.name.clone(),
                token: token_parameter(member.login),
                marks: marks.collect(),
            });
        }
        found.extend(strangers(&moto.items(self.stack.table()).await?, &owners));
        Ok(found)
    }

    /// What the broker really did for an account.
    ///
    /// # Errors
    /// When the broker has no such account.
    pub fn book(&self, member: &Member) -> Fallible<Book> {
        self.stack
            .simulator
            .book_of(&member.number)
            .ok_or_else(|| format!("account {}: the broker does not know it", member.number).into())
    }
}

/// Waits for the moment, and keeps it until the event is taken.
async fn deliver(alarm: Alarm, host: &Host, member: &Member, call: Call) -> Result<Delivered, String> {
    let event = if call.sweep {
        json!({ "account": member.name, "sweep": true, "scheduled_time": "2025-09-03T20:16:00Z" })
    } else {
        json!({ "account": member.name, "scheduled_time": "2025-09-03T20:13:00Z" })
    };
    let (function, event) = (member.function(), event.to_string());
    let hold = alarm.await;
    let (answer, ()) = tokio::join!(biased; host.invoke(&function, event.as_bytes(), InvokeKind::RequestResponse), async { drop(hold) });
    let answer = answer.map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    let failed = answer.function_error.is_some();
    Ok(Delivered {
        number: member.number.clone(),
        at: call.at,
        sweep: call.sweep,
        request_id: answer.request_id,
        failed,
        body,
    })
}

/// When a copy of an account's event comes: the first somewhere in the scheduler's minute, of the others one
/// half at the same moment and one half up to a minute later.
fn moment(member: usize, copy: u32) -> Timestamp {
    let (member, copy) = (u64::try_from(member).unwrap_or(0), u64::from(copy));
    let first = at("20:13:00") + Duration::from_millis(member * 37 % 50 * 1000 + member * 137 % 1000);
    let at_once = copy == 0 || (member + copy) % 2 == 1;
    first + Duration::from_secs(if at_once { 0 } else { 3 + (member * 11 + copy * 17) % 57 })
}

/// A time of the trading day, in UTC.
fn at(time: &str) -> Timestamp {
    format!("2025-09-03T{time}Z").parse().unwrap_or_default()
}

fn token_parameter(login: usize) -> String {
    format!("/gamma/logins/{login}/token_json")
}

fn refresh_token(login: usize) -> String {
    format!("canary-refresh-token-{login}@")
}

fn access_token(login: usize) -> String {
    format!("I0.canary-access-token-{login}@")
}

fn logins(members: &[Member]) -> Vec<LoginConfig> {
    let count = members.iter().map(|member| member.login + 1).max().unwrap_or(0);
    let account =
        |member: &Member| AccountConfig { number: member.number.clone(), cash: Decimal::from(25_000) };
    let login = |login: usize| LoginConfig {
        refresh_token: refresh_token(login).into(),
        access_token: Some(access_token(login).into()),
        accounts: members.iter().filter(|member| member.login == login).map(account).collect(),
    };
    (0..count).map(login).collect()
}

async fn seed(stack: &Stack, day: &StackConfig, members: &[Member]) -> Fallible<()> {
    let store = SsmTokenStore::new(stack.aws());
    for login in members.iter().map(|member| member.login).collect::<BTreeSet<_>>() {
        let document = token_document(day, &refresh_token(login), &access_token(login)).to_string();
        store.put(&token_parameter(login), &SecretString::from(document)).await?;
    }
    for member in members {
        store.put(&member.number_parameter(), &SecretString::from(member.number.clone())).await?;
        stack.set_arming_of(&member.name, Arming::Armed).await?;
    }
    Ok(())
}

fn function(stack: &Stack, member: &Member) -> Fallible<FunctionConfig> {
    let mut environment = stack.environment().clone();
    let own = [
        ("GAMMA_ACCOUNT", member.name.clone()),
        ("GAMMA_PROFILE", PROFILE.to_owned()),
        ("GAMMA_NAME_TOKEN", token_parameter(member.login)),
        ("GAMMA_NAME_ACCOUNT_NUMBER", member.number_parameter()),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let timeout = Duration::from_secs(240);
    Ok(FunctionConfig {
        environment,
        timeout,
        memory_mb: 256,
        max_retries: 0,
        ..FunctionConfig::new(&member.function(), function_binary()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_copies_come_within_the_minute_and_repeats_soon_after() {
        let (begins, ends, last) = (at("20:13:00"), at("20:14:00"), at("20:15:00"));
        let mut together = 0;
        for member in 0..MOST_ACCOUNTS {
            let [first, second, third] = [0, 1, 2].map(|copy| moment(member, copy));
            assert!(begins <= first && first < ends, "account {member}: {first}");
            together += usize::from(first == second);
            for later in [second, third] {
                assert!(
                    later == first || (later >= first + Duration::from_secs(3) && later < last),
                    "account {member}: {first}, {later}"
                );
            }
            assert_ne!(first == second, first == third, "account {member}");
        }
        assert_eq!(together, MOST_ACCOUNTS.div_ceil(2));
    }
}
