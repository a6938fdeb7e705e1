//! Orders that work, whenever they were entered.

use gamma_execution::ports::{Broker, BrokerFault, OrderId, WorkingOrders};
use serde_json::{Value, json};

use super::fake::{Reply, Stage};

const LIVE: &str = "GET /accounts/5WT00001/orders/live";
const DATED: &str = "GET /accounts/5WT00001/orders";

/// The test's clock begins at 2026-09-21T17:00:00Z.
const TODAY: &str = "2026-09-21T13:45:00.000+00:00";
const LAST_WEEK: &str = "2026-09-14T15:00:00.000+00:00";

fn row(id: u64, status: &str, at: &str) -> Value {
    json!({"id": id, "status": status, "received-at": at, "time-in-force": "GTC", "legs": []})
}

fn list(rows: &[Value], pagination: &Value) -> Reply {
    Reply::json(&json!({"data": {"items": rows}, "pagination": pagination}))
}

fn shown(working: &WorkingOrders) -> Vec<String> {
    working.orders.iter().map(|view| format!("{} {}", view.id, view.status)).collect()
}

#[tokio::test]
async fn orders_of_earlier_days_that_work_are_shown() {
    for (name, live, dated) in [
        (
            "in both lists",
            vec![row(7, "Live", LAST_WEEK), row(9, "Live", TODAY)],
            vec![row(7, "Live", LAST_WEEK), row(9, "Live", TODAY)],
        ),
        ("in today's list alone", vec![row(7, "Live", LAST_WEEK), row(9, "Live", TODAY)], vec![]),
        ("in the search alone", vec![row(9, "Live", TODAY)], vec![row(7, "Live", LAST_WEEK)]),
    ] {
        let stage = Stage::new().await;
        stage.on(LIVE, [list(&live, &Value::Null)]);
        stage.on(DATED, [list(&dated, &Value::Null)]);
        let working = stage.broker.working_orders().await.unwrap();
        assert_eq!(shown(&working), ["7 working", "9 working"], "{name}");
        assert_eq!(working.since.unwrap().to_string(), "2025-09-21T17:00:00Z", "{name}");
        assert_eq!(
            (stage.seen(LIVE).len(), stage.seen(DATED).len()),
            (1, 1),
            "{name}: one round trip, side by side"
        );
        let asked = &stage.seen(DATED)[0].query;
        assert!(asked.starts_with("start-at=2025-09-21T17%3A00%3A00.000Z&status%5B%5D=Received&"), "{asked}");
        for word in
            ["Routed", "In%20Flight", "Live", "Cancel%20Requested", "Replace%20Requested", "Contingent"]
        {
            assert!(asked.contains(&format!("&status%5B%5D={word}&")), "{asked}");
        }
        assert!(!asked.contains("end-at"), "an order entered this moment works too: {asked}");
    }
}

#[tokio::test]
async fn what_ended_between_the_two_lists_is_over() {
    let stage = Stage::new().await;
    stage.on(LIVE, [list(&[row(7, "Cancelled", LAST_WEEK)], &Value::Null)]);
    stage.on(DATED, [list(&[row(7, "Live", LAST_WEEK)], &Value::Null)]);
    assert_eq!(shown(&stage.broker.working_orders().await.unwrap()), [""; 0]);
}

#[tokio::test]
async fn working_orders_of_many_pages_are_all_read() {
    let told = json!({"per-page": 200, "total-items": 201, "total-pages": 2});
    let rows: Vec<Value> = (0..201).map(|id| row(id, "Live", LAST_WEEK)).collect();
    let stage = Stage::new().await;
    stage.on(LIVE, [list(&[], &Value::Null)]);
    stage.on(DATED, [list(&rows[..200], &told), list(&rows[200..], &told)]);
    assert_eq!(stage.broker.working_orders().await.unwrap().orders.len(), 201);

    let short = Stage::new().await;
    short.on(LIVE, [list(&[], &Value::Null)]);
    short.on(DATED, [list(&rows[..200], &told)]);
    let error = short.broker.working_orders().await.unwrap_err();
    assert!(matches!(&error.fault, BrokerFault::Malformed(text) if text.contains("expected 201")), "{error}");
}

/// Today's list holds older orders that work too, so a search that the broker does not take costs no day; the
/// notes say how far it goes.
#[tokio::test]
async fn a_search_the_broker_refuses_leaves_todays_list() {
    let stage = Stage::new().await;
    stage.on(LIVE, [list(&[row(9, "Live", TODAY)], &Value::Null)]);
    stage.on(DATED, [Reply::new(400, r#"{"error":{"code":"validation_error","errors":[{"domain":"start-at","reason":"too long ago"}]}}"#)]);
    let working = stage.broker.working_orders().await.unwrap();
    assert_eq!(
        (shown(&working), working.since.unwrap().to_string()),
        (vec!["9 working".to_owned()], "2026-09-21T04:00:00Z".to_owned())
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_an_empty_one() {
    for (target, answer) in [
        (LIVE, Reply::new(503, "<html>")),
        (DATED, Reply::new(503, "<html>")),
        (LIVE, Reply::new(403, "<html>Access Denied</html>")),
        (DATED, Reply::new(200, "")),
        (LIVE, Reply::new(200, "{}")),
        // The account is there: a 404 says that something else answered.
        (LIVE, Reply::new(404, r#"{"error":{"code":"record_not_found"}}"#)),
        (DATED, Reply::new(404, r#"{"error":{"code":"record_not_found"}}"#)),
    ] {
        let stage = Stage::new().await;
        stage.on(LIVE, [list(&[row(9, "Live", TODAY)], &Value::Null)]);
        stage.on(DATED, [list(&[], &Value::Null)]);
        stage.on(target, [answer]);
        let error = stage.broker.working_orders().await.unwrap_err();
        assert!(error.fault.may_pass(), "{target}: {error}");
    }
}

#[tokio::test]
async fn an_order_that_takes_the_place_of_another_names_it() {
    let stage = Stage::new().await;
    let mut old = row(7, "Cancelled", LAST_WEEK);
    old["replacing-order-id"] = json!(9);
    let mut new = row(9, "Live", TODAY);
    new["replaces-order-id"] = json!("7");
    stage.on(LIVE, [list(&[old, new], &Value::Null)]);
    stage.on(DATED, [list(&[], &Value::Null)]);
    let working = stage.broker.working_orders().await.unwrap();
    assert_eq!(
        (shown(&working), &working.orders[0].linked),
        (vec!["9 working".to_owned()], &vec![OrderId("7".into())])
    );
    let all = stage.broker.orders_in_haste(LAST_WEEK.parse().unwrap(), TODAY.parse().unwrap()).await.unwrap();
    let linked: Vec<_> = all.iter().map(|view| (view.status.to_string(), view.linked.clone())).collect();
    assert_eq!(
        linked,
        [
            ("replaced".to_owned(), vec![OrderId("9".into())]),
            ("working".to_owned(), vec![OrderId("7".into())])
        ]
    );
}
