//! What goes wrong, and how it is got over.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn answer(server: &Server, name: &str) {
    let mut peer = server.greeted().await;
    assert_eq!(peer.asked().await, [name]);
    peer.quote(name, 1, 2).await;
    peer.unsubscribed().await;
}

#[tokio::test]
async fn a_request_survives_a_lost_connection_and_old_quotes_do_not() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&LEGS);
    let script = async {
        let mut peer = server.greeted().await;
        peer.asked().await;
        peer.quote(LEGS[0], 9, 10).await;
        peer.heard_out().await;
        drop(peer);
        let mut peer = server.greeted().await;
        assert_eq!(peer.asked().await, LEGS, "both again");
        peer.quote(LEGS[1], 4.1, 4.2).await;
        peer.heard_out().await;
        peer.quote(LEGS[0], 1.05, 1.1).await;
        peer.unsubscribed().await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    assert_eq!(shown(&quotes.unwrap()), ["1.05/1.10", "4.10/4.20"]);
    assert_eq!((link.connections_opened(), link.questions()), (2, 2));
}

#[tokio::test]
async fn a_request_survives_a_lost_channel_and_old_quotes_do_not() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&LEGS);
    let script = async {
        let mut peer = server.greeted().await;
        peer.asked().await;
        peer.quote(LEGS[0], 9, 10).await;
        peer.say(json!({"type": "CHANNEL_CLOSED", "channel": 1})).await;
        assert_eq!(peer.expect("CHANNEL_REQUEST").await["channel"], 3);
        peer.say(json!({"type": "CHANNEL_OPENED", "channel": 3})).await;
        peer.expect("FEED_SETUP").await;
        assert_eq!(peer.asked().await, LEGS, "both again");
        for (leg, bid, ask) in [(LEGS[1], 4.1, 4.2), (LEGS[0], 1.05, 1.1)] {
            peer.say(json!({"type": "FEED_DATA", "channel": 3, "data": ["Quote", ["Quote", leg, bid, ask, 36.0, 41.0, 0, 0]]})).await;
            peer.heard_out().await;
        }
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    assert_eq!(shown(&quotes.unwrap()), ["1.05/1.10", "4.10/4.20"]);
    assert_eq!((link.connections_opened(), link.questions()), (1, 2));
}

#[tokio::test]
async fn a_server_lost_while_idle_is_connected_to_again() {
    let server = Server::start().await;
    let link = connect(&server);
    server.greeted().await.close(1001, "deploy").await;
    let legs = symbols(&[".A"]);
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), answer(&server, ".A"));
    assert_eq!(shown(&quotes.unwrap()), ["1.00/2.00"]);
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&LEGS);
    let script = async {
        let mut peer = server.accept().await;
        peer.login().await;
        let message = format!("token {TOKEN} has expired");
        peer.say(json!({"type": "ERROR", "channel": 0, "error": "UNAUTHORIZED", "message": message})).await;
        peer.left().await;
    };
    let (refused, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    for error in [refused.unwrap_err(), link.quotes(&legs, PATIENCE).await.unwrap_err()] {
        assert_eq!(
            error.to_string(),
            "ws://127.0.0.1: got ERROR UNAUTHORIZED: token … has expired, expected the token to be accepted"
        );
        assert!(
            matches!(error, QuotesError::Refused { .. }) && !format!("{error:?} {link:?}").contains(TOKEN)
        );
    }
    assert_eq!(link.connections_opened(), 1);
}

/// Logs in on the next connection and is told that there is no session.
async fn session_not_found(server: &Server) {
    let mut peer = server.accept().await;
    peer.login().await;
    let message = "com.dxfeed.mdd.dxlink.auth.AuthException: Session not found: api";
    peer.say(json!({"type": "ERROR", "channel": 0, "error": "UNAUTHORIZED", "message": message})).await;
    peer.left().await;
}

#[tokio::test]
async fn a_session_not_found_costs_a_connection_not_the_token() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&[".A"]);
    let script = async {
        session_not_found(&server).await;
        answer(&server, ".A").await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    assert_eq!((shown(&quotes.unwrap()).len(), link.connections_opened()), (1, 2));
}

#[tokio::test]
async fn a_session_that_is_never_found_refuses_the_token() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&[".A"]);
    let script = async {
        session_not_found(&server).await;
        session_not_found(&server).await;
    };
    let (refused, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    let shown = refused.unwrap_err().to_string();
    assert_eq!(
        shown,
        "ws://127.0.0.1: got ERROR UNAUTHORIZED: … Session not found: api, expected the token to be accepted"
    );
    assert_eq!(link.connections_opened(), 2);
}

#[tokio::test]
async fn a_refusal_after_a_drop_is_told_to_the_question_that_waits() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&LEGS);
    let script = async {
        let mut peer = server.greeted().await;
        peer.asked().await;
        drop(peer);
        let mut peer = server.accept().await;
        peer.login().await;
        peer.close(1008, "no longer").await;
    };
    let (refused, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    let shown = refused.unwrap_err().to_string();
    assert!(
        shown.contains("got closed by the server with 1008 \"no longer\" while AUTHORIZED was awaited"),
        "{shown}"
    );
}

/// Answers the upgrade with this status.
async fn upgrade_answered(server: &Server, status: &str) {
    let mut stream = server.raw().await;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    assert!(!String::from_utf8(request).unwrap().contains(TOKEN), "the token belongs into the protocol");
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_failed_upgrade_is_retried_unless_it_is_about_the_token() {
    let server = Server::start().await;
    let link = connect(&server);
    let legs = symbols(&[".A"]);
    let script = async {
        upgrade_answered(&server, "502 Bad Gateway").await;
        upgrade_answered(&server, "503 Service Unavailable").await;
        answer(&server, ".A").await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    assert_eq!((shown(&quotes.unwrap()).len(), link.connections_opened()), (1, 1));
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let server = Server::start().await;
        let link = connect(&server);
        let (refused, ()) = tokio::join!(link.quotes(&legs, PATIENCE), upgrade_answered(&server, status));
        let shown = refused.unwrap_err().to_string();
        assert_eq!(
            shown,
            format!(
                "ws://127.0.0.1: got HTTP {} to the upgrade, expected the token to be accepted",
                &status[..3]
            )
        );
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_named_and_made_smaller() {
    let server = Server::start().await;
    let link = connect(&server);
    let names: Vec<String> = (0..150).map(|at| format!(".SPXW260821P{:05}", 10_000 + at)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let legs = symbols(&names);
    let script = async {
        let mut peer = server.greeted().await;
        let whole = peer.text().await.len();
        assert!((4096..=8192).contains(&whole), "{whole} bytes, one message");
        peer.close(1009, "too long").await;
        let mut peer = server.greeted().await;
        let part = peer.text().await.len();
        assert!(part <= 4096, "{part} bytes");
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, Duration::from_secs(2)), script);
    assert_eq!(quotes.unwrap().missing.len(), names.len());
    // Named to whoever asks while the connection is gone.
    let server = Server::start().await;
    let link = connect(&server);
    let script = async {
        server.greeted().await.close(1009, "too long").await;
        server.raw().await
    };
    let (quotes, _held) = tokio::join!(link.quotes(&legs[..1], Duration::from_secs(1)), script);
    let Why::NotAsked { trouble: Some(trouble) } = &quotes.unwrap().missing[0].why else {
        panic!("the question was never sent")
    };
    assert!(trouble.contains("1009") && trouble.contains("a message is too large"), "{trouble}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_for_another() {
    let server = Server::start().await;
    let mut config = config(&server);
    config.pace.beat = Duration::from_millis(20);
    let link = DxLink::connect(config).unwrap();
    let mut silent = server.accept().await;
    silent.expect("SETUP").await;
    silent.left().await;
    server.accept().await.expect("SETUP").await;
    assert_eq!(link.connections_opened(), 2);
}

#[tokio::test]
async fn nobody_there_is_told_as_such_within_the_patience_given() {
    let server = Server::start().await;
    let config = config(&server);
    drop(server);
    let link = DxLink::connect(config).unwrap();
    let quotes = link.quotes(&symbols(&[".A"]), Duration::from_millis(200)).await.unwrap();
    let shown = quotes.missing[0].to_string();
    assert!(
        shown.starts_with(".A: got no connection (not connected: ") && shown.contains("refused"),
        "{shown}"
    );
    assert_eq!((quotes.complete.len(), link.connections_opened(), link.questions()), (0, 0, 0));
}

#[tokio::test]
async fn a_connection_that_would_show_the_token_is_not_made() {
    let error = DxLink::connect(DxLinkConfig::new("ws://tasty-openapi-ws.dxfeed.com/realtime", TOKEN.into()))
        .unwrap_err();
    assert!(matches!(&error, ConnectError::Url { .. }) && !error.to_string().contains(TOKEN), "{error}");
}

#[tokio::test]
async fn tls_connects_and_refuses_an_invalid_certificate() {
    let server = Server::start().await;
    let config = DxLinkConfig::new(server.url().replace("ws://", "wss://"), TOKEN.into());
    let link = DxLink::connect(config).unwrap();
    let script = async {
        let mut stream = server.raw().await;
        assert_eq!(stream.read_u8().await.unwrap(), 0x16, "a TLS handshake, and no HTTP in the clear");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let legs = symbols(&[".A"]);
    let (quotes, ()) = tokio::join!(link.quotes(&legs, Duration::from_millis(500)), script);
    let Why::NotAsked { trouble: Some(trouble) } = &quotes.unwrap().missing[0].why else {
        panic!("nothing can be asked")
    };
    assert!(trouble.starts_with("not connected: "), "{trouble}");
}
