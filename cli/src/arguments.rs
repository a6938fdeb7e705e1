//! What every command takes.

use std::convert::Infallible;

use clap::{Args, Parser};
use gamma_operator::{LONGEST, Names};

use crate::commands::Command;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 the answer is no, or something is wrong; 2 wrong usage; 3 could not be reached,
so nobody knows.

AWS is reached with credentials of the environment (AWS_ACCESS_KEY_ID and its like) or of a profile with
keys or with a role to assume; of IAM Identity Center (SSO) by way of
    eval \"$(aws configure export-credentials --format env)\"
`gamma check` says what is missing.";

/// Sets up, watches and steers gamma-trading, in AWS or (--local) in the demo on this machine.
#[derive(Debug, Parser)]
#[command(name = "gamma", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Gamma {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Global {
    /// The stack (GAMMA_STACK)
    #[arg(long, global = true, env = "GAMMA_STACK", hide_env = true, value_name = "NAME", default_value = Names::STACK)]
    pub(crate) stack: String,
    /// The group of its schedules (GAMMA_SCHEDULE_PREFIX)
    #[arg(long, global = true, env = "GAMMA_SCHEDULE_PREFIX", hide_env = true, value_name = "NAME", default_value = Names::SCHEDULES)]
    pub(crate) schedule_prefix: String,
    /// Its accounts (GAMMA_ACCOUNTS) [default: all of accounts.toml]
    #[arg(
        long,
        global = true,
        env = "GAMMA_ACCOUNTS",
        hide_env = true,
        value_name = "NAMES",
        value_delimiter = ','
    )]
    pub(crate) accounts: Vec<String>,
    /// The AWS region, where environment and profile do not say it
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The profile of ~/.aws to use, as AWS_PROFILE
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// One JSON document on standard output, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The demo on this machine instead of AWS; `scripts/demo --open` must be running
    #[arg(long, global = true)]
    pub(crate) local: bool,
}

/// Who decides, and why: recorded with every decision of an operator.
#[derive(Debug, Args)]
pub(crate) struct Because {
    /// Why; recorded
    #[arg(long, value_name = "WORDS")]
    pub(crate) why: String,
    /// Who decides; recorded [default: your user name, else your user id and this machine]
    #[arg(long, value_name = "NAME", value_parser = named, default_value_t = caller(), hide_default_value = true)]
    pub(crate) by: String,
}

/// A blank name, such as that of a variable nobody set, is none: no decision fails for want of a name.
fn named(text: &str) -> Result<String, Infallible> {
    Ok(kept(text).unwrap_or_else(caller))
}

/// Who calls, as far as this process knows without asking anybody: cron, containers and `ssh HOST COMMAND`
/// often set no name.
fn caller() -> String {
    let said = ["USER", "LOGNAME"].into_iter().filter_map(std::env::var_os);
    said.filter_map(|name| kept(&name.to_string_lossy())).next().unwrap_or_else(|| {
        let host = rustix::system::uname();
        format!("uid {} on {}", rustix::process::getuid().as_raw(), host.nodename().to_string_lossy())
    })
}

/// As much of a name as is kept; `None` of a blank one.
fn kept(name: &str) -> Option<String> {
    Some(name.trim().chars().take(LONGEST).collect()).filter(|name: &String| !name.is_empty())
}
