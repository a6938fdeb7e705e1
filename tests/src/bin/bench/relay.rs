//! A relay on loopback that notes when each request and its answer passed, for services that keep no such
//! record themselves.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::now;

/// One request with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Which service.
    pub(crate) to: &'static str,
    /// The operation.
    pub(crate) what: String,
    /// When the request began to arrive; on a new connection, when that was made: moto closes it after every
    /// answer, and the wait for the next is of its making.
    pub(crate) began: Instant,
    /// When the last of its answer came.
    pub(crate) ended: Instant,
}

/// The relay; it ends when it is dropped. It adds some tenths of a millisecond to each call.
pub(crate) struct Relay {
    address: SocketAddr,
    seen: Seen,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to the server at `url`, which is called `to` in the record.
    pub(crate) async fn start(to: &'static str, url: &str) -> io::Result<Self> {
        let expected = || io::Error::other(format!("{to}: got {url:?}, expected http://ADDRESS:PORT"));
        let server: SocketAddr =
            url.strip_prefix("http://").and_then(|address| address.parse().ok()).ok_or_else(expected)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Seen { to, calls: Arc::default() };
        let task = tokio::spawn(accept(listener, server, seen.clone()));
        Ok(Self { address, seen, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far, oldest first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.seen.lock().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Seen {
    to: &'static str,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, head: &[u8], began: Instant) -> usize {
        let mut calls = self.lock();
        calls.push(Call { to: self.to, what: operation(head), began, ended: began });
        calls.len() - 1
    }

    fn end(&self, call: usize) {
        if let Some(call) = self.lock().get_mut(call) {
            call.ended = now();
        }
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, seen: Seen) {
    while let Ok((client, _)) = listener.accept().await {
        let seen = seen.clone();
        // A connection that breaks shows in the run that used it.
        tokio::spawn(async move { drop(carry(client, server, &seen).await) });
    }
}

/// HTTP/1.1 without pipelining: what a client sends after an answer is its next request.
async fn carry(mut client: TcpStream, server: SocketAddr, seen: &Seen) -> io::Result<()> {
    let mut accepted = Some(now());
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut told) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut call, mut answered) = (0, true);
    loop {
        tokio::select! {
            size = client.read(&mut asked) => {
                let bytes = &asked[..size?];
                if bytes.is_empty() {
                    return Ok(());
                }
                if answered {
                    (call, answered) = (seen.begin(bytes, accepted.take().unwrap_or_else(now)), false);
                }
                server.write_all(bytes).await?;
            }
            size = server.read(&mut told) => {
                let bytes = &told[..size?];
                if bytes.is_empty() {
                    return Ok(());
                }
                seen.end(call);
                client.write_all(bytes).await?;
                answered = true;
            }
        }
    }
}

/// The operation of an AWS call (`X-Amz-Target: AmazonSSM.GetParameters`), else method and path.
fn operation(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let target = head
        .lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-target")));
    match target {
        Some((_, target)) => target.rsplit('.').next().unwrap_or(target).trim().to_owned(),
        None => head.split_whitespace().take(2).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every request on one connection with its own length.
    async fn server() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 256];
            while let Ok(size @ 1..) = stream.read(&mut asked).await {
                stream.write_all(size.to_string().as_bytes()).await.unwrap();
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn requests_of_one_connection_are_told_apart_and_named() {
        let relay = Relay::start("AWS", &server().await).await.unwrap();
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        for request in [
            "POST / HTTP/1.1\r\nx-amz-target: AmazonSSM.GetParameters\r\n\r\n",
            "GET /clock/now HTTP/1.1\r\n\r\n",
        ] {
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 16];
            let size = client.read(&mut answer).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&answer[..size]), request.len().to_string());
        }
        drop(client);
        let calls = relay.calls();
        assert_eq!(
            calls.iter().map(|call| call.what.as_str()).collect::<Vec<_>>(),
            ["GetParameters", "GET /clock/now"]
        );
        assert!(calls[0].began <= calls[1].began && calls[0].ended <= calls[1].began, "{calls:?}");
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_named() {
        let error = Relay::start("AWS", "https://sqs.example").await.err().unwrap();
        assert!(
            error.to_string().contains("AWS: got \"https://sqs.example\", expected http://ADDRESS:PORT"),
            "{error}"
        );
    }
}
