//! What is none of ours and does not read makes nothing else unreadable; what could be ours must read.

use gamma_execution::ports::{Broker, BrokerFault, OrderId, OrderStatus, OrderView};
use gamma_market::OptionSymbol;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fake::{BALANCES, POSITIONS, Reply, Stage};

const LIVE: &str = "GET /accounts/5WT00001/orders/live";
const DATED: &str = "GET /accounts/5WT00001/orders";
const AT: &str = "2026-09-21T13:45:00.000+00:00";
const OURS: &str = "SPXW  260921P05900000";

fn list(rows: &[Value]) -> Reply {
    Reply::json(&json!({"data": {"items": rows}, "pagination": null}))
}

fn held(symbol: Value, quantity: Value) -> Value {
    json!({"instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "quantity-direction": "Long"})
}

async fn with_positions(rows: &[Value]) -> Stage {
    let stage = Stage::new().await;
    stage.on(BALANCES, [Reply::new(200, include_str!("../../fixtures/balances__margin.json"))]);
    stage.on(POSITIONS, [list(rows)]);
    stage
}

#[tokio::test]
async fn a_foreign_position_that_does_not_read_is_noted() {
    let (ours, one) = (held(json!(OURS), json!("2")), json!("1"));
    for (row, shown) in [
        (held(json!("2SPX  260921P05900000"), one.clone()), "2SPX  260921P05900000: "),
        (held(json!("BRK/B 260921C00400000"), one.clone()), "symbol: got \"BRK/B "),
        (held(json!("AAPL  260921C00200000"), Value::Null), "quantity: got nothing"),
        (held(json!("AAPL  260921C00200000"), json!("1.5")), "AAPL  260921C00200000: "),
        (
            json!({"instrument-type": "Equity Option", "symbol": "AAPL  260921C00200000", "quantity": 1}),
            "quantity-direction: got nothing",
        ),
        (json!({"symbol": "SPY", "quantity": "10"}), "instrument-type: got nothing"),
        (json!({"symbol": "CUSIP912810", "instrument-type": 5, "quantity": "10"}), "instrument-type: got 5"),
        (
            json!({"instrument-type": "Equity Option", "underlying-symbol": "AAPL", "quantity": "1", "quantity-direction": "Long"}),
            "symbol: got nothing",
        ),
    ] {
        let stage = with_positions(&[row.clone(), ours.clone()]).await;
        let snapshot = stage.broker.account().await.unwrap_or_else(|error| panic!("{row}: {error}"));
        assert_eq!(snapshot.positions, [(OURS.parse().unwrap(), 2)].into(), "{row}");
        assert!(
            matches!(snapshot.unreadable.as_slice(), [note] if note.contains(shown)),
            "{row}: {:?}",
            snapshot.unreadable
        );
    }
    // What is no option needs no quantity: it is not looked at.
    for row in [
        json!({"instrument-type": "Equity", "symbol": "SPY"}),
        json!({"instrument-type": "Future Option", "symbol": "./ESZ6 EW3U6 260918P5900", "quantity": {}}),
        json!({"instrument-type": "Cryptocurrency", "symbol": "BTC/USD", "quantity": "0.12345"}),
        held(json!("2SPX  260921P05900000"), json!("0")),
    ] {
        let snapshot = with_positions(&[row.clone(), ours.clone()]).await.broker.account().await.unwrap();
        assert_eq!((snapshot.positions.len(), snapshot.unreadable), (1, vec![]), "{row}");
    }
}

#[tokio::test]
async fn a_position_that_may_be_ours_must_read() {
    for row in [
        held(json!(OURS), Value::Null),
        held(json!("SPXW 260921P5900"), json!("1")),
        held(json!("SPX"), json!("1")),
        held(json!("XSP   260921P0059000"), json!("1")),
        held(json!("spxw"), json!("1")),
        held(json!(""), json!("1")),
        held(Value::Null, json!("1")),
        held(json!(5), json!("1")),
        json!({"symbol": OURS, "quantity": "1", "quantity-direction": "Long"}),
        json!({"instrument-type": "Equity Option", "underlying-symbol": "SPX", "quantity": "1", "quantity-direction": "Long"}),
        json!({"instrument-type": null}),
    ] {
        let error = with_positions(std::slice::from_ref(&row)).await.broker.account().await.unwrap_err();
        assert!(matches!(error.fault, BrokerFault::Malformed(_)), "{row}: {error}");
    }
}

fn leg(symbol: Value, quantity: Value) -> Value {
    json!({"instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "action": "Buy to Open", "fills": []})
}

fn order(id: Value, status: Value, legs: Value) -> Value {
    json!({"id": id, "status": status, "size": 1, "received-at": AT, "legs": legs})
}

async fn listed(rows: &[Value]) -> Result<[Vec<OrderView>; 3], gamma_execution::ports::BrokerError> {
    let stage = Stage::new().await;
    stage.on(LIVE, [list(rows)]);
    stage.on(DATED, [list(rows)]);
    let (from, to): (Timestamp, Timestamp) =
        ("2026-09-21T04:00:00Z".parse().unwrap(), "2026-09-22T04:00:00Z".parse().unwrap());
    let orders = stage.broker.orders(from, to).await?;
    Ok([orders, stage.broker.orders_in_haste(from, to).await?, stage.broker.working_orders().await?.orders])
}

#[tokio::test]
async fn a_foreign_order_that_does_not_read_is_kept() {
    let apple = || leg(json!("AAPL  260921C00200000"), json!(1));
    let bare =
        |symbol: &str| json!({"instrument-type": "Equity Option", "symbol": symbol, "action": "Buy to Open"});
    let ours = || leg(json!(OURS), json!(1));
    let named = |mut order: Value, source: &str| {
        order["external-identifier"] = json!("a name of somebody's");
        order["source"] = json!(source);
        order
    };
    let symbol: OptionSymbol = OURS.parse().unwrap();
    let touching = |order: Value, touches: bool| (order, touches);
    for (row, touches) in [
        touching(order(json!(7), Value::Null, json!([apple()])), false),
        touching(order(json!(7), json!("Live"), json!([bare("AAPL  260921C00200000")])), false),
        touching(
            order(
                json!(7),
                Value::Null,
                json!([{"instrument-type": "Future", "symbol": "/ESZ6", "quantity": "x"}]),
            ),
            false,
        ),
        touching(
            order(json!(7), Value::Null, json!([{"instrument-type": "Cryptocurrency", "symbol": "BTC/USD"}])),
            false,
        ),
        touching(order(json!(7), Value::Null, json!([leg(json!("2SPX  260921P05900000"), json!(1))])), false),
        touching(json!({"id": 7, "status": null, "underlying-symbol": "AAPL", "legs": {}}), false),
        // Of these nobody knows, or knows that they do.
        touching(order(json!(7), Value::Null, json!([ours()])), true),
        touching(order(json!(7), json!("Live"), json!([bare(OURS)])), true),
        touching(order(json!(7), Value::Null, json!([apple(), leg(json!("SPXW"), json!(1))])), true),
        touching(order(json!(7), Value::Null, json!([leg(Value::Null, json!(1))])), true),
        touching(order(json!(7), json!("Live"), json!({})), true),
        touching(order(json!(7), json!("Live"), json!("none")), true),
        touching(order(json!(7), Value::Null, json!([])), true),
        touching(named(order(json!(7), Value::Null, json!([ours()])), "WBT"), true),
    ] {
        let readable = order(json!(9), json!("Live"), json!([ours()]));
        for orders in listed(&[row.clone(), readable]).await.unwrap_or_else(|error| panic!("{row}: {error}"))
        {
            let [kept, other] = orders.as_slice() else { panic!("{row}: {orders:?}") };
            assert_eq!(
                (kept.id.0.as_str(), other.id.0.as_str(), &other.unreadable),
                ("7", "9", &None),
                "{row}"
            );
            assert!(kept.unreadable.as_ref().is_some_and(|why| why.contains("got")), "{row}: {kept:?}");
            assert_eq!(kept.may_touch(symbol), touches, "{row}: {kept:?}");
            assert!(!kept.is_settled(1) && !kept.status.is_terminal(), "{row}: {kept:?}");
            assert_eq!(kept.entered.is_some(), row["received-at"].is_string(), "{row}: {kept:?}");
        }
    }
}

#[tokio::test]
async fn an_order_that_may_be_ours_must_read() {
    let ours = json!([leg(json!(OURS), json!(1))]);
    let apple = json!([leg(json!("AAPL  260921C00200000"), json!(1))]);
    let mut named = order(json!(7), Value::Null, ours.clone());
    named["external-identifier"] = json!("20260921-constant_stable-put-r1-1");
    let mut sent = named.clone();
    sent["source"] = json!("gamma-trading/0.0.9");
    let mut odd = named.clone();
    odd["external-identifier"] = json!(["20260921-constant_stable-put-r1-1"]);
    for row in [
        order(Value::Null, json!("Live"), ours.clone()),
        order(json!("x7"), json!("Live"), ours),
        order(Value::Null, json!("Live"), json!([])),
        order(Value::Null, json!("Live"), json!([leg(json!("XSP"), json!(1))])),
        named,
        sent,
        odd,
        json!(null),
        json!("order"),
    ] {
        let error = listed(std::slice::from_ref(&row)).await.unwrap_err();
        assert!(matches!(error.fault, BrokerFault::Malformed(_)), "{row}: {error}");
    }
    for orders in
        listed(&[order(Value::Null, json!("Live"), apple), order(json!(9), json!("Live"), json!([]))])
            .await
            .unwrap()
    {
        let [readable, odd] = orders.as_slice() else { panic!("{orders:?}") };
        assert!(
            readable.id.0 == "9"
                && odd.id.0.ends_with("without an id")
                && !odd.may_touch(OURS.parse().unwrap()),
            "{orders:?}"
        );
    }
}

#[tokio::test]
async fn an_order_asked_for_by_its_id_must_read() {
    let stage = Stage::new().await;
    for row in [
        order(json!(7), Value::Null, json!([])),
        order(json!(7), json!("Live"), json!([leg(json!("AAPL  260921C00200000"), Value::Null)])),
    ] {
        stage.on("GET /accounts/5WT00001/orders/7", [Reply::json(&json!({"data": row}))]);
        let error = stage.broker.order(&OrderId("7".into())).await.unwrap_err();
        assert!(matches!(error.fault, BrokerFault::Malformed(_)), "{error}");
    }
}

/// Pages are told apart by ids: one that is made up is the same wherever the row stands.
#[tokio::test]
async fn a_row_without_an_id_is_counted_on_its_page() {
    let told = |rows: &[Value]| {
        Reply::json(&json!({"data": {"items": rows}, "pagination": {"total-items": 3, "total-pages": 2}}))
    };
    let nameless = |symbol: &str| order(Value::Null, json!("Live"), json!([leg(json!(symbol), json!(1))]));
    let rows = [
        nameless("AAPL  260921C00200000"),
        order(json!(9), json!("Live"), json!([])),
        nameless("AAPL  260921C00210000"),
    ];
    let stage = Stage::new().await;
    stage.on(LIVE, [list(&[])]);
    stage.on(DATED, [told(&rows[..2]), told(&rows[2..])]);
    assert_eq!(stage.broker.working_orders().await.unwrap().orders.len(), 3);
}

#[tokio::test]
async fn of_two_readings_of_an_order_the_one_that_reads_stands() {
    let stage = Stage::new().await;
    let legs = json!([leg(json!("AAPL  260921C00200000"), json!(1))]);
    stage.on(
        LIVE,
        [list(&[
            order(
                json!(7),
                json!("Cancelled"),
                json!([{"instrument-type": "Equity", "symbol": "A"}, leg(json!("A"), Value::Null)]),
            ),
            order(json!(8), Value::Null, legs.clone()),
        ])],
    );
    stage.on(DATED, [list(&[order(json!(8), json!("Live"), legs)])]);
    let (from, to) = ("2026-09-21T04:00:00Z".parse().unwrap(), "2026-09-22T04:00:00Z".parse().unwrap());
    let orders = stage.broker.orders(from, to).await.unwrap();
    let shown: Vec<_> =
        orders.iter().map(|view| (view.id.0.as_str(), &view.status, view.unreadable.is_none())).collect();
    assert_eq!(shown, [("7", &OrderStatus::Canceled, true), ("8", &OrderStatus::Working, true)]);
}
