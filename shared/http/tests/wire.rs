//! The client against real sockets on loopback: which failure is which, and what never shows.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use gamma_http::{HttpClient, HttpConfig, HttpError, Request};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CANARY: &str = "canary-5f1e";

fn client() -> HttpClient {
    HttpClient::new(&HttpConfig {
        user_agent: "gamma-test/1".into(),
        largest_body: 1000,
        ..HttpConfig::default()
    })
    .unwrap()
}

/// Serves `router` and gives its address.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Accepts one connection and does `act` with it.
async fn accept_once<F, Fut>(act: F) -> String
where
    F: FnOnce(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        act(stream).await;
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_refused_connection_is_proven_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client().send(Request::post(&format!("http://{address}/orders"))).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn no_dns_address_or_failed_tls_handshake_is_proven_unsent() {
    let not_tls = accept_once(|mut stream| async move {
        let _ = stream.write_all(b"this is no TLS server\r\n").await;
    })
    .await;
    for url in [not_tls.replace("http:", "https:"), "https://no-such-host.invalid/".to_owned()] {
        let error = client().send(Request::get(&url)).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSent { .. }), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_handshake_over_the_connect_timeout_is_proven_unsent() {
    let mute = accept_once(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let hasty =
        HttpClient::new(&HttpConfig { connect_timeout: Duration::from_millis(50), ..HttpConfig::default() })
            .unwrap();
    let error = hasty.send(Request::post(&mute.replace("http:", "https:"))).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_dropped_around_its_answer_is_lost() {
    let at_once = accept_once(|stream| async move { drop(stream) }).await;
    let after_reading = accept_once(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let within = accept_once(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\nhalf").await;
    })
    .await;
    for url in [at_once, after_reading, within] {
        let client = client();
        let error = client.send(Request::post(&url).json_bytes(b"{}".to_vec())).await.unwrap_err();
        assert!(matches!(error, HttpError::Lost { .. }), "{error:?}");
        assert_eq!(client.requests_sent(), 1);
    }
}

#[tokio::test]
async fn no_answer_in_time_is_lost() {
    let silent = accept_once(|mut stream| async move {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
    })
    .await;
    let error = client().send(Request::get(&silent).timeout(Duration::from_millis(50))).await.unwrap_err();
    assert!(matches!(error, HttpError::Lost { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_too_large_announced_or_not() {
    let announced = serve(Router::new().route("/", get(|| async { "x".repeat(1001) }))).await;
    let chunked = accept_once(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        for _ in 0..3 {
            let _ = stream.write_all(format!("190\r\n{}\r\n", "x".repeat(400)).as_bytes()).await;
        }
        let _ = stream.write_all(b"0\r\n\r\n").await;
    })
    .await;
    for url in [announced, chunked] {
        let error = client().send(Request::get(&url)).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { status: 200, limit: 1000, .. }), "{error:?}");
    }
    let fits = serve(Router::new().route("/", get(|| async { "x".repeat(1000) }))).await;
    assert_eq!(client().send(Request::get(&fits)).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let base = serve(
        Router::new()
            .route("/from", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/to")]) }))
            .route("/to", get(|| async { "followed" })),
    )
    .await;
    let client = client();
    let answer = client.send(Request::get(&format!("{base}/from"))).await.unwrap();
    assert_eq!((answer.status, answer.header("location"), client.requests_sent()), (302, Some("/to"), 1));
}

#[tokio::test]
async fn every_part_arrives_as_it_was_given() {
    let echo = |headers: HeaderMap, RawQuery(query): RawQuery, body: String| async move {
        let shown = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        let lines = [
            shown("authorization"),
            shown("content-type"),
            shown("accept"),
            shown("user-agent"),
            query.unwrap_or_default(),
            body,
        ];
        lines.join("\n")
    };
    let base = serve(Router::new().route("/echo", post(echo).get(echo).put(echo).delete(echo))).await;
    let url = format!("{base}/echo");
    let (user, password) = (SecretString::from("key"), SecretString::from("se:cret"));
    for (request, expected) in [
        (
            Request::post(&url)
                .basic(&user, &password)
                .form(&[("grant_type", "refresh_token"), ("refresh_token", "a+b/c=@ d")]),
            "Basic a2V5OnNlOmNyZXQ=\napplication/x-www-form-urlencoded\napplication/json\ngamma-test/1\n\ngrant_type=refresh_token&refresh_token=a%2Bb%2Fc%3D%40%20d",
        ),
        (
            Request::get(&format!("{url}?a=1"))
                .bearer(&password)
                .query(&[("symbols", "SPXW  260821P05900000,$SPX".into())]),
            "Bearer se:cret\n-\napplication/json\ngamma-test/1\na=1&symbols=SPXW%20%20260821P05900000%2C%24SPX\n",
        ),
        (
            Request::put(&url).json_bytes(b"{\"a\":1}".to_vec()).header("Accept", "*/*"),
            "-\napplication/json\n*/*\ngamma-test/1\n\n{\"a\":1}",
        ),
        (Request::delete(&url), "-\n-\napplication/json\ngamma-test/1\n\n"),
    ] {
        let answer = client().send(request).await.unwrap();
        assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
    }
}

#[tokio::test]
async fn what_cannot_be_a_request_is_named_and_nothing_is_sent() {
    let client = client();
    for (request, why) in [
        (Request::get("not an address"), "address"),
        (Request::get("http://198.51.100.7/v1"), "https"),
        (Request::get("ftp://127.0.0.1/v1"), "https"),
        (Request::get("http://127.0.0.1/").header("x", "a\nb"), "header"),
    ] {
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::Build { .. }) && error.to_string().contains(why), "{error:?}");
    }
    assert_eq!(client.requests_sent(), 0);
}

#[tokio::test]
async fn secrets_show_in_no_debug_output_and_no_error() {
    let secret = SecretString::from(CANARY);
    let dropped = accept_once(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let port = dropped.rsplit(':').next().unwrap().to_owned();
    let loaded = |url: &str| {
        Request::post(url)
            .basic(&secret, &secret)
            .bearer(&secret)
            .header("x-session", CANARY)
            .query(&[("token", CANARY.to_owned())])
            .form(&[("refresh_token", CANARY)])
    };
    for url in [
        format!("http://{CANARY}:{CANARY}@127.0.0.1:{port}/v1/oauth/token?q={CANARY}"),
        format!("http://127.0.0.1:1/v1?q={CANARY}"),
        format!("http://198.51.100.7/v1?q={CANARY}"),
        format!("http//{CANARY}"),
    ] {
        let request = loaded(&url);
        let shown = format!("{request:?}");
        let error = client().send(request).await.unwrap_err();
        let all = format!("{shown} {error} {error:?}");
        assert!(!all.contains(CANARY), "{all}");
    }
    let bad_header = Request::get(&dropped).header("x-session", &format!("{CANARY}\n"));
    let error = client().send(bad_header).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
}

#[tokio::test]
async fn an_answer_shows_its_size_and_an_excerpt_only_when_asked() {
    let base =
        serve(Router::new().route("/", get(|| async { format!("<html>\n  {CANARY}{}", "x".repeat(900)) })))
            .await;
    let answer = client().send(Request::get(&base)).await.unwrap();
    assert!(!format!("{answer:?}").contains(CANARY));
    let excerpt = answer.text_excerpt();
    assert!(excerpt.starts_with("<html> canary") && excerpt.len() <= 500, "{excerpt}");
    let error = answer.json().unwrap_err();
    assert!(!error.to_string().contains(CANARY), "{error}");
}
