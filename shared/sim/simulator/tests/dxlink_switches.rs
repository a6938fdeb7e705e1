//! What can be different about the stream: every switch does what it says, and is on record only where it
//! did.

use crate::streaming;

use std::time::Duration;

use crate::streaming::{End, QUOTE, Stage, TOKEN, channel_request, feed_setup, rows};
use gamma_simulator::dxlink::{DxLinkConfig, HangUp, Switch, Which};
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

const PUT: &str = ".SPXW250904P6425";
const CALL: &str = ".SPXW250904C6450";

fn types(heard: &[Value]) -> Vec<&str> {
    heard.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, got {value}"))
}

#[tokio::test]
async fn an_upgrade_is_refused() {
    let stage = Stage::start().await;
    stage.simulator.dxlink().once(Switch::RefuseUpgrade(502));
    let Err(Error::Http(response)) = connect_async(stage.simulator.dxlink_url()).await else {
        panic!("expected a refusal")
    };
    assert_eq!(response.status(), 502);
    stage.authorized().await;
    assert_eq!(stage.fired(&Switch::RefuseUpgrade(502)), [(0, "upgrade".to_owned())]);
    assert_eq!(stage.simulator.dxlink().counters().upgrades_refused, 1);

    // The plan that stands before every face stands before this one too.
    stage
        .simulator
        .faults()
        .add(Rule::on(Route::AnyOf(Service::DxLink)).fault(Fault::ServerError(503, When::BeforeEffect)));
    let Err(Error::Http(response)) = connect_async(stage.simulator.dxlink_url()).await else {
        panic!("expected a refusal")
    };
    assert_eq!((response.status().as_u16(), stage.simulator.faults().fired().len()), (503, 1));
}

#[tokio::test]
async fn a_good_token_is_refused() {
    let stage = Stage::start().await;
    stage.simulator.dxlink().once(Switch::AuthRefused);
    let mut client = stage.connect().await;
    client.send(json!({ "type": "SETUP", "channel": 0, "version": "0.1-test" })).await;
    client.send(json!({ "type": "AUTH", "channel": 0, "token": streaming::TOKEN })).await;
    let (heard, end) = client.rest().await;
    assert_eq!((heard.len(), &heard[2]["state"], end), (3, &json!("UNAUTHORIZED"), End::Closed(1000)));
    stage.authorized().await;
    assert_eq!(stage.fired(&Switch::AuthRefused), [(1, "AUTH".to_owned())]);
}

#[tokio::test]
async fn a_frozen_connection_is_open_and_says_nothing() {
    let moment = Duration::from_millis(100);
    let keepalive_timeout = Duration::from_secs(1);
    let stage =
        Stage::with(|config| config.dxlink = DxLinkConfig { keepalive_timeout, ..DxLinkConfig::default() })
            .await;
    let mut client = stage.quoting().await;
    client.add(1, "Quote", &["SPX"]).await;
    client.said().await;
    stage.set(Switch::Freeze);
    assert_eq!(stage.fired(&Switch::Freeze), [(1, "connection".to_owned())]);
    stage.pass(60).await;
    client.send(json!({ "type": "SETUP", "channel": 0, "version": "0.1-test" })).await;
    assert!(client.hears_nothing(moment).await);
    let mut later = stage.connect().await;
    later.send(json!({ "type": "SETUP", "channel": 0, "version": "0.1-test" })).await;
    assert!(later.hears_nothing(moment).await);
    stage.simulator.dxlink().clear();
    stage.authorized().await;
    client.send(json!({ "type": "KEEPALIVE", "channel": 0 })).await;
    assert!(
        client.hears_nothing(keepalive_timeout + 3 * moment).await,
        "it stays frozen, and open though the client's time is over"
    );
}

#[tokio::test]
async fn connections_end_now() {
    let stage = Stage::start().await;
    for (how, end) in [
        (HangUp::Close(1000), End::Closed(1000)),
        (HangUp::Close(1011), End::Closed(1011)),
        (HangUp::Cut, End::Lost),
    ] {
        let mut clients = [stage.quoting().await, stage.authorized().await];
        assert_eq!(stage.simulator.dxlink().hang_up(how), 2);
        for client in &mut clients {
            assert_eq!(client.end().await, end);
        }
    }
}

#[tokio::test]
async fn a_connection_ends_after_so_many_messages() {
    let stage = Stage::start().await;
    for (how, expected) in [(HangUp::Close(1000), End::Closed(1000)), (HangUp::Cut, End::Lost)] {
        let switch = Switch::CloseAfter(6, how);
        stage.simulator.dxlink().once(switch.clone());
        // SETUP, two AUTH_STATE, CHANNEL_OPENED and FEED_CONFIG are five.
        let mut client = stage.quoting().await;
        client.add(1, "Quote", &["SPX"]).await;
        let (heard, end) = client.rest().await;
        assert_eq!((types(&heard), end), (vec!["FEED_DATA"], expected));
        assert_eq!(stage.fired(&switch).len(), 1);
        stage.quoting().await.said().await;
    }
}

#[tokio::test]
async fn a_shorter_limit_of_messages() {
    let stage = Stage::start().await;
    let switch = Switch::MessageLimit(200);
    stage.set(switch.clone());
    let mut client = stage.authorized().await;
    client.open(1).await;
    assert!(stage.fired(&switch).is_empty());
    client.add(1, "Quote", &["SPX"; 10]).await;
    assert_eq!(client.end().await, End::Closed(1009));
    assert_eq!(stage.fired(&switch).len(), 1);
}

#[tokio::test]
async fn channels_close_unasked() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    client.open(3).await;
    client.add(1, "Quote", &["SPX"]).await;
    client.said().await;
    assert_eq!(stage.simulator.dxlink().close_channels(), 2);
    assert_eq!(client.next().await, json!({ "type": "CHANNEL_CLOSED", "channel": 1 }));
    assert_eq!(client.next().await, json!({ "type": "CHANNEL_CLOSED", "channel": 3 }));
    stage.pass(60).await;
    assert_eq!(client.said().await, Vec::<Value>::new());
    client.open(1).await;
}

#[tokio::test]
async fn a_config_is_lazy_late_or_never_comes() {
    let asked = feed_setup(1, json!({ "Quote": QUOTE, "Trade": ["eventSymbol", "price"] }));
    let whole = json!({ "Quote": QUOTE });
    for (switch, at_setup, with_data) in [
        (Switch::LazyConfig, vec![None], vec!["FEED_CONFIG", "FEED_DATA"]),
        (Switch::ConfigAfterData, vec![], vec!["FEED_DATA", "FEED_CONFIG"]),
        (Switch::NoConfig, vec![], vec!["FEED_DATA"]),
    ] {
        let stage = Stage::start().await;
        stage.set(switch.clone());
        let mut client = stage.authorized().await;
        client.open(1).await;
        client.send(asked.clone()).await;
        let heard = client.said().await;
        assert_eq!(
            heard.iter().map(|config| config.get("eventFields")).collect::<Vec<_>>(),
            at_setup,
            "{switch:?}"
        );
        client.add(1, "Quote", &["SPX"]).await;
        let heard = client.said().await;
        assert_eq!(types(&heard), with_data, "{switch:?}");
        for message in heard {
            match message["type"].as_str() {
                Some("FEED_CONFIG") => {
                    assert_eq!(message["eventFields"], whole, "only the type that is told of")
                }
                _ => assert_eq!(rows(&message, QUOTE.len()).len(), 1, "written as asked"),
            }
        }
        stage.pass(60).await;
        assert_eq!(types(&client.said().await), ["FEED_DATA"], "{switch:?}: it is told once");
        assert_eq!(stage.fired(&switch), [(1, "FEED_SETUP of channel 1".to_owned())]);
    }
}

#[tokio::test]
async fn fields_come_in_another_order_or_are_missing() {
    let stage = Stage::start().await;
    let without = Switch::WithoutFields(vec!["askSize".into(), "petals".into()]);
    stage.set(without.clone());
    stage.set(Switch::OwnFieldOrder);
    let mut client = stage.authorized().await;
    client.open(1).await;
    client.send(feed_setup(1, json!({ "Quote": ["askPrice", "askSize", "bidPrice", "eventSymbol"] }))).await;
    assert_eq!(
        client.next().await["eventFields"],
        json!({ "Quote": ["eventSymbol", "bidPrice", "askPrice"] })
    );
    client.add(1, "Quote", &["SPX"]).await;
    let row = &rows(&client.next().await, 3)[0];
    assert!(row[0] == "SPX" && number(&row[1]) < number(&row[2]), "{row:?}");
    assert_eq!((stage.fired(&without).len(), stage.fired(&Switch::OwnFieldOrder).len()), (1, 1));
    client.send(feed_setup(1, json!({ "Quote": ["eventSymbol", "bidPrice"] }))).await;
    client.said().await;
    assert_eq!(
        (stage.fired(&without).len(), stage.fired(&Switch::OwnFieldOrder).len()),
        (1, 1),
        "nothing was different"
    );
}

#[tokio::test]
async fn full_is_given_to_who_asks() {
    let stage = Stage::start().await;
    stage.set(Switch::HonourFull);
    let mut client = stage.quoting().await;
    client.add(1, "Quote", &["VIX"]).await;
    assert_eq!(client.next().await["data"][0], "Quote", "who asks for COMPACT gets it");
    client.send(json!({ "type": "FEED_SETUP", "channel": 1, "acceptDataFormat": "FULL", "acceptEventFields": { "Quote": ["bidPrice", "askSize"] } })).await;
    assert_eq!(client.next().await["dataFormat"], "FULL");
    client.add(1, "Quote", &["SPX", PUT]).await;
    let data = client.next().await["data"].clone();
    assert_eq!(
        (data.as_array().unwrap().len(), &data[0]["eventType"], &data[0]["eventSymbol"], &data[0]["askSize"]),
        (2, &json!("Quote"), &json!("SPX"), &json!("NaN"))
    );
    assert!(data[1]["bidPrice"].is_f64() && data[1].get("askPrice").is_none(), "{data}");
    assert_eq!(stage.fired(&Switch::HonourFull).len(), 1);
}

#[tokio::test]
async fn symbols_or_all_events_are_silent() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    let silent = Switch::Silent(Which::only(PUT));
    stage.set(silent.clone());
    client.add(1, "Quote", &["SPX", PUT]).await;
    assert_eq!(client.quoted().await, ["SPX"]);
    assert_eq!(stage.fired(&silent), [(1, format!("Quote {PUT}"))]);
    stage.set(Switch::KeepaliveOnly);
    stage.pass(60).await;
    assert!(client.quoted().await.is_empty());
    assert_eq!(stage.fired(&Switch::KeepaliveOnly).len(), 1);
    stage.simulator.dxlink().clear();
    stage.simulator.dxlink().deliver();
    assert_eq!(client.quoted().await, [PUT, "SPX"], "what was withheld is still due");
}

#[tokio::test]
async fn some_legs_come_later() {
    let stage = Stage::start().await;
    let switch = Switch::Partial(2);
    stage.set(switch.clone());
    let mut client = stage.quoting().await;
    let legs = [PUT, ".SPXW250904P6420", CALL, ".SPXW250904C6455"];
    client.add(1, "Quote", &legs).await;
    assert_eq!(client.quoted().await, legs[..2], "and no more until something moves");
    assert!(client.quoted().await.is_empty());
    stage.simulator.dxlink().deliver();
    let mut rest = client.quoted().await;
    rest.sort();
    assert_eq!(rest, [".SPXW250904C6450", ".SPXW250904C6455"], "a step of the test's");
    client.add(1, "Quote", &["SPX", "VIX", ".SPXW250904P6000"]).await;
    assert_eq!(client.quoted().await, ["SPX", "VIX"]);
    stage.pass(1).await;
    assert!(client.quoted().await.contains(&".SPXW250904P6000".to_owned()), "a step of time");
    client.add(1, "Quote", &[".SPXW250904P6100", "TULIP", ".SPXW250904P6105"]).await;
    assert_eq!(client.quoted().await.len(), 2);
    assert_eq!(stage.fired(&switch).len(), 2, "two rows are not cut");
}

#[tokio::test]
async fn rows_are_packed_otherwise() {
    let stage = Stage::start().await;
    let symbols = ["SPX", "VIX", PUT];
    let mut client = stage.quoting().await;
    let reset = |kinds: &[&str]| {
        let add: Vec<Value> = kinds
            .iter()
            .flat_map(|kind| symbols.map(|symbol| json!({ "type": kind, "symbol": symbol })))
            .collect();
        json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "reset": true, "add": add })
    };
    client.send(feed_setup(1, json!({ "Trade": ["eventSymbol", "price"] }))).await;
    client.next().await;

    stage.set(Switch::RowsPerFrame(2));
    client.send(reset(&["Quote"])).await;
    let counts: Vec<usize> = client.said().await.iter().map(|frame| rows(frame, QUOTE.len()).len()).collect();
    assert_eq!(counts, [2, 1]);
    stage.simulator.dxlink().clear();

    stage.set(Switch::TypesTogether);
    client.send(reset(&["Quote"])).await;
    assert_eq!(types(&client.said().await), ["FEED_DATA"]);
    assert!(stage.fired(&Switch::TypesTogether).is_empty(), "there was one type");
    client.send(reset(&["Trade", "Quote"])).await;
    let [frame] = &client.said().await[..] else { panic!("expected one frame") };
    let data = frame["data"].as_array().unwrap();
    assert_eq!(
        (&data[0], data[1].as_array().unwrap().len(), &data[2], data[3].as_array().unwrap().len()),
        (&json!("Quote"), 18, &json!("Trade"), 6)
    );
    stage.simulator.dxlink().clear();

    stage.set(Switch::DuplicateRows);
    client.send(reset(&["Quote"])).await;
    let quotes = client.quotes().await;
    assert_eq!((quotes.len(), &quotes[0]), (6, &quotes[1]));
    stage.simulator.dxlink().clear();

    stage.simulator.dxlink().once(Switch::BrokenBlock);
    client.send(reset(&["Quote"])).await;
    assert_eq!(client.next().await["data"][1].as_array().unwrap().len(), 3 * QUOTE.len() - 1);
    client.send(reset(&["Quote"])).await;
    assert_eq!(client.quotes().await.len(), 3);
    for switch in [Switch::RowsPerFrame(2), Switch::TypesTogether, Switch::DuplicateRows, Switch::BrokenBlock]
    {
        assert_eq!(stage.fired(&switch).len(), 1, "{switch:?}");
    }
}

#[tokio::test]
async fn quotes_are_crossed_locked_or_one_sided() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    let again = json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "reset": true, "add": streaming::pairs("Quote", &[PUT, "SPX"]) });
    client.send(again.clone()).await;
    let plain = client.quotes().await;
    for (switch, expected) in [
        (Switch::Crossed(Which::only(PUT)), [&plain[0][3], &plain[0][2]]),
        (Switch::Locked(Which::only(PUT)), [&plain[0][3], &plain[0][3]]),
        (Switch::OneSided(Which::only(PUT)), [&plain[0][2], &json!("NaN")]),
    ] {
        stage.set(switch.clone());
        client.send(again.clone()).await;
        let quotes = client.quotes().await;
        assert_eq!(
            (&quotes[0][2], &quotes[0][3], &quotes[1]),
            (expected[0], expected[1], &plain[1]),
            "{switch:?}"
        );
        assert_eq!(stage.fired(&switch), [(1, format!("Quote {PUT}"))]);
        stage.simulator.dxlink().clear();
        // As soon as the switch is off, the quote is right again, though the market has not moved.
        stage.simulator.dxlink().deliver();
        assert_eq!(client.quotes().await, plain[..1], "{switch:?}");
    }
    stage.set(Switch::OneSided(Which::Every));
    client.send(again).await;
    assert!(client.quotes().await.iter().all(|row| row[3] == "NaN" && row[5] == "NaN" && row[2].is_f64()));
}

#[tokio::test]
async fn quotes_are_of_long_ago_or_carry_their_time() {
    let stage = Stage::start().await;
    let mut client = stage.authorized().await;
    client.open(1).await;
    client.send(feed_setup(1, json!({ "Quote": ["bidPrice", "bidTime", "askTime"] }))).await;
    client.next().await;
    let again = json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "reset": true, "add": streaming::pairs("Quote", &["SPX"]) });
    let began = stage.simulator.clock().now().as_millisecond();
    stage.pass(40).await;
    client.send(again.clone()).await;
    let early = rows(&client.next().await, 3)[0].clone();
    assert_eq!(early[1..], [json!(0), json!(0)]);
    stage.pass(25).await;
    client.said().await;

    let stale = Switch::Stale(Duration::from_secs(25));
    stage.set(stale.clone());
    client.send(again.clone()).await;
    assert_eq!(
        rows(&client.next().await, 3)[0],
        [early[0].clone(), json!(began + 40_000), json!(began + 40_000)]
    );
    assert_eq!(stage.fired(&stale), [(1, "Quote SPX".to_owned())]);
    stage.simulator.dxlink().clear();
    stage.set(Switch::Stale(Duration::from_secs(3600)));
    client.send(again.clone()).await;
    assert_eq!(rows(&client.next().await, 3)[0][1], json!(began), "there is nothing before the start");
    stage.simulator.dxlink().clear();

    stage.set(Switch::Stamped);
    client.send(again).await;
    assert_eq!(rows(&client.next().await, 3)[0][1..], [json!(began + 65_000), json!(began + 65_000)]);
    assert_eq!(stage.fired(&Switch::Stamped).len(), 1);
}

#[tokio::test]
async fn the_service_can_be_away() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    stage.simulator.refuse(Service::DxLink, true).unwrap();
    assert_eq!(client.end().await, End::Lost);
    assert!(connect_async(stage.simulator.dxlink_url()).await.is_err());
    stage.simulator.refuse(Service::DxLink, false).unwrap();
    let mut client = stage.authorized().await;
    client.send(channel_request(1)).await;
    assert_eq!(client.next().await["type"], "CHANNEL_OPENED");
}

#[tokio::test]
async fn a_token_is_asked_for_late_twice_or_again() {
    let wanted = json!({ "type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED" });
    let setup = json!({ "type": "SETUP", "channel": 0, "version": "0.1-test", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60 });
    let token = json!({ "type": "AUTH", "channel": 0, "token": TOKEN });
    for (switch, before, after) in [
        (Switch::AsksLate, 0, 0),
        (Switch::AsksTwice, 2, 0),
        (Switch::FirstAuthUnheard, 1, 1),
        (Switch::SessionNotFound, 1, 0),
    ] {
        let stage = Stage::start().await;
        stage.simulator.dxlink().once(switch.clone());
        let mut client = stage.connect().await;
        client.send(setup.clone()).await;
        assert_eq!(client.next().await["type"], "SETUP");
        for _ in 0..before {
            assert_eq!(client.next().await, wanted, "{switch:?}");
        }
        client.send(token.clone()).await;
        if switch == Switch::AsksLate {
            assert_eq!(client.said().await, [] as [Value; 0], "a token that came unasked is read over");
            stage.simulator.dxlink().deliver();
            assert_eq!(client.next().await, wanted);
            client.send(token.clone()).await;
        }
        for _ in 0..after {
            assert_eq!(client.next().await, wanted, "{switch:?}");
            client.send(token.clone()).await;
        }
        if switch == Switch::SessionNotFound {
            let (heard, end) = client.rest().await;
            assert_eq!((&heard[0]["error"], end), (&json!("UNAUTHORIZED"), End::Closed(1000)), "{heard:?}");
            assert!(heard[0]["message"].as_str().unwrap().contains("Session not found"), "{heard:?}");
        } else {
            assert_eq!(client.next().await["state"], "AUTHORIZED", "{switch:?}");
        }
        assert_eq!(stage.fired(&switch).len(), 1);
    }
}
