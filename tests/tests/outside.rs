//! The simulator and our own order JSON, checked by public clients that were written for the real service.

use std::process::Stdio;

use gamma_market::{Effect, Leg, LegAction, Package, Price, Vertical};
use gamma_schwab::order_json;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

async fn simulator() -> Simulator {
    Simulator::start(SimulatorConfig::of_2025_09_03(1).unwrap()).await.unwrap()
}

/// Runs a program of `outside/`, which must agree. Beside what schwab-py starts with it reads what is
/// `compared`.
async fn agrees(simulator: &Simulator, script: &str, compared: (&str, Value)) {
    // Long expired by the machine's clock, which is the one schwab-py goes by.
    let token = json!({
        "creation_timestamp": 1_756_900_000,
        "token": {
            "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": "simulated-refresh-token@",
            "access_token": "old", "id_token": "made-up", "expires_at": 1_756_901_800,
        },
    });
    let mut given = json!({
        "schwab_url": simulator.schwab_url(), "clock_url": simulator.clock_url(), "app_key": "simulated-app-key",
        "app_secret": "simulated-app-secret", "token": token, "start": simulator.clock().now().to_string(),
    });
    given[compared.0] = compared.1;
    assert_eq!(says(script, &[], &given).await.trim(), "agreed");
}

/// What a program of `outside/` says to `given`; it must succeed.
async fn says(script: &str, arguments: &[&str], given: &Value) -> String {
    let python = std::env::var_os("GAMMA_PYTHON")
        .expect("GAMMA_PYTHON: unset, expected a Python with the public clients; scripts/test sets it");
    let path = format!("{}/outside/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    // -B: no byte code beside the sources.
    command.arg("-B").arg(path).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A program that reads nothing may have closed it.
    let _ = input.write_all(given.to_string().as_bytes()).await;
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    let (said, trouble) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{trouble}");
    said
}

fn vertical(sell: &str, buy: &str) -> Vertical {
    Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs schwab-py; scripts/test runs it"]
async fn schwab_py_works_with_the_simulator_and_builds_the_same_order() {
    let put = Package::vertical(vertical("SPXW250904P6425", "SPXW250904P6420"));
    agrees(
        &simulator().await,
        "schwab_py.py",
        ("put_order", order_json(&put, Effect::Credit, 2, Price::cents(95))),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs schwab-py; scripts/test runs it"]
async fn schwab_py_and_we_build_the_same_four_leg_orders() {
    let condor = Package::iron_condor(
        vertical("SPXW250904P6425", "SPXW250904P6420"),
        vertical("SPXW250904C6470", "SPXW250904C6475"),
    )
    .unwrap();
    let leg = |symbol: &str, action| Leg::open(symbol.parse().unwrap(), action);
    let broken_wing = Package::custom([
        (leg("SPXW250904P6445", LegAction::Buy), 1),
        (leg("SPXW250904P6435", LegAction::Sell), 2),
        (leg("SPXW250904P6430", LegAction::Sell), 1),
        (leg("SPXW250904P6415", LegAction::Buy), 2),
    ])
    .unwrap();
    let condor = |effect, cents| order_json(&condor, effect, 2, Price::cents(cents)).to_string();
    let broken_wing = |effect, cents| order_json(&broken_wing, effect, 3, Price::cents(cents)).to_string();
    let packages = json!({
        "iron_condor": {"resting": condor(Effect::Credit, 490), "crossing": condor(Effect::Credit, 5)},
        "broken_wing": {
            "resting": broken_wing(Effect::Credit, 1400), "crossing": broken_wing(Effect::Debit, 1500), "even": broken_wing(Effect::Debit, 0),
        },
    });
    let simulator = simulator().await;
    agrees(&simulator, "schwab_py_packages.py", ("packages", packages)).await;

    // Theirs and ours were entered in turn, and the exchange understood the same by both.
    let book = simulator.book();
    let (pairs, rest) = book.posts().as_chunks::<2>();
    assert_eq!((pairs.len(), rest.len()), (4, 0));
    for [theirs, ours] in pairs {
        assert_eq!(theirs.ticket, ours.ticket);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tastytrade; scripts/test runs it"]
async fn tastytrade_works_with_the_simulator_as_with_tastytrade() {
    let simulator = simulator().await;
    let given = json!({
        "tastytrade_url": simulator.tastytrade_url(), "clock_url": simulator.clock_url(), "client_secret": "simulated-client-secret",
        "refresh_token": "simulated-tastytrade-refresh-token", "start": simulator.clock().now().to_string(),
    });
    assert_eq!(says("tastytrade_sdk.py", &[], &given).await.trim(), "agreed");
    let legs = |number: &str| {
        simulator
            .book_of(number)
            .unwrap()
            .posts()
            .iter()
            .map(|order| order.ticket.legs().len())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (legs("5WT00001"), legs("5WT00002")),
        (vec![2, 2, 2, 4, 2], Vec::new()),
        "what it says it placed is in the account's book, and nothing else"
    );
    assert!(simulator.book().posts().is_empty(), "nothing at the other broker");
}

/// What tastytrade's client adds of its own: who it is, and what only the paper API looks at.
fn without_what_they_add(mut order: Value) -> Value {
    let fields = order.as_object_mut().unwrap();
    assert_eq!(fields.remove("behavior"), Some(json!("immediate")));
    assert!(fields.remove("source").unwrap().as_str().unwrap().starts_with("tastyware/tastytrade"));
    with_plain_price(order)
}

/// Both write the price as text, theirs with the decimals it was given.
fn with_plain_price(mut order: Value) -> Value {
    let price: Price = order["price"].as_str().unwrap().parse().unwrap();
    order["price"] = price.points().normalize().to_string().into();
    order
}

/// Ours, without who we are.
fn without_what_we_add(mut order: Value) -> Value {
    assert_eq!(order.as_object_mut().unwrap().remove("source"), Some(json!(gamma_tastytrade::SOURCE)));
    with_plain_price(order)
}

#[tokio::test]
#[ignore = "needs tastytrade; scripts/test runs it"]
async fn tastytrade_builds_the_same_orders_as_ours() {
    let leg = |symbol: &str, action| Leg::open(symbol.parse().unwrap(), action);
    let put = Package::vertical(vertical("SPXW250904P6425", "SPXW250904P6420"));
    let bought = Package::vertical(vertical("SPXW250904P6420", "SPXW250904P6425"));
    let closing = put.reversed();
    let condor = Package::iron_condor(
        vertical("SPXW250904P6425", "SPXW250904P6420"),
        vertical("SPXW250904C6470", "SPXW250904C6475"),
    )
    .unwrap();
    let broken_wing = Package::custom([
        (leg("SPXW250904P6445", LegAction::Sell), 1),
        (leg("SPXW250904P6435", LegAction::Buy), 2),
        (leg("SPXW250904P6430", LegAction::Buy), 1),
        (leg("SPXW250904P6415", LegAction::Sell), 2),
    ])
    .unwrap();
    let ours = [
        ("vertical_credit", &put, Effect::Credit, 2, "0.95", None),
        ("vertical_debit", &bought, Effect::Debit, 2, "1.00", None),
        ("iron_condor", &condor, Effect::Credit, 2, "4.90", None),
        // A closing order of ours is strict about positions, and theirs was told to be.
        ("closing", &closing, Effect::Debit, 1, "3.00", None),
        ("broken_wing_credit", &broken_wing, Effect::Credit, 3, "2.35", None),
        ("broken_wing_debit", &broken_wing, Effect::Debit, 3, "15.00", None),
        ("named", &put, Effect::Credit, 1, "0.30", Some("20250903-cs-put-r1-1")),
        ("least_price", &put, Effect::Credit, 1, "0.05", None),
        ("price_of_one_decimal", &put, Effect::Credit, 1, "1.5", None),
        ("whole_price", &bought, Effect::Debit, 1, "4", None),
        ("large_price", &condor, Effect::Credit, 10, "1234.55", None),
    ];
    let theirs: Value =
        serde_json::from_str(&says("tastytrade_sdk.py", &["orders"], &Value::Null).await).unwrap();
    assert_eq!(theirs.as_object().unwrap().len(), ours.len(), "every order of theirs is compared");
    for (name, package, effect, quantity, price, named) in ours {
        let built = gamma_tastytrade::order_json(package, effect, quantity, price.parse().unwrap(), named);
        assert_eq!(without_what_they_add(theirs[name].clone()), without_what_we_add(built), "{name}");
    }
}
