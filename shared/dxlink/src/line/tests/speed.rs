//! What a connection and its questions cost beside the network, for people: `cargo test -p gamma-dxlink speed
//! -- --nocapture`.

use std::time::Instant;

use super::*;

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "measures real time, and only prints it")]
async fn a_first_and_a_second_package_quote() {
    let server = Server::start().await;
    let legs = symbols(&LEGS);
    let script = async {
        let mut peer = server.greeted().await;
        for price in [1, 2] {
            peer.asked().await;
            let rows: Vec<Value> = LEGS
                .iter()
                .flat_map(|name| {
                    [
                        json!("Quote"),
                        json!(name),
                        json!(price),
                        json!(price),
                        json!(1),
                        json!(1),
                        json!(0),
                        json!(0),
                    ]
                })
                .collect();
            peer.say(json!({"type": "FEED_DATA", "channel": 1, "data": ["Quote", rows]})).await;
            peer.unsubscribed().await;
        }
    };
    let asking = async {
        let begun = Instant::now();
        let link = connect(&server);
        let first = link.quotes(&legs, PATIENCE).await.unwrap();
        let connected = begun.elapsed();
        let second = link.quotes(&legs, PATIENCE).await.unwrap();
        println!(
            "connection and first package quote {connected:?}, second {:?}",
            begun.elapsed().saturating_sub(connected)
        );
        assert_eq!(
            (shown(&first), shown(&second)),
            (vec!["1.00/1.00".to_owned(); 2], vec!["2.00/2.00".to_owned(); 2])
        );
        assert_eq!((link.connections_opened(), link.questions()), (1, 2));
        // Held until the script has seen the end of the last subscription.
        link
    };
    tokio::join!(asking, script);
}
