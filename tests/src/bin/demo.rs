//! `scripts/demo`: trades a real SPXW chain on this machine and tells the story.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use gamma_execution::ports::RungState;
use gamma_operator::LocalStack;
use gamma_simulator::faults::FaultPlan;
use gamma_simulator::requests::Service;
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::post_trade::SPREADSHEET;
use gamma_tests::side_by_side::Table;
use gamma_tests::stack::{Answer, SCHWAB, Stack, StackConfig, TRADERS, Trader};
use gamma_tests::story::{new_york, tell};
use gamma_tests::tabs::{grid, records};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// The event of the day for an account.
fn live(trader: Trader) -> String {
    json!({ "account": trader.account, "scheduled_time": "2025-09-03T20:13:00Z" }).to_string()
}

/// Trades a real SPXW chain (2025-09-03) on this machine: the unmodified Lambda function for three accounts
/// at once, a local AWS, a simulated Schwab, tastytrade and GammaWizard. Nothing leaves the machine; no
/// account is touched.
#[derive(Parser)]
#[command(name = "scripts/demo", max_term_width = 110)]
struct Arguments {
    /// Which market path, liquidity and signal
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One account's whole story instead of three side by side: schwab, tt-ira or tt-individual
    #[arg(long, value_name = "NAME", value_parser = trader)]
    account: Option<Trader>,
    /// One line for each of this many seeds, from --seed on, instead of a story
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// With --seeds: write each order that went to the broker, as it went, into this file
    #[arg(long, value_name = "FILE", requires = "seeds")]
    record: Option<PathBuf>,
    /// Write every item that the table holds at the end, in the wire's own form, into this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "serve"])]
    items: Option<PathBuf>,
    /// Everything but sending
    #[arg(long)]
    dry_run: bool,
    /// Virtual seconds per real second, for watching it live (default: as fast as it goes)
    #[arg(long, value_name = "FACTOR")]
    speed: Option<f64>,
    /// Print the functions' answers as JSON instead of stories
    #[arg(long)]
    json: bool,
    /// Let this many of a thousand requests fail, at broker, feed and AWS; afterwards a sweep puts the day in
    /// order
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0)]
    faults: u32,
    /// Leave the spreadsheet that the functions wrote as a page on this machine, until Ctrl-C
    #[arg(long)]
    open: bool,
    /// Keep the stack running for `cargo lambda watch`, and print its environment
    #[arg(long)]
    serve: bool,
}

fn trader(name: &str) -> Result<Trader, String> {
    TRADERS
        .into_iter()
        .find(|trader| trader.account == name)
        .ok_or_else(|| format!("expected one of {}", TRADERS.map(|trader| trader.account).join(", ")))
}

impl Arguments {
    /// Whose story is told where one is.
    fn one(&self) -> Trader {
        self.account.unwrap_or(SCHWAB)
    }

    fn all_three(&self) -> bool {
        self.account.is_none() && !self.dry_run && !self.serve && self.faults == 0
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let moto = Moto::start().await?;
    tokio::select! {
        result = run(&arguments, &moto) => result,
        () = told_to_end() => Err("interrupted; everything that was started has been stopped".into()),
    }
}

/// By Ctrl-C, or by scripts/demo, which passes it on as a plain end.
async fn told_to_end() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => drop(terminated.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

async fn run(arguments: &Arguments, moto: &Moto) -> Result<(), Box<dyn Error>> {
    if let Some(seeds) = arguments.seeds {
        return table(arguments, moto, seeds).await;
    }
    let mut config = StackConfig { post_trade: arguments.all_three(), ..day(arguments, arguments.seed) };
    if arguments.dry_run || arguments.serve {
        // By hand, at some other minute: after the signal, too late for a live run.
        config.start = "2025-09-03T20:20:00Z".parse()?;
    }
    let stack = Stack::start(moto, &config).await?;
    let told = story(arguments, moto, &config, &stack).await;
    if let Some(file) = &arguments.items {
        std::fs::write(file, serde_json::to_string_pretty(&moto.items(stack.table()).await?)?)?;
    }
    told
}

async fn story(
    arguments: &Arguments,
    moto: &Moto,
    config: &StackConfig,
    stack: &Stack,
) -> Result<(), Box<dyn Error>> {
    // `gamma --local` finds the stack by it as long as it is there to be used.
    let _announced =
        (arguments.serve || arguments.open).then(|| stack.local(moto).announce(&local_file())).transpose()?;
    if arguments.serve {
        return serve(stack).await;
    }
    let (trader, begins) = (arguments.one(), new_york(&config.start.to_string()));
    if arguments.dry_run {
        say(
            arguments,
            &format!(
                "It is {begins} in New York on 2025-09-03. {} is invoked by hand: everything but sending.",
                trader.account
            ),
        );
        let answer = stack
            .invoke_of(trader, &json!({ "account": trader.account, "dry_run": true }).to_string())
            .await?;
        print(arguments, &answer);
        say(arguments, &format!("Orders at the broker: {}", stack.book_of(trader)?.posts().len()));
        return Ok(());
    }
    let watching = arguments.speed.map(|_| tokio::spawn(watch(stack.host.subscribe())));
    if arguments.all_three() {
        say(
            arguments,
            &format!(
                "It is {begins} in New York on 2025-09-03. The scheduler delivers the event of each account."
            ),
        );
        let told = together(arguments, stack).await;
        watching.iter().for_each(tokio::task::JoinHandle::abort);
        afterwards(arguments, stack).await?;
        return told;
    }
    say(
        arguments,
        &format!(
            "It is {begins} in New York on 2025-09-03. The scheduler delivers events/{}.json.",
            trader.account
        ),
    );
    let answer = stack.invoke_of(trader, &live(trader)).await?;
    watching.iter().for_each(tokio::task::JoinHandle::abort);
    print(arguments, &answer);
    if arguments.faults > 0 {
        put_in_order(arguments, stack).await?;
    }
    ledger(arguments, stack).await?;
    say(arguments, "The same event is delivered again.");
    let posts = stack.book_of(trader)?.posts().len();
    let again = stack.invoke_of(trader, &live(trader)).await?;
    print(arguments, &again);
    let after = stack.book_of(trader)?.posts().len();
    say(
        arguments,
        &format!(
            "Orders the broker ever accepted: {posts} before, {after} after. {}",
            if posts == after { "Nothing was placed." } else { "SOMETHING WAS PLACED!" }
        ),
    );
    if posts == after { Ok(()) } else { Err("the second delivery placed an order".into()) }
}

/// The three accounts at once, side by side, and the same events once more.
async fn together(arguments: &Arguments, stack: &Stack) -> Result<(), Box<dyn Error>> {
    let answers = stack.invoke_all(live).await?;
    let posts = orders(stack)?;
    let mut table = Table::default();
    table.row("", TRADERS.map(|trader| trader.account.to_owned()));
    table.row(
        "broker",
        TRADERS.map(|trader| {
            format!("{} {}", if trader == SCHWAB { "Schwab" } else { "tastytrade" }, trader.number)
        }),
    );
    table.reports(&answers.iter().map(|(_, answer)| &answer.body).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (trader, answer) in &answers {
        if answer.function_error.is_some() {
            wrong.push(format!(
                "{}: {} {}",
                trader.account,
                answer.error_type(),
                answer.body["errorMessage"].as_str().unwrap_or_default()
            ));
        }
        wrong.extend(
            stack
                .audit_of(*trader, After::Everything)
                .await?
                .into_iter()
                .map(|words| format!("{}: {words}", trader.account)),
        );
    }
    let mut filled = Vec::new();
    for trader in TRADERS {
        let recorded: u32 =
            stack.day_of(trader.account).await?.intents.iter().map(|intent| intent.filled).sum();
        let really: u32 =
            stack.book_of(trader)?.filled_packages().iter().map(|package| package.fill.quantity).sum();
        filled.push(format!("{recorded} filled by the ledger, {really} by the books"));
    }
    table.row("", []);
    table.row("recorded", filled);
    table.row("orders", posts.map(|count| count.to_string()));
    let first = answers
        .iter()
        .map(|(trader, answer)| (trader.account.to_owned(), answer.body.clone()))
        .collect::<serde_json::Map<_, _>>();

    let again = stack.invoke_all(live).await?;
    let after = orders(stack)?;
    table.row("", []);
    table.row("again", again.iter().map(|(_, answer)| answer.outcome().to_uppercase()));
    table.row("orders", after.map(|count| count.to_string()));
    let stream = stack.simulator.dxlink().counters();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&first)?);
        eprintln!("{table}");
    } else {
        println!("{table}");
        println!(
            "The two tastytrade runs had their quotes over {} streamed connections, one each.",
            stream.connections
        );
    }
    if posts != after {
        wrong.push(format!(
            "the second deliveries placed something: {posts:?} orders before, {after:?} after"
        ));
    }
    if wrong.is_empty() {
        say(arguments, "The same events were delivered again: nothing was placed.");
        return Ok(());
    }
    Err(wrong.join("; ").into())
}

/// What the functions after the trade wrote.
async fn afterwards(arguments: &Arguments, stack: &Stack) -> Result<(), Box<dyn Error>> {
    stack.host.settled().await;
    say(
        arguments,
        "After each run the trading function handed it off, and was done. sheets-log and the accounts' edge guards wrote, from the ledger:",
    );
    let sheets = stack.simulator.spreadsheets();
    for tab in ["GW_Signal", "ConstantStableTrades", "CS_Tracking"] {
        say(arguments, &records(&sheets, tab));
    }
    say(arguments, &grid(&sheets, "CS_Summary", 9));
    say(arguments, &records(&sheets, "ConstantStableEdge"));
    let google =
        stack.simulator.requests().iter().filter(|request| request.service == Service::Google).count();
    say(arguments, &format!("{google} requests to Google, for three accounts and two functions."));
    if arguments.open {
        say(
            arguments,
            &format!(
                "The spreadsheet is at {}/browse/{SPREADSHEET} until Ctrl-C.",
                stack.simulator.google_url()
            ),
        );
        say(arguments, "Meanwhile `gamma --local` shows and steers this stack: `gamma --local runs`.");
        std::io::stdout().flush()?;
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// Orders that each broker ever accepted.
fn orders(stack: &Stack) -> Result<[usize; 3], Box<dyn Error>> {
    let mut counts = [0; 3];
    for (count, trader) in counts.iter_mut().zip(TRADERS) {
        *count = stack.book_of(trader)?.posts().len();
    }
    Ok(counts)
}

/// Shows each order as it is sent, for somebody who watches.
async fn watch(mut lines: tokio::sync::broadcast::Receiver<gamma_simulator::host::LogLine>) {
    while let Ok(line) = lines.recv().await {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(&line.line) else { continue };
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        if entry["message"] == "sending" {
            eprintln!(
                "  sending {} rung {}: {} at {}",
                text("intent"),
                entry["rung"],
                entry["quantity"],
                text("price")
            );
        }
    }
}

/// What the ledger says, and what the broker really did.
async fn ledger(arguments: &Arguments, stack: &Stack) -> Result<(), Box<dyn Error>> {
    let trader = arguments.one();
    let day = stack.day_of(trader.account).await?;
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
    let packages = stack.book_of(trader)?.filled_packages();
    for intent in &day.intents {
        let orders =
            day.rungs.iter().filter(|rung| rung.intent == intent.key).map(|rung| match &rung.state {
                RungState::Terminal { order, status, filled, .. } => format!("{order} {status} {filled}"),
                other => format!("{other:?}"),
            });
        let orders = orders.collect::<Vec<_>>().join(", ");
        say(
            arguments,
            &format!(
                "  {:<28} {:?}, filled {} of {}: {orders}",
                intent.key.to_string(),
                intent.state,
                intent.filled,
                intent.quantity
            ),
        );
    }
    let recorded: u32 = day.intents.iter().map(|intent| intent.filled).sum();
    let really: u32 = packages.iter().map(|package| package.fill.quantity).sum();
    say(arguments, &format!("  {recorded} spreads filled by the ledger, {really} by the broker's own books"));
    if recorded == really { Ok(()) } else { Err("ledger and broker disagree".into()) }
}

fn day(arguments: &Arguments, seed: u64) -> StackConfig {
    let faults =
        if arguments.faults > 0 { FaultPlan::seeded(seed, arguments.faults) } else { FaultPlan::default() };
    StackConfig { speed: arguments.speed, faults, ..StackConfig::of_seed(seed) }
}

/// Says what went wrong, and sweeps after the close, when nothing goes wrong any more.
async fn put_in_order(arguments: &Arguments, stack: &Stack) -> Result<(), Box<dyn Error>> {
    say(arguments, "What went wrong on the way:");
    for fired in stack.faults().fired() {
        say(
            arguments,
            &format!(
                "  {}  {:<36} {:?}",
                new_york(&fired.at.to_string()),
                format!("{:?}", fired.route),
                fired.fault
            ),
        );
    }
    say(
        arguments,
        "The weather clears. At 16:16:10 the sweep proves and records what is open, and places nothing.",
    );
    print(arguments, &sweep(stack, arguments.one()).await?);
    Ok(())
}

async fn sweep(stack: &Stack, trader: Trader) -> Result<Answer, Box<dyn Error>> {
    stack.faults().clear();
    stack.until("20:16:10").await;
    stack.invoke_of(trader, &json!({ "account": trader.account, "sweep": true }).to_string()).await
}

async fn table(arguments: &Arguments, moto: &Moto, seeds: u64) -> Result<(), Box<dyn Error>> {
    let last = if arguments.faults > 0 {
        "filled       faults  sweep             books and ledger"
    } else {
        "filled"
    };
    println!("{:>5}  {:<10}  {:<18}  {:<34}  {last}", "seed", "begins", "outcome", "sides");
    let (mut disagree, mut recorded) = (0, String::new());
    for seed in arguments.seed..arguments.seed + seeds {
        let config = day(arguments, seed);
        let stack = Stack::start(moto, &config).await?;
        let trader = arguments.one();
        let answer = stack.invoke_of(trader, &live(trader)).await?;
        let sides = answer.body["sides"].as_array().cloned().unwrap_or_default();
        let of =
            |name: &str| sides.iter().map(|side| side[name].to_string().replace('"', "")).collect::<Vec<_>>();
        let filled: Vec<_> = of("filled")
            .iter()
            .zip(of("quantity"))
            .map(|(filled, quantity)| format!("{filled}/{quantity}"))
            .collect();
        let outcome = if answer.function_error.is_some() { answer.error_type() } else { answer.outcome() };
        let (begins, filled) = (new_york(&config.start.to_string()), filled.join(" + "));
        print!("{seed:>5}  {begins:<10}  {outcome:<18}  {:<34}  ", of("name").join(" + "));
        if arguments.faults == 0 {
            println!("{filled}");
        } else {
            let struck = stack.faults().fired().len();
            let swept = sweep(&stack, trader).await?;
            let swept = if swept.function_error.is_some() { swept.error_type() } else { swept.outcome() };
            let wrong = stack.audit_of(trader, After::Everything).await?;
            disagree += usize::from(!wrong.is_empty());
            println!(
                "{filled:<11}  {struck:>6}  {swept:<16}  {}",
                if wrong.is_empty() { "agree".to_owned() } else { wrong.join("; ") }
            );
        }
        for request in stack.simulator.requests() {
            if let Some(order) = &request.order {
                writeln!(recorded, "{seed} {} {} {order}", trader.account, request.path)?;
            }
        }
        stack.host.stop().await;
    }
    if let Some(file) = &arguments.record {
        std::fs::write(file, recorded)?;
    }
    if disagree == 0 { Ok(()) } else { Err(format!("on {disagree} days books and ledger disagree").into()) }
}

/// In this checkout, wherever cargo builds.
fn local_file() -> PathBuf {
    std::env::var_os("GAMMA_LOCAL_STACK")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(LocalStack::FILE), PathBuf::from)
}

async fn serve(stack: &Stack) -> Result<(), Box<dyn Error>> {
    println!(
        "# In a second terminal: paste these, then `cargo lambda watch` and `cargo lambda invoke` (README)"
    );
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
        println!(
            "  error ({kind}) {}: {}\n",
            answer.error_type(),
            answer.body["errorMessage"].as_str().unwrap_or_default()
        );
    } else {
        println!("{}", tell(&answer.body));
    }
}

/// Prose goes to standard error when the answers on standard output are for a program.
fn say(arguments: &Arguments, words: &str) {
    if arguments.json { eprintln!("{words}\n") } else { println!("{words}\n") }
}
