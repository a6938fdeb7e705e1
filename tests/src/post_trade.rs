//! The functions that come after a trade, on the stack: one for the spreadsheet, one edge guard for each
//! account.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gamma_simulator::host::FunctionConfig;
use gamma_simulator::simulator::Simulator;

use crate::stack::{StackConfig, TRADERS, Trader, key_of};

/// The spreadsheet's id.
pub const SPREADSHEET: &str = "trading-journal";
/// The function that writes it.
pub const SHEETS_LOG: &str = "sheets-log";

/// A second function of the first account, whatever the first is told of Lambda: its deployment is as it
/// should be.
pub const REPAIRED: &str = "trade-repaired";
const LAMBDA_ENDPOINT: &str = "AWS_ENDPOINT_URL_LAMBDA";

/// The edge guard's function of an account.
#[must_use]
pub fn edge_guard(trader: Trader) -> String {
    format!("edge-guard-{}", trader.account)
}

/// What the trading function is told of them.
pub(crate) fn consumers(config: &StackConfig, trader: Trader) -> BTreeMap<String, String> {
    if config.post_trade { named(config, trader).into() } else { BTreeMap::new() }
}

/// What they are called: by the deployment, where the stack was given its names.
fn names(config: &StackConfig, trader: Trader) -> (String, String) {
    let deployed = config
        .names
        .as_ref()
        .and_then(|names| Some((names.sheets_log.clone(), names.edge_guard.get(trader.account)?.clone())));
    deployed.unwrap_or_else(|| (SHEETS_LOG.to_owned(), edge_guard(trader)))
}

fn named(config: &StackConfig, trader: Trader) -> [(String, String); 2] {
    let (sheets_log, edge_guard) = names(config, trader);
    [("GAMMA_SHEETS_LOG_FUNCTION", sheets_log), ("GAMMA_EDGE_GUARD_FUNCTION", edge_guard)]
        .map(|(name, value)| (name.to_owned(), value))
}

/// Them; their programs stand beside the trading function's.
pub(crate) fn functions(
    config: &StackConfig,
    simulator: &Simulator,
    trade: &Path,
    environment: impl Fn(Trader) -> BTreeMap<String, String>,
) -> Vec<FunctionConfig> {
    let google =
        [("GAMMA_SPREADSHEET", SPREADSHEET.to_owned()), ("GAMMA_GOOGLE_URL", simulator.google_url())];
    let own = |role: &str, trader: Trader| {
        let (environment, google) =
            (environment(trader), google.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let key = key_of(&environment, role);
        environment.into_iter().chain(google).chain(key).collect()
    };
    let function = |name: &str, role: &str, program: &str, trader: Trader| FunctionConfig {
        environment: own(role, trader),
        timeout: Duration::from_secs(300),
        memory_mb: 256,
        max_retries: 2,
        on_failure: config.on_failure.clone(),
        ..FunctionConfig::new(name, trade.with_file_name(program))
    };
    let sheets_log = function(&names(config, TRADERS[0]).0, SHEETS_LOG, "sheets-log", TRADERS[0]);
    let guards = TRADERS
        .iter()
        .map(|trader| function(&names(config, *trader).1, &edge_guard(*trader), "edge-guard", *trader));
    let repaired = TRADERS[0];
    let told = environment(repaired)
        .into_iter()
        .filter(|(name, _)| name != LAMBDA_ENDPOINT)
        .chain(named(config, repaired));
    let repaired = FunctionConfig {
        environment: told.collect(),
        timeout: Duration::from_secs(240),
        ..FunctionConfig::new(REPAIRED, trade.to_owned())
    };
    [sheets_log, repaired].into_iter().chain(guards).collect()
}
