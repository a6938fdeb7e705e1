//! What a stack begins with: the simulator's settings, the token documents, the functions' environment and
//! program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gamma_market::calendar::trade_date;
use gamma_simulator::aws::AwsCalls;
use gamma_simulator::gammawizard::{PublishedRow, session_after, session_rows};
use gamma_simulator::market::Market;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use gamma_simulator::tastytrade::TastytradeAccount;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{CANARIES, Fallible, SCHWAB, StackConfig, TT_INDIVIDUAL, TT_IRA, Trader};

pub(super) fn simulator_config(config: &StackConfig) -> Fallible<SimulatorConfig> {
    let mut simulated = SimulatorConfig::of_2025_09_03(config.seed)?;
    (simulated.start, simulated.speed, simulated.cash) = (config.start, config.speed, config.cash);
    simulated.faults = config.faults.clone();
    simulated.more_logins.clone_from(&config.more_logins);
    simulated.schwab.app_key = CANARIES[0].1.into();
    simulated.schwab.app_secret = CANARIES[1].1.into();
    simulated.schwab.refresh_token = CANARIES[2].1.into();
    simulated.schwab.access_token = Some(CANARIES[3].1.into());
    simulated.schwab.login = config.login_age.map(|age| config.start - age);
    (simulated.schwab.rotate_refresh_token, simulated.tastytrade.rotate_refresh_token) =
        (config.rotating, config.rotating);
    simulated.tastytrade.client_secret = CANARIES[6].1.into();
    simulated.tastytrade.refresh_token = CANARIES[7].1.into();
    simulated.tastytrade.access_token = Some(CANARIES[8].1.into());
    simulated.tastytrade.accounts =
        [TT_IRA, TT_INDIVIDUAL].map(|trader| TastytradeAccount::flat(trader.number, config.cash)).into();
    simulated.gammawizard.email = CANARIES[4].1.into();
    simulated.gammawizard.password = CANARIES[5].1.into();
    if let Some(last) = config.through {
        let first = trade_date(config.start);
        let days = std::iter::successors(Some(first), |date| Some(session_after(*date))).skip(1);
        let expiries: Vec<Date> = days.take_while(|date| *date <= session_after(last)).collect();
        simulated.chain = simulated.chain.dated(first, expiries);
        let market = Market::new(simulated.chain.clone(), config.seed, config.start);
        simulated.gammawizard.rows =
            Some(session_rows(&market, config.seed, simulated.gammawizard.signal, last));
    }
    if let Some(row) = &config.signal {
        simulated.gammawizard.rows = Some(vec![PublishedRow {
            at: config.start,
            fields: row.as_object().cloned().unwrap_or_default(),
        }]);
    }
    Ok(simulated)
}

/// A token document as schwab-py writes it, of a login a day old unless another age is said.
pub(crate) fn token_document(config: &StackConfig, refresh: &str, access: &str) -> Value {
    let start = config.start.as_second();
    let expires = start + if config.expired_token { -60 } else { 1500 };
    json!({
        "creation_timestamp": start - config.login_age.map_or(86_400, |age| age.as_secs()),
        "token": {
            "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": refresh,
            "access_token": access, "id_token": "made-up", "expires_at": expires,
        },
    })
}

/// A token document as a person stores it who has it from tastytrade, or one that a run has refreshed a while
/// ago.
pub(super) fn tastytrade_document(config: &StackConfig) -> Value {
    let mut document = json!({ "access_token": CANARIES[8].1, "refresh_token": CANARIES[7].1, "token_type": "Bearer", "expires_in": 900 });
    if !config.expired_token {
        let start = config.start.as_second();
        (document["creation_timestamp"], document["expires_at"]) = (start.into(), (start + 900).into());
    }
    document
}

/// The access key's id of whoever stands for no function of a deployment.
const NOBODYS_KEY: &str = "local";
const KEY: &str = "AWS_ACCESS_KEY_ID";

/// The access key of a function of the deployment, called like its role: by it the record of calls knows who
/// asked. A function whose secrets are kept under other names is none that the deployment's policies are
/// about, and stays nobody.
pub(crate) fn key_of(environment: &BTreeMap<String, String>, role: &str) -> Option<(String, String)> {
    let renamed = environment.keys().any(|name| name.starts_with("GAMMA_NAME_"));
    (!renamed).then(|| (KEY.to_owned(), role.to_owned()))
}

/// The record of what was asked of AWS: kept in `GAMMA_AWS_CALLS` where that is set, in a file for each
/// stack.
pub(super) fn aws_calls() -> std::io::Result<AwsCalls> {
    std::env::var_os("GAMMA_AWS_CALLS")
        .filter(|directory| !directory.is_empty())
        .map_or_else(|| Ok(AwsCalls::default()), |directory| AwsCalls::kept_in(directory.as_ref()))
}

/// The environment as it is, but for the account: a test that names another one means the first function.
pub(super) fn of_account(environment: &BTreeMap<String, String>, trader: Trader) -> BTreeMap<String, String> {
    let mut own = environment.clone();
    own.extend(key_of(environment, &format!("trade-{}", trader.account)));
    if trader != SCHWAB {
        own.insert("GAMMA_ACCOUNT".to_owned(), trader.account.to_owned());
    }
    own
}

pub(super) fn environment(
    simulator: &Simulator,
    table: &str,
    live: bool,
) -> Fallible<BTreeMap<String, String>> {
    let pairs = [
        ("GAMMA_ACCOUNT", SCHWAB.account.to_owned()),
        ("GAMMA_TABLE", table.to_owned()),
        ("GAMMA_DRY_RUN", (!live).to_string()),
        ("GAMMA_SCHWAB_URL", simulator.schwab_url()),
        ("GAMMA_TASTYTRADE_URL", simulator.tastytrade_url()),
        ("GAMMA_GAMMAWIZARD_URL", simulator.gammawizard_url()),
        ("GAMMA_CLOCK_URL", simulator.clock_url()),
        ("AWS_ENDPOINT_URL", simulator.aws_url().ok_or("the simulator has no proxy before AWS")?),
        ("AWS_REGION", "us-east-1".to_owned()),
        (KEY, NOBODYS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
    ];
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The trade function: `GAMMA_TRADE_BINARY`, or the one built beside this program.
pub(crate) fn function_binary() -> Fallible<PathBuf> {
    if let Some(path) = std::env::var_os("GAMMA_TRADE_BINARY") {
        return Ok(PathBuf::from(path).canonicalize()?);
    }
    let here = std::env::current_exe()?;
    let found = here.ancestors().skip(1).map(|folder| folder.join("trade")).find(|path| path.is_file());
    found.ok_or_else(|| "the trade function is not built: cargo build -p gamma-trade --bin trade".into())
}
