//! What clients cost, measured in this process: to make, which is done anew for every event, and to call AWS
//! with, moto left out.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_cloud::{Secrets, aws};
use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpConfig};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::figure::Figure;
use crate::now;
use crate::world::Fallible;

/// What SSM answers to a question for one parameter.
const ANSWER: &str = r#"{"Parameters":[{"Name":"/one","Value":"1","Version":1}]}"#;

pub(crate) async fn figures(times: usize) -> Fallible<Vec<Figure>> {
    let (mut http, mut config, mut client, mut call) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let instant = instant().await?;
    for _ in 0..times {
        let began = now();
        let _http = HttpClient::new(&HttpConfig::default())?;
        http.push(milliseconds(began.elapsed()));
        let began = now();
        let aws = aws::load_for(&instant).await;
        config.push(milliseconds(began.elapsed()));
        let began = now();
        let secrets = Secrets::new(&aws, Arc::new(Unasked));
        client.push(milliseconds(began.elapsed()));
        // The first one connects.
        secrets.read(&["/one"]).await?;
        let began = now();
        secrets.read(&["/one"]).await?;
        call.push(milliseconds(began.elapsed()));
    }
    Ok(vec![
        Figure::new("making an HTTP client (TLS roots read)", "ms", http),
        Figure::new("making the AWS configuration", "ms", config),
        Figure::new("making one AWS client of it", "ms", client),
        Figure::new("one AWS call that is answered at once", "ms", call),
    ])
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Time that nobody asks for: what is answered at once is waited for by nobody.
struct Unasked;

#[async_trait]
impl Clock for Unasked {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep_until(&self, _: Timestamp) {}
}

/// An AWS that gives the same answer at once, whatever it is asked.
async fn instant() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{ANSWER}",
                    ANSWER.len()
                );
                let mut asked = vec![0; 16 * 1024];
                // The SDK writes these small requests in one piece.
                while let Ok(1..) = stream.read(&mut asked).await {
                    stream.write_all(answer.as_bytes()).await?;
                }
                io::Result::Ok(())
            });
        }
    });
    Ok(format!("http://{address}"))
}
