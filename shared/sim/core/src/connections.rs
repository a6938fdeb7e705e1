//! Servers whose connections can be made to die without a word, to be cut, and to be refused.
//!
//! Between two invocations Lambda freezes a function, and what lies between it and a server (a NAT, a load
//! balancer) forgets connections that stay quiet. Nobody tells either end: the next request on such a
//! connection leaves and is never answered, until the client's own timeout. A server in the same process
//! cannot be made to behave so from outside, hence this registry, which knows every connection it accepted by
//! its remote port.

mod door;
mod stream;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use axum::Router;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::time::Advance;
use door::{Accepting, Door};

/// The registry. Clones are the same registry; when the last is dropped, its servers stop as with
/// [`Connections::stop`].
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
        let door = Arc::new(Door::open().await?);
        let address = door.address();
        let mut state = self.registry.lock();
        if state.stopped {
            return Err(io::Error::other("serve: the registry was stopped"));
        }
        let listener = Accepting { door: Arc::clone(&door), registry: Arc::downgrade(&self.registry) };
        let task = tokio::spawn(async move {
            // It ends only by being aborted: the listener retries whatever goes wrong with one connection.
            if let Err(error) =
                axum::serve(listener, router.into_make_service_with_connect_info::<Caller>()).await
            {
                tracing::error!(%error, "server ended");
            }
        });
        state.servers.push(Server { door, task });
        Ok(address)
    }

    /// Takes the server on `port` away: its connections are closed and new ones are refused, until this is
    /// called with `false`.
    ///
    /// # Errors
    /// When nothing is served on that port, and when the port could not be had back.
    pub fn refuse(&self, port: u16, refuse: bool) -> io::Result<()> {
        self.registry.refuse(port, refuse)
    }

    /// Something that ends refusals when their time has come.
    pub fn outages(&self) -> Outages {
        Outages { registry: Arc::downgrade(&self.registry), ends: Mutex::default() }
    }

    /// Makes every open connection from one of these remote ports dead: what arrives on it is read and thrown
    /// away, nothing is answered, not even to a request that is already under way, and it is not closed
    /// before the client closes it. New connections, from the same ports too, are not affected. Gives how
    /// many were made dead.
    pub fn kill_ports(&self, clients: &[u16]) -> usize {
        self.kill(|flow| clients.contains(&flow.client))
    }

    /// [`Connections::kill_ports`] for (server port, remote port) pairs. Two processes may use the same local
    /// port towards two servers at once; a pair is one connection and no other.
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
    servers: Vec<Server>,
    flows: BTreeMap<u64, Arc<Flow>>,
    next_flow: u64,
    stopped: bool,
}

struct Server {
    door: Arc<Door>,
    task: JoinHandle<()>,
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
            server.task.abort();
        }
        for flow in state.flows.values() {
            flow.enter(Life::Closed);
        }
    }

    fn refuse(&self, port: u16, refuse: bool) -> io::Result<()> {
        let state = self.lock();
        let server = state.servers.iter().find(|server| server.door.address().port() == port);
        let server = server.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("port {port}: nothing is served there"))
        })?;
        server.door.refuse(refuse)?;
        for flow in state.flows.values().filter(|flow| refuse && flow.server == port) {
            flow.enter(Life::Closed);
        }
        Ok(())
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

/// The connection a request came on, as an extension of the request.
#[derive(Clone)]
pub struct Caller(Arc<Flow>);

impl Caller {
    /// Closes the connection; no byte that is not out yet goes out.
    pub fn cut(&self) {
        self.0.enter(Life::Closed);
    }

    /// Makes the connection dead, as [`Connections::kill_ports`] does.
    pub fn mute(&self) {
        self.0.enter(Life::Dead);
    }

    /// Whether anything gets through on it.
    pub fn is_open(&self) -> bool {
        self.0.life() == Life::Open
    }

    /// The port it was called on.
    pub(crate) fn server(&self) -> u16 {
        self.0.server
    }
}

/// Refusals that end at a virtual time. Does not keep the servers alive.
pub struct Outages {
    registry: Weak<Registry>,
    ends: Mutex<Vec<(u16, Timestamp)>>,
}

impl Outages {
    /// Refuses connections to `port` until the clock shows `end`.
    pub(crate) fn begin(&self, port: u16, end: Timestamp) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push((port, end));
        self.refuse(port, true);
    }

    fn refuse(&self, port: u16, refuse: bool) {
        let Some(registry) = self.registry.upgrade() else { return };
        if let Err(error) = registry.refuse(port, refuse) {
            tracing::error!(%error, port, refuse, "refusal");
        }
    }
}

/// Nobody acts between two stops of the clock, so looking at each is exact.
impl Advance for Outages {
    fn advance_to(&self, now: Timestamp) {
        let over: Vec<u16> = {
            let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            let over: Vec<u16> = ends.extract_if(.., |(_, end)| *end <= now).map(|(port, _)| port).collect();
            over.into_iter().filter(|port| ends.iter().all(|(other, _)| other != port)).collect()
        };
        for port in over {
            self.refuse(port, false);
        }
    }
}
