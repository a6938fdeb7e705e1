//! What our client reads of an account, and what tastytrade's public client reads of it at the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use gamma_execution::ports::{Broker, OrderStatus, OrderView};
use gamma_market::{Effect, LegAction, OptionSymbol, Package, Price};
use gamma_tastytrade::{Transaction, TransactionQuery};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::tastytrade_packages::desk::{ACCOUNT, Desk, approved, broken_wing, condor, put};

async fn theirs(desk: &Desk, symbols: &[OptionSymbol]) -> Value {
    let python = std::env::var_os("GAMMA_PYTHON")
        .expect("GAMMA_PYTHON: unset, expected a Python with tastytrade; scripts/test sets it");
    let given = json!({
        "tastytrade_url": desk.simulator.tastytrade_url(), "client_secret": "simulated-client-secret", "account": ACCOUNT,
        "refresh_token": "simulated-tastytrade-refresh-token", "start": desk.start.to_string(),
        "symbols": symbols.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    // -B: no byte code beside the sources.
    let mut command = Command::new(python);
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/outside/tastytrade_reads.py"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> Option<Decimal> {
    value.as_str().map(|text| text.parse().unwrap())
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// Both words for where an order stands.
fn same_status(theirs: &str, ours: &OrderStatus) -> bool {
    match theirs {
        "Filled" => *ours == OrderStatus::Filled,
        "Live" => *ours == OrderStatus::Working,
        "Rejected" => *ours == OrderStatus::Rejected,
        "Expired" => *ours == OrderStatus::Expired,
        "Cancelled" => matches!(ours, OrderStatus::Canceled | OrderStatus::Replaced),
        "Cancel Requested" | "Replace Requested" => *ours == OrderStatus::CancelPending,
        "Received" | "Routed" | "In Flight" | "Contingent" => *ours == OrderStatus::Pending,
        _ => false,
    }
}

fn same_order(theirs: &Value, ours: &OrderView) {
    assert_eq!(theirs["id"], ours.id.0);
    assert!(same_status(theirs["status"].as_str().unwrap(), &ours.status), "{theirs}\n{ours:?}");
    assert_eq!(theirs["name"].as_str(), ours.name.as_ref().map(|name| name.0.as_str()));
    assert_eq!(
        (theirs["source"].as_str(), theirs["reason"].as_str()),
        (ours.tag.as_deref(), ours.reason.as_deref())
    );
    assert_eq!(moment(&theirs["entered"]), ours.entered);
    let sign = if ours.effect == Some(Effect::Credit) { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
    assert_eq!(number(&theirs["price"]), ours.price.map(|price| price.points() * sign), "{theirs}");

    let (mut packages, mut cash, mut legs) = (BTreeSet::new(), Decimal::ZERO, Vec::new());
    for leg in rows(&theirs["legs"]) {
        let symbol: OptionSymbol = leg["symbol"].as_str().unwrap().parse().unwrap();
        let action =
            if leg["action"].as_str().unwrap().starts_with("Buy") { LegAction::Buy } else { LegAction::Sell };
        let (_, ratio) =
            ours.legs.iter().find(|(own, _)| (own.symbol, own.action) == (symbol, action)).unwrap();
        let contracts = Decimal::from(*ratio) * Decimal::from(ours.quantity);
        assert_eq!(number(&leg["contracts"]), Some(contracts));
        let filled: Decimal =
            rows(&leg["fills"]).iter().map(|fill| number(&fill["contracts"]).unwrap()).sum();
        packages.insert(filled / Decimal::from(*ratio));
        let sign = if action == LegAction::Sell { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        cash += rows(&leg["fills"])
            .iter()
            .map(|fill| sign * number(&fill["contracts"]).unwrap() * number(&fill["price"]).unwrap())
            .sum::<Decimal>();
        legs.push(symbol);
    }
    assert_eq!(
        (legs.len(), packages),
        (ours.legs.len(), BTreeSet::from([Decimal::from(ours.filled)])),
        "{theirs}\n{ours:?}"
    );
    let told: Decimal =
        ours.fills.iter().map(|fill| sign * fill.price.points() * Decimal::from(fill.quantity)).sum();
    assert_eq!(cash, told, "{theirs}\n{ours:?}");
}

fn same_transaction(theirs: &Value, ours: &Transaction) {
    assert_eq!(theirs["id"], ours.id.to_string());
    assert_eq!(
        (theirs["order"].as_str(), theirs["symbol"].as_str()),
        (ours.order.as_ref().map(|id| id.0.as_str()), ours.symbol.as_deref())
    );
    assert_eq!(
        (theirs["kind"].as_str().unwrap(), theirs["sub_kind"].as_str()),
        (ours.kind.word(), ours.sub_kind.as_deref())
    );
    assert_eq!(
        (theirs["action"].as_str(), theirs["description"].as_str()),
        (ours.action.as_deref(), ours.description.as_deref())
    );
    let numbers = [ours.quantity, ours.price.map(Price::points), ours.value, ours.net_value, Some(ours.fees)];
    for (key, own) in ["quantity", "price", "value", "net_value", "fees"].into_iter().zip(numbers) {
        assert_eq!(number(&theirs[key]), own, "{key} of {theirs}");
    }
    assert_eq!(
        (moment(&theirs["at"]), theirs["date"].as_str().unwrap()),
        (Some(ours.at), ours.date.unwrap().to_string().as_str())
    );
    assert_eq!(theirs["estimated"], ours.fees_are_estimated);
}

async fn compare(desk: &Desk, symbols: &[OptionSymbol]) -> usize {
    let theirs = theirs(desk, symbols).await;
    let account = desk.tastytrade.account().await.unwrap();
    assert_eq!(number(&theirs["net_liquidating_value"]), account.equity);
    let shown: BTreeMap<OptionSymbol, Decimal> = theirs["positions"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(symbol, held)| (symbol.parse().unwrap(), number(held).unwrap()))
        .collect();
    assert_eq!(
        shown,
        account.positions.iter().map(|(symbol, held)| (*symbol, Decimal::from(*held))).collect()
    );

    let until = desk.now() + SignedDuration::from_hours(1);
    let orders = desk.tastytrade.orders(desk.start, until).await.unwrap();
    assert_eq!(rows(&theirs["orders"]).len(), orders.len());
    for shown in rows(&theirs["orders"]) {
        let ours = orders.iter().find(|order| shown["id"] == order.id.0).unwrap();
        same_order(shown, ours);
        assert_eq!(desk.tastytrade.order(&ours.id).await.unwrap(), *ours);
    }
    let live: BTreeSet<String> = desk
        .tastytrade
        .orders_in_haste(desk.start, until)
        .await
        .unwrap()
        .into_iter()
        .map(|order| order.id.0)
        .collect();
    assert_eq!(
        rows(&theirs["live"]).iter().map(|id| id.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
        live
    );

    let query = TransactionQuery { from: desk.start, to: until, kinds: Vec::new() };
    let transactions = desk.tastytrade.transactions(&query).await.unwrap();
    assert_eq!(rows(&theirs["transactions"]).len(), transactions.len());
    for shown in rows(&theirs["transactions"]) {
        same_transaction(
            shown,
            transactions.iter().find(|row| shown["id"].as_str() == Some(&row.id.to_string())).unwrap(),
        );
    }

    let quotes = desk.tastytrade.quotes(symbols).await.unwrap();
    for (symbol, sides) in theirs["quotes"].as_object().unwrap() {
        let quote = &quotes[&symbol.parse::<OptionSymbol>().unwrap()];
        assert_eq!(
            [number(&sides[0]), number(&sides[1])],
            [quote.bid, quote.ask].map(|side| side.map(Price::points)),
            "{symbol}"
        );
    }
    assert_eq!(theirs["quotes"].as_object().unwrap().len(), quotes.len());
    orders.len() + transactions.len() + quotes.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tastytrade; scripts/test runs it"]
async fn the_public_client_reads_the_same_account_at_every_moment() {
    let desk = Desk::open().await;
    let symbols: Vec<OptionSymbol> =
        condor().legs().iter().chain(broken_wing().legs()).map(|(leg, _)| leg.symbol).collect();
    compare(&desk, &symbols).await;

    // Filled with one and with three packages, resting, rejected, cancelled, replaced.
    desk.posted(&condor(), Effect::Credit, 2, "0.05").await;
    desk.posted(&broken_wing(), Effect::Debit, 3, "15.00").await;
    desk.posted(&Package::vertical(put()), Effect::Credit, 1, "4.02").await;
    let cancelled = desk.placed(&approved(&desk, 1, 450), "cancelled").await;
    let replaced = desk.placed(&approved(&desk, 2, 400), "replaced").await;
    compare(&desk, &symbols).await;
    desk.pass(5).await;
    desk.tastytrade.cancel(&cancelled).await;
    desk.edited_by_hand(&replaced, Effect::Credit, Price::cents(395), "second").await;
    compare(&desk, &symbols).await;
    desk.pass(10).await;
    assert_eq!(compare(&desk, &symbols).await, 6 + 8 + 8, "orders, transactions, quotes");
    desk.until("2025-09-04T16:30:00-04:00").await;
    compare(&desk, &[]).await;
}
