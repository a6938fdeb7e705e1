//! `gamma-simulator`: the simulator as a program, for people and for clients in other languages.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use gamma_simulator::chain::{Chain, ChainError};
use gamma_simulator::faults::FaultPlan;
use gamma_simulator::simulator::{Simulator, SimulatorConfig, StartError};
use gamma_simulator::time::VirtualClock;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::ExposeSecret;

/// A market on real SPXW quotes behind the wires of Schwab, tastytrade and GammaWizard, and spreadsheets
/// behind Google's, on loopback ports and in virtual time.
///
/// Prints `export NAME=…` lines for a shell and runs until it is interrupted: GAMMA_SCHWAB_URL (stands in for
/// https://api.schwabapi.com), GAMMA_TASTYTRADE_URL (for https://api.tastyworks.com), GAMMA_GAMMAWIZARD_URL,
/// GAMMA_GOOGLE_URL (for https://sheets.googleapis.com) and GAMMA_CLOCK_URL. The stream of quotes is where
/// `GET /api-quote-tokens` of tastytrade says.
///
/// The accounts are made up. Schwab: account 12345678, app key simulated-app-key, app secret
/// simulated-app-secret, refresh token simulated-refresh-token@, access token I0.simulated-access-token@
/// (good for half an hour). Tastytrade: accounts 5WT00001 and 5WT00002, client secret
/// simulated-client-secret, refresh token simulated-tastytrade-refresh-token. GammaWizard: trader@example.com
/// with simulated-password. Google: a service account whose key is made at the start (--google-account), and
/// an empty spreadsheet simulated-spreadsheet; GAMMA_GOOGLE_URL/browse shows it.
#[derive(Debug, Parser)]
#[command(name = "gamma-simulator", version, verbatim_doc_comment)]
struct Arguments {
    /// What everything random is drawn from: the same seed and requests give the same market, fills and
    /// books. Seeds that end in 3 or 8 have a thin market, in 4 or 9 a dry one.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// The quotes the market starts from.
    #[arg(long, value_enum, default_value = "2025-09-03")]
    chain: ChainName,

    /// Virtual time at the start, such as 2025-09-03T16:12:00-04:00 [default: 16:12 Eastern on the chain's
    /// trade date].
    #[arg(long)]
    start: Option<Timestamp>,

    /// Let time flow, this many times as fast as real time. Without it time moves only while clients wait
    /// through GAMMA_CLOCK_URL.
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,

    /// Where a simulated AWS listens, such as 127.0.0.1:5000: a proxy is put before it, and AWS_ENDPOINT_URL
    /// is printed too.
    #[arg(long)]
    aws: Option<SocketAddr>,

    /// Strike this many of a thousand requests with faults drawn from the seed.
    #[arg(long, default_value_t = 0)]
    faults: u32,

    /// Write the key file of Google's service account here, for this run only.
    #[arg(long)]
    google_account: Option<PathBuf>,

    /// Dollars in the account.
    #[arg(long, default_value = "100000")]
    cash: Decimal,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChainName {
    /// Quotes of 2025-09-03, expiries from 2025-09-04, the index near 6448.
    #[value(name = "2025-09-03")]
    Of20250903,
    /// Quotes of 2019-06-26 at 15:45 Eastern, expiries from the same day, the index near 2918.
    #[value(name = "2019-06-26")]
    Of20190626,
}

impl ChainName {
    fn read(self) -> Result<Chain, ChainError> {
        match self {
            Self::Of20250903 => Chain::spxw_2025_09_03(),
            Self::Of20190626 => Chain::spxw_2019_06_26(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("output: could not print the URLs")]
    Output(#[source] io::Error),
    #[error("--google-account: could not write the key file")]
    KeyFile(#[source] io::Error),
    #[error("interrupt: could not wait for it")]
    Interrupt(#[source] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let because = failure.source().map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("gamma-simulator: {failure}{because}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut config = SimulatorConfig::new(arguments.seed, arguments.chain.read()?);
    config.start = arguments.start.unwrap_or(config.start);
    config.speed = arguments.speed;
    config.cash = arguments.cash;
    config.aws = arguments.aws;
    config.faults = FaultPlan::seeded(arguments.seed, arguments.faults);
    // Clients in other languages sign by the machine's clock.
    config.google.accept_real_time = true;
    let simulator = Simulator::start(config).await?;
    simulator.spreadsheets().create("simulated-spreadsheet", "Simulated", []);
    if let Some(path) = arguments.google_account {
        std::fs::write(path, simulator.google_service_account().expose_secret()).map_err(Failure::KeyFile)?;
    }
    if arguments.speed.is_some() {
        tokio::spawn(flow(simulator.clock().clone()));
    }
    print_urls(&simulator).map_err(Failure::Output)?;
    tokio::signal::ctrl_c().await.map_err(Failure::Interrupt)?;
    simulator.stop();
    Ok(())
}

fn print_urls(simulator: &Simulator) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "export GAMMA_SCHWAB_URL={}", simulator.schwab_url())?;
    writeln!(out, "export GAMMA_TASTYTRADE_URL={}", simulator.tastytrade_url())?;
    writeln!(out, "export GAMMA_GAMMAWIZARD_URL={}", simulator.gammawizard_url())?;
    writeln!(out, "export GAMMA_GOOGLE_URL={}", simulator.google_url())?;
    writeln!(out, "export GAMMA_CLOCK_URL={}", simulator.clock_url())?;
    if let Some(url) = simulator.aws_url() {
        writeln!(out, "export AWS_ENDPOINT_URL={url}")?;
    }
    out.flush()
}

/// A run of its own that always waits, so that time goes on while nobody else works.
async fn flow(clock: VirtualClock) {
    const RUN: &str = "gamma-simulator";
    clock.attach(RUN);
    loop {
        let next = clock.now().checked_add(Duration::from_millis(250)).unwrap_or(Timestamp::MAX);
        clock.wait(RUN, next).await;
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "expected a number such as 60".to_owned())?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("expected a number above zero".to_owned()) }
}
