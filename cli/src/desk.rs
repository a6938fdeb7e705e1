//! What commands work with: the stack by name, AWS or the demo on this machine, and the time there.

use std::collections::BTreeMap;
use std::sync::Arc;

use gamma_accounts::deployment::Deployment;
use gamma_accounts::{names, profiles};
use gamma_cloud::{CallError, Closures, DynamoLedger, Functions, SdkConfig, aws};
use gamma_execution::ports::{Clock, LedgerError};
use gamma_lambda::clock;
use gamma_market::calendar::trade_date;
use gamma_operator::Names;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::OnceCell;

use crate::arguments::Global;
use crate::local::{self, LocalClock};
use crate::output::Output;
use crate::trouble::Trouble;

/// The options of every command, and what follows from them once it is needed.
pub(crate) struct Desk {
    global: Global,
    pub(crate) output: Output,
    world: OnceCell<World>,
}

/// The stack that is meant, and how it is reached.
pub(crate) struct World {
    /// What its parts are called.
    pub(crate) names: Names,
    /// AWS, but for Lambda.
    pub(crate) aws: SdkConfig,
    /// Lambda: the same, unless it is the demo.
    pub(crate) lambda: SdkConfig,
    /// Time there.
    pub(crate) clock: Arc<dyn Clock>,
    /// The virtual clock of the demo on this machine; `None` in AWS.
    clock_url: Option<String>,
}

/// How an account's function is deployed.
pub(crate) struct Deployed {
    /// As the function reads its environment.
    pub(crate) deployment: Deployment,
    /// The environment of its function; `None` where it is not deployed, and all is as it will be by default.
    pub(crate) environment: Option<BTreeMap<String, String>>,
}

impl Desk {
    pub(crate) fn new(global: Global, output: Output) -> Self {
        Self { global, output, world: OnceCell::new() }
    }

    /// The stack. Nothing is asked of AWS yet.
    pub(crate) async fn world(&self) -> Result<&World, Trouble> {
        self.world.get_or_try_init(|| Box::pin(World::open(&self.global))).await
    }
}

impl World {
    async fn open(global: &Global) -> Result<Self, Trouble> {
        if global.local {
            let stack = local::find()?;
            let clock = Arc::new(LocalClock::ask(&stack.clock).await?);
            let (aws, lambda) = (aws::load_for(&stack.aws).await, aws::load_for(&stack.lambda).await);
            return Ok(Self { names: stack.names, aws, lambda, clock, clock_url: Some(stack.clock) });
        }
        let aws = aws::load_for_operator(global.region.as_deref(), global.profile.as_deref()).await;
        let said = global.accounts.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let said: Vec<String> = said.collect();
        let accounts = if said.is_empty() { profiles::names() } else { said };
        let names = Names::of_stack(&global.stack, &global.schedule_prefix, accounts);
        let clock = clock::of(None, "").await.map_err(|failure| Trouble::no("read the clock", failure))?;
        Ok(Self { names, lambda: aws.clone(), aws, clock, clock_url: None })
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&self.aws, &self.names.table, Arc::clone(&self.clock))
    }

    /// What was announced of closures; nothing is read yet.
    pub(crate) fn closures(&self) -> Closures {
        Closures::new(&self.aws, Arc::clone(&self.clock), names::CLOSURES.usual)
    }

    /// The functions.
    pub(crate) fn functions(&self) -> Functions {
        Functions::new(&self.lambda)
    }

    /// The time now, also where [`World::clock`] has stood still since the command began.
    pub(crate) async fn now(&self) -> Result<Timestamp, Trouble> {
        match &self.clock_url {
            Some(url) => Ok(LocalClock::ask(url).await?.now()),
            None => Ok(self.clock.now()),
        }
    }

    /// The demo on this machine.
    pub(crate) const fn is_local(&self) -> bool {
        self.clock_url.is_some()
    }

    /// The date in New York.
    pub(crate) fn today(&self) -> Date {
        trade_date(self.clock.now())
    }

    /// Refuses an account that the stack does not have; gives the name of its trading function.
    pub(crate) fn trade_function(&self, account: &str) -> Result<&str, Trouble> {
        self.names.trade.get(account).map(String::as_str).ok_or_else(|| {
            let known = self.names.accounts().collect::<Vec<_>>().join(", ");
            Trouble::no("account", format!("got {account:?}, expected one of {known}"))
                .next("--accounts names those of a stack with others")
        })
    }

    /// How the account is deployed, or how it would be by default.
    pub(crate) async fn deployed(&self, account: &str) -> Result<Deployed, Trouble> {
        let function = self.trade_function(account)?;
        let found = self.functions().deployed(function).await.map_err(|error| self.of_call(&error))?;
        let environment = found.map(|found| found.environment);
        let usual =
            [("GAMMA_ACCOUNT", account), ("GAMMA_TABLE", &self.names.table), ("GAMMA_DRY_RUN", "true")];
        let usual = || usual.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let read = environment.clone().unwrap_or_else(usual);
        let deployment = Deployment::from_env(|name| read.get(name).cloned());
        let deployment = deployment.map_err(|failure| {
            Trouble::no(format!("read the environment of {function}"), failure)
                .next("correct it in template.yaml, and deploy")
        })?;
        Ok(Deployed { deployment, environment })
    }

    /// A call of AWS that failed, with the next step.
    pub(crate) fn of_call(&self, error: &CallError) -> Trouble {
        let attempted = format!("{} {}", error.action, error.what);
        let trouble = if error.is_answer() {
            Trouble::no(attempted, &error.reason)
        } else {
            Trouble::unknown(attempted, &error.reason)
        };
        match self.advice(error) {
            Some(step) => trouble.next(step),
            None => trouble,
        }
    }

    /// What to do about a call that failed.
    pub(crate) fn advice(&self, error: &CallError) -> Option<String> {
        if error.is_denied() {
            Some(format!(
                "allow {} for whoever you are in AWS, or use other credentials (--profile)",
                error.action
            ))
        } else if error.is_stranger() {
            Some("these credentials are not known or have expired: log in again".to_owned())
        } else if !error.is_answer() && self.is_local() {
            Some("is the demo still running?".to_owned())
        } else if !error.is_answer() {
            Some("`gamma check` says whether credentials, region and network are right".to_owned())
        } else {
            None
        }
    }

    /// The ledger did not answer, or refused.
    pub(crate) fn of_ledger(&self, error: &LedgerError) -> Trouble {
        let trouble = Trouble::unknown(format!("the ledger, table {}", self.names.table), error);
        trouble.next(if self.is_local() {
            "is the demo still running?"
        } else {
            "`gamma check` says whether the table is there and may be read"
        })
    }
}
