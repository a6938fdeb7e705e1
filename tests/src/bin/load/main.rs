//! `scripts/load`: many accounts, all invoked within one minute of virtual time, against one table and one
//! simulated broker.

mod figures;
mod machine;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use gamma_tests::fleet::{Fleet, FleetConfig, MOST_ACCOUNTS};
use gamma_tests::moto::Moto;
use gamma_tests::stack::Fallible;
use tokio::signal::unix::{SignalKind, signal};

use crate::figures::{Figures, Span};
use crate::machine::Machine;

/// Invokes the unmodified function of many accounts within one minute of virtual time, each event several
/// times, and sweeps every account after the close; one moto table, one simulated broker and feed. Then it
/// compares books and ledger of every account, looks for anything of one account under another's keys, and
/// prints what it measured. Fails when anything is wrong.
///
/// Virtual time stands still while anybody works. So that hundreds of processes do not starve each other on a
/// small machine, a few work at a time (--at-once), all of them at the same moment of virtual time; their
/// waits, leases and orders overlap as they would at full width. Real time is that of moto, a Python program
/// that serves one request after the other, and of the machine.
#[derive(Parser)]
#[command(name = "scripts/load", max_term_width = 110)]
struct Arguments {
    /// How many accounts, each with books, ledger, arming and function of its own; four share a login and its
    /// token
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MOST_ACCOUNTS as u64))]
    accounts: usize,
    /// How often each account's event is delivered: half of the later copies at the same moment as the first,
    /// half up to a minute later
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=5))]
    copies: u32,
    /// Let this many of a thousand requests fail, at broker, feed and AWS, until the sweeps
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    faults: u32,
    /// Which market path and signal
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many invocations work at a time, in real time [default: two for each processor]
    #[arg(long, value_name = "N")]
    at_once: Option<usize>,
    /// The figures as JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Fallible<ExitCode> {
    let arguments = Arguments::parse();
    let moto = Moto::start_for_many().await?;
    let (figures, wrong) = tokio::select! {
        day = day(&arguments, &moto) => day?,
        () = interrupted() => return Err("interrupted; everything that was started has been stopped".into()),
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures.json(&wrong))?);
    } else {
        print!("{}", figures.tell());
        match wrong.len() {
            0 => {
                let traded = if arguments.faults == 0 {
                    "one delivery of each traded"
                } else {
                    "at most one delivery of each traded"
                };
                println!(
                    "\nBooks and ledger of every account agree; {traded}, the others placed nothing; nothing strayed."
                );
            }
            count => println!("\nWRONG, {count} times:\n  {}", wrong.join("\n  ")),
        }
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Functions have process groups of their own: they end with this program only when it ends in order.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn day(arguments: &Arguments, moto: &Moto) -> Fallible<(Figures, Vec<String>)> {
    let mut config = FleetConfig::of(arguments.accounts);
    (config.seed, config.faults) = (arguments.seed, arguments.faults);
    config.at_once = arguments.at_once.unwrap_or(config.at_once);
    say(&format!("starting {} accounts", arguments.accounts));
    let fleet = Fleet::start(moto, &config).await?;
    let before = Machine::now(moto.process());
    say(&format!("16:13 in New York: {} accounts, {} deliveries each", arguments.accounts, arguments.copies));
    let began = now();
    let mut delivered = fleet.trade(arguments.copies).await?;
    let trading = Span { began, ended: now() };
    say("16:16: the sweeps");
    let began = now();
    delivered.extend(fleet.sweep().await?);
    let sweeping = Span { began, ended: now() };
    say("comparing books, ledger and table");
    let wrong = fleet.audit(moto, &delivered).await?;
    // The functions' own time is known once they have ended.
    fleet.host.stop().await;
    let used = Machine::now(moto.process()).since(&before);
    Ok((Figures::of(&fleet, config.at_once, &delivered, [trading, sweeping], used)?, wrong))
}

fn say(what: &str) {
    eprintln!("{what} ...");
}

/// Real time.
#[allow(
    clippy::disallowed_methods,
    reason = "a load test measures the machine's time; nothing decides by it"
)]
fn now() -> Instant {
    Instant::now()
}
