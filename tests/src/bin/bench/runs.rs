//! Whole runs: event to first order and to the recorded outcome, the ladder's gaps, requests and memory.

use std::fmt::Write;
use std::time::Instant;

use gamma_tests::moto::Moto;
use gamma_tests::stack::{SCHWAB, TT_IRA, Trader};
use serde_json::{Value, json};

use crate::figure::{Figure, Peer, Target, median};
use crate::making::milliseconds;
use crate::world::{AFTER_SIGNAL, BEFORE_SIGNAL, Fallible, Orders, Start, Timed, World};

/// Figures recorded of the bot that this one replaces, on a stand-in of the same kind.
const QUOTED_FIRST_ORDER_MS: f64 = 730.0;
const QUOTED_RUN_MS: f64 = 4500.0;
const QUOTED_REQUESTS: f64 = 17.0;
/// How far to look for a day of each kind.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=60;

const AWS: &[&str] = &["AWS"];
const FACES: &[&str] = &["broker", "feed"];
const CLOCK: &[&str] = &["clock"];
const ALL: &[&str] = &["AWS", "broker", "feed", "clock", "DXLink"];

#[derive(Default)]
pub(crate) struct Runs {
    warm: Vec<Timed>,
    cold: Vec<Timed>,
    /// Deliveries before the signal, as scheduled.
    early: Vec<Timed>,
    ladders: Vec<Timed>,
    /// Of a tastytrade account, whose quotes are streamed: orders fill at once, and the whole ladder.
    streamed: Vec<Timed>,
    streamed_ladders: Vec<Timed>,
}

impl Runs {
    pub(crate) async fn measure(moto: &Moto, runs: usize, ladders: usize) -> Fallible<Self> {
        let climbs = day_that_climbs(moto).await?;
        let mut all = Self::default();
        for _ in 0..runs {
            all.warm.push(at_once(moto, AFTER_SIGNAL, Start::Warm, SCHWAB).await?);
            all.cold.push(at_once(moto, AFTER_SIGNAL, Start::Cold, SCHWAB).await?);
            all.early.push(at_once(moto, BEFORE_SIGNAL, Start::Warm, SCHWAB).await?);
            all.streamed.push(at_once(moto, AFTER_SIGNAL, Start::Warm, TT_IRA).await?);
        }
        for _ in 0..ladders {
            all.ladders.push(run(moto, climbs, AFTER_SIGNAL, (Start::Warm, Orders::Wait), SCHWAB).await?);
            all.streamed_ladders
                .push(run(moto, climbs, AFTER_SIGNAL, (Start::Warm, Orders::Wait), TT_IRA).await?);
        }
        Ok(all)
    }

    pub(crate) fn figures(&self) -> Fallible<Vec<Figure>> {
        let mut figures = Vec::new();
        for (name, runs) in [("warm", &self.warm), ("cold", &self.cold)] {
            let first = figure(format!("event to first order, {name}"), runs, |run| {
                Ok(milliseconds(run.first_order()? - run.sent))
            })?;
            let first = first.peer(Peer::Quoted(QUOTED_FIRST_ORDER_MS));
            let shares = shares(runs)?;
            figures.push(if name == "warm" {
                first.target(Target::AtMost(60.0)).because(cost(&shares))
            } else {
                first
            });
            figures.extend(shares);
        }
        let first = figure("event to first order, warm, tastytrade over DXLink", &self.streamed, |run| {
            Ok(milliseconds(run.first_order()? - run.sent))
        })?;
        figures.push(first.target(Target::AtMost(200.0)));
        figures.extend(shares(&self.streamed)?);
        figures.push(figure("signal final to first order, event before it", &self.early, |run| {
            Ok(milliseconds(run.first_order()? - woken(run)?))
        })?);
        for (name, runs) in [("warm", &self.warm), ("cold", &self.cold)] {
            let figure =
                figure(format!("event to recorded outcome, orders fill at once, {name}"), runs, |run| {
                    Ok(milliseconds(run.recorded()? - run.sent))
                })?;
            figures.push(figure.peer(Peer::Quoted(QUOTED_RUN_MS)));
            let moto = |run: &Timed| Ok(milliseconds(run.asking(AWS, run.sent, run.recorded()?)));
            figures.push(self::figure("  of it waiting for moto (Python)", runs, moto)?);
        }
        let gaps: Vec<_> = self.ladders.iter().flat_map(Timed::gaps).collect();
        figures.push(Figure::new(
            "cancel answered to next rung's POST, virtual",
            "s",
            gaps.iter().map(|(seconds, _)| *seconds).collect(),
        ));
        let real = gaps.iter().map(|(_, real)| milliseconds(*real)).collect();
        figures.push(Figure::new("  real time, in which waits pass at once", "ms", real));
        figures.extend(self.counts()?);
        Ok(figures)
    }

    fn counts(&self) -> Fallible<Vec<Figure>> {
        let requests = |services: &'static [&'static str]| {
            move |run: &Timed| Ok(count(run.asked(services, run.recorded()?)))
        };
        let of = |name: &str, unit, runs: &[Timed], of: &dyn Fn(&Timed) -> Fallible<f64>| {
            figure_of(name.to_owned(), unit, runs, of)
        };
        let peak = |run: &Timed| {
            Ok(count(run.attempt.peak_memory_kib.ok_or("the peak memory could not be read")?.try_into()?)
                / 1024.0)
        };
        let by_type = |run: &Timed| {
            Ok(count(
                run.requests.iter().filter(|request| request.path.ends_with("/market-data/by-type")).count(),
            ))
        };
        Ok(vec![
            of("requests to broker and feed, orders fill at once", "", &self.cold, &requests(FACES))?
                .peer(Peer::Quoted(QUOTED_REQUESTS)),
            of("  calls to AWS", "", &self.cold, &requests(AWS))?,
            of("DXLink connections of a whole run (longest ladder)", "", &self.streamed_ladders, &|run| {
                Ok(count(run.stream.0))
            })?
            .target(Target::AtMost(1.0)),
            of("  questions per package quote on it", "", &self.streamed_ladders, &asked_per_rung)?
                .target(Target::AtMost(1.0)),
            of("  quotes asked over REST beside it", "", &self.streamed_ladders, &by_type)?,
            of("peak memory of a whole run (longest ladder)", "MiB", &self.ladders, &peak)?,
        ])
    }

    /// The warm run of median length.
    pub(crate) fn journey(&self) -> Fallible<Journey> {
        let lengths = self
            .warm
            .iter()
            .map(|run| Ok(milliseconds(run.first_order()? - run.sent)))
            .collect::<Fallible<Vec<f64>>>()?;
        let middle = median(&lengths);
        let nearest = self
            .warm
            .iter()
            .zip(&lengths)
            .min_by(|a, b| (a.1 - middle).abs().total_cmp(&(b.1 - middle).abs()))
            .map(|(run, _)| run);
        Journey::of(nearest.ok_or("no warm run")?)
    }
}

/// The first day on which both sides climb the whole ladder. Days change with the simulator, so it is looked
/// for and not written down.
async fn day_that_climbs(moto: &Moto) -> Fallible<u64> {
    for seed in SEEDS {
        if run(moto, seed, AFTER_SIGNAL, (Start::Cold, Orders::Wait), SCHWAB).await?.orders() == 6 {
            return Ok(seed);
        }
    }
    Err(format!("on none of the days {SEEDS:?} do both sides climb the ladder").into())
}

async fn at_once(moto: &Moto, at: &str, start: Start, trader: Trader) -> Fallible<Timed> {
    let run = run(moto, 1, at, (start, Orders::FillAtOnce), trader).await?;
    let filled = run.report["outcome"] == "filled" && run.orders() == 2;
    if filled { Ok(run) } else { Err(format!("the orders did not fill at once: {}", run.report).into()) }
}

async fn run(
    moto: &Moto,
    seed: u64,
    at: &str,
    (start, orders): (Start, Orders),
    trader: Trader,
) -> Fallible<Timed> {
    let world = World::start(moto, seed, at, orders, trader).await?;
    let run = world.run(start).await?;
    world.host.stop().await;
    world.stack.simulator.stop();
    Ok(run)
}

/// How often the leg asked for most was asked for, per rung of its side: each rung takes one quote of its
/// package.
fn asked_per_rung(run: &Timed) -> Fallible<f64> {
    match run.orders() {
        6 => Ok(count(run.stream.1) / 3.0),
        orders => Err(format!("{orders} orders, expected three rungs on both sides: {}", run.report).into()),
    }
}

/// Where the time to the first order goes. The lines add up to it.
fn shares(runs: &[Timed]) -> Fallible<Vec<Figure>> {
    let asking = |services: &'static [&'static str]| {
        move |run: &Timed| -> Fallible<f64> {
            Ok(milliseconds(run.asking(services, run.sent, run.first_order()?)))
        }
    };
    let calls = |services: &[&str]| -> Fallible<f64> {
        let counts = runs
            .iter()
            .map(|run| Ok(count(run.asked(services, run.first_order()?))))
            .collect::<Fallible<Vec<_>>>()?;
        Ok(median(&counts))
    };
    let own = |run: &Timed| {
        let first = run.first_order()?;
        Ok(milliseconds((first - run.sent).saturating_sub(run.asking(ALL, run.sent, first))))
    };
    Ok(vec![
        figure(format!("  of it waiting for moto (Python), {} calls", calls(AWS)?), runs, asking(AWS))?,
        figure(format!("  of it broker and feed answering, {} calls", calls(FACES)?), runs, asking(FACES))?,
        figure(format!("  of it the local stack's clock, {} calls", calls(CLOCK)?), runs, asking(CLOCK))?,
        figure("  the function itself, host and sockets", runs, own)?,
    ])
}

/// What the missed target costs, in words.
fn cost(shares: &[Figure]) -> String {
    let parts = shares.iter().map(|share| {
        format!("{} {:.1} ms", share.name.trim().trim_start_matches("of it "), median(&share.sample))
    });
    format!("It is spent on: {}", parts.collect::<Vec<_>>().join("; "))
}

/// When the run's last wait before its first order ended.
fn woken(run: &Timed) -> Fallible<Instant> {
    let first = run.first_order()?;
    let waits = run
        .calls
        .iter()
        .filter(|call| call.to == "clock" && call.what.ends_with("/wait") && call.ended < first);
    waits.map(|call| call.ended).max().ok_or_else(|| "the run never waited for the signal".into())
}

fn figure(name: impl Into<String>, runs: &[Timed], of: impl Fn(&Timed) -> Fallible<f64>) -> Fallible<Figure> {
    figure_of(name.into(), "ms", runs, &of)
}

fn figure_of(
    name: String,
    unit: &'static str,
    runs: &[Timed],
    of: &dyn Fn(&Timed) -> Fallible<f64>,
) -> Fallible<Figure> {
    Ok(Figure::new(name, unit, runs.iter().map(of).collect::<Fallible<Vec<_>>>()?))
}

#[allow(clippy::cast_precision_loss, reason = "a count of some dozens, or KiB of one process")]
fn count(count: usize) -> f64 {
    count as f64
}

/// One run's way to its first order, call by call.
pub(crate) struct Journey(Vec<Step>);

struct Step {
    at: f64,
    took: f64,
    what: String,
}

impl Journey {
    fn of(run: &Timed) -> Fallible<Self> {
        let first = run.first_order()?;
        let until = run.calls.iter().filter(|call| call.began <= first);
        let step = |call: &crate::relay::Call| Step {
            at: milliseconds(call.began - run.sent),
            took: milliseconds(call.ended - call.began),
            what: format!("{:<6} {}", call.to, call.what),
        };
        Ok(Self(until.map(step).collect()))
    }

    pub(crate) fn tell(&self) -> String {
        let mut text = String::new();
        for Step { at, took, what } in &self.0 {
            let _ = writeln!(text, "{at:>8.1}  {took:>6.1} ms  {what}");
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|Step { at, took, what }| json!({ "at_ms": at, "took_ms": took, "call": what }))
            .collect()
    }
}
