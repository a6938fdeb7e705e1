//! The WebSocket.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::config::Address;
use crate::protocol::End;
use crate::{ConnectError, DxLinkConfig};

/// The largest message taken, in bytes: a few thousand quotes.
const LARGEST_HEARD: usize = 4 * 1024 * 1024;

/// How long a goodbye may take.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);

/// How sockets are encrypted.
pub(super) struct Tls(Connector);

impl Tls {
    /// As for every other socket: rustls with aws-lc, certificates judged by the platform's verifier.
    pub(super) fn new(encrypted: bool) -> Result<Self, ConnectError> {
        if !encrypted {
            return Ok(Self(Connector::Plain));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| ConnectError::Tls { reason: error.to_string() })?
            .with_no_client_auth();
        Ok(Self(Connector::Rustls(Arc::new(config))))
    }
}

/// What comes in.
pub(super) enum Heard {
    Text(Utf8Bytes),
    /// Something that only shows that the server lives.
    Sign,
    /// The server closed, with a code and a reason where it gave any.
    Closed(Option<(u16, String)>),
    Broken(String),
}

pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    write_timeout: Duration,
}

impl Socket {
    /// A 401 or 403 to the upgrade refuses the token: the server or what stands before it wants to see
    /// another. Everything else that fails is tried again.
    pub(super) async fn connect(address: &Address, tls: &Tls, config: &DxLinkConfig) -> Result<Self, End> {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_HEARD))
            .max_frame_size(Some(LARGEST_HEARD));
        let connecting =
            connect_async_tls_with_config(address.uri.clone(), Some(limits), true, Some(tls.0.clone()));
        match timeout(config.connect_timeout, connecting).await {
            Ok(Ok((stream, _))) => Ok(Self { stream, write_timeout: config.write_timeout }),
            Ok(Err(Error::Http(answer))) if matches!(answer.status().as_u16(), 401 | 403) => {
                Err(End::Refused(format!("HTTP {} to the upgrade", answer.status().as_u16())))
            }
            Ok(Err(Error::Http(answer))) => {
                Err(End::Lost(format!("HTTP {} to the upgrade", answer.status().as_u16())))
            }
            Ok(Err(error)) => Err(End::Lost(format!("not connected: {error}"))),
            Err(_) => {
                Err(End::Lost(format!("not connected within {} ms", config.connect_timeout.as_millis())))
            }
        }
    }

    /// Can be dropped and called again without losing a message.
    pub(super) async fn hear(&mut self) -> Heard {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Heard::Text(text),
            Some(Ok(Message::Close(frame))) => {
                Heard::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
            }
            Some(Ok(_)) => Heard::Sign,
            Some(Err(Error::ConnectionClosed)) | None => Heard::Closed(None),
            Some(Err(error)) => Heard::Broken(format!("the connection broke off: {error}")),
        }
    }

    /// All of these, in one go.
    pub(super) async fn send(&mut self, texts: Vec<String>) -> Result<(), String> {
        let sending = async {
            for text in texts {
                self.stream.feed(Message::text(text)).await?;
            }
            self.stream.flush().await
        };
        match timeout(self.write_timeout, sending).await {
            Ok(sent) => sent.map_err(|error| format!("not sent: {error}")),
            Err(_) => Err(format!("not sent within {} ms", self.write_timeout.as_millis())),
        }
    }

    pub(super) async fn close(&mut self) {
        // The connection ends with the socket anyway; this only spares the server a reset.
        let _ = timeout(LONGEST_GOODBYE, self.stream.close(None)).await;
    }
}
