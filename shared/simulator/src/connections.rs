//! Servers whose connections can be made to die without a word.
//!
//! Between two invocations Lambda freezes a function, and what lies between it and a server (a NAT, a load balancer) forgets
//! connections that stay quiet. Nobody tells either end: the next request on such a connection leaves and is never answered, until the
//! client's own timeout. A server in the same process cannot be made to behave so from outside, hence this registry, which knows every
//! connection it accepted by its remote port.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The registry. Clones are the same registry; when the last is dropped, its servers stop as with [`Connections::stop`].
#[derive(Clone, Default)]
pub struct Connections {
    registry: Arc<Registry>,
}

impl Connections {
    /// A registry without servers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves `router` on a free port of 127.0.0.1, in a task of its own, and gives the address.
    ///
    /// # Errors
    /// When no port could be bound, and after [`Connections::stop`].
    pub async fn serve(&self, router: Router) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut state = self.registry.lock();
        if state.stopped {
            return Err(io::Error::other("serve: the registry was stopped"));
        }
        let listener = Accepting { listener, port: address.port(), registry: Arc::downgrade(&self.registry) };
        state.servers.push(tokio::spawn(async move {
            // It ends only by being aborted: the listener retries whatever goes wrong with one connection.
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "server ended");
            }
        }));
        Ok(address)
    }

    /// Makes every open connection from one of these remote ports dead: what arrives on it is read and thrown away, nothing is
    /// answered, not even to a request that is already under way, and it is not closed before the client closes it. New connections,
    /// from the same ports too, are not affected. Gives how many were made dead.
    pub fn kill_ports(&self, clients: &[u16]) -> usize {
        self.kill(|flow| clients.contains(&flow.client))
    }

    /// [`Connections::kill_ports`] for (server port, remote port) pairs. Two processes may use the same local port towards two
    /// servers at once; a pair is one connection and no other.
    pub fn kill_flows(&self, flows: &[(u16, u16)]) -> usize {
        self.kill(|flow| flows.contains(&(flow.server, flow.client)))
    }

    /// Accepted connections that are still open, the dead ones included.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.registry.lock().flows.len()
    }

    /// Stops all servers and closes all connections, the dead ones included. Requests under way are dropped.
    pub fn stop(&self) {
        self.registry.stop();
    }

    fn kill(&self, doomed: impl Fn(&Flow) -> bool) -> usize {
        let state = self.registry.lock();
        state.flows.values().filter(|flow| doomed(flow)).filter(|flow| flow.enter(Life::Dead)).count()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("open", &self.connection_count()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Registry {
    state: Mutex<Servers>,
}

#[derive(Default)]
struct Servers {
    servers: Vec<JoinHandle<()>>,
    flows: BTreeMap<u64, Arc<Flow>>,
    next_flow: u64,
    stopped: bool,
}

impl Registry {
    /// No code panics while it has the lock, so a poisoned state is still a whole one.
    fn lock(&self) -> MutexGuard<'_, Servers> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for server in state.servers.drain(..) {
            server.abort();
        }
        for flow in state.flows.values() {
            flow.enter(Life::Closed);
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One accepted connection, as the registry knows it.
struct Flow {
    server: u16,
    client: u16,
    state: Mutex<FlowState>,
}

struct FlowState {
    life: Life,
    /// Whoever reads, to be told when the connection is to be closed.
    reader: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    Open,
    /// Forgotten on the way: nothing gets through in either direction.
    Dead,
    /// To be closed by us.
    Closed,
}

impl Flow {
    fn lock(&self) -> MutexGuard<'_, FlowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to a later state; `false` when it is already there or beyond.
    fn enter(&self, life: Life) -> bool {
        let mut state = self.lock();
        let later = state.life < life;
        if later {
            state.life = life;
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
        later
    }

    fn life(&self) -> Life {
        self.lock().life
    }
}

/// A listener that registers what it accepts.
struct Accepting {
    listener: TcpListener,
    port: u16,
    registry: Weak<Registry>,
}

impl Listener for Accepting {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, remote)) => return (self.register(stream, remote), remote),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    pause().await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Accepting {
    fn register(&self, stream: TcpStream, remote: SocketAddr) -> Connection {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let state = FlowState { life: Life::Open, reader: None };
        let flow = Arc::new(Flow { server: self.port, client: remote.port(), state: Mutex::new(state) });
        let id = match self.registry.upgrade() {
            Some(registry) => {
                let mut servers = registry.lock();
                if servers.stopped {
                    flow.enter(Life::Closed);
                }
                let id = servers.next_flow;
                servers.next_flow += 1;
                servers.flows.insert(id, Arc::clone(&flow));
                id
            }
            None => {
                flow.enter(Life::Closed);
                u64::MAX
            }
        };
        Connection { stream, flow, id, registry: self.registry.clone() }
    }
}

/// Out of file descriptors, most likely: trying again at once would only burn the processor.
#[allow(clippy::disallowed_methods)] // real time: it guards a real socket
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// The stream of one connection, which obeys its [`Life`].
struct Connection {
    stream: TcpStream,
    flow: Arc<Flow>,
    id: u64,
    registry: Weak<Registry>,
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
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.life_for_reader(context) {
            Life::Open => Pin::new(&mut self.stream).poll_read(context, buffer),
            Life::Dead => self.drain(context).map(Ok),
            Life::Closed => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
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
