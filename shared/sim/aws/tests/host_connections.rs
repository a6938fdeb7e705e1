//! Connections that die without a word, seen from the client's side of the wire.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use gamma_sim_core::connections::Connections;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: face\r\n\r\n";

/// Whether an answer came; `None` when the server said nothing at all for a while, neither bytes nor an end.
async fn answer(stream: &mut TcpStream) -> Option<bool> {
    let mut buffer = [0_u8; 1024];
    match timeout(Duration::from_millis(200), stream.read(&mut buffer)).await {
        Ok(Ok(0)) => Some(false),
        Ok(Ok(size)) => Some(buffer[..size].starts_with(b"HTTP/1.1 200 OK")),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => Some(false),
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => None,
    }
}

async fn connect(address: SocketAddr) -> (TcpStream, u16) {
    let stream = TcpStream::connect(address).await.unwrap();
    let port = stream.local_addr().unwrap().port();
    (stream, port)
}

/// A face that reports every request that reaches it.
async fn face(connections: &Connections) -> (SocketAddr, mpsc::UnboundedReceiver<()>) {
    let (reached, requests) = mpsc::unbounded_channel();
    let router = Router::new().route("/", get(async move || reached.send(()).unwrap_or_default()));
    (connections.serve(router).await.unwrap(), requests)
}

#[tokio::test]
async fn a_killed_connection_swallows_requests_and_others_live_on() {
    let connections = Connections::new();
    let (address, mut requests) = face(&connections).await;
    let (mut quiet, port) = connect(address).await;
    let (mut other, _) = connect(address).await;
    for stream in [&mut quiet, &mut other] {
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(answer(stream).await, Some(true));
        requests.recv().await.unwrap();
    }
    assert_eq!(
        (connections.connection_count(), connections.kill_ports(&[port]), connections.kill_ports(&[port])),
        (2, 1, 0)
    );
    quiet.write_all(REQUEST).await.unwrap();
    assert_eq!(answer(&mut quiet).await, None, "no answer, no FIN, no RST");
    assert!(requests.try_recv().is_err(), "the request reached the server");
    let (mut fresh, _) = connect(address).await;
    for stream in [&mut other, &mut fresh] {
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(answer(stream).await, Some(true));
    }
    drop(quiet);
    drop(fresh);
    timeout(Duration::from_secs(5), async {
        while connections.connection_count() != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a dead connection goes when its client does");
}

#[tokio::test]
async fn a_request_on_a_killed_connection_is_served_unanswered() {
    let connections = Connections::new();
    let (entered, mut entries) = mpsc::channel(1);
    let release = std::sync::Arc::new(tokio::sync::Notify::new());
    let handler = {
        let release = std::sync::Arc::clone(&release);
        async move || {
            entered.send(()).await.unwrap();
            release.notified().await;
        }
    };
    let address = connections.serve(Router::new().route("/", get(handler))).await.unwrap();
    let (mut stream, port) = connect(address).await;
    stream.write_all(REQUEST).await.unwrap();
    entries.recv().await.unwrap();
    connections.kill_ports(&[port]);
    release.notify_one();
    assert_eq!(answer(&mut stream).await, None);
}

#[tokio::test]
async fn a_pair_names_one_connection() {
    let connections = Connections::new();
    let (address, _requests) = face(&connections).await;
    let (mut stream, port) = connect(address).await;
    stream.write_all(REQUEST).await.unwrap();
    assert_eq!(answer(&mut stream).await, Some(true));
    assert_eq!(connections.kill_flows(&[(address.port().wrapping_add(1), port), (port, address.port())]), 0);
    assert_eq!(connections.kill_flows(&[(address.port(), port)]), 1);
}

#[tokio::test]
async fn stopping_closes_everything_and_so_does_dropping() {
    for stop in [true, false] {
        let connections = Connections::new();
        let (address, _requests) = face(&connections).await;
        let mut streams = [connect(address).await, connect(address).await];
        for (stream, _) in &mut streams {
            stream.write_all(REQUEST).await.unwrap();
            assert_eq!(answer(stream).await, Some(true));
        }
        connections.kill_ports(&[streams[0].1]);
        let clone = connections.clone();
        drop(connections);
        if stop {
            clone.stop();
            assert!(clone.serve(Router::new()).await.is_err());
        } else {
            drop(clone);
        }
        for (stream, _) in &mut streams {
            assert_eq!(answer(stream).await, Some(false), "closed");
        }
        assert!(TcpStream::connect(address).await.is_err());
    }
}
