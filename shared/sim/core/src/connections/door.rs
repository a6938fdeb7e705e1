//! A listening port that can be closed for a while and stays ours meanwhile.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::stream::Connection;
use super::{Caller, Flow, FlowState, Life, Registry};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// One listening port.
pub(super) struct Door {
    address: SocketAddr,
    state: Mutex<State>,
}

struct State {
    lock: Lock,
    /// The server, while there is nothing to accept from.
    server: Option<Waker>,
}

enum Lock {
    Open(TcpListener),
    /// Bound and not listening: a connection is refused, and nobody else is given the port.
    Shut(TcpSocket),
    /// Could not be opened again.
    Lost,
}

impl Door {
    /// A door on a free port of 127.0.0.1.
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, state: Mutex::new(State { lock: Lock::Open(listener), server: None }) })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses connections, or takes them again, from this call on.
    pub(super) fn refuse(&self, refuse: bool) -> io::Result<()> {
        let mut state = self.lock();
        match (std::mem::replace(&mut state.lock, Lock::Lost), refuse) {
            (Lock::Open(listener), true) => {
                // Two sockets may not have one port while either listens, so the one goes before the other
                // comes.
                drop(listener);
                let socket = TcpSocket::new_v4()?;
                socket.set_reuseaddr(true)?;
                socket.bind(self.address)?;
                state.lock = Lock::Shut(socket);
            }
            (Lock::Shut(socket), false) => {
                state.lock = Lock::Open(socket.listen(BACKLOG)?);
                if let Some(server) = state.server.take() {
                    server.wake();
                }
            }
            (Lock::Lost, _) => {
                return Err(io::Error::other(format!(
                    "port {}: it was lost when it was last closed or opened",
                    self.address.port()
                )));
            }
            (as_wanted, _) => state.lock = as_wanted,
        }
        Ok(())
    }

    fn is_shut(&self) -> bool {
        !matches!(self.lock().lock, Lock::Open(_))
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let mut state = self.lock();
        state.server = Some(context.waker().clone());
        match &state.lock {
            Lock::Open(listener) => listener.poll_accept(context),
            Lock::Shut(_) | Lock::Lost => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener that registers what it accepts.
pub(super) struct Accepting {
    pub(super) door: Arc<Door>,
    pub(super) registry: Weak<Registry>,
}

impl Listener for Accepting {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match poll_fn(|context| self.door.poll_accept(context)).await {
                Ok((stream, remote)) => return (self.register(stream, remote), remote),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    pause().await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.door.address())
    }
}

impl Accepting {
    fn register(&self, stream: TcpStream, remote: SocketAddr) -> Connection {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let state = FlowState { life: Life::Open, reader: None };
        let flow = Arc::new(Flow {
            server: self.door.address().port(),
            client: remote.port(),
            state: Mutex::new(state),
        });
        let id = match self.registry.upgrade() {
            Some(registry) => {
                let mut servers = registry.lock();
                // It may have been accepted just before the door was shut.
                if servers.stopped || self.door.is_shut() {
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

impl Connected<IncomingStream<'_, Accepting>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Accepting>) -> Self {
        Self(Arc::clone(&stream.io().flow))
    }
}
