//! Plays seeds, and says what they covered and what they found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::{Parser, ValueEnum};
use gamma_simulation::fault::{Fault, Step, pairs, unkind_pairs};
use gamma_simulation::play::{End, play};
use gamma_simulation::scenario::{Scenario, UNKIND};
use gamma_simulation::trial::{Trial, trial};

/// Fault simulation of the whole order path: every seed is one day of one to three accounts, with its own
/// deliveries, market, signal, operators and faults. Nothing is reached, nothing sleeps.
#[derive(Parser)]
#[command(name = "simulate")]
struct Wish {
    /// How many seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Tell the story of one seed, and nothing else.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    story: Option<u64>,
    /// Threads; each plays its own seeds.
    #[arg(long, default_value_t = thread::available_parallelism().map_or(1, std::num::NonZero::get))]
    jobs: usize,
    /// Where failing seeds are kept, to be played for ever; tests/seeds, or tests/seeds/unkind.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// How many failing seeds are named and kept.
    #[arg(long, default_value_t = 20)]
    show: usize,
    /// Look behind violations that say this.
    #[arg(long)]
    known: Vec<String>,
    /// Whether the broker tells the truth.
    #[arg(long, value_enum, default_value_t = if UNKIND { Draw::Unkind } else { Draw::Kind })]
    draw: Draw,
    /// Write what each seed came to, a line each in the order of the seeds: two versions of the code are the
    /// same where these are.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Stop at the first violation, keep nothing, and do not ask for coverage: is a safeguard missed?
    #[arg(long)]
    missed: bool,
}

/// How a seed becomes a day.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Draw {
    /// Things fail, and what the broker says is true.
    Kind,
    /// The same, and the broker lies.
    Unkind,
}

impl Wish {
    fn day(&self, seed: u64) -> Scenario {
        let day = if self.draw == Draw::Unkind { Scenario::unkind(seed) } else { Scenario::kind(seed) };
        Scenario { known: self.known.clone(), ..day }
    }
}

impl Draw {
    const fn seeds(self) -> &'static str {
        match self {
            Self::Kind => "tests/seeds",
            Self::Unkind => "tests/seeds/unkind",
        }
    }

    fn pairs(self) -> Vec<(Step, Fault)> {
        pairs().chain(unkind_pairs().filter(|_| self == Self::Unkind)).collect()
    }
}

/// What all seeds came to.
#[derive(Default)]
struct Sum {
    hits: BTreeMap<(Step, Fault), u64>,
    ends: BTreeMap<(&'static str, End), u64>,
    days: BTreeMap<&'static str, u64>,
    trades: u64,
    failed: BTreeMap<u64, Vec<String>>,
    recorded: BTreeMap<u64, String>,
}

impl Sum {
    fn add(&mut self, seed: u64, trial: &Trial) {
        for (pair, count) in &trial.hits {
            *self.hits.entry(*pair).or_default() += u64::from(*count);
        }
        for end in &trial.ends {
            *self.ends.entry(*end).or_default() += 1;
        }
        for day in &trial.days {
            *self.days.entry(day).or_default() += 1;
        }
        self.trades += u64::from(trial.must_trade);
        self.recorded.insert(seed, format!("{seed} {:?} {:?}", trial.ends, trial.days));
        if !trial.violations.is_empty() {
            self.failed.insert(seed, trial.violations.clone());
        }
    }
}

fn main() -> ExitCode {
    let wish = Wish::parse();
    if let Some(seed) = wish.story {
        println!("{:?}", wish.day(seed).lies);
        let played = play(&wish.day(seed), true);
        println!("{}", played.story.join("\n"));
        println!("{}", if played.violations.is_empty() { "no violation" } else { "VIOLATED" });
        return ExitCode::from(u8::from(!played.violations.is_empty()));
    }
    let (next, sum) = (AtomicU64::new(wish.from), Mutex::new(Sum::default()));
    let end = wish.from.saturating_add(wish.seeds);
    #[allow(clippy::disallowed_methods, reason = "how fast the machine plays is what is measured here")]
    let began = std::time::Instant::now();
    thread::scope(|scope| {
        for _ in 0..wish.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let trial = trial(wish.day(seed));
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.add(seed, &trial);
                    if wish.missed && !sum.failed.is_empty() {
                        next.store(end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let took = began.elapsed();
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    if wish.missed {
        return missed(&wish, &sum);
    }
    if let Some(file) = &wish.record {
        let lines: String = sum.recorded.values().map(|line| format!("{line}\n")).collect();
        if let Err(error) = std::fs::write(file, lines) {
            eprintln!("{} could not be written: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    println!(
        "{} seeds from {} in {:.1} s, {:.0} seeds/s on {} threads",
        wish.seeds,
        wish.from,
        took.as_secs_f64(),
        rate(wish.seeds, took),
        wish.jobs
    );
    let sound = [ends(&sum, wish.draw), covered(&sum, &wish), violated(&wish, &sum)];
    ExitCode::from(u8::from(sound.contains(&false)))
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn rate(seeds: u64, took: std::time::Duration) -> f64 {
    seeds as f64 / took.as_secs_f64().max(1e-9)
}

/// Whether a violation was found: here that is what is wanted.
fn missed(wish: &Wish, sum: &Sum) -> ExitCode {
    match sum.failed.first_key_value() {
        Some((seed, words)) => {
            println!("seed {seed}: {}", words.join("; "));
            ExitCode::SUCCESS
        }
        None => {
            println!("{} seeds, and nobody noticed", wish.seeds);
            ExitCode::FAILURE
        }
    }
}

/// The share of trades that must end so, in a thousand: a system that always refuses fails.
const TRADES: [(&str, u64); 7] = [
    ("filled", 100),
    ("partially_filled", 15),
    ("uneven", 25),
    ("one_sided", 30),
    ("no_fill", 20),
    ("recovered", 20),
    ("already_traded", 40),
];

/// The share of accounts' days that must come to this by the broker's own books.
const DAYS: [(&str, u64); 4] = [("filled", 300), ("partially_filled", 30), ("uneven", 70), ("one_sided", 80)];

/// The same where the broker lies: on some of these days a leg is not quoted from morning to evening, or the
/// feed takes its trade back, and nobody can fill them.
const UNKIND_DAYS: [(&str, u64); 4] =
    [("filled", 260), ("partially_filled", 40), ("uneven", 70), ("one_sided", 80)];

/// Whether every floor is reached.
fn floors(floors: &[(&str, u64)], all: u64, count: impl Fn(&str) -> u64) -> bool {
    let low: Vec<_> = floors.iter().filter(|(name, floor)| count(name) * 1000 < floor * all).collect();
    for (name, floor) in &low {
        println!("  FLOOR: {name} is {} of {all}, expected at least {floor} in a thousand", count(name));
    }
    low.is_empty()
}

/// The table of outcomes, and whether enough of them are what people wait for.
fn ends(sum: &Sum, draw: Draw) -> bool {
    let mut tasks: Vec<&str> = sum.ends.keys().map(|(task, _)| *task).collect();
    tasks.dedup();
    let mut sound = true;
    for task in tasks {
        let of: Vec<_> = sum.ends.iter().filter(|((of, _), _)| *of == task).collect();
        let all: u64 = of.iter().map(|(_, count)| **count).sum();
        println!("\n{task:<24}{all:>9}");
        for ((_, end), count) in of {
            println!("  {:<22}{count:>9}{:>8.2} %", name_of(*end), percent(*count, all));
        }
        if task == "trade" {
            let count = |name: &str| {
                sum.ends
                    .iter()
                    .filter(|((of, end), _)| *of == task && name_of(*end) == name)
                    .map(|(_, count)| *count)
                    .sum()
            };
            sound &= floors(&TRADES, all, count);
        }
    }
    let all: u64 = sum.days.values().sum();
    println!("\n{:<24}{all:>9}", "accounts' days, by the books");
    for (day, count) in &sum.days {
        println!("  {day:<22}{count:>9}{:>8.2} %", percent(*count, all));
    }
    let floor = if draw == Draw::Unkind { &UNKIND_DAYS } else { &DAYS };
    sound &= floors(floor, all, |name| sum.days.get(name).copied().unwrap_or(0));
    println!("\n{} days had to trade as if nothing had gone wrong, and did unless said below", sum.trades);
    sound
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn percent(count: u64, all: u64) -> f64 {
    count as f64 * 100.0 / all.max(1) as f64
}

const fn name_of(end: End) -> &'static str {
    match end {
        End::Outcome(name) => name,
        End::NoSecrets => "(no secrets)",
        End::Died => "(died)",
    }
}

/// Every pair of step and fault must have been hit.
fn covered(sum: &Sum, wish: &Wish) -> bool {
    let pairs = wish.draw.pairs();
    let all = pairs.len();
    let never: Vec<_> = pairs.into_iter().filter(|pair| !sum.hits.contains_key(pair)).collect();
    let hits: u64 = sum.hits.values().sum();
    println!("\n{} of {all} pairs of step and fault were hit, {hits} hits", all - never.len());
    let mut rarest: Vec<_> = sum.hits.iter().collect();
    rarest.sort_by_key(|(_, count)| **count);
    for ((step, fault), count) in rarest.into_iter().take(5) {
        println!("  rarest  {step:<24}{fault:<18}{count:>8}");
    }
    for (step, fault) in &never {
        println!("  NEVER   {step:<24}{fault:<18}");
    }
    // Each pair is aimed at once in so many seeds; a handful of seeds cannot hit them all.
    never.is_empty() || wish.seeds < 10_000
}

fn violated(wish: &Wish, sum: &Sum) -> bool {
    println!("\n{} seeds violated", sum.failed.len());
    for (seed, words) in sum.failed.iter().take(wish.show) {
        println!("  seed {seed}: {}", words.join("; "));
    }
    let Some((first, words)) = sum.failed.first_key_value() else { return true };
    println!("\nthe story of seed {first}:\n{}", play(&wish.day(*first), true).story.join("\n"));
    let keep = wish.keep.clone().unwrap_or_else(|| wish.draw.seeds().into());
    for (seed, words) in sum.failed.iter().take(wish.show) {
        let file = keep.join(format!("{seed}.txt"));
        if let Err(error) = std::fs::create_dir_all(&keep)
            .and_then(|()| std::fs::write(&file, format!("{}\n", words.join("\n"))))
        {
            eprintln!("{} could not be kept: {error}", file.display());
        }
    }
    println!(
        "\nseed {first}: {}\nkept in {}; scripts/simulate --story {first} tells it again",
        words.join("; "),
        keep.display()
    );
    false
}
