//! The stream of one connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::{Flow, Life, Registry};

/// The stream of one connection, which obeys its [`Life`].
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) flow: Arc<Flow>,
    pub(super) id: u64,
    pub(super) registry: Weak<Registry>,
}

impl Connection {
    /// Reads and throws away until the client closes.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0_u8; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Remembers who reads, and gives the state of that moment: whoever changes it later wakes the reader.
    fn life_for_reader(&self, context: &Context<'_>) -> Life {
        let mut state = self.flow.lock();
        state.reader = Some(context.waker().clone());
        state.life
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.life_for_reader(context) {
            Life::Open => Pin::new(&mut self.stream).poll_read(context, buffer),
            Life::Dead => self.drain(context).map(Ok),
            Life::Closed => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.flow.life() {
            Life::Open => Pin::new(&mut self.stream).poll_write(context, data),
            Life::Dead => Poll::Ready(Ok(data.len())),
            Life::Closed => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.flow.life() {
            Life::Open => Pin::new(&mut self.stream).poll_flush(context),
            Life::Dead | Life::Closed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.life_for_reader(context) {
            Life::Open | Life::Closed => Pin::new(&mut self.stream).poll_shutdown(context),
            // Closing would send the client a FIN, so the server waits for the client's.
            Life::Dead => self.drain(context).map(Ok),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.lock().flows.remove(&self.id);
        }
    }
}
