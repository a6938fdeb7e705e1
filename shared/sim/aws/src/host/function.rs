//! One function: how much of it may run, and its warm environments.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::FunctionConfig;
use super::environment::Environment;

/// The region functions believe they run in.
pub(super) const REGION: &str = "us-east-1";
/// The account in their ARNs; the one local AWS stand-ins use.
const ACCOUNT: &str = "123456789012";

/// The ARN a function of this (perhaps qualified) name would have.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) config: FunctionConfig,
    pub(super) arn: String,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Arc<Environment>>>,
}

impl Function {
    pub(super) fn new(config: FunctionConfig) -> Self {
        let most = config
            .reserved_concurrency
            .map_or(Semaphore::MAX_PERMITS, |most| usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS));
        let arn = arn(&config.name);
        Self { config, arn, permits: Arc::new(Semaphore::new(most)), idle: Mutex::default() }
    }

    /// The right to run it once, while it lives; `None` when as much of it runs as may.
    pub(super) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// A warm environment, the one used last; those that died while they were frozen are dropped.
    pub(super) fn take_idle(&self) -> Option<Arc<Environment>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|environment| environment.is_frozen())
    }

    /// Keeps an environment for the next invocation.
    pub(super) fn keep_idle(&self, environment: Arc<Environment>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(environment);
    }
}
