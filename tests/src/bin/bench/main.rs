//! `scripts/bench`: measures the function on this machine, beside a peer where there is one.

mod cold;
mod decision;
mod figure;
mod making;
mod relay;
mod runs;
mod world;

use std::time::Instant;

use clap::Parser;
use gamma_tests::moto::Moto;
use gamma_tests::stack::SCHWAB;
use serde_json::json;

use crate::figure::{Figure, Peer, Target};
use crate::runs::{Journey, Runs};
use crate::world::{AFTER_SIGNAL, Fallible, Orders, World, file, trade_binary};

/// Measures cold start, time to the first order and to the recorded outcome, memory, size and decisions on
/// this machine: the release build of the function against a local AWS (moto, which is Python, and part of
/// every figure that says so) and a simulated broker and feed that answer at once.
#[derive(Parser)]
#[command(name = "scripts/bench", max_term_width = 110)]
struct Arguments {
    /// Fewer runs
    #[arg(long)]
    quick: bool,
    /// The same as JSON
    #[arg(long)]
    json: bool,
}

/// How often each thing is measured.
struct Counts {
    cold_starts: usize,
    runs: usize,
    ladders: usize,
    batches: usize,
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    let counts = if arguments.quick {
        Counts { cold_starts: 5, runs: 3, ladders: 1, batches: 10 }
    } else {
        Counts { cold_starts: 21, runs: 9, ladders: 5, batches: 50 }
    };
    let machine = Machine::now();
    let moto = Moto::start().await?;
    let (figures, journey) = tokio::select! {
        measured = measure(&counts, &moto) => measured?,
        _ = tokio::signal::ctrl_c() => return Err("interrupted; everything that was started has been stopped".into()),
    };
    if arguments.json {
        println!(
            "{}",
            serde_json::to_string_pretty(
                &json!({ "machine": machine.json(), "figures": figure::json(&figures), "warm_journey": journey.json() })
            )?
        );
    } else {
        println!("{}\n", machine.tell());
        println!("{}", figure::table(&figures));
        println!(
            "A warm run from event to first order, call by call (ms after the event; the run of median length):\n"
        );
        print!("{}", journey.tell());
        println!(
            "\nAWS is moto, a Python program: its share is shown on a line of its own. Quoted figures were recorded on another day, with a"
        );
        println!("stand-in of the same kind, and are not measured here.");
    }
    Ok(())
}

async fn measure(counts: &Counts, moto: &Moto) -> Fallible<(Vec<Figure>, Journey)> {
    say("cold starts");
    let world = World::start(moto, 1, AFTER_SIGNAL, Orders::FillAtOnce, SCHWAB).await?;
    let [ours, peer, sheets_log, edge_guard] = cold::starts(&world.stack, counts.cold_starts).await?;
    world.host.stop().await;
    let both = |of: fn(&cold::ColdStart) -> f64| {
        (ours.iter().map(of).collect::<Vec<_>>(), peer.iter().map(of).collect())
    };
    let (time, peer_time) = both(|start| start.milliseconds);
    let (memory, peer_memory) = both(|start| start.resident_mib);
    let mut figures = vec![
        Figure::new("cold start: process start to first poll", "ms", time)
            .target(Target::TimesBetter(20.0))
            .peer(Peer::Measured(peer_time)),
        Figure::new("  memory resident at first poll", "MiB", memory)
            .target(Target::AtMost(20.0))
            .peer(Peer::Measured(peer_memory)),
    ];
    for (name, starts) in [("cold start of sheets-log", sheets_log), ("cold start of edge-guard", edge_guard)]
    {
        let times = starts.iter().map(|start| start.milliseconds).collect();
        figures.push(Figure::new(name, "ms", times).target(Target::AtMost(40.0)));
    }
    say("whole runs");
    let runs = Runs::measure(moto, counts.runs, counts.ladders).await?;
    figures.extend(runs.figures()?);
    say("sizes and decisions");
    figures.push(Figure::new("binary size", "MB", vec![megabytes(&trade_binary()?)?]));
    figures.push(
        Figure::new("zip size (the package)", "MB", vec![megabytes(&file("GAMMA_TRADE_ZIP")?)?])
            .target(Target::AtMost(5.0)),
    );
    figures.push(
        Figure::new("decide and approve, both sides", "µs", decision::microseconds(counts.batches)?)
            .target(Target::AtMost(50.0)),
    );
    figures.extend(making::figures(counts.batches).await?);
    Ok((figures, runs.journey()?))
}

#[allow(clippy::cast_precision_loss, reason = "bytes of one file")]
fn megabytes(file: &std::path::Path) -> Fallible<f64> {
    Ok(std::fs::metadata(file)?.len() as f64 / 1e6)
}

/// What else the machine did when it began: others' work lengthens every time.
struct Machine {
    processors: usize,
    /// Mean number of running processes over the last minute; unknown where there is no `/proc/loadavg`.
    load: Option<f64>,
}

impl Machine {
    fn now() -> Self {
        let load = std::fs::read_to_string("/proc/loadavg")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse().ok());
        Self { processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get), load }
    }

    #[allow(clippy::cast_precision_loss, reason = "a handful of processors")]
    fn tell(&self) -> String {
        let busy = self.load.is_some_and(|load| load > 0.5 * self.processors as f64);
        let load = self.load.map_or_else(|| "unknown".to_owned(), |load| load.to_string());
        let words = if busy {
            ": it was busy, so times are longer than they need be; the least of each spread tells more"
        } else {
            ""
        };
        format!("{} processors, load {load} at the start{words}", self.processors)
    }

    fn json(&self) -> serde_json::Value {
        json!({ "processors": self.processors, "load": self.load })
    }
}

fn say(what: &str) {
    eprintln!("measuring {what} ...");
}

/// Real time.
#[allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine's time; nothing decides by it"
)]
fn now() -> Instant {
    Instant::now()
}
