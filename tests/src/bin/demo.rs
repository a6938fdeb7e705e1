//! `scripts/demo`: trades a real SPXW chain on this machine and tells the story.

use std::error::Error;
use std::io::Write as _;

use clap::Parser;
use gamma_execution::ports::RungState;
use gamma_simulator::faults::FaultPlan;
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{Answer, Stack, StackConfig};
use gamma_tests::story::{new_york, tell};

const LIVE: &str = include_str!("../../../events/schwab.json");
const SWEEP: &str = include_str!("../../../events/sweep.json");
const DRY: &str = include_str!("../../../events/schwab-dry-run.json");

/// Trades a real SPXW chain (2025-09-03) on this machine: the unmodified Lambda function, a local AWS, a simulated Schwab and
/// GammaWizard. Nothing leaves the machine; no account is touched.
#[derive(Parser)]
#[command(name = "scripts/demo", max_term_width = 110)]
struct Arguments {
    /// Which market path, liquidity and signal
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One line for each of this many seeds, from --seed on, instead of one whole story
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Everything but sending
    #[arg(long)]
    dry_run: bool,
    /// Virtual seconds per real second, for watching it live (default: as fast as it goes)
    #[arg(long, value_name = "FACTOR")]
    speed: Option<f64>,
    /// Print the function's answer as JSON instead of the story
    #[arg(long)]
    json: bool,
    /// Let this many of a thousand requests fail, at broker, feed and AWS; afterwards a sweep puts the day in order
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0)]
    faults: u32,
    /// Keep the stack running for `cargo lambda watch`, and print its environment
    #[arg(long)]
    serve: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let moto = Moto::start().await?;
    tokio::select! {
        result = run(&arguments, &moto) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted; everything that was started has been stopped".into()),
    }
}

async fn run(arguments: &Arguments, moto: &Moto) -> Result<(), Box<dyn Error>> {
    if let Some(seeds) = arguments.seeds {
        return table(arguments, moto, seeds).await;
    }
    let mut config = day(arguments, arguments.seed);
    if arguments.dry_run || arguments.serve {
        // By hand, at some other minute: after the signal, too late for a live run.
        config.start = "2025-09-03T20:20:00Z".parse()?;
    }
    let stack = Stack::start(moto, &config).await?;
    if arguments.serve {
        return serve(&stack).await;
    }
    if arguments.dry_run {
        say(
            arguments,
            &format!(
                "It is {} in New York on 2025-09-03. events/schwab-dry-run.json is invoked by hand: everything but sending.",
                new_york(&config.start.to_string())
            ),
        );
        let answer = stack.invoke(DRY).await?;
        print(arguments, &answer);
        say(arguments, &format!("Orders at the broker: {}", stack.simulator.book().posts().len()));
        return Ok(());
    }
    say(arguments, &format!("It is {} in New York on 2025-09-03. The scheduler delivers events/schwab.json.", new_york(&config.start.to_string())));
    let watching = arguments.speed.map(|_| tokio::spawn(watch(stack.host.subscribe())));
    let answer = stack.invoke(LIVE).await?;
    watching.iter().for_each(tokio::task::JoinHandle::abort);
    print(arguments, &answer);
    if arguments.faults > 0 {
        put_in_order(arguments, &stack).await?;
    }
    ledger(arguments, &stack).await?;
    say(arguments, "The same event is delivered again.");
    let posts = stack.simulator.book().posts().len();
    let again = stack.invoke(LIVE).await?;
    print(arguments, &again);
    let after = stack.simulator.book().posts().len();
    say(
        arguments,
        &format!(
            "Orders the broker ever accepted: {posts} before, {after} after. {}",
            if posts == after { "Nothing was placed." } else { "SOMETHING WAS PLACED!" }
        ),
    );
    if posts == after { Ok(()) } else { Err("the second delivery placed an order".into()) }
}

/// Shows each order as it is sent, for somebody who watches.
async fn watch(mut lines: tokio::sync::broadcast::Receiver<gamma_simulator::host::LogLine>) {
    while let Ok(line) = lines.recv().await {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(&line.line) else { continue };
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        if entry["message"] == "sending" {
            eprintln!("  sending {} rung {}: {} at {}", text("intent"), entry["rung"], entry["quantity"], text("price"));
        }
    }
}

/// What the ledger says, and what the broker really did.
async fn ledger(arguments: &Arguments, stack: &Stack) -> Result<(), Box<dyn Error>> {
    let day = stack.day().await?;
    if let Some(record) = &day.day {
        say(
            arguments,
            &format!(
                "The ledger: day {} of {} is {:?} with outcome {}",
                record.date,
                record.account,
                record.state,
                record.outcome.as_deref().unwrap_or("none")
            ),
        );
    }
    let packages = stack.simulator.book().filled_packages();
    for intent in &day.intents {
        let orders = day.rungs.iter().filter(|rung| rung.intent == intent.key).map(|rung| match &rung.state {
            RungState::Terminal { order, status, filled, .. } => format!("{order} {status} {filled}"),
            other => format!("{other:?}"),
        });
        let orders = orders.collect::<Vec<_>>().join(", ");
        say(arguments, &format!("  {:<28} {:?}, filled {} of {}: {orders}", intent.key.to_string(), intent.state, intent.filled, intent.quantity));
    }
    let recorded: u32 = day.intents.iter().map(|intent| intent.filled).sum();
    let really: u32 = packages.iter().map(|package| package.fill.quantity).sum();
    say(arguments, &format!("  {recorded} spreads filled by the ledger, {really} by the broker's own books"));
    if recorded == really { Ok(()) } else { Err("ledger and broker disagree".into()) }
}

fn day(arguments: &Arguments, seed: u64) -> StackConfig {
    let faults = if arguments.faults > 0 { FaultPlan::seeded(seed, arguments.faults) } else { FaultPlan::default() };
    StackConfig { speed: arguments.speed, faults, ..StackConfig::of_seed(seed) }
}

/// Says what went wrong, and sweeps after the close, when nothing goes wrong any more.
async fn put_in_order(arguments: &Arguments, stack: &Stack) -> Result<(), Box<dyn Error>> {
    say(arguments, "What went wrong on the way:");
    for fired in stack.faults().fired() {
        say(arguments, &format!("  {}  {:<36} {:?}", new_york(&fired.at.to_string()), format!("{:?}", fired.route), fired.fault));
    }
    say(arguments, "The weather clears. At 16:16:10 the sweep proves and records what is open, and places nothing.");
    print(arguments, &sweep(stack).await?);
    Ok(())
}

async fn sweep(stack: &Stack) -> Result<Answer, Box<dyn Error>> {
    stack.faults().clear();
    stack.until("20:16:10").await;
    stack.invoke(SWEEP).await
}

async fn table(arguments: &Arguments, moto: &Moto, seeds: u64) -> Result<(), Box<dyn Error>> {
    let last = if arguments.faults > 0 { "filled       faults  sweep             books and ledger" } else { "filled" };
    println!("{:>5}  {:<10}  {:<18}  {:<34}  {last}", "seed", "begins", "outcome", "sides");
    let mut disagree = 0;
    for seed in arguments.seed..arguments.seed + seeds {
        let config = day(arguments, seed);
        let stack = Stack::start(moto, &config).await?;
        let answer = stack.invoke(LIVE).await?;
        let sides = answer.body["sides"].as_array().cloned().unwrap_or_default();
        let of = |name: &str| sides.iter().map(|side| side[name].to_string().replace('"', "")).collect::<Vec<_>>();
        let filled: Vec<_> = of("filled").iter().zip(of("quantity")).map(|(filled, quantity)| format!("{filled}/{quantity}")).collect();
        let outcome = if answer.function_error.is_some() { answer.error_type() } else { answer.outcome() };
        let (begins, filled) = (new_york(&config.start.to_string()), filled.join(" + "));
        print!("{seed:>5}  {begins:<10}  {outcome:<18}  {:<34}  ", of("name").join(" + "));
        if arguments.faults == 0 {
            println!("{filled}");
        } else {
            let struck = stack.faults().fired().len();
            let swept = sweep(&stack).await?;
            let swept = if swept.function_error.is_some() { swept.error_type() } else { swept.outcome() };
            let wrong = stack.audit(After::Everything).await?;
            disagree += usize::from(!wrong.is_empty());
            println!("{filled:<11}  {struck:>6}  {swept:<16}  {}", if wrong.is_empty() { "agree".to_owned() } else { wrong.join("; ") });
        }
        stack.host.stop().await;
    }
    if disagree == 0 { Ok(()) } else { Err(format!("on {disagree} days books and ledger disagree").into()) }
}

async fn serve(stack: &Stack) -> Result<(), Box<dyn Error>> {
    println!("# In a second terminal: paste these, then `cargo lambda watch` and `cargo lambda invoke` (README)");
    for (name, value) in stack.environment() {
        println!("export {name}={value}");
    }
    println!("export AWS_ENDPOINT_URL_LAMBDA={}", stack.host.url());
    std::io::stdout().flush()?;
    std::future::pending().await
}

fn print(arguments: &Arguments, answer: &Answer) {
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&answer.body).unwrap_or_default());
    } else if let Some(kind) = &answer.function_error {
        println!("  error ({kind}) {}: {}\n", answer.error_type(), answer.body["errorMessage"].as_str().unwrap_or_default());
    } else {
        println!("{}", tell(&answer.body));
    }
}

/// Prose goes to standard error when the answers on standard output are for a program.
fn say(arguments: &Arguments, words: &str) {
    if arguments.json { eprintln!("{words}\n") } else { println!("{words}\n") }
}
